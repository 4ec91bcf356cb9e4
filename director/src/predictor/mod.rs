//! Which of the bound real servers gets the next connection, in a time that hardly depends on how many there are.
//!
//! Each virtual server has a [`Tournament`] among its bindings, which ranks them as its predictor says. Whatever
//! changes a rank - a connection that comes or goes, a real server that can be reached again - plays the matches of
//! that binding anew: logarithmic in the bindings of one virtual server. It must never allocate once it is made.

mod rank;
#[cfg(test)]
mod tests;
mod tournament;
mod turns;

use std::ops::Range;

use crate::{Configuration, Predictor};

pub(crate) use rank::Standing;
use rank::{Rank, load};
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
    /// The bindings of each real server, next to each other; first those that its connections are counted for.
    bindings_of_reals: Box<[u16]>,
}

/// One virtual server's choice.
#[derive(Debug)]
struct Contest {
    predictor: Predictor,
    /// Its first binding: the one at place 0.
    first: usize,
    /// Connections given out so far, and the candidates there were: the turn of the next.
    turn: u64,
    /// Weighted round robin: how far its time has come.
    clock: u64,
    tournament: Tournament,
}

/// One binding.
#[derive(Debug)]
struct Candidate {
    virtual_server: usize,
    real_server: usize,
    /// When it was chosen last. Of equals, the one that waits longest is chosen.
    turn: u64,
    /// Weighted round robin: its own time.
    turns: Turns,
}

/// One real server.
#[derive(Debug)]
struct Real {
    connections: u32,
    weight: u16,
    standing: Standing,
    /// Where its bindings are in `bindings_of_reals`.
    bindings: Range<usize>,
    /// How many of these, the first ones, choose by the number of connections.
    by_load: usize,
}

impl Predictors {
    /// Nobody is in service until [`set_standing`](Self::set_standing) says so. `shard` rotates where each shard
    /// begins, so that a few connections over many shards do not all go to the first real server.
    pub(crate) fn new(configuration: &Configuration, shard: usize) -> Self {
        let servers = configuration.virtual_servers().iter();
        let bindings = configuration.bindings().iter().enumerate();
        let (reals, bindings_of_reals) = reals(configuration);
        Self {
            contests: servers.map(|server| Contest::new(server.predictor(), server.bindings())).collect(),
            candidates: bindings
                .map(|(binding, bound)| {
                    let all = configuration.virtual_servers()[bound.virtual_server()].bindings();
                    let rotated = (binding - all.start + all.len() - shard % all.len()) % all.len();
                    Candidate {
                        virtual_server: bound.virtual_server(),
                        real_server: bound.real_server(),
                        turn: rotated as u64,
                        turns: Turns::beginning(phase(rotated)),
                    }
                })
                .collect(),
            reals,
            bindings_of_reals,
        }
    }

    /// The binding that the predictor of `virtual_server` names: one whose real server is
    /// [`Reachable`](Standing::Reachable) if there is any, else one that would be if its next hop were. Nothing
    /// changes until [`commit`](Self::commit).
    #[inline]
    pub(crate) fn pick(&self, virtual_server: usize) -> Option<usize> {
        let contest = &self.contests[virtual_server];
        Some(contest.first + contest.tournament.winner()?.place())
    }

    /// The best among the bindings that can be reached and are `eligible`. Looks at all of them.
    pub(crate) fn pick_among(
        &self,
        virtual_server: usize,
        eligible: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let contest = &self.contests[virtual_server];
        let bindings = contest.tournament.ranks().iter().map(|rank| (rank, contest.first + rank.place()));
        let candidates = bindings.filter(|&(rank, binding)| rank.is_reachable() && eligible(binding));
        candidates.min().map(|(_, binding)| binding)
    }

