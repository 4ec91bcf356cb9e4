//! A standby that watches: its ports get copies of the active unit's frames, and it learns connections from them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::net::IpAddr;

use common::pair::{SETTINGS, Unit, compare, mirror, repair};
use common::pair_stories::*;
use common::*;
use director::{Configuration, PortIndex, Predictor, ReplicationSettings, Verdict};
use model::{DropReason, RangeSet, UnitState, Update};
use packet::{Address, TcpFlags, Tuple};

const FIN: TcpFlags = TcpFlags(TcpFlags::FIN.0 | TcpFlags::ACK.0);

/// What a frame looks like inside.
type Inside = (IpAddr, u16, IpAddr, u16);

/// An active unit, and a standby of two shards that gets a copy of each frame.
struct Watched {
    active: Unit,
    standby: Unit,
}

impl Watched {
    fn new() -> Self {
        Self::with(&configuration())
    }

    fn with(configuration: &Configuration) -> Self {
        let settings = ReplicationSettings { observes: true, ..SETTINGS };
        let options =
            Options { state: UnitState::Standby, replication: Some(settings), ..Options::default() };
        Self {
            active: Unit::new(configuration, 1, UnitState::Active),
            standby: Unit::with(configuration, 2, options),
        }
    }

    /// Shows the standby a frame, to whichever shard its port gives it.
    fn show(&mut self, port: PortIndex, frame: &[u8]) {
        for first in 0..2 {
            // It is another station's.
            let mut frame = frame.to_vec();
            frame[..6].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
            let (verdict, after) = self.standby.shards[first].send(port, frame.clone());
            let verdict = match verdict {
                Verdict::HandOver { shard } if usize::from(shard) != first => {
                    self.standby.shards[usize::from(shard)].send(port, after.clone()).0
                }
                verdict => verdict,
            };
            assert_eq!((verdict, after), (Verdict::Drop(DropReason::Standby), frame));
        }
    }

    /// A packet that the active unit forwards, and its copies on both sides.
    fn pass(&mut self, client: &str, port: PortIndex, packet: Vec<u8>) -> Inside {
        let (verdict, forwarded) = self.active.send(client, port, packet.clone());
        let other_side = if port == OUTSIDE { INSIDE } else { OUTSIDE };
        assert_eq!(verdict, Verdict::Forward { port: other_side });
        self.show(port, &packet);
        self.show(other_side, &forwarded);
        tuple_of(&forwarded)
    }

    fn client<A: Address>(&mut self, tuple: Tuple<A>, flags: TcpFlags) -> Inside {
        self.pass(&tuple.source.to_string(), OUTSIDE, tcp(OUTSIDE, tuple, flags))
    }

    fn server<A: Address>(&mut self, inside: Inside, flags: TcpFlags) {
        self.pass(&inside.0.to_string(), INSIDE, tcp(INSIDE, answer::<A>(inside), flags));
    }

    fn open<A: Address>(&mut self, tuple: Tuple<A>) -> Inside {
        let inside = self.client(tuple, SYN);
        self.server::<A>(inside, SYN_ACK);
        self.client(tuple, ACK)
    }

    fn observed(&self) -> u64 {
        self.standby.count(|counters| &counters.replica.observed)
    }

    /// The states of the connections on both units, which are the same connections.
    fn states(&self) -> [Vec<&'static str>; 2] {
        [&self.active, &self.standby].map(|unit| {
            let mut all: Vec<_> = unit.shards.iter().flat_map(Bench::connections).collect();
            all.sort_by_key(|found| (found.client, found.virtual_server.to_string()));
            all.iter().map(|found| found.state.name()).collect()
        })
    }

    /// Both units have the same connections, and nobody told of any.
    fn agree(&mut self) {
        assert_eq!(self.active.table(), self.standby.table());
        self.active.reports();
        agrees(&mut self.active, &mut self.standby);
    }
}

#[test]
fn connections_are_learned_from_their_two_sides() {
    let mut pair = Watched::new();
    let inside = pair.client(web_client(1), SYN);
    pair.server::<std::net::Ipv4Addr>(inside, SYN_ACK);
    assert_eq!(pair.standby.connections(), 0, "it is not established");
    pair.client(web_client(1), ACK);
    assert_eq!(pair.standby.connections(), 1);
    for last in 1..=40 {
        pair.open(v4(&format!("203.0.113.{last}"), 9, "192.0.2.100", 80));
        pair.open(v6(&format!("2001:db8:9::{last}"), 9, "2001:db8:100::100", 80));
        // A virtual server of all ports.
        pair.open(v4(&format!("203.0.113.{last}"), 9, "192.0.2.101", 443));
        let client = format!("203.0.113.{last}");
        pair.pass(&client, OUTSIDE, udp(OUTSIDE, v4(&client, 9, "192.0.2.100", 53), b"?"));
    }
    assert_eq!((pair.standby.connections(), pair.observed()), (161, 161));
    assert_eq!(pair.standby.count(|counters| &counters.replica.created), 161);
    pair.agree();
    // What it learned it goes on with.
    pair.standby.set_state(UnitState::Active);
    let same = forwarded(&mut pair.standby, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, web_client(1), ACK));
    assert_eq!(same, inside);
    pair.standby.check();
}

