//! What a mirror is told when it is made, and what it tells.

use model::ConfigurationMark;

use crate::key::CableKey;

/// What a mirror is told when it is made.
#[derive(Clone, Debug)]
pub struct MirrorSettings {
    /// The secret of the pair, which authenticates each message.
    pub key: CableKey,
    /// The length of messages in which a document is sent; those of what carries them.
    pub message_bytes: usize,
}

/// Something that the owner of the configuration is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorEvent {
    /// The peer has a newer configuration: put it in force, then accept or refuse it.
    Document {
        /// What it is to be known as.
        mark: ConfigurationMark,
        /// The whole.
        bytes: Vec<u8>,
    },
    /// The peer has carried out a command: do the same, then accept or refuse it.
    Change {
        /// What the configuration is to be known as afterwards.
        mark: ConfigurationMark,
        /// The command.
        bytes: Vec<u8>,
    },
    /// The peer has what this unit sent.
    Acknowledged {
        /// Up to this generation.
        generation: u32,
    },
    /// The peer can not take what this unit sent.
    Refused {
        /// In the peer's words.
        reason: String,
    },
}

/// How far a document has come, in bytes as they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferProgress {
    /// These have arrived.
    pub sent: usize,
    /// Of so many.
    pub of: usize,
}

impl From<(usize, usize)> for TransferProgress {
    fn from((sent, of): (usize, usize)) -> Self {
        Self { sent, of }
    }
}

/// What the operator is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorStatus {
    /// What this unit has.
    pub mark: ConfigurationMark,
    /// The generation that the peer has; none: it has not said so yet.
    pub peer_has: Option<u32>,
    /// Both have the same.
    pub in_sync: bool,
    /// A whole document is on its way to the peer.
    pub transfer: Option<TransferProgress>,
    /// A whole document is on its way from the peer.
    pub receiving: Option<TransferProgress>,
    /// Changes that the peer has not acknowledged.
    pub changes_waiting: usize,
    /// Messages with a wrong tag: the peer has another key, or somebody else is there.
    pub not_authentic: u64,
    /// Messages that are authentic but make no sense.
    pub malformed: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
}