    /// Notes that `binding` got a connection.
    #[inline]
    pub(crate) fn commit(&mut self, binding: usize) {
        let candidate = &mut self.candidates[binding];
        let contest = &mut self.contests[candidate.virtual_server];
        candidate.turn = contest.turn;
        contest.turn += 1;
        if contest.predictor == Predictor::WeightedRoundRobin {
            // Not the chosen one's time, which may have been taken out of its turn.
            let now = contest.tournament.winner().map_or(0, Rank::merit);
            contest.clock = contest.clock.max(now);
            candidate.turns.take(self.reals[candidate.real_server].weight);
        }
        let real_server = candidate.real_server;
        let is_by_load = is_by_load(contest.predictor);
        self.reals[real_server].connections += 1;
        self.rank_by_load(real_server);
        if !is_by_load {
            self.rank(binding);
            self.restart_clock(binding);
        }
    }

    /// Notes that a connection of `binding` is gone.
    #[inline]
    pub(crate) fn release(&mut self, binding: usize) {
        let real_server = self.candidates[binding].real_server;
        self.reals[real_server].connections -= 1;
        self.rank_by_load(real_server);
    }

    /// Notes whether `real_server` may be chosen.
    pub(crate) fn set_standing(&mut self, real_server: usize, standing: Standing) {
        let real = &mut self.reals[real_server];
        if real.standing == standing {
            return;
        }
        real.standing = standing;
        let (bindings, weight) = (real.bindings.clone(), real.weight);
        for index in bindings {
            let binding = usize::from(self.bindings_of_reals[index]);
            let candidate = &mut self.candidates[binding];
            // Turns that it missed are gone: saved up, they would send it every connection.
            candidate.turns.catch_up(self.contests[candidate.virtual_server].clock, weight);
            self.rank(binding);
        }
    }

    /// Ranks the bindings whose merit is the number of connections of `real_server`.
    #[inline]
    fn rank_by_load(&mut self, real_server: usize) {
        let real = &self.reals[real_server];
        for index in real.bindings.start..real.bindings.start + real.by_load {
            self.rank(usize::from(self.bindings_of_reals[index]));
        }
    }

    #[inline]
    fn rank(&mut self, binding: usize) {
        let candidate = &self.candidates[binding];
        let real = &self.reals[candidate.real_server];
        let contest = &mut self.contests[candidate.virtual_server];
        let merit = match contest.predictor {
            Predictor::RoundRobin => candidate.turn,
            Predictor::LeastConnections => load(real.connections, 1),
            Predictor::WeightedLeastConnections => load(real.connections, real.weight),
            Predictor::WeightedRoundRobin => candidate.turns.next(real.weight),
        };
        let place = binding - contest.first;
        contest.tournament.set(place, Rank::new(real.standing, merit, candidate.turn, place));
    }

    /// Has the time of weighted round robin begin again before a rank can not hold it any more: after months of
    /// millions of connections a second.
    #[inline]
    fn restart_clock(&mut self, binding: usize) {
        let contest = &mut self.contests[self.candidates[binding].virtual_server];
        if contest.clock < turns::END {
            return;
        }
        contest.clock = 0;
        let bindings = contest.first..contest.first + contest.tournament.ranks().len();
        for binding in bindings {
            self.candidates[binding].turns.restart();
            self.rank(binding);
        }
    }
}

impl Contest {
    fn new(predictor: Predictor, bindings: Range<usize>) -> Self {
        Self {
            predictor,
            first: bindings.start,
            turn: bindings.len() as u64,
            clock: 0,
            tournament: Tournament::new(bindings.len()),
        }
    }
}

/// Whether a predictor looks at the number of connections.
const fn is_by_load(predictor: Predictor) -> bool {
    matches!(predictor, Predictor::LeastConnections | Predictor::WeightedLeastConnections)
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
    let described = configuration.real_servers().iter().zip(by_real).map(|(server, bindings)| {
        let start = bindings_of_reals.len();
        let (by_load, others): (Vec<_>, Vec<_>) =
            bindings.into_iter().partition(|&binding| chooses_by_load(binding));
        bindings_of_reals.extend_from_slice(&by_load);
        bindings_of_reals.extend_from_slice(&others);
        Real {
            connections: 0,
            weight: server.weight(),
            standing: Standing::OutOfService,
            bindings: start..bindings_of_reals.len(),
            by_load: by_load.len(),
        }
    });
    let reals = described.collect();
    (reals, bindings_of_reals.into())
}
