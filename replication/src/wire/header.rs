//! The clear header of every datagram.

use super::Reader;
use crate::rejection::Rejection;

/// The highest version spoken here.
pub(super) const VERSION: u8 = 2;

/// The lowest version there is.
pub(crate) const LOWEST_VERSION: u8 = 1;

/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 26;

/// Bytes of the seal at the end.
pub(crate) const TAG_BYTES: usize = 16;

/// The high half of the first byte; the low half is the version.
const MAGIC: u8 = 0xb0;

/// What a datagram is for. The value is the one on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Hello = 1,
    Status = 2,
    Batch = 3,
    Acknowledgement = 4,
    Request = 5,
    Counts = 6,
}

impl Kind {
    const fn from_wire(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::Hello),
            2 => Some(Self::Status),
            3 => Some(Self::Batch),
            4 => Some(Self::Acknowledgement),
            5 => Some(Self::Request),
            6 => Some(Self::Counts),
            _ => None,
        }
    }
}

/// The header. It is authentic only once the seal was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u8,
    pub(crate) kind: Kind,
    pub(crate) sender: u64,
    pub(crate) receiver: u64,
    pub(crate) counter: u64,
}

impl Header {
    pub(crate) fn write(&self, datagram: &mut Vec<u8>) {
        datagram.extend_from_slice(&[MAGIC | self.version, self.kind as u8]);
        datagram.extend_from_slice(&self.sender.to_be_bytes());
        datagram.extend_from_slice(&self.receiver.to_be_bytes());
        datagram.extend_from_slice(&self.counter.to_be_bytes());
    }

    /// Reads the header of a datagram, for a unit that speaks `highest` and the version before. Hellos are the same in all
    /// versions, so that any two units can tell why they do not talk.
    pub(crate) fn read(datagram: &[u8], highest: u8) -> Result<Self, Rejection> {
        if datagram.len() < HEADER_BYTES + TAG_BYTES {
            return Err(Rejection::TooShort);
        }
        let mut reader = Reader::new(datagram);
        let first = reader.u8().ok_or(Rejection::TooShort)?;
        if first & 0xf0 != MAGIC {
            return Err(Rejection::UnknownVersion);
        }
        let kind = reader.u8().and_then(Kind::from_wire).ok_or(Rejection::UnknownKind)?;
        let version = first & 0x0f;
        if kind != Kind::Hello
            && !(highest.saturating_sub(1).max(LOWEST_VERSION)..=highest).contains(&version)
        {
            return Err(Rejection::UnknownVersion);
        }
        let mut number = || reader.u64().ok_or(Rejection::TooShort);
        Ok(Self { version, kind, sender: number()?, receiver: number()?, counter: number()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_26_bytes_in_network_order() {
        let header =
            Header { version: 2, kind: Kind::Batch, sender: 0x0102, receiver: 0x0304, counter: 0x05 };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        assert_eq!(bytes, [0xb2, 3, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5]);
        bytes.resize(HEADER_BYTES + TAG_BYTES, 0);
        assert_eq!(Header::read(&bytes, 2), Ok(header));
    }

    #[test]
    fn other_headers_are_refused() {
        let with = |first: u8, second: u8| {
            let mut bytes = [0; HEADER_BYTES + TAG_BYTES];
            bytes[..2].copy_from_slice(&[first, second]);
            Header::read(&bytes, 2).map(|_| ())
        };
        for (first, second, expected) in [
            (0xb2, 3, Ok(())),
            (0xb1, 3, Ok(())),
            (0xb0, 3, Err(Rejection::UnknownVersion)),
            (0xb3, 3, Err(Rejection::UnknownVersion)),
            (0xb3, 1, Ok(())),
            (0xa2, 3, Err(Rejection::UnknownVersion)),
            (0xb2, 0, Err(Rejection::UnknownKind)),
            (0xb2, 7, Err(Rejection::UnknownKind)),
        ] {
            assert_eq!(with(first, second), expected, "{first:#x} {second}");
        }
        assert_eq!(Header::read(&[0xb2; HEADER_BYTES + TAG_BYTES - 1], 2), Err(Rejection::TooShort));
    }
}
