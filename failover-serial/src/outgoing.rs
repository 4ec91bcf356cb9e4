//! Messages on their way to the peer: cut into parts, kept until they are acknowledged, sent again when they are lost.

use std::collections::VecDeque;
use std::time::Duration;

use model::Instant;

/// Parts that may be under way at once. A bit for each but the first fits into an acknowledgement.
pub(crate) const WINDOW: usize = 64;

/// Messages that wait for their turn or their acknowledgement.
const QUEUE: usize = 4;

/// The time before parts are sent again doubles up to so often.
const BACKOFF_MOST: u32 = 4;

/// Parts that are sent again when nothing is acknowledged: one of them comes through where noise takes most.
const PROBES: usize = 8;

/// How a carrier loses and delays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The longest part.
    pub(crate) part_bytes: usize,
    /// Without any acknowledgement for so long, the first parts are sent again.
    pub(crate) retransmit: Duration,
    /// How long an acknowledgement may wait for further parts.
    pub(crate) acknowledge: Duration,
    /// A part is lost when so many that were sent after it have arrived: 1 where nothing can overtake.
    pub(crate) overtaken: u64,
}

/// One part under way.
#[derive(Debug)]
struct Part {
    bytes: Vec<u8>,
    is_last: bool,
    /// When it was sent last, counted in parts.
    order: u64,
    is_lost: bool,
    has_arrived: bool,
}

/// A part to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PartToSend {
    pub(crate) sequence: u16,
    pub(crate) is_last: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_again: bool,
}

/// The sending half of a session.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pace: Pace,
    /// The first ones are cut and under way; the one at `cut` is cut up to `cut_bytes`.
    messages: VecDeque<Vec<u8>>,
    cut: usize,
    cut_bytes: usize,
    window: VecDeque<Part>,
    /// The place of the first part in the window.
    first: u16,
    order: u64,
    backoff: u32,
    timer: Option<Instant>,
}

