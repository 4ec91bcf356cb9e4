//! Parts fail: the cable, a link, the standby, all that joins the units.

use crate::lab::deciding::{DecidingPair, Settings};
use crate::lab::pair::Half;
use crate::lab::plan::line_addresses;
use crate::lab::traffic::{Flow, still_talk, talk};
use crate::lab::wait;

fn cable(half: &Half) -> (String, bool) {
    let cable = half.decisions()["cable"].take();
    (cable["status"].as_str().unwrap_or_default().to_owned(), cable["alive"] == true)
}

fn hears_by_link(half: &Half, link: usize) -> bool {
    half.decisions()["links"][link]["alive"] == true
}

#[test]
fn neither_cable_nor_link_nor_standby_changes_roles_when_it_fails() {
    let pair = DecidingPair::start(Settings::default());
    let both = [&pair.a, &pair.b];
    let mut sessions = talk(&pair.client, &line_addresses(), 20);
    let flow = Flow::start(&pair.client, line_addresses()[0]);
    let before = both.map(Half::transitions);

    pair.cut_cable();
    wait::until_equal("units that know that the cable is cut", true, || {
        both.iter().all(|half| !cable(half).1 && cable(half).0 != "Normal")
    });
    flow.wait_for(50);
    pair.plug_cable_in();
    wait::until_equal("cables", true, || both.iter().all(|half| cable(half) == ("Normal".to_owned(), true)));

    pair.a.host.ip("link set up-sync down");
    wait::until_equal("units that miss a link", true, || both.iter().all(|half| !hears_by_link(half, 0)));
    flow.wait_for(50);
    pair.a.host.ip("link set up-sync up");
    wait::until_equal("links", true, || both.iter().all(|half| hears_by_link(half, 0)));
    pair.wait_until_ready(&pair.b);
    assert_eq!(both.map(Half::transitions), before);

    pair.b.kill();
    wait::until_equal("a unit without another", true, || pair.a.decisions()["other"].is_null());
    flow.wait_for(50);
    pair.launch(&pair.b);
    pair.wait_until_ready(&pair.b);
    assert_eq!(pair.a.transitions(), before[0]);
    let report = flow.end();
    assert!(report.is_whole(), "{report:?}");
    still_talk(&mut sessions);
}

#[test]
fn units_that_do_not_hear_each_other_are_both_active_until_they_do() {
    let pair = DecidingPair::start(Settings { links: 1, ..Settings::default() });
    pair.cut_cable();
    pair.a.host.ip("link set up-sync down");
    pair.b.wait_until_active();
    pair.a.wait_until_active();
    assert_eq!(pair.b.cause_of("348").as_deref(), Some("silence"));
    pair.a.host.ip("link set up-sync up");
    // Unit B became active later, so the other one gives way.
    pair.a.wait_until_standby();
    assert_eq!(pair.a.cause_of("YIELD").as_deref(), Some("dual active"));
    assert_eq!(pair.b.state(), "ACTIVE");
    let both_active_for = time_between(&pair.a, "is heard", "YIELD");
    assert!(both_active_for <= 1_000, "both were active for {both_active_for} ms");
    pair.plug_cable_in();
    pair.wait_until_ready(&pair.a);
    still_talk(&mut talk(&pair.client, &line_addresses(), 6));
    assert_eq!(pair.a.state(), "STANDBY");
}

/// Milliseconds between the last two entries in the journal of those names.
fn time_between(half: &Half, one: &str, other: &str) -> u64 {
    let journal = half.decisions()["journal"].take();
    let ago = |name: &str| {
        let entries = journal.as_array().expect("a list").iter();
        let mut named = entries.rev().filter(|entry| entry["what"].as_str().expect("a text").contains(name));
        named.next().unwrap_or_else(|| panic!("no {name} in {journal:#}"))["ago_ms"]
            .as_u64()
            .expect("a number")
    };
    ago(one).saturating_sub(ago(other))
}
