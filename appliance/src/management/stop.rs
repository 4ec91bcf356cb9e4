//! One signal that ends all waits of the management threads at once, whatever they wait for.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, bounded};

/// Gives the signal when it is dropped.
pub(super) struct StopSender {
    _pipe: UnixStream,
    _channel: Sender<Infallible>,
}

/// Sees the signal: in `poll` as a hang-up, in `select!` as a disconnected channel.
#[derive(Clone)]
pub(super) struct Stop {
    pipe: Arc<UnixStream>,
    channel: Receiver<Infallible>,
}

impl Stop {
    /// A signal that was not given yet.
    pub(super) fn new() -> io::Result<(StopSender, Self)> {
        let (theirs, ours) = UnixStream::pair()?;
        let (sender, channel) = bounded(0);
        Ok((StopSender { _pipe: theirs, _channel: sender }, Self { pipe: Arc::new(ours), channel }))
    }

    /// Becomes disconnected by the signal; nothing is ever sent.
    pub(super) const fn channel(&self) -> &Receiver<Infallible> {
        &self.channel
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
