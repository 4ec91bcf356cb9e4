//! A pair that decides by itself: units with monitors, their links and cable, a switch, and all that can go wrong.
//!
//! Faults first, safety at every step; then all is healed, and the pair must come to one active unit and equal tables.

mod cable;
mod heal;
mod hearing;
mod lan;
mod member;
mod plan;
mod promise;
mod upsets;
mod ways;
mod world;

use std::time::Duration;

use crate::run::{Failure, Summary};
use world::World;

/// How long there are faults.
const FAULTY: Duration = Duration::from_millis(2_000);

/// Runs `seed`.
///
/// # Errors
///
/// What went wrong, if something did.
pub(crate) fn run(seed: u64) -> Result<Summary, Failure> {
    let mut world = World::new(seed)?;
    let end = world.now + FAULTY;
    while world.now < end {
        world.upset();
        world.step(true)?;
    }
    world.heal()
}
