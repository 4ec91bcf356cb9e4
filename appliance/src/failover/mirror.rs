//! The mirrored configuration as this unit has it: `director.json`, sent to the other unit or taken over from it.
//!
//! It goes over the cable; while that does not join the units, over the first link. A document that is taken over
//! is checked as one that is loaded; the one before stays beside it. A unit that stands by then starts anew with it.
//!
//! The mirror has a thread of its own: to compress and to check a document takes longer than the monitor may be silent.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use failover_serial::{
    CABLE_MESSAGE_BYTES, CableKey, DatagramChannel, Mirror, MirrorEvent, MirrorSettings, MirrorStatus,
    Received, digest_of,
};
use model::{ConfigurationMark, Instant, UnitState};
use nix::sys::eventfd::EventFd;

use super::cable::Cable;
use super::links::NetworkLink;
use crate::configuration::{self, DIRECTOR_FILE, Loaded};
use crate::error::RunError;
use crate::platform;

/// Between the change of the document and the new start: the other unit is to hear that it was taken over.
const FAREWELL: Duration = Duration::from_millis(300);

/// The longest that the mirror waits for something to do.
const WAIT: Duration = Duration::from_millis(100);

/// Messages that wait for the monitor to send them.
const OUTGOING: usize = 4;

/// The document that was replaced.
const PREVIOUS_FILE: &str = "director.json.previous";

/// What the monitor tells the mirror.
enum ToMirror {
    /// It came from the other unit.
    Message(Vec<u8>),
    /// Whether this unit's configuration is the one that counts, and which the other unit says that it has.
    Standing(UnitState, Option<ConfigurationMark>),
    /// The other unit has started anew, or the way is another.
    Reset,
}

/// What the mirror tells the monitor.
#[derive(Clone, Debug, Default)]
struct Told {
    status: MirrorStatus,
    /// When the unit is to start anew with another document.
    restart_at: Option<Instant>,
}

/// The monitor's end: messages between the mirror and the ways to the other unit.
pub(crate) struct MirrorLink {
    orders: Sender<ToMirror>,
    outgoing: Receiver<Vec<u8>>,
    told: Receiver<Told>,
    last: Told,
    standing: Option<(UnitState, Option<ConfigurationMark>)>,
    datagrams: DatagramChannel,
    peer_boot: Option<u32>,
    /// Kept for its memory.
    datagram: Vec<u8>,
}

/// The mirror's thread.
struct MirrorCore {
    mirror: Mirror,
    folder: PathBuf,
    orders: Receiver<ToMirror>,
    outgoing: Sender<Vec<u8>>,
    told: Sender<Told>,
    wake: Arc<EventFd>,
    restart_at: Option<Instant>,
    waiting: Option<Vec<u8>>,
}

/// What a mirror begins with.
pub(crate) struct Document {
    /// Which it is.
    pub(crate) mark: ConfigurationMark,
    /// The whole.
    pub(crate) bytes: Vec<u8>,
    /// Where it is.
    pub(crate) folder: PathBuf,
}

impl Document {
    /// What a unit was started with.
    pub(crate) fn of(loaded: &Loaded, folder: &Path) -> Self {
        let bytes = loaded.director_text.clone().into_bytes();
        let mark = ConfigurationMark { generation: loaded.generation, digest: digest_of(&bytes) };
        Self { mark, bytes, folder: folder.to_owned() }
    }
}

/// Starts the mirror of `document`. Its thread ends when the link is dropped.
///
/// # Errors
///
/// The operating system gives no thread.
pub(crate) fn start(
    document: Document,
    key: CableKey,
    datagrams: DatagramChannel,
    wake: Arc<EventFd>,
) -> Result<(MirrorLink, JoinHandle<()>), RunError> {
    let (orders, received_orders) = unbounded();
    let (sent, outgoing) = bounded(OUTGOING);
    let (tell, told) = unbounded();
    let Document { mark, bytes, folder } = document;
    let thread = thread::Builder::new().name("mirror".to_owned()).spawn(move || {
        let settings = MirrorSettings { key, message_bytes: CABLE_MESSAGE_BYTES };
        let mirror = Mirror::new(settings, mark, bytes, UnitState::Standby, platform::now());
        let (restart_at, waiting) = (None, None);
        MirrorCore {
            mirror,
            folder,
            orders: received_orders,
            outgoing: sent,
            told: tell,
            wake,
            restart_at,
            waiting,
        }
        .run();
    });
    let last = Told { status: MirrorStatus { mark, ..MirrorStatus::default() }, restart_at: None };
    let link = MirrorLink {
        orders,
        outgoing,
        told,
        last,
        standing: None,
        datagrams,
        peer_boot: None,
        datagram: Vec::new(),
    };
    Ok((link, thread.map_err(RunError::Failover)?))
}

impl MirrorLink {
    /// Which configuration this unit has.
    pub(crate) const fn mark(&self) -> ConfigurationMark {
        self.last.status.mark
    }

    /// Takes a message that came over the cable.
    pub(crate) fn receive_message(&self, message: Vec<u8>) {
        let _ = self.orders.send(ToMirror::Message(message));
    }

    /// Takes a datagram that came over a link.
    pub(crate) fn receive_datagram(&mut self, now: Instant, datagram: &[u8]) {
        self.datagrams.receive(now, datagram);
        while let Some(Received::Message(message)) = self.datagrams.poll_received() {
            self.receive_message(message);
        }
    }

    /// Whether this unit's configuration is the one that counts, and which the other unit says that it has.
    pub(crate) fn set_standing(&mut self, state: UnitState, peer: Option<ConfigurationMark>) {
        if self.standing.replace((state, peer)) != Some((state, peer)) {
            let _ = self.orders.send(ToMirror::Standing(state, peer));
        }
    }

