//! All ways between the units: paths of the network, which carry replication and beats, and the cable.

use std::time::Duration;

use model::Instant;

use super::cable::Cable;
use super::plan::Plan;
use crate::network::Network;
use crate::servers::PATHS;

/// The cable and all paths.
pub(crate) const WAYS: usize = 1 + PATHS;

/// They.
pub(crate) struct Ways {
    pub(crate) network: Network,
    pub(crate) cable: Option<Cable>,
    /// Paths that carry beats.
    links: usize,
    cable_interval: Duration,
    cable_latency: Duration,
    interval: Duration,
}

impl Ways {
    pub(crate) fn new(plan: &Plan, network: Network, cable: Option<Cable>) -> Self {
        let (links, interval) = (plan.links, failover::LinkSettings::NETWORK.interval);
        let cable_interval = plan.cable_settings().interval;
        Self { network, cable, links, cable_interval, cable_latency: plan.cable_latency(), interval }
    }

    /// Between two beats, and how long one takes at most. The cable is the first way.
    pub(crate) fn times(&self, way: usize) -> (Duration, Duration) {
        match way {
            0 => (self.cable_interval, self.cable_latency),
            _ => (self.interval, self.network.latency()),
        }
    }

    /// When beats were lost last on this way; none if there is no such way, or it is not whole now.
    pub(crate) fn whole_since(&self, way: usize) -> Option<Instant> {
        match way.checked_sub(1) {
            None => self.cable.as_ref().filter(|cable| cable.is_whole()).map(|cable| cable.disturbed_at),
            Some(path) if path < self.links && self.network.is_whole(path) => {
                Some(self.network.beat_lost_at[path])
            }
            Some(_) => None,
        }
    }

    /// When anything went wrong on any way: `now` if something is wrong.
    pub(crate) fn disturbed_at(&self, now: Instant) -> Instant {
        let exists = |way: &usize| if *way == 0 { self.cable.is_some() } else { *way <= self.links };
        let of = |way| self.whole_since(way).unwrap_or(now);
        (0..WAYS).filter(exists).map(of).max().unwrap_or(now)
    }
}
