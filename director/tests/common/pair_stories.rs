//! What the stories about a pair have in common: its configuration, and connections by packets and by records.

use std::net::IpAddr;
use std::time::Duration;

use director::{Configuration, PortIndex, Predictor, Verdict, VirtualServerDraft};
use model::{ConnectionEnds, ConnectionRecord, Endpoint, Phase, Protocol, UnitState, Update};
use packet::{Address, TcpFlags, Tuple};

use super::pair::{Unit, compare};
use super::*;

pub(crate) const SYN: TcpFlags = TcpFlags::SYN;
pub(crate) const ACK: TcpFlags = TcpFlags::ACK;
pub(crate) const RST: TcpFlags = TcpFlags::RST;
pub(crate) const FIN: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);
pub(crate) const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn configuration() -> Configuration {
    let reals = ["10.1.0.11:8080", "10.1.0.12:8080"];
    let reals_v6 = ["[2001:db8:1::11]:8080", "[2001:db8:1::12]:8080"];
    let mut builder = Configuration::builder();
    for real in reals.iter().chain(&reals_v6) {
        builder = builder.real_server(real);
    }
    builder
        .real_server("10.1.0.11:53:udp")
        .real_server("10.1.0.13")
        .virtual_server("192.0.2.100:80", Predictor::LeastConnections)
        .virtual_server("[2001:db8:100::100]:80", Predictor::RoundRobin)
        .virtual_server("192.0.2.100:53:udp", Predictor::RoundRobin)
        .virtual_server("192.0.2.101", Predictor::RoundRobin)
        .add_virtual_server(VirtualServerDraft {
            replicate: false,
            ..VirtualServerDraft::new("192.0.2.102:80")
        })
        .bind("192.0.2.100:80", &reals)
        .bind("[2001:db8:100::100]:80", &reals_v6)
        .bind("192.0.2.100:53:udp", &["10.1.0.11:53:udp"])
        .bind("192.0.2.101", &["10.1.0.13"])
        .bind("192.0.2.102:80", &["10.1.0.11:8080"])
        .build()
        .unwrap()
}

/// An active unit of one worker, and a standby of two.
pub(crate) fn pair() -> (Unit, Unit) {
    let configuration = configuration();
    (Unit::new(&configuration, 1, UnitState::Active), Unit::new(&configuration, 2, UnitState::Standby))
}

pub(crate) fn web_client(port: u16) -> Tuple<std::net::Ipv4Addr> {
    v4("203.0.113.7", port, "192.0.2.100", 80)
}

pub(crate) fn forwarded(
    unit: &mut Unit,
    client: &str,
    port: PortIndex,
    packet: Vec<u8>,
) -> (IpAddr, u16, IpAddr, u16) {
    let (verdict, packet) = unit.send(client, port, packet);
    let other_side = if port == OUTSIDE { INSIDE } else { OUTSIDE };
    assert_eq!(verdict, Verdict::Forward { port: other_side });
    tuple_of(&packet)
}

/// The real server's packets of a connection, by how the client's look inside.
pub(crate) fn answer<A: Address>(inside: (IpAddr, u16, IpAddr, u16)) -> Tuple<A> {
    Tuple {
        source: A::from_ip(inside.2).unwrap(),
        source_port: inside.3,
        destination: A::from_ip(inside.0).unwrap(),
        destination_port: inside.1,
    }
}

/// Opens a connection; returns its ends.
pub(crate) fn open<A: Address>(unit: &mut Unit, client: Tuple<A>) -> ConnectionEnds {
    let name = client.source.to_string();
    let inside = forwarded(unit, &name, OUTSIDE, tcp(OUTSIDE, client, SYN));
    forwarded(unit, &name, INSIDE, tcp(INSIDE, answer::<A>(inside), SYN_ACK));
    forwarded(unit, &name, OUTSIDE, tcp(OUTSIDE, client, ACK));
    ends_of(Protocol::Tcp, client, inside)
}

pub(crate) fn ends_of<A: Address>(
    protocol: Protocol,
    client: Tuple<A>,
    inside: (IpAddr, u16, IpAddr, u16),
) -> ConnectionEnds {
    ConnectionEnds {
        protocol,
        client: Endpoint::new(client.source.into(), client.source_port),
        virtual_server: Endpoint::new(client.destination.into(), client.destination_port),
        real_server: Endpoint::new(inside.2, inside.3),
        translated_port: inside.1,
    }
}

pub(crate) const fn create(ends: ConnectionEnds) -> Update {
    create_in(ends, Phase::Open)
}

pub(crate) const fn create_in(ends: ConnectionEnds, phase: Phase) -> Update {
    Update::Create(ConnectionRecord { ends, phase, bind_id: 0, group: 0, buddy: None })
}

pub(crate) fn endpoint(address: &str, port: u16) -> Endpoint {
    Endpoint::new(ip(address), port)
}

/// A connection by the first virtual server, as a record calls it.
pub(crate) fn web_ends(client_port: u16, real: &str) -> ConnectionEnds {
    ConnectionEnds {
        protocol: Protocol::Tcp,
        client: endpoint("203.0.113.7", client_port),
        virtual_server: endpoint("192.0.2.100", 80),
        real_server: endpoint(real, 8_080),
        translated_port: client_port,
    }
}

pub(crate) fn agrees(active: &mut Unit, standby: &mut Unit) {
    assert_eq!(compare(active, standby).differing, [0_u16; 0]);
    assert_eq!(active.digests(), standby.digests());
    active.check();
    standby.check();
}
