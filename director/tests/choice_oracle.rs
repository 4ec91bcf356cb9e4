//! The choice of real servers against a plain model in maps: whatever the configuration becomes, whatever clients and real
//! servers send, and however time goes on, both choose alike and count alike, and in the end nothing is left.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use common::*;
use director::{
    BackupWhen, Configuration, ConfigurationDraft, Predictor, RealServerDraft, RealState, Refusal, Verdict,
    VirtualServerDraft,
};
use model::{DropReason, Instant};
use packet::{Address, TcpFlags, Tuple};
use proptest::prelude::*;

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const RST_ACK: TcpFlags = TcpFlags(TcpFlags::RST.0 | TcpFlags::ACK.0);
const SYN_ACK: TcpFlags = TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0);

/// Virtual servers: two instances of one endpoint, and another endpoint.
const VIRTUALS: usize = 3;
const REALS: usize = 5;
const CLIENTS: u8 = 4;
/// Ports of each client at each virtual endpoint.
const PORTS: u16 = 6;

/// One address family's names.
trait Family {
    type A: Address;
    fn virtual_server(index: usize) -> String;
    fn real(index: usize) -> String;
    fn client(index: u8) -> Self::A;
    fn virtual_address(index: usize) -> Self::A;
    fn real_address(index: usize) -> Self::A;
}

struct V4;
struct V6;

