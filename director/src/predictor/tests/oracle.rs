//! The tournaments against the plain lists, through all that may happen.

use std::time::Duration;

use super::plain::Plain;
use super::*;

const REALS: usize = 7;

/// Each predictor twice.
const SERVERS: [Predictor; 14] = [
    Predictor::LeastConnections,
    Predictor::WeightedLeastConnections,
    Predictor::Fastest,
    Predictor::RoundRobin,
    Predictor::WeightedRoundRobin,
    Predictor::SourceHash,
    Predictor::Maglev,
    Predictor::LeastConnections,
    Predictor::WeightedLeastConnections,
    Predictor::Fastest,
    Predictor::RoundRobin,
    Predictor::WeightedRoundRobin,
    Predictor::SourceHash,
    Predictor::Maglev,
];

/// What the servers are.
#[derive(Clone, Debug)]
struct Servers {
    weights: [u16; REALS],
    /// By virtual server, a bit for each real server.
    bound: [u8; SERVERS.len()],
}

impl Servers {
    /// Some real servers have a slow start.
    fn configuration(&self) -> Configuration {
        let mut draft = draft(&SERVERS, &self.weights, |server, real| self.bound[server] >> real & 1 == 1);
        for (real, seconds) in [(0, 1), (1, 4), (2, 30)] {
            draft.real_servers[real].slow_start_s = seconds;
        }
        draft.build().unwrap()
    }
}

/// What may happen to predictors.
#[derive(Clone, Debug)]
enum Event {
    /// A client's connection by the best binding of a virtual server, or by the best but one, where the best is not free.
    Begin(usize, bool, u64),
    /// One of the connections ends.
    End(prop::sample::Index),
    /// One of the connections is answered by its real server.
    Answer(prop::sample::Index),
    /// The SYN of one of the connections is sent again.
    Resend(prop::sample::Index),
    /// A real server's standing changes.
    Standing(usize, Standing),
    /// A binding is opened or closed.
    Open(prop::sample::Index, bool),
    /// A real server comes into service.
    Join(usize),
    /// Time passes.
    Pass(Duration),
    /// Other bindings and weights.
    Reconfigure(Servers),
}

fn servers() -> impl Strategy<Value = Servers> {
    let weights = prop::array::uniform7(prop_oneof![1..5_u16, 1..=1_000_u16]);
    (weights, prop::array::uniform14(any::<u8>())).prop_map(|(weights, bound)| Servers { weights, bound })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let standing = prop_oneof![
        4 => Just(Standing::Reachable),
        1 => Just(Standing::Awaited),
        1 => Just(Standing::Unreachable),
        1 => Just(Standing::OutOfService),
    ];
    let passed = prop_oneof![
        4 => 0..5_000_u64,
        4 => 0..300_000_u64,
        2 => 0..3_000_000_u64,
        1 => 0..30_000_000_u64,
    ];
    let which = any::<prop::sample::Index>;
    let event = prop_oneof![
        64 => (0..SERVERS.len(), prop::bool::weighted(0.1), any::<u64>())
            .prop_map(|(server, second, client)| Event::Begin(server, second, client)),
        24 => which().prop_map(Event::End),
        24 => which().prop_map(Event::Answer),
        4 => which().prop_map(Event::Resend),
        16 => (0..REALS, standing).prop_map(|(real, standing)| Event::Standing(real, standing)),
        8 => (which(), any::<bool>()).prop_map(|(binding, is_open)| Event::Open(binding, is_open)),
        4 => (0..REALS).prop_map(Event::Join),
        32 => passed.prop_map(|microseconds| Event::Pass(Duration::from_micros(microseconds))),
        1 => servers().prop_map(Event::Reconfigure),
    ];
    prop::collection::vec(event, 1..300)
}

/// Both, and the connections that there are: what stands for each, and its binding.
struct Pair {
    ours: Predictors,
    plain: Plain,
    live: Vec<(u64, usize)>,
    begun: u64,
}

impl Pair {
    fn new(configuration: Configuration) -> Self {
        let ours = Predictors::new(&configuration, 0);
        Self { ours, plain: Plain::new(configuration), live: Vec::new(), begun: 0 }
    }

    fn one_of(&self, which: prop::sample::Index) -> Option<(u64, usize)> {
        (!self.live.is_empty()).then(|| self.live[which.index(self.live.len())])
    }

