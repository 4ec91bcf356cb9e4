//! What becomes of a frame while the unit stands by, or is not sure that it is the only active one: the kernel gets what is the unit's own. Nothing is forwarded, and
//! nothing is answered for virtual addresses; the rest is dropped, after it was watched where the unit watches.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use model::limits::BATCH;
use model::{DropReason, UnitState};
use packet::{Address, Content, Datagram, Ethernet, Packet, Transport};

use super::watch::STANDBY;
use crate::shard::Core;
use crate::{Frame, Shard, Verdict};

impl Shard {
    /// Gives each of `frames` its verdict. All shards say the same, so that none is handed over but what is watched: that
    /// is for the shard that owns the client.
    #[cold]
    #[inline(never)]
    pub(crate) fn stand_by(&mut self, frames: &[Frame<'_>], verdicts: &mut ArrayVec<Verdict, BATCH>) {
        // One whose lease is over is still active: what it does not forward is nothing to learn from.
        let refused = match self.core.state {
            UnitState::Standby => STANDBY,
            UnitState::Active => Verdict::Drop(DropReason::LeaseOver),
        };
        let observes = refused == STANDBY && self.core.observes();
        verdicts.clear();
        verdicts.extend(frames.iter().map(|frame| match packet::parse(frame.contiguous(), frame.length) {
            Ok(packet) if self.core.is_wanted(frame, &packet) => Verdict::Kernel,
            Ok(packet) if observes => self.watch(frame.port, &packet.content),
            Ok(_) => refused,
            Err(reason) => Verdict::Drop(reason),
        }));
    }
}

impl Core {
    fn observes(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.half_known.is_some())
    }

    /// Whether a frame is for the unit itself, in whatever state it is.
    fn is_wanted(&self, frame: &Frame<'_>, packet: &Packet) -> bool {
        let Ethernet { destination, vlan, .. } = packet.ethernet;
        let is_ours = destination == self.port(frame.port).unit_mac;
        match &packet.content {
            _ if !is_ours && !destination.is_group() => false,
            _ if vlan.is_some() => true,
            Content::Arp(arp) => !self.moves(arp.target),
            Content::Ipv4(datagram) => {
                let address = datagram.destination;
                self.is_kernels(datagram, is_ours && !address.is_multicast() && !address.is_broadcast())
            }
            Content::Ipv6(datagram) => {
                self.is_kernels(datagram, is_ours && !datagram.destination.is_multicast())
            }
            Content::Other => true,
        }
    }

    /// Whether an IP packet is the unit's own. `is_for_one` if it is for a single host: the kernel would route it.
    fn is_kernels<A: Address>(&self, datagram: &Datagram<A>, is_for_one: bool) -> bool {
        match datagram.transport {
            Transport::NeighborSolicitation { target } => !self.moves(target),
            _ => !is_for_one || self.is_units(datagram.destination.into()),
        }
    }

    /// Whether the address is where the group is active.
    fn moves(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        self.is_virtual(address) || self.is_shared(address)
    }
}
