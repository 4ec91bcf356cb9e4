//! What goes wrong, and what operators do.

use std::collections::VecDeque;
use std::time::Duration;

use failover::Command;
use fastrand::Rng;
use model::Instant;

use super::world::World;
use crate::servers::PATHS;

/// Upsets that are remembered.
const PAST: usize = 40;

/// After so long the next upset comes, whatever the last one did.
const PATIENCE: Duration = Duration::from_millis(800);

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Upset {
    /// The unit dies, and starts again after a while.
    Crash(usize),
    /// Nothing of the unit moves.
    Stall(usize),
    /// Its workers do not.
    StallWorkers(usize),
    /// A path brings nothing to these units.
    Cut(usize, [bool; 2]),
    /// A path loses this part of all.
    Lose(usize, f64),
    /// The unit's plug is pulled.
    Unplug(usize),
    /// So much noise on the cable.
    Noise(f64),
    /// All ways are cut.
    Split,
    /// The unit does not reach a target any more.
    Unreach(usize, usize),
    Command(usize, Command),
    /// Something to mirror.
    Message(usize, usize),
}

/// What ends it.
#[derive(Clone, Copy, Debug)]
enum End {
    Start(usize),
    Mend(usize),
    MendCable,
    MendAll,
    Reach(usize, usize),
}

/// What is under way.
pub(crate) struct Upsets {
    next_at: Instant,
    last_at: Instant,
    ends: Vec<(Instant, End)>,
    past: VecDeque<String>,
}

impl Upsets {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { next_at: now, last_at: now, ends: Vec::new(), past: VecDeque::new() }
    }

    /// Whether anything is broken.
    pub(crate) fn is_under_way(&self) -> bool {
        self.ends.iter().any(|(_, end)| !matches!(end, End::Reach(..)))
    }

    pub(crate) fn past(&self) -> impl Iterator<Item = &String> {
        self.past.iter()
    }

    fn remember(&mut self, what: String) {
        if self.past.len() == PAST {
            self.past.pop_front();
        }
        self.past.push_back(what);
    }
}

/// Lengths from a few to so many milliseconds.
fn milliseconds(random: &mut Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_micros(random.u64(range.start * 1_000..range.end * 1_000))
}

impl World {
    /// Chance has its turn.
    pub(crate) fn upset(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.upsets.ends.iter().filter(|(at, _)| *at <= now).map(|(_, end)| *end).collect();
        self.upsets.ends.retain(|(at, _)| *at > now);
        due.into_iter().for_each(|end| self.end(end));
        if now < self.upsets.next_at {
            return;
        }
        let is_in_order = self.roles().is_some() && !self.upsets.is_under_way();
        let is_ready = if self.plan.is_clear { self.is_whole() } else { is_in_order };
        if self.plan.is_gentle && !is_ready && now.since(self.upsets.last_at) < PATIENCE {
            return;
        }
        let longest = if self.plan.is_gentle { 60 } else { 250 };
        self.upsets.next_at = now + milliseconds(&mut self.random, 1..longest);
        self.upsets.last_at = now;
        if let Some(upset) = self.choose() {
            let text = format!("{:>10.4?} {upset:?}", Duration::from_nanos(now.as_nanos()));
            self.upsets.remember(text);
            self.begin(upset);
        }
    }

    fn choose(&mut self) -> Option<Upset> {
        let random = &mut self.random;
        let (unit, path) = (random.usize(..2), random.usize(..PATHS));
        Some(match random.u8(0..32) {
            0..5 => Upset::Crash(unit),
            5..12 => Upset::Stall(unit),
            12 => Upset::StallWorkers(unit),
            13..16 => Upset::Cut(path, [[true, true], [true, false], [false, true]][random.usize(..3)]),
            16 => Upset::Lose(path, 0.2 + 0.8 * random.f64()),
            17..19 => Upset::Unplug(unit),
            19 => Upset::Noise(0.1 * random.f64()),
            20..22 => Upset::Split,
            22..24 => Upset::Unreach(unit, random.usize(..self.plan.targets.max(1))),
            24..30 => {
                let force = random.u8(0..10) == 0;
                let commands = [Command::Active { force }, Command::StandBy { force }];
                Upset::Command(unit, commands[random.usize(..2)])
            }
            30 => Upset::Command(unit, Command::Reset),
            _ => Upset::Message(unit, random.usize(1..900)),
        })
    }

