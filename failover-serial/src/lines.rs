//! What the modem lines say: a table, with DTR and RTS raised by us.
//!
//! In each plug of the failover cable RTS is looped back, to CTS in the primary's and to RI in the other's: so a unit sees that
//! a plug is in its port, and which. The peer's DTR arrives as DSR: its program runs. DCD is pulled up by our RTS and led to
//! the shell of the other plug, where the other unit's port grounds it, powered or not. docs/CABLE.md has the wiring.

use model::{CableStatus, UnitRole};

/// The modem inputs of the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lines {
    /// Data set ready: the peer's DTR.
    pub dsr: bool,
    /// Data carrier detect: nothing grounds it at the other end.
    pub dcd: bool,
    /// Clear to send: our RTS, by the loop in the primary's plug.
    pub cts: bool,
    /// Ring indicator: our RTS, by the loop in the other plug.
    pub ri: bool,
}

/// What the lines say of the failover cable. An ordinary null-modem cable reads as `Normal` while the peer runs.
pub const fn cable_status(lines: Lines) -> CableStatus {
    let Lines { dsr, dcd, cts, ri } = lines;
    match (cts, ri, dsr, dcd) {
        // Whoever raises its DTR runs, and is connected, whatever else the wiring says.
        (_, _, true, _) => CableStatus::Normal,
        (true, false, false, true) | (false, true, false, true) => CableStatus::OtherSideNotConnected,
        (true, false, false, false) | (false, true, false, false) => CableStatus::OtherSidePoweredOff,
        (false, false, false, false) => CableStatus::MySideNotConnected,
        // No plug of the failover cable does that.
        (true, true, false, _) | (false, false, false, true) => CableStatus::Unknown,
    }
}

/// Which end of the cable is in our port; `None` if no plug of the failover cable is.
pub const fn cable_end(lines: Lines) -> Option<UnitRole> {
    match lines {
        // A null-modem cable: the peer's RTS at CTS, its DTR at both others.
        Lines { cts: true, ri: false, dsr: true, dcd: true } => None,
        Lines { cts: true, ri: false, .. } => Some(UnitRole::Primary),
        Lines { cts: false, ri: true, .. } => Some(UnitRole::Backup),
        _ => None,
    }
}

/// Whether the cable is in with its ends exchanged. It works all the same: the configured role counts.
pub fn is_swapped(lines: Lines, role: UnitRole) -> bool {
    cable_end(lines).is_some_and(|end| end != role)
}

#[cfg(test)]
mod tests {
    use super::CableStatus::{
        MySideNotConnected, Normal, OtherSideNotConnected, OtherSidePoweredOff, Unknown,
    };
    use super::UnitRole::{Backup, Primary};
    use super::*;

    /// CTS, RI, DSR, DCD; the status; the end.
    type Row = (u8, u8, u8, u8, CableStatus, Option<UnitRole>);

    /// All sixteen.
    const TABLE: [Row; 16] = [
        (0, 0, 0, 0, MySideNotConnected, None),
        (0, 0, 0, 1, Unknown, None),
        (0, 0, 1, 0, Normal, None),
        (0, 0, 1, 1, Normal, None),
        (0, 1, 0, 0, OtherSidePoweredOff, Some(Backup)),
        (0, 1, 0, 1, OtherSideNotConnected, Some(Backup)),
        (0, 1, 1, 0, Normal, Some(Backup)),
        (0, 1, 1, 1, Normal, Some(Backup)),
        (1, 0, 0, 0, OtherSidePoweredOff, Some(Primary)),
        (1, 0, 0, 1, OtherSideNotConnected, Some(Primary)),
        (1, 0, 1, 0, Normal, Some(Primary)),
        (1, 0, 1, 1, Normal, None),
        (1, 1, 0, 0, Unknown, None),
        (1, 1, 0, 1, Unknown, None),
        (1, 1, 1, 0, Normal, None),
        (1, 1, 1, 1, Normal, None),
    ];

    #[test]
    fn every_combination_has_its_meaning() {
        for (cts, ri, dsr, dcd, status, end) in TABLE {
            let lines = Lines { dsr: dsr == 1, dcd: dcd == 1, cts: cts == 1, ri: ri == 1 };
            assert_eq!((cable_status(lines), cable_end(lines)), (status, end), "{lines:?}");
        }
    }

    /// What the wiring does to the lines of a unit, from what is plugged in where and who runs.
    fn wired(end: UnitRole, is_plugged_here: bool, is_plugged_there: bool, runs_there: bool) -> Lines {
        let is_primary = end == Primary;
        Lines {
            cts: is_plugged_here && is_primary,
            ri: is_plugged_here && !is_primary,
            dsr: is_plugged_here && is_plugged_there && runs_there,
            dcd: is_plugged_here && !is_plugged_there,
        }
    }

    #[test]
    fn both_ends_can_tell_what_is_the_matter() {
        for end in [Primary, Backup] {
            for (here, there, runs, status) in [
                (true, true, true, Normal),
                (true, true, false, OtherSidePoweredOff),
                (true, false, true, OtherSideNotConnected),
                (true, false, false, OtherSideNotConnected),
                (false, true, true, MySideNotConnected),
                (false, true, false, MySideNotConnected),
                (false, false, true, MySideNotConnected),
            ] {
                let lines = wired(end, here, there, runs);
                assert_eq!(cable_status(lines), status, "{end:?} {lines:?}");
                assert_eq!(cable_end(lines), here.then_some(end), "{lines:?}");
            }
        }
    }

    #[test]
    fn exchanged_ends_are_noticed() {
        let lines = wired(Backup, true, true, true);
        assert!(is_swapped(lines, Primary) && !is_swapped(lines, Backup));
        assert!(!is_swapped(Lines::default(), Primary), "nothing is plugged in");
        assert_eq!(cable_status(lines), Normal);
    }

    #[test]
    fn a_null_modem_cable_says_less() {
        let runs = Lines { dsr: true, dcd: true, cts: true, ri: false };
        let silent = Lines { cts: true, ..Lines::default() };
        assert_eq!((cable_status(runs), cable_end(runs)), (Normal, None));
        assert_eq!(cable_end(silent), Some(Primary), "without the peer's lines it looks like a plug of ours");
    }
}
