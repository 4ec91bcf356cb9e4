//! What goes into a shard and what comes out: frames and verdicts.

use model::DropReason;
use packet::{Address, Datagram};

use crate::PortIndex;

/// A received frame as a shard sees it.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The frame's first contiguous bytes; all headers are in them.
    pub bytes: &'a mut [u8],
    /// Bytes of the whole frame; more than `bytes` has where the frame is chained.
    pub length: usize,
    /// The port that it was received on.
    pub port: PortIndex,
}

impl Frame<'_> {
    /// The bytes that are there, and no more of them than the frame has.
    #[inline(always)]
    pub(crate) fn contiguous(&self) -> &[u8] {
        &self.bytes[..self.length.min(self.bytes.len())]
    }

    /// The frame's IP packet, parsed thoroughly; `None` if there is none of this version.
    pub(crate) fn datagram<A: Address>(&self) -> Option<Datagram<A>> {
        A::datagram_of(packet::parse(self.contiguous(), self.length).ok()?.content)
    }
}

/// What is to be done with a frame. Each frame gets exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Transmit on `port`; the frame was rewritten where it had to be.
    Forward {
        /// The output port.
        port: PortIndex,
    },
    /// Transmit on `port` unchanged, and hand a copy to the kernel twin of the port it came from: a bridged frame for a
    /// group of stations, of which the unit may be one.
    Flood {
        /// The output port.
        port: PortIndex,
    },
    /// Transmit on the port it came from: the frame was rewritten into a reply.
    Answer {
        /// Bytes of the reply.
        length: u32,
    },
    /// A neighbour asks for a virtual or shared address: hand a copy to the kernel, which learns from it where the neighbour is, and
    /// answer with [`Shard::answer_neighbor`](crate::Shard::answer_neighbor). The frame is unchanged.
    AnswerNeighbor,
    /// Hand to the kernel twin of the port it came from, unchanged.
    Kernel,
    /// Hand to the shard that owns the client, unchanged.
    HandOver {
        /// That shard.
        shard: u16,
    },
    /// Keep, have the MAC address of a next hop resolved, and process again; the frame and all state are unchanged.
    Hold {
        /// Which next hop: see [`Shard::awaited`](crate::Shard::awaited).
        awaited: u8,
    },
    /// Drop and count.
    Drop(DropReason),
}

impl Verdict {
    /// A reply of so many bytes.
    pub(crate) fn answer(length: usize) -> Self {
        // An IP packet has less than 64 KiB.
        Self::Answer { length: u32::try_from(length).unwrap_or(u32::MAX) }
    }
}

/// A verdict is returned in a register: larger ones were seen to cost a third of the time that a packet takes, as they
/// are put together in memory byte by byte and then read as a whole.
const _: () = assert!(size_of::<Verdict>() <= 8);
