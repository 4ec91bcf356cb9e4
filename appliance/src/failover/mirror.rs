//! The mirrored configuration: what this unit runs with, sent to the other unit or taken over from it.
//!
//! It goes over the cable; while that does not join the units, over the first link. Each transaction goes as the commands
//! that an operator gave; where the two have come apart, the whole document does. Either is checked as a document is that is loaded,
//! and put in force while packets go on. Only a document with other groups has the unit start anew.
//!
//! The mirror has a thread of its own: to compress and to check a document takes longer than the monitor may be silent.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use crossbeam::select;
use failover_serial::{
    CABLE_MESSAGE_BYTES, CableKey, DatagramChannel, Mirror, MirrorEvent, MirrorSettings, MirrorStatus,
    Received,
};
use model::{ConfigurationMark, Instant, UnitState};
use nix::sys::eventfd::EventFd;

use super::cable::Cable;
use super::links::NetworkLink;
use crate::error::RunError;
use crate::platform;
use crate::running::{Running, TakenOver, Told as Transaction};

/// Between the change of the document and the new start: the other unit is to hear that it was taken over.
const FAREWELL: Duration = Duration::from_millis(300);

/// The longest that the mirror waits for something to do.
const WAIT: Duration = Duration::from_millis(100);

/// Messages that wait for the monitor to send them.
const OUTGOING: usize = 4;

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
    mirrored: Mirrored,
    orders: Receiver<ToMirror>,
    outgoing: Sender<Vec<u8>>,
    told: Sender<Told>,
    wake: Arc<EventFd>,
    restart_at: Option<Instant>,
    waiting: Option<Vec<u8>>,
}

/// What is mirrored.
pub(crate) struct Mirrored {
    pub(crate) running: Arc<Running>,
    /// The transactions of this unit's operators.
    pub(crate) told: Receiver<Transaction>,
}

/// Starts the mirror. Its thread ends when the link is dropped.
///
/// # Errors
///
/// The operating system gives no thread.
pub(crate) fn start(
    mirrored: Mirrored,
    key: CableKey,
    datagrams: DatagramChannel,
    wake: Arc<EventFd>,
) -> Result<(MirrorLink, JoinHandle<()>), RunError> {
    let (orders, received_orders) = unbounded();
    let (sent, outgoing) = bounded(OUTGOING);
    let (tell, told) = unbounded();
    let (mark, bytes) = mirrored.running.document();
    let thread = thread::Builder::new().name("mirror".to_owned()).spawn(move || {
        let settings = MirrorSettings { key, message_bytes: CABLE_MESSAGE_BYTES };
        let mirror = Mirror::new(settings, mark, bytes, UnitState::Standby, platform::now());
        let (restart_at, waiting) = (None, None);
        MirrorCore {
            mirror,
            mirrored,
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
            select! {
                recv(self.orders) -> order => match order {
                    Ok(order) => self.obey(platform::now(), order),
                    Err(_) => return,
                },
                recv(self.mirrored.told) -> transaction => match transaction {
                    Ok(transaction) => self.pass_on(platform::now(), transaction),
                    Err(_) => return,
                },
                default(wait) => {}
            }
            let now = platform::now();
            while let Some(event) = self.mirror.poll_event() {
                self.follow(now, event);
            }
            if self.mirror.wants_document() {
                let (mark, document) = self.mirrored.running.document();
                self.mirror.set_document(now, mark, document);
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

    /// An operator has changed this unit's configuration.
    fn pass_on(&mut self, now: Instant, Transaction { mark, change }: Transaction) {
        // The whole document may have gone already, with this change and later ones.
        if mark.generation > self.mirror.status().mark.generation {
            self.mirror.change(now, mark, change);
        }
    }

    fn follow(&mut self, now: Instant, event: MirrorEvent) {
        match event {
            MirrorEvent::Document { mark, bytes } => match self.mirrored.running.take_over(&bytes) {
                Ok(taken_over) => {
                    let generation = mark.generation;
                    log::info!(
                        "generation {generation} of the configuration was taken over from the other unit"
                    );
                    self.mirror.accept(now, mark);
                    if taken_over == TakenOver::AfterStart {
                        self.restart_at = Some(now + FAREWELL);
                    } else {
                        self.restart_at = None;
                    }
                }
                Err(reason) => {
                    log::error!("the other unit's configuration can not be taken over: {reason}");
                    self.mirror.refuse(now, mark, &reason);
                }
            },
            MirrorEvent::Change { mark, bytes } => match self.mirrored.running.follow(mark, &bytes) {
                Ok(()) => {
                    log::info!(
                        "generation {} of the configuration follows the other unit's",
                        mark.generation
                    );
                    self.mirror.accept(now, mark);
                }
                Err(reason) => {
                    log::warn!("a change of the other unit's configuration can not be followed: {reason}");
                    self.mirror.refuse(now, mark, &reason);
                }
            },
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
