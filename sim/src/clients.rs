//! Clients: they open connections through whichever unit is active, use them, and close or abandon them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use director::{PortIndex, Verdict};
use fastrand::Rng;
use model::{Endpoint, Instant};
use packet::build::{self, Ends, TcpNumbers};
use packet::{Content, TcpFlags, Transport, Tuple};

use crate::servers::{INSIDE, OUTSIDE, ROUTER, SERVER, UNIT, VIRTUAL};

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
const RST: TcpFlags = TcpFlags::RST;
const FIN: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);

/// Clients' hosts.
const HOSTS: u32 = 50;

/// A connection as its client and server see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Open {
    client: (Ipv4Addr, u16),
    real: (Ipv4Addr, u16),
}

impl Open {
    /// Its client's end and its real server's, as tables have them.
    pub(crate) fn ends(self) -> (Endpoint, Endpoint) {
        let endpoint = |(address, port)| Endpoint::new(IpAddr::V4(address), port);
        (endpoint(self.client), endpoint(self.real))
    }
}

/// What becomes of a frame.
pub(crate) enum Carried {
    /// A unit forwarded it, like that.
    Forwarded(Vec<u8>),
    /// A unit that forwards did not forward this.
    Refused(Verdict),
    /// It reached no unit that forwards.
    Nowhere,
}

/// What is between clients and servers.
pub(crate) trait Lan {
    /// Takes a frame of `client`'s connection to where the units' addresses are.
    fn carry(&mut self, now: Instant, client: IpAddr, port: PortIndex, frame: Vec<u8>) -> Carried;
}

/// All clients, and the servers that answer them.
pub(crate) struct Clients {
    random: Rng,
    open: Vec<Open>,
    /// How many connections were opened: no two have the same ends.
    opened: u32,
}

impl Clients {
    pub(crate) const fn new(random: Rng) -> Self {
        Self { random, open: Vec::new(), opened: 0 }
    }

    /// A few of them begin or end connections.
    pub(crate) fn step(&mut self, now: Instant, lan: &mut impl Lan) {
        for _ in 0..self.random.u8(0..4) {
            self.connect(now, lan);
        }
        for _ in 0..self.random.u8(0..3) {
            if self.random.u8(0..3) == 0 {
                self.end(now, lan);
            }
        }
    }

    fn connect(&mut self, now: Instant, lan: &mut impl Lan) {
        let number = self.opened;
        self.opened += 1;
        let [_, _, high, low] = (number / HOSTS).to_be_bytes();
        let port = 1_024 + u16::from_be_bytes([high, low]) % 60_000;
        let [.., host] = (number % HOSTS).to_be_bytes();
        let client = (Ipv4Addr::new(203, 0, 113, host), port);
        let Some(inside) = forwarded(send(now, lan, OUTSIDE, (client, VIRTUAL), SYN)) else { return };
        let real = (inside.destination, inside.destination_port);
        // Some never get further.
        if self.random.u8(0..10) > 0 {
            let answered = forwarded(send(now, lan, INSIDE, (real, client), SYN_ACK)).is_some();
            let acknowledged = forwarded(send(now, lan, OUTSIDE, (client, VIRTUAL), ACK)).is_some();
            if answered && acknowledged {
                self.open.push(Open { client, real });
            }
        }
    }

    fn end(&mut self, now: Instant, lan: &mut impl Lan) {
        if self.open.is_empty() {
            return;
        }
        let Open { client, real } = self.open.swap_remove(self.random.usize(..self.open.len()));
        match self.random.u8(0..3) {
            0 => {
                send(now, lan, OUTSIDE, (client, VIRTUAL), FIN);
                send(now, lan, INSIDE, (real, client), FIN);
            }
            1 => {
                send(now, lan, OUTSIDE, (client, VIRTUAL), RST);
            }
            // Nobody says anything any more.
            _ => {}
        }
    }

    /// One of them sends or is sent something. Returns its connection, and why, if it finds that it is lost.
    pub(crate) fn talk(&mut self, now: Instant, lan: &mut impl Lan) -> Option<(Open, String)> {
        if self.open.is_empty() {
            return None;
        }
        let place = self.random.usize(..self.open.len());
        let open = self.open[place];
        let why = open.use_once(now, lan, self.random.bool())?;
        self.open.swap_remove(place);
        Some((open, why))
    }

    /// Uses all of these connections that are still open. Returns how many there are.
    ///
    /// # Errors
    ///
    /// One that is lost, and why.
    pub(crate) fn use_all(
        &self,
        now: Instant,
        lan: &mut impl Lan,
        these: &BTreeSet<Open>,
    ) -> Result<u64, (Open, String)> {
        let mut count = 0;
        for open in self.open.iter().filter(|open| these.contains(open)) {
            for is_answer in [false, true] {
                if let Some(why) = open.use_once(now, lan, is_answer) {
                    return Err((*open, why));
                }
            }
            count += 1;
        }
        Ok(count)
    }

    /// The connections that are established.
    pub(crate) fn open(&self) -> &[Open] {
        &self.open
    }

    /// How many connections were opened so far.
    pub(crate) const fn opened(&self) -> u32 {
        self.opened
    }
}

impl Open {
    /// A segment from the client, or from the server. Returns why the connection is lost, if it is.
    fn use_once(self, now: Instant, lan: &mut impl Lan, is_answer: bool) -> Option<String> {
        let Self { client, real } = self;
        let (port, ends) = if is_answer { (INSIDE, (real, client)) } else { (OUTSIDE, (client, VIRTUAL)) };
        let expected = if is_answer { (VIRTUAL, client) } else { (client, real) };
        match send(now, lan, port, ends, ACK) {
            Carried::Nowhere => None,
            Carried::Refused(verdict) => Some(format!("{verdict:?}")),
            Carried::Forwarded(frame) => {
                let tuple = tuple_of(&frame)?;
                let source = (tuple.source, tuple.source_port);
                let destination = (tuple.destination, tuple.destination_port);
                ((source, destination) != expected).then(|| format!("forwarded as {tuple:?}"))
            }
        }
    }
}

/// Sends a segment by `port`.
fn send(
    now: Instant,
    lan: &mut impl Lan,
    port: PortIndex,
    (source, destination): ((Ipv4Addr, u16), (Ipv4Addr, u16)),
    flags: TcpFlags,
) -> Carried {
    let tuple = Tuple {
        source: source.0,
        source_port: source.1,
        destination: destination.0,
        destination_port: destination.1,
    };
    let source_mac = if port == OUTSIDE { ROUTER } else { SERVER };
    let ends = Ends { source_mac, destination_mac: UNIT[usize::from(port.0)], tuple };
    let frame = build::tcp(&ends, flags, TcpNumbers { sequence: 1, acknowledgement: 1 }, b"");
    let client = IpAddr::V4(if port == OUTSIDE { source.0 } else { destination.0 });
    lan.carry(now, client, port, frame)
}

fn forwarded(carried: Carried) -> Option<Tuple<Ipv4Addr>> {
    match carried {
        Carried::Forwarded(frame) => tuple_of(&frame),
        Carried::Refused(_) | Carried::Nowhere => None,
    }
}

fn tuple_of(frame: &[u8]) -> Option<Tuple<Ipv4Addr>> {
    let Content::Ipv4(datagram) = packet::parse(frame, frame.len()).ok()?.content else { return None };
    let Transport::Tcp { source_port, destination_port, .. } = datagram.transport else { return None };
    Some(Tuple { source: datagram.source, source_port, destination: datagram.destination, destination_port })
}
