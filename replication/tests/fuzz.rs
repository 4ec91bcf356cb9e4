//! Nonsense from outside: whatever a peer or a stranger sends, nothing panics, and nothing goes on without end.
//!
//! Runs for a second each under `cargo test`; BOLERO_RANDOM_TEST_TIME_MS says otherwise (scripts/test).

mod peer;

use bolero::TypeGenerator;
use model::{
    Endpoint, HealthRecord, Instant, Protocol, ServerName, ShardOrder, ShardReport, StickyRecord, UnitState,
    Update,
};
use peer::{BATCH, NOW, Peer, orders_of, sent_by, settings, unit};
use replication::{Replicator, Settings};
use std::time::Duration;

/// A part of a body: such as the protocol has, nearly such, or anything.
#[derive(Debug, TypeGenerator)]
enum Piece {
    Anything(Vec<u8>),
    Small(u8),
    Sequence(u64),
    Record { flags: u8, protocol_is_tcp: bool, phase: u8, rest: [u8; 22] },
    LongRecord { flags: u8, length: u8, rest: [u8; 58], extension: Vec<u8> },
    Digest { range: u16, sum: u64, connections: u32 },
    DigestsTold,
    PassBegins(u8),
    PassEnds(u8, u8),
    Sticky { length: u8, rest: [u8; 46] },
    Health { length: u8, state: u8, protocol_is_tcp: bool, rest: [u8; 20] },
    Ranges(u8),
}

impl Piece {
    fn write(&self, body: &mut Vec<u8>) {
        match self {
            Self::Anything(bytes) => body.extend(bytes.iter().take(600)),
            Self::Small(number) => body.push(number % 8),
            Self::Sequence(number) => body.extend((number % 300).to_be_bytes()),
            Self::Record { flags, protocol_is_tcp, phase, rest } => {
                let flags = if flags % 4 == 0 { *flags } else { 3 + flags % 2 };
                body.extend([flags, 26, if *protocol_is_tcp { 6 } else { 17 }, phase % 6]);
                body.extend(rest);
            }
            Self::LongRecord { flags, length, rest, extension } => {
                let whole = 62 + extension.len().min(100);
                let length = if length % 4 == 0 { *length } else { u8::try_from(whole).unwrap_or(u8::MAX) };
                body.extend([flags % 32, length, 6, 0]);
                body.extend(rest);
                body.extend(extension.iter().take(100));
            }
            Self::Digest { range, sum, connections } => {
                body.extend([0x80, 0, 17]);
                body.extend((range % 5_000).to_be_bytes());
                body.extend(sum.to_be_bytes());
                body.extend(connections.to_be_bytes());
            }
            Self::DigestsTold => body.extend([0x81, 0, 3]),
            Self::PassBegins(pass) => body.extend([0x82, 0, 4, pass % 4]),
            Self::PassEnds(pass, fill) => {
                body.extend([0x83, 2, 4, pass % 4]);
                body.extend([*fill; 512]);
            }
            Self::Sticky { length, rest } => {
                let length = [25, 49, length % 64][usize::from(length % 3)];
                body.extend([0x84, 0, length]);
                body.extend(rest.iter().take(usize::from(length).saturating_sub(3)));
            }
            Self::Health { length, state, protocol_is_tcp, rest } => {
                let length = [13, 25, length % 32][usize::from(length % 3)];
                let head = [state % 3, if *protocol_is_tcp { 6 } else { 17 }];
                body.extend([0x85, 0, length]);
                body.extend(head.iter().chain(rest).take(usize::from(length).saturating_sub(3)));
            }
            Self::Ranges(fill) => body.extend([*fill; 512]),
        }
    }
}

/// A unit that takes little time to make.
fn small(workers: usize) -> Settings {
    Settings { workers, history_batches: 64, reorder_batches: 64, ..settings() }
}

/// One thing that happens.
#[derive(Debug, TypeGenerator)]
enum Event {
    Authentic { kind: u8, path: u8, body: Vec<Piece> },
    Batch { sequence: u8, oldest: u8, items: Vec<Piece> },
    State(bool),
    Report { worker: u8, round: u8, range: u16, agrees: bool, which: u8 },
    Wait(u16),
}

