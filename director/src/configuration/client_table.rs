//! Which real server each client gets where its address decides: the tables of the predictors `source-hash` and `maglev`.
//!
//! A table follows from the names and weights of the real servers and from the seed alone, so that both units of a pair
//! and each start have the same. It is filled where configurations are made, never by a worker, and is shared by all of
//! them. It knows nothing of who can be reached: [`ClientTable::choose`] asks.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use model::ServerName;

use super::{Configuration, Predictor};
use crate::connection::{multiply, secrets};
use crate::predictor::ClientHasher;

/// Entries of a Maglev table: primes, so that each real server's way through the table meets all entries; and of all
/// clients a real server more or less gets a hundredth of what it should at most. There is no smaller one for fewer real
/// servers: where the size changes, all clients move.
const FEW_ENTRIES: usize = 16_381;
const MANY_ENTRIES: usize = 65_537;
/// The real servers that the smaller one is for.
const FEW: usize = 160;

/// Entries that the table of a plain hash has about, at most.
const MOST_ENTRIES: u64 = 65_537;

/// How often a client whose real server can not be chosen is given another by the table.
const ATTEMPTS: u64 = 64;

/// The table of one virtual server. Its bindings are called by their place among the virtual server's.
#[derive(Debug)]
pub(crate) struct ClientTable {
    contents: Contents,
    /// Place by a part of the client's hash. Those that stand in for others are not here. Empty if there are no others.
    entries: Box<[u16]>,
    /// A number for each binding, to choose by where the table has nobody.
    keys: Box<[u64]>,
}

/// What a table follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Contents {
    predictor: Predictor,
    seed: u64,
    /// By place.
    members: Box<[Member]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    name: ServerName,
    weight: u16,
    is_stand_in: bool,
}

/// The tables of a configuration by virtual server, each filled when it is wanted first.
#[derive(Clone, Default)]
pub(super) struct ClientTables(Arc<[OnceLock<Arc<ClientTable>>]>);

/// Thousands of numbers that say nothing to anybody.
impl fmt::Debug for ClientTables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientTables").finish_non_exhaustive()
    }
}

/// They follow from the rest of the configuration.
impl PartialEq for ClientTables {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for ClientTables {}

impl ClientTables {
    pub(super) fn new(virtual_servers: usize) -> Self {
        Self((0..virtual_servers).map(|_| OnceLock::new()).collect())
    }
}

impl Configuration {
    /// The table of a virtual server, if its predictor needs one. The first call fills it: some milliseconds.
    pub(crate) fn client_table(&self, virtual_server: usize) -> Option<Arc<ClientTable>> {
        let contents = Contents::of(self, virtual_server)?;
        let table = self.client_tables.0.get(virtual_server)?;
        Some(Arc::clone(table.get_or_init(|| Arc::new(ClientTable::fill(contents)))))
    }

    /// The same configuration, which takes over from `former` the tables of those virtual servers whose real servers are the
    /// same: what has not changed need not be computed again.
    #[must_use]
    pub fn with_tables_of(mut self, former: &Self) -> Self {
        let formers = former.virtual_servers.iter().map(super::VirtualServer::name);
        let formers: HashMap<_, _> = formers.zip(former.client_tables.0.iter()).collect();
        let table = |(index, server): (usize, &super::VirtualServer)| {
            let own = self.client_tables.0.get(index).and_then(OnceLock::get);
            let former = || formers.get(&server.name)?.get();
            let is_same =
                |table: &&Arc<ClientTable>| Some(&table.contents) == Contents::of(&self, index).as_ref();
            let table = own.or_else(|| former().filter(is_same));
            table.map_or_else(OnceLock::new, |table| OnceLock::from(Arc::clone(table)))
        };
        let tables = self.virtual_servers.iter().enumerate().map(table).collect();
        self.client_tables = ClientTables(tables);
        self
    }
}

impl Contents {
    /// `None` where clients are not hashed.
    fn of(configuration: &Configuration, virtual_server: usize) -> Option<Self> {
        let server = &configuration.virtual_servers[virtual_server];
        if !matches!(server.predictor, Predictor::SourceHash | Predictor::Maglev) {
            return None;
        }
        let member = |binding: &super::Binding| {
            let real = &configuration.real_servers[binding.real_server];
            Member { name: real.name, weight: real.weight, is_stand_in: binding.stand_in.is_some() }
        };
        let members = configuration.bindings[server.bindings()].iter().map(member).collect();
        Some(Self { predictor: server.predictor, seed: configuration.hash_seed, members })
    }
}

impl ClientTable {
    fn fill(contents: Contents) -> Self {
        let hasher = ClientHasher::new(contents.seed);
        let keys: Box<[u64]> = contents.members.iter().map(|member| key(&hasher, member.name)).collect();
        // In the order of their names, so that it does not matter in which order they were written.
        let places = (0_u16..).zip(&contents.members).filter(|(_, member)| !member.is_stand_in);
        let mut places: Vec<_> = places.map(|(place, member)| (member.name, place, member.weight)).collect();
        places.sort_unstable();
        let places: Vec<_> = places.into_iter().map(|(_, place, weight)| (place, weight)).collect();
        let entries = match (&places[..], contents.predictor) {
            ([] | [_], _) => places.iter().map(|&(place, _)| place).collect(),
            (_, Predictor::Maglev) => permuted(&places, &keys),
            _ => repeated(&places),
        };
        Self { contents, entries, keys }
    }

