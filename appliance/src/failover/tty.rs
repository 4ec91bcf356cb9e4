//! The serial port of the failover cable: raw bytes, modem lines, and what is left of a port that has hung up.
//!
//! Nothing here waits: what is not there is not read, and what the port does not take is not written. A port that is
//! gone is tried again now and then, so a cable may be plugged out, and the port of a USB adapter as well.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use failover_serial::Lines;
use model::Instant;
use nix::fcntl::OFlag;
use serialport::{FlowControl, SerialPort, TTYPort};

/// Between two attempts to open a port.
const RETRY: Duration = Duration::from_millis(100);

/// A serial port that may come and go.
pub(crate) struct Tty {
    path: PathBuf,
    baud: u32,
    port: Option<Port>,
    retry_at: Instant,
    /// Why it could not be opened last, so that it is logged once.
    refused: Option<ErrorKind>,
}

/// An open port.
struct Port {
    /// Dropped first.
    bytes: File,
    settings: TTYPort,
    has_lines: bool,
}

/// What has become of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is open.
    Opened,
    /// The other end of it is gone: for a pseudo terminal, what dropped lines are for a real one.
    HungUp,
}

impl Tty {
    /// The port is opened by the first [`poll`](Self::poll).
    pub(crate) fn new(path: PathBuf, baud: u32) -> Self {
        Self { path, baud, port: None, retry_at: Instant::START, refused: None }
    }

    /// Opens the port if it is not open, and reads what there is. Returns how many bytes are in `buffer`, and what has
    /// become of the port.
    pub(crate) fn poll(&mut self, now: Instant, buffer: &mut [u8]) -> (usize, Option<Change>) {
        let Some(port) = &mut self.port else { return (0, self.open(now)) };
        match port.bytes.read(buffer) {
            Ok(0) => (0, self.hang_up(now)),
            Ok(count) => (count, None),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => (0, None),
            Err(_) => (0, self.hang_up(now)),
        }
    }

    /// Writes as much of `bytes` as the port takes; the rest is lost, as on a cable.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if let Some(port) = &mut self.port {
            let _ = port.bytes.write(bytes);
        }
    }

    /// The modem lines; `None` if the port is not open or has none, as a pseudo terminal.
    pub(crate) fn lines(&mut self) -> Option<Lines> {
        let port = self.port.as_mut().filter(|port| port.has_lines)?;
        let settings = &mut port.settings;
        Some(Lines {
            dsr: settings.read_data_set_ready().ok()?,
            dcd: settings.read_carrier_detect().ok()?,
            cts: settings.read_clear_to_send().ok()?,
            ri: settings.read_ring_indicator().ok()?,
        })
    }

    /// Whether the port is open.
    pub(crate) const fn is_open(&self) -> bool {
        self.port.is_some()
    }

    /// Whether there is such a port at all.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// What becomes readable with the next bytes; `None` while the port is not open.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.port.as_ref().map(|port| port.bytes.as_fd())
    }

    /// When to look again without a byte: for a port that is not open.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.port.is_none().then_some(self.retry_at)
    }

    fn open(&mut self, now: Instant) -> Option<Change> {
        if now < self.retry_at {
            return None;
        }
        self.retry_at = now + RETRY;
        match Port::open(&self.path, self.baud) {
            Ok(port) => {
                log::info!("failover cable: {} is open at {} baud", self.path.display(), self.baud);
                (self.port, self.refused) = (Some(port), None);
                Some(Change::Opened)
            }
            Err(error) => {
                if self.refused.replace(error.kind()) != Some(error.kind()) {
                    log::warn!("failover cable: {} can not be opened: {error}", self.path.display());
                }
                None
            }
        }
    }

    fn hang_up(&mut self, now: Instant) -> Option<Change> {
        log::warn!("failover cable: {} has hung up", self.path.display());
        self.port = None;
        self.retry_at = now + RETRY;
        Some(Change::HungUp)
    }
}

impl Port {
    fn open(path: &std::path::Path, baud: u32) -> io::Result<Self> {
        // Before it is taken exclusively.
        let bytes = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
            .open(path)?;
        let name = path.to_str().ok_or(ErrorKind::InvalidInput)?;
        let mut settings =
            TTYPort::open(&serialport::new(name, baud).flow_control(FlowControl::None).dtr_on_open(true))?;
        // A pseudo terminal has no lines, and refuses.
        let has_lines =
            settings.write_request_to_send(true).and_then(|()| settings.read_data_set_ready()).is_ok();
        Ok(Self { bytes, settings, has_lines })
    }
}
