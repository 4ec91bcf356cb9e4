//! Two units, their links and cable, clients and a clock in one deterministic process: `--seeds 500` runs seeds 0 to 499 and stops at the
//! first that fails, `--seed 17` runs one. What fails once fails always.
#![forbid(unsafe_code)]

mod clients;
mod network;
mod pair;
mod run;
mod scripted;
mod servers;
mod unit;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use run::Summary;

/// Runs units through simulated faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// Run this seed only
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Run so many seeds, from 0 on
    #[arg(long, default_value_t = 500)]
    seeds: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seeds = match arguments.seed {
        Some(seed) => seed..seed + 1,
        None => 0..arguments.seeds,
    };
    let mut total = Summary::default();
    for seed in seeds.clone() {
        match run::run(seed) {
            Ok(summary) => total.add(&summary),
            Err(failure) => {
                eprintln!(
                    "seed {seed} failed after {:.3?} of simulated time: {}\nagain: cargo run -p sim -- --seed {seed}",
                    Duration::from_nanos(failure.at.as_nanos()),
                    failure.what
                );
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{} seeds are fine: {total}", seeds.count());
    ExitCode::SUCCESS
}

/// Seeds that failed once.
#[cfg(test)]
mod tests {
    use super::*;

    fn is_fine(seed: u64) {
        if let Err(failure) = run::run(seed) {
            panic!("seed {seed}: {}", failure.what);
        }
    }

    #[test]
    fn a_round_of_digests_that_was_told_to_nobody_is_told_again() {
        is_fine(11);
    }

    #[test]
    fn answers_that_a_change_of_state_swallowed_are_not_awaited_for_ever() {
        is_fine(63);
    }
}
