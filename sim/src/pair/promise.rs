//! What no single failure may cost.
//!
//! A pair is whole when one unit is active, the other stands by and is synchronized, all ways between them work, and all of
//! that for a while. If then **one** thing happens - a unit dies or stops, its workers stop, a path or the cable is cut or
//! disturbed - each connection that is established, and in the standby's table at that moment, must be served until the
//! pair is whole again: whichever unit forwards must forward its packets, to the same real server. A switch that is planned
//! must keep all that are established. When a second thing happens before that, nothing is promised any more.

use std::collections::BTreeSet;

use crate::clients::Open;

/// What is promised now.
#[derive(Default)]
pub(crate) struct Promise {
    kept: Option<(BTreeSet<Open>, String)>,
}

impl Promise {
    /// Something happens: to a pair that was whole, with these connections, or to another.
    pub(crate) fn begin(&mut self, kept: Option<BTreeSet<Open>>, why: &str) {
        self.kept = kept.filter(|_| self.kept.is_none()).map(|kept| (kept, why.to_owned()));
    }

    /// A planned switch begins.
    pub(crate) fn extend(&mut self, kept: BTreeSet<Open>, why: &str) {
        self.kept.get_or_insert_with(|| (kept, why.to_owned()));
    }

    /// Too much happened.
    pub(crate) fn void(&mut self) {
        self.kept = None;
    }

    /// What happened, if this connection had to live through it.
    pub(crate) fn broken_by(&self, connection: &Open) -> Option<&str> {
        self.kept.as_ref().filter(|(kept, _)| kept.contains(connection)).map(|(_, why)| why.as_str())
    }

    /// The pair is whole again: takes what was promised.
    pub(crate) const fn end(&mut self) -> Option<(BTreeSet<Open>, String)> {
        self.kept.take()
    }
}
