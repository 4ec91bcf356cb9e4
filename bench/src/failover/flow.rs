//! Clients that send datagrams through the pair, evenly, and note what comes back when.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::socket::{setsockopt, sockopt};

use super::datagram::{self, Datagram};
use super::error::FailoverError;
use super::lab::Lab;
use super::plan::{PORT, VIRTUAL};
use super::priority;
use super::service::BUFFER_BYTES;
use super::traffic::{Answer, Traffic};
use crate::clock;

/// After this, an answer is lost.
const DRAIN: Duration = Duration::from_secs(1);

/// Longer than any gap that can be told from the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Milliseconds between two looks whether it is over.
const LOOK_MS: u16 = 20;

/// How many clients send how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    clients: u32,
    /// Between two datagrams, of whichever client.
    interval: Duration,
}

/// One client, a datagram each millisecond.
pub(super) const PROBE: Shape = Shape { clients: 1, interval: Duration::from_millis(1) };

/// Fifty clients, a hundred datagrams a second each.
pub(super) const LOAD: Shape = Shape { clients: 50, interval: Duration::from_micros(200) };

/// A flow under way.
#[derive(Debug)]
pub(super) struct Flow {
    shape: Shape,
    shared: Arc<Shared>,
    sender: Option<JoinHandle<Vec<Instant>>>,
    receiver: Option<JoinHandle<Vec<Answer>>>,
    doubled_before: u64,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    stop_sending: AtomicBool,
    stop: AtomicBool,
    answers: AtomicU64,
    /// When the last answer came, in nanoseconds after the start.
    last: AtomicU64,
}

impl Flow {
    /// Starts it, and waits until answers come.
    pub(super) fn start(lab: &Lab, shape: Shape) -> Result<Self, FailoverError> {
        static FLOWS: AtomicU32 = AtomicU32::new(1);
        let number = FLOWS.fetch_add(1, Ordering::Relaxed);
        let sockets = lab.client.enter(|| Ok(open(shape.clients)?))?;
        let (sockets, started) = (Arc::new(sockets), clock::now());
        let shared = Arc::new(Shared {
            started,
            stop_sending: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            last: AtomicU64::new(0),
        });
        let (of_sender, of_receiver) = (Arc::clone(&shared), Arc::clone(&shared));
        let to_read = Arc::clone(&sockets);
        let doubled_before = lab.service.doubled();
        let receiver = thread::spawn(move || receive(&to_read, number, &of_receiver));
        let sender = thread::spawn(move || send(&sockets, number, shape.interval, &of_sender));
        let (sender, receiver) = (Some(sender), Some(receiver));
        let flow = Self { shape, shared, sender, receiver, doubled_before };
        let wanted = u64::from(shape.clients);
        flow.wait_for(|shared| shared.answers.load(Ordering::Relaxed) >= wanted)?;
        Ok(flow)
    }

    /// Waits until an answer has come after `instant`.
    pub(super) fn wait_for_answer_after(&self, instant: Instant) -> Result<(), FailoverError> {
        self.wait_for(|shared| {
            shared.started + Duration::from_nanos(shared.last.load(Ordering::Relaxed)) > instant
        })
    }

    fn wait_for(&self, is_so: impl Fn(&Shared) -> bool) -> Result<(), FailoverError> {
        clock::wait_for(PATIENCE, || is_so(&self.shared).then_some(())).ok_or_else(|| FailoverError::InVain {
            what: "answers".to_owned(),
            seen: format!("{} have come so far", self.shared.answers.load(Ordering::Relaxed)),
        })
    }

    /// Ends it: nothing is sent any more, and what is on its way has its time to come.
    pub(super) fn end(mut self, lab: &Lab) -> Result<Traffic, FailoverError> {
        self.shared.stop_sending.store(true, Ordering::Relaxed);
        let sends = join(self.sender.take())?;
        let sent = sends.len() as u64;
        // All are there, or the time is over. Those that come twice are late, too: so a little longer.
        clock::wait_for(DRAIN, || (self.shared.answers.load(Ordering::Relaxed) >= sent).then_some(()));
        clock::sleep(Duration::from_millis(50));
        self.shared.stop.store(true, Ordering::Relaxed);
        let answers = join(self.receiver.take())?;
        let doubled_there = lab.service.doubled() - self.doubled_before;
        Ok(Traffic { interval: self.shape.interval, sends, answers, doubled_there })
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        // One that is given up must not go on.
        self.shared.stop_sending.store(true, Ordering::Relaxed);
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn join<T>(thread: Option<JoinHandle<Vec<T>>>) -> Result<Vec<T>, FailoverError> {
    thread.map_or_else(|| Ok(Vec::new()), |thread| thread.join().map_err(|_| FailoverError::Panicked))
}

fn open(clients: u32) -> io::Result<Vec<UdpSocket>> {
    let open = |_| {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        socket.connect((VIRTUAL, PORT))?;
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER_BYTES)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    (0..clients).map(open).collect()
}

/// Sends in turn for all clients, and returns when it did.
fn send(sockets: &[UdpSocket], flow: u32, interval: Duration, shared: &Shared) -> Vec<Instant> {
    priority::raise();
    let (mut sends, mut due) = (Vec::new(), clock::now());
    for number in 0.. {
        for (client, socket) in (0..).zip(sockets) {
            if shared.stop_sending.load(Ordering::Relaxed) {
                return sends;
            }
            clock::sleep(due.saturating_duration_since(clock::now()));
            // One that is refused is one without an answer.
            let _ = socket.send(&Datagram { flow, client, number }.write());
            sends.push(clock::now());
            due += interval;
        }
    }
    sends
}

fn receive(sockets: &[UdpSocket], flow: u32, shared: &Shared) -> Vec<Answer> {
    priority::raise();
    let Ok(epoll) = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC) else { return Vec::new() };
    for (number, socket) in (0..).zip(sockets) {
        let _ = epoll.add(socket.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, number));
    }
    let (mut events, mut buffer) = ([EpollEvent::empty(); 64], [0; datagram::BYTES]);
    let mut answers = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let count = epoll.wait(&mut events, LOOK_MS).unwrap_or(0);
        let ready = events[..count].iter().filter_map(|event| usize::try_from(event.data()).ok());
        for socket in ready.filter_map(|index| sockets.get(index)) {
            while let Ok(length) = socket.recv(&mut buffer) {
                let at = clock::now();
                let datagram = Datagram::read(&buffer[..length]).filter(|datagram| datagram.flow == flow);
                answers.extend(datagram.map(|datagram| Answer { datagram, at }));
                let since = at.saturating_duration_since(shared.started).as_nanos();
                shared.last.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
                shared.answers.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    answers
}
