//! The generator's loops. Each packet carries the moment of its sending in the padding behind its IP packet, where
//! neither a header nor a checksum is: so it is the same whatever became of the headers on the way.

use dpdk::clock::{cycles, cycles_per_second};
use dpdk::{Burst, Mempool, ReceiveQueue, TransmitQueue, free_burst};
use hdrhistogram::Histogram;

use super::link::BURST;
use super::{Answer, Order};
use crate::rounds::as_f64;

/// Where the moment stands: the last six of a shortest frame's 60 bytes. Six bytes of cycles are more than a day.
const STAMP: std::ops::Range<usize> = 54..60;
const STAMP_MASK: u64 = (1 << 48) - 1;

/// Packets that may be on the way: fewer than a ring has places, so that none is lost for want of one.
const ON_THE_WAY: u64 = 768;

/// Milliseconds without any packet back, after which those on the way are taken for lost. Longer than a CPU is likely to be
/// taken away.
const LOST_AFTER: u64 = 200;

/// The quantiles that are told: those of the figures, and enough for a line.
const QUANTILES: [f64; 12] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.999_5, 0.999_9];

/// A generator between two ports: it sends into one, and takes back from the other.
pub(super) struct Generator {
    transmit: TransmitQueue,
    receive: ReceiveQueue,
    pool: Mempool,
    frames: Vec<Vec<u8>>,
    /// The frame that is sent next.
    next: usize,
    burst: Burst<BURST>,
}

/// What was counted while an order was carried out.
struct Counts {
    sent: u64,
    returned: u64,
    /// Cycles on the way; none when they are not wanted.
    times: Option<Histogram<u64>>,
    last_return: u64,
}

impl Counts {
    fn new(times: Option<Histogram<u64>>) -> Self {
        Self { sent: 0, returned: 0, times, last_return: cycles() }
    }
}

impl Generator {
    pub(super) fn new(
        transmit: TransmitQueue,
        receive: ReceiveQueue,
        pool: Mempool,
        frames: Vec<Vec<u8>>,
    ) -> Self {
        Self { transmit, receive, pool, frames, next: 0, burst: Burst::new() }
    }

    /// Does what it is told.
    pub(super) fn carry_out(&mut self, order: Order) -> Answer {
        match order {
            Order::Flood { milliseconds: length } => self.flood(milliseconds(length)),
            Order::Pace { rate, milliseconds: length } => self.pace(rate, milliseconds(length)),
        }
    }

    fn flood(&mut self, length: u64) -> Answer {
        let mut counts = Counts::new(None);
        let (mut lost, mut waited) = (0, 0);
        let started = cycles();
        let mut now = started;
        while now - started < length {
            let before = (now, counts.sent, counts.returned);
            let room = ON_THE_WAY.saturating_sub(counts.sent - counts.returned - lost);
            // Receiving comes first, as it also gives the other side of a memif its first places to send to.
            self.receive(now, &mut counts);
            self.send(room, now, &mut counts);
            now = cycles();
            if (counts.sent, counts.returned) == (before.1, before.2) {
                waited += now - before.0;
            }
            if now.saturating_sub(counts.last_return) > milliseconds(LOST_AFTER) {
                lost = counts.sent - counts.returned;
            }
        }
        self.finish(counts, now - started, waited)
    }

