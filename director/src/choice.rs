//! Which real server a new connection gets: the one that the client had, or the predictor's, or what stands in for them.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use model::{DropReason, limits};
use packet::{Address, Tuple};

use crate::classify::Flow;
use crate::connection::{FlowKey, Hop};
use crate::lane::{Lane, Unreachable};
use crate::loads::Full;
use crate::predictor::Standing;
use crate::shard::Core;
use crate::{BackupTarget, BackupWhen, Direction, NextHopTable, PortIndex, RealState};

/// Real servers that are tried before the client's port is translated, and ports that are tried then.
const COLLISION_TRIES: usize = 3;
const PORT_TRIES: u16 = 64;
/// The first port that is not for well-known services: a translated client keeps looking like a client.
const FIRST_TRANSLATED_PORT: u16 = 1_024;

/// Where a new connection goes. Its servers count it already.
pub(crate) struct Target {
    pub(crate) binding: usize,
    pub(crate) translated_port: u16,
    pub(crate) hop: Hop,
    /// Whether the connection tries a real server that has failed.
    pub(crate) is_trial: bool,
    /// Of the key that answers are found by.
    pub(crate) outbound_hash: u64,
}

/// Why a virtual server has no real server for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// It, or its real servers, have as many connections as they may have.
    Busy,
    /// None of its real servers is up, in service and reachable.
    Failed(DropReason),
    /// The next hop to the one that would be chosen is being asked for.
    Awaits { port: PortIndex, address: IpAddr },
    /// The client has all its ports in use there.
    NoPort,
}

impl Shortage {
    /// Whether a backup that is there `when` comes in.
    pub(crate) fn calls(self, when: BackupWhen) -> bool {
        match self {
            Self::Failed(_) | Self::Awaits { .. } => true,
            Self::Busy => when == BackupWhen::Busy,
            Self::NoPort => false,
        }
    }
}

impl From<Unreachable> for Shortage {
    fn from(why: Unreachable) -> Self {
        match why {
            Unreachable::Awaits { port, address } => Self::Awaits { port, address },
            Unreachable::Refused(reason) => Self::Failed(reason),
        }
    }
}

impl From<Shortage> for Unreachable {
    fn from(shortage: Shortage) -> Self {
        match shortage {
            Shortage::Busy => Self::Refused(DropReason::Busy),
            Shortage::Failed(reason) => Self::Refused(reason),
            Shortage::Awaits { port, address } => Self::Awaits { port, address },
            Shortage::NoPort => Self::Refused(DropReason::NoTranslationPort),
        }
    }
}

/// Why a binding that was picked can not have the connection.
pub(crate) enum Denied {
    /// The predictor knows better now.
    PickAgain,
    /// The virtual server has as many connections as it may have.
    VirtualFull,
}

impl<A: Address> Lane<A> {
    /// Chooses a real server of `server`, or of its backups. The binding `avoid` is taken only if there is no other.
    pub(crate) fn choose(
        &self,
        core: &mut Core,
        flow: &Flow<A>,
        server: usize,
        avoid: Option<usize>,
    ) -> Result<Target, Unreachable> {
        let chosen = self.choose_in_chain(core, flow, server, avoid);
        match (chosen, avoid) {
            (Err(_), Some(_)) => self.choose_in_chain(core, flow, server, None),
            (chosen, _) => chosen,
        }
        .map_err(Into::into)
    }

    #[inline]
    fn choose_in_chain(
        &self,
        core: &mut Core,
        flow: &Flow<A>,
        server: usize,
        avoid: Option<usize>,
    ) -> Result<Target, Shortage> {
        let chosen = self.choose_at(core, flow, server, avoid);
        chosen.or_else(|shortage| self.choose_behind(core, flow, server, avoid, shortage))
    }

