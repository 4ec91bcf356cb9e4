//! Why a client would get the real server that it would get: the choice, without making it.

use std::net::IpAddr;
use std::time::Duration;

use arrayvec::ArrayVec;
use ipnet::IpNet;
use model::{DropReason, Endpoint, Instant, ServerName, limits};

use crate::choice::Shortage;
use crate::lane::Unreachable;
use crate::predictor::Standing;
use crate::shard::Core;
use crate::{BackupTarget, NextHopTable, RealState, Refusal, Shard};

/// The real servers that an explanation has of each virtual server.
pub const CANDIDATES: usize = 16;

/// What would become of a client's next connection. Numbers are indices into the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The instance of the virtual server that the client's connections go to; `None` if there is none for it.
    pub instance: Option<usize>,
    /// The network of clients by whose assignment it is so.
    pub assigned: Option<IpNet>,
    /// What was tried, in this order: the instance, then its backups.
    pub tried: ArrayVec<Attempt, { limits::BACKUP_CHAIN + 2 }>,
    /// What comes of it.
    pub decision: Decision,
}

/// What would become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes by this binding.
    Chosen(usize),
    /// It waits for a next hop's MAC address first.
    Awaits(IpAddr),
    /// It is refused.
    Refused(DropReason),
    /// The instance refuses all connections.
    Unwelcome(Refusal),
}

/// What one virtual server, or one real server that is a backup, could do for the client.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The virtual server.
    pub virtual_server: usize,
    /// The real server that the client had, if it is remembered.
    pub remembered: Option<Endpoint>,
    /// Whether that one gets it again; not if it can not be chosen.
    pub returns: bool,
    /// What it came to.
    pub result: Result<usize, DropReason>,
    /// Its real servers: the one that is chosen, then the first others.
    pub candidates: ArrayVec<Candidate, CANDIDATES>,
}

/// A real server that could be chosen, as this shard sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The binding.
    pub binding: usize,
    /// Why it can not be chosen, if it can not.
    pub obstacle: Option<Obstacle>,
    /// The real server's connections in this shard.
    pub connections: u32,
    /// Its weight.
    pub weight: u16,
    /// How long it takes to answer, if that is measured and known.
    pub answers_in: Option<Duration>,
    /// What it gets of its share, in sixteenths; `None` when it gets all.
    pub share: Option<u8>,
    /// The least is chosen, among those that can be. Where clients' addresses decide it says nothing.
    pub merit: u64,
}

/// Why a real server can not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is out of service.
    OutOfService,
    /// It has failed.
    Failed,
    /// It has failed, and one connection tries it.
    Tested,
    /// It has as many connections as it may have.
    Full,
    /// Nobody that it stands in for has failed.
    NotNeeded,
    /// The MAC address of the next hop is not known yet.
    Awaited,
    /// No route leads there.
    NoRoute,
}

impl Shard {
    /// What would become of a connection of `client` to the virtual server that `asked` names: its port is that which the
    /// client would connect to, and its bind ID does not matter. Nothing changes.
    pub fn explain(
        &mut self,
        now: Instant,
        next_hops: &NextHopTable,
        client: IpAddr,
        asked: ServerName,
    ) -> Explanation {
        self.core.set_time(now);
        self.core.refresh(next_hops);
        self.core.explain(client, asked)
    }
}

impl Core {
    fn explain(&self, client: IpAddr, asked: ServerName) -> Explanation {
        let service = (asked.address, asked.port, asked.protocol);
        let mut explanation = Explanation {
            instance: self.plan.instance_for(service, client),
            assigned: self.plan.assigned(service, client).map(|assigned| assigned.network),
            tried: ArrayVec::new(),
            decision: Decision::Refused(DropReason::NoVirtualServer),
        };
        let Some(server) = explanation.instance else { return explanation };
        let configured = self.plan.virtual_server(server);
        explanation.decision = if let Some(refusal) = configured.refusal() {
            Decision::Unwelcome(refusal)
        } else if let Some(reason) = self.turns_away(server, asked.protocol) {
            Decision::Refused(reason)
        } else {
            self.try_chain(server, client, asked.port, &mut explanation)
        };
        explanation
    }

