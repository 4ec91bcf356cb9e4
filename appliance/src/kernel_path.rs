//! The kernel path: what is for the unit's own addresses goes to the twin interfaces, what the kernel sends on them
//! goes out of the ports. It runs on the control core, so that its system calls never delay a worker.
//!
//! Of addresses that move with a failover group, the data path alone says where they are: what the kernel would say of
//! them with a twin's MAC address never leaves.

use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayVec;
use director::{Counter, PortIndex};
use dpdk::{Mbuf, Mempool, ReceiveQueue, TransmitQueue};
use model::MacAddress;
use model::limits::{BATCH, RECEIVE_BURST};
use packet::{Claim, build};

use crate::groups::{AddressConflicts, Groups};
use crate::platform;
use crate::rings::{Packet, WorkerRings};

/// A port's twin, seen from DPDK.
pub(crate) struct TwinQueues {
    pub(crate) receive: ReceiveQueue,
    pub(crate) transmit: TransmitQueue,
    pub(crate) waiting: ArrayVec<Mbuf, BATCH>,
}

/// What the kernel path counts.
#[derive(Debug, Default)]
pub struct KernelPathCounters {
    /// Packets that the twins took.
    pub delivered: Counter,
    /// Packets that the twins did not take.
    pub refused: Counter,
    /// Packets of the kernel for which the ring to the worker had no room.
    pub lost: Counter,
    /// Packets of the kernel that said where an address is which the data path speaks for.
    pub suppressed: Counter,
    /// Others that say they have an address of ours.
    pub conflicts: AddressConflicts,
}

/// Joins the workers' rings with the twins.
pub(crate) struct KernelPath {
    /// By `PortIndex`.
    pub(crate) twins: Vec<TwinQueues>,
    /// By worker. The first one transmits what the kernel sends.
    pub(crate) workers: Vec<WorkerRings>,
    pub(crate) pool: Mempool,
    pub(crate) speaker: Speaker,
    pub(crate) counters: Arc<KernelPathCounters>,
}

/// Knows who speaks for which address.
pub(crate) struct Speaker {
    pub(crate) groups: Arc<Groups>,
    /// By group.
    pub(crate) is_active: Vec<bool>,
}

/// What becomes of a frame of the kernel's.
#[derive(Debug, PartialEq, Eq)]
enum Speech {
    /// It leaves as it is.
    Own,
    /// This leaves in its place.
    Corrected(Vec<u8>),
    /// It is not the kernel's to say.
    Suppressed,
}

impl KernelPath {
    /// Moves what is there, both ways. Returns whether there was anything.
    pub(crate) fn round(&mut self) -> bool {
        let delivered = self.deliver();
        let sent = self.send();
        delivered || sent
    }

    /// Sends a frame that the unit made itself out of `port`. Returns whether there was room for it.
    pub(crate) fn transmit(&mut self, port: PortIndex, frame: &[u8]) -> bool {
        self.pool.copy_from(frame).is_some_and(|mbuf| self.workers[0].send(Packet { mbuf, port }).is_ok())
    }

    fn deliver(&mut self) -> bool {
        let mut any = false;
        for worker in &mut self.workers {
            for _ in 0..BATCH {
                let Some(mut packet) = worker.receive() else { break };
                any = true;
                self.speaker.listen(packet.port, packet.mbuf.bytes(), &self.counters.conflicts);
                self.speaker.address_to_twin(packet.port, packet.mbuf.bytes_mut());
                let twin = &mut self.twins[usize::from(packet.port.0)];
                if twin.waiting.is_full() {
                    twin.flush(&self.counters);
                }
                twin.waiting.push(packet.mbuf);
            }
        }
        for twin in &mut self.twins {
            twin.flush(&self.counters);
        }
        any
    }

