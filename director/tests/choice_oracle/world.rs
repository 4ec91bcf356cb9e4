//! Configurations as the model has them, any of them, and the names that they have by either address family.

use std::net::{Ipv4Addr, Ipv6Addr};

use director::{
    BackupWhen, Configuration, ConfigurationDraft, Predictor, RealServerDraft, Refusal, VirtualServerDraft,
};
use packet::Address;
use proptest::prelude::*;

/// Virtual servers: two instances of one endpoint, and another endpoint.
pub(super) const VIRTUALS: usize = 3;
pub(super) const REALS: usize = 5;
pub(super) const CLIENTS: u8 = 4;
/// Ports of each client at each virtual endpoint.
pub(super) const PORTS: u16 = 6;

/// One address family's names.
pub(super) trait Family {
    type A: Address;
    fn virtual_server(index: usize) -> String;
    fn real(index: usize) -> String;
    fn client(index: u8) -> Self::A;
    fn virtual_address(index: usize) -> Self::A;
    fn real_address(index: usize) -> Self::A;
}

pub(super) struct V4;
pub(super) struct V6;

pub(super) const fn endpoint(index: usize) -> usize {
    index / 2
}

impl Family for V4 {
    type A = Ipv4Addr;
    fn virtual_server(index: usize) -> String {
        format!("{}:80:{}", Self::virtual_address(index), index % 2)
    }
    fn real(index: usize) -> String {
        format!("{}:80", Self::real_address(index))
    }
    fn client(index: u8) -> Ipv4Addr {
        Ipv4Addr::new(203, 0, 113, index)
    }
    fn virtual_address(index: usize) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 100 + u8::try_from(endpoint(index)).unwrap())
    }
    fn real_address(index: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 1, 0, 11 + u8::try_from(index).unwrap())
    }
}

impl Family for V6 {
    type A = Ipv6Addr;
    fn virtual_server(index: usize) -> String {
        format!("[{}]:80:{}", Self::virtual_address(index), index % 2)
    }
    fn real(index: usize) -> String {
        format!("[{}]:80", Self::real_address(index))
    }
    fn client(index: u8) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, u16::from(index))
    }
    fn virtual_address(index: usize) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 0x100 + u16::try_from(endpoint(index)).unwrap())
    }
    fn real_address(index: usize) -> Ipv6Addr {
        format!("2001:db8:1::{}", 11 + index).parse().unwrap()
    }
}

/// A virtual server as the model has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Virtual {
    pub(super) predictor: Predictor,
    pub(super) in_service: bool,
    pub(super) refuse: bool,
    pub(super) most: Option<u64>,
    pub(super) backup: Option<(usize, BackupWhen)>,
    pub(super) resends: u64,
    pub(super) bound: Vec<usize>,
    /// Clients that are assigned, for an instance.
    pub(super) assigned: Vec<u8>,
}

/// A real server as the model has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Real {
    pub(super) weight: u64,
    pub(super) in_service: bool,
    pub(super) most: Option<u64>,
    pub(super) backup: Option<usize>,
    pub(super) threshold: u64,
    pub(super) count_resets: bool,
    pub(super) retry_s: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct World {
    pub(super) virtuals: Vec<Virtual>,
    pub(super) reals: Vec<Real>,
}

pub(super) fn virtuals() -> impl Strategy<Value = Virtual> {
    // The others are held against a plain search where they are made.
    let predictors = [Predictor::LeastConnections, Predictor::WeightedLeastConnections];
    let chance = |weight| prop::bool::weighted(weight);
    let backup = prop::option::weighted(
        0.3,
        (0..VIRTUALS, prop_oneof![Just(BackupWhen::Failed), Just(BackupWhen::Busy)]),
    );
    (
        prop::sample::select(predictors.to_vec()),
        (chance(0.9), chance(0.05)),
        prop::option::weighted(0.3, 1..4_u64),
        backup,
        0..3_u64,
        prop::sample::subsequence((0..REALS).collect::<Vec<_>>(), 0..=REALS),
        prop::sample::subsequence((0..CLIENTS).collect::<Vec<_>>(), 0..=2),
    )
        .prop_map(|(predictor, (in_service, refuse), most, backup, resends, bound, assigned)| Virtual {
            predictor,
            in_service,
            refuse,
            most,
            backup,
            resends,
            bound: if refuse { Vec::new() } else { bound },
            assigned,
        })
}

