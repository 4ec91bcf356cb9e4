//! The flows and ICMP errors of a batch that wait for the next stage, family by family: a list of the larger of all
//! kinds would be copied and walked in full for the smallest.

use arrayvec::ArrayVec;
use model::limits::BATCH;
use packet::Address;

use crate::Verdict;
use crate::classify::{Flow, QuotedFlow, Step};
use crate::lane::Lane;

/// What waits, in the order of the frames.
pub(crate) struct Waiting<A: Address> {
    pub(crate) flows: ArrayVec<Flow<A>, BATCH>,
    pub(crate) errors: ArrayVec<QuotedFlow<A>, BATCH>,
}

impl<A: Address> Waiting<A> {
    pub(crate) fn boxed() -> Box<Self> {
        Box::new(Self { flows: ArrayVec::new(), errors: ArrayVec::new() })
    }

    pub(crate) fn clear(&mut self) {
        self.flows.clear();
        self.errors.clear();
    }

    /// Keeps a flow and has its bucket fetched; what is decided already comes back.
    #[inline(always)]
    pub(crate) fn keep(&mut self, flow: Result<Flow<A>, Verdict>, lane: &Lane<A>) -> Option<Verdict> {
        match flow {
            Ok(flow) => {
                lane.table.prefetch(flow.hash);
                self.flows.push(flow);
                None
            }
            Err(verdict) => Some(verdict),
        }
    }

    /// Keeps what the thorough first stage found.
    pub(crate) fn keep_step(&mut self, step: Step<A>, lane: &Lane<A>) -> Option<Verdict> {
        match step {
            Step::Done(verdict) => Some(verdict),
            Step::Flow(flow) => self.keep(Ok(flow), lane),
            Step::Error(error) => {
                self.errors.push(error);
                None
            }
        }
    }
}