    /// Asks the backups of `server`, which has a shortage, one after the other. If none can help, its own shortage is the
    /// reason.
    #[cold]
    fn choose_behind(
        &self,
        core: &mut Core,
        flow: &Flow<A>,
        server: usize,
        avoid: Option<usize>,
        first: Shortage,
    ) -> Result<Target, Shortage> {
        let (mut at, mut shortage) = (server, first);
        for _ in 0..=limits::BACKUP_CHAIN {
            let backup = core.plan.virtual_server(at).backup().filter(|each| shortage.calls(each.when));
            at = match backup.map(|backup| backup.target) {
                Some(BackupTarget::Virtual(next)) if core.plan.serves(next) => next,
                Some(BackupTarget::Binding(binding)) => {
                    return self.choose_backup(core, flow, binding).map_err(|_| first);
                }
                _ => break,
            };
            if core.is_guarded(at, flow.key.protocol) {
                shortage = Shortage::Busy;
                continue;
            }
            match self.choose_at(core, flow, at, avoid) {
                Ok(target) => return Ok(target),
                Err(next) => shortage = next,
            }
        }
        Err(first)
    }

    /// Asks the predictor for a real server whose next hop is known, that has room, and where the client's endpoint is free. A
    /// client that is at all of them, by other virtual servers, gets another port (never mix two connections' data).
    fn choose_at(
        &self,
        core: &mut Core,
        flow: &Flow<A>,
        server: usize,
        avoid: Option<usize>,
    ) -> Result<Target, Shortage> {
        let is_sticky = core.is_sticky(server);
        if is_sticky && let Some(target) = self.choose_remembered(core, flow, server, avoid) {
            return Ok(target);
        }
        let mut tried = ArrayVec::<usize, COLLISION_TRIES>::new();
        tried.extend(avoid);
        let mut collided = None;
        let port = flow.key.client_port();
        while let Some(binding) = core.pick(server, flow, &tried) {
            let hop = match core.hop_to(binding) {
                Ok(hop) => hop,
                Err(why) if tried.is_empty() => return Err(why.into()),
                Err(_) => break,
            };
            let Some(outbound_hash) = self.vacancy(core, flow, binding, port) else {
                collided.get_or_insert(binding);
                if tried.try_push(binding).is_err() {
                    break;
                }
                continue;
            };
            match core.claim(binding) {
                Ok(is_trial) => {
                    let target = Target { binding, translated_port: port, hop, is_trial, outbound_hash };
                    return Ok(if is_sticky { self.agree(core, flow, target) } else { target });
                }
                Err(Denied::VirtualFull) => return Err(Shortage::Busy),
                Err(Denied::PickAgain) => {}
            }
        }
        match collided {
            Some(binding) => self.choose_port(core, flow, binding),
            None if core.has_full(server) => Err(Shortage::Busy),
            None => Err(Shortage::Failed(DropReason::NoRealServer)),
        }
    }

    /// A port for a client whose own is taken at the real server of `binding`.
    pub(crate) fn choose_port(
        &self,
        core: &mut Core,
        flow: &Flow<A>,
        binding: usize,
    ) -> Result<Target, Shortage> {
        let hop = core.hop_to(binding)?;
        let (translated_port, outbound_hash) = self.free_port(core, flow, binding).ok_or(Shortage::NoPort)?;
        let is_trial = core.claim(binding).map_err(|_| Shortage::Busy)?;
        Ok(Target { binding, translated_port, hop, is_trial, outbound_hash })
    }

    /// The real server that is the backup of a whole virtual server.
    fn choose_backup(&self, core: &mut Core, flow: &Flow<A>, binding: usize) -> Result<Target, Shortage> {
        let real_server = core.plan.binding(binding).real_server();
        if core.standing(real_server) != Standing::Reachable {
            return Err(Shortage::Failed(DropReason::NoRealServer));
        }
        self.choose_binding(core, flow, binding)
    }

    /// The hash that a connection of the client's address and `port` would be found by at the real server of `binding`; `None`
    /// if there is such a connection.
    pub(crate) fn vacancy(&self, core: &Core, flow: &Flow<A>, binding: usize, port: u16) -> Option<u64> {
        let (real_address, real_port) = core.real_endpoint(binding, flow)?;
        let ends = Tuple {
            source: real_address,
            source_port: real_port,
            destination: flow.key.client(),
            destination_port: port,
        };
        let key = FlowKey { ends: ends.into(), direction: Direction::Outbound, ..flow.key };
        let hash = core.hasher.hash(&key);
        self.table.find(hash, &key).is_none().then_some(hash)
    }

