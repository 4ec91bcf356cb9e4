//! Why something that came from the other unit, or from a stranger, was not taken: one list, from which the enum, the
//! text and the metric all come.

model::reasons! {
    /// Why a datagram, or an item of one, was rejected. Each is counted under exactly one reason.
    pub enum Rejection;

    /// The datagram is shorter than its header and seal.
    TooShort = "too_short";
    /// The datagram is of another protocol, or of a version that this unit does not speak.
    UnknownVersion = "unknown_version";
    /// The datagram is of an unknown kind.
    UnknownKind = "unknown_kind";
    /// The datagram belongs to no session or attempt of now: late, or recorded and sent again.
    UnknownSession = "unknown_session";
    /// The datagram is one of our own, sent back to us.
    Reflected = "reflected";
    /// The seal is broken, or made with another key.
    NotAuthentic = "not_authentic";
    /// The datagram was received before, or is too old to tell.
    Replayed = "replayed";
    /// More units say hello than one peer can have reason to.
    TooManyHellos = "too_many_hellos";
    /// The peer's version is more than one away from ours.
    VersionTooFar = "version_too_far";
    /// The datagram is authentic but makes no sense.
    MalformedBody = "malformed_body";
    /// The peer tells its connections, but this unit is active itself.
    StreamWhileActive = "stream_while_active";
    /// The batch lies beyond what was said to have room.
    BeyondWindow = "beyond_window";
    /// The record's flags are impossible.
    RecordFlags = "record_flags";
    /// The record's size is wrong.
    RecordSize = "record_size";
    /// The record's protocol is not balanced.
    RecordProtocol = "record_protocol";
    /// The record's phase is unknown.
    RecordPhase = "record_phase";
    /// The record has an extension that must not be skipped, and that this unit does not know.
    RecordExtension = "record_extension";
    /// The item's length is impossible; the rest of the batch is lost with it.
    ItemLength = "item_length";
    /// The item is of an unknown kind.
    ItemUnknown = "item_unknown";
    /// The item is of a known kind but makes no sense.
    ItemMalformed = "item_malformed";
}

model::reason_counters! {
    /// A counter for each reason.
    pub struct Rejections of Rejection;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_its_own_place_and_name() {
        let names: HashSet<_> = Rejection::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Rejection::COUNT);
        for (index, reason) in Rejection::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
            assert!(reason.description().ends_with('.'));
        }
    }
}
