//! What a choice is made by, for those who ask why.

use std::time::Duration;

use super::{Predictors, Standing, WHOLE};

/// One binding of a virtual server, and what it is ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidacy {
    pub(crate) binding: usize,
    pub(crate) standing: Standing,
    /// Whether the binding itself may be chosen.
    pub(crate) is_open: bool,
    /// The real server's, in this shard.
    pub(crate) connections: u32,
    pub(crate) weight: u16,
    /// How long the real server takes to answer, if the predictor measures that and it is known.
    pub(crate) answers_in: Option<Duration>,
    /// Of its share, what it gets: in sixteenths; `None` when its slow start is over.
    pub(crate) share: Option<u8>,
    /// The least is chosen, among those that can be. Where clients' addresses decide it says nothing.
    pub(crate) merit: u64,
}

impl Predictors {
    /// The bindings of `virtual_server`, and what they are ranked by. Who is chosen is what [`pick`](Self::pick) says.
    pub(crate) fn candidates(&self, virtual_server: usize) -> impl Iterator<Item = Candidacy> {
        let contest = &self.contests[virtual_server];
        let ranks = contest.tournament.ranks();
        (contest.first..).zip(ranks).map(|(binding, rank)| {
            let candidate = &self.candidates[binding];
            let real = &self.reals[candidate.real_server()];
            let step = real.step;
            let speed = self.timed(binding).map(|real_server| &self.speeds[real_server]);
            Candidacy {
                binding,
                standing: real.standing,
                is_open: candidate.is_open,
                connections: real.connections,
                weight: real.weight,
                answers_in: speed.and_then(super::Speed::measured),
                share: (step < WHOLE).then_some(step),
                merit: rank.merit(),
            }
        })
    }
}
