//! The table against a plain map, and with many who use it at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Barrier;
use std::thread;

use proptest::prelude::*;

use super::*;
use model::limits;

const PERIOD: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Instant {
    Instant::from_millis(1_000 * seconds)
}

/// A network of IPv4 or of IPv6 clients.
fn client(index: u32) -> IpNet {
    if index.is_multiple_of(2) {
        IpNet::new(Ipv4Addr::from_bits(0xc633_0000 + 256 * index).into(), 24).unwrap()
    } else {
        IpNet::new(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(index) << 64).into(), 64).unwrap()
    }
}

/// A real server of the client's address family.
fn real(client: IpNet, index: u16) -> Endpoint {
    let address: IpAddr = match client {
        IpNet::V4(_) => Ipv4Addr::new(10, 1, 0, 1).into(),
        IpNet::V6(_) => Ipv6Addr::from_bits(0x2001_0db8_0001 << 80 | u128::from(index)).into(),
    };
    Endpoint::new(address, index)
}

fn entry(scope: u64, index: u32, port: u16, used: Instant) -> StickyEntry {
    let client = client(index);
    StickyEntry { scope, client, real: real(client, port), used, period: PERIOD }
}

fn all(table: &StickyTable, now: Instant) -> Vec<StickyEntry> {
    let mut entries = Vec::new();
    let mut from = 0;
    // In parts, as a walk between other things is.
    while from < table.positions() {
        let end = from + 5;
        from = match table.next(now, from, end) {
            Some((position, entry)) => {
                entries.push(entry);
                position + 1
            }
            None => end,
        };
    }
    entries
}

/// What may happen to a table with two scopes and four clients.
#[derive(Clone, Debug)]
enum Event {
    Note(u64, u32, u16),
    FindOrNote(u64, u32, u16),
    Find(u64, u32),
    Remove(Option<u64>, Option<u32>),
    Clear,
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0..2_u64, 0..4_u32, 0..3_u16).prop_map(|(scope, client, real)| Event::Note(scope, client, real)),
        4 => (0..2_u64, 0..4_u32, 0..3_u16).prop_map(|(scope, client, real)| Event::FindOrNote(scope, client, real)),
        8 => (0..2_u64, 0..4_u32).prop_map(|(scope, client)| Event::Find(scope, client)),
        1 => (prop::option::of(0..2_u64), prop::option::of(0..4_u32))
            .prop_map(|(scope, client)| Event::Remove(scope, client)),
        1 => Just(Event::Clear),
        4 => (0..40_u64).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..200)
}

proptest! {
    /// One bucket has room for all that there may be.
    #[test]
    fn all_is_as_in_a_map(events in events(), seed in any::<u64>()) {
        let table = StickyTable::new(WAYS, seed);
        let mut map = HashMap::new();
        let mut now = at(0);
        for event in events {
            let live = |map: &HashMap<_, (Endpoint, Instant)>, scope, client| {
                map.get(&(scope, client)).filter(|(_, used)| now.since(*used) <= PERIOD).map(|(real, _)| *real)
            };
            match event {
                Event::Note(scope, index, port) => {
                    table.note(entry(scope, index, port, now));
                    map.insert((scope, index), (real(client(index), port), now));
                }
                Event::FindOrNote(scope, index, port) => {
                    let known = live(&map, scope, index).unwrap_or(real(client(index), port));
                    prop_assert_eq!(table.find_or_note(entry(scope, index, port, now)), Some(known));
                    map.insert((scope, index), (known, now));
                }
                Event::Find(scope, index) => {
                    prop_assert_eq!(table.find(now, scope, client(index)), live(&map, scope, index));
                }
                Event::Remove(scope, index) => {
                    let before = map.len();
                    map.retain(|&(of, client), _| {
                        scope.is_some_and(|scope| scope != of) || index.is_some_and(|index| index != client)
                    });
                    prop_assert_eq!(table.remove(scope, index.map(client)), (before - map.len()) as u64);
                }
                Event::Clear => {
                    prop_assert_eq!(table.remove(None, None), map.len() as u64);
                    map.clear();
                }
                Event::Pass(seconds) => now = now + Duration::from_secs(seconds),
            }
            prop_assert_eq!(table.len(), map.len());
        }
        let entries = all(&table, now);
        let live = map.iter().filter(|(_, (_, used))| now.since(*used) <= PERIOD);
        prop_assert_eq!(entries.len(), live.count());
        for entry in entries {
            let index = (0..4).find(|&index| client(index) == entry.client).unwrap();
            prop_assert_eq!(map[&(entry.scope, index)], (entry.real, entry.used));
            prop_assert_eq!(entry.period, PERIOD);
        }
    }
}

