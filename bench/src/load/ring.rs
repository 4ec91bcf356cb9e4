//! Packet buffers as a poll-mode driver has them: far apart, used in turn, and freshly written when a batch begins.

use arrayvec::ArrayVec;
use director::{Frame, PortIndex};
use model::limits::BATCH;

/// From one buffer to the next: what a packet buffer of DPDK has by default.
const STRIDE: usize = 2_176;

/// Before the frame in its buffer.
const HEADROOM: usize = 128;

/// Batches that go by until a buffer is used again.
const BATCHES: usize = 8;

#[derive(Clone)]
#[repr(align(64))]
struct Buffer([u8; STRIDE]);

/// Buffers for some batches; one batch at a time is filled, then processed.
pub(crate) struct Ring {
    buffers: Box<[Buffer]>,
    /// Length and port of each frame of the current batch.
    arrivals: ArrayVec<(usize, PortIndex), BATCH>,
    first: usize,
}

impl Ring {
    /// Empty buffers.
    pub(crate) fn new() -> Self {
        let buffers = vec![Buffer([0; STRIDE]); BATCHES * BATCH].into_boxed_slice();
        Self { buffers, arrivals: ArrayVec::new(), first: 0 }
    }

    /// Forgets the current batch and begins the next, in the buffers that follow.
    pub(crate) fn begin(&mut self) {
        self.arrivals.clear();
        self.first = (self.first + BATCH) % self.buffers.len();
    }

    /// Has `write` fill the next buffer of the batch with a frame that comes from `port`; it returns its length.
    #[inline]
    pub(crate) fn push(&mut self, port: PortIndex, write: impl FnOnce(&mut [u8]) -> usize) {
        let buffer = &mut self.buffers[self.first + self.arrivals.len()];
        let length = write(&mut buffer.0[HEADROOM..]);
        self.arrivals.push((length, port));
    }

    /// Frames of the current batch.
    pub(crate) const fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// The current batch as a shard takes it.
    #[inline]
    pub(crate) fn frames(&mut self) -> ArrayVec<Frame<'_>, BATCH> {
        let buffers = &mut self.buffers[self.first..self.first + BATCH];
        let arrivals = buffers.iter_mut().zip(&self.arrivals);
        arrivals
            .map(|(buffer, &(length, port))| Frame {
                bytes: &mut buffer.0[HEADROOM..HEADROOM + length],
                length,
                port,
            })
            .collect()
    }

    /// The bytes of frame `index` of the current batch.
    pub(crate) fn bytes(&self, index: usize) -> &[u8] {
        let (length, _) = self.arrivals[index];
        &self.buffers[self.first + index].0[HEADROOM..HEADROOM + length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_back_to_their_buffers_and_not_before() {
        let mut ring = Ring::new();
        let mut seen = Vec::new();
        for batch in 0..=BATCHES {
            ring.begin();
            assert_eq!(ring.len(), 0);
            for number in 0..BATCH {
                ring.push(PortIndex(1), |buffer| {
                    buffer[0] = u8::try_from(batch).unwrap();
                    buffer[1] = u8::try_from(number).unwrap();
                    60
                });
            }
            let frames = ring.frames();
            assert_eq!(frames.len(), BATCH);
            assert!(frames.iter().all(|frame| frame.length == 60 && frame.port == PortIndex(1)));
            seen.push(frames[0].bytes.as_ptr().addr());
            drop(frames);
            assert_eq!(ring.bytes(7)[..2], [u8::try_from(batch).unwrap(), 7]);
        }
        assert_eq!(seen[0], seen[BATCHES]);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), BATCHES);
    }
}
