//! The failover cable as the monitor has it: a serial port, and the frames that go over it.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use failover_serial::{Channel, ChannelStatus, Lines, Received, cable_status, is_swapped};
use model::{CableStatus, Instant, UnitRole};

use super::tty::{Change, Tty};

/// Between two looks at the modem lines.
const LINES_PERIOD: Duration = Duration::from_millis(2);

/// The cable's end in this unit.
pub(crate) struct Cable {
    role: UnitRole,
    /// Whether the plug is the other unit's.
    is_swapped: bool,
    tty: Tty,
    channel: Channel,
    lines_at: Instant,
    /// What a port without modem lines can know: whether anything came since it was opened, and how it ended before.
    has_heard: bool,
    has_hung_up: bool,
    status: CableStatus,
    told: Option<CableStatus>,
    /// Kept for its memory.
    bytes: Vec<u8>,
}

impl Cable {
    pub(crate) const fn new(tty: Tty, channel: Channel, role: UnitRole) -> Self {
        Self {
            role,
            is_swapped: false,
            tty,
            channel,
            lines_at: Instant::START,
            has_heard: false,
            has_hung_up: false,
            status: CableStatus::Unknown,
            told: None,
            bytes: Vec::new(),
        }
    }

    /// Takes what has come in.
    pub(crate) fn poll(&mut self, now: Instant) {
        let mut buffer = [0; 512];
        loop {
            let (count, change) = self.tty.poll(now, &mut buffer);
            if let Some(change) = change {
                self.channel.reset(now);
                self.has_heard = false;
                self.has_hung_up |= change == Change::HungUp;
            }
            if count == 0 {
                break;
            }
            self.has_heard = true;
            self.channel.receive(now, &buffer[..count]);
        }
        if now >= self.lines_at {
            self.lines_at = now + LINES_PERIOD;
            let lines = self.tty.lines();
            self.notice_ends(lines);
            self.status = self.status_of(lines);
        } else if !self.tty.is_open() {
            self.status = self.status_of(None);
        }
    }

    fn notice_ends(&mut self, lines: Option<Lines>) {
        let is_swapped = lines.is_some_and(|lines| is_swapped(lines, self.role));
        if is_swapped && !self.is_swapped {
            let role = self.role.name();
            log::warn!(
                "failover cable: this is the {role} unit, and has the other end of the cable; its role counts"
            );
        }
        self.is_swapped = is_swapped;
    }

    /// A pseudo terminal hangs up where a real port's lines drop, and is not there where a real one is not plugged in.
    fn status_of(&self, lines: Option<Lines>) -> CableStatus {
        match lines {
            Some(lines) => cable_status(lines),
            None if self.has_heard => CableStatus::Normal,
            None if self.has_hung_up && (self.tty.is_open() || self.tty.exists()) => {
                CableStatus::OtherSidePoweredOff
            }
            None if self.tty.is_open() => CableStatus::Unknown,
            None => CableStatus::MySideNotConnected,
        }
    }

    /// The cable's status, if it is another than the one before.
    pub(crate) fn take_status(&mut self) -> Option<CableStatus> {
        (self.told != Some(self.status)).then(|| {
            log::info!("failover cable: {}", self.status.text());
            self.told = Some(self.status);
            self.status
        })
    }

    /// The next thing that came from the other unit.
    pub(crate) fn poll_received(&mut self) -> Option<Received> {
        self.channel.poll_received()
    }

    /// Sends a beat before all else.
    pub(crate) fn send_beat(&mut self, now: Instant, beat: &[u8]) {
        self.channel.send_beat(now, beat);
    }

    /// Whether messages get through: the other unit is there, and there is room.
    pub(crate) fn takes_messages(&self) -> bool {
        self.status == CableStatus::Normal && self.channel.has_room()
    }

    /// Whether the cable joins the two units.
    pub(crate) fn is_normal(&self) -> bool {
        self.status == CableStatus::Normal
    }

    /// Sends a message, for which there must be room.
    pub(crate) fn send_message(&mut self, message: Vec<u8>) {
        self.channel.send_message(message);
    }

    /// Puts on the line what it has time for.
    pub(crate) fn transmit(&mut self, now: Instant) {
        while self.channel.poll_transmit(now, &mut self.bytes) {
            self.tty.write(&self.bytes);
        }
    }

    /// What becomes readable with the next byte.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.tty.descriptor()
    }

    /// When to turn again without a byte.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let port = self.tty.deadline().unwrap_or(self.lines_at);
        Some(if self.tty.is_open() { port.min(self.channel.deadline()) } else { port })
    }

    /// How it goes, for whoever looks.
    pub(crate) fn status(&self) -> ChannelStatus {
        self.channel.status()
    }
}
