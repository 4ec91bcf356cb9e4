//! Frames: what one goes over the wire as, and how they are found again among noise.
//!
//! A frame is encoded by consistent overhead byte stuffing, so that it has no byte of zero, and stands between two zeros.
//! Whatever was lost or added, the next zero is the end of it.

use model::limits::{BEAT_BYTES, CABLE_FRAME_BYTES};

/// The version of frames and messages that this program speaks.
pub const VERSION: u8 = 1;

/// Version, kind, sequence number and the boot number of the sender.
const BEAT_HEADER_BYTES: usize = 8;
/// The same, and the boot number of the unit that it is for.
pub(crate) const HEADER_BYTES: usize = BEAT_HEADER_BYTES + 4;
const CRC_BYTES: usize = 4;
/// A zero before it, the first byte that stuffing adds, and a zero after it.
const DELIMITING_BYTES: usize = 3;

/// Bytes on the wire of the longest frame with a part of a message. Shorter than a beat may be: a beat that has to wait for
/// one is there within 20 ms at 115,200 baud.
const PART_FRAME_BYTES: usize = 96;

/// The longest part of a message in a frame of the cable.
pub(crate) const PART_BYTES: usize = PART_FRAME_BYTES - HEADER_BYTES - CRC_BYTES - DELIMITING_BYTES;

/// The longest frame between its zeros.
const STUFFED_BYTES: usize = CABLE_FRAME_BYTES - 2;

const _: () = assert!(BEAT_HEADER_BYTES + BEAT_BYTES + CRC_BYTES + DELIMITING_BYTES <= CABLE_FRAME_BYTES);
const _: () = assert!(PART_FRAME_BYTES <= CABLE_FRAME_BYTES);
// So stuffing adds one byte, never two.
const _: () = assert!(CABLE_FRAME_BYTES < 254);

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A heartbeat; nobody acknowledges it.
    Beat = 1,
    /// A part of a message, of which more follows.
    Part = 2,
    /// The last part of a message.
    LastPart = 3,
    /// Which parts have arrived.
    Acknowledgement = 4,
    /// Who the sender is, and whom it has heard.
    Hello = 5,
}

impl Kind {
    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Beat,
            2 => Self::Part,
            3 => Self::LastPart,
            4 => Self::Acknowledgement,
            5 => Self::Hello,
            _ => return None,
        })
    }
}

/// One frame, whatever it goes over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) version: u8,
    pub(crate) kind: Kind,
    /// Of a beat: counts the beats. Of a part: its place. Of an acknowledgement: the first part that is missing. Of a
    /// hello: 1 if the sender has a session with the receiver.
    pub(crate) sequence: u16,
    /// The boot number of the sender.
    pub(crate) boot: u32,
    /// The boot number of the unit that it is for; 0: whoever hears it. A beat is for whoever hears it.
    pub(crate) peer: u32,
    pub(crate) payload: Vec<u8>,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// Noise has changed, added or taken away something.
    Corrupt,
    /// Nothing is wrong with it, but it is of a version that this program does not speak.
    OtherVersion(u8),
    /// A correct frame of an unknown kind, or too short for its kind.
    Malformed,
}

impl Frame {
    /// Appends header and payload.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend([self.version, self.kind as u8]);
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.boot.to_be_bytes());
        if self.kind != Kind::Beat {
            bytes.extend(self.peer.to_be_bytes());
        }
        bytes.extend(&self.payload);
    }

    /// The frame of which `bytes` are header and payload, if it is of this version.
    pub(crate) fn read(version: u8, bytes: &[u8]) -> Result<Self, FrameError> {
        let (header, rest) = bytes.split_first_chunk::<BEAT_HEADER_BYTES>().ok_or(FrameError::Malformed)?;
        let [found, kind, s0, s1, b0, b1, b2, b3] = *header;
        if found != version {
            return Err(FrameError::OtherVersion(found));
        }
        let kind = Kind::from_number(kind).ok_or(FrameError::Malformed)?;
        let (peer, payload) = match kind {
            Kind::Beat => (0, rest),
            _ => {
                let (peer, payload) = rest.split_first_chunk::<4>().ok_or(FrameError::Malformed)?;
                (u32::from_be_bytes(*peer), payload)
            }
        };
        let (sequence, boot) = (u16::from_be_bytes([s0, s1]), u32::from_be_bytes([b0, b1, b2, b3]));
        Ok(Self { version, kind, sequence, boot, peer, payload: payload.to_vec() })
    }

    /// Appends the frame as it goes over the cable. Its payload must be within the limits.
    pub(crate) fn write_wire(&self, wire: &mut Vec<u8>) {
        let mut bytes = Vec::with_capacity(CABLE_FRAME_BYTES);
        self.write(&mut bytes);
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        wire.push(0);
        wire.extend(cobs::encode_vec(&bytes));
        wire.push(0);
    }
}

