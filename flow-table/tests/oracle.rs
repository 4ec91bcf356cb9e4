//! The table against a plain `HashMap`, under every kind of bad hash.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails, in its helpers too")]

use std::collections::HashMap;

use flow_table::{Entry, FlowId, FlowTable};
use proptest::prelude::*;

/// Entries have numbers below this; each has the keys `(false, number)` and `(true, number)`.
const NUMBERS: u32 = 100;

type Key = (bool, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Thing {
    number: u32,
    /// Tells one insertion of a number from the next.
    serial: u64,
    is_marked: bool,
}

impl Entry for Thing {
    type Key = Key;

    fn matches(&self, &(_, number): &Key) -> bool {
        self.number == number
    }
}

/// What an attacker, or bad luck, may do to the hashes.
#[derive(Clone, Copy, Debug)]
enum Hashing {
    Mixed,
    AllEqual(u64),
    EqualTags,
    EqualHomes(u32),
    /// The upper bits differ little, so that paths begin at neighbours and overlap, with few tags.
    Neighbours,
}

impl Hashing {
    fn hash(self, (side, number): Key) -> u64 {
        let mixed =
            u64::from(number << 1 | u32::from(side)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match self {
            Self::Mixed => mixed,
            Self::AllEqual(hash) => hash,
            Self::EqualTags => mixed & !0xffff,
            Self::EqualHomes(upper) => u64::from(upper) << 32 | mixed & 0xffff_ffff,
            Self::Neighbours => mixed & 0xe000_0000_0000_0001,
        }
    }

    fn hashes(self, number: u32) -> [u64; 2] {
        [self.hash((false, number)), self.hash((true, number))]
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(u32),
    Remove(u32),
    RemoveUnderWrongHash(u32),
    Mark(u32),
    /// A batch through the stages; the numbers to be removed and inserted between the second and the third.
    Batch {
        keys: Vec<Key>,
        removed: u32,
        inserted: u32,
    },
    Walk {
        slots: usize,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let number = || 0..NUMBERS;
    prop_oneof![
        6 => number().prop_map(Operation::Insert),
        3 => number().prop_map(Operation::Remove),
        1 => number().prop_map(Operation::RemoveUnderWrongHash),
        1 => number().prop_map(Operation::Mark),
        2 => (prop::collection::vec((any::<bool>(), number()), 1..16), number(), number())
            .prop_map(|(keys, removed, inserted)| Operation::Batch { keys, removed, inserted }),
        3 => (1_usize..40).prop_map(|slots| Operation::Walk { slots }),
    ]
}

fn hashing() -> impl Strategy<Value = Hashing> {
    prop_oneof![
        Just(Hashing::Mixed),
        any::<u64>().prop_map(Hashing::AllEqual),
        Just(Hashing::EqualTags),
        any::<u32>().prop_map(Hashing::EqualHomes),
        Just(Hashing::Neighbours),
    ]
}

/// A walk that goes on while the table changes.
#[derive(Default)]
struct Walk {
    position: usize,
    /// By serial number: entries that were there at the start and still are.
    expected: Vec<u64>,
    met: Vec<u64>,
}

struct Trial {
    table: FlowTable<Thing>,
    hashing: Hashing,
    oracle: HashMap<u32, (FlowId, Thing)>,
    walk: Walk,
    serial: u64,
}

impl Trial {
    fn new(capacity: usize, hashing: Hashing) -> Self {
        let table = FlowTable::with_capacity(capacity);
        Self { table, hashing, oracle: HashMap::new(), walk: Walk::default(), serial: 0 }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Insert(number) => self.insert(number),
            Operation::Remove(number) => self.remove(number),
            Operation::RemoveUnderWrongHash(number) => self.remove_under_wrong_hash(number),
            Operation::Mark(number) => self.mark(number),
            Operation::Batch { keys, removed, inserted } => self.batch(&keys, removed, inserted),
            Operation::Walk { slots } => self.step(slots),
        }
    }

    fn insert(&mut self, number: u32) {
        if self.oracle.contains_key(&number) {
            return;
        }
        self.serial += 1;
        let thing = Thing { number, serial: self.serial, is_marked: false };
        let was_full = self.oracle.len() == self.table.capacity();
        match self.table.insert(thing, self.hashing.hashes(number)) {
            Ok(id) => {
                assert!(!was_full && id.index() < self.table.slots());
                assert!(self.oracle.values().all(|&(other, _)| other != id), "{id:?} was given twice");
                self.oracle.insert(number, (id, thing));
            }
            Err(returned) => {
                assert!(was_full, "refused with room left");
                assert_eq!(returned, thing);
            }
        }
    }

    fn remove(&mut self, number: u32) {
        let Some((id, thing)) = self.oracle.remove(&number) else {
            return;
        };
        assert_eq!(self.table.remove(id, self.hashing.hashes(number)), Some(thing));
        assert_eq!(self.table.get(id), None);
        assert_eq!(self.table.remove(id, self.hashing.hashes(number)), None);
        self.walk.expected.retain(|&serial| serial != thing.serial);
    }

    fn remove_under_wrong_hash(&mut self, number: u32) {
        let Some(&(id, _)) = self.oracle.get(&number) else {
            return;
        };
        let [first, second] = self.hashing.hashes(number);
        // The tag is neither's, so that no bucket has it for this entry.
        let wrong = (0..).find(|tag| (first ^ tag) & 0xffff != 0 && (second ^ tag) & 0xffff != 0).unwrap();
        assert_eq!(self.table.remove(id, [first, wrong]), None);
        assert_eq!(self.table.remove(id, [wrong, second]), None);
    }

    fn mark(&mut self, number: u32) {
        let Some((id, thing)) = self.oracle.get_mut(&number) else {
            return;
        };
        thing.is_marked = true;
        self.table.get_mut(*id).unwrap().is_marked = true;
    }

    fn batch(&mut self, keys: &[Key], removed: u32, inserted: u32) {
        let hashes: Vec<u64> = keys.iter().map(|&key| self.hashing.hash(key)).collect();
        hashes.iter().for_each(|&hash| self.table.prefetch(hash));
        let candidates: Vec<_> = hashes.iter().map(|&hash| self.table.candidate(hash)).collect();
        for (&(_, number), candidate) in keys.iter().zip(&candidates) {
            assert!(candidate.is_some() || !self.oracle.contains_key(&number), "no candidate for {number}");
        }
        self.remove(removed);
        self.insert(inserted);
        for ((key, hash), candidate) in keys.iter().zip(hashes).zip(candidates) {
            let expected = self.oracle.get(&key.1).map(|&(id, _)| id);
            let verified = self.table.verify(candidate, key).map(|thing| thing.serial);
            let found = self.oracle.get(&key.1).map(|(_, thing)| thing.serial);
            assert!(verified.is_none() || verified == found, "{key:?}");
            assert_eq!(self.table.confirm(candidate, hash, key), expected, "{key:?}");
        }
    }

    fn step(&mut self, slots: usize) {
        if self.walk.position == 0 {
            self.walk.expected = self.oracle.values().map(|(_, thing)| thing.serial).collect();
        }
        let end = self.walk.position + slots;
        while let Some(id) = self.table.next_occupied(self.walk.position, end) {
            assert!((self.walk.position..end).contains(&id.index()));
            self.walk.position = id.index() + 1;
            self.walk.met.push(self.table.get(id).unwrap().serial);
        }
        self.walk.position = end;
        if end >= self.table.slots() {
            self.finish_walk();
        }
    }

    fn finish_walk(&mut self) {
        let Walk { expected, mut met, .. } = std::mem::take(&mut self.walk);
        met.sort_unstable();
        assert!(met.is_sorted_by(|earlier, later| earlier < later), "met twice: {met:?}");
        assert!(expected.iter().all(|serial| met.contains(serial)), "missed: {expected:?} of {met:?}");
    }

    fn check(&self) {
        assert_eq!(self.table.len(), self.oracle.len());
        assert_eq!(self.table.is_empty(), self.oracle.is_empty());
        assert_eq!(self.table.is_full(), self.oracle.len() == self.table.capacity());
        assert!(self.table.slots() <= self.table.capacity());
        for key in (0..NUMBERS).flat_map(|number| [(false, number), (true, number)]) {
            let found = self.table.find(self.hashing.hash(key), &key);
            let expected = self.oracle.get(&key.1);
            assert_eq!(found, expected.map(|&(id, _)| id), "{key:?}");
            assert_eq!(found.and_then(|id| self.table.get(id)), expected.map(|(_, thing)| thing));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_table_is_a_map(
        capacity in 1_usize..90,
        hashing in hashing(),
        operations in prop::collection::vec(operation(), 1..300),
    ) {
        let mut trial = Trial::new(capacity, hashing);
        for operation in operations {
            trial.apply(operation);
            trial.check();
        }
        (0..NUMBERS).for_each(|number| trial.remove(number));
        trial.check();
    }
}