    fn send(&mut self) -> bool {
        let mut any = false;
        let mut burst = ArrayVec::<Mbuf, RECEIVE_BURST>::new();
        for (port, twin) in (0..).map(PortIndex).zip(&mut self.twins) {
            twin.receive.receive(&mut burst, RECEIVE_BURST);
            for mbuf in burst.drain(..) {
                any = true;
                let said = match self.speaker.judge(port, mbuf.bytes()) {
                    Speech::Own => Some(mbuf),
                    Speech::Corrected(frame) => self.pool.copy_from(&frame),
                    Speech::Suppressed => {
                        self.counters.suppressed.add(1);
                        continue;
                    }
                };
                let sent = said.map(|mbuf| self.workers[0].send(Packet { mbuf, port }));
                if !matches!(sent, Some(Ok(()))) {
                    self.counters.lost.add(1);
                }
            }
        }
        any
    }
}

impl Speaker {
    /// A twin takes what is addressed to it: it knows nothing of the groups' MAC addresses.
    fn address_to_twin(&self, port: PortIndex, frame: &mut [u8]) {
        if let Some(destination) = frame.first_chunk_mut::<6>()
            && self.groups.with_mac(port, MacAddress(*destination)).is_some()
        {
            *destination = self.groups.unit_mac(port).0;
        }
    }

    /// Notices who else says that it has an address of a group that is active here.
    fn listen(&self, port: PortIndex, frame: &[u8], conflicts: &AddressConflicts) {
        let Some(Claim { address, mac, .. }) = Claim::read(frame) else { return };
        let Some(group) = self.active_with(port, address) else { return };
        let group = &self.groups.all()[group];
        if !group.has_mac(mac) && conflicts.note(platform::now(), port, address, mac) {
            log::warn!(
                "address conflict: {mac} on port {} says that it has {address}, which moves with the group {} and is here",
                self.groups.port_name(port),
                group.name
            );
        }
    }

    /// What becomes of a frame that the kernel sends on the twin of `port`.
    fn judge(&self, port: PortIndex, frame: &[u8]) -> Speech {
        let Some(Claim { address, asks_for, .. }) = Claim::read(frame) else { return Speech::Own };
        if self.groups.of_address(port, address).is_none() {
            return Speech::Own;
        }
        let mac = self.active_with(port, address).map(|group| self.groups.all()[group].mac(port));
        match (mac, address, asks_for.filter(|&target| target != address)) {
            // The kernel needs the answer: it is asked for in the name of the group.
            (Some(mac), IpAddr::V4(address), Some(IpAddr::V4(target))) => {
                Speech::Corrected(build::arp_request(mac, address, target))
            }
            (Some(mac), IpAddr::V6(address), Some(IpAddr::V6(target))) => {
                Speech::Corrected(build::neighbor_solicitation(mac, address, target))
            }
            _ => Speech::Suppressed,
        }
    }

    /// The group that an address moves with, if it is active here.
    fn active_with(&self, port: PortIndex, address: IpAddr) -> Option<usize> {
        self.groups.of_address(port, address).filter(|&group| self.is_active[group])
    }
}

