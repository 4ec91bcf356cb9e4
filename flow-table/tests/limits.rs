//! The table at its limits: full, empty again, walked while it changes, and large.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails, in its helpers too")]

use flow_table::{Entry, FlowId, FlowTable};

/// A cache line, with a niche in `is_marked`, as connections have.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: u64,
    payload: [u8; 55],
    is_marked: bool,
}

impl Line {
    const fn new(number: u64) -> Self {
        Self { number, payload: [0xa5; 55], is_marked: false }
    }
}

impl Entry for Line {
    type Key = u64;

    fn matches(&self, key: &u64) -> bool {
        self.number == *key
    }
}

/// An entry of three cache lines that owns memory.
struct Wide {
    number: u64,
    _owned: Box<u64>,
    _rest: [u64; 18],
}

impl Entry for Wide {
    type Key = u64;

    fn matches(&self, key: &u64) -> bool {
        self.number == *key
    }
}

fn hashes(number: u64) -> [u64; 2] {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [mixed, mixed.rotate_left(23).wrapping_mul(0xd6e8_feb8_6659_fd93)]
}

fn filled(entries: u64) -> (FlowTable<Line>, Vec<FlowId>) {
    let mut table = FlowTable::with_capacity(usize::try_from(entries).unwrap());
    let ids = (0..entries).map(|number| table.insert(Line::new(number), hashes(number)).unwrap()).collect();
    (table, ids)
}

fn is_found(table: &FlowTable<Line>, number: u64, id: Option<FlowId>) -> bool {
    hashes(number).iter().all(|&hash| table.find(hash, &number) == id)
}

#[test]
fn takes_as_many_as_it_was_made_for_and_gives_the_next_back() {
    for entries in [1, 2, 3, 7, 100, 20_000] {
        let (mut table, ids) = filled(entries);
        assert!(table.is_full());
        assert_eq!(table.insert(Line::new(entries), hashes(entries)), Err(Line::new(entries)));
        assert!(is_found(&table, entries, None));
        assert!((0..entries).zip(&ids).all(|(number, &id)| is_found(&table, number, Some(id))));
    }
}

#[test]
fn a_table_for_nothing_holds_nothing() {
    let mut table = FlowTable::with_capacity(0);
    assert!(table.is_full() && table.is_empty());
    assert_eq!(table.insert(Line::new(1), hashes(1)), Err(Line::new(1)));
    assert!(is_found(&table, 1, None));
    assert_eq!(table.next_occupied(0, usize::MAX), None);
}

#[test]
fn a_freed_slot_is_the_next_to_be_used() {
    let (mut table, ids) = filled(100);
    assert_eq!(table.remove(ids[42], hashes(42)), Some(Line::new(42)));
    assert!(!table.is_full());
    assert_eq!(table.get(ids[42]), None);
    assert!(is_found(&table, 42, None));
    assert_eq!(table.insert(Line::new(500), hashes(500)), Ok(ids[42]));
    assert!(is_found(&table, 500, Some(ids[42])));
    assert_eq!(table.slots(), 100);
}

#[test]
fn a_stale_id_does_not_remove_the_slots_next_entry() {
    let (mut table, ids) = filled(10);
    assert!(table.remove(ids[3], hashes(3)).is_some());
    assert!(table.insert(Line::new(77), hashes(77)).is_ok());
    assert_eq!(table.remove(ids[3], hashes(3)), None);
    assert!(is_found(&table, 77, Some(ids[3])));
}

#[test]
fn survives_ten_generations_of_churn() {
    let (mut table, mut ids) = filled(5_000);
    for number in 0..50_000 {
        let slot = usize::try_from(number % 5_000).unwrap();
        assert!(table.remove(ids[slot], hashes(number)).is_some());
        ids[slot] = table.insert(Line::new(number + 5_000), hashes(number + 5_000)).unwrap();
    }
    assert!(table.is_full());
    assert!((0..5_000).zip(&ids).all(|(number, &id)| is_found(&table, number + 50_000, Some(id))));
    assert!((0..50_000).all(|number| is_found(&table, number, None)));
}

