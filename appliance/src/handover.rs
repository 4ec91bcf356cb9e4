//! Packets for a group that is changing units: kept while nobody forwards, so that a planned switch loses none.
//!
//! Neighbours and switches notice a moment late where a group is. What still comes here goes on to the other unit, as it
//! came: under the same destination address, by which a switch finds the other unit now, but from this unit's own, so
//! that no switch looks for the sender here.

use std::collections::VecDeque;
use std::time::Duration;

use dpdk::Mbuf;
use model::limits::HANDOVER;
use model::{Instant, MacAddress};

use crate::rings::Packet;

/// How long a packet is kept: longer than any switch takes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where an Ethernet frame says who it is from.
const SOURCE: std::ops::Range<usize> = 6..12;

/// A bounded queue of packets, each with its group.
pub(crate) struct Departures(VecDeque<Departure>);

/// A packet that waits for whoever forwards its group.
pub(crate) struct Departure {
    pub(crate) packet: Packet,
    pub(crate) group: usize,
    until: Instant,
}

impl Departures {
    /// An empty queue; its memory is reserved here, once.
    pub(crate) fn with_capacity() -> Self {
        Self(VecDeque::with_capacity(HANDOVER))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps a packet, or hands it back when there is no place for it.
    pub(crate) fn keep(&mut self, packet: Packet, group: usize, now: Instant) -> Result<(), Packet> {
        if self.0.len() == HANDOVER {
            return Err(packet);
        }
        self.0.push_back(Departure { packet, group, until: now + PATIENCE });
        Ok(())
    }

    /// Takes the packet that was kept first.
    pub(crate) fn take(&mut self) -> Option<Departure> {
        self.0.pop_front()
    }

    /// Keeps a packet on that was taken.
    pub(crate) fn put_back(&mut self, departure: Departure) {
        self.0.push_back(departure);
    }
}

impl Departure {
    /// Whether it has waited too long.
    pub(crate) fn is_too_old(&self, now: Instant) -> bool {
        now > self.until
    }
}

/// Makes a frame one from `station`, so that it can be sent on.
pub(crate) fn readdress(mbuf: &mut Mbuf, station: MacAddress) {
    if let Some(source) = mbuf.bytes_mut().get_mut(SOURCE) {
        source.copy_from_slice(&station.0);
    }
}

/// The station that a frame is from.
pub(crate) fn source(mbuf: &Mbuf) -> MacAddress {
    let source = mbuf.bytes().get(SOURCE).and_then(|bytes| bytes.first_chunk());
    source.copied().map(MacAddress).unwrap_or_default()
}

/// The station that a frame is for.
pub(crate) fn destination(mbuf: &Mbuf) -> MacAddress {
    mbuf.bytes().first_chunk().copied().map(MacAddress).unwrap_or_default()
}
