//! What the replication core asks of a shard, and how it hears of it.

use std::net::IpAddr;

use model::limits::DIGEST_RANGES;
use model::{ConnectionEnds, Digest, Instant, ShardOrder, ShardReport, UnitState, Update};

use packet::Address;

use super::choices::Choices;
use super::sweep::Sweep;
use super::walk::{Telling, Walk};
use super::{IdleBound, Replica};
use crate::Shard;
use crate::lane::Lane;
use crate::shard::{Core, forwards_until};

/// Calls the method of the lane that has the connections of `$address`'s family.
macro_rules! on_lane {
    ($shard:ident, $address:expr, $method:ident($($argument:expr),*)) => {
        match $address {
            IpAddr::V4(_) => $shard.v4.$method(&mut $shard.core, $($argument),*),
            IpAddr::V6(_) => $shard.v6.$method(&mut $shard.core, $($argument),*),
        }
    };
}

impl Shard {
    /// Whether the unit forwards.
    pub const fn state(&self) -> UnitState {
        self.core.state
    }

    /// Has the shard forward, or stand by, from now on. It takes the same time whatever is in the table. What was under
    /// way for the other unit ends; reports that were not taken are gone.
    pub fn set_state(&mut self, now: Instant, state: UnitState) {
        if self.core.state == state {
            return;
        }
        self.core.set_time(now);
        self.core.state = state;
        self.core.forwards_until = forwards_until(state, self.core.lease);
        self.core.idle_bound = match state {
            UnitState::Active => IdleBound::since(now),
            UnitState::Standby => IdleBound::NONE,
        };
        if let Some(replica) = &mut self.core.replica {
            let ended = replica.begin_anew();
            self.core.counters.replica.aside_ended.add(ended);
        }
    }

    /// Sets the instant until which the shard forwards while it is active; at first, it is the end of time. From then on it
    /// treats frames as a standby does, for the other unit may have become active, but keeps its state.
    #[inline]
    pub const fn set_lease(&mut self, lease: Instant) {
        self.core.lease = lease;
        self.core.forwards_until = forwards_until(self.core.state, lease);
    }

    /// Whether live updates are wanted: at first they are not. Marks and digests are kept in any case.
    pub const fn set_listened(&mut self, is_listened: bool) {
        self.core.is_listened = is_listened;
    }

    /// Takes an order of the replication core. Those that are not for the state that the unit is in are ignored.
    /// While the shard [is busy](Self::is_busy), the next order has to wait.
    pub fn order(&mut self, now: Instant, order: ShardOrder) {
        self.core.set_time(now);
        let wanted = match &order {
            ShardOrder::Apply(_) | ShardOrder::ConcludeRound { .. } => UnitState::Standby,
            _ => UnitState::Active,
        };
        let Some(replica) = self.core.replica.as_mut().filter(|_| wanted == self.core.state) else {
            self.core.counters.replica.orders_ignored.add(1);
            return;
        };
        match order {
            ShardOrder::Apply(update) => self.apply(update),
            ShardOrder::ConcludeRound { round } => {
                // Digests speak for all connections of their ranges: nobody has to tell of each now and then.
                self.core.idle_bound = IdleBound::since(now);
                self.core.report(ShardReport::RoundCompared { round });
            }
            ShardOrder::TellDigests { round } => {
                replica.telling = Some(Telling { round, range: 0 });
                self.core.tell_failed_again();
            }
            ShardOrder::Walk { pass, ranges } => {
                let is_for_choices = ranges.is_empty() && self.core.index == 0;
                (replica.walk, replica.choices) = match is_for_choices {
                    true => (None, Some(Choices::new(pass))),
                    false => (Some(Walk::new(pass, ranges)), None),
                };
                if is_for_choices {
                    self.core.forget_told();
                }
            }
            ShardOrder::Grant { connections } => {
                let walks = replica.walk.as_mut().map(|walk| &mut walk.grants);
                let grants =
                    walks.into_iter().chain(replica.choices.as_mut().map(|choices| &mut choices.grants));
                grants.for_each(|grants| *grants = grants.saturating_add(connections));
            }
        }
    }

    /// Whether an order is under way that the next one must wait for, or there is no room for its report.
    pub fn is_busy(&self) -> bool {
        self.core.replica.as_ref().is_some_and(|replica| {
            replica.sweep.is_some() || self.core.state == UnitState::Standby && replica.outbox.is_full()
        })
    }