    fn begin(&mut self, upset: Upset) {
        match upset {
            Upset::Crash(unit) => self.crash(unit),
            Upset::Stall(unit) => self.stall(unit),
            Upset::StallWorkers(unit) => self.stall_workers(unit),
            Upset::Cut(path, cuts) => {
                self.happen("the cut of a path", path, 20..500, End::Mend(path));
                self.ways.network.cuts[path] = cuts;
                self.summary.cuts += 1;
            }
            Upset::Lose(path, part) => {
                self.happen("a path that loses", path, 20..300, End::Mend(path));
                self.ways.network.losses[path] = part;
                self.summary.cuts += 1;
            }
            Upset::Unplug(_) | Upset::Noise(_) => self.disturb_cable(upset),
            Upset::Split => self.split(),
            Upset::Unreach(unit, target) => {
                let member = self.members[unit].as_mut();
                if let Some(reach) = member.and_then(|member| member.reach.get_mut(target)) {
                    *reach = false;
                    let at = self.now + milliseconds(&mut self.random, 50..600);
                    self.upsets.ends.push((at, End::Reach(unit, target)));
                }
            }
            Upset::Command(unit, command) => {
                self.command(unit, command);
            }
            Upset::Message(unit, bytes) => {
                if let Some(member) = &mut self.members[unit] {
                    member.send_message(bytes);
                }
            }
        }
    }

    /// A failure begins, which ends by itself.
    fn happen(&mut self, what: &str, index: usize, length: std::ops::Range<u64>, end: End) {
        let kept = self.replicated();
        self.promise.begin(kept, &format!("{what} ({index})"));
        let at = self.now + milliseconds(&mut self.random, length);
        self.upsets.ends.push((at, end));
        self.whole_since = None;
    }

    fn crash(&mut self, unit: usize) {
        if self.members[unit].is_none() {
            return;
        }
        self.happen("the crash of a unit", unit, 5..400, End::Start(unit));
        self.members[unit] = None;
        self.has_tables[unit] = false;
        self.ways.network.forget(unit);
        // Its lines drop, and with them all that was in its port.
        if let Some(cable) = &mut self.ways.cable {
            cable.forget(self.now);
        }
        self.summary.crashes += 1;
    }

    fn stall(&mut self, unit: usize) {
        let kept = self.replicated();
        let Some(member) = &mut self.members[unit] else { return };
        let longest = [15, 40, 80, 200][self.random.usize(..4)];
        member.stalled_until = self.now + milliseconds(&mut self.random, 5..longest);
        self.promise.begin(kept, &format!("the stall of a unit ({unit})"));
        self.whole_since = None;
        self.summary.stalls += 1;
    }

    fn stall_workers(&mut self, unit: usize) {
        let kept = self.replicated();
        let Some(member) = &mut self.members[unit] else { return };
        member.workers_stalled_until = self.now + milliseconds(&mut self.random, 20..600);
        self.promise.begin(kept, &format!("the stall of workers ({unit})"));
        self.whole_since = None;
        self.summary.worker_stalls += 1;
    }

    fn disturb_cable(&mut self, upset: Upset) {
        if self.ways.cable.is_none() {
            return;
        }
        self.happen("a fault of the cable", 0, 20..500, End::MendCable);
        let Some(cable) = &mut self.ways.cable else { return };
        match upset {
            Upset::Unplug(unit) => cable.plug(self.now, unit, false),
            Upset::Noise(part) => cable.set_noise(part),
            _ => {}
        }
        self.summary.cuts += 1;
    }

    fn split(&mut self) {
        self.promise.void();
        self.whole_since = None;
        let at = self.now + milliseconds(&mut self.random, 20..400);
        self.upsets.ends.push((at, End::MendAll));
        self.ways.network.cuts = [[true; 2]; PATHS];
        if let Some(cable) = &mut self.ways.cable {
            cable.plug(self.now, 0, false);
        }
        self.summary.splits += 1;
    }

    fn end(&mut self, end: End) {
        match end {
            End::Start(unit) => {
                if self.members[unit].is_none() {
                    self.start(unit);
                }
            }
            End::Mend(path) => {
                self.ways.network.cuts[path] = [false; 2];
                self.ways.network.losses[path] = 0.0;
            }
            End::MendCable => self.mend_cable(),
            End::MendAll => {
                self.ways.network.cuts = [[false; 2]; PATHS];
                self.mend_cable();
            }
            End::Reach(unit, target) => {
                let member = self.members[unit].as_mut();
                if let Some(reach) = member.and_then(|member| member.reach.get_mut(target)) {
                    *reach = true;
                }
            }
        }
    }

    fn mend_cable(&mut self) {
        if let Some(cable) = &mut self.ways.cable {
            cable.heal();
        }
    }

    /// All is well from now on.
    pub(super) fn end_upsets(&mut self) {
        let ends = std::mem::take(&mut self.upsets.ends);
        ends.into_iter().for_each(|(_, end)| self.end(end));
        self.ways.network.heal();
        self.mend_cable();
        for member in self.members.iter_mut().flatten() {
            member.stalled_until = member.stalled_until.min(self.now);
            member.workers_stalled_until = member.workers_stalled_until.min(self.now);
        }
    }
}
