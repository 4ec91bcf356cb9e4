//! When silence is death.

use super::*;

const TABLE: LinkTable = [Some(LinkSettings::CABLE), Some(LinkSettings::NETWORK), None, None, None];

/// Milliseconds at which the cable and the network were heard last.
fn heard(cable: Option<u64>, network: Option<u64>) -> Hearings {
    let mut hearings = Hearings::default();
    for (index, at) in [(0, cable), (1, network)] {
        if let Some(at) = at {
            hearings.hear(index, 1, Instant::from_millis(at));
        }
    }
    hearings
}

#[test]
fn when_all_fall_silent() {
    // (cable, network, cable status, dead at, in microseconds)
    let cases = [
        (None, Some(100), CableStatus::Unknown, 125_000),
        (Some(100), None, CableStatus::Normal, 160_000),
        // Both at once: the cable is waited for as long as one of its beats may take.
        (Some(85), Some(100), CableStatus::Normal, 125_000),
        (Some(100), Some(100), CableStatus::Normal, 130_000),
        (Some(107), Some(100), CableStatus::Normal, 137_000),
        // The cable brought a beat after one of the network was overdue: it lives by itself.
        (Some(108), Some(100), CableStatus::Normal, 168_000),
        (Some(5_000), Some(100), CableStatus::Normal, 5_060_000),
        // The network lives, the cable does not.
        (Some(100), Some(5_000), CableStatus::Normal, 5_025_000),
        // Its lines say that the other is off: one missed beat of the network.
        (Some(100), Some(104), CableStatus::OtherSidePoweredOff, 111_500),
        // The cable is the only way: one missed beat of the cable.
        (Some(100), None, CableStatus::OtherSidePoweredOff, 130_000),
        (Some(100), Some(104), CableStatus::OtherSideNotConnected, 130_000),
    ];
    for (cable, network, status, dead) in cases {
        let at = heard(cable, network).death(&TABLE, status);
        assert_eq!(at.as_nanos() / 1_000, dead, "{cable:?} {network:?} {status:?}");
    }
}

#[test]
fn a_link_is_suspected_then_lost_and_found() {
    let mut hearings = heard(None, Some(100));
    let turn = |hearings: &mut Hearings, at: u64| hearings.turn(&TABLE, Instant::from_millis(at));
    assert_eq!(turn(&mut hearings, 107), Changes::default());
    assert_eq!(hearings.deadline(&TABLE), Some(Instant::from_nanos(107_500_000)));
    assert_eq!(turn(&mut hearings, 108), Changes { lost: 0, suspects: true });
    assert_eq!(hearings.deadline(&TABLE), Some(Instant::from_millis(125)));
    assert_eq!(turn(&mut hearings, 125), Changes { lost: 0b10, suspects: false });
    assert_eq!((hearings.mask(), hearings.deadline(&TABLE)), (0, None));
    assert!(hearings.hear(1, 2, Instant::from_millis(200)));
    assert_eq!((hearings.mask(), hearings.0[1].losses), (0b10, 1));
}

#[test]
fn patience_is_that_of_the_fastest_link_that_lives() {
    let both = heard(Some(100), Some(100));
    assert_eq!(both.patience(&TABLE, CableStatus::Normal), Some(Duration::from_millis(25)));
    assert_eq!(both.patience(&TABLE, CableStatus::OtherSidePoweredOff), Some(Duration::from_micros(7_500)));
    // The cable did not bring a beat since, and so does not wait for its whole patience yet.
    let mut cable = both;
    cable.turn(&TABLE, Instant::from_millis(130));
    assert_eq!(cable.mask(), 0b01);
    assert_eq!(cable.patience(&TABLE, CableStatus::Normal), Some(Duration::from_millis(25)));
    cable.hear(0, 2, Instant::from_millis(131));
    assert_eq!(cable.patience(&TABLE, CableStatus::Normal), Some(Duration::from_millis(60)));
    assert_eq!(Hearings::default().patience(&TABLE, CableStatus::Normal), None);
}

#[test]
fn a_stall_of_our_own_is_no_silence() {
    let mut hearings = heard(Some(100), Some(105));
    hearings.forgive(Duration::from_millis(200), Instant::from_millis(301));
    assert_eq!(hearings.0[0].heard, Some(Instant::from_millis(300)));
    assert_eq!(hearings.0[1].heard, Some(Instant::from_millis(301)));
}