    /// Standby: leaves stale connections where they are, for orders that wait for a sweep to end are in more of a hurry.
    pub fn abandon_sweep(&mut self) {
        if let Some(replica) = &mut self.core.replica {
            replica.sweep = None;
        }
    }

    /// Does a bounded slice of what is under way. Returns whether it got on with anything: a walk does not without
    /// grants, and nothing does while reports are not taken.
    pub fn work(&mut self, now: Instant) -> bool {
        self.core.set_time(now);
        if self.sweep() {
            return true;
        }
        let Core { replica: Some(replica), steering, index, .. } = &mut self.core else { return false };
        let has_told_digests = replica.tell_digests(*steering, *index);
        let has_told_buddies = self.tell_joined();
        let has_told_choices = self.core.tell_health() | self.core.tell_choices();
        self.walk() || has_told_digests || has_told_buddies || has_told_choices
    }

    /// The next report for the replication core.
    pub fn take_report(&mut self) -> Option<ShardReport> {
        self.core.replica.as_mut()?.outbox.pop()
    }

    /// The next reports for the replication core, at most so many: as [`take_report`](Self::take_report), without moving
    /// each twice.
    pub fn take_reports(&mut self, most: usize) -> impl Iterator<Item = ShardReport> {
        self.core.replica.iter_mut().flat_map(move |replica| replica.outbox.drain(most))
    }

    /// How many reports there are.
    pub fn reports(&self) -> usize {
        self.core.replica.as_ref().map_or(0, |replica| replica.outbox.len())
    }

    /// The digest of a hash range.
    pub fn digest(&self, range: u16) -> Digest {
        self.core.replica.as_ref().map_or_else(Digest::default, |replica| replica.digests.of(range))
    }

    /// Makes two connections of one client buddies: neither is timed out without the other. Returns whether they are;
    /// not, if one is not there, or if one has as many buddies as it can have.
    pub fn join(&mut self, one: &ConnectionEnds, other: &ConnectionEnds) -> bool {
        let core = &mut self.core;
        let joined = match one.client.address {
            address if address != other.client.address => false,
            IpAddr::V4(_) => self.v4.join_by_ends(core, one, other),
            IpAddr::V6(_) => self.v6.join_by_ends(core, one, other),
        };
        if let Some(replica) = core.replica.as_mut().filter(|_| joined)
            && replica.joined.try_push(*one).is_err()
        {
            core.counters.replica.updates_lost.add(1);
        }
        joined
    }

    /// Standby: tries all records that are kept aside once more.
    pub fn apply_aside(&mut self, now: Instant) {
        self.core.set_time(now);
        loop {
            let Some(replica) = &self.core.replica else { return };
            let known = replica.aside.some(|record| self.core.binding_of(record).is_some());
            if known.is_empty() {
                return;
            }
            for record in &known {
                // It leaves the place aside, whether or not there is one in the table.
                on_lane!(self, record.ends.client.address, create(record));
            }
        }
    }

    fn apply(&mut self, update: Update) {
        match update {
            Update::Create(record) => on_lane!(self, record.ends.client.address, create(&record)),
            Update::Delete(ends) => on_lane!(self, ends.client.address, delete(&ends)),
            Update::Digest { range, digest } => self.core.compare(range, digest),
            Update::Sticky(record) => self.core.apply_sticky(&record),
            Update::Health(record) => self.core.apply_health(&record),
            // The replication core makes an order of its own of it.
            Update::DigestsTold => self.core.counters.replica.orders_ignored.add(1),
            Update::PassBegins { pass } => self.core.with_replica(|replica| replica.pass = pass),
            Update::PassEnds { pass, ranges } => self.core.with_replica(|replica| {
                // Of a pass whose beginning was not seen, nobody knows what it did not mention.
                if std::mem::take(&mut replica.pass) == pass && pass != 0 {
                    replica.sweep = Some(Sweep::new(pass, ranges));
                }
            }),
        }
    }

    /// Tells connections once more that have become buddies. Returns whether there were any.
    fn tell_joined(&mut self) -> bool {
        let mut any = false;
        while let Some(replica) = &mut self.core.replica
            && replica.outbox.has_unhurried_room()
            && let Some(ends) = replica.joined.pop()
        {
            any = true;
            match ends.client.address {
                IpAddr::V4(_) => self.v4.tell_again(&mut self.core, &ends),
                IpAddr::V6(_) => self.v6.tell_again(&mut self.core, &ends),
            }
        }
        any
    }
}

