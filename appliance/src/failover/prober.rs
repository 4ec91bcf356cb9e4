//! Probes what the unit has to reach, and has a host's other addresses stand in for the one that does not answer.
//!
//! The stand-in is a route of the kernel's: to the host by its other address. So it is in the running tables as soon as the
//! kernel knows the way, for connections that exist as well (seed 002, "address substitution"). The host has to accept
//! packets for the one address at the other, as Linux does.

use std::net::IpAddr;

use ipnet::IpNet;

use super::echo::Echoes;
use crate::configuration::{FailoverConfiguration, Reach};

/// Hosts of a subnet that are asked at a time.
const HOSTS_OF_SUBNET: usize = 8;

/// Candidates are told apart by this many bits of an echo's number, targets by the next ones, the rest counts attempts.
const CANDIDATE_BITS: u32 = 4;
const TARGET_BITS: u32 = 6;

/// Asks for what only others know.
pub(crate) struct Surroundings {
    /// Hosts of a network that the kernel knows.
    pub(crate) neighbors: Box<dyn Fn(IpNet) -> Vec<IpAddr> + Send>,
    /// Whether the port with that index has a link.
    pub(crate) has_link: Box<dyn Fn(usize) -> bool + Send>,
    /// Has packets to the first address go by the second, or directly again.
    pub(crate) substitute: Box<dyn Fn(IpAddr, Option<IpAddr>) + Send>,
}

/// Probes targets, when it is told to.
pub(crate) struct Prober {
    targets: Vec<Probed>,
    falls: u32,
    echoes: Echoes,
    surroundings: Surroundings,
}

/// A target, and what is known of its addresses.
struct Probed {
    what: Reach,
    attempt: u32,
    /// By candidate: attempts without an answer.
    misses: Vec<u32>,
    /// The candidate that packets go by.
    used: usize,
}

/// What a probe has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The target answered.
    Answered(usize),
    /// The target, a port, has a link, or has none.
    Link(usize, bool),
}

impl Prober {
    pub(crate) fn new(
        configuration: &FailoverConfiguration,
        identifier: u16,
        surroundings: Surroundings,
    ) -> Self {
        let targets = configuration.targets().iter().map(|target| Probed::new(target.what.clone()));
        Self {
            targets: targets.collect(),
            falls: configuration.probing().falls,
            echoes: Echoes::new(identifier),
            surroundings,
        }
    }

    /// Probes `target`. Returns what is known at once.
    pub(crate) fn probe(&mut self, target: usize) -> Option<Finding> {
        let Self { targets, falls, echoes, surroundings } = self;
        let probed = targets.get_mut(target)?;
        probed.attempt = probed.attempt.wrapping_add(1);
        match &probed.what {
            Reach::Port(port) => return Some(Finding::Link(target, (surroundings.has_link)(*port))),
            Reach::Host { address, alternates } => {
                let candidates = [address].into_iter().chain(alternates);
                for (candidate, &address) in candidates.enumerate() {
                    echoes.ask(address, number(target, candidate, probed.attempt), !alternates.is_empty());
                }
                if let Some(stand_in) = probed.end_attempt(*falls) {
                    (surroundings.substitute)(probed.address(), stand_in);
                }
            }
            Reach::Subnet(network) => {
                let hosts = (surroundings.neighbors)(*network);
                for (candidate, &host) in hosts.iter().take(HOSTS_OF_SUBNET).enumerate() {
                    echoes.ask(host, number(target, candidate, probed.attempt), false);
                }
            }
        }
        None
    }

    /// The next answer that has come.
    pub(crate) fn poll(&mut self) -> Option<Finding> {
        while let Some(reply) = self.echoes.poll() {
            let (target, candidate, attempt) = parts(reply.number);
            let Some(probed) = self.targets.get_mut(target) else { continue };
            // One of long ago says nothing about now.
            if attempt != probed.attempt & ATTEMPTS {
                continue;
            }
            if let Some(misses) = probed.misses.get_mut(candidate) {
                *misses = 0;
            }
            return Some(Finding::Answered(target));
        }
        None
    }

    /// The address by which a host is reached in place of its own; `None` if it is its own.
    pub(crate) fn stand_in(&self, target: usize) -> Option<IpAddr> {
        self.targets.get(target)?.stand_in()
    }

