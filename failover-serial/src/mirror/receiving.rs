//! A whole document on its way from the peer.

use super::document::{Announcement, DOCUMENT_BYTES_MOST, DocumentError, unpack};
use super::message::{Answer, Message};

/// Chunks between two answers.
const CHUNKS_PER_PROGRESS: usize = 4;

#[derive(Debug)]
pub(crate) struct Receiving {
    announcement: Announcement,
    packed: Vec<u8>,
    chunks: usize,
    /// It was said already that a chunk is missing.
    has_asked: bool,
}

/// What a chunk has led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing to say.
    Quietly,
    Answer(Message),
    /// Nothing is missing any more.
    Complete,
}

impl Receiving {
    /// A transfer that is just announced.
    pub(crate) fn new(announcement: Announcement) -> Result<Self, DocumentError> {
        let longest = announcement.document_bytes.max(announcement.packed_bytes) as usize;
        if longest > DOCUMENT_BYTES_MOST {
            return Err(DocumentError::TooLong(longest));
        }
        Ok(Self { announcement, packed: Vec::new(), chunks: 0, has_asked: false })
    }

    pub(crate) const fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.packed.len(), self.announcement.packed_bytes as usize)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.packed.len() == self.announcement.packed_bytes as usize
    }

    /// Where the peer is to go on.
    pub(crate) fn go_on(&mut self) -> Message {
        self.has_asked = false;
        self.answer(Answer::GoOnFrom)
    }

    fn answer(&self, answer: Answer) -> Message {
        Message::Progress { transfer: self.announcement.transfer, offset: self.packed.len(), answer }
    }

    pub(crate) fn take(&mut self, offset: usize, chunk: &[u8]) -> Taken {
        let has_gap = offset > self.packed.len();
        let is_beyond = offset.saturating_add(chunk.len()) > self.announcement.packed_bytes as usize;
        if has_gap || is_beyond {
            return match std::mem::replace(&mut self.has_asked, true) {
                true => Taken::Quietly,
                false => Taken::Answer(self.answer(Answer::GoOnFrom)),
            };
        }
        if offset < self.packed.len() {
            return Taken::Quietly;
        }
        self.has_asked = false;
        self.packed.extend(chunk);
        self.chunks += 1;
        match (self.is_complete(), self.chunks.is_multiple_of(CHUNKS_PER_PROGRESS)) {
            (true, _) => Taken::Complete,
            (false, true) => Taken::Answer(self.answer(Answer::Arrived)),
            (false, false) => Taken::Quietly,
        }
    }

    /// The document, of which nothing is missing, if it is the one that was announced.
    pub(crate) fn finish(self) -> Result<Vec<u8>, DocumentError> {
        unpack(&self.announcement, &self.packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirror::document::{Packed, digest_of, pack};
    use model::ConfigurationMark;

    fn packed() -> Packed {
        let document = b"a document";
        let mark = ConfigurationMark { generation: 1, digest: digest_of(document) };
        pack(mark, document).unwrap()
    }

    #[test]
    fn pieces_make_a_document() {
        let Packed { announcement, bytes } = packed();
        let mut receiving = Receiving::new(announcement).unwrap();
        assert_eq!(receiving.take(0, &bytes[..5]), Taken::Quietly);
        assert_eq!(receiving.take(0, &bytes[..5]), Taken::Quietly, "had it");
        let Taken::Answer(Message::Progress { offset: 5, answer: Answer::GoOnFrom, .. }) =
            receiving.take(6, &bytes[6..])
        else {
            panic!("a gap is told")
        };
        assert_eq!(receiving.take(6, &bytes[6..]), Taken::Quietly, "once");
        assert_eq!(receiving.take(5, &bytes[5..]), Taken::Complete);
        assert_eq!(receiving.finish().unwrap(), b"a document");
    }

    #[test]
    fn no_more_is_taken_than_was_announced() {
        let Packed { announcement, .. } = packed();
        let mut receiving = Receiving::new(announcement).unwrap();
        receiving.take(0, &[0; 8_000]);
        receiving.take(usize::MAX, &[0; 8_000]);
        assert_eq!(receiving.progress().0, 0);
        for (document_bytes, packed_bytes) in [(9 << 20, 10), (10, 9 << 20), (u32::MAX, u32::MAX)] {
            let error = Receiving::new(Announcement { document_bytes, packed_bytes, ..announcement });
            assert!(matches!(error, Err(DocumentError::TooLong(_))));
        }
    }
}