    /// A client port that is free at the real server, beginning at one that the connection's hash names, and the hash there.
    fn free_port(&self, core: &Core, flow: &Flow<A>, binding: usize) -> Option<(u16, u64)> {
        let range = u16::MAX - FIRST_TRANSLATED_PORT;
        let [low, high, ..] = flow.hash.to_le_bytes();
        let start = u16::from_le_bytes([low, high]);
        (0..PORT_TRIES)
            .map(|attempt| FIRST_TRANSLATED_PORT + start.wrapping_add(attempt) % range)
            .find_map(|port| Some((port, self.vacancy(core, flow, binding, port)?)))
    }
}

impl Core {
    /// The predictor's choice among the bindings that were not tried.
    fn pick<A: Address>(&self, server: usize, flow: &Flow<A>, tried: &[usize]) -> Option<usize> {
        let client = self.plan.predictors.client(flow.key.client());
        match tried {
            [] => self.plan.predictors.pick(server, client),
            _ => self.plan.predictors.pick_among(server, client, |binding| !tried.contains(&binding)),
        }
    }

    pub(crate) fn hop_to(&self, binding: usize) -> Result<Hop, Unreachable> {
        self.plan.targets.hop(self.plan.binding(binding).real_server())
    }

    /// Has the servers of `binding` count a connection that is to be, if they have room and the real server is up, or to be
    /// tried by this connection. Returns whether it is.
    pub(crate) fn claim(&mut self, binding: usize) -> Result<bool, Denied> {
        let real_server = self.plan.binding(binding).real_server();
        let slot = self.plan.slot(self.plan.binding(binding).id());
        match self.loads.reserve(&slot, &self.shared) {
            Ok(()) => {}
            Err(Full::Virtual) => return Err(Denied::VirtualFull),
            Err(Full::Real) => {
                self.plan.note_full(real_server);
                return Err(Denied::PickAgain);
            }
        }
        match self.shared.real_state(slot.real_id) {
            RealState::Up => return Ok(false),
            RealState::Testing if self.shared.begin_test(self.now, self.plan.real_server(binding)) => {
                return Ok(true);
            }
            _ => {}
        }
        self.loads.give_back(&slot, &self.shared);
        self.plan.predictors.set_standing(real_server, Standing::OutOfService);
        Err(Denied::PickAgain)
    }

    /// Takes back a claim: the connection did not come about.
    pub(crate) fn give_back(&mut self, target: &Target) {
        let slot = self.plan.slot(self.plan.binding(target.binding).id());
        self.loads.give_back(&slot, &self.shared);
        if target.is_trial {
            self.shared.abandon_test(slot.real_id);
        }
    }

    /// Whether a virtual server has a real server that is full, and would be chosen if it were not.
    pub(crate) fn has_full(&self, server: usize) -> bool {
        let bindings = self.plan.virtual_server(server).bindings();
        let is_full = |binding| {
            let is_full = self.loads.is_full(self.plan.real_server(binding).id(), &self.shared);
            is_full && self.standing(self.plan.binding(binding).real_server()) == Standing::Reachable
        };
        !self.plan.full.is_empty() && bindings.into_iter().any(is_full)
    }

    /// Whether a real server may be chosen now, as far as this shard knows.
    pub(crate) fn standing(&self, real_server: usize) -> Standing {
        let server = &self.plan.configuration.real_servers()[real_server];
        let state = self.shared.real_state(server.id());
        if !server.is_in_service() || matches!(state, RealState::Failed | RealState::Tested) {
            return Standing::OutOfService;
        }
        self.plan.targets.standing(real_server)
    }