/// Lets `event` happen. Returns the bytes that `unit` was sent.
fn happen(unit: &mut Replicator, peer: &mut Peer, now: &mut Instant, event: &Event) -> usize {
    let mut bytes = Vec::new();
    match event {
        Event::Authentic { kind, path, body } => {
            body.iter().for_each(|piece| piece.write(&mut bytes));
            unit.receive(*now, usize::from(*path % 4), &mut peer.seal(kind % 8, &bytes));
        }
        Event::Batch { sequence, oldest, items } => {
            bytes.extend([u64::from(*sequence).to_be_bytes(), u64::from(*oldest).to_be_bytes()].concat());
            items.iter().for_each(|piece| piece.write(&mut bytes));
            unit.receive(*now, 0, &mut peer.seal(BATCH, &bytes));
        }
        Event::State(is_active) => {
            let state = if *is_active { UnitState::Active } else { UnitState::Standby };
            if unit.status(*now).state != state {
                unit.set_state(*now, state);
                peer.connect_at(unit, UnitState::Active, *now);
            }
        }
        Event::Report { worker, round, range, agrees, which } => {
            let report = match which % 7 {
                0 => ShardReport::DigestsTold { round: u32::from(*round) },
                1 => ShardReport::Walked { pass: *round },
                2 => ShardReport::Compared { range: *range, agrees: *agrees },
                3 => ShardReport::RoundCompared { round: u32::from(*round) },
                4 => ShardReport::Update(Update::Sticky(StickyRecord {
                    scope: u64::from(*round),
                    client: [10, *which, 0, *round].into(),
                    real_server: Endpoint::new([10, 0, 0, *round].into(), *range),
                    period_s: u32::from(*range),
                })),
                5 => {
                    let (address, port, bind_id) = ([u16::from(*which); 8].into(), *range, 0);
                    let real_server = ServerName { address, port, bind_id, protocol: Protocol::Udp };
                    ShardReport::Update(Update::Health(HealthRecord { real_server, has_failed: *agrees }))
                }
                _ => ShardReport::Update(Update::DigestsTold),
            };
            unit.report(*now, usize::from(*worker % 4), report);
        }
        Event::Wait(milliseconds) => *now = *now + Duration::from_millis(u64::from(*milliseconds)),
    }
    bytes.len()
}

/// Whatever happened, the unit comes to rest, and hands out no more than came in.
fn comes_to_rest(unit: &mut Replicator, now: Instant, came_in: &mut usize) {
    let _ = sent_by(unit, now);
    let orders = orders_of(unit);
    let applied = orders.iter().filter(|order| matches!(order, ShardOrder::Apply(_))).count();
    assert!(applied <= *came_in, "{applied} of {came_in}");
    *came_in -= applied;
    let _ = (unit.status(now), unit.deadline());
}

#[test]
fn an_authentic_peer_that_talks_nonsense() {
    bolero::check!().with_type::<(bool, Vec<Event>)>().for_each(|(is_active, events)| {
        let state = if *is_active { UnitState::Active } else { UnitState::Standby };
        let mut unit = unit(small(2), state);
        let mut peer = Peer::of(&mut unit, UnitState::Active);
        let (mut now, mut came_in) = (NOW, 0);
        for event in events {
            // The shortest item is of two bytes.
            came_in += happen(&mut unit, &mut peer, &mut now, event) / 2;
            comes_to_rest(&mut unit, now, &mut came_in);
        }
    });
}

#[test]
fn a_stranger_that_talks_nonsense() {
    bolero::check!().with_type::<(u8, Vec<u8>)>().for_each(|(kept, bytes)| {
        let mut standby = unit(small(1), UnitState::Standby);
        let mut peer = Peer::of(&mut standby, UnitState::Active);
        let genuine = peer.batch(0, &[0; 40]);
        let mut datagram = genuine[..usize::from(*kept) % genuine.len()].to_vec();
        datagram.extend(bytes);
        if datagram == genuine {
            return;
        }
        let rejected = standby.status(NOW).rejected.total();
        standby.receive(NOW, 0, &mut datagram);
        assert_eq!(standby.status(NOW).rejected.total(), rejected + 1);
        assert_eq!(orders_of(&mut standby), []);
    });
}
