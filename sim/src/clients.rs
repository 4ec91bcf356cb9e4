//! Clients: they open connections through whichever unit is active, and close or abandon them.

use std::net::{IpAddr, Ipv4Addr};

use director::{PortIndex, Verdict};
use fastrand::Rng;
use model::{Instant, UnitState};
use packet::build::{self, Ends, TcpNumbers};
use packet::{Content, TcpFlags, Transport, Tuple};

use crate::servers::{INSIDE, OUTSIDE, ROUTER, SERVER, UNIT, VIRTUAL};
use crate::unit::Unit;

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
const RST: TcpFlags = TcpFlags::RST;
const FIN: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);

/// Clients' hosts.
const HOSTS: u32 = 50;

/// A connection as its client and server see it.
#[derive(Clone, Copy, Debug)]
struct Open {
    client: (Ipv4Addr, u16),
    real: (Ipv4Addr, u16),
}

/// The two units, as they are on the clients' and servers' networks.
pub(crate) struct Link<'a> {
    active: &'a mut Unit,
    standby: &'a mut Unit,
}

impl<'a> Link<'a> {
    pub(crate) const fn new(active: &'a mut Unit, standby: &'a mut Unit) -> Self {
        Self { active, standby }
    }
}

/// All clients, and the servers that answer them.
pub(crate) struct Clients {
    random: Rng,
    /// Which copies are lost.
    losses: Rng,
    open: Vec<Open>,
    /// How many connections were opened: no two have the same ends.
    opened: u32,
}

impl Clients {
    pub(crate) fn new(random: Rng, losses: Rng) -> Self {
        Self { random, losses, open: Vec::new(), opened: 0 }
    }

    /// A few of them do something.
    pub(crate) fn step(&mut self, now: Instant, link: &mut Link<'_>) {
        for _ in 0..self.random.u8(0..4) {
            self.connect(now, link);
        }
        for _ in 0..self.random.u8(0..3) {
            if self.random.u8(0..3) == 0 {
                self.end(now, link);
            }
        }
    }

    fn connect(&mut self, now: Instant, link: &mut Link<'_>) {
        let number = self.opened;
        self.opened += 1;
        let [_, _, high, low] = (number / HOSTS).to_be_bytes();
        let port = 1_024 + u16::from_be_bytes([high, low]) % 60_000;
        let [.., host] = (number % HOSTS).to_be_bytes();
        let client = (Ipv4Addr::new(203, 0, 113, host), port);
        let Some(inside) = self.send(now, link, OUTSIDE, (client, VIRTUAL), SYN) else { return };
        let real = (inside.destination, inside.destination_port);
        let connection = Open { client, real };
        // Some never get further.
        if self.random.u8(0..10) > 0 {
            self.send(now, link, INSIDE, (real, client), SYN_ACK);
            self.send(now, link, OUTSIDE, (client, VIRTUAL), ACK);
            self.open.push(connection);
        }
    }

    fn end(&mut self, now: Instant, link: &mut Link<'_>) {
        if self.open.is_empty() {
            return;
        }
        let Open { client, real } = self.open.swap_remove(self.random.usize(..self.open.len()));
        match self.random.u8(0..3) {
            0 => {
                self.send(now, link, OUTSIDE, (client, VIRTUAL), FIN);
                self.send(now, link, INSIDE, (real, client), FIN);
            }
            1 => {
                self.send(now, link, OUTSIDE, (client, VIRTUAL), RST);
            }
            // Nobody says anything any more.
            _ => {}
        }
    }

    /// Sends a segment by `port`, and returns where it was forwarded to, if it was.
    fn send(
        &mut self,
        now: Instant,
        link: &mut Link<'_>,
        port: PortIndex,
        (source, destination): ((Ipv4Addr, u16), (Ipv4Addr, u16)),
        flags: TcpFlags,
    ) -> Option<Tuple<Ipv4Addr>> {
        let tuple = Tuple {
            source: source.0,
            source_port: source.1,
            destination: destination.0,
            destination_port: destination.1,
        };
        let source_mac = if port == OUTSIDE { ROUTER } else { SERVER };
        let ends = Ends { source_mac, destination_mac: UNIT[usize::from(port.0)], tuple };
        let mut frame = build::tcp(&ends, flags, TcpNumbers { sequence: 1, acknowledgement: 1 }, b"");
        let client = IpAddr::V4(if port == OUTSIDE { source.0 } else { destination.0 });
        let mut before = frame.clone();
        let verdict = link.active.process(now, client, port, &mut frame);
        self.copy(now, link, client, port, &mut before);
        let Verdict::Forward { port: other_side } = verdict else { return None };
        self.copy(now, link, client, other_side, &mut frame.clone());
        tuple_of(&frame)
    }

    /// Shows the standby what goes by; some it misses.
    fn copy(&mut self, now: Instant, link: &mut Link<'_>, client: IpAddr, port: PortIndex, frame: &mut [u8]) {
        // One that believes that it is active would take copies for packets.
        let stands_by = link.standby.state == UnitState::Standby;
        if self.losses.u8(0..50) > 0 && stands_by {
            link.standby.process(now, client, port, frame);
        }
    }

    /// How many connections were opened so far.
    pub(crate) const fn opened(&self) -> u32 {
        self.opened
    }
}

fn tuple_of(frame: &[u8]) -> Option<Tuple<Ipv4Addr>> {
    let Content::Ipv4(datagram) = packet::parse(frame, frame.len()).ok()?.content else { return None };
    let Transport::Tcp { source_port, destination_port, .. } = datagram.transport else { return None };
    Some(Tuple { source: datagram.source, source_port, destination: datagram.destination, destination_port })
}
