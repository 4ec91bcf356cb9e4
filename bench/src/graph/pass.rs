//! One way of a batch through a graph, timed: from prepared frames to the arrays that drivers would transmit.
//!
//! Preparing is never in the time. All that a driver finds done when it receives, and has to do when it transmits, is.

use std::hint::black_box;

use arrayvec::ArrayVec;
use director::{Frame, Verdict};
use model::limits::BATCH;

use super::{GraphError, quiet};
use crate::load::ring::Ring;

/// What is measured: this project's unit, or a peer.
pub(crate) trait Graph {
    /// Processes a batch, and puts each of its frames where its verdict says.
    fn pass(&mut self, frames: &mut [Frame<'_>], outputs: &mut Outputs);
}

/// The frames that leave by each port, by their place in the batch.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    ports: [ArrayVec<usize, BATCH>; 2],
    /// Frames that do not leave as they are.
    others: usize,
}

impl Outputs {
    /// What the worker does with verdicts.
    #[inline]
    pub(crate) fn sort(&mut self, verdicts: &[Verdict]) {
        for (index, verdict) in verdicts.iter().enumerate() {
            match verdict {
                Verdict::Forward { port } => self.forward(index, usize::from(port.0)),
                _ => self.others += 1,
            }
        }
    }

    /// Frame `index` leaves by `port`.
    #[inline]
    pub(crate) fn forward(&mut self, index: usize, port: usize) {
        self.ports[port].push(index);
    }

    /// Frames that leave.
    pub(crate) fn forwarded(&self) -> usize {
        self.ports.iter().map(ArrayVec::len).sum()
    }

    /// As a driver leaves them when it has taken all.
    #[inline]
    pub(crate) fn flush(&mut self) {
        black_box(&mut *self);
        self.ports.iter_mut().for_each(ArrayVec::clear);
        self.others = 0;
    }
}

/// Buffers in, arrays out.
pub(crate) struct Pass {
    pub(crate) ring: Ring,
    pub(crate) outputs: Outputs,
}

impl Default for Pass {
    fn default() -> Self {
        Self { ring: Ring::new(), outputs: Outputs::default() }
    }
}

impl Pass {
    /// Sends the prepared batch through `graph`. Returns TSC cycles.
    ///
    /// # Errors
    ///
    /// When a frame was not forwarded: what was measured would be something else.
    #[inline]
    pub(crate) fn run(&mut self, graph: &mut impl Graph) -> Result<u64, GraphError> {
        self.outputs.flush();
        let mut frames = self.ring.frames();
        let frames = black_box(&mut frames);
        let start = dpdk::clock::cycles();
        graph.pass(frames, &mut self.outputs);
        black_box(&mut self.outputs);
        let cycles = dpdk::clock::cycles() - start;
        match frames.len() - self.outputs.forwarded() {
            0 => Ok(cycles),
            count => Err(GraphError::NotForwarded { count }),
        }
    }

    /// Prepares and runs `batches`. Returns TSC cycles per packet, interruptions left out.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub(crate) fn cycles_per_packet(
        &mut self,
        graph: &mut impl Graph,
        batches: u32,
        mut prepare: impl FnMut(&mut Ring),
    ) -> Result<f64, GraphError> {
        let mut cycles = Vec::with_capacity(batches as usize);
        for _ in 0..batches {
            self.ring.begin();
            prepare(&mut self.ring);
            cycles.push(self.run(graph)?);
        }
        Ok(quiet::mean(&mut cycles) / BATCH as f64)
    }

    /// Recomputes the checksums of all frames of the batch that was run last.
    ///
    /// # Errors
    ///
    /// What is wrong with the first that is wrong.
    pub(crate) fn verify_checksums(&self) -> Result<(), GraphError> {
        (0..self.ring.len())
            .try_for_each(|index| packet::build::verify_checksums(self.ring.bytes(index)))
            .map_err(GraphError::Checksum)
    }
}