/// Finds frames in what comes from the cable.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    stuffed: Vec<u8>,
    /// More than a frame has come without a zero: it is noise up to the next one.
    is_overlong: bool,
}

impl FrameReader {
    /// Takes the next byte: a frame, or what was none, ends with it.
    pub(crate) fn push(&mut self, version: u8, byte: u8) -> Option<Result<Frame, FrameError>> {
        if byte != 0 {
            self.is_overlong |= self.stuffed.len() == STUFFED_BYTES;
            if !self.is_overlong {
                self.stuffed.push(byte);
            }
            return None;
        }
        let was_overlong = std::mem::take(&mut self.is_overlong);
        let result = match (was_overlong, self.stuffed.is_empty()) {
            (true, _) => Some(Err(FrameError::Corrupt)),
            (false, true) => None,
            (false, false) => Some(unstuff(version, &self.stuffed)),
        };
        self.stuffed.clear();
        result
    }

    /// Forgets a frame that has begun.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

fn unstuff(version: u8, stuffed: &[u8]) -> Result<Frame, FrameError> {
    let mut bytes = [0; STUFFED_BYTES];
    let report = cobs::decode(stuffed, &mut bytes).map_err(|_| FrameError::Corrupt)?;
    let whole = bytes.get(..report.frame_size()).ok_or(FrameError::Corrupt)?;
    let (frame, crc) = whole.split_last_chunk::<CRC_BYTES>().ok_or(FrameError::Corrupt)?;
    if crc32fast::hash(frame) != u32::from_be_bytes(*crc) {
        return Err(FrameError::Corrupt);
    }
    Frame::read(version, frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn beat(payload: &[u8]) -> Frame {
        Frame {
            version: VERSION,
            kind: Kind::Beat,
            sequence: 7,
            boot: 0x0a0b_0c0d,
            peer: 0,
            payload: payload.to_vec(),
        }
    }

    fn read_all(wire: &[u8]) -> Vec<Result<Frame, FrameError>> {
        let mut reader = FrameReader::default();
        wire.iter().filter_map(|&byte| reader.push(VERSION, byte)).collect()
    }

    #[test]
    fn the_longest_frames_keep_the_limits() {
        let mut wire = Vec::new();
        beat(&[0xff; BEAT_BYTES]).write_wire(&mut wire);
        assert!(wire.len() <= CABLE_FRAME_BYTES, "{}", wire.len());
        assert_eq!(read_all(&wire), [Ok(beat(&[0xff; BEAT_BYTES]))]);
        let part = Frame { kind: Kind::LastPart, peer: 9, ..beat(&[0; PART_BYTES]) };
        wire.clear();
        part.write_wire(&mut wire);
        assert_eq!(wire.len(), PART_FRAME_BYTES);
        assert_eq!(read_all(&wire), [Ok(part)]);
    }

    /// docs/CABLE.md works this frame out.
    #[test]
    fn the_example_of_the_documentation() {
        let mut wire = Vec::new();
        beat(b"beat").write_wire(&mut wire);
        let hex: Vec<String> = wire.iter().map(|byte| format!("{byte:02x}")).collect();
        let documented = include_str!("../../docs/CABLE.md");
        assert!(documented.contains(&hex.join(" ")), "{}", hex.join(" "));
    }

    #[test]
    fn after_noise_the_next_frame_is_found() {
        let mut wire = vec![1, 2, 3];
        beat(b"one").write_wire(&mut wire);
        wire.extend([9; 300]);
        beat(b"two").write_wire(&mut wire);
        let found: Vec<_> = read_all(&wire).into_iter().flatten().collect();
        assert_eq!(found, [beat(b"one"), beat(b"two")]);
    }

    #[test]
    fn a_frame_of_another_version_says_so() {
        let mut wire = Vec::new();
        Frame { version: 2, ..beat(b"what") }.write_wire(&mut wire);
        assert_eq!(read_all(&wire), [Err(FrameError::OtherVersion(2))]);
    }

    proptest! {
        #[test]
        fn one_changed_byte_is_noticed(place in 1_usize..20, change in 1_u8..) {
            let mut wire = Vec::new();
            beat(b"beat of a heart").write_wire(&mut wire);
            wire[place] ^= change;
            prop_assert!(read_all(&wire).iter().all(Result::is_err));
        }

        #[test]
        fn what_is_written_is_read(payload in prop::collection::vec(any::<u8>(), 0..=BEAT_BYTES)) {
            let mut wire = Vec::new();
            beat(&payload).write_wire(&mut wire);
            prop_assert_eq!(read_all(&wire), [Ok(beat(&payload))]);
        }
    }
}
