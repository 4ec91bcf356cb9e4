//! The worker: polls the ports and rings, runs its shard over what came, and carries out the verdicts.
//!
//! One worker is one lcore. It shares nothing that it writes, takes no lock and, once running, never allocates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use arrayvec::ArrayVec;
use crossbeam::channel::Receiver;
use director::{Frame, NextHopTable, PortIndex, Shard, Verdict};
use dpdk::{Mbuf, Mempool, ReceiveQueue};
use model::limits::{BATCH, EXPIRY_SLOTS, RECEIVE_BURST};
use model::{DropReason, Instant};

use crate::groups::{Groups, Sorter};
use crate::handover::{self, Departure, Departures};
use crate::hold::{Hold, NextHopKey};
use crate::idle::Idler;
use crate::kernel::Resolver;
use crate::leases::{Handover, Leases};
use crate::output::{Origin, Output};
use crate::platform;
use crate::replication::WorkerLink;
use crate::rings::{HandOver, KernelRings, Packet};
use crate::running::WorkerRequest;
use crate::statistics::WorkerCounters;

/// How much of a frame is made contiguous, so that all headers, also those that an ICMP error quotes, are in reach.
const HEADER_BYTES: usize = 256;

/// How long a packet waits for a next hop's MAC address: a lost ARP request is repeated once a second.
const HOLD_TIME: Duration = Duration::from_millis(1_500);

/// How often held packets are tried again when no new table came.
const HOLD_RETRY: Duration = Duration::from_millis(20);

/// Time between two looks for idle connections, and how many looks go once round the table unless it is so large that
/// they are cut short (`limits::EXPIRY_SLOTS`).
const EXPIRY_PERIOD: Duration = Duration::from_micros(100);
const EXPIRY_ROUNDS: usize = 10_000;

/// What a worker is made of.
pub(crate) struct Worker {
    /// By group.
    pub(crate) shards: Vec<GroupShard>,
    pub(crate) groups: Arc<Groups>,
    pub(crate) leases: Arc<Leases>,
    pub(crate) receive: Vec<(PortIndex, ReceiveQueue)>,
    /// By `PortIndex`.
    pub(crate) outputs: Vec<Output>,
    pub(crate) hand_over: HandOver,
    pub(crate) kernel: KernelRings,
    pub(crate) pool: Mempool,
    pub(crate) next_hops: Arc<ArcSwap<NextHopTable>>,
    pub(crate) resolver: Resolver,
    pub(crate) requests: Receiver<WorkerRequest>,
    pub(crate) counters: Arc<WorkerCounters>,
    pub(crate) idler: Idler,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) hold: Hold,
    /// Packets of groups that are changing units.
    pub(crate) departures: Departures,
    /// Whether to have all memory for connections from the start.
    pub(crate) populate: bool,
}

/// What a worker has for one failover group.
pub(crate) struct GroupShard {
    pub(crate) shard: Shard,
    /// The rings to and from the replication core, if the unit is of a pair.
    pub(crate) link: Option<WorkerLink>,
}

/// The packets of one pass, and where each came from.
#[derive(Default)]
struct Batch {
    mbufs: ArrayVec<Mbuf, BATCH>,
    ports: ArrayVec<PortIndex, BATCH>,
    /// When to give up, if the packets were held already: then there is one for each of them, else none.
    deadlines: ArrayVec<Instant, BATCH>,
}

/// Where a packet came from.
#[derive(Clone, Copy)]
struct Arrival {
    /// Whose shard it went through.
    group: usize,
    port: PortIndex,
    /// Set when the packet was held already: when to give up.
    held_until: Option<Instant>,
}

/// What changes while a worker runs.
struct Running {
    worker: Worker,
    batch: Batch,
    /// By group, where there are several.
    sorted: Vec<Batch>,
    next_hops: Arc<NextHopTable>,
    expire_at: Instant,
    retry_at: Instant,
}

impl Worker {
    /// Runs until the stop flag is set.
    pub(crate) fn run(mut self) {
        self.counters.set_thread(nix::unistd::gettid().as_raw());
        // Here, not where the shard was made: the kernel gives memory near the CPU that asks for it.
        if self.populate {
            self.shards.iter_mut().for_each(|each| each.shard.populate());
        }
        let mut running = Running {
            next_hops: self.next_hops.load_full(),
            batch: Batch::default(),
            sorted: self.shards.iter().filter(|_| self.shards.len() > 1).map(|_| Batch::default()).collect(),
            expire_at: Instant::START,
            retry_at: Instant::START,
            worker: self,
        };
        // Relaxed: the flag carries no data, and is looked at again at once.
        while !running.worker.stop.load(Ordering::Relaxed) {
            running.round();
        }
    }
}