    /// Moves messages between the mirror and the ways to the other unit.
    pub(crate) fn turn(&mut self, now: Instant, cable: Option<&mut Cable>, links: &[NetworkLink]) {
        while let Ok(told) = self.told.try_recv() {
            self.last = told;
        }
        let boots =
            [cable.as_ref().and_then(|cable| cable.status().peer_boot), self.datagrams.status().peer_boot];
        let boot = boots.into_iter().flatten().next();
        if boot.is_some() && self.peer_boot != boot {
            self.peer_boot = boot;
            let _ = self.orders.send(ToMirror::Reset);
        }
        match cable {
            Some(cable) if cable.is_normal() => {
                while cable.takes_messages()
                    && let Ok(message) = self.outgoing.try_recv()
                {
                    cable.send_message(message);
                }
            }
            _ if links.is_empty() => {}
            _ => {
                while self.datagrams.has_room()
                    && let Ok(message) = self.outgoing.try_recv()
                {
                    self.datagrams.send_message(message);
                }
            }
        }
        // Also what is left of a time without a cable.
        if let Some(link) = links.first() {
            while self.datagrams.poll_transmit(now, &mut self.datagram) {
                link.send_mirror(&self.datagram);
            }
        }
    }

    /// Whether the unit is to start anew, as it has another configuration than the one that it runs with.
    pub(crate) fn wants_restart(&self, now: Instant) -> bool {
        self.last.restart_at.is_some_and(|at| at <= now)
    }

    /// When there is something to do without anything coming in.
    pub(crate) fn deadline(&self) -> Instant {
        self.datagrams.deadline()
    }

    pub(crate) fn status(&self) -> MirrorStatus {
        self.last.status.clone()
    }
}

impl MirrorCore {
    fn run(mut self) {
        loop {
            let now = platform::now();
            let wait = self.mirror.deadline().since(now).min(WAIT);
            // While something waits for the monitor, it is tried again soon.
            let wait = if self.waiting.is_some() { wait.min(Duration::from_millis(2)) } else { wait };
            match self.orders.recv_timeout(wait) {
                Ok(order) => self.obey(platform::now(), order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = platform::now();
            while let Some(event) = self.mirror.poll_event() {
                self.follow(now, event);
            }
            self.transmit(now);
            let told = Told { status: self.mirror.status(), restart_at: self.restart_at };
            let _ = self.told.send(told);
        }
    }

    fn obey(&mut self, now: Instant, order: ToMirror) {
        match order {
            ToMirror::Message(message) => self.mirror.receive(now, &message),
            ToMirror::Standing(state, peer) => {
                self.mirror.set_state(now, state);
                if let Some(mark) = peer {
                    self.mirror.peer_mark(now, mark);
                }
            }
            ToMirror::Reset => self.mirror.reset(now),
        }
    }

    fn follow(&mut self, now: Instant, event: MirrorEvent) {
        match event {
            MirrorEvent::Document { mark, bytes } => match take_over(&self.folder, &bytes) {
                Ok(()) => {
                    let generation = mark.generation;
                    log::info!(
                        "generation {generation} of the configuration was taken over from the other unit"
                    );
                    self.mirror.accept(now, mark);
                    self.restart_at = Some(now + FAREWELL);
                }
                Err(reason) => {
                    log::error!("the other unit's configuration can not be taken over: {reason}");
                    self.mirror.refuse(now, mark, &reason);
                }
            },
            MirrorEvent::Change { mark, .. } => {
                self.mirror.refuse(now, mark, "this unit takes whole documents only");
            }
            MirrorEvent::Acknowledged { generation } => {
                log::info!("the other unit has generation {generation} of the configuration");
            }
            MirrorEvent::Refused { reason } => {
                log::warn!("the other unit does not take this unit's configuration: {reason}");
            }
        }
    }

    fn transmit(&mut self, now: Instant) {
        while let Some(message) = self.waiting.take().or_else(|| self.mirror.poll_transmit(now)) {
            match self.outgoing.try_send(message) {
                // A full counter is no error: there is something to wake up for either way.
                Ok(()) => drop(self.wake.write(1)),
                Err(refused) => {
                    self.waiting = Some(refused.into_inner());
                    return;
                }
            }
        }
    }
}

/// Checks the document against this unit and puts it into the place of the one before, of which nothing is lost.
fn take_over(folder: &Path, document: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    configuration::check_director(folder, text).map_err(|error| {
        let mistakes: Vec<String> = error.0.iter().map(ToString::to_string).collect();
        mistakes.join("; ")
    })?;
    replace(folder, document).map_err(|error| format!("{}: {error}", folder.display()))
}

fn replace(folder: &Path, document: &[u8]) -> std::io::Result<()> {
    let (file, new) = (folder.join(DIRECTOR_FILE), folder.join("director.json.new"));
    let mut written = fs::File::create(&new)?;
    written.write_all(document)?;
    written.sync_all()?;
    let previous = folder.join(PREVIOUS_FILE);
    // A link, not a move: there is a document at any time.
    match fs::remove_file(&previous) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => fs::hard_link(&file, &previous)?,
    }
    fs::rename(&new, &file)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_replaced_and_the_one_before_stays() {
        let folder = std::env::temp_dir().join(format!("understudy-mirror-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(DIRECTOR_FILE), "one").unwrap();
        for (document, previous) in [("two", "one"), ("three", "two")] {
            replace(&folder, document.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(folder.join(DIRECTOR_FILE)).unwrap(), document);
            assert_eq!(fs::read_to_string(folder.join(PREVIOUS_FILE)).unwrap(), previous);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