    /// As a connection's choice goes: the instance, then its backups.
    fn try_chain(&self, server: usize, client: IpAddr, port: u16, explanation: &mut Explanation) -> Decision {
        let mut first = None;
        let mut at = server;
        loop {
            let (attempt, shortage) = self.attempt(at, client, port);
            let result = attempt.result;
            let _ = explanation.tried.try_push(attempt);
            let shortage = match (result, shortage) {
                (Ok(binding), None) => return Decision::Chosen(binding),
                (_, Some(shortage)) => shortage,
                (Err(reason), None) => Shortage::Failed(reason),
            };
            first.get_or_insert(shortage);
            let backup = self.plan.virtual_server(at).backup().filter(|each| shortage.calls(each.when));
            match backup.map(|backup| backup.target) {
                Some(BackupTarget::Virtual(next))
                    if self.plan.serves(next) && !explanation.tried.is_full() =>
                {
                    at = next;
                }
                Some(BackupTarget::Binding(binding)) if self.obstacle(binding, true).is_none() => {
                    return Decision::Chosen(binding);
                }
                _ => break,
            }
        }
        match first.map(Unreachable::from) {
            Some(Unreachable::Awaits { address, .. }) => Decision::Awaits(address),
            Some(Unreachable::Refused(reason)) => Decision::Refused(reason),
            None => Decision::Refused(DropReason::NoRealServer),
        }
    }

    fn attempt(&self, server: usize, client: IpAddr, port: u16) -> (Attempt, Option<Shortage>) {
        let remembered = self.remembered(server, client);
        let returning = remembered.and_then(|real| self.binding_of_remembered(server, real, port));
        let returning = returning.filter(|&binding| self.obstacle(binding, true).is_none());
        let picked = returning.or_else(|| {
            let number = self.plan.predictors.client(client);
            let is_free = |binding| self.obstacle(binding, false).is_none();
            let first = self.plan.predictors.pick(server, number).filter(|&binding| is_free(binding));
            first.or_else(|| self.plan.predictors.pick_among(server, number, is_free))
        });
        let shortage = match picked {
            _ if self.loads.is_virtual_full(self.plan.virtual_server(server).id(), &self.shared) => {
                Some(Shortage::Busy)
            }
            Some(_) => None,
            None => Some(self.shortage(server, client)),
        };
        let result = match (picked, shortage.map(Unreachable::from)) {
            (_, Some(Unreachable::Refused(reason))) => Err(reason),
            (_, Some(Unreachable::Awaits { .. })) => Err(DropReason::NextHopUnresolved),
            (Some(binding), None) => Ok(binding),
            (None, None) => Err(DropReason::NoRealServer),
        };
        let candidates = self.candidates(server, picked);
        (
            Attempt { virtual_server: server, remembered, returns: returning.is_some(), result, candidates },
            shortage,
        )
    }

    /// Why a virtual server has nobody for a client.
    fn shortage(&self, server: usize, client: IpAddr) -> Shortage {
        if self.has_full(server) {
            return Shortage::Busy;
        }
        let picked = self.plan.predictors.pick(server, self.plan.predictors.client(client));
        match picked.map(|binding| self.hop_to(binding)) {
            Some(Err(why)) => why.into(),
            _ => Shortage::Failed(DropReason::NoRealServer),
        }
    }

    fn candidates(&self, server: usize, chosen: Option<usize>) -> ArrayVec<Candidate, CANDIDATES> {
        let candidate = |candidacy: crate::predictor::Candidacy| Candidate {
            binding: candidacy.binding,
            obstacle: self.obstacle(candidacy.binding, candidacy.is_open),
            connections: candidacy.connections,
            weight: candidacy.weight,
            answers_in: candidacy.answers_in,
            share: candidacy.share,
            merit: candidacy.merit,
        };
        let all = || self.plan.predictors.candidates(server).map(candidate);
        let first = all().filter(|candidate| Some(candidate.binding) == chosen);
        let others = all().filter(|candidate| Some(candidate.binding) != chosen);
        first.chain(others).take(CANDIDATES).collect()
    }

    /// What keeps the real server of a binding from being chosen. One that stands in is `is_open` where it is needed.
    fn obstacle(&self, binding: usize, is_open: bool) -> Option<Obstacle> {
        let real = self.plan.real_server(binding);
        if !real.is_in_service() {
            return Some(Obstacle::OutOfService);
        }
        match self.shared.real_state(real.id()) {
            RealState::Failed => return Some(Obstacle::Failed),
            RealState::Tested => return Some(Obstacle::Tested),
            RealState::Up | RealState::Testing => {}
        }
        match self.plan.targets.standing(self.plan.binding(binding).real_server()) {
            Standing::Reachable if self.loads.is_full(real.id(), &self.shared) => Some(Obstacle::Full),
            Standing::Reachable => {
                let is_closed = !is_open && self.plan.binding(binding).stand_in().is_some();
                (is_closed && !self.plan.wanted[binding]).then_some(Obstacle::NotNeeded)
            }
            Standing::Awaited => Some(Obstacle::Awaited),
            Standing::Unreachable | Standing::OutOfService => Some(Obstacle::NoRoute),
        }
    }
}