#[test]
fn an_expiry_walk_in_slices_removes_what_it_meets() {
    let (mut table, _) = filled(1_000);
    let mut slot = 0;
    while slot < table.slots() {
        let end = slot + 64;
        while let Some(id) = table.next_occupied(slot, end) {
            slot = id.index() + 1;
            let number = table.get(id).unwrap().number;
            if number % 3 == 0 {
                assert_eq!(table.remove(id, hashes(number)), Some(Line::new(number)));
            }
        }
        slot = end;
    }
    assert_eq!(table.len(), 666);
    for number in 0..1_000 {
        assert_eq!(table.find(hashes(number)[0], &number).is_some(), number % 3 != 0);
    }
}

#[test]
fn a_walk_sees_only_its_range() {
    let (table, ids) = filled(10);
    assert_eq!(table.next_occupied(3, 3), None);
    assert_eq!(table.next_occupied(3, 4), Some(ids[3]));
    assert_eq!(table.next_occupied(10, 100), None);
    assert_eq!(table.next_occupied(7, 3), None);
    assert_eq!(table.next_occupied(usize::MAX, usize::MAX), None);
}

#[test]
fn only_used_slots_need_to_be_walked() {
    let mut table = FlowTable::with_capacity(1_000_000);
    assert_eq!(table.slots(), 0);
    for number in 0..10 {
        let id = table.insert(Line::new(number), hashes(number)).unwrap();
        assert!(table.remove(id, hashes(number)).is_some());
    }
    assert_eq!(table.slots(), 1);
}

#[test]
fn an_entry_of_one_cache_line_costs_little_more_than_ninety_bytes() {
    assert_eq!(size_of::<Line>(), 64);
    assert_eq!(FlowTable::<Line>::SLOT_BYTES, 64);
    let table = FlowTable::<Line>::with_capacity(1_000_000);
    let bytes = table.memory_bytes();
    assert!((90_000_000..96_000_000).contains(&bytes), "{bytes}");
}

#[test]
fn entries_begin_at_cache_lines() {
    let (table, ids) = filled(10);
    assert!(ids.iter().all(|&id| { std::ptr::from_ref(table.get(id).unwrap()).addr().is_multiple_of(64) }));
}

/// Half a gigabyte of entries and a third of that of index are address space until they are used. A small part of
/// either may be touched, even where the kernel gives pages of 2 MiB.
#[test]
#[cfg(target_os = "linux")]
fn a_huge_table_touches_only_what_it_uses() {
    let before = resident_bytes();
    let mut table = FlowTable::with_capacity(8_000_000);
    for number in 0..10 {
        assert!(table.insert(Line::new(number), hashes(number)).is_ok());
    }
    let touched = resident_bytes().saturating_sub(before);
    assert!(table.memory_bytes() > 680_000_000);
    assert!(touched < table.memory_bytes() / 8, "{touched} bytes");
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse::<usize>().unwrap() * 1024
}

#[test]
#[should_panic(expected = "slots are numbered by 32 bits")]
fn refuses_more_entries_than_ids() {
    let _ = FlowTable::<Line>::with_capacity(1 << 32);
}

#[test]
fn wide_entries_that_own_memory_are_dropped_once() {
    let mut table = FlowTable::with_capacity(50);
    let wide = |number| Wide { number, _owned: Box::new(number), _rest: [number; 18] };
    let ids: Vec<FlowId> =
        (0..50).map(|number| table.insert(wide(number), hashes(number)).ok().unwrap()).collect();
    assert_eq!(FlowTable::<Wide>::SLOT_BYTES, 192);
    for (number, &id) in (0..25).zip(&ids) {
        assert_eq!(table.remove(id, hashes(number)).map(|wide| wide.number), Some(number));
    }
    assert_eq!(
        hashes(30).map(|hash| table.candidate(hash).and_then(|id| table.get(id)).map(|wide| wide.number)),
        [Some(30); 2]
    );
}

#[test]
fn tables_may_be_moved_to_their_threads() {
    const fn movable<T: Send + Sync>() {}
    movable::<FlowTable<Line>>();
}