impl Core {
    fn with_replica(&mut self, change: impl FnOnce(&mut Replica)) {
        if let Some(replica) = &mut self.replica {
            change(replica);
        }
    }

    /// Standby: there is room, for the shard is busy otherwise.
    fn report(&mut self, report: ShardReport) {
        self.with_replica(|replica| {
            replica.outbox.push(report);
        });
    }

    fn compare(&mut self, range: u16, digest: Digest) {
        let is_owned =
            usize::from(range) < DIGEST_RANGES && self.steering.owner_of_range(range) == self.index;
        match self.replica.as_ref().filter(|_| is_owned).map(|replica| replica.digests.of(range)) {
            Some(own) => self.report(ShardReport::Compared { range, agrees: own == digest }),
            None => self.counters.replica.orders_ignored.add(1),
        }
    }
}

impl<A: Address> Lane<A> {
    fn join_by_ends(&mut self, core: &Core, one: &ConnectionEnds, other: &ConnectionEnds) -> bool {
        match (self.find_by_ends(core, one), self.find_by_ends(core, other)) {
            (Some(one), Some(other)) => self.join(core, one, other),
            _ => false,
        }
    }

    fn tell_again(&self, core: &mut Core, ends: &ConnectionEnds) {
        let record = self.find_by_ends(core, ends).and_then(|id| self.record(&core.plan, id));
        if let Some(record) = record {
            core.tell(Update::Create(record));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::{Configuration, Predictor, ReplicationSettings, ShardConfiguration, Steering};
    use model::{ConnectionRecord, Endpoint, Phase, Protocol};

    fn configuration(reals: &[&str]) -> Arc<Configuration> {
        let draft = reals.iter().fold(Configuration::builder(), |draft, real| draft.real_server(real));
        let draft = draft.virtual_server("192.0.2.100:80", Predictor::RoundRobin);
        Arc::new(draft.bind("192.0.2.100:80", reals).build().unwrap())
    }

    fn settings(reals: &[&str]) -> ShardConfiguration {
        ShardConfiguration {
            director: configuration(reals),
            shared: Arc::default(),
            ports: Arc::new([]),
            index: 0,
            steering: Steering::new(1),
            capacity: 10_000,
            hash_seed: 1,
            replication: Some(ReplicationSettings {
                digest_seed: 1,
                standby_timeout: Duration::ZERO,
                observes: false,
            }),
            state: UnitState::Standby,
        }
    }

    /// A standby whose virtual server has these real servers.
    fn standby(reals: &[&str]) -> Shard {
        Shard::new(settings(reals))
    }

    fn record(port: u16, real: &str) -> ConnectionRecord {
        let end = |address: &str, port| Endpoint::new(address.parse().unwrap(), port);
        let ends = ConnectionEnds {
            protocol: Protocol::Tcp,
            client: end("203.0.113.7", port),
            virtual_server: end("192.0.2.100", 80),
            real_server: end(real, 80),
            translated_port: port,
        };
        ConnectionRecord { ends, phase: Phase::Open, bind_id: 0, group: 0, buddy: None }
    }

    #[test]
    fn what_was_kept_aside_is_made_when_its_servers_are_there() {
        let now = Instant::from_millis(1);
        let mut old = standby(&["10.1.0.11:80"]);
        for port in 1..=300 {
            old.order(now, ShardOrder::Apply(Update::Create(record(port, "10.1.0.12"))));
        }
        old.order(now, ShardOrder::Apply(Update::Create(record(301, "10.1.0.99"))));
        old.apply_aside(now);
        assert_eq!((old.connections(), old.counters().replica.aside()), (0, 301));
        let digests: Vec<_> = (0..4_096).map(|range| old.digest(range)).collect();
        let reals = ["10.1.0.11:80", "10.1.0.12:80"];
        let plan = settings(&["10.1.0.11:80"]).plan(&configuration(&reals));
        old.reconfigure(now, plan);
        let new = old;
        assert_eq!((new.connections(), new.counters().replica.aside_ended.read()), (300, 300));
        assert_eq!(new.counters().marked(), 300);
        assert!(digests.iter().eq((0..4_096).map(|range| new.digest(range)).collect::<Vec<_>>().iter()));
    }
}