impl Running {
    fn round(&mut self) {
        let now = platform::now();
        let taken = self.receive_from_ports() + self.receive_handed_over() + self.transmit_for_kernel();
        self.retry_held(now);
        self.end_departures(now);
        // A shard's time never goes back: each batch has looked at the clock itself, and later than the round began.
        let now = platform::now();
        self.housekeep(now);
        let has_exchanged = self.exchange(now);
        let Worker { outputs, counters, idler, .. } = &mut self.worker;
        for output in outputs {
            output.flush(counters);
        }
        counters.rounds.add(1);
        if taken == 0 && !has_exchanged {
            counters.idle_rounds.add(1);
            idler.nothing_to_do();
        } else {
            idler.busy();
        }
    }

    /// Takes what each port's queue has, at most a batch, and several ports' to a batch if they have less. Returns the
    /// packets taken.
    fn receive_from_ports(&mut self) -> usize {
        let mut total = 0;
        for index in 0..self.worker.receive.len() {
            for _ in 0..BATCH / RECEIVE_BURST {
                if self.batch.mbufs.remaining_capacity() < RECEIVE_BURST {
                    self.process();
                }
                let (port, queue) = &mut self.worker.receive[index];
                let count = queue.receive(&mut self.batch.mbufs, RECEIVE_BURST);
                self.batch.ports.extend(std::iter::repeat_n(*port, count));
                total += count;
                if count < RECEIVE_BURST {
                    break;
                }
            }
        }
        self.worker.counters.received.add(total as u64);
        self.process();
        total
    }

    fn receive_handed_over(&mut self) -> usize {
        let mut total = 0;
        for sender in 0..self.worker.hand_over.senders() {
            while !self.batch.mbufs.is_full() {
                let Some(packet) = self.worker.hand_over.receive(sender) else { break };
                self.batch.push(packet);
                total += 1;
            }
            if self.batch.mbufs.is_full() {
                self.process();
            }
        }
        self.process();
        total
    }

    /// Puts what the kernel sends on the twins out of the ports, unchanged.
    fn transmit_for_kernel(&mut self) -> usize {
        let mut total = 0;
        while total < BATCH {
            let Some(packet) = self.worker.kernel.receive() else { break };
            self.worker.outputs[usize::from(packet.port.0)].push(
                packet.mbuf,
                Origin::Kernel,
                &self.worker.counters,
            );
            total += 1;
        }
        total
    }

    /// Processes held packets again: at once when there is a new table, else now and then, as they may be too old.
    fn retry_held(&mut self, now: Instant) {
        if self.worker.hold.is_empty() {
            return;
        }
        let current = self.worker.next_hops.load();
        let changed = !Arc::ptr_eq(&self.next_hops, &current);
        if changed {
            self.next_hops = Arc::clone(&current);
        }
        if !changed && now < self.retry_at {
            return;
        }
        self.retry_at = now + HOLD_RETRY;
        for _ in 0..self.worker.hold.len() {
            if self.batch.mbufs.is_full() {
                self.process();
            }
            let Some((packet, until)) = self.worker.hold.pop() else { break };
            self.batch.push(packet);
            self.batch.deadlines.push(until);
        }
        self.process();
    }

    /// Packets that were kept for whoever forwards their group go there as soon as that is known: through this unit's shard, or
    /// on to the other unit.
    fn end_departures(&mut self, now: Instant) {
        if self.worker.departures.is_empty() {
            return;
        }
        for _ in 0..self.worker.departures.len() {
            let Some(departure) = self.worker.departures.take() else { break };
            match self.worker.leases.handover(departure.group, departure.packet.port, now) {
                Handover::Hold if !departure.is_too_old(now) => self.worker.departures.put_back(departure),
                Handover::PassOn(until) if now < until => {
                    let Departure { packet, .. } = departure;
                    self.worker.pass_on(packet.mbuf, packet.port);
                }
                Handover::None => {
                    if self.batch.mbufs.is_full() {
                        self.process();
                    }
                    self.batch.push(departure.packet);
                }
                Handover::Hold | Handover::PassOn(_) => {
                    self.worker.counters.count_drop(DropReason::Standby, 1);
                    self.worker.counters.left.add(1);
                }
            }
        }
        self.process();
    }

    fn housekeep(&mut self, now: Instant) {
        if now >= self.expire_at {
            self.expire_at = now + EXPIRY_PERIOD;
            for GroupShard { shard, .. } in &mut self.worker.shards {
                let budget = shard.slots().div_ceil(EXPIRY_ROUNDS).min(EXPIRY_SLOTS);
                shard.expire(now, budget);
            }
            self.refresh_next_hops();
        }
        if let Ok(request) = self.worker.requests.try_recv() {
            self.answer(request, now);
        }
    }