#[test]
fn a_standby_that_does_not_watch_learns_nothing() {
    let mut pair = Watched::new();
    pair.standby = Unit::new(&configuration(), 2, UnitState::Standby);
    pair.open(web_client(1));
    assert_eq!((pair.standby.connections(), pair.observed()), (0, 0));
}

#[test]
fn a_unit_that_is_active_does_not_watch() {
    let mut pair = Watched::new();
    pair.standby.set_state(UnitState::Active);
    let mut copy = tcp(OUTSIDE, web_client(1), SYN);
    copy[..6].copy_from_slice(&[2, 9, 9, 9, 9, 9]);
    let verdict = pair.standby.shards[0].send(OUTSIDE, copy).0;
    assert_eq!(verdict, Verdict::Drop(DropReason::NotOurMac));
}

#[test]
fn ends_that_are_seen_move_the_state() {
    let mut pair = Watched::new();
    type V4 = std::net::Ipv4Addr;
    let closing = pair.open(web_client(1));
    pair.client(web_client(1), FIN);
    assert_eq!(pair.states(), [["half-closed"]; 2]);
    pair.server::<V4>(closing, FIN);
    assert_eq!(pair.states(), [["closed"]; 2]);
    // The client uses its port again: that the old connection is gone is told, the new one is seen.
    pair.active.reports();
    let again = pair.client(web_client(1), SYN);
    mirror(&mut pair.active, &mut pair.standby);
    assert_eq!(pair.standby.connections(), 0);
    pair.server::<V4>(again, SYN_ACK);
    pair.client(web_client(1), ACK);
    assert_eq!(pair.states(), [["established"]; 2]);
    pair.server::<V4>(again, RST);
    assert_eq!(pair.states(), [["reset"]; 2]);
    pair.agree();
    // A whole exchange in three segments.
    let inside = pair.client(web_client(2), SYN);
    pair.server::<V4>(inside, SYN_ACK);
    pair.client(web_client(2), FIN);
    assert_eq!(pair.states(), [["reset", "half-closed"]; 2]);
}

#[test]
fn copies_may_overtake_each_other() {
    let mut pair = Watched::new();
    let client = web_client(1);
    let inside = forwarded(&mut pair.active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, client, SYN));
    let answer = answer::<std::net::Ipv4Addr>(inside);
    forwarded(&mut pair.active, "203.0.113.7", INSIDE, tcp(INSIDE, answer, SYN_ACK));
    forwarded(&mut pair.active, "203.0.113.7", OUTSIDE, tcp(OUTSIDE, client, ACK));
    for (port, frame) in [
        (INSIDE, tcp(INSIDE, reversed(answer), ACK)),
        (INSIDE, tcp(INSIDE, answer, SYN_ACK)),
        (OUTSIDE, tcp(OUTSIDE, client, SYN)),
    ] {
        assert_eq!(pair.standby.connections(), 0);
        pair.show(port, &frame);
    }
    assert_eq!(pair.observed(), 1);
    pair.agree();
}

#[test]
fn nothing_is_learned_that_the_active_unit_does_not_tell() {
    let mut pair = Watched::new();
    // The server never answers: an ACK proves nothing.
    pair.client(web_client(1), SYN);
    pair.client(web_client(1), ACK);
    // It refuses.
    let inside = pair.client(web_client(2), SYN);
    pair.server::<std::net::Ipv4Addr>(inside, RST);
    pair.client(web_client(2), ACK);
    // Its virtual server is not replicated.
    pair.open(v4("203.0.113.7", 3, "192.0.2.102", 80));
    // Inside alone, or at a port that is no real server's.
    let direct = v4("203.0.113.7", 4, "10.1.0.11", 8_080);
    pair.show(INSIDE, &tcp(INSIDE, direct, ACK));
    pair.show(OUTSIDE, &tcp(OUTSIDE, web_client(5), ACK));
    pair.show(INSIDE, &tcp(INSIDE, v4("203.0.113.7", 5, "10.1.0.11", 22), ACK));
    assert_eq!((pair.standby.connections(), pair.observed()), (0, 0));
    pair.active.reports();
    assert_eq!(compare(&mut pair.active, &mut pair.standby).differing, [0_u16; 0]);
    assert_eq!(pair.standby.marked(), 0);
    pair.standby.check();
}

