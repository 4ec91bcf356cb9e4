//! What the other unit is told of the choice of real servers: which ones clients return to, and which ones have failed.
//!
//! No digest speaks of it. One shard tells all, once in each stream; from then on a standby remembers clients by what it is
//! told of connections, and is told when a real server fails or comes back. All shards of a unit share what it is about, so
//! that the first one tells it, and only of what is in its failover group: of the rest the other unit knows more.

use ipnet::IpNet;
use model::limits::WALK_SLOTS;
use model::{HealthRecord, ShardReport, StickyRecord, UnitState, Update};

use crate::RealState;
use crate::shard::Core;
use crate::sticky::StickyEntry;

/// How far the telling of all has come.
#[derive(Debug)]
pub(super) struct Choices {
    /// What the walk is called that it is told for.
    pass: u8,
    /// What may be told yet.
    pub(super) grants: u32,
    /// The position in the table of clients that it goes on at.
    at: usize,
}

impl Choices {
    pub(super) const fn new(pass: u8) -> Self {
        Self { pass, grants: 0, at: 0 }
    }
}

impl Core {
    /// Tells of real servers whose state has changed since they were told of. Returns whether there were any.
    pub(super) fn tell_health(&mut self) -> bool {
        let revision = self.shared.revision();
        let tells = self.index == 0 && self.state == UnitState::Active && self.is_listened;
        if !tells || self.replica.as_ref().is_none_or(|replica| replica.told_revision == Some(revision)) {
            return false;
        }
        let mut any = false;
        for index in 0..self.plan.configuration.real_servers().len() {
            let server = &self.plan.configuration.real_servers()[index];
            let (id, name) = (usize::from(server.id()), server.name());
            let has_failed = self.shared.real_state(server.id()) != RealState::Up;
            let Some(replica) = &mut self.replica else { return any };
            if replica.told_failed[id] == Some(has_failed)
                || !self.plan.services.is_real_address(name.address)
            {
                continue;
            }
            if !replica.outbox.has_unhurried_room() {
                // It goes on when there is: who has been told of is passed over.
                return any;
            }
            replica.told_failed[id] = Some(has_failed);
            self.tell(Update::Health(HealthRecord { real_server: name, has_failed }));
            any = true;
        }
        if let Some(replica) = &mut self.replica {
            replica.told_revision = Some(revision);
        }
        any
    }

    /// Has those be told anew that have failed: the other unit may not have known them when it was told.
    pub(super) fn tell_failed_again(&mut self) {
        let Some(replica) = &mut self.replica else { return };
        for told in replica.told_failed.iter_mut().filter(|told| **told == Some(true)) {
            *told = None;
            replica.told_revision = None;
        }
    }

    /// Forgets what was told of a real server whose number may become another's.
    pub(crate) fn forget_told_of(&mut self, id: u16) {
        if let Some(replica) = &mut self.replica {
            replica.told_failed[usize::from(id)] = Some(false);
        }
    }

    /// Has the state of all be told anew: nobody knows what the one who listens knows.
    pub(super) fn forget_told(&mut self) {
        if let Some(replica) = &mut self.replica {
            replica.told_failed.fill(None);
            replica.told_revision = None;
        }
    }

    /// Goes on with telling all. Returns whether it got on.
    pub(super) fn tell_choices(&mut self) -> bool {
        let Some(mut choices) = self.replica.as_mut().and_then(|replica| replica.choices.take()) else {
            return false;
        };
        let before = choices.at;
        let is_over = self.tell_clients(&mut choices);
        let Some(replica) = &mut self.replica else { return false };
        if is_over && replica.outbox.has_unhurried_room() {
            return replica.outbox.push(ShardReport::Walked { pass: choices.pass });
        }
        let got_on = choices.at != before;
        replica.choices = Some(choices);
        got_on
    }

    /// Tells some clients of the real servers that they return to. Returns whether that is all.
    fn tell_clients(&mut self, choices: &mut Choices) -> bool {
        let end = choices.at.saturating_add(WALK_SLOTS).min(self.shared.sticky().positions());
        while let Some((position, entry)) = self.shared.sticky().next(self.now, choices.at, end) {
            let Some(replica) = &mut self.replica else { return true };
            if choices.grants == 0 || !replica.outbox.has_unhurried_room() {
                choices.at = position;
                return false;
            }
            choices.at = position + 1;
            if self.plan.tells_of(entry.scope) {
                choices.grants -= 1;
                let update = Update::Sticky(record(self.now, &entry));
                replica.outbox.push(ShardReport::Update(update));
            }
        }
        choices.at = end;
        end == self.shared.sticky().positions()
    }

    /// Standby: remembers a client as the active unit does.
    pub(super) fn apply_sticky(&mut self, record: &StickyRecord) {
        // The configuration that has the scope may come later: it is found under the network's first address then.
        let sticky = self.plan.sticky_of(record.scope);
        let client = sticky.map_or_else(|| record.client.into(), |sticky| sticky.network(record.client));
        let period = std::time::Duration::from_secs(u64::from(record.period_s));
        self.shared.sticky().note(StickyEntry {
            scope: record.scope,
            client,
            real: record.real_server,
            used: self.now,
            period,
        });
    }

    /// Standby: a real server has failed, or is back, as the active unit found out.
    pub(super) fn apply_health(&mut self, record: &HealthRecord) {
        let Some(index) = self.plan.configuration.find_real(record.real_server) else {
            return self.counters.replica.orders_ignored.add(1);
        };
        let server = &self.plan.configuration.real_servers()[index];
        if record.has_failed {
            self.shared.fail(self.now, server);
        } else {
            self.shared.restore(server.id());
        }
    }
}

/// What is left of an entry's time, rounded up, so that it is not over before.
fn record(now: model::Instant, entry: &StickyEntry) -> StickyRecord {
    let left = entry.period.saturating_sub(now.since(entry.used));
    StickyRecord {
        scope: entry.scope,
        client: IpNet::addr(&entry.client),
        real_server: entry.real,
        period_s: u32::try_from(left.as_secs() + 1).unwrap_or(u32::MAX),
    }
}
