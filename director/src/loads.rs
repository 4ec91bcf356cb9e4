//! How many connections each server has in this shard, and on the whole unit where a maximum asks for it.
//!
//! A count that all shards share is written for each connection by all of them; so only servers with a maximum have one, and
//! a shard adds what it has when a maximum comes, and takes it back when the maximum goes.

use crate::plan::Slot;
use crate::{Configuration, Shared};

/// The counts of one shard, by the numbers that servers keep.
#[derive(Debug)]
pub(crate) struct Loads {
    reals: Box<[Load]>,
    virtuals: Box<[Load]>,
    half_open: Box<[Load]>,
}

/// One count.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    count: u32,
    /// The most there may be on the whole unit; `None` where nobody asks.
    most: Option<u32>,
}

impl Loads {
    /// No connections, and no maxima.
    pub(crate) fn new(reals: usize, virtuals: usize) -> Self {
        Self {
            reals: vec![Load::default(); reals].into(),
            virtuals: vec![Load::default(); virtuals].into(),
            half_open: vec![Load::default(); virtuals].into(),
        }
    }

    /// Has the maxima of `configuration` apply from now on.
    pub(crate) fn begin(&mut self, configuration: &Configuration, shared: &Shared) {
        for server in configuration.virtual_servers() {
            let id = server.id();
            let load = &mut self.virtuals[usize::from(id)];
            match load.change(server.max_connections()) {
                Change::Begins(count) => shared.add_virtual(id, count),
                Change::Ends(count) => shared.release_virtual(id, count),
                Change::None => {}
            }
            match self.half_open[usize::from(id)].change(server.synguard()) {
                Change::Begins(count) => shared.add_half_open(id, count),
                Change::Ends(count) => shared.release_half_open(id, count),
                Change::None => {}
            }
        }
        for server in configuration.real_servers() {
            let id = server.id();
            match self.reals[usize::from(id)].change(server.max_connections()) {
                Change::Begins(count) => shared.add_real(id, count),
                Change::Ends(count) => shared.release_real(id, count, u32::MAX),
                Change::None => {}
            }
        }
    }

    /// Makes sure of a place for a connection; both servers count it then, but for [`enter`](Self::enter).
    pub(crate) fn reserve(&self, slot: &Slot, shared: &Shared) -> Result<(), Full> {
        let most = self.virtuals[usize::from(slot.virtual_id)].most;
        if most.is_some_and(|most| !shared.reserve_virtual(slot.virtual_id, most)) {
            return Err(Full::Virtual);
        }
        let most = self.reals[usize::from(slot.real_id)].most;
        if most.is_some_and(|most| !shared.reserve_real(slot.real_id, most)) {
            if self.virtuals[usize::from(slot.virtual_id)].most.is_some() {
                shared.release_virtual(slot.virtual_id, 1);
            }
            return Err(Full::Real);
        }
        Ok(())
    }

    /// Gives back a place that was made sure of.
    pub(crate) fn give_back(&self, slot: &Slot, shared: &Shared) {
        if self.virtuals[usize::from(slot.virtual_id)].most.is_some() {
            shared.release_virtual(slot.virtual_id, 1);
        }
        if let Some(most) = self.reals[usize::from(slot.real_id)].most {
            shared.release_real(slot.real_id, 1, most);
        }
    }

    /// Counts a connection; for the whole unit unless its place was reserved.
    #[inline]
    pub(crate) fn enter(&mut self, slot: &Slot, shared: &Shared, is_reserved: bool) {
        let load = &mut self.virtuals[usize::from(slot.virtual_id)];
        load.count += 1;
        if load.most.is_some() && !is_reserved {
            shared.add_virtual(slot.virtual_id, 1);
        }
        let load = &mut self.reals[usize::from(slot.real_id)];
        load.count += 1;
        if load.most.is_some() && !is_reserved {
            shared.add_real(slot.real_id, 1);
        }
    }

    /// Counts a connection off.
    #[inline]
    pub(crate) fn leave(&mut self, slot: &Slot, shared: &Shared) {
        let load = &mut self.virtuals[usize::from(slot.virtual_id)];
        load.count -= 1;
        if load.most.is_some() {
            shared.release_virtual(slot.virtual_id, 1);
        }
        let load = &mut self.reals[usize::from(slot.real_id)];
        load.count -= 1;
        if let Some(most) = load.most {
            shared.release_real(slot.real_id, 1, most);
        }
    }

    /// Counts a half-open connection.
    #[inline]
    pub(crate) fn open_half(&mut self, slot: &Slot, shared: &Shared) {
        let load = &mut self.half_open[usize::from(slot.virtual_id)];
        load.count += 1;
        if load.most.is_some() {
            shared.add_half_open(slot.virtual_id, 1);
        }
    }

    /// Counts off a connection that is not half open any more.
    #[inline]
    pub(crate) fn close_half(&mut self, slot: &Slot, shared: &Shared) {
        let load = &mut self.half_open[usize::from(slot.virtual_id)];
        load.count -= 1;
        if load.most.is_some() {
            shared.release_half_open(slot.virtual_id, 1);
        }
    }

    /// Whether a virtual server has as many connections as it may have.
    pub(crate) fn is_virtual_full(&self, virtual_id: u16, shared: &Shared) -> bool {
        let most = self.virtuals[usize::from(virtual_id)].most;
        most.is_some_and(|most| shared.virtual_connections(virtual_id) >= most)
    }

    /// Whether a real server has as many connections as it may have.
    pub(crate) fn is_full(&self, real_id: u16, shared: &Shared) -> bool {
        let most = self.reals[usize::from(real_id)].most;
        most.is_some_and(|most| shared.real_connections(real_id) >= most)
    }
}

/// Who has no place for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Virtual,
    Real,
}

/// What another maximum means for the count that all shards share.
enum Change {
    None,
    Begins(u32),
    Ends(u32),
}

impl Load {
    fn change(&mut self, most: Option<u32>) -> Change {
        let was_counted = std::mem::replace(&mut self.most, most).is_some();
        match (was_counted, most.is_some()) {
            (false, true) => Change::Begins(self.count),
            (true, false) => Change::Ends(self.count),
            _ => Change::None,
        }
    }
}
