//! What a channel knows of its line and its peer, and what it has counted.

use model::Instant;

model::reasons! {
    /// Why something that came over the line was not taken. Each is counted under exactly one reason.
    pub enum Rejection;

    /// Noise has changed, added or taken away something.
    Corrupt = "corrupt";
    /// The frame is correct, and of a version that this unit does not speak.
    OtherVersion = "other_version";
    /// The frame is correct, and makes no sense.
    Malformed = "malformed";
    /// The frame is one of our own: the line leads back to this unit.
    LoopedBack = "looped_back";
    /// The peer does not have our key.
    NotAuthentic = "not_authentic";
    /// The frame is of no session of now: the peer or this unit has just begun.
    UnknownSession = "unknown_session";
    /// The part of a message had arrived before.
    Duplicate = "duplicate";
    /// There was no room for the part of a message; it will be sent again.
    NoRoom = "no_room";
    /// The message was too long.
    Oversize = "oversize";
}

/// What is at the other end of the line, by the last that came from it. How long ago that was is `heard_at`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing has come that could be understood.
    #[default]
    Silent,
    /// A unit that does not know us yet: messages wait.
    Connecting,
    /// The peer, which takes our messages.
    Connected,
    /// This unit itself: a plug is shorted, or both ends are in the same machine.
    LoopedBack,
    /// A unit of another version. Nothing of what it sends is taken.
    OtherVersion(u8),
    /// A unit with another pair key. Its messages are not taken; beats are for others to judge.
    OtherKey,
}

impl Condition {
    /// What an operator reads.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::LoopedBack => "looped back: this unit hears itself",
            Self::OtherVersion(_) => "the other unit speaks another version",
            Self::OtherKey => "the other unit has another pair key",
        }
    }
}

model::reason_counters! {
    /// A counter for each reason.
    pub struct Rejections of Rejection;
}

/// What has passed over a line since the channel was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Bytes handed out, with all that frames add.
    pub bytes_sent: u64,
    /// Bytes that came in.
    pub bytes_received: u64,
    /// Beats handed out.
    pub beats_sent: u64,
    /// Beats that a newer one replaced before they could go.
    pub beats_replaced: u64,
    /// Beats too long to be sent: a fault of this program.
    pub beats_refused: u64,
    /// Beats that arrived.
    pub beats_received: u64,
    /// Beats that did not, by their numbers.
    pub beats_lost: u64,
    /// Parts of messages handed out, the first time.
    pub parts_sent: u64,
    /// Parts handed out again.
    pub parts_sent_again: u64,
    /// Parts that arrived, each once.
    pub parts_received: u64,
    /// Whole messages handed in.
    pub messages_sent: u64,
    /// Whole messages handed out.
    pub messages_received: u64,
    /// Sessions that have begun: one, and another whenever the peer or the line brought a new unit.
    pub sessions: u64,
    /// What was not taken.
    pub rejections: Rejections,
}

/// What `show failover` needs to know of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelStatus {
    /// What is at the other end.
    pub condition: Condition,
    /// The boot number of the peer, once there is a session with it. It changes when the peer has restarted.
    pub peer_boot: Option<u32>,
    /// When anything of the peer was understood last.
    pub heard_at: Option<Instant>,
    /// Messages of ours that are not acknowledged.
    pub messages_waiting: usize,
    /// What has passed.
    pub counters: ChannelCounters,
}
