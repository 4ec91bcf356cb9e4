//! Which of the bound real servers gets the next connection, in a time that hardly depends on how many there are.
//!
//! Each virtual server has a [`Tournament`] among its bindings, which ranks them as its predictor says. Whatever
//! changes a rank - a connection that comes or goes, a real server that can be reached again - plays the matches of
//! that binding anew: logarithmic in the bindings of one virtual server. It must never allocate once it is made.

mod adopt;
mod clients;
mod explain;
mod pass;
mod rank;
mod slow_start;
mod speed;
#[cfg(test)]
mod tests;
mod tournament;
mod turns;

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use model::Instant;

use crate::{ClientTable, Configuration, Predictor};

pub(crate) use clients::ClientHasher;
pub(crate) use explain::Candidacy;
pub(crate) use rank::Standing;
use rank::{Rank, load, pace};
use slow_start::{SlowStart, WHOLE};
use speed::Speed;
use tournament::Tournament;
use turns::{Turns, phase};

/// Where the predictors of all virtual servers stand, and how many connections each real server has in this shard.
/// A shard balances the connections of its own clients; clients are spread over shards by their addresses.
#[derive(Debug)]
pub(crate) struct Predictors {
    /// By virtual server.
    contests: Box<[Contest]>,
    /// By binding.
    candidates: Box<[Candidate]>,
    /// By real server.
    reals: Box<[Real]>,
    /// By real server.
    slow_starts: Box<[SlowStart]>,
    /// By real server.
    speeds: Box<[Speed]>,
    /// The bindings of each real server, next to each other; first those that its connections are counted for.
    bindings_of_reals: Box<[u16]>,
    hasher: ClientHasher,
    /// The last time that was told.
    now: Instant,
    /// The real server that time passes for next.
    next_real: usize,
    /// Whether any virtual server wants to know how fast real servers answer.
    is_timed: bool,
    /// Real servers that do not have their whole share yet.
    starting: usize,
}

/// One virtual server's choice.
#[derive(Debug)]
struct Contest {
    predictor: Predictor,
    /// Its first binding: the one at place 0.
    first: usize,
    /// Connections given out so far, and the candidates there were: the turn of the next.
    turn: u64,
    /// Round robin, weighted or not: how far its time has come.
    clock: u64,
    tournament: Tournament,
    /// Hash predictors: whom each client gets.
    table: Option<Arc<ClientTable>>,
}

/// One binding.
#[derive(Debug)]
struct Candidate {
    virtual_server: u16,
    real_server: u16,
    /// When it was chosen last. Of equals, the one that waits longest is chosen.
    turn: u64,
    /// Round robin, weighted or not: its own time.
    turns: Turns,
    /// Whether it may be chosen, as far as the binding itself is concerned.
    is_open: bool,
}

/// One real server.
#[derive(Debug)]
struct Real {
    connections: u32,
    weight: u16,
    standing: Standing,
    /// Of its slow start.
    step: u8,
    /// Where in `bindings_of_reals` those are that choose by the number of connections, and next to them the others.
    by_load: Range<u16>,
    others: Range<u16>,
}

// A choice meets one of either, and many of them fit into the caches.
const _: () = assert!(size_of::<Candidate>() == 32 && size_of::<Real>() == 16);

impl Candidate {
    #[inline]
    const fn virtual_server(&self) -> usize {
        self.virtual_server as usize
    }

    #[inline]
    const fn real_server(&self) -> usize {
        self.real_server as usize
    }
}

impl Real {
    /// Where all its bindings are.
    fn bindings(&self) -> Range<usize> {
        usize::from(self.by_load.start)..usize::from(self.others.end)
    }
}

