//! A session: a pair of fresh IDs, the keys made of them, and what the peer said under those.

use std::time::Duration;

use model::{Instant, UnitState};

use crate::path_set::PathSet;
use crate::seal::Channel;
use crate::status::PeerStatus;
use crate::wire::{Hello, Kind};

/// The connection with the peer.
pub(super) struct Session {
    pub(super) channel: Channel,
    /// The lower of both units' versions.
    pub(super) version: u8,
    /// The lower of what both units send.
    pub(super) datagram_bytes: usize,
    pub(super) since: Instant,
    pub(super) heard: Instant,
    pub(super) peer_state: UnitState,
    pub(super) peer: PeerStatus,
    /// The counters of the newest status and acknowledgement: older ones that arrive late say nothing.
    pub(super) newest_status: u64,
    pub(super) newest_acknowledgement: u64,
    pub(super) next_status: Instant,
    pub(super) status_due: PathSet,
}

impl Session {
    /// A session that begins, with a peer that said `hello`.
    pub(super) fn new(
        channel: Channel,
        hello: Hello,
        now: Instant,
        version: u8,
        datagram_bytes: usize,
    ) -> Self {
        Self {
            channel,
            version: version.min(hello.version),
            datagram_bytes: datagram_bytes
                .min(usize::from(hello.datagram_bytes))
                .max(crate::settings::DATAGRAM_BYTES_LEAST),
            since: now,
            heard: now,
            peer_state: hello.state,
            peer: PeerStatus::default(),
            newest_status: 0,
            newest_acknowledgement: 0,
            next_status: now,
            status_due: PathSet::default(),
        }
    }

    /// Makes `datagram` one of this session.
    pub(super) fn seal(&mut self, kind: Kind, datagram: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.channel.sealing.seal(self.version, kind, datagram, write);
    }

    /// Has a status sent at once.
    pub(super) const fn tell_status(&mut self, now: Instant) {
        self.next_status = now;
    }

    pub(super) fn advance(&mut self, now: Instant, interval: Duration, paths: usize) {
        if self.next_status <= now {
            self.status_due = PathSet::first(paths);
            self.next_status = now + interval;
        }
    }

    pub(super) fn deadline(&self, silence: Duration) -> Instant {
        self.next_status.min(self.heard + silence)
    }
}
