//! What a shard has from its configuration. It is made outside the worker, and takes the place of the one before between
//! two bursts: connections stay, and so does all that is counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use model::{Endpoint, Protocol, limits};

use crate::counters::ShardCounters;
use crate::predictor::{Predictors, Standing};
use crate::services::{Services, ServicesAt};
use crate::targets::Targets;
use crate::tcp_state::IdleTimeouts;
use crate::{
    Assigned, BackupTarget, Binding, Configuration, Predictor, RealServer, ShardConfiguration, Sticky,
    VirtualServer,
};

/// All that a shard reads and keeps about the servers of one configuration.
#[derive(Debug)]
pub struct Plan {
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) services: Services,
    pub(crate) predictors: Predictors,
    pub(crate) targets: Targets,
    /// By [`Binding::id`].
    slots: Box<[Slot]>,
    /// By [`RealServer::id`]: its index, or [`Slot::GONE`].
    reals: Box<[u16]>,
    /// The different idle timeouts that virtual servers have.
    timeouts: Vec<IdleTimeouts>,
    /// Bindings by virtual server and the real server's configured endpoint.
    bindings: HashMap<(u16, Endpoint), u16, RandomState>,
    /// Sticky virtual servers by their scope: of buddies, one that the other unit is told of if there is any.
    scopes: HashMap<u64, u16, RandomState>,
    /// The first binding of each sticky virtual server to each machine.
    machines: HashMap<(u16, IpAddr), u16, RandomState>,
    /// Real servers that were found full, to be looked at again when one is not any more.
    pub(crate) full: Vec<u16>,
    /// What the unit's shared state was when the predictors were told.
    pub(crate) seen_revision: Option<u64>,
    pub(crate) seen_freed: u64,
    /// Virtual servers with real servers that stand in for others.
    pub(crate) with_stand_ins: Vec<u16>,
    /// By binding: the one that stands in for it; [`Slot::GONE`] if there is none.
    stand_ins: Box<[u16]>,
    /// By binding: whether it is one of those that are to be chosen among. Memory for finding out who stands in.
    pub(crate) wanted: Box<[bool]>,
}

/// What is to be known of a connection's binding when the connection comes to mind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Index into the configuration's bindings; [`Slot::GONE`] if the configuration does not have it any more.
    binding: u16,
    pub(crate) virtual_id: u16,
    pub(crate) real_id: u16,
    /// Which idle timeouts.
    timeouts: u16,
    pub(crate) is_replicated: bool,
    /// Whether the virtual server's clients return to their real server.
    pub(crate) is_sticky: bool,
    pub(crate) bind_id: u16,
}

impl Slot {
    const GONE: u16 = u16::MAX;

    /// Nobody's.
    const NONE: Self = Self {
        binding: Self::GONE,
        virtual_id: 0,
        real_id: 0,
        timeouts: u16::MAX,
        is_replicated: false,
        is_sticky: false,
        bind_id: 0,
    };

    /// The binding's index, if the configuration still has it.
    #[inline]
    pub(crate) fn binding(&self) -> Option<usize> {
        (self.binding != Self::GONE).then_some(usize::from(self.binding))
    }
}

/// Numbers of bindings that there is room for in a unit that began with so many.
pub(crate) fn room(bindings: usize) -> usize {
    const ROOM: usize = 8_192;
    (4 * bindings).clamp(ROOM, limits::BINDING_IDS)
}

impl ShardConfiguration {
    /// What a shard like this has from `director`.
    pub fn plan(&self, director: &Arc<Configuration>) -> Box<Plan> {
        // As much as the shard's counters: what was there and is gone has its place, too.
        Plan::new(director, self.index, self.hash_seed, room(self.director.bindings().len()))
    }
}

