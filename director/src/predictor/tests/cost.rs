//! What a choice costs. It says nothing of right and wrong, and is run by hand:
//!
//! ```sh
//! cargo test --release -p director -- --ignored --nocapture what_a
//! ```

use std::hint::black_box;
use std::time::Instant as Clock;

use super::*;

const FEW: u16 = 4;
const MANY: u16 = 1_000;

/// Connections that live at a time.
const LIVE: u64 = 16_000;
const CHOICES: u32 = 20_000;
const ROUNDS: usize = 150;

const ALL: [Predictor; 7] = [
    Predictor::LeastConnections,
    Predictor::WeightedLeastConnections,
    Predictor::Fastest,
    Predictor::RoundRobin,
    Predictor::WeightedRoundRobin,
    Predictor::SourceHash,
    Predictor::Maglev,
];

/// Connections that begin and end, as many of each.
struct Lives {
    predictors: Predictors,
    live: Vec<u16>,
    state: u64,
}

impl Lives {
    fn new(predictor: Predictor, reals: u16) -> Self {
        let weights: Vec<_> = (0..reals).map(|real| 1 + real % 7).collect();
        let mut lives = Self { predictors: one(predictor, &weights), live: Vec::new(), state: 1 };
        for token in 0..LIVE {
            let binding = lives.begin();
            lives.live.push(u16::try_from(binding).unwrap());
            let at = Instant::from_millis(1);
            lives.predictors.note_syn(binding, token, at);
            lives.predictors.note_answer(
                binding,
                token,
                at + std::time::Duration::from_micros(100 + token % 50),
            );
        }
        lives
    }

    fn random(&mut self) -> u32 {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        u32::try_from(self.state >> 32).unwrap()
    }

    fn begin(&mut self) -> usize {
        let client = std::net::Ipv4Addr::from(self.random());
        let client = self.predictors.client(client);
        let binding = self.predictors.pick(0, client).unwrap();
        self.predictors.commit(binding);
        binding
    }

    /// Nanoseconds of a connection: chosen, committed, and another one released.
    #[expect(clippy::disallowed_methods, reason = "it is measured by hand")]
    fn nanoseconds(&mut self) -> f64 {
        let begin = Clock::now();
        for _ in 0..CHOICES {
            let binding = self.begin();
            let place = self.random() as usize % self.live.len();
            let ended = std::mem::replace(&mut self.live[place], u16::try_from(binding).unwrap());
            self.predictors.release(usize::from(ended));
        }
        black_box(&self.live);
        begin.elapsed().as_nanos() as f64 / f64::from(CHOICES)
    }
}

/// What the control thread pays for a table, once for each virtual server whose real servers change.
#[test]
#[ignore = "it measures time"]
#[expect(clippy::disallowed_methods, reason = "it is measured by hand")]
fn what_a_table_costs() {
    for predictor in [Predictor::SourceHash, Predictor::Maglev] {
        for reals in [4, 160, 1_000] {
            let configuration = configuration(&[predictor], &vec![1; reals], |_, _| true);
            let begin = Clock::now();
            black_box(configuration.client_table(0));
            println!("{predictor:?} of {reals}: {:?}", begin.elapsed());
        }
    }
}

/// Both sides in turns, so that what else the machine does meets both; the least of each counts.
#[test]
#[ignore = "it measures time"]
fn what_a_choice_costs() {
    println!("{:26} {FEW:>8} {MANY:>8}  ratio", "nanoseconds among");
    for predictor in ALL {
        let (mut few, mut many) = (Lives::new(predictor, FEW), Lives::new(predictor, MANY));
        let (mut of_few, mut of_many) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            of_few = of_few.min(few.nanoseconds());
            of_many = of_many.min(many.nanoseconds());
        }
        println!("{:26} {of_few:8.1} {of_many:8.1}  {:5.2}", format!("{predictor:?}"), of_many / of_few);
    }
}
