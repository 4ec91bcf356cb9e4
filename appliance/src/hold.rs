//! Packets that wait until the MAC address of their next hop is known.

use std::collections::VecDeque;
use std::net::IpAddr;

use director::PortIndex;
use model::Instant;
use model::limits::{HOLD, HOLD_PER_NEXT_HOP};

use crate::rings::Packet;

/// A next hop: an address on the link of a port.
pub(crate) type NextHopKey = (PortIndex, IpAddr);

/// A bounded queue of packets, each with the time at which it is given up. No next hop gets more than a few places: one
/// that is dead must not keep others from theirs.
pub(crate) struct Hold(VecDeque<Held>);

struct Held {
    packet: Packet,
    next_hop: NextHopKey,
    until: Instant,
}

impl Hold {
    /// An empty queue; its memory is reserved here, once.
    pub(crate) fn with_capacity() -> Self {
        Self(VecDeque::with_capacity(HOLD))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps a packet, or hands it back when there is no place for it.
    pub(crate) fn push(
        &mut self,
        packet: Packet,
        next_hop: NextHopKey,
        until: Instant,
    ) -> Result<(), Packet> {
        let waiting = self.0.iter().filter(|held| held.next_hop == next_hop).count();
        if self.0.len() == HOLD || waiting >= HOLD_PER_NEXT_HOP {
            return Err(packet);
        }
        self.0.push_back(Held { packet, next_hop, until });
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Option<(Packet, Instant)> {
        self.0.pop_front().map(|held| (held.packet, held.until))
    }
}