impl TwinQueues {
    fn flush(&mut self, counters: &KernelPathCounters) {
        let sent = self.transmit.transmit(&mut self.waiting);
        counters.delivered.add(sent as u64);
        counters.refused.add(self.waiting.len() as u64);
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::tests::{GROUP_INSIDE, INSIDE, OUTSIDE, UNIT_INSIDE, two_groups};

    const OTHER: MacAddress = MacAddress([2, 9, 9, 9, 9, 9]);

    /// The first of two groups is active.
    fn speaker() -> Speaker {
        Speaker { groups: Arc::new(two_groups()), is_active: vec![true, false] }
    }

    fn v4(text: &str) -> std::net::Ipv4Addr {
        text.parse().unwrap()
    }

    fn v6(text: &str) -> std::net::Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn the_kernel_speaks_for_the_units_own_addresses_only() {
        let speaker = speaker();
        let arp = |address| build::arp_reply(UNIT_INSIDE, v4(address), OTHER, v4("10.1.0.11"));
        let ask = |sender, target| build::arp_request(UNIT_INSIDE, v4(sender), v4(target));
        let discover = |sender, target| build::neighbor_solicitation(UNIT_INSIDE, v6(sender), v6(target));
        let by_group =
            |sender, target| Speech::Corrected(build::arp_request(GROUP_INSIDE[0], v4(sender), v4(target)));
        let cases = [
            ("an answer for its own", arp("10.1.0.1"), Speech::Own),
            ("an answer for what is shared", arp("10.1.0.254"), Speech::Suppressed),
            ("an answer for a virtual address", arp("192.0.2.100"), Speech::Suppressed),
            ("an answer for what is shared elsewhere", arp("10.1.0.253"), Speech::Suppressed),
            ("a question", ask("10.1.0.1", "10.1.0.11"), Speech::Own),
            ("a question for what is shared elsewhere", ask("10.1.0.1", "10.1.0.253"), Speech::Own),
            (
                "a question as what is shared",
                ask("10.1.0.254", "10.1.0.11"),
                by_group("10.1.0.254", "10.1.0.11"),
            ),
            ("a question as what is shared elsewhere", ask("10.1.0.253", "10.1.0.11"), Speech::Suppressed),
            ("an announcement", build::gratuitous_arp(UNIT_INSIDE, v4("10.1.0.254")), Speech::Suppressed),
            (
                "an announcement by IPv6",
                build::unsolicited_neighbor_advertisement(UNIT_INSIDE, v6("fe80::254")),
                Speech::Suppressed,
            ),
            ("a question by IPv6", discover("2001:db8:2::1", "2001:db8:2::11"), Speech::Own),
            (
                "a question by IPv6 as what is shared",
                discover("fe80::254", "2001:db8:2::11"),
                Speech::Corrected(build::neighbor_solicitation(
                    GROUP_INSIDE[0],
                    v6("fe80::254"),
                    v6("2001:db8:2::11"),
                )),
            ),
            ("duplicate address detection", discover("::", "fe80::254"), Speech::Suppressed),
            ("anything else", vec![0; 60], Speech::Own),
        ];
        for (name, frame, expected) in cases {
            assert_eq!(speaker.judge(INSIDE, &frame), expected, "{name}");
        }
    }

    #[test]
    fn a_twin_gets_what_is_to_a_group() {
        let frame_to = |mac: MacAddress| [&mac.0[..], &[0; 54]].concat();
        for (port, to, expected) in [
            (INSIDE, GROUP_INSIDE[0], UNIT_INSIDE),
            (INSIDE, GROUP_INSIDE[1], UNIT_INSIDE),
            (INSIDE, UNIT_INSIDE, UNIT_INSIDE),
            (INSIDE, OTHER, OTHER),
            (INSIDE, MacAddress::BROADCAST, MacAddress::BROADCAST),
            (OUTSIDE, GROUP_INSIDE[0], GROUP_INSIDE[0]),
        ] {
            let mut frame = frame_to(to);
            speaker().address_to_twin(port, &mut frame);
            assert_eq!(frame, frame_to(expected));
        }
        speaker().address_to_twin(INSIDE, &mut [0; 3]);
    }

    #[test]
    fn whoever_else_has_an_address_of_ours_is_noticed() {
        let speaker = speaker();
        let conflicts = AddressConflicts::default();
        let noticed = |frame: Vec<u8>| {
            let before = conflicts.count();
            speaker.listen(INSIDE, &frame, &conflicts);
            conflicts.count() - before
        };
        assert_eq!(noticed(build::arp_reply(OTHER, v4("10.1.0.254"), UNIT_INSIDE, v4("10.1.0.1"))), 1);
        assert_eq!(noticed(build::gratuitous_arp(OTHER, v4("192.0.2.100"))), 1);
        assert_eq!(noticed(build::unsolicited_neighbor_advertisement(OTHER, v6("fe80::254"))), 1);
        assert_eq!(noticed(build::gratuitous_arp(GROUP_INSIDE[0], v4("10.1.0.254"))), 0, "the group itself");
        assert_eq!(noticed(build::gratuitous_arp(OTHER, v4("10.1.0.253"))), 0, "of a group that is not here");
        assert_eq!(noticed(build::arp_request(OTHER, v4("10.1.0.11"), v4("10.1.0.254"))), 0, "a question");
        let recent = conflicts.recent();
        assert_eq!(recent.len(), 3);
        assert_eq!((recent[0].address, recent[0].mac), ("10.1.0.254".parse().unwrap(), OTHER));
    }
}
