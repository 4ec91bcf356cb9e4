//! What goes on while units change places: downloads, connections that wait, and a steady flow of datagrams.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::client::{Client, Lines, ask_by_datagram};
use super::wait;

/// How long the last answers of a flow may take.
const LAST_ANSWERS_MS: u16 = 500;

/// Downloads of the large page, by both families in turn.
pub(crate) struct Downloads(Vec<JoinHandle<io::Result<Output>>>);

impl Downloads {
    pub(crate) fn start(client: &Client, count: usize) -> Self {
        let download = |number: usize| {
            let host = ["192.0.2.100", "[2001:db8:100::100]"][number % 2];
            let mut curl = Command::new("curl");
            // So slow that the unit dies in the middle.
            curl.args(["--silent", "--show-error", "--fail", "--limit-rate", "16M", "--max-time", "60"]);
            curl.arg(format!("http://{host}/large"));
            curl.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = client.namespace.enter(|| curl.spawn()).expect("curl runs");
            // Read from the start: curl would stop at a full pipe.
            thread::spawn(|| child.wait_with_output())
        };
        Self((0..count).map(download).collect())
    }

    /// All come to their end, and have brought `page`.
    pub(crate) fn end_with(self, page: &[u8]) {
        for download in self.0 {
            let output = download.join().expect("no panic").expect("curl ends");
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{complaint}");
            let came = output.stdout;
            assert!(came == page, "{} bytes came, and not those that were sent", came.len());
        }
    }
}

/// Connections to `addresses` in turn, each with the server that it has.
pub(crate) fn talk(client: &Client, addresses: &[SocketAddr], count: usize) -> Vec<(Lines, usize)> {
    let connect = |number: usize| {
        let mut lines = client.connect(addresses[number % addresses.len()]);
        let server = lines.ask("hello").expect("an answer");
        (lines, server)
    };
    (0..count).map(connect).collect()
}

/// Every connection answers still, from the server that it had.
pub(crate) fn still_talk(connections: &mut [(Lines, usize)]) {
    for (number, (connection, server)) in connections.iter_mut().enumerate() {
        let answered = connection.ask("still there?");
        assert_eq!(answered.as_ref().ok(), Some(&*server), "connection {number}: {answered:?}");
    }
}

/// Connections that exchange lines without a pause, and one new connection after the other beside them.
pub(crate) struct Chatter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Chatter {
    /// Begins with `count` connections to `addresses` in turn.
    pub(crate) fn start(client: &Client, addresses: &[SocketAddr], count: usize) -> Self {
        let sessions = talk(client, addresses, count);
        let stop = Arc::new(AtomicBool::new(false));
        let stop_there = Arc::clone(&stop);
        let addresses = addresses.to_vec();
        let thread =
            client.namespace.enter(|| thread::spawn(move || chat(sessions, &addresses, &stop_there)));
        Self { stop, thread }
    }

    /// Ends it: every line was answered, by the server that the connection had, and every new connection was made.
    pub(crate) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let connected = self.thread.join().expect("every line is answered");
        assert!(connected > 0, "nobody connected");
    }
}

/// Returns how many new connections there were.
fn chat(mut sessions: Vec<(Lines, usize)>, addresses: &[SocketAddr], stop: &AtomicBool) -> usize {
    let mut connected = 0;
    while !stop.load(Ordering::Relaxed) {
        still_talk(&mut sessions);
        let to = addresses[connected % addresses.len()];
        let mut lines = Lines::connect(None, to, wait::PATIENCE).expect("a new connection");
        lines.ask("hello").expect("an answer on a new connection");
        connected += 1;
    }
    connected
}

/// One client's datagrams, one each millisecond, until it is ended.
pub(crate) struct Flow {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    thread: JoinHandle<FlowReport>,
}

/// What became of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowReport {
    pub(crate) sent: usize,
    pub(crate) answered: usize,
    /// Answers that had come before.
    pub(crate) doubled: usize,
}

impl FlowReport {
    /// Every datagram was answered once.
    pub(crate) fn is_whole(&self) -> bool {
        self.sent == self.answered && self.doubled == 0
    }
}

impl Flow {
    /// Begins when the first datagram to `to` has been answered.
    pub(crate) fn start(client: &Client, to: SocketAddr) -> Self {
        let socket = client.datagrams(to);
        let _ = ask_by_datagram(&socket, "first").expect("an answer");
        Self::go_on(socket)
    }

    /// On a socket whose datagrams have been answered.
    pub(crate) fn go_on(socket: UdpSocket) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stop_there, answered_there) = (Arc::clone(&stop), Arc::clone(&answered));
        let thread = thread::spawn(move || exchange(&socket, &stop_there, &answered_there));
        Self { stop, answered, thread }
    }

    /// Waits until `count` more have been answered.
    pub(crate) fn wait_for(&self, count: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + count;
        wait::until_equal("answers to datagrams", true, || self.answered.load(Ordering::Relaxed) >= enough);
    }

    /// Ends it, when the last answers have come.
    pub(crate) fn end(self) -> FlowReport {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("no panic")
    }
}

fn exchange(socket: &UdpSocket, stop: &AtomicBool, answered: &AtomicUsize) -> FlowReport {
    let (mut seen, mut sent, mut doubled) = (BTreeSet::new(), 0, 0);
    let mut take = |seen: &mut BTreeSet<usize>| {
        let mut buffer = [0; 64];
        while is_readable(socket, 0) {
            // What is lost on the way may come back as an error, and is missing in the end.
            let Ok(length) = socket.recv(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..length]);
            let number = text.split_once(' ').and_then(|(_, number)| number.parse().ok());
            let Some(number) = number else { continue };
            doubled += usize::from(!seen.insert(number));
            answered.store(seen.len(), Ordering::Relaxed);
        }
    };
    while !stop.load(Ordering::Relaxed) {
        let _ = socket.send(sent.to_string().as_bytes());
        sent += 1;
        wait::a_millisecond();
        take(&mut seen);
    }
    // One that comes twice may come late.
    while is_readable(socket, LAST_ANSWERS_MS) {
        take(&mut seen);
    }
    FlowReport { sent, answered: seen.len(), doubled }
}

fn is_readable(socket: &UdpSocket, patience_ms: u16) -> bool {
    let mut waiting = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::from(patience_ms)).is_ok_and(|ready| ready > 0)
}