pub(super) fn reals() -> impl Strategy<Value = Real> {
    (
        1..4_u64,
        prop::bool::weighted(0.85),
        prop::option::weighted(0.3, 1..4_u64),
        prop::option::weighted(0.3, 0..REALS),
        (0..4_u64, prop::bool::weighted(0.7)),
        prop_oneof![Just(0), Just(5), Just(60)],
    )
        .prop_map(|(weight, in_service, most, backup, (threshold, count_resets), retry_s)| Real {
            weight,
            in_service,
            most,
            backup,
            threshold,
            count_resets,
            retry_s,
        })
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
    let virtuals = prop::collection::vec(virtuals(), VIRTUALS);
    (virtuals, prop::collection::vec(reals(), REALS)).prop_map(|(mut virtuals, mut reals)| {
        // Backups lead forward only, so that there is no circle; the first endpoint's general instance has no clients of its
        // own, and neither has the other endpoint's.
        for (index, server) in virtuals.iter_mut().enumerate() {
            server.backup = server.backup.filter(|&(backup, _)| backup > index);
            if index % 2 == 0 {
                server.assigned.clear();
            }
            // A refusing instance stands in for nobody, and has no backup to be asked for.
            if server.refuse {
                server.backup = None;
            }
        }
        // Nor too long a chain.
        for (index, server) in reals.iter_mut().enumerate() {
            server.backup = server.backup.filter(|&backup| backup > index && index > 0);
        }
        World { virtuals, reals }
    })
}

impl World {
    pub(super) fn configuration<F: Family>(&self) -> Configuration {
        let mut draft = ConfigurationDraft::default();
        for (index, server) in self.virtuals.iter().enumerate() {
            draft = draft.add_virtual_server(VirtualServerDraft {
                predictor: server.predictor,
                in_service: server.in_service,
                refuse: server.refuse.then_some(Refusal::Drop),
                max_connections: server.most,
                backup: server.backup.map(|(backup, _)| F::virtual_server(backup)),
                backup_when: server.backup.map_or(BackupWhen::Failed, |(_, when)| when),
                resends: server.resends,
                ..VirtualServerDraft::new(&F::virtual_server(index))
            });
            let bound: Vec<_> = server.bound.iter().map(|&real| F::real(real)).collect();
            let bound: Vec<_> = bound.iter().map(String::as_str).collect();
            if !bound.is_empty() {
                draft = draft.bind(&F::virtual_server(index), &bound);
            }
            let clients: Vec<_> =
                server.assigned.iter().map(|&client| F::client(client).into().to_string()).collect();
            let clients: Vec<_> = clients.iter().map(String::as_str).collect();
            if !clients.is_empty() {
                draft = draft.assign(&F::virtual_server(index), &clients);
            }
        }
        for (index, server) in self.reals.iter().enumerate() {
            draft = draft.add_real_server(RealServerDraft {
                weight: server.weight,
                in_service: server.in_service,
                max_connections: server.most,
                backup: server.backup.map(F::real),
                threshold: server.threshold,
                count_resets: server.count_resets,
                retry_s: server.retry_s,
                ..RealServerDraft::new(&F::real(index))
            });
        }
        draft.build().unwrap()
    }

    /// The real servers that a virtual server has: those that are bound, then those that stand in for them.
    pub(super) fn members(&self, server: usize) -> Vec<usize> {
        let mut members = self.virtuals[server].bound.clone();
        let mut next = 0;
        while next < members.len() {
            let backup = self.reals[members[next]].backup;
            members.extend(backup.filter(|backup| !members.contains(backup)));
            next += 1;
        }
        members
    }
}