impl Predictors {
    /// Nobody is in service until [`set_standing`](Self::set_standing) says so, and who stands in for others is closed
    /// until [`set_open`](Self::set_open) does. `shard` rotates where each shard begins, so that a few connections over
    /// many shards do not all go to the first real server.
    pub(crate) fn new(configuration: &Configuration, shard: usize) -> Self {
        let servers = configuration.virtual_servers().iter();
        let bindings = configuration.bindings().iter().enumerate();
        let (reals, bindings_of_reals) = reals(configuration);
        let slow_starts = configuration.real_servers().iter();
        let slow_starts = slow_starts.map(|server| SlowStart::over(server.slow_start()));
        let contest = |(index, server): (usize, &crate::VirtualServer)| {
            Contest::new(server.predictor(), server.bindings(), configuration.client_table(index))
        };
        Self {
            is_timed: servers.clone().any(|server| server.predictor() == Predictor::Fastest),
            contests: servers.enumerate().map(contest).collect(),
            candidates: bindings
                .map(|(binding, bound)| {
                    let server = &configuration.virtual_servers()[bound.virtual_server()];
                    let all = server.bindings();
                    let rotated = (binding - all.start + all.len() - shard % all.len()) % all.len();
                    let is_weighted = server.predictor() == Predictor::WeightedRoundRobin;
                    Candidate {
                        // Fewer than 16 bits count (limits::VIRTUAL_SERVERS, limits::REAL_SERVERS).
                        virtual_server: u16::try_from(bound.virtual_server()).unwrap_or(u16::MAX),
                        real_server: u16::try_from(bound.real_server()).unwrap_or(u16::MAX),
                        turn: rotated as u64,
                        turns: Turns::beginning(if is_weighted { phase(rotated) } else { 0 }),
                        is_open: bound.stand_in().is_none(),
                    }
                })
                .collect(),
            slow_starts: slow_starts.collect(),
            speeds: vec![Speed::default(); reals.len()].into(),
            reals,
            bindings_of_reals,
            hasher: ClientHasher::new(configuration.hash_seed()),
            now: Instant::START,
            next_real: 0,
            starting: 0,
        }
    }

    /// The number that stands for a client where one is to be chosen for it.
    #[inline]
    pub(crate) fn client(&self, address: impl Into<IpAddr>) -> u64 {
        self.hasher.hash(address.into())
    }

    /// The binding that the predictor of `virtual_server` names for `client`: one that is open and whose real server is
    /// [`Reachable`](Standing::Reachable) if there is any, else one that would be if its next hop were. Nothing changes
    /// until [`commit`](Self::commit).
    #[inline]
    pub(crate) fn pick(&self, virtual_server: usize, client: u64) -> Option<usize> {
        let contest = &self.contests[virtual_server];
        let winner = contest.tournament.winner()?;
        let place = match &contest.table {
            Some(table) if winner.is_reachable() => {
                table.choose(client, |place| contest.tournament.rank(place).is_reachable())?
            }
            _ => winner.place(),
        };
        Some(contest.first + place)
    }

    /// The best among the bindings that are open, can be reached and are `eligible`. Looks at all of them.
    pub(crate) fn pick_among(
        &self,
        virtual_server: usize,
        client: u64,
        eligible: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let contest = &self.contests[virtual_server];
        if let Some(table) = &contest.table {
            let can_be_chosen =
                |place| contest.tournament.rank(place).is_reachable() && eligible(contest.first + place);
            return Some(contest.first + table.choose(client, can_be_chosen)?);
        }
        let ranks = contest.tournament.ranks();
        let bindings = ranks.map(|rank| (rank, contest.first + rank.place()));
        let candidates = bindings.filter(|&(rank, binding)| rank.is_reachable() && eligible(binding));
        candidates.min().map(|(_, binding)| binding)
    }

    /// Notes that `binding` got a connection.
    #[inline]
    pub(crate) fn commit(&mut self, binding: usize) {
        let candidate = &mut self.candidates[binding];
        let contest = &mut self.contests[candidate.virtual_server()];
        let real_server = candidate.real_server();
        let real = &mut self.reals[real_server];
        let weight = contest.weight_of_turns(real.weight);
        candidate.turn = contest.turn;
        contest.turn += 1;
        if let Some(weight) = weight {
            // Not the chosen one's time, which may have been taken out of its turn, unless nobody can be chosen here.
            let winner = contest.tournament.winner();
            let now = winner.map_or_else(|| candidate.turns.next(weight), Rank::merit);
            contest.clock = contest.clock.max(now);
            candidate.turns.take(weight, real.step);
        }
        if contest.predictor == Predictor::Fastest {
            self.speeds[real_server].ask(self.now);
        }
        real.connections += 1;
        self.rank_with_others(binding);
        if weight.is_some() {
            self.rank(binding);
            self.restart_clock(binding);
        }
    }

