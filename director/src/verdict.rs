//! What goes into a shard and what comes out: frames and verdicts.

use std::net::IpAddr;

use model::DropReason;

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
        length: usize,
    },
    /// A neighbour asks for a virtual address: hand a copy to the kernel, which learns from it where the neighbour is, and
    /// answer with [`Shard::answer_neighbor`](crate::Shard::answer_neighbor). The frame is unchanged.
    AnswerNeighbor,
    /// Hand to the kernel twin of the port it came from, unchanged.
    Kernel,
    /// Hand to the shard that owns the client, unchanged.
    HandOver {
        /// That shard.
        shard: usize,
    },
    /// Keep, have the MAC address of `address` on the link of `port` resolved, and process again; the frame and
    /// all state are unchanged.
    Hold {
        /// The port that leads to the next hop.
        port: PortIndex,
        /// The next hop.
        address: IpAddr,
    },
    /// Drop and count.
    Drop(DropReason),
}