    /// The binding for the client with this hash: the one that the table names. Where that one can not be chosen, the table
    /// is asked again and again with another hash of the client; so only the clients of one that can not be chosen move, and
    /// they are spread over all others. If it has nobody, it is one of all that can be.
    #[inline]
    pub(crate) fn choose(&self, client: u64, can_be_chosen: impl Fn(usize) -> bool) -> Option<usize> {
        let named = self.entry(client).filter(|&place| can_be_chosen(place));
        named.or_else(|| self.choose_another(client, can_be_chosen))
    }

    #[cold]
    fn choose_another(&self, client: u64, can_be_chosen: impl Fn(usize) -> bool) -> Option<usize> {
        let [secret] = secrets(self.contents.seed);
        let again = |attempt: u64| self.entry(multiply(client ^ attempt, secret | 1));
        let mut named = (1..=ATTEMPTS).filter_map(again);
        named.find(|&place| can_be_chosen(place)).or_else(|| {
            // The highest of random numbers that the client and each candidate have together.
            let all = (0..self.keys.len()).filter(|&place| can_be_chosen(place));
            all.max_by_key(|&place| multiply(client ^ self.keys[place], secret | 1))
        })
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "less than the number of entries")]
    fn entry(&self, hash: u64) -> Option<usize> {
        let index = (hash as u128 * self.entries.len() as u128) >> u64::BITS;
        self.entries.get(index as usize).copied().map(usize::from)
    }
}

/// A number that follows from a real server's name.
fn key(hasher: &ClientHasher, name: ServerName) -> u64 {
    let rest = u64::from(name.port) << 8 | u64::from(name.protocol.number());
    let [key] = secrets(hasher.hash(name.address) ^ rest);
    key
}

/// Each as often as its weight.
fn repeated(places: &[(u16, u16)]) -> Box<[u16]> {
    let weights = || places.iter().map(|&(_, weight)| u64::from(weight));
    let divisor = weights().fold(0, greatest_common_divisor);
    let total = weights().sum::<u64>() / divisor;
    let entries = places.iter().flat_map(|&(place, weight)| {
        let weight = u64::from(weight) / divisor;
        let count = if total > MOST_ENTRIES { (weight * MOST_ENTRIES / total).max(1) } else { weight };
        (0..count).map(move |_| place)
    });
    entries.collect()
}

const fn greatest_common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// A real server's way through the table: all its entries in an order of its own.
struct Way {
    place: u16,
    weight: u32,
    /// What is left of its turns: with each turn of the heaviest it gets its weight.
    credit: u32,
    next: usize,
    skip: usize,
}

impl Way {
    #[expect(clippy::cast_possible_truncation, reason = "less than the number of entries")]
    fn new((place, weight): (u16, u16), key: u64, heaviest: u32, entries: usize) -> Self {
        let [offset, skip] = secrets(key);
        let weight = u32::from(weight);
        Self {
            place,
            weight,
            // All have a turn in the first round, so that each has an entry at least.
            credit: heaviest - weight,
            next: (offset % entries as u64) as usize,
            skip: (skip % (entries as u64 - 1) + 1) as usize,
        }
    }

    /// Takes the first free entry on the way.
    fn take(&mut self, entries: &mut [u16]) {
        loop {
            let at = self.next;
            self.next += self.skip;
            if self.next >= entries.len() {
                self.next -= entries.len();
            }
            if entries[at] == FREE {
                entries[at] = self.place;
                return;
            }
        }
    }
}

const FREE: u16 = u16::MAX;
const _: () = assert!(model::limits::BINDINGS < FREE as usize && model::limits::BINDINGS < MANY_ENTRIES);

/// Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4: in turns each
/// takes the first free entry on its way through the table, until all are taken.
fn permuted(places: &[(u16, u16)], keys: &[u64]) -> Box<[u16]> {
    let count = if places.len() <= FEW { FEW_ENTRIES } else { MANY_ENTRIES };
    let heaviest = places.iter().map(|&(_, weight)| u32::from(weight)).max().unwrap_or(1);
    let way = |&member: &(u16, u16)| Way::new(member, keys[usize::from(member.0)], heaviest, count);
    let mut ways: Vec<_> = places.iter().map(way).collect();
    let mut entries = vec![FREE; count];
    let mut free = count;
    loop {
        for way in &mut ways {
            way.credit += way.weight;
            if way.credit < heaviest {
                continue;
            }
            if free == 0 {
                return entries.into();
            }
            way.credit -= heaviest;
            way.take(&mut entries);
            free -= 1;
        }
    }
}

#[cfg(test)]
#[path = "tests/client_table.rs"]
mod tests;