    /// Notes that a connection of `binding` is gone.
    #[inline]
    pub(crate) fn release(&mut self, binding: usize) {
        let real_server = self.candidates[binding].real_server();
        self.reals[real_server].connections -= 1;
        self.rank_with_others(binding);
    }

    /// Notes that the SYN of a connection by `binding` was sent to the real server. `token` is any number that stands for
    /// the connection.
    #[inline]
    pub(crate) fn note_syn(&mut self, binding: usize, token: u64, now: Instant) {
        if let Some(real_server) = self.timed(binding) {
            self.speeds[real_server].begin(token, now);
        }
    }

    /// Notes that it was sent again.
    #[inline]
    pub(crate) fn note_resent(&mut self, binding: usize, token: u64) {
        if let Some(real_server) = self.timed(binding) {
            self.speeds[real_server].discard(token);
        }
    }

    /// Notes that it was answered.
    #[inline]
    pub(crate) fn note_answer(&mut self, binding: usize, token: u64, now: Instant) {
        if let Some(real_server) = self.timed(binding)
            && self.speeds[real_server].answer(token, now)
        {
            self.rank_by_load(real_server);
        }
    }

    /// The real server of `binding`, if its speed matters there.
    #[inline]
    fn timed(&self, binding: usize) -> Option<usize> {
        if !self.is_timed {
            return None;
        }
        let candidate = &self.candidates[binding];
        let is_timed = self.contests[candidate.virtual_server()].predictor == Predictor::Fastest;
        is_timed.then(|| candidate.real_server())
    }

    /// Notes whether `real_server` may be chosen.
    pub(crate) fn set_standing(&mut self, real_server: usize, standing: Standing) {
        let real = &mut self.reals[real_server];
        if real.standing == standing {
            return;
        }
        real.standing = standing;
        for index in real.bindings() {
            self.catch_up(usize::from(self.bindings_of_reals[index]));
        }
    }

    /// Notes whether `binding` may be chosen, whatever its real server's standing: whether who stands in for others is
    /// needed, whether there is room for a connection.
    pub(crate) fn set_open(&mut self, binding: usize, is_open: bool) {
        let candidate = &mut self.candidates[binding];
        if candidate.is_open != is_open {
            candidate.is_open = is_open;
            self.catch_up(binding);
        }
    }

    /// Ranks a binding that may be chosen again. Turns that it missed are gone: saved up, they would send it every
    /// connection.
    fn catch_up(&mut self, binding: usize) {
        let candidate = &mut self.candidates[binding];
        let contest = &self.contests[candidate.virtual_server()];
        if let Some(weight) = contest.weight_of_turns(self.reals[candidate.real_server()].weight) {
            candidate.turns.catch_up(contest.clock, weight);
        }
        self.rank(binding);
    }

    /// Ranks the bindings whose merit is the number of connections of the real server of `binding`; itself first, since
    /// where it is ranked is known before the others are.
    #[inline]
    fn rank_with_others(&mut self, binding: usize) {
        let candidate = &self.candidates[binding];
        let by_load = self.reals[candidate.real_server()].by_load.clone();
        if is_by_load(self.contests[candidate.virtual_server()].predictor) {
            self.rank(binding);
        }
        for index in by_load {
            let other = usize::from(self.bindings_of_reals[usize::from(index)]);
            if other != binding {
                self.rank(other);
            }
        }
    }

    /// Ranks the bindings whose merit is the number of connections of `real_server`.
    #[inline]
    fn rank_by_load(&mut self, real_server: usize) {
        for index in self.reals[real_server].by_load.clone() {
            self.rank(usize::from(self.bindings_of_reals[usize::from(index)]));
        }
    }