impl Plan {
    pub(crate) fn new(director: &Arc<Configuration>, shard: usize, hash_seed: u64, room: usize) -> Box<Self> {
        let hasher = hasher(hash_seed);
        let (timeouts, classes) = timeouts(director);
        let numbers = director.bindings().iter().map(|binding| usize::from(binding.id()) + 1).max();
        let mut slots = vec![Slot::NONE; room.max(numbers.unwrap_or(0))];
        // Checked configuration has fewer bindings than 16 bits count (limits::BINDINGS).
        for (index, binding) in (0..).zip(director.bindings()) {
            slots[usize::from(binding.id())] = slot(director, index, binding, &classes);
        }
        Box::new(Self {
            services: Services::new(director, &hasher),
            predictors: Predictors::new(director, shard),
            targets: Targets::new(director),
            slots: slots.into(),
            reals: reals(director),
            timeouts,
            bindings: bindings(director, &hasher),
            scopes: scopes(director, &hasher),
            machines: machines(director, &hasher),
            full: Vec::with_capacity(director.real_servers().len()),
            seen_revision: None,
            seen_freed: 0,
            with_stand_ins: with_stand_ins(director),
            stand_ins: stand_ins(director),
            wanted: vec![true; director.bindings().len()].into(),
            configuration: Arc::clone(director),
        })
    }

    /// What is known of the binding with this number.
    #[inline]
    pub(crate) fn slot(&self, id: u16) -> Slot {
        self.slots.get(usize::from(id)).copied().unwrap_or(Slot::NONE)
    }

    /// The idle timeouts of connections by the binding with this number; `None` if the binding is gone, and its connections
    /// are to go.
    #[inline]
    pub(crate) fn timeouts(&self, id: u16) -> Option<&IdleTimeouts> {
        let slot = self.slots.get(usize::from(id))?;
        self.timeouts.get(usize::from(slot.timeouts))
    }

    /// Whether the configuration has this real server, with the same number.
    pub(crate) fn has_real(&self, server: &RealServer) -> bool {
        let index = self.reals.get(usize::from(server.id())).copied().unwrap_or(Slot::GONE);
        let found = self.configuration.real_servers().get(usize::from(index));
        found.is_some_and(|found| found.name() == server.name())
    }

    /// The longest of all idle timeouts.
    pub(crate) fn longest_ms(&self) -> u32 {
        self.timeouts.iter().map(IdleTimeouts::longest_ms).max().unwrap_or(0)
    }

    pub(crate) fn virtual_server(&self, index: usize) -> &VirtualServer {
        &self.configuration.virtual_servers()[index]
    }

    pub(crate) fn binding(&self, index: usize) -> &Binding {
        &self.configuration.bindings()[index]
    }

    /// The real server of a binding.
    pub(crate) fn real_server(&self, binding: usize) -> &RealServer {
        &self.configuration.real_servers()[self.binding(binding).real_server()]
    }

    /// The instance of a virtual endpoint that a client's connections go to: seed 003, figure 5, steps 510 to 516. The longest
    /// prefix of an assignment decides; of two, that of the very port.
    pub(crate) fn instance_for(&self, service: (IpAddr, u16, Protocol), client: IpAddr) -> Option<usize> {
        self.instance_at(self.services.at(service.0)?, service, client)
    }

    /// The same, where all virtual servers of the address are known.
    #[inline]
    pub(crate) fn instance_at(
        &self,
        services: ServicesAt<'_>,
        service: (IpAddr, u16, Protocol),
        client: IpAddr,
    ) -> Option<usize> {
        match self.assigned(service, client) {
            Some(assigned) => Some(assigned.virtual_server),
            None => services.find(service.1, service.2),
        }
    }

    /// The assignment that decides, if there is one.
    #[inline]
    pub(crate) fn assigned(
        &self,
        (address, port, protocol): (IpAddr, u16, Protocol),
        client: IpAddr,
    ) -> Option<Assigned> {
        let assignments = self.configuration.assignments();
        if assignments.is_empty() {
            return None;
        }
        let at = |port| assignments.find(address, port, protocol, client);
        let length = |found: &Assigned| found.network.prefix_len();
        match (at(port), at(0)) {
            (Some(one), Some(other)) if length(&other) > length(&one) => Some(other),
            (one, other) => one.or(other),
        }
    }

    /// The binding of a virtual server to the real server with this endpoint; one of port 0 keeps the virtual port.
    pub(crate) fn binding_to(&self, server: usize, real: Endpoint, virtual_port: u16) -> Option<usize> {
        let server = u16::try_from(server).ok()?;
        let at = |port| self.bindings.get(&(server, Endpoint::new(real.address, port))).copied();
        at(real.port).or_else(|| at(0).filter(|_| real.port == virtual_port)).map(usize::from)
    }

