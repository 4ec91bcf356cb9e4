//! Why a beat was not taken: one list, from which the enum, the text and the metric all come.

model::reasons! {
    /// Why a beat was rejected. Each is counted under exactly one reason.
    pub enum Rejection;

    /// The beat came over a link that this unit does not have.
    UnknownLink = "unknown_link";
    /// The beat is too short or too long.
    Size = "size";
    /// The beat is of a version that this unit does not speak.
    UnknownVersion = "unknown_version";
    /// The beat's tag is wrong: it was damaged, or made with another key.
    NotAuthentic = "not_authentic";
    /// The beat is authentic but makes no sense.
    Malformed = "malformed";
    /// The beat has this unit's own number: it came back, or two units have the same.
    OwnUnit = "own_unit";
    /// The beat was received on this link before, or is older than one that was.
    Replayed = "replayed";
    /// The beat's boot number is new, and its sender has not proved yet that it hears this unit now.
    UnprovenBoot = "unproven_boot";
    /// More units send beats than there are to be.
    TooManyUnits = "too_many_units";
}

model::reason_counters! {
    /// A counter for each reason.
    pub struct Rejections of Rejection;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_its_place() {
        let mut rejections = Rejections::default();
        Rejection::ALL.iter().for_each(|reason| rejections.count(*reason));
        assert!(Rejection::ALL.iter().all(|reason| rejections.of(*reason) == 1));
        assert_eq!(rejections.total(), Rejection::COUNT as u64);
    }
}
