//! Telling the neighbours that the virtual addresses are here: gratuitous ARP (RFC 5227 section 3) and unsolicited
//! neighbour advertisements (RFC 4861 section 7.2.6), on each outside port.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use director::{Configuration, Port, PortIndex, PortRole};
use model::Instant;
use packet::build;

use crate::kernel_path::KernelPath;

/// Announcements are repeated, as any one may be lost.
const REPETITIONS: u32 = 3;
const INTERVAL: Duration = Duration::from_secs(1);

/// Announces the virtual addresses a few times.
pub(crate) struct Announcer {
    frames: Vec<(PortIndex, Vec<u8>)>,
    left: u32,
    next: Instant,
}

impl Announcer {
    pub(crate) fn new(configuration: &Configuration, ports: &[Port], now: Instant) -> Self {
        let addresses: BTreeSet<IpAddr> =
            configuration.virtual_servers().iter().map(|server| server.name().address).collect();
        let outside = (0..).map(PortIndex).zip(ports).filter(|(_, port)| port.role == PortRole::Outside);
        let frames = outside
            .flat_map(|(index, port)| {
                addresses.iter().map(move |&address| (index, announcement(port, address)))
            })
            .collect();
        Self { frames, left: REPETITIONS, next: now }
    }

    /// Sends the next round when it is due.
    pub(crate) fn poll(&mut self, now: Instant, kernel_path: &mut KernelPath) {
        if self.left == 0 || now < self.next {
            return;
        }
        self.left -= 1;
        self.next = now + INTERVAL;
        for (port, frame) in &self.frames {
            kernel_path.transmit(*port, frame);
        }
    }
}

fn announcement(port: &Port, address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => build::gratuitous_arp(port.mac, address),
        IpAddr::V6(address) => build::unsolicited_neighbor_advertisement(port.mac, address),
    }
}