    /// The binding of the real server that is the backup of a binding's.
    pub(crate) fn stand_in_for(&self, binding: usize) -> Option<usize> {
        Some(usize::from(self.stand_ins[binding])).filter(|&stand_in| stand_in != usize::from(Slot::GONE))
    }

    /// Whether a virtual server takes new connections.
    pub(crate) fn serves(&self, server: usize) -> bool {
        let server = self.virtual_server(server);
        server.is_in_service() && server.refusal().is_none()
    }

    /// Has nobody choose a real server that is full, until one is not any more.
    pub(crate) fn note_full(&mut self, real_server: usize) {
        self.predictors.set_standing(real_server, Standing::OutOfService);
        // Checked configuration has fewer real servers than 16 bits count (limits::REAL_SERVERS).
        let real_server = u16::try_from(real_server).unwrap_or(u16::MAX);
        if !self.full.contains(&real_server) {
            self.full.push(real_server);
        }
    }

    /// Whether a reset in answer to a SYN counts against the real server. Where a virtual server has all ports, a client that
    /// tries closed ones must not fail it.
    pub(crate) fn counts_resets(&self, binding: usize) -> bool {
        let real_server = self.real_server(binding);
        let server = self.virtual_server(self.binding(binding).virtual_server());
        real_server.count_resets() && (real_server.name().port != 0 || server.name().port != 0)
    }

    /// Whether the time matters that a real server takes to answer.
    pub(crate) fn times(&self, binding: usize) -> bool {
        self.virtual_server(self.binding(binding).virtual_server()).predictor() == Predictor::Fastest
    }

    /// How the clients of a scope return, if it is of this failover group.
    pub(crate) fn sticky_of(&self, scope: u64) -> Option<Sticky> {
        self.virtual_server(usize::from(*self.scopes.get(&scope)?)).sticky()
    }

    /// Whether the other unit is told of the clients of a scope.
    pub(crate) fn tells_of(&self, scope: u64) -> bool {
        let server = self.scopes.get(&scope);
        server.is_some_and(|&server| self.virtual_server(usize::from(server)).replicate())
    }

    /// The first binding of a sticky virtual server to a machine.
    pub(crate) fn binding_to_machine(&self, server: usize, address: IpAddr) -> Option<usize> {
        let server = u16::try_from(server).ok()?;
        self.machines.get(&(server, address)).copied().map(usize::from)
    }

    /// The virtual servers that take a virtual server's connections when it can not, in this order.
    pub(crate) fn backups(&self, server: usize) -> impl Iterator<Item = usize> {
        let next = |server: usize| match self.virtual_server(server).backup()?.target {
            BackupTarget::Virtual(next) => Some(next),
            BackupTarget::Binding(_) => None,
        };
        std::iter::successors(next(server), move |&server| next(server)).take(limits::BACKUP_CHAIN)
    }

    /// Takes over what the plan before knew, for what is still there.
    pub(crate) fn succeed(&mut self, before: &Self, counters: &ShardCounters) {
        for (slot, before) in self.slots.iter_mut().zip(&before.slots) {
            if slot.binding == Slot::GONE {
                // Its connections are still to be counted off.
                *slot = Slot { binding: Slot::GONE, timeouts: u16::MAX, is_sticky: false, ..*before };
            }
        }
        // A number may have been another's.
        let names = |director: &Configuration, binding: usize| {
            let bound = &director.bindings()[binding];
            let virtual_server = director.virtual_servers()[bound.virtual_server()].name();
            (virtual_server, director.real_servers()[bound.real_server()].name())
        };
        let same = |binding: usize| {
            let former = before.slot(self.configuration.bindings()[binding].id()).binding()?;
            let is_same = names(&self.configuration, binding) == names(&before.configuration, former);
            is_same.then_some(former)
        };
        let connections = |binding: usize| {
            let id = self.configuration.bindings()[binding].id();
            u32::try_from(counters.connections_of([id])).unwrap_or(u32::MAX)
        };
        self.predictors.adopt(&before.predictors, same, connections);
    }
}

pub(crate) fn hasher(seed: u64) -> RandomState {
    RandomState::with_seeds(seed, !seed, seed.rotate_left(32), 1)
}

