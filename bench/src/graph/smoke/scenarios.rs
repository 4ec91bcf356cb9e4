//! The occasions on which a shard must not allocate: packets of all kinds, each with what is to become of it.

use director::{PortIndex, TcpWithoutConnection, Verdict};
use model::MacAddress;
use model::limits::BATCH;
use packet::build::{self, Ends, TcpNumbers};
use packet::{ChecksumDelta, TcpFlags, Tuple};

use crate::graph::unit::{INSIDE, OUTSIDE, Plan, UNIT};
use crate::load::frames::{ROUTER, Template, Version, inbound, outbound};

/// Connections of each version of IP that the scenarios begin: several batches.
pub(crate) const CONNECTIONS: u32 = 1_000;

/// From here on, numbers are of clients that nobody knows.
const STRANGERS: u32 = 1_000_000;

/// What becomes of a packet, without the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Forward,
    Answer,
    AnswerNeighbor,
    Drop,
}

impl Fate {
    /// Whether a verdict says so.
    pub(crate) const fn is(self, verdict: Verdict) -> bool {
        matches!(
            (self, verdict),
            (Self::Forward, Verdict::Forward { .. })
                | (Self::Answer, Verdict::Answer { .. })
                | (Self::AnswerNeighbor, Verdict::AnswerNeighbor)
                | (Self::Drop, Verdict::Drop(_))
        )
    }
}

/// Packets of one kind.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) port: PortIndex,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) fate: Fate,
}

/// All kinds for one version of IP, in the order in which they have to come: connections begin before they have packets.
pub(crate) fn of_version<A: Version>(plan: Plan) -> Vec<Scenario> {
    let mut all = of_connections::<A>(plan);
    all.extend(errors::<A>(plan));
    all.extend(of_strangers::<A>(plan));
    all.extend(malformed::<A>());
    for scenario in &mut all {
        scenario.name = format!("for {}: {}", A::NAME, scenario.name);
    }
    all
}

fn scenario(name: &str, port: PortIndex, frames: Vec<Vec<u8>>, fate: Fate) -> Scenario {
    Scenario { name: name.to_owned(), port, frames, fate }
}

/// Clients' segments with `flags`, from connection `first` on.
fn from_clients<A: Version>(first: u32, flags: TcpFlags) -> Vec<Vec<u8>> {
    let template = Template::<A>::new(UNIT[0], flags);
    (first..first + CONNECTIONS).map(|connection| template.frame(&inbound(connection))).collect()
}

fn from_servers<A: Version>(plan: Plan, flags: TcpFlags) -> Vec<Vec<u8>> {
    let template = Template::<A>::new(UNIT[1], flags);
    let tuple = |connection| outbound(connection, plan.real_server::<A>(connection));
    (0..CONNECTIONS).map(|connection| template.frame(&tuple(connection))).collect()
}

fn of_connections<A: Version>(plan: Plan) -> Vec<Scenario> {
    let syn_ack = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);
    let last_hop = (0..CONNECTIONS).map(|connection| {
        // Long enough to become the error that says so.
        let ends = Ends { source_mac: ROUTER, destination_mac: UNIT[0], tuple: inbound::<A>(connection) };
        with_hop_limit::<A>(build::tcp(&ends, TcpFlags::ACK, TcpNumbers::default(), &[0; 100]), 1)
    });
    vec![
        scenario("first SYNs", OUTSIDE, from_clients::<A>(0, TcpFlags::SYN), Fate::Forward),
        scenario("repeated SYNs", OUTSIDE, from_clients::<A>(0, TcpFlags::SYN), Fate::Forward),
        scenario("SYN-ACKs", INSIDE, from_servers::<A>(plan, syn_ack), Fate::Forward),
        scenario("segments of clients", OUTSIDE, from_clients::<A>(0, TcpFlags::ACK), Fate::Forward),
        scenario("segments of servers", INSIDE, from_servers::<A>(plan, TcpFlags::ACK), Fate::Forward),
        scenario("segments without a hop left", OUTSIDE, last_hop.collect(), Fate::Answer),
        scenario("RSTs", INSIDE, from_servers::<A>(plan, TcpFlags::RST), Fate::Forward),
        scenario("SYNs in place of old ones", OUTSIDE, from_clients::<A>(0, TcpFlags::SYN), Fate::Forward),
    ]
}

