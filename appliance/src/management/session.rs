//! One client: requests in, responses out, until it closes, goes silent or talks nonsense that can not be told apart
//! from the next request.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::commands;
use super::failover::{self, FailoverError};
use super::inspection::Inspection;
use super::line::{LineError, Lines};
use super::listing;
use super::protocol::{
    Command, ErrorKind, ErrorReport, Outcome, REQUEST_BYTES, Request, Response, Show, VERSION,
};
use super::stop::Stop;
use super::who_is_active;
use crate::platform;

/// How long a client may take to send its next request. Its thread is one of few.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may take to read a response.
const RESPONSE_PATIENCE: Duration = Duration::from_secs(10);

/// A client that is served.
pub(super) struct Session {
    lines: Lines,
    inspection: Arc<Inspection>,
    stop: Stop,
}

impl Session {
    pub(super) const fn new(lines: Lines, inspection: Arc<Inspection>, stop: Stop) -> Self {
        Self { lines, inspection, stop }
    }

    pub(super) fn run(mut self) {
        loop {
            let line = match self.lines.read(REQUEST_BYTES, REQUEST_PATIENCE) {
                Ok(Some(line)) => line,
                Err(error @ LineError::TooLong(_)) => {
                    // Where the next request begins is not known: this was the last.
                    let _ = self.respond(failed(ErrorKind::Malformed, error.to_string()));
                    return;
                }
                Ok(None) | Err(_) => return,
            };
            let outcome = match read_request(&line) {
                Ok(request) => self.carry_out(request.command),
                Err(error) => Outcome::Error(error),
            };
            if self.respond(outcome).is_err() {
                return;
            }
        }
    }

    fn carry_out(&self, command: Command) -> Outcome {
        match command {
            Command::Show(show) => self.show(show),
            Command::Failover(request) => match failover::carry_out(&self.inspection, &request, &self.stop) {
                Ok(outcome) => outcome,
                Err(error) => failed(error.kind(), error.to_string()),
            },
            Command::Language(request) => match commands::carry_out(&self.inspection, &request, &self.stop) {
                Ok(outcome) => outcome,
                Err(error) => failed(error.kind(), error.to_string()),
            },
        }
    }

    fn show(&self, show: Show) -> Outcome {
        match show {
            Show::Status => Outcome::Status(self.inspection.status(platform::now())),
            Show::Virtual => Outcome::Virtual(self.inspection.virtual_servers()),
            Show::Real => Outcome::Real(self.inspection.real_servers(platform::now())),
            Show::Connections(query) => match listing::page(&self.inspection.workers, &query, &self.stop) {
                Ok(page) => Outcome::Connections(page),
                Err(error) => failed(error.kind(), error.to_string()),
            },
            Show::Counters => Outcome::Counters(Box::new(self.inspection.counters())),
            Show::Ports => Outcome::Ports((self.inspection.ports)()),
            Show::Neighbors => Outcome::Neighbors((self.inspection.neighbors)()),
            Show::Failover => match who_is_active::report(&self.inspection) {
                Ok(report) => Outcome::Failover(Box::new(report)),
                Err(error) => failed(error.kind(), error.to_string()),
            },
            Show::Replication => match self.inspection.replication(platform::now()) {
                Some(report) => Outcome::Replication(Box::new(report)),
                None => failed(ErrorKind::Alone, FailoverError::Alone.to_string()),
            },
        }
    }

    fn respond(&mut self, outcome: Outcome) -> Result<(), LineError> {
        self.lines.write(&encode(outcome), RESPONSE_PATIENCE)
    }
}

/// A response as a line.
pub(super) fn encode(outcome: Outcome) -> Vec<u8> {
    let encoded = serde_json::to_vec(&Response::new(outcome));
    let mut line = encoded.unwrap_or_else(|error| {
        // Reports are plain values with string keys, which JSON can always hold.
        log::error!("a report could not be written as JSON: {error}");
        Vec::new()
    });
    line.push(b'\n');
    line
}

/// Reads the version first: a request of another version may have keys that this one refuses.
fn read_request(line: &[u8]) -> Result<Request, ErrorReport> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let malformed = |error: serde_json::Error| ErrorReport {
        kind: ErrorKind::Malformed,
        message: format!("not a request: {error}; write {{\"version\":{VERSION},\"show\":\"status\"}}"),
    };
    let Versioned { version } = serde_json::from_slice(line).map_err(malformed)?;
    if version != VERSION {
        let message = format!("the unit speaks version {VERSION} of the management protocol, not {version}");
        return Err(ErrorReport { kind: ErrorKind::Version, message });
    }
    serde_json::from_slice(line).map_err(malformed)
}

const fn failed(kind: ErrorKind, message: String) -> Outcome {
    Outcome::Error(ErrorReport { kind, message })
}
