//! What the crates that decide who is active, and those that carry it out, call things.

/// What a unit is configured to be. Not to be confused with its state, active or standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnitRole {
    /// It takes over when the preferred unit can not be active.
    Backup,
    /// It is active when all else is equal.
    Primary,
}

impl UnitRole {
    /// The word that configuration and commands use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Primary => "primary",
        }
    }
}

/// What the lines of the failover cable say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CableStatus {
    /// There is no cable, or nothing is known of it yet.
    #[default]
    Unknown,
    /// Both ends are plugged in, and the other unit runs.
    Normal,
    /// The cable is not plugged in here.
    MySideNotConnected,
    /// The cable is plugged in here, and not at the other unit.
    OtherSideNotConnected,
    /// The other unit has no power, or its program has ended.
    OtherSidePoweredOff,
}

impl CableStatus {
    /// How `show failover` says it, in the words of the LocalDirector.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Normal => "Normal",
            Self::MySideNotConnected => "My side not connected",
            Self::OtherSideNotConnected => "Other side is not connected",
            Self::OtherSidePoweredOff => "Other side powered off",
        }
    }
}

/// Which configuration a unit has. Equal marks mean equal configurations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfigurationMark {
    /// Counts the changes; the higher one is the newer.
    pub generation: u32,
    /// The first bytes of the document's SHA-256.
    pub digest: u32,
}