    /// Has the predictors know who can be chosen, if that has changed.
    pub(crate) fn refresh(&mut self, next_hops: &NextHopTable) {
        let (revision, freed) = (self.shared.revision(), self.shared.freed());
        let is_same_table = self.plan.targets.is_of(next_hops);
        if !is_same_table || self.plan.seen_revision != Some(revision) {
            self.read_standings(next_hops, is_same_table);
            self.plan.seen_revision = Some(revision);
            self.plan.seen_freed = freed;
        } else if self.plan.seen_freed != freed {
            self.plan.seen_freed = freed;
            self.reopen_full();
        }
    }

    #[cold]
    fn read_standings(&mut self, next_hops: &NextHopTable, is_same_table: bool) {
        if !is_same_table {
            let plan = &mut *self.plan;
            plan.targets.read(&plan.configuration, next_hops);
        }
        self.note_joined();
        self.plan.full.clear();
        for real_server in 0..self.plan.configuration.real_servers().len() {
            let id = self.plan.configuration.real_servers()[real_server].id();
            let standing = self.standing(real_server);
            if self.loads.is_full(id, &self.shared) {
                self.plan.note_full(real_server);
            } else {
                self.plan.predictors.set_standing(real_server, standing);
            }
        }
        self.call_stand_ins();
    }

    /// Has real servers that have come into service, or back, begin slowly. At the start of the unit all are as they are.
    fn note_joined(&mut self) {
        let has_looked = std::mem::replace(&mut self.has_looked, true);
        for real_server in 0..self.plan.configuration.real_servers().len() {
            let server = &self.plan.configuration.real_servers()[real_server];
            let is_up = self.shared.real_state(server.id()) == RealState::Up;
            let is_in_service = server.is_in_service() && is_up;
            let known = &mut self.in_service[usize::from(server.id())];
            let was_in_service = std::mem::replace(known, is_in_service);
            if is_in_service && !was_in_service && has_looked {
                self.plan.predictors.join(real_server, self.now);
            }
        }
    }

    /// Has real servers be chosen again that were full and are not any more.
    #[cold]
    fn reopen_full(&mut self) {
        let mut place = 0;
        while let Some(&real_server) = self.plan.full.get(place) {
            let real_server = usize::from(real_server);
            let id = self.plan.configuration.real_servers()[real_server].id();
            if self.loads.is_full(id, &self.shared) {
                place += 1;
                continue;
            }
            self.plan.full.swap_remove(place);
            let standing = self.standing(real_server);
            self.plan.predictors.set_standing(real_server, standing);
        }
    }

    /// Opens the bindings of real servers whose turn it is to stand in for others, and closes the rest of them.
    fn call_stand_ins(&mut self) {
        for place in 0..self.plan.with_stand_ins.len() {
            let server = usize::from(self.plan.with_stand_ins[place]);
            let bindings = self.plan.virtual_server(server).bindings();
            for binding in bindings.clone() {
                self.plan.wanted[binding] = self.plan.binding(binding).stand_in().is_none();
            }
            for binding in bindings.clone() {
                self.call_backups_of(binding);
            }
            for binding in bindings {
                let is_wanted = self.plan.wanted[binding];
                self.plan.predictors.set_open(binding, is_wanted);
            }
        }
    }

    /// Wants the binding that stands in for one that somebody wrote and that can not be chosen; if it can not be chosen
    /// either, the next, to the end of the chain.
    fn call_backups_of(&mut self, written: usize) {
        let mut binding = written;
        while self.plan.binding(written).stand_in().is_none() && !self.is_up(binding) {
            let Some(stand_in) = self.plan.stand_in_for(binding) else { return };
            self.plan.wanted[stand_in] = true;
            binding = stand_in;
        }
    }

    /// Whether the real server of a binding can be chosen and needs nobody to stand in for it.
    fn is_up(&self, binding: usize) -> bool {
        let is_reachable = self.standing(self.plan.binding(binding).real_server()) == Standing::Reachable;
        is_reachable && self.shared.real_state(self.plan.real_server(binding).id()) == RealState::Up
    }
}