fn slot(director: &Configuration, index: u16, binding: &Binding, classes: &[u16]) -> Slot {
    let server = &director.virtual_servers()[binding.virtual_server()];
    Slot {
        binding: index,
        virtual_id: server.id(),
        real_id: director.real_servers()[binding.real_server()].id(),
        timeouts: classes[binding.virtual_server()],
        is_replicated: server.replicate(),
        is_sticky: server.sticky().is_some(),
        bind_id: server.name().bind_id,
    }
}

fn reals(director: &Configuration) -> Box<[u16]> {
    let mut indices = vec![Slot::GONE; limits::REAL_IDS];
    // Fewer than 16 bits count (limits::REAL_SERVERS).
    for (index, server) in (0..).zip(director.real_servers()) {
        indices[usize::from(server.id())] = index;
    }
    indices.into()
}

/// The different idle timeouts, and which of them each virtual server has.
fn timeouts(director: &Configuration) -> (Vec<IdleTimeouts>, Vec<u16>) {
    let mut places = HashMap::new();
    let mut different = Vec::new();
    let classes = director.virtual_servers().iter().map(|server| {
        *places.entry(*server.timeouts()).or_insert_with(|| {
            different.push(IdleTimeouts::new(server.timeouts()));
            // Not more than virtual servers, which 16 bits count (limits::VIRTUAL_SERVERS).
            u16::try_from(different.len() - 1).unwrap_or(0)
        })
    });
    let classes = classes.collect();
    (different, classes)
}

fn bindings(director: &Configuration, hasher: &RandomState) -> HashMap<(u16, Endpoint), u16, RandomState> {
    let mut bindings = HashMap::with_hasher(hasher.clone());
    for (index, binding) in (0_u16..).zip(director.bindings()) {
        if !director.serves(&director.virtual_servers()[binding.virtual_server()]) {
            continue;
        }
        let name = director.real_servers()[binding.real_server()].name();
        let virtual_server = u16::try_from(binding.virtual_server()).unwrap_or(u16::MAX);
        bindings.insert((virtual_server, Endpoint::new(name.address, name.port)), index);
    }
    bindings
}

fn scopes(director: &Configuration, hasher: &RandomState) -> HashMap<u64, u16, RandomState> {
    let mut scopes = HashMap::with_hasher(hasher.clone());
    for (index, server) in (0_u16..).zip(director.virtual_servers()) {
        let Some(sticky) = server.sticky().filter(|_| director.serves(server)) else { continue };
        if server.replicate() {
            scopes.insert(sticky.scope(), index);
        } else {
            scopes.entry(sticky.scope()).or_insert(index);
        }
    }
    scopes
}

fn machines(director: &Configuration, hasher: &RandomState) -> HashMap<(u16, IpAddr), u16, RandomState> {
    let mut machines = HashMap::with_hasher(hasher.clone());
    for (index, binding) in (0_u16..).zip(director.bindings()) {
        if director.virtual_servers()[binding.virtual_server()].sticky().is_some() {
            let address = director.real_servers()[binding.real_server()].name().address;
            let server = u16::try_from(binding.virtual_server()).unwrap_or(u16::MAX);
            machines.entry((server, address)).or_insert(index);
        }
    }
    machines
}

fn stand_ins(director: &Configuration) -> Box<[u16]> {
    let bound = |binding: &Binding| (binding.virtual_server(), binding.real_server());
    // Fewer than 16 bits count (limits::BINDINGS).
    let places: HashMap<_, u16> =
        director.bindings().iter().zip(0..).map(|(binding, place)| (bound(binding), place)).collect();
    let stand_in = |binding: &Binding| {
        let backup = director.real_servers()[binding.real_server()].backup()?;
        places.get(&(binding.virtual_server(), backup)).copied()
    };
    director.bindings().iter().map(|binding| stand_in(binding).unwrap_or(Slot::GONE)).collect()
}

fn with_stand_ins(director: &Configuration) -> Vec<u16> {
    let stands_in = |server: &VirtualServer| {
        director.bindings()[server.bindings()].iter().any(|binding| binding.stand_in().is_some())
    };
    let servers = (0..).zip(director.virtual_servers());
    servers.filter(|(_, server)| stands_in(server)).map(|(index, _)| index).collect()
}
