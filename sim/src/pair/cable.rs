//! The failover cable: two lines of bytes at the speed of the ports, noise on them, and plugs that can be pulled.

use std::collections::VecDeque;
use std::time::Duration;

use failover_serial::{Lines, cable_status};
use fastrand::Rng;
use model::{CableStatus, Instant};

/// One cable. Unit 0 has the primary's end.
pub(crate) struct Cable {
    random: Rng,
    byte: Duration,
    plugged: [bool; 2],
    /// Parts of 1 of all bytes that are changed or lost.
    noise: f64,
    /// What is on its way to each unit: when each byte is there.
    lines: [VecDeque<(Instant, u8)>; 2],
    free_at: [Instant; 2],
    /// When a byte was lost or changed.
    pub(crate) disturbed_at: Instant,
}

impl Cable {
    pub(crate) fn new(random: Rng, baud: u32) -> Self {
        Self {
            random,
            // A start bit, eight bits, a stop bit.
            byte: Duration::from_secs(10) / baud,
            plugged: [true; 2],
            noise: 0.0,
            lines: Default::default(),
            free_at: [Instant::START; 2],
            disturbed_at: Instant::START,
        }
    }

    pub(crate) fn plug(&mut self, now: Instant, unit: usize, is_plugged: bool) {
        self.plugged[unit] = is_plugged;
        self.forget(now);
    }

    pub(crate) const fn set_noise(&mut self, noise: f64) {
        self.noise = noise;
    }

    pub(crate) fn heal(&mut self) {
        (self.plugged, self.noise) = ([true; 2], 0.0);
    }

    /// Whether all that is sent arrives.
    pub(crate) fn is_whole(&self) -> bool {
        self.plugged == [true; 2] && self.noise == 0.0
    }

    /// All that is under way is lost.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.lines.iter_mut().for_each(VecDeque::clear);
        (self.free_at, self.disturbed_at) = ([now; 2], now);
    }

    /// Unit `from` writes to its port.
    pub(crate) fn send(&mut self, now: Instant, from: usize, bytes: &[u8]) {
        let to = 1 - from;
        let mut at = self.free_at[to].max(now);
        for &byte in bytes {
            at = at + self.byte;
            let is_disturbed = self.noise > 0.0 && self.random.f64() < self.noise;
            if is_disturbed || self.plugged != [true; 2] {
                self.disturbed_at = now;
            }
            if self.plugged != [true; 2] || is_disturbed && self.random.bool() {
                continue;
            }
            let byte = if is_disturbed { byte ^ 1 << self.random.u8(0..8) } else { byte };
            self.lines[to].push_back((at, byte));
        }
        self.free_at[to] = at;
    }

    /// What has arrived at the port of unit `to`.
    pub(crate) fn receive(&mut self, now: Instant, to: usize) -> Vec<u8> {
        let line = &mut self.lines[to];
        let count = line.iter().take_while(|(at, _)| *at <= now).count();
        line.drain(..count).map(|(_, byte)| byte).collect()
    }

    /// What the lines of the port of `unit` say.
    pub(crate) fn status(&self, unit: usize, runs_there: bool) -> CableStatus {
        let (here, there) = (self.plugged[unit], self.plugged[1 - unit]);
        cable_status(Lines {
            cts: here && unit == 0,
            ri: here && unit == 1,
            dsr: here && there && runs_there,
            dcd: here && !there,
        })
    }
}
