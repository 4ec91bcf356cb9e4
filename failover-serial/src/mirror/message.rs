//! What two mirrors say to each other, and the tag that proves who said it.

use model::{ConfigurationMark, UnitState};

use super::document::Announcement;
use crate::frame::VERSION;
use crate::key::{CableKey, TAG_BYTES};

const LABEL: &[u8] = b"understudy mirror";

/// What a chunk adds to its bytes: version, kind, transfer, offset, tag.
pub(crate) const CHUNK_BYTES: usize = 1 + 1 + 8 + 4 + TAG_BYTES;

/// The longest reason for a refusal.
const REASON_BYTES_MOST: usize = 400;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A whole document is to come: how much of it is there already?
    Begin { state: UnitState, announcement: Announcement },
    /// A piece of it.
    Chunk { transfer: u64, offset: usize, bytes: Vec<u8> },
    /// So much of it is there.
    Progress { transfer: u64, offset: usize, answer: Answer },
    /// One command.
    Change { base: ConfigurationMark, mark: ConfigurationMark, bytes: Vec<u8> },
    /// The sender has this configuration.
    Have { mark: ConfigurationMark, asks: bool },
    /// The sender can not take this configuration.
    Refused { mark: ConfigurationMark, reason: String },
}

/// What a progress is an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Answer {
    /// Chunks have arrived.
    Arrived = 0,
    /// A begin, or a chunk that was not the next: go on from here.
    GoOnFrom = 1,
    /// A chunk of a transfer that the receiver knows nothing of: begin anew.
    Unknown = 2,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageError {
    NotAuthentic,
    Malformed,
}

impl Message {
    pub(crate) fn seal(&self, key: &CableKey) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        self.write(&mut bytes);
        let tag = key.tag(LABEL, &[&bytes]);
        bytes.extend(tag);
        bytes
    }

    pub(crate) fn open(key: &CableKey, sealed: &[u8]) -> Result<Self, MessageError> {
        let (bytes, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(MessageError::Malformed)?;
        if !key.is_authentic(LABEL, &[bytes], tag) {
            return Err(MessageError::NotAuthentic);
        }
        let message = match bytes.split_first() {
            Some((&VERSION, rest)) => Self::read(&mut Reader(rest)),
            _ => None,
        };
        message.ok_or(MessageError::Malformed)
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Begin { state, announcement } => {
                bytes.extend([1, *state as u8]);
                write_mark(bytes, announcement.mark);
                bytes.extend(announcement.transfer.to_be_bytes());
                bytes.extend(announcement.document_bytes.to_be_bytes());
                bytes.extend(announcement.packed_bytes.to_be_bytes());
                bytes.extend(announcement.sha256);
            }
            Self::Chunk { transfer, offset, bytes: chunk } => {
                bytes.push(2);
                bytes.extend(transfer.to_be_bytes());
                write_size(bytes, *offset);
                bytes.extend(chunk);
            }
            Self::Progress { transfer, offset, answer } => {
                bytes.extend([3, *answer as u8]);
                bytes.extend(transfer.to_be_bytes());
                write_size(bytes, *offset);
            }
            Self::Change { base, mark, bytes: change } => {
                bytes.push(4);
                write_mark(bytes, *base);
                write_mark(bytes, *mark);
                bytes.extend(change);
            }
            Self::Have { mark, asks } => {
                bytes.extend([5, u8::from(*asks)]);
                write_mark(bytes, *mark);
            }
            Self::Refused { mark, reason } => {
                bytes.push(6);
                write_mark(bytes, *mark);
                bytes.extend(reason.bytes().take(REASON_BYTES_MOST));
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(match reader.u8()? {
            1 => Self::Begin { state: read_state(reader.u8()?)?, announcement: read_announcement(reader)? },
            2 => Self::Chunk { transfer: reader.u64()?, offset: reader.size()?, bytes: reader.rest() },
            3 => {
                let answer = read_answer(reader.u8()?)?;
                Self::Progress { transfer: reader.u64()?, offset: reader.size()?, answer }
            }
            4 => Self::Change { base: reader.mark()?, mark: reader.mark()?, bytes: reader.rest() },
            5 => {
                let asks = reader.u8()? != 0;
                Self::Have { mark: reader.mark()?, asks }
            }
            6 => {
                let mark = reader.mark()?;
                let rest = reader.rest();
                let reason = &rest[..rest.len().min(REASON_BYTES_MOST)];
                Self::Refused { mark, reason: String::from_utf8_lossy(reason).into_owned() }
            }
            _ => return None,
        })
    }
}

fn write_mark(bytes: &mut Vec<u8>, mark: ConfigurationMark) {
    bytes.extend(mark.generation.to_be_bytes());
    bytes.extend(mark.digest.to_be_bytes());
}

/// Sizes are far below 4 GB.
fn write_size(bytes: &mut Vec<u8>, size: usize) {
    bytes.extend(u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
}

fn read_announcement(reader: &mut Reader<'_>) -> Option<Announcement> {
    Some(Announcement {
        mark: reader.mark()?,
        transfer: reader.u64()?,
        document_bytes: reader.u32()?,
        packed_bytes: reader.u32()?,
        sha256: reader.array()?,
    })
}

const fn read_state(number: u8) -> Option<UnitState> {
    match number {
        0 => Some(UnitState::Standby),
        1 => Some(UnitState::Active),
        _ => None,
    }
}

const fn read_answer(number: u8) -> Option<Answer> {
    match number {
        0 => Some(Answer::Arrived),
        1 => Some(Answer::GoOnFrom),
        2 => Some(Answer::Unknown),
        _ => None,
    }
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    fn mark(&mut self) -> Option<ConfigurationMark> {
        Some(ConfigurationMark { generation: self.u32()?, digest: self.u32()? })
    }

    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_with_the_same_key_only() {
        let (key, other) = (CableKey::new([1; 32]), CableKey::new([2; 32]));
        let mark = ConfigurationMark { generation: 7, digest: 9 };
        let announcement =
            Announcement { mark, transfer: 1 << 40, document_bytes: 500, packed_bytes: 100, sha256: [8; 32] };
        for message in [
            Message::Begin { state: UnitState::Active, announcement },
            Message::Chunk { transfer: 5, offset: 70_000, bytes: b"chunk".to_vec() },
            Message::Progress { transfer: 5, offset: 70_000, answer: Answer::GoOnFrom },
            Message::Change { base: mark, mark, bytes: b"bind".to_vec() },
            Message::Have { mark, asks: true },
            Message::Refused { mark, reason: "no room".to_owned() },
        ] {
            let mut sealed = message.seal(&key);
            assert_eq!(Message::open(&key, &sealed), Ok(message));
            assert_eq!(Message::open(&other, &sealed), Err(MessageError::NotAuthentic));
            sealed[2] ^= 1;
            assert_eq!(Message::open(&key, &sealed), Err(MessageError::NotAuthentic));
        }
        assert_eq!(Message::open(&key, b"short"), Err(MessageError::Malformed));
    }

    /// docs/CABLE.md has this message.
    #[test]
    fn the_example_of_the_documentation() {
        let key = CableKey::new(std::array::from_fn(|index| u8::try_from(index).unwrap()));
        let mark = ConfigurationMark { generation: 7, digest: 0x0a0b_0c0d };
        let sealed = Message::Have { mark, asks: false }.seal(&key);
        let (body, tag) = sealed.split_at(sealed.len() - TAG_BYTES);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let documented = include_str!("../../../docs/CABLE.md");
        let example = format!("    {}\n    {}\n", hex(body), hex(tag));
        assert!(documented.contains(&example), "{example}");
    }
}
