//! Telling the neighbours that addresses are here: gratuitous ARP (RFC 5227 section 3) and unsolicited neighbour
//! advertisements (RFC 4861 section 7.2.6).

use std::net::IpAddr;
use std::time::Duration;

use director::{Port, PortIndex};
use model::{Instant, MacAddress};
use packet::build;

use crate::groups::Group;
use crate::kernel_path::KernelPath;

/// The pauses between announcements, which are repeated: any one may be lost, and a late frame of the unit that was active
/// before may have led switches back to that.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(1)];

/// Announcements in one go: few enough that the ring to the worker, which the kernel uses as well, never fills.
const AT_ONCE: usize = 32;

/// Announces addresses a few times.
pub(crate) struct Announcer {
    frames: Vec<(PortIndex, Vec<u8>)>,
    /// The next frame of this round.
    next: usize,
    /// How many rounds were made; past the last pause, all.
    rounds: usize,
    round_at: Instant,
}

/// The rounds that are made in all.
const ROUNDS: usize = PAUSES.len() + 1;

impl Announcer {
    /// Announces each port's own addresses there, from now on.
    pub(crate) fn of_unit(ports: &[Port], now: Instant) -> Self {
        let of_port = |port: &Port| frames(port.unit_mac, &port.addresses);
        Self { rounds: 0, round_at: now, ..Self::silent(ports.iter().map(of_port)) }
    }

    /// Announces what moves with a group where neighbours are to know of it, once it is told to
    /// [begin](Self::begin).
    pub(crate) fn of_group(group: &Group, ports: &[Port]) -> Self {
        let of_port = |(index, port): (PortIndex, &Port)| {
            frames(group.mac(index), &group.announced_on(index, port.role))
        };
        Self::silent((0..).map(PortIndex).zip(ports).map(of_port))
    }

    /// Announces what a group has and had not `before`, from now on.
    pub(crate) fn of_additions(group: &Group, before: &Group, ports: &[Port], now: Instant) -> Self {
        let of_port = |(index, port): (PortIndex, &Port)| {
            let known = before.announced_on(index, port.role);
            let mut addresses = group.announced_on(index, port.role);
            addresses.retain(|address| !known.contains(address));
            frames(group.mac(index), &addresses)
        };
        let mut announcer = Self::silent((0..).map(PortIndex).zip(ports).map(of_port));
        announcer.begin(now);
        announcer
    }

    /// Whether there is nothing more to announce.
    pub(crate) const fn is_done(&self) -> bool {
        self.rounds == ROUNDS
    }

    /// The ports take turns: one frame of each is enough for switches to learn where the MAC address is.
    fn silent(by_port: impl Iterator<Item = Vec<Vec<u8>>>) -> Self {
        let mut frames: Vec<_> = (0..)
            .map(PortIndex)
            .zip(by_port)
            .flat_map(|(port, frames)| {
                frames.into_iter().enumerate().map(move |(turn, frame)| (turn, port, frame))
            })
            .collect();
        frames.sort_by_key(|&(turn, port, _)| (turn, port));
        let frames = frames.into_iter().map(|(_, port, frame)| (port, frame)).collect();
        Self { frames, next: 0, rounds: ROUNDS, round_at: Instant::START }
    }

    /// Has all be announced from now on, from the first.
    pub(crate) const fn begin(&mut self, now: Instant) {
        self.next = 0;
        self.rounds = 0;
        self.round_at = now;
    }

    /// Has no more be announced.
    pub(crate) const fn end(&mut self) {
        self.rounds = ROUNDS;
    }

    /// Sends the next few that are due.
    pub(crate) fn poll(&mut self, now: Instant, kernel_path: &mut KernelPath) {
        if self.rounds == ROUNDS || now < self.round_at {
            return;
        }
        for (port, frame) in self.frames.iter().skip(self.next).take(AT_ONCE) {
            if !kernel_path.transmit(*port, frame) {
                return;
            }
            self.next += 1;
        }
        if self.next == self.frames.len() {
            self.next = 0;
            self.round_at = now + PAUSES.get(self.rounds).copied().unwrap_or_default();
            self.rounds += 1;
        }
    }
}

fn frames(mac: MacAddress, addresses: &[IpAddr]) -> Vec<Vec<u8>> {
    let announcement = |&address: &IpAddr| match address {
        IpAddr::V4(address) => build::gratuitous_arp(mac, address),
        IpAddr::V6(address) => build::unsolicited_neighbor_advertisement(mac, address),
    };
    addresses.iter().map(announcement).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::tests::{GROUP_INSIDE, GROUP_OUTSIDE, INSIDE, OUTSIDE, ports, two_groups};

    #[test]
    fn the_first_of_each_port_comes_before_the_second_of_any() {
        let announcer = Announcer::of_group(&two_groups().all()[0], &ports());
        let order: Vec<_> = announcer.frames.iter().map(|&(port, _)| port).collect();
        assert_eq!(order, [OUTSIDE, INSIDE, INSIDE]);
        let senders: Vec<_> = announcer.frames.iter().map(|(_, frame)| &frame[6..12]).collect();
        assert_eq!(senders, [&GROUP_OUTSIDE[0].0, &GROUP_INSIDE[0].0, &GROUP_INSIDE[0].0]);
    }
}