    fn pace(&mut self, rate: f64, length: u64) -> Answer {
        // Three digits, up to a minute; nothing here takes as long.
        let times = Histogram::new_with_bounds(1, cycles_per_second() * 60, 3).ok();
        let mut counts = Counts::new(times);
        let per_cycle = rate / as_f64(cycles_per_second());
        let started = cycles();
        let mut now = started;
        while now - started < length {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count, rounded down"
            )]
            let due = (as_f64(now - started) * per_cycle) as u64;
            self.receive(now, &mut counts);
            self.send(due.saturating_sub(counts.sent), now, &mut counts);
            now = cycles();
        }
        self.finish(counts, now - started, 0)
    }

    /// Takes back what is still on the way, and sums up.
    fn finish(&mut self, mut counts: Counts, cycles: u64, waited: u64) -> Answer {
        let returned = counts.returned;
        self.drain(&mut counts);
        let lost = counts.sent.saturating_sub(counts.returned);
        let quantiles = counts.times.as_ref().map(in_nanoseconds).unwrap_or_default();
        Answer { sent: counts.sent, returned, lost, cycles, waited, quantiles }
    }

    /// Sends up to `wanted` packets, a burst at most.
    fn send(&mut self, wanted: u64, now: u64, counts: &mut Counts) {
        let wanted = usize::try_from(wanted).unwrap_or(BURST).min(BURST);
        if wanted == 0 || !self.pool.allocate_burst(&mut self.burst, wanted) {
            return;
        }
        let stamp = now.to_le_bytes();
        for mbuf in &mut self.burst {
            let frame = &self.frames[self.next];
            self.next = if self.next + 1 == self.frames.len() { 0 } else { self.next + 1 };
            if let Some(bytes) = mbuf.append(frame.len()) {
                bytes.copy_from_slice(frame);
                bytes[STAMP].copy_from_slice(&stamp[..STAMP.len()]);
            }
        }
        counts.sent += self.transmit.transmit(&mut self.burst) as u64;
        // What the port did not take was not sent.
        free_burst(&mut self.burst);
    }

    /// Takes back what is there.
    fn receive(&mut self, now: u64, counts: &mut Counts) {
        let count = self.receive.receive(&mut self.burst, BURST);
        if count == 0 {
            return;
        }
        counts.last_return = now;
        counts.returned += count as u64;
        if let Some(times) = &mut counts.times {
            let arrival = cycles();
            for mbuf in &self.burst {
                // Other packets, like neighbour discovery, have no room for a moment, or a senseless one.
                let Some(bytes) = mbuf.bytes().get(STAMP) else { continue };
                let mut stamp = [0; 8];
                stamp[..STAMP.len()].copy_from_slice(bytes);
                times.saturating_record((arrival - u64::from_le_bytes(stamp)) & STAMP_MASK);
            }
        }
        free_burst(&mut self.burst);
    }

    /// Takes back what is on the way, until all is back or lost.
    fn drain(&mut self, counts: &mut Counts) {
        let mut now = cycles();
        counts.last_return = now;
        while counts.returned < counts.sent
            && now.saturating_sub(counts.last_return) < milliseconds(LOST_AFTER)
        {
            self.receive(now, counts);
            now = cycles();
        }
    }
}

fn milliseconds(count: u64) -> u64 {
    cycles_per_second() / 1_000 * count
}

fn in_nanoseconds(times: &Histogram<u64>) -> Vec<(f64, f64)> {
    let per_cycle = 1e9 / as_f64(cycles_per_second());
    QUANTILES.map(|quantile| (quantile, as_f64(times.value_at_quantile(quantile)) * per_cycle)).to_vec()
}

#[cfg(test)]
mod tests {
    use dpdk::{Eal, MempoolConfiguration};

    use super::*;
    use crate::forwarding::generator::link;

    const ARGUMENTS: &str =
        "test --no-huge --no-pci --no-shconf --no-telemetry -m 64 --log-level=*:error --lcores 0@0";

    /// The only test here that needs DPDK's EAL, which a process has once.
    #[test]
    fn what_is_sent_comes_back_and_is_timed() {
        let arguments: Vec<String> = ARGUMENTS.split(' ').map(str::to_owned).collect();
        let eal = Eal::start(&arguments).unwrap();
        let configuration = MempoolConfiguration { mbufs: 4_095, cache: 0, data_room: 2_048 + 128 };
        let pool = Mempool::new(&eal, "frames", configuration).unwrap();
        // What is put into this device comes out of it again.
        let (_port, receive, transmit) = link::open(&eal, "net_ring0", &pool).unwrap();
        let mut generator = Generator::new(transmit, receive, pool.clone(), vec![vec![7; 60]; 3]);

        let flood = generator.carry_out(Order::Flood { milliseconds: 5 });
        assert!(flood.sent > 0 && flood.returned <= flood.sent, "{flood:?}");
        assert_eq!((flood.lost, flood.quantiles.len()), (0, 0));
        assert!(flood.waited < flood.cycles);

        let paced = generator.carry_out(Order::Pace { rate: 100_000.0, milliseconds: 20 });
        // It may be held up, but never sends before it is time.
        assert!((1..=2_000).contains(&paced.sent), "{paced:?}");
        assert_eq!(paced.lost, 0);
        assert!(paced.quantiles.is_sorted_by(|before, after| before.0 < after.0 && before.1 <= after.1));
        assert!(paced.quantiles[0].1 > 0.0);
        assert_eq!(pool.in_use(), 0, "buffers did not come back");
    }
}
