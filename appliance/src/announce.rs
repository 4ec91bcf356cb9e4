//! Telling the neighbours that the unit's addresses are here: gratuitous ARP (RFC 5227 section 3) and unsolicited
//! neighbour advertisements (RFC 4861 section 7.2.6).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use director::{Configuration, Port, PortIndex, PortRole};
use model::{Instant, UnitState};
use packet::build;

use crate::kernel_path::KernelPath;

/// Announcements are repeated, as any one may be lost.
const REPETITIONS: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(1);

/// Announcements in one go: few enough that the ring to the worker, which the kernel uses as well, never fills.
const AT_ONCE: usize = 32;

/// Announces the unit's addresses a few times.
pub(crate) struct Announcer {
    frames: Vec<(PortIndex, Vec<u8>)>,
    /// The next frame of this round.
    next: usize,
    rounds_left: u32,
    round_at: Instant,
}

impl Announcer {
    /// Announces each port's own addresses there, and, where the unit is active, the virtual addresses on the outside
    /// ports.
    pub(crate) fn new(configuration: &Configuration, ports: &[Port], state: UnitState, now: Instant) -> Self {
        let virtual_addresses: BTreeSet<IpAddr> =
            configuration.virtual_servers().iter().map(|server| server.name().address).collect();
        let mut frames = Vec::new();
        for (index, port) in (0..).map(PortIndex).zip(ports) {
            let has_others = state == UnitState::Active && port.role == PortRole::Outside;
            let others = virtual_addresses.iter().filter(|_| has_others);
            frames.extend(
                port.addresses.iter().chain(others).map(|&address| (index, announcement(port, address))),
            );
        }
        Self { frames, next: 0, rounds_left: REPETITIONS, round_at: now }
    }

    /// Sends the next few that are due.
    pub(crate) fn poll(&mut self, now: Instant, kernel_path: &mut KernelPath) {
        if self.rounds_left == 0 || now < self.round_at {
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
            self.rounds_left -= 1;
            self.round_at = now + INTERVAL;
        }
    }
}

fn announcement(port: &Port, address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => build::gratuitous_arp(port.mac, address),
        IpAddr::V6(address) => build::unsolicited_neighbor_advertisement(port.mac, address),
    }
}