#[test]
fn where_there_is_no_room_the_expired_and_then_the_oldest_goes() {
    let table = StickyTable::new(WAYS, 1);
    for index in 0..8 {
        table.note(entry(0, index, 80, at(100 + u64::from(index))));
    }
    // The oldest is used again; another is remembered for a short time only.
    table.note(entry(0, 0, 80, at(120)));
    table.note(StickyEntry { period: Duration::from_secs(1), ..entry(0, 5, 80, at(110)) });
    table.note(entry(0, 8, 80, at(125)));
    table.note(entry(0, 9, 80, at(125)));
    let left: Vec<_> = (0..10).filter(|&index| table.find(at(125), 0, client(index)).is_some()).collect();
    assert_eq!(left, [0, 2, 3, 4, 6, 7, 8, 9], "first the fifth, then the first");
    assert_eq!(table.len(), WAYS);
}

#[test]
fn clients_are_removed_by_their_own_network_by_wider_and_by_narrower_ones() {
    let table = StickyTable::new(1_024, 7);
    let fill = || (0..100).for_each(|index| table.note(entry(u64::from(index % 3), index, 80, at(1))));
    fill();
    assert_eq!(table.remove(None, Some("198.51.0.0/16".parse().unwrap())), 50);
    assert_eq!(table.remove(None, Some("2001:db8:0:1::7/128".parse().unwrap())), 1);
    assert_eq!(table.remove(Some(2), Some("2001:db8::/32".parse().unwrap())), 16);
    assert_eq!(table.remove(Some(9), None), 0);
    assert_eq!(table.len(), 33);
    fill();
    assert_eq!(table.remove(Some(0), None), 34);
    assert_eq!(table.remove_where(|entry| entry.real.address.is_ipv4()), 33);
    assert_eq!(table.remove(None, None), 33);
    assert_eq!((table.len(), all(&table, at(1))), (0, vec![]));
}

#[test]
fn the_whole_table_has_room_for_nearly_as_many_as_it_says() {
    let table = StickyTable::new(limits::STICKY_ENTRIES, 3);
    assert_eq!(table.positions(), limits::STICKY_ENTRIES);
    let count = u32::try_from(limits::STICKY_ENTRIES / 2).unwrap();
    (0..count).for_each(|index| table.note(entry(0, index, 80, at(1))));
    // Half full, few buckets overflow.
    assert!(table.len() > limits::STICKY_ENTRIES / 2 * 97 / 100, "{}", table.len());
    assert_eq!(all(&table, at(1)).len(), table.len());
}

const THREADS: u32 = 4;

/// All words of what is read belong together, whoever writes: the real server follows from the client.
#[test]
fn nobody_sees_what_is_half_written() {
    let table = &StickyTable::new(2 * WAYS, 5);
    // More than there is room for, so that they take each other's places.
    let expected = |index: u32| real(client(index), u16::try_from(7 * index + 1).unwrap());
    let noted = |index: u32| StickyEntry { real: expected(index), ..entry(3, index, 0, at(1)) };
    let check = |entry: StickyEntry| {
        let index = (0..40).find(|&index| client(index) == entry.client).expect("a client that there is");
        assert_eq!(entry, noted(index));
    };
    thread::scope(|scope| {
        for worker in 0..THREADS {
            scope.spawn(move || {
                for round in 0..30_000_u32 {
                    let index = round.wrapping_mul(2 * worker + 7) % 40;
                    match round % 4 {
                        0 => table.note(noted(index)),
                        1 => assert!(
                            table.find_or_note(noted(index)).is_none_or(|real| real == expected(index))
                        ),
                        2 => {
                            let found = table.find(at(2), 3, client(index));
                            assert!(found.is_none_or(|real| real == expected(index)));
                        }
                        _ => {
                            table
                                .next(at(2), round as usize % 16, 16)
                                .into_iter()
                                .for_each(|(_, entry)| check(entry));
                            if round % 1_000 == 3 {
                                table.remove(None, Some(client(index)));
                            }
                        }
                    }
                }
            });
        }
    });
    let entries = all(table, at(2));
    assert_eq!(entries.len(), table.len());
    entries.into_iter().for_each(check);
}

/// Each wants the client for a real server of its own.
#[test]
fn all_who_ask_at_once_get_the_same() {
    let table = &StickyTable::new(16_384, 9);
    let barrier = &Barrier::new(THREADS as usize);
    const CLIENTS: u32 = 500;
    let ask = |worker: u32| {
        let ask = |index| {
            if index % 50 == 0 {
                barrier.wait();
            }
            table.find_or_note(entry(0, index, u16::try_from(worker).unwrap(), at(1)))
        };
        (0..CLIENTS).map(ask).collect::<Vec<_>>()
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|worker| scope.spawn(move || ask(worker))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    for index in 0..CLIENTS {
        let found = table.find(at(1), 0, client(index));
        // `None` is of one who gave up.
        let got = answers.iter().filter_map(|answers| answers[index as usize]);
        assert!(got.into_iter().all(|real| Some(real) == found), "{index}");
    }
    assert_eq!(all(table, at(1)).len(), CLIENTS as usize, "each once");
}