    /// Does what the management asks, between two bursts. Nothing here allocates or frees.
    #[cold]
    fn answer(&mut self, request: WorkerRequest, now: Instant) {
        let Worker { shards, groups, .. } = &mut self.worker;
        match request {
            WorkerRequest::List(request) => {
                if let Some(GroupShard { shard, .. }) = shards.get(request.group) {
                    request.answer(shard, now);
                }
            }
            WorkerRequest::Kill(request) => {
                if let Some(GroupShard { shard, .. }) = shards.get_mut(request.group) {
                    request.answer(shard, now);
                }
            }
            WorkerRequest::Explain(request) => {
                if let Some(GroupShard { shard, .. }) = shards.get_mut(request.group) {
                    request.answer(shard, now, &self.next_hops);
                }
            }
            WorkerRequest::Reconfigure(request) => {
                request.carry_out(shards.iter_mut().map(|each| &mut each.shard), groups, now);
            }
        }
    }

    /// Carries out what the replication core asks. Returns whether there was anything.
    fn exchange(&mut self, now: Instant) -> bool {
        let mut any = false;
        for GroupShard { shard, link } in &mut self.worker.shards {
            any |= link.as_mut().is_some_and(|link| link.obey(shard, now));
        }
        any
    }

    fn refresh_next_hops(&mut self) {
        let current = self.worker.next_hops.load();
        if !Arc::ptr_eq(&self.next_hops, &current) {
            self.next_hops = Arc::clone(&current);
        }
    }

    /// Takes over how long the group may go on.
    fn renew_lease(&mut self, group: usize) {
        self.worker.shards[group].shard.set_lease(self.worker.leases.of(group));
    }

    /// Runs the batch through the shards and carries out their verdicts. The batch is empty afterwards.
    fn process(&mut self) {
        if self.batch.mbufs.is_empty() {
            return;
        }
        if self.sorted.is_empty() {
            return self.process_for(0);
        }
        self.sort();
        for group in 0..self.sorted.len() {
            if !self.sorted[group].mbufs.is_empty() {
                std::mem::swap(&mut self.batch, &mut self.sorted[group]);
                self.process_for(group);
            }
        }
    }

    /// Parts the batch by group.
    fn sort(&mut self) {
        let Batch { mbufs, ports, deadlines } = &mut self.batch;
        let mut deadlines = deadlines.drain(..);
        for (mbuf, port) in mbufs.drain(..).zip(ports.drain(..)) {
            let group = Sorter(&self.worker.groups).group_of(port, mbuf.bytes(), mbuf.length());
            let batch = &mut self.sorted[group];
            batch.push(Packet { mbuf, port });
            batch.deadlines.extend(deadlines.next());
        }
    }

    /// Runs the batch, which is not empty, through the shard of a group. Time and lease are looked at here, not once a round:
    /// between two batches the unit may have stood still, and the other one have taken over.
    fn process_for(&mut self, group: usize) {
        let now = platform::now();
        self.renew_lease(group);
        let Self { worker, batch: Batch { mbufs, ports, deadlines }, next_hops, .. } = self;
        let GroupShard { shard, link } = &mut worker.shards[group];
        let mut verdicts = ArrayVec::new();
        {
            let mut frames = ArrayVec::<Frame<'_>, BATCH>::new();
            for (mbuf, &port) in mbufs.iter_mut().zip(ports.iter()) {
                frames.push(frame(mbuf, port));
            }
            shard.process(now, next_hops, &mut frames, &mut verdicts);
        }
        if let Some(link) = link {
            link.tell(shard);
        }
        match common_output(&verdicts) {
            Some(port) => worker.outputs[usize::from(port.0)].forward_all(mbufs, &worker.counters),
            None => {
                let arrivals = ports.iter().enumerate().map(|(place, &port)| Arrival {
                    group,
                    port,
                    held_until: deadlines.get(place).copied(),
                });
                for ((mbuf, arrival), verdict) in mbufs.drain(..).zip(arrivals).zip(verdicts) {
                    worker.carry_out(verdict, mbuf, arrival, now);
                }
            }
        }
        ports.clear();
        deadlines.clear();
    }
}