const fn endpoint(index: usize) -> usize {
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
struct Virtual {
    predictor: Predictor,
    in_service: bool,
    refuse: bool,
    most: Option<u64>,
    backup: Option<(usize, BackupWhen)>,
    resends: u64,
    bound: Vec<usize>,
    /// Clients that are assigned, for an instance.
    assigned: Vec<u8>,
}

/// A real server as the model has it.
#[derive(Clone, Debug, PartialEq)]
struct Real {
    weight: u64,
    in_service: bool,
    most: Option<u64>,
    backup: Option<usize>,
    threshold: u64,
    count_resets: bool,
    retry_s: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct World {
    virtuals: Vec<Virtual>,
    reals: Vec<Real>,
}

#[derive(Clone, Debug)]
enum Event {
    /// A client's SYN to a virtual endpoint: client, port, endpoint.
    Syn(u8, u16, usize),
    /// A real server answers one of the connections that wait for it, and the client confirms.
    Answer(prop::sample::Index),
    /// A real server resets one of the connections.
    Refuse(prop::sample::Index),
    /// A client resets one of its connections.
    Abort(prop::sample::Index),
    /// Time goes on, in milliseconds.
    Wait(u64),
    /// Another configuration.
    Configure(World),
}

fn virtuals() -> impl Strategy<Value = Virtual> {
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

fn reals() -> impl Strategy<Value = Real> {
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

fn worlds() -> impl Strategy<Value = World> {
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

fn events() -> impl Strategy<Value = Vec<Event>> {
    let any = any::<prop::sample::Index>;
    let event = prop_oneof![
        12 => (0..CLIENTS, 0..PORTS, 0..2_usize).prop_map(|(client, port, end)| Event::Syn(client, port, end)),
        6 => any().prop_map(Event::Answer),
        2 => any().prop_map(Event::Refuse),
        1 => any().prop_map(Event::Abort),
        4 => prop_oneof![Just(10_u64), Just(1_000), Just(5_000), Just(61_000)].prop_map(Event::Wait),
        1 => worlds().prop_map(Event::Configure),
    ];
    prop::collection::vec(event, 1..150)
}

impl World {
    fn configuration<F: Family>(&self) -> Configuration {
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
    fn members(&self, server: usize) -> Vec<usize> {
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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Syn,
    Established,
    Reset,
}

#[derive(Clone, Debug)]
struct Connection {
    virtual_server: usize,
    real: usize,
    phase: Phase,
    seen: Instant,
    resends: u64,
    /// It tries a real server that has failed.
    is_trial: bool,
}

/// What a real server's connections tell of it.
#[derive(Clone, Debug)]
struct Health {
    state: RealState,
    consecutive: u64,
    failed_at: Instant,
    retry_at: Option<Instant>,
}

/// Client, port, virtual endpoint.
type Key = (u8, u16, usize);

#[derive(Clone, Debug)]
struct Model {
    world: World,
    now: Instant,
    connections: BTreeMap<Key, Connection>,
    health: Vec<Health>,
    /// By virtual server: connections given out, in the sense of whose turn it is.
    turns: Vec<u64>,
    /// By virtual and real server: when it was chosen last.
    chosen: BTreeMap<(usize, usize), u64>,
    admitted: u64,
    refused: u64,
}

/// Why nobody was found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shortage {
    Busy,
    Failed,
}

impl Model {
    fn new(world: World, now: Instant) -> Self {
        let health = Health { state: RealState::Up, consecutive: 0, failed_at: now, retry_at: None };
        let mut model = Self {
            world: World { virtuals: Vec::new(), reals: Vec::new() },
            now,
            connections: BTreeMap::new(),
            health: vec![health; REALS],
            turns: vec![0; VIRTUALS],
            chosen: BTreeMap::new(),
            admitted: 0,
            refused: 0,
        };
        model.configure(world);
        model
    }

    fn configure(&mut self, world: World) {
        let before = std::mem::take(&mut self.chosen);
        for server in 0..VIRTUALS {
            let members = world.members(server);
            let stays = members.iter().any(|&real| before.contains_key(&(server, real)));
            let first = members.len() as u64;
            self.turns[server] = if stays { self.turns[server].max(first) } else { first };
            for (place, &real) in members.iter().enumerate() {
                let turn = before.get(&(server, real)).copied().unwrap_or(place as u64);
                self.chosen.insert((server, real), turn);
            }
        }
        let before = std::mem::replace(&mut self.world, world);
        for (real, server) in before.reals.iter().enumerate() {
            let is_out = self.health[real].state != RealState::Up;
            if is_out && server.retry_s != self.world.reals[real].retry_s {
                self.set_retry(real, self.health[real].failed_at);
            }
        }
    }

    fn is_bound(&self, connection: &Connection) -> bool {
        self.chosen.contains_key(&(connection.virtual_server, connection.real))
    }

    fn of_real(&self, real: usize) -> u64 {
        self.connections.values().filter(|each| each.real == real).count() as u64
    }

    fn of_virtual(&self, server: usize) -> u64 {
        self.connections.values().filter(|each| each.virtual_server == server).count() as u64
    }

    /// The connections that the predictor knows of: those of bindings that are gone are not its any more.
    fn load(&self, real: usize) -> u64 {
        let live = self.connections.values().filter(|each| each.real == real && self.is_bound(each));
        live.count() as u64 + 1
    }

    fn is_serving(&self, real: usize) -> bool {
        self.world.reals[real].in_service
            && matches!(self.health[real].state, RealState::Up | RealState::Testing)
    }

    fn is_full(&self, real: usize) -> bool {
        self.world.reals[real].most.is_some_and(|most| self.of_real(real) >= most)
    }

    /// The real servers that may be chosen among at a virtual server, but for those that are full.
    fn open(&self, server: usize) -> Vec<usize> {
        let members = self.world.members(server);
        let mut open = self.world.virtuals[server].bound.clone();
        let is_down = |real: usize| !self.is_serving(real) || self.health[real].state != RealState::Up;
        let mut next = 0;
        while next < open.len() {
            let backup = self.world.reals[open[next]].backup.filter(|_| is_down(open[next]));
            open.extend(backup.filter(|backup| members.contains(backup) && !open.contains(backup)));
            next += 1;
        }
        open.retain(|&real| self.is_serving(real));
        open
    }

    fn best(&self, server: usize, avoid: Option<usize>) -> Result<usize, Shortage> {
        if self.world.virtuals[server].most.is_some_and(|most| self.of_virtual(server) >= most) {
            // That is found out only when there is somebody to be had.
            let has_any = self.open(server).iter().any(|&real| !self.is_full(real) && Some(real) != avoid);
            if has_any {
                return Err(Shortage::Busy);
            }
        }
        let open = self.open(server);
        let members = self.world.members(server);
        let place = |real: usize| members.iter().position(|&member| member == real).unwrap();
        let merit = |real: usize| match self.world.virtuals[server].predictor {
            Predictor::LeastConnections => (self.load(real), 1),
            _ => (self.load(real), self.world.reals[real].weight),
        };
        let candidates = open.iter().copied().filter(|&real| !self.is_full(real) && Some(real) != avoid);
        let chosen = candidates.min_by(|&one, &other| {
            let ((load, weight), (other_load, other_weight)) = (merit(one), merit(other));
            let by_load = (load * other_weight).cmp(&(other_load * weight));
            let turn = |real| (self.chosen[&(server, real)], place(real));
            by_load.then(turn(one).cmp(&turn(other)))
        });
        let is_any_full = members.iter().any(|&real| self.is_full(real) && self.is_serving(real));
        chosen.ok_or(if is_any_full { Shortage::Busy } else { Shortage::Failed })
    }

    /// A virtual server of the chain, and its real server.
    fn choose(&self, server: usize, avoid: Option<(usize, usize)>) -> Result<(usize, usize), Shortage> {
        let mut first = None;
        let mut at = server;
        loop {
            let avoided = avoid.filter(|&(virtual_server, _)| virtual_server == at).map(|(_, real)| real);
            let shortage = match self.best(at, avoided) {
                Ok(real) => return Ok((at, real)),
                Err(shortage) => shortage,
            };
            first.get_or_insert(shortage);
            let backup = self.world.virtuals[at].backup;
            match backup.filter(|(_, when)| shortage == Shortage::Failed || *when == BackupWhen::Busy) {
                Some((next, _))
                    if self.world.virtuals[next].in_service && !self.world.virtuals[next].refuse =>
                {
                    at = next;
                }
                _ => return Err(first.unwrap()),
            }
        }
    }

    fn instance(&self, client: u8, end: usize) -> usize {
        let assigned = (0..VIRTUALS).find(|&server| {
            endpoint(server) == end && self.world.virtuals[server].assigned.contains(&client)
        });
        assigned.unwrap_or(2 * end)
    }

    /// What becomes of a SYN: the real server that it goes to, or why it is dropped.
    fn syn(&mut self, key: Key) -> Result<usize, DropReason> {
        let mut avoid = None;
        if let Some(connection) = self.connections.get(&key).cloned() {
            if connection.phase == Phase::Reset || !self.is_bound(&connection) {
                self.end(key);
            } else {
                let is_resent = self.now.since(connection.seen) >= Duration::from_millis(200);
                let resends = connection.resends + u64::from(is_resent);
                let most = self.world.virtuals[connection.virtual_server].resends;
                let is_ditched = is_resent && connection.phase == Phase::Syn && most != 0 && resends >= most;
                if !is_ditched {
                    let real = connection.real;
                    self.connections.insert(key, Connection { resends, seen: self.now, ..connection });
                    return Ok(real);
                }
                self.ditch(&connection);
                self.end(key);
                avoid = Some((connection.virtual_server, connection.real));
            }
        }
        self.admit(key, avoid)
    }

    fn admit(&mut self, key: Key, avoid: Option<(usize, usize)>) -> Result<usize, DropReason> {
        let server = self.instance(key.0, key.2);
        let configured = &self.world.virtuals[server];
        let reason = if configured.refuse {
            Some(DropReason::Unwelcome)
        } else {
            (!configured.in_service).then_some(DropReason::VirtualOutOfService)
        };
        let chosen = match reason {
            Some(reason) => Err(reason),
            None => {
                let chosen = self.choose(server, avoid);
                let chosen =
                    if avoid.is_some() { chosen.or_else(|_| self.choose(server, None)) } else { chosen };
                chosen.map_err(|shortage| match shortage {
                    Shortage::Busy => DropReason::Busy,
                    Shortage::Failed => DropReason::NoRealServer,
                })
            }
        };
        self.refused += u64::from(chosen.is_err());
        let (virtual_server, real) = chosen?;
        let is_trial = self.health[real].state == RealState::Testing;
        if is_trial {
            self.health[real].state = RealState::Tested;
            self.set_retry(real, self.now + Duration::from_secs(75));
        }
        self.chosen.insert((virtual_server, real), self.turns[virtual_server]);
        self.turns[virtual_server] += 1;
        self.admitted += 1;
        let connection =
            Connection { virtual_server, real, phase: Phase::Syn, seen: self.now, resends: 0, is_trial };
        self.connections.insert(key, connection);
        Ok(real)
    }

    fn fail(&mut self, real: usize) {
        self.health[real].state = RealState::Failed;
        self.health[real].failed_at = self.now;
        self.set_retry(real, self.now);
    }

    fn set_retry(&mut self, real: usize, from: Instant) {
        let retry_s = self.world.reals[real].retry_s;
        self.health[real].retry_at = (retry_s > 0).then(|| from + Duration::from_secs(retry_s));
    }

    fn ditch(&mut self, connection: &Connection) {
        let real = connection.real;
        let threshold = self.world.reals[real].threshold;
        let health = &mut self.health[real];
        health.consecutive += 1;
        let fails = threshold != 0 && health.consecutive >= threshold;
        if (health.state == RealState::Tested && connection.is_trial)
            || (health.state == RealState::Up && fails)
        {
            self.fail(real);
        }
    }

    /// A connection is forgotten.
    fn end(&mut self, key: Key) {
        let connection = self.connections.remove(&key).unwrap();
        let tries = connection.phase == Phase::Syn && connection.is_trial;
        if !tries || self.health[connection.real].state != RealState::Tested {
            return;
        }
        if self.is_bound(&connection) {
            self.fail(connection.real);
        } else {
            self.health[connection.real].state = RealState::Testing;
        }
    }

    fn answered(&mut self, key: Key) {
        let connection = self.connections[&key].clone();
        if self.is_bound(&connection) && connection.phase == Phase::Syn {
            self.alive(connection.real);
        }
        let phase = if connection.phase == Phase::Reset { Phase::Reset } else { Phase::Established };
        self.connections.insert(key, Connection { phase, seen: self.now, ..connection });
    }

    /// A real server has shown that it is there.
    fn alive(&mut self, real: usize) {
        let health = &mut self.health[real];
        if health.state != RealState::Failed {
            health.consecutive = 0;
        }
        if health.state == RealState::Tested {
            health.state = RealState::Up;
        }
    }

    /// A client has given up.
    fn abort(&mut self, key: Key) {
        let connection = self.connections[&key].clone();
        let tries = connection.phase == Phase::Syn && connection.is_trial && self.is_bound(&connection);
        if tries && self.health[connection.real].state == RealState::Tested {
            self.health[connection.real].state = RealState::Testing;
        }
        self.connections.insert(key, Connection { phase: Phase::Reset, seen: self.now, ..connection });
    }

    fn reset(&mut self, key: Key) {
        let connection = self.connections[&key].clone();
        if self.is_bound(&connection) && connection.phase == Phase::Syn {
            if self.world.reals[connection.real].count_resets {
                self.ditch(&connection);
            } else {
                self.alive(connection.real);
            }
        }
        self.connections.insert(key, Connection { phase: Phase::Reset, seen: self.now, ..connection });
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        for health in &mut self.health {
            let is_out = matches!(health.state, RealState::Failed | RealState::Tested);
            if is_out && health.retry_at.is_some_and(|at| at <= self.now) {
                health.state = RealState::Testing;
            }
        }
        let is_over = |connection: &Connection| {
            let timeout = match connection.phase {
                Phase::Syn => 60,
                Phase::Established => 7_440,
                Phase::Reset => 10,
            };
            !self.is_bound(connection) || self.now.since(connection.seen) >= Duration::from_secs(timeout)
        };
        let over: Vec<Key> =
            self.connections.iter().filter(|(_, each)| is_over(each)).map(|(&key, _)| key).collect();
        over.into_iter().for_each(|key| self.end(key));
    }
}

fn client_tuple<F: Family>((client, port, end): Key) -> Tuple<F::A> {
    Tuple {
        source: F::client(client),
        source_port: 1_000 * (u16::try_from(end).unwrap() + 1) + port,
        destination: F::virtual_address(2 * end),
        destination_port: 80,
    }
}

fn server_tuple<F: Family>(key: Key, real: usize) -> Tuple<F::A> {
    let client = client_tuple::<F>(key);
    Tuple {
        source: F::real_address(real),
        source_port: 80,
        destination: client.source,
        destination_port: client.source_port,
    }
}

/// Sends a SYN; returns the real server that it goes to.
fn syn<F: Family>(bench: &mut Bench, key: Key) -> Result<IpAddr, DropReason> {
    let (verdict, packet) = bench.send(OUTSIDE, tcp(OUTSIDE, client_tuple::<F>(key), SYN));
    match verdict {
        Verdict::Forward { .. } => Ok(tuple_of(&packet).2),
        Verdict::Drop(reason) => Err(reason),
        other => panic!("{other:?}"),
    }
}

fn play<F: Family>(world: World, events: Vec<Event>) {
    let mut bench = Bench::new(world.configuration::<F>());
    let mut model = Model::new(world, bench.now);
    for event in events {
        match &event {
            Event::Syn(client, port, end) => {
                let key = (*client, *port, *end);
                let expected = model.syn(key).map(|real| F::real_address(real).into());
                assert_eq!(syn::<F>(&mut bench, key), expected, "{event:?} {model:?}");
            }
            Event::Answer(which) | Event::Refuse(which) => {
                if model.connections.is_empty() {
                    continue;
                }
                let (&key, connection) =
                    model.connections.iter().nth(which.index(model.connections.len())).unwrap();
                let refuses = matches!(event, Event::Refuse(_));
                let flags = if refuses { RST_ACK } else { SYN_ACK };
                let answer = tcp(INSIDE, server_tuple::<F>(key, connection.real), flags);
                assert_eq!(bench.send(INSIDE, answer).0, Verdict::Forward { port: OUTSIDE });
                if refuses {
                    model.reset(key);
                } else {
                    model.answered(key);
                    let confirmation = tcp(OUTSIDE, client_tuple::<F>(key), ACK);
                    assert_eq!(bench.send(OUTSIDE, confirmation).0, Verdict::Forward { port: INSIDE });
                }
            }
            Event::Abort(which) => {
                if model.connections.is_empty() {
                    continue;
                }
                let &key = model.connections.keys().nth(which.index(model.connections.len())).unwrap();
                let reset = tcp(OUTSIDE, client_tuple::<F>(key), TcpFlags::RST);
                assert_eq!(bench.send(OUTSIDE, reset).0, Verdict::Forward { port: INSIDE });
                model.abort(key);
            }
            Event::Wait(milliseconds) => {
                bench.wait(Duration::from_millis(*milliseconds));
                model.wait(Duration::from_millis(*milliseconds));
            }
            Event::Configure(world) => {
                bench.reconfigure(world.configuration::<F>());
                model.configure(world.clone());
            }
        }
        compare(&bench, &model);
    }
    bench.wait(Duration::from_secs(10_000));
    assert_eq!(bench.shard.connections(), 0);
    let shared = &bench.settings.shared;
    let director = &bench.settings.director;
    assert!(director.real_servers().iter().all(|server| shared.real_connections(server.id()) == 0));
    assert!(director.virtual_servers().iter().all(|server| shared.virtual_connections(server.id()) == 0));
    bench.check();
}

/// What both count, and how the real servers stand.
fn compare(bench: &Bench, model: &Model) {
    assert_eq!(bench.shard.connections(), model.connections.len());
    let counters = bench.shard.counters();
    assert_eq!(counters.admitted.read(), model.admitted);
    assert_eq!(counters.refused.iter().map(director::Counter::read).sum::<u64>(), model.refused);
    let director = &bench.settings.director;
    for (index, real) in director.real_servers().iter().enumerate() {
        let shared = &bench.settings.shared;
        assert_eq!(shared.real_state(real.id()), model.health[index].state, "{index} {model:?}");
        if real.max_connections().is_some() {
            assert_eq!(u64::from(shared.real_connections(real.id())), model.of_real(index), "{index}");
        }
    }
    for binding in director.bindings() {
        let live = model.connections.values().filter(|each| {
            (each.virtual_server, each.real) == (binding.virtual_server(), binding.real_server())
        });
        assert_eq!(counters.connections_of([binding.id()]), live.count() as u64, "{binding:?} {model:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn both_choose_and_count_alike(world in worlds(), events in events()) {
        play::<V4>(world, events);
    }

    #[test]
    fn both_choose_and_count_alike_over_ipv6(world in worlds(), events in events()) {
        play::<V6>(world, events);
    }
}