#[test]
fn a_standby_that_comes_late_learns_what_talks() {
    let mut pair = Watched::new();
    open(&mut pair.active, web_client(1));
    open(&mut pair.active, web_client(2));
    pair.client(web_client(1), ACK);
    assert_eq!(pair.standby.connections(), 1);
    // What does not is told, and what is told is not learned once more.
    mirror(&mut pair.active, &mut pair.standby);
    pair.client(web_client(2), ACK);
    assert_eq!(pair.observed(), 1);
    pair.agree();
}

/// Three virtual servers with the same two real servers.
fn shared() -> Configuration {
    let reals = ["10.1.0.11:8080", "10.1.0.12:8080"];
    let draft = reals.iter().fold(Configuration::builder(), |draft, real| draft.real_server(real));
    let names = ["192.0.2.100:80", "192.0.2.100:81", "192.0.2.100:82"];
    let draft = names
        .iter()
        .fold(draft, |draft, name| draft.virtual_server(name, Predictor::RoundRobin).bind(name, &reals));
    draft.build().unwrap()
}

#[test]
fn a_client_port_that_is_translated_is_left_to_the_stream() {
    let mut pair = Watched::with(&shared());
    for virtual_port in [80, 81, 82] {
        pair.open(v4("203.0.113.7", 1, "192.0.2.100", virtual_port));
    }
    assert_eq!(pair.active.count(|counters| &counters.client_ports_translated), 1);
    assert_eq!(pair.observed(), 2);
    assert_eq!(compare(&mut pair.active, &mut pair.standby).differing, [0_u16; 0]);
    pair.agree();
}

#[test]
fn nobody_guesses() {
    let mut pair = Watched::with(&shared());
    // The real server may be meant by either.
    for port in [80, 81] {
        pair.show(OUTSIDE, &tcp(OUTSIDE, v4("203.0.113.7", 1, "192.0.2.100", port), ACK));
    }
    pair.show(INSIDE, &tcp(INSIDE, v4("203.0.113.7", 1, "10.1.0.11", 8_080), ACK));
    assert_eq!(pair.standby.connections(), 0);
    // What is known does not go for what is seen.
    pair.show(OUTSIDE, &tcp(OUTSIDE, web_client(2), ACK));
    pair.standby.apply(create(web_ends(2, "10.1.0.11")));
    pair.show(INSIDE, &tcp(INSIDE, v4("203.0.113.7", 2, "10.1.0.12", 8_080), ACK));
    assert_eq!((pair.standby.connections(), pair.observed()), (1, 0));
    assert!(pair.standby.table().first().unwrap().ends_with("10.1.0.11:8080"));
    pair.standby.check();
}

#[test]
fn what_is_seen_during_a_sweep_is_not_stale() {
    let mut pair = Watched::new();
    for port in 1..=200 {
        pair.open(web_client(port));
    }
    pair.active.reports();
    pair.standby.apply(Update::PassBegins { pass: 1 });
    for port in 1..=200 {
        pair.standby.apply(create(web_ends_of(&pair, port)));
    }
    pair.standby.apply(Update::PassEnds { pass: 1, ranges: RangeSet::ALL.into() });
    // The sweep has not begun.
    assert!(pair.standby.shards.iter().any(|bench| bench.shard.is_busy()));
    for port in 201..=400 {
        pair.open(web_client(port));
    }
    pair.standby.reports();
    assert_eq!(pair.standby.connections(), 400);
    pair.agree();
    // But what the active unit has not is.
    pair.active.wait(3 * HOUR);
    pair.active.reports();
    repair(&mut pair.active, &mut pair.standby, 2, RangeSet::ALL);
    assert_eq!(pair.standby.connections(), 0);
}

/// The ends of the active unit's connection of this client's port.
fn web_ends_of(pair: &Watched, port: u16) -> model::ConnectionEnds {
    let all = pair.active.shards[0].connections();
    let found = all.iter().find(|found| found.client.port == port).unwrap();
    web_ends(port, &found.real_server.address.to_string())
}

#[test]
fn what_is_half_known_is_bounded_and_forgotten_with_the_state() {
    let mut pair = Watched::new();
    pair.show(OUTSIDE, &tcp(OUTSIDE, web_client(1), ACK));
    pair.standby.set_state(UnitState::Active);
    pair.standby.set_state(UnitState::Standby);
    pair.show(INSIDE, &tcp(INSIDE, v4("203.0.113.7", 1, "10.1.0.11", 8_080), ACK));
    assert_eq!(pair.standby.connections(), 0);
    // A flood of SYNs from many ports of some clients.
    for client in 1..=4 {
        for port in 1..=u16::MAX {
            let syn = tcp(OUTSIDE, v4(&format!("203.0.113.{client}"), port, "192.0.2.100", 80), SYN);
            pair.standby.send(&format!("203.0.113.{client}"), OUTSIDE, syn);
        }
    }
    assert!(pair.standby.count(|counters| &counters.replica.half_known_dropped) > 0);
    pair.open(web_client(1));
    assert_eq!(pair.observed(), 1, "the newest is kept");
}
