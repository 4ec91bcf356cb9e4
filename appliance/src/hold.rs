//! Packets that wait until the MAC address of their next hop is known.

use std::collections::VecDeque;

use model::Instant;
use model::limits::HOLD;

use crate::rings::Packet;

/// A bounded queue of packets, each with the time at which it is given up.
pub(crate) struct Hold(VecDeque<(Packet, Instant)>);

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

    /// Keeps a packet, or hands it back when the queue is full.
    pub(crate) fn push(&mut self, packet: Packet, until: Instant) -> Result<(), Packet> {
        if self.0.len() == HOLD {
            return Err(packet);
        }
        self.0.push_back((packet, until));
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Option<(Packet, Instant)> {
        self.0.pop_front()
    }
}
