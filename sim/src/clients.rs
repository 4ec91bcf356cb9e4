//! Clients: they open connections through whichever unit is active, and close or abandon them.

use std::net::{IpAddr, Ipv4Addr};

use director::{PortIndex, Verdict};
use fastrand::Rng;
use model::Instant;
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

/// All clients, and the servers that answer them.
pub(crate) struct Clients {
    random: Rng,
    open: Vec<Open>,
    /// How many connections were opened: no two have the same ends.
    opened: u32,
}

impl Clients {
    pub(crate) fn new(random: Rng) -> Self {
        Self { random, open: Vec::new(), opened: 0 }
    }

    /// A few of them do something.
    pub(crate) fn step(&mut self, now: Instant, unit: &mut Unit) {
        for _ in 0..self.random.u8(0..4) {
            self.connect(now, unit);
        }
        for _ in 0..self.random.u8(0..3) {
            if self.random.u8(0..3) == 0 {
                self.end(now, unit);
            }
        }
    }

    fn connect(&mut self, now: Instant, unit: &mut Unit) {
        let number = self.opened;
        self.opened += 1;
        let [_, _, high, low] = (number / HOSTS).to_be_bytes();
        let port = 1_024 + u16::from_be_bytes([high, low]) % 60_000;
        let [.., host] = (number % HOSTS).to_be_bytes();
        let client = (Ipv4Addr::new(203, 0, 113, host), port);
        let Some(inside) = send(now, unit, OUTSIDE, (client, VIRTUAL), SYN) else { return };
        let real = (inside.destination, inside.destination_port);
        let connection = Open { client, real };
        // Some never get further.
        if self.random.u8(0..10) > 0 {
            send(now, unit, INSIDE, (real, client), SYN_ACK);
            send(now, unit, OUTSIDE, (client, VIRTUAL), ACK);
            self.open.push(connection);
        }
    }

    fn end(&mut self, now: Instant, unit: &mut Unit) {
        if self.open.is_empty() {
            return;
        }
        let Open { client, real } = self.open.swap_remove(self.random.usize(..self.open.len()));
        match self.random.u8(0..3) {
            0 => {
                send(now, unit, OUTSIDE, (client, VIRTUAL), FIN);
                send(now, unit, INSIDE, (real, client), FIN);
            }
            1 => {
                send(now, unit, OUTSIDE, (client, VIRTUAL), RST);
            }
            // Nobody says anything any more.
            _ => {}
        }
    }

    /// How many connections were opened so far.
    pub(crate) const fn opened(&self) -> u32 {
        self.opened
    }
}

/// Sends a segment by `port`, and returns where it was forwarded to, if it was.
fn send(
    now: Instant,
    unit: &mut Unit,
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
    let client = if port == OUTSIDE { source } else { destination };
    match unit.process(now, IpAddr::V4(client.0), port, &mut frame) {
        Verdict::Forward { .. } => tuple_of(&frame),
        _ => None,
    }
}

fn tuple_of(frame: &[u8]) -> Option<Tuple<Ipv4Addr>> {
    let Content::Ipv4(datagram) = packet::parse(frame, frame.len()).ok()?.content else { return None };
    let Transport::Tcp { source_port, destination_port, .. } = datagram.transport else { return None };
    Some(Tuple { source: datagram.source, source_port, destination: datagram.destination, destination_port })
}