    #[inline]
    fn rank(&mut self, binding: usize) {
        let candidate = &self.candidates[binding];
        let real = &self.reals[candidate.real_server()];
        let contest = &mut self.contests[candidate.virtual_server()];
        let step = real.step;
        let turn = if contest.table.is_some() { 0 } else { candidate.turn };
        let merit = match contest.predictor {
            // The client decides.
            Predictor::SourceHash | Predictor::Maglev => 0,
            Predictor::RoundRobin => candidate.turns.next(1),
            Predictor::WeightedRoundRobin => candidate.turns.next(real.weight),
            Predictor::LeastConnections => load(real.connections, 1, step),
            Predictor::WeightedLeastConnections => load(real.connections, real.weight, step),
            Predictor::Fastest => {
                let answer_us = self.speeds[candidate.real_server()].answer_us();
                pace(answer_us, real.connections, real.weight, step)
            }
        };
        let standing = if candidate.is_open { real.standing } else { Standing::OutOfService };
        let place = binding - contest.first;
        contest.tournament.set(place, Rank::new(standing, merit, turn, place));
    }

    /// Has the time of round robin begin again before a rank can not hold it any more: after months of millions of
    /// connections a second.
    #[inline]
    fn restart_clock(&mut self, binding: usize) {
        let contest = &mut self.contests[self.candidates[binding].virtual_server()];
        if contest.clock < turns::END {
            return;
        }
        contest.clock = 0;
        let bindings = contest.first..contest.first + contest.tournament.places();
        for binding in bindings {
            self.candidates[binding].turns.restart();
            self.rank(binding);
        }
    }
}

impl Contest {
    fn new(predictor: Predictor, bindings: Range<usize>, table: Option<Arc<ClientTable>>) -> Self {
        Self {
            predictor,
            first: bindings.start,
            turn: bindings.len() as u64,
            clock: 0,
            tournament: Tournament::new(bindings.len()),
            table,
        }
    }

    /// How often in a unit of its time a real server has its turn; `None` where there are no turns.
    #[inline]
    const fn weight_of_turns(&self, weight: u16) -> Option<u16> {
        match self.predictor {
            Predictor::RoundRobin => Some(1),
            Predictor::WeightedRoundRobin => Some(weight),
            _ => None,
        }
    }
}

/// Whether a predictor looks at the number of connections.
const fn is_by_load(predictor: Predictor) -> bool {
    matches!(
        predictor,
        Predictor::LeastConnections | Predictor::WeightedLeastConnections | Predictor::Fastest
    )
}

/// The real servers, and the bindings of each.
fn reals(configuration: &Configuration) -> (Box<[Real]>, Box<[u16]>) {
    let chooses_by_load = |binding: u16| {
        let virtual_server = configuration.bindings()[usize::from(binding)].virtual_server();
        is_by_load(configuration.virtual_servers()[virtual_server].predictor())
    };
    let mut by_real = vec![Vec::new(); configuration.real_servers().len()];
    // Checked configuration has fewer bindings than 16 bits count (limits::BINDINGS).
    for (binding, bound) in (0_u16..).zip(configuration.bindings()) {
        by_real[bound.real_server()].push(binding);
    }
    let mut bindings_of_reals = Vec::with_capacity(configuration.bindings().len());
    let mut add = |bindings: Vec<u16>| {
        let place = |bindings: &Vec<u16>| u16::try_from(bindings.len()).unwrap_or(u16::MAX);
        let start = place(&bindings_of_reals);
        bindings_of_reals.extend(bindings);
        start..place(&bindings_of_reals)
    };
    let described = configuration.real_servers().iter().zip(by_real).map(|(server, bindings)| {
        let (by_load, others) = bindings.into_iter().partition(|&binding| chooses_by_load(binding));
        Real {
            connections: 0,
            weight: server.weight(),
            standing: Standing::OutOfService,
            step: WHOLE,
            by_load: add(by_load),
            others: add(others),
        }
    });
    let reals = described.collect();
    (reals, bindings_of_reals.into())
}