    /// What becomes readable with the next answer.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = std::os::fd::BorrowedFd<'_>> {
        self.echoes.descriptors()
    }
}

impl Drop for Prober {
    /// The routes of stand-ins are the unit's, not the kernel's to keep.
    fn drop(&mut self) {
        for probed in self.targets.iter().filter(|probed| probed.stand_in().is_some()) {
            (self.surroundings.substitute)(probed.address(), None);
        }
    }
}

impl Probed {
    fn new(what: Reach) -> Self {
        let candidates = if let Reach::Host { alternates, .. } = &what { 1 + alternates.len() } else { 0 };
        Self { what, attempt: 0, misses: vec![0; candidates], used: 0 }
    }

    fn address(&self) -> IpAddr {
        match &self.what {
            Reach::Host { address, .. } => *address,
            Reach::Subnet(network) => network.addr(),
            Reach::Port(_) => IpAddr::from([0; 4]),
        }
    }

    fn stand_in(&self) -> Option<IpAddr> {
        match &self.what {
            Reach::Host { alternates, .. } => {
                self.used.checked_sub(1).and_then(|used| alternates.get(used)).copied()
            }
            _ => None,
        }
    }

    /// A new attempt begins. Returns the new stand-in, or that there is none any more, if that changes.
    fn end_attempt(&mut self, falls: u32) -> Option<Option<IpAddr>> {
        for misses in &mut self.misses {
            *misses = misses.saturating_add(1);
        }
        // The first of those that answer; if none does, it stays as it is.
        let used = self.misses.iter().position(|&misses| misses <= falls).unwrap_or(self.used);
        if used == self.used {
            return None;
        }
        self.used = used;
        Some(self.stand_in())
    }
}

const ATTEMPTS: u32 = (1 << (u32::BITS - CANDIDATE_BITS - TARGET_BITS)) - 1;

fn number(target: usize, candidate: usize, attempt: u32) -> u32 {
    let target = u32::try_from(target).unwrap_or(u32::MAX) & ((1 << TARGET_BITS) - 1);
    let candidate = u32::try_from(candidate).unwrap_or(u32::MAX) & ((1 << CANDIDATE_BITS) - 1);
    (attempt & ATTEMPTS) << (CANDIDATE_BITS + TARGET_BITS) | target << CANDIDATE_BITS | candidate
}

const fn parts(number: u32) -> (usize, usize, u32) {
    let candidate = number & ((1 << CANDIDATE_BITS) - 1);
    let target = number >> CANDIDATE_BITS & ((1 << TARGET_BITS) - 1);
    (target as usize, candidate as usize, number >> (CANDIDATE_BITS + TARGET_BITS))
}

const _: () = assert!(model::limits::REACHABILITY_TARGETS <= 1 << TARGET_BITS);
const _: () = assert!(HOSTS_OF_SUBNET <= 1 << CANDIDATE_BITS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_target_candidate_and_attempt() {
        for (target, candidate, attempt) in [(0, 0, 0), (31, 7, 12_345), (5, 1, ATTEMPTS)] {
            assert_eq!(parts(number(target, candidate, attempt)), (target, candidate, attempt));
        }
    }

    #[test]
    fn the_first_address_that_answers_is_used() {
        let end = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut host = Probed::new(Reach::Host {
            address: end("10.1.0.11"),
            alternates: vec![end("10.2.0.11"), end("10.3.0.11")],
        });
        let mut changes = Vec::new();
        // The first address is silent from the start and comes back; the second falls silent as well.
        for attempt in 0..20 {
            changes.extend(host.end_attempt(2));
            for (candidate, answers) in [attempt >= 12, attempt < 6, true].into_iter().enumerate() {
                if answers {
                    host.misses[candidate] = 0;
                }
            }
        }
        assert_eq!(changes, [Some(end("10.2.0.11")), Some(end("10.3.0.11")), None]);
    }

    #[test]
    fn a_host_none_of_whose_addresses_answers_is_left_alone() {
        let mut host = Probed::new(Reach::Host {
            address: "10.1.0.11".parse().unwrap(),
            alternates: vec!["10.2.0.11".parse().unwrap()],
        });
        assert!((0..10).all(|_| host.end_attempt(2).is_none()));
    }
}
