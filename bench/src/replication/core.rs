//! A replication core as the appliance runs it, without the shards: the protocol and its socket.

use std::time::{self, Duration};

use appliance::{Path, RECEIVED_BYTES};
use model::{Instant, UnitState};
use replication::{PairKey, Replicator, Settings};

use crate::clock;
use crate::load::order::Random;

/// Datagrams received before the next thing has its turn.
const DATAGRAMS_AT_ONCE: usize = 64;

/// What both units have, and nobody guesses: there is nobody.
const KEY: [u8; 32] = [7; 32];

/// How long is waited for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The protocol and its socket.
pub(super) struct Core<'a> {
    pub(super) replicator: Replicator,
    path: &'a mut Path,
    started: time::Instant,
    /// Of 1,000 datagrams so many are lost.
    lost_per_mille: u32,
    random: Random,
    buffer: Vec<u8>,
    datagram: Vec<u8>,
}

impl<'a> Core<'a> {
    pub(super) fn new(path: &'a mut Path, state: UnitState, lost_per_mille: u32) -> Self {
        let settings = Settings::new(PairKey::new(KEY), 1);
        let mut sessions = Random::new(1 + state as u64);
        Self {
            replicator: Replicator::new(settings, state, move || sessions.bits(), Instant::START),
            path,
            started: clock::now(),
            lost_per_mille,
            random: Random::new(3 + state as u64),
            buffer: vec![0; RECEIVED_BYTES],
            datagram: Vec::new(),
        }
    }

    /// Now, on a clock that starts with the core.
    pub(super) fn now(&self) -> Instant {
        Instant::START + self.started.elapsed()
    }

    /// Takes what came in. Returns whether there was anything.
    pub(super) fn receive(&mut self, now: Instant) -> bool {
        let mut received = 0;
        while received < DATAGRAMS_AT_ONCE
            && let Some(datagrams) = self.path.receive(&mut self.buffer)
        {
            for datagram in datagrams {
                self.replicator.receive(now, 0, datagram);
                received += 1;
            }
        }
        received > 0
    }

    /// Sends what is due. Returns whether there was anything.
    pub(super) fn transmit(&mut self, now: Instant) -> bool {
        let mut any = false;
        while self.replicator.poll_transmit(now, &mut self.datagram).is_some() {
            any = true;
            if self.lost_per_mille == 0 || self.random.below(1_000) >= self.lost_per_mille {
                self.path.send(&self.datagram);
            }
        }
        self.path.flush();
        any
    }
}