/// ICMP errors from both sides about packets of connections, and about others'.
fn errors<A: Version>(plan: Plan) -> Vec<Scenario> {
    // What was translated, as a router behind the unit got it.
    let to_client = |connection| reversed(inbound::<A>(connection));
    let to_server = |connection| reversed(outbound(connection, plan.real_server::<A>(connection)));
    let all = |unit, quoted: &dyn Fn(u32) -> Tuple<A>, first: u32| -> Vec<Vec<u8>> {
        (first..first + CONNECTIONS).map(|connection| error_about(unit, &quoted(connection))).collect()
    };
    vec![
        scenario("ICMP errors from outside", OUTSIDE, all(UNIT[0], &to_client, 0), Fate::Forward),
        scenario("ICMP errors from inside", INSIDE, all(UNIT[1], &to_server, 0), Fate::Forward),
        scenario("ICMP errors to nobody", OUTSIDE, all(UNIT[0], &to_client, STRANGERS), Fate::Drop),
    ]
}

/// "Destination unreachable" about a packet, to who sent it.
fn error_about<A: Version>(unit: MacAddress, quoted: &Tuple<A>) -> Vec<u8> {
    let original = Template::<A>::new(unit, TcpFlags::ACK).frame(quoted);
    let packet = &original[ETHERNET..];
    let tuple = Tuple { source: A::client(STRANGERS / 1_024), destination: quoted.source, ..*quoted };
    build::icmp_error(&Ends { source_mac: ROUTER, destination_mac: unit, tuple }, A::UNREACHABLE, 0, packet)
}

const ETHERNET: usize = 14;

/// Segments and datagrams of nobody the unit knows.
fn of_strangers<A: Version>(plan: Plan) -> Vec<Scenario> {
    let acknowledging = match plan.tcp_without_connection {
        TcpWithoutConnection::Drop => Fate::Drop,
        TcpWithoutConnection::Reset => Fate::Answer,
        TcpWithoutConnection::Admit => Fate::Forward,
    };
    let ends = |tuple| Ends { source_mac: ROUTER, destination_mac: UNIT[0], tuple };
    let to_port = |port| Tuple { destination_port: port, ..inbound::<A>(STRANGERS) };
    let elsewhere = Tuple { destination: A::client(7), ..inbound::<A>(STRANGERS) };
    let repeat = |frame: Vec<u8>| vec![frame; BATCH];
    vec![
        scenario("ACKs of strangers", OUTSIDE, from_clients::<A>(STRANGERS, TcpFlags::ACK), acknowledging),
        scenario("datagrams", OUTSIDE, repeat(build::udp(&ends(to_port(53)), b"?")), Fate::Drop),
        scenario("other destinations", OUTSIDE, repeat(build::udp(&ends(elsewhere), b"?")), Fate::Drop),
        scenario("pings", OUTSIDE, repeat(build::echo_request(&ends(to_port(0)), b"?")), Fate::Answer),
        scenario(
            "fragments",
            OUTSIDE,
            repeat(build::fragment(&ends(to_port(0)), 6, 8, false, &[0; 8])),
            Fate::Drop,
        ),
        scenario(
            "questions for neighbours",
            OUTSIDE,
            repeat(A::question_for_virtual()),
            Fate::AnswerNeighbor,
        ),
    ]
}

/// What is wrong at one place.
fn malformed<A: Version>() -> Vec<Scenario> {
    let spoiled = |spoil: &dyn Fn(&mut Vec<u8>)| {
        let mut frames = from_clients::<A>(0, TcpFlags::ACK);
        frames.iter_mut().for_each(spoil);
        frames
    };
    vec![
        scenario("truncated segments", OUTSIDE, spoiled(&|frame| frame.truncate(30)), Fate::Drop),
        scenario("others' stations", OUTSIDE, spoiled(&|frame| frame[5] ^= 0x40), Fate::Drop),
        scenario("wrong versions", OUTSIDE, spoiled(&|frame| frame[ETHERNET] = 0x15), Fate::Drop),
    ]
}

fn reversed<A>(tuple: Tuple<A>) -> Tuple<A> {
    Tuple {
        source: tuple.destination,
        source_port: tuple.destination_port,
        destination: tuple.source,
        destination_port: tuple.source_port,
    }
}

fn with_hop_limit<A: Version>(mut frame: Vec<u8>, hop_limit: u8) -> Vec<u8> {
    let at = ETHERNET + A::HOP_LIMIT;
    let before = u16::from_be_bytes([frame[at], frame[at + 1]]);
    frame[at] = hop_limit;
    let after = u16::from_be_bytes([frame[at], frame[at + 1]]);
    A::change_header(&mut frame[ETHERNET..], ChecksumDelta::between([before], [after]));
    frame
}
