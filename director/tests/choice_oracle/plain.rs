//! The model: connections, real servers' health and whose turn it is, in maps.

use std::collections::BTreeMap;
use std::time::Duration;

use director::{BackupWhen, Predictor, RealState};
use model::{DropReason, Instant};

use crate::world::{REALS, VIRTUALS, World, endpoint};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    Syn,
    Established,
    Reset,
}

#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) virtual_server: usize,
    pub(super) real: usize,
    pub(super) phase: Phase,
    pub(super) seen: Instant,
    pub(super) resends: u64,
    /// It tries a real server that has failed.
    pub(super) is_trial: bool,
}

/// What a real server's connections tell of it.
#[derive(Clone, Debug)]
pub(super) struct Health {
    pub(super) state: RealState,
    pub(super) consecutive: u64,
    pub(super) failed_at: Instant,
    pub(super) retry_at: Option<Instant>,
}

/// Client, port, virtual endpoint.
pub(super) type Key = (u8, u16, usize);

#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) world: World,
    pub(super) now: Instant,
    pub(super) connections: BTreeMap<Key, Connection>,
    pub(super) health: Vec<Health>,
    /// By virtual server: connections given out, in the sense of whose turn it is.
    pub(super) turns: Vec<u64>,
    /// By virtual and real server: when it was chosen last.
    pub(super) chosen: BTreeMap<(usize, usize), u64>,
    pub(super) admitted: u64,
    pub(super) refused: u64,
}

/// Why nobody was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shortage {
    Busy,
    Failed,
}

impl Model {
    pub(super) fn new(world: World, now: Instant) -> Self {
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

    pub(super) fn configure(&mut self, world: World) {
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

    pub(super) fn is_bound(&self, connection: &Connection) -> bool {
        self.chosen.contains_key(&(connection.virtual_server, connection.real))
    }

    pub(super) fn of_real(&self, real: usize) -> u64 {
        self.connections.values().filter(|each| each.real == real).count() as u64
    }

    pub(super) fn of_virtual(&self, server: usize) -> u64 {
        self.connections.values().filter(|each| each.virtual_server == server).count() as u64
    }

    /// The connections that the predictor knows of: those of bindings that are gone are not its any more.
    pub(super) fn load(&self, real: usize) -> u64 {
        let live = self.connections.values().filter(|each| each.real == real && self.is_bound(each));
        live.count() as u64 + 1
    }

    pub(super) fn is_serving(&self, real: usize) -> bool {
        self.world.reals[real].in_service
            && matches!(self.health[real].state, RealState::Up | RealState::Testing)
    }

    pub(super) fn is_full(&self, real: usize) -> bool {
        self.world.reals[real].most.is_some_and(|most| self.of_real(real) >= most)
    }

    /// The real servers that may be chosen among at a virtual server, but for those that are full.
    pub(super) fn open(&self, server: usize) -> Vec<usize> {
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

    pub(super) fn best(&self, server: usize, avoid: Option<usize>) -> Result<usize, Shortage> {
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
    pub(super) fn choose(
        &self,
        server: usize,
        avoid: Option<(usize, usize)>,
    ) -> Result<(usize, usize), Shortage> {
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

    pub(super) fn instance(&self, client: u8, end: usize) -> usize {
        let assigned = (0..VIRTUALS).find(|&server| {
            endpoint(server) == end && self.world.virtuals[server].assigned.contains(&client)
        });
        assigned.unwrap_or(2 * end)
    }

    /// What becomes of a SYN: the real server that it goes to, or why it is dropped.
    pub(super) fn syn(&mut self, key: Key) -> Result<usize, DropReason> {
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

    pub(super) fn admit(&mut self, key: Key, avoid: Option<(usize, usize)>) -> Result<usize, DropReason> {
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

    pub(super) fn fail(&mut self, real: usize) {
        self.health[real].state = RealState::Failed;
        self.health[real].failed_at = self.now;
        self.set_retry(real, self.now);
    }

    pub(super) fn set_retry(&mut self, real: usize, from: Instant) {
        let retry_s = self.world.reals[real].retry_s;
        self.health[real].retry_at = (retry_s > 0).then(|| from + Duration::from_secs(retry_s));
    }

    pub(super) fn ditch(&mut self, connection: &Connection) {
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
    pub(super) fn end(&mut self, key: Key) {
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

    pub(super) fn answered(&mut self, key: Key) {
        let connection = self.connections[&key].clone();
        if self.is_bound(&connection) && connection.phase == Phase::Syn {
            self.alive(connection.real);
        }
        let phase = if connection.phase == Phase::Reset { Phase::Reset } else { Phase::Established };
        self.connections.insert(key, Connection { phase, seen: self.now, ..connection });
    }

    /// A real server has shown that it is there.
    pub(super) fn alive(&mut self, real: usize) {
        let health = &mut self.health[real];
        if health.state != RealState::Failed {
            health.consecutive = 0;
        }
        if health.state == RealState::Tested {
            health.state = RealState::Up;
        }
    }

    /// A client has given up.
    pub(super) fn abort(&mut self, key: Key) {
        let connection = self.connections[&key].clone();
        let tries = connection.phase == Phase::Syn && connection.is_trial && self.is_bound(&connection);
        if tries && self.health[connection.real].state == RealState::Tested {
            self.health[connection.real].state = RealState::Testing;
        }
        self.connections.insert(key, Connection { phase: Phase::Reset, seen: self.now, ..connection });
    }

    pub(super) fn reset(&mut self, key: Key) {
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

    pub(super) fn wait(&mut self, time: Duration) {
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