impl Outgoing {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            messages: VecDeque::new(),
            cut: 0,
            cut_bytes: 0,
            window: VecDeque::new(),
            first: 0,
            order: 0,
            backoff: 0,
            timer: None,
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.messages.len() < QUEUE
    }

    /// Messages that are not acknowledged.
    pub(crate) fn waiting(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn push(&mut self, message: Vec<u8>) {
        self.messages.push_back(message);
    }

    /// There is a new peer, which knows nothing: all messages that are not acknowledged begin anew.
    pub(crate) fn begin_session(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        *self = Self { messages, ..Self::new(self.pace) };
    }

    /// The line was down: whatever is under way is to be sent again, at once.
    pub(crate) fn resume(&mut self) {
        self.backoff = 0;
        self.timer = None;
        self.window.iter_mut().for_each(|part| part.is_lost = !part.has_arrived);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.has_part() { Some(Instant::START) } else { self.timer }
    }

    fn has_part(&self) -> bool {
        self.has_new_part() || self.window.iter().any(|part| part.is_lost)
    }

    fn has_new_part(&self) -> bool {
        self.window.len() < WINDOW && self.cut < self.messages.len()
    }

    /// Nothing was acknowledged for too long: the first parts go again.
    fn look_at_timer(&mut self, now: Instant) {
        if self.timer.is_none_or(|timer| now < timer) {
            return;
        }
        self.timer = None;
        self.backoff = (self.backoff + 1).min(BACKOFF_MOST);
        let waiting = self.window.iter_mut().filter(|part| !part.has_arrived);
        waiting.take(PROBES).for_each(|part| part.is_lost = true);
    }

    /// The next part: a lost one first.
    pub(crate) fn poll_part(&mut self, now: Instant) -> Option<PartToSend> {
        self.look_at_timer(now);
        let lost = self.window.iter().position(|part| part.is_lost);
        let index = match lost {
            Some(index) => index,
            None => self.cut_part()?,
        };
        self.order += 1;
        let part = self.window.get_mut(index)?;
        part.order = self.order;
        part.is_lost = false;
        let sequence = self.first.wrapping_add(u16::try_from(index).unwrap_or(0));
        let sent = PartToSend {
            sequence,
            is_last: part.is_last,
            bytes: part.bytes.clone(),
            is_again: lost.is_some(),
        };
        if self.timer.is_none() {
            self.start_timer(now);
        }
        Some(sent)
    }

    /// Cuts the next part off the messages, into the window.
    fn cut_part(&mut self) -> Option<usize> {
        if !self.has_new_part() {
            return None;
        }
        let message = self.messages.get(self.cut)?;
        let rest = message.get(self.cut_bytes..).unwrap_or_default();
        let bytes = rest[..rest.len().min(self.pace.part_bytes)].to_vec();
        let is_last = bytes.len() == rest.len();
        self.cut_bytes += bytes.len();
        if is_last {
            self.cut += 1;
            self.cut_bytes = 0;
        }
        self.window.push_back(Part { bytes, is_last, order: 0, is_lost: false, has_arrived: false });
        Some(self.window.len() - 1)
    }

    fn start_timer(&mut self, now: Instant) {
        self.timer = Some(now + self.pace.retransmit * (1 << self.backoff));
    }

    /// The peer has all parts before `expected`, and of those after it the ones whose bit is set.
    pub(crate) fn acknowledge(&mut self, now: Instant, expected: u16, after: u64) {
        let before = usize::from(expected.wrapping_sub(self.first));
        if before > self.window.len() {
            return;
        }
        let mut newest = None;
        let mut news = false;
        for (index, part) in self.window.iter_mut().enumerate() {
            let bit = index.checked_sub(before + 1);
            let arrived = index < before || bit.is_some_and(|bit| bit < 64 && (after >> bit) & 1 == 1);
            if arrived && part.order > 0 {
                news |= !part.has_arrived;
                part.has_arrived = true;
                part.is_lost = false;
                newest = newest.max(Some(part.order));
            }
        }
        self.forget_arrived();
        if news {
            self.backoff = 0;
            self.timer = None;
            self.find_lost(newest.unwrap_or(0));
            if !self.window.is_empty() {
                self.start_timer(now);
            }
        }
    }

    /// What was sent long enough before something that has arrived is lost.
    fn find_lost(&mut self, newest: u64) {
        for part in self.window.iter_mut().filter(|part| !part.has_arrived) {
            part.is_lost |= part.order + self.pace.overtaken <= newest;
        }
    }

    fn forget_arrived(&mut self) {
        while let Some(part) = self.window.pop_front_if(|part| part.has_arrived) {
            self.first = self.first.wrapping_add(1);
            if part.is_last {
                self.messages.pop_front();
                self.cut = self.cut.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1_000);
    const RETRANSMIT: Duration = Duration::from_millis(100);

    fn outgoing(messages: &[&[u8]]) -> Outgoing {
        let acknowledge = Duration::from_millis(10);
        let mut outgoing =
            Outgoing::new(Pace { part_bytes: 2, retransmit: RETRANSMIT, acknowledge, overtaken: 1 });
        messages.iter().for_each(|message| outgoing.push(message.to_vec()));
        outgoing
    }

    fn sent(outgoing: &mut Outgoing, now: Instant) -> Vec<u16> {
        std::iter::from_fn(|| outgoing.poll_part(now)).map(|part| part.sequence).collect()
    }

    #[test]
    fn messages_are_cut_and_forgotten_when_they_have_arrived() {
        let mut outgoing = outgoing(&[b"abcde", b"", b"fg"]);
        let parts: Vec<_> =
            std::iter::from_fn(|| outgoing.poll_part(NOW)).map(|part| (part.bytes, part.is_last)).collect();
        let expected: [(&[u8], bool); 5] =
            [(b"ab", false), (b"cd", false), (b"e", true), (b"", true), (b"fg", true)];
        assert_eq!(parts, expected.map(|(bytes, is_last)| (bytes.to_vec(), is_last)));
        outgoing.acknowledge(NOW, 4, 0);
        assert_eq!(outgoing.waiting(), 1);
        outgoing.acknowledge(NOW, 5, 0);
        assert_eq!((outgoing.waiting(), outgoing.deadline()), (0, None));
    }

    #[test]
    fn what_was_overtaken_is_sent_again_at_once() {
        let mut outgoing = outgoing(&[b"aabbccdd"]);
        assert_eq!(sent(&mut outgoing, NOW), [0, 1, 2, 3]);
        outgoing.acknowledge(NOW, 0, 0b10);
        assert_eq!(sent(&mut outgoing, NOW), [0, 1], "2 has arrived, 3 may be under way");
        outgoing.acknowledge(NOW, 3, 0);
        assert_eq!(sent(&mut outgoing, NOW), [3]);
    }

    #[test]
    fn silence_is_asked_less_and_less_often() {
        let mut outgoing = outgoing(&[b"aabb"]);
        assert_eq!(sent(&mut outgoing, NOW), [0, 1]);
        let mut now = NOW;
        for wait in [1, 2, 4, 8, 16, 16] {
            let next = outgoing.deadline().unwrap();
            assert_eq!(next - now, RETRANSMIT * wait);
            assert_eq!(sent(&mut outgoing, now), []);
            now = next;
            assert_eq!(sent(&mut outgoing, now), [0, 1]);
        }
    }

    #[test]
    fn a_new_peer_gets_all_that_is_not_acknowledged_from_its_beginning() {
        let mut outgoing = outgoing(&[b"aabb", b"ccdd"]);
        assert_eq!(sent(&mut outgoing, NOW), [0, 1, 2, 3]);
        outgoing.acknowledge(NOW, 3, 0);
        outgoing.begin_session();
        let parts: Vec<_> =
            std::iter::from_fn(|| outgoing.poll_part(NOW)).map(|part| (part.sequence, part.bytes)).collect();
        assert_eq!(parts, [(0, b"cc".to_vec()), (1, b"dd".to_vec())]);
    }

    #[test]
    fn nonsense_acknowledges_nothing() {
        let mut outgoing = outgoing(&[b"aabb"]);
        sent(&mut outgoing, NOW);
        outgoing.acknowledge(NOW, 3, u64::MAX);
        outgoing.acknowledge(NOW, 65_535, u64::MAX);
        assert_eq!(outgoing.waiting(), 1);
    }
}