impl Worker {
    #[inline]
    fn carry_out(&mut self, verdict: Verdict, mut mbuf: Mbuf, arrival: Arrival, now: Instant) {
        let port = arrival.port;
        let counters = &self.counters;
        match verdict {
            Verdict::Forward { port } => {
                self.outputs[usize::from(port.0)].push(mbuf, Origin::Forwarded, counters);
            }
            Verdict::AnswerNeighbor => {
                self.copy_to_kernel(&mbuf, port);
                let verdict = self.shards[arrival.group].shard.answer_neighbor(&mut frame(&mut mbuf, port));
                self.carry_out(verdict, mbuf, arrival, now);
            }
            Verdict::Flood { port: output } => {
                self.copy_to_kernel(&mbuf, port);
                let output = &mut self.outputs[usize::from(output.0)];
                output.push(mbuf, Origin::Forwarded, &self.counters);
            }
            Verdict::Answer { length } => {
                mbuf.truncate(length as usize);
                self.outputs[usize::from(port.0)].push(mbuf, Origin::Answered, counters);
            }
            Verdict::Kernel => match self.kernel.send(Packet { mbuf, port }) {
                Ok(()) => counters.to_kernel.add(1),
                Err(_) => counters.count_drop(DropReason::KernelFull, 1),
            },
            Verdict::HandOver { shard } => {
                match self.hand_over.send(usize::from(shard), Packet { mbuf, port }) {
                    Ok(()) => counters.handed_over.add(1),
                    Err(_) => counters.count_drop(DropReason::HandOverFull, 1),
                }
            }
            Verdict::Hold { awaited } => {
                let (port, address) = self.shards[arrival.group].shard.awaited(awaited);
                self.resolver.try_request(port, address);
                self.hold(mbuf, arrival, (port, address), now);
            }
            Verdict::Drop(reason @ (DropReason::Standby | DropReason::LeaseOver)) => {
                self.leave(mbuf, arrival, reason, now);
            }
            Verdict::Drop(reason) => counters.count_drop(reason, 1),
        }
    }

    /// A packet of a group that this unit does not forward for is dropped, unless the group is changing units.
    fn leave(&mut self, mbuf: Mbuf, Arrival { group, port, .. }: Arrival, reason: DropReason, now: Instant) {
        let is_for_group = || self.groups.with_mac(port, handover::destination(&mbuf)) == Some(group);
        let is_from_group = || self.groups.with_mac(port, handover::source(&mbuf)) == Some(group);
        match self.leases.handover(group, port, now) {
            Handover::Hold if is_for_group() => {
                if self.departures.keep(Packet { mbuf, port }, group, now).is_err() {
                    self.counters.count_drop(DropReason::HoldFull, 1);
                }
            }
            Handover::PassOn(until) if now < until && is_for_group() => self.pass_on(mbuf, port),
            handover => {
                if handover == Handover::Hold && is_from_group() {
                    self.leases.hear(group, port);
                }
                self.counters.left.add(u64::from(is_for_group()));
                self.counters.count_drop(reason, 1);
            }
        }
    }

    /// Sends a packet to the other unit, by which its group is forwarded now.
    fn pass_on(&mut self, mut mbuf: Mbuf, port: PortIndex) {
        handover::readdress(&mut mbuf, self.groups.unit_mac(port));
        self.outputs[usize::from(port.0)].push(mbuf, Origin::Forwarded, &self.counters);
        self.counters.passed_on.add(1);
    }

    /// Shows the kernel a packet that does not end there: a copy, counted beside the balance.
    fn copy_to_kernel(&mut self, mbuf: &Mbuf, port: PortIndex) {
        let copy = self.pool.copy_of(mbuf);
        let sent = copy.is_some_and(|mbuf| self.kernel.send(Packet { mbuf, port }).is_ok());
        self.counters.copied_to_kernel.add(u64::from(sent));
    }

    fn hold(&mut self, mbuf: Mbuf, arrival: Arrival, next_hop: NextHopKey, now: Instant) {
        let counters = &self.counters;
        if arrival.held_until.is_none() {
            counters.held.add(1);
        }
        let until = arrival.held_until.unwrap_or(now + HOLD_TIME);
        if now > until {
            counters.count_drop(DropReason::NextHopUnresolved, 1);
        } else if self.hold.push(Packet { mbuf, port: arrival.port }, next_hop, until).is_err() {
            counters.count_drop(DropReason::HoldFull, 1);
        }
    }
}

impl Batch {
    fn push(&mut self, packet: Packet) {
        self.mbufs.push(packet.mbuf);
        self.ports.push(packet.port);
    }
}

/// The port that all packets are to be forwarded by; `None` if they are not.
fn common_output(verdicts: &[Verdict]) -> Option<PortIndex> {
    let (&first, rest) = verdicts.split_first()?;
    match first {
        Verdict::Forward { port } if rest.iter().all(|&verdict| verdict == first) => Some(port),
        _ => None,
    }
}

/// The shard's view of a packet. Its data is asked for, too: the driver may have written it to memory that no cache has.
fn frame(mbuf: &mut Mbuf, port: PortIndex) -> Frame<'_> {
    mbuf.prefetch();
    let length = mbuf.length();
    if mbuf.segment_count() > 1 {
        // When it can not be done, the parser sees too few bytes and the packet is dropped as truncated.
        let _ = mbuf.ensure_contiguous(length.min(HEADER_BYTES));
    }
    Frame { length, bytes: mbuf.bytes_mut(), port }
}
