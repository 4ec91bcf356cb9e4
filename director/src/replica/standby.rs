//! What becomes of a frame while the unit stands by: the kernel gets what is the unit's own. Nothing is forwarded, and
//! nothing is answered for virtual addresses; the rest is dropped, after it was watched where the unit watches.

use arrayvec::ArrayVec;
use model::limits::BATCH;
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
        let observes = self.core.observes();
        verdicts.clear();
        verdicts.extend(frames.iter().map(|frame| match packet::parse(frame.contiguous(), frame.length) {
            Ok(packet) => match self.core.classify_standby(frame, &packet) {
                STANDBY if observes => self.watch(frame.port, &packet.content),
                verdict => verdict,
            },
            Err(reason) => Verdict::Drop(reason),
        }));
    }
}

impl Core {
    fn observes(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.half_known.is_some())
    }

    fn classify_standby(&self, frame: &Frame<'_>, packet: &Packet) -> Verdict {
        let Ethernet { destination, vlan, .. } = packet.ethernet;
        let is_ours = destination == self.port(frame.port).mac;
        let is_wanted = match &packet.content {
            _ if !is_ours && !destination.is_group() => false,
            _ if vlan.is_some() => true,
            Content::Arp(arp) => !self.is_virtual(arp.target),
            Content::Ipv4(datagram) => {
                let address = datagram.destination;
                self.is_kernels(datagram, is_ours && !address.is_multicast() && !address.is_broadcast())
            }
            Content::Ipv6(datagram) => {
                self.is_kernels(datagram, is_ours && !datagram.destination.is_multicast())
            }
            Content::Other => true,
        };
        if is_wanted { Verdict::Kernel } else { STANDBY }
    }

    /// Whether an IP packet is the unit's own. `is_for_one` if it is for a single host: the kernel would route it.
    fn is_kernels<A: Address>(&self, datagram: &Datagram<A>, is_for_one: bool) -> bool {
        match datagram.transport {
            Transport::NeighborSolicitation { target } => !self.is_virtual(target),
            _ => !is_for_one || self.is_own(datagram.destination.into()),
        }
    }
}
