//! TCP connections through the pair that stay open, and are asked now and then whether they still are.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::error::FailoverError;
use super::lab::Lab;
use super::plan::{PORT, VIRTUAL};
use crate::clock;

/// Longer than any retransmission here.
const PATIENCE: Duration = Duration::from_secs(20);

/// For those that are behind one that kept silent.
const LEAST: Duration = Duration::from_millis(5);

/// Connections that live on.
#[derive(Debug)]
pub(super) struct Sessions {
    streams: Vec<TcpStream>,
    asked: u64,
    /// Those that broke, and why, as far as that is remembered.
    pub(super) lost: Vec<String>,
}

impl Sessions {
    /// Opens so many.
    pub(super) fn open(lab: &Lab, count: usize) -> Result<Self, FailoverError> {
        let open = |_| {
            let stream = TcpStream::connect_timeout(&SocketAddr::from((VIRTUAL, PORT)), PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let streams = lab.client.enter(|| Ok((0..count).map(open).collect::<io::Result<Vec<_>>>()?))?;
        let mut sessions = Self { streams, asked: 0, lost: Vec::new() };
        match sessions.check() {
            0 => Ok(sessions),
            _ => Err(FailoverError::InVain {
                what: "answers over new connections".to_owned(),
                seen: sessions.lost.join("; "),
            }),
        }
    }

    /// Asks over all of them. Returns how many broke since the last time.
    pub(super) fn check(&mut self) -> usize {
        self.asked += 1;
        let question = self.asked.to_be_bytes();
        let asked: Vec<io::Result<()>> =
            self.streams.iter_mut().map(|stream| stream.write_all(&question)).collect();
        let deadline = clock::now() + PATIENCE;
        let before = self.streams.len();
        let streams = std::mem::take(&mut self.streams);
        for (mut stream, asked) in streams.into_iter().zip(asked) {
            match asked.and_then(|()| answer(&mut stream, question, deadline)) {
                Ok(()) => self.streams.push(stream),
                Err(error) => self.lost.push(error.to_string()),
            }
        }
        before - self.streams.len()
    }
}

fn answer(stream: &mut TcpStream, question: [u8; 8], deadline: Instant) -> io::Result<()> {
    let mut answer = [0; 8];
    let left = deadline.saturating_duration_since(clock::now()).max(LEAST);
    stream.set_read_timeout(Some(left))?;
    stream.read_exact(&mut answer)?;
    if answer == question { Ok(()) } else { Err(io::Error::other("an answer to another question")) }
}
