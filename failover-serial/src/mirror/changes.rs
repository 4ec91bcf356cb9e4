//! Commands that were carried out here and that the peer has not acknowledged.

use std::collections::VecDeque;

use model::{ConfigurationMark, Instant};

use super::message::Message;
use super::sending::PATIENCE;

/// Changes that are kept; with more the whole document is sent.
const CHANGES_KEPT: usize = 64;

/// The longest change; with a longer one the whole document is sent.
pub const CHANGE_BYTES_MOST: usize = 4_096;

#[derive(Debug)]
struct Change {
    base: ConfigurationMark,
    mark: ConfigurationMark,
    bytes: Vec<u8>,
    is_sent: bool,
}

/// Changes, each of which begins where the one before ends.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    kept: VecDeque<Change>,
    timer: Option<Instant>,
}

impl Changes {
    pub(crate) fn push(&mut self, base: ConfigurationMark, mark: ConfigurationMark, bytes: Vec<u8>) {
        if self.kept.len() == CHANGES_KEPT || bytes.len() > CHANGE_BYTES_MOST {
            self.clear();
            return;
        }
        self.kept.push_back(Change { base, mark, bytes, is_sent: false });
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether what is kept leads from `mark` to what this unit has.
    pub(crate) fn lead_from(&self, mark: ConfigurationMark) -> bool {
        self.kept.iter().any(|change| change.base == mark)
    }

    /// Whether `mark` is what one of them leads to.
    pub(crate) fn lead_to(&self, mark: ConfigurationMark) -> bool {
        self.kept.iter().any(|change| change.mark == mark)
    }

    /// The peer has `mark`: what led there is done with.
    pub(crate) fn acknowledge(&mut self, mark: ConfigurationMark) {
        if let Some(last) = self.kept.iter().position(|change| change.mark == mark) {
            self.kept.drain(..=last);
            self.timer = self.timer.filter(|_| !self.kept.is_empty());
        }
    }

    pub(crate) fn send_again(&mut self) {
        self.kept.iter_mut().for_each(|change| change.is_sent = false);
    }

    /// The next that was not sent, for a peer that has `peer`.
    pub(crate) fn poll(&mut self, now: Instant, peer: ConfigurationMark) -> Option<Message> {
        if self.timer.take_if(|timer| *timer <= now).is_some() {
            self.send_again();
        }
        let first = self.kept.iter().position(|change| change.base == peer)?;
        let change = self.kept.iter_mut().skip(first).find(|change| !change.is_sent)?;
        change.is_sent = true;
        self.timer = Some(now + PATIENCE);
        Some(Message::Change { base: change.base, mark: change.mark, bytes: change.bytes.clone() })
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.kept.iter().any(|change| !change.is_sent) { Some(Instant::START) } else { self.timer }
    }
}