    fn see(&mut self, event: Event) -> Result<(), TestCaseError> {
        match event {
            Event::Begin(server, second, client) => self.begin(server, second, client)?,
            Event::End(which) if !self.live.is_empty() => {
                let (_, binding) = self.live.swap_remove(which.index(self.live.len()));
                self.ours.release(binding);
                let real = self.plain.ends(binding).1;
                self.plain.reals[real].connections -= 1;
            }
            Event::End(_) => {}
            Event::Answer(which) => {
                if let Some((token, binding)) = self.one_of(which) {
                    self.ours.note_answer(binding, token, self.plain.now);
                    self.plain.note_answer(binding, token);
                }
            }
            Event::Resend(which) => {
                if let Some((token, binding)) = self.one_of(which) {
                    self.ours.note_resent(binding, token);
                    self.plain.note_resent(binding, token);
                }
            }
            Event::Standing(real, standing) => {
                self.ours.set_standing(real, standing);
                self.plain.set_standing(real, standing);
            }
            Event::Open(which, is_open) => {
                let count = self.plain.configuration.bindings().len();
                if count > 0 {
                    let binding = which.index(count);
                    self.ours.set_open(binding, is_open);
                    self.plain.set_open(binding, is_open);
                }
            }
            Event::Join(real) => {
                self.ours.join(real, self.plain.now);
                self.plain.join(real);
            }
            Event::Pass(passed) => {
                self.plain.advance(passed);
                self.ours.advance(self.plain.now);
            }
            Event::Reconfigure(servers) => self.reconfigure(servers.configuration()),
        }
        Ok(())
    }

    fn begin(&mut self, server: usize, second: bool, client: u64) -> Result<(), TestCaseError> {
        let Self { ours, plain, .. } = self;
        let best = plain.pick(server, client, |_| true);
        prop_assert_eq!(ours.pick(server, client), best);
        let is_reachable = |binding| plain.standing(binding) == Standing::Reachable;
        let other = plain.pick(server, client, |binding| is_reachable(binding) && Some(binding) != best);
        prop_assert_eq!(ours.pick_among(server, client, |binding| Some(binding) != best), other);
        let chosen = if second { other } else { best.filter(|&binding| is_reachable(binding)) };
        if let Some(binding) = chosen {
            ours.commit(binding);
            plain.commit(binding);
            ours.note_syn(binding, self.begun, plain.now);
            plain.note_syn(binding, self.begun);
            self.live.push((self.begun, binding));
            self.begun += 1;
        }
        Ok(())
    }

    /// Connections of bindings that are gone are gone.
    fn reconfigure(&mut self, configuration: Configuration) {
        let standings: Vec<_> = self.ours.reals.iter().map(|real| real.standing).collect();
        let former: Vec<_> = (0..self.plain.configuration.bindings().len())
            .map(|binding| (self.plain.ends(binding), self.plain.is_open(binding)))
            .collect();
        let mut next = Predictors::new(&configuration, 0);
        self.plain.adopt(configuration);
        let plain = &mut self.plain;
        let stays = |&(token, binding): &(u64, usize)| {
            let (server, real) = former[binding].0;
            Some((token, plain.binding(server, real)?))
        };
        self.live = self.live.iter().filter_map(stays).collect();
        let same = |binding| former.iter().position(|&(ends, _)| ends == plain.ends(binding));
        let live = &self.live;
        let connections =
            |binding| u32::try_from(live.iter().filter(|&&(_, of)| of == binding).count()).unwrap();
        next.adopt(&self.ours, same, connections);
        self.ours = next;
        for real in &mut plain.reals {
            real.connections = 0;
        }
        for &(_, binding) in &self.live {
            let real = plain.ends(binding).1;
            plain.reals[real].connections += 1;
        }
        for (real, standing) in standings.into_iter().enumerate() {
            self.ours.set_standing(real, standing);
            plain.set_standing(real, standing);
        }
        for ((server, real), is_open) in former {
            if let Some(binding) = plain.binding(server, real) {
                self.ours.set_open(binding, is_open);
                plain.set_open(binding, is_open);
            }
        }
    }
}

proptest! {
    #[test]
    fn tournaments_choose_as_a_search_of_all_does(servers in servers(), events in events()) {
        let mut pair = Pair::new(servers.configuration());
        for event in events {
            pair.see(event)?;
        }
    }
}
