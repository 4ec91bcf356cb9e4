//! Buddies: connections of one client that are not timed out without each other (seed 001, figure 3C, pointer 354).
//!
//! The links of all rings of buddies stand in a map of their own, and a connection that has any says so in its marks:
//! one that has none pays nothing. The map never grows.

use std::collections::HashMap;

use ahash::RandomState;
use arrayvec::ArrayVec;
use flow_table::FlowId;
use model::limits::BUDDIES;
use packet::Address;

use crate::connection::{Connection, Marks};
use crate::lane::Lane;
use crate::shard::Core;

/// Connections in one ring.
const RING: usize = 16;

/// From each connection to the next of its ring.
pub(crate) struct Buddies {
    next: HashMap<FlowId, FlowId, RandomState>,
    most: usize,
}

impl Buddies {
    /// Room for the buddies among so many connections.
    pub(crate) fn with_capacity(connections: usize) -> Self {
        let most = connections.min(2 * BUDDIES);
        // A fixed key will do: slots are not the clients' to choose. Twice the space: then it never grows.
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        Self { next: HashMap::with_capacity_and_hasher(2 * most, hasher), most }
    }

    /// The next of the ring that `id` is in.
    pub(super) fn next(&self, id: FlowId) -> Option<FlowId> {
        self.next.get(&id).copied()
    }

    /// The ring of `id`: itself, if it has no buddies.
    fn ring(&self, id: FlowId) -> ArrayVec<FlowId, RING> {
        std::iter::successors(Some(id), |&at| self.next(at).filter(|&next| next != id)).take(RING).collect()
    }

    /// Joins the rings of two connections. Returns whether they are in one ring now.
    fn join(&mut self, one: FlowId, other: FlowId) -> bool {
        let (ring, other_ring) = (self.ring(one), self.ring(other));
        if ring.contains(&other) {
            return one != other;
        }
        if ring.len() + other_ring.len() > RING || self.next.len() + 2 > self.most {
            return false;
        }
        let next = |ring: &[FlowId]| *ring.get(1).unwrap_or(&ring[0]);
        self.next.insert(one, next(&other_ring));
        self.next.insert(other, next(&ring));
        true
    }

    /// Takes `id` out of its ring. Returns the one that has no buddy any more then.
    fn leave(&mut self, id: FlowId) -> Option<FlowId> {
        let ring = self.ring(id);
        let next = self.next.remove(&id)?;
        let last = *ring.last()?;
        if last == next {
            self.next.remove(&last);
            return Some(last);
        }
        self.next.insert(last, next);
        None
    }
}

impl<A: Address> Lane<A> {
    /// Makes two connections buddies. Returns whether they are.
    pub(super) fn join(&mut self, core: &Core, one: FlowId, other: FlowId) -> bool {
        let is_joined = self.buddies.join(one, other);
        if is_joined {
            for id in [one, other] {
                self.table
                    .get_mut(id)
                    .into_iter()
                    .for_each(|connection| connection.marks.set(Marks::BUDDY, true));
            }
        } else {
            core.counters.replica.buddies_refused.add(1);
        }
        is_joined
    }

    /// Forgets the buddies of a connection that is gone.
    #[cold]
    pub(crate) fn leave_buddies(&mut self, id: FlowId) {
        if let Some(lonely) = self.buddies.leave(id)
            && let Some(connection) = self.table.get_mut(lonely)
        {
            connection.marks.set(Marks::BUDDY, false);
        }
    }

    /// Whether a connection has a buddy that is not idle for too long.
    #[cold]
    pub(crate) fn has_live_buddy(&self, core: &Core, id: FlowId) -> bool {
        let is_live = |connection: &Connection<A>| !core.is_idle(connection);
        self.buddies.ring(id).iter().skip(1).any(|&buddy| self.table.get(buddy).is_some_and(is_live))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<FlowId> {
        let mut lane = crate::lane::Lane::<std::net::Ipv4Addr>::with_capacity(count, 0);
        (0..count).map(|_| lane.table.insert(Connection::example(), [1, 2]).unwrap()).collect()
    }

    #[test]
    fn rings_join_and_shrink() {
        let mut buddies = Buddies::with_capacity(100);
        let ids = ids(5);
        assert!(buddies.join(ids[0], ids[1]) && buddies.join(ids[2], ids[3]));
        assert!(buddies.join(ids[1], ids[2]), "two rings become one");
        assert!(buddies.join(ids[3], ids[0]), "they are in one ring already");
        assert!(!buddies.join(ids[4], ids[4]), "nobody is his own buddy");
        assert_eq!(buddies.ring(ids[0]).len(), 4);
        assert_eq!(buddies.leave(ids[4]), None);
        assert_eq!(buddies.leave(ids[1]), None);
        assert_eq!(buddies.leave(ids[0]), None);
        assert_eq!(buddies.ring(ids[2]).as_slice(), [ids[2], ids[3]]);
        assert_eq!(buddies.leave(ids[2]), Some(ids[3]));
        assert!(buddies.next.is_empty());
    }

    #[test]
    fn neither_rings_nor_the_map_grow_without_bound() {
        let ids = ids(RING + 2);
        let mut buddies = Buddies::with_capacity(RING);
        assert!(ids[1..RING].iter().all(|&id| buddies.join(ids[0], id) || buddies.next.len() + 2 > RING));
        assert!(!buddies.join(ids[RING], ids[RING + 1]), "the map is full");
        let mut buddies = Buddies::with_capacity(100);
        assert!(ids[1..RING].iter().all(|&id| buddies.join(ids[0], id)));
        assert!(!buddies.join(ids[0], ids[RING]), "the ring is full");
        assert_eq!(buddies.ring(ids[0]).len(), RING);
    }
}
