//! The active unit dies, or hangs.

use std::collections::VecDeque;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::http::large_page;
use crate::lab::client::ask_by_datagram;
use crate::lab::deciding::{DecidingPair, Settings, with_gateway};
use crate::lab::pair::Half;
use crate::lab::plan::{Plan, add_service, line_addresses, line_services};
use crate::lab::traffic::{Downloads, Flow, still_talk, talk};
use crate::lab::wait;

/// Services that clients use for long, of a group with that strategy.
fn plan(strategy: &str, large: Option<Vec<u8>>) -> Plan {
    let mut director = line_services("roundrobin", 3);
    add_service(&mut director, ":80", "roundrobin", 3);
    let mut director = with_gateway(director, 1);
    director["groups"][0]["strategy"] = strategy.into();
    Plan { director, large, ..Plan::default() }
}

#[test]
fn a_dead_active_unit_is_replaced_and_takes_nothing_when_it_comes_back() {
    let large = large_page();
    let plan = plan("manual", Some(large.clone()));
    let pair = DecidingPair::start(Settings { plan, ..Settings::default() });
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    pair.wait_until_ready(&pair.b);
    let flow = Flow::start(&pair.client, line_addresses()[0]);
    let downloads = Downloads::start(&pair.client, 6);
    wait::until_equal("connections on the standby", 17, || pair.b.view.connections("current"));
    wait::until_equal("downloads under way", true, || {
        pair.a.view.virtual_server("192.0.2.100:80:tcp").outbound_packets > 500
    });
    pair.a.kill();
    pair.b.wait_until_active();
    flow.wait_for(50);
    downloads.end_with(&large);
    still_talk(&mut sessions);
    let takeover = pair.b.cause_of("348").expect("the takeover is in the journal");
    assert!(["silence", "power off"].contains(&takeover.as_str()), "{takeover}");
    let through_b = pair.b.view.virtual_server("192.0.2.100:80:tcp").outbound_packets;
    assert!(through_b > 0, "the downloads ended before unit B had its turn");

    let before = pair.b.transitions();
    pair.launch(&pair.a);
    pair.wait_until_ready(&pair.a);
    assert_eq!(pair.a.transitions(), ["315 started", "325 active heard"]);
    assert_eq!(pair.b.transitions(), before);
    let report = flow.end();
    assert!(report.doubled == 0 && report.answered < report.sent, "{report:?}");
    still_talk(&mut sessions);
    assert_eq!(pair.a.view.packets().forwarded, 0);
}

#[test]
fn an_automatic_primary_takes_its_group_back_when_it_is_synchronized() {
    let pair = DecidingPair::start(Settings { plan: plan("automatic", None), ..Settings::default() });
    let mut sessions = talk(&pair.client, &line_addresses(), 20);
    pair.wait_until_ready(&pair.b);
    pair.a.kill();
    pair.b.wait_until_active();
    sessions.extend(talk(&pair.client, &line_addresses(), 10));
    pair.launch(&pair.a);
    let flow = Flow::start(&pair.client, line_addresses()[0]);
    pair.a.wait_until_active();
    flow.wait_for(50);
    let report = flow.end();
    assert!(report.is_whole(), "{report:?}");
    pair.b.wait_until_standby();
    let of_a = pair.a.transitions();
    assert_eq!(of_a, ["315 started", "325 active heard", "346 primary", "335 accepted"]);
    assert_eq!(pair.b.cause_of("355").as_deref(), Some("query"));
    still_talk(&mut sessions);
    pair.wait_until_ready(&pair.b);
    assert_eq!(pair.a.view.connections("current"), 31);
}

/// Datagrams that the unit has forwarded by itself. What it passes on to the other unit is not among them.
fn forwarded(half: &Half) -> u64 {
    half.view.virtual_server("192.0.2.100:7:udp").inbound_packets
}

/// The same, when nothing is on its way any more.
fn forwarded_when_quiet(half: &Half) -> u64 {
    let mut seen = VecDeque::new();
    wait::until("a unit that has nothing to do", || {
        seen.push_front(forwarded(half));
        seen.truncate(10);
        (seen.len() == 10 && seen.front() == seen.back()).then(|| seen[0])
    })
}

#[test]
fn a_unit_that_hangs_is_replaced_and_forwards_nothing_when_it_goes_on() {
    let pair = DecidingPair::start(Settings::default());
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    let (hung, other) = pair.by_state();
    let socket = pair.client.datagrams(line_addresses()[0]);
    let _ = ask_by_datagram(&socket, "first").expect("an answer");
    let (before, activations) = (forwarded_when_quiet(hung), hung.activations());
    hung.signal(Signal::SIGSTOP);
    // What is sent now waits in its ports, until it goes on.
    let flow = Flow::go_on(socket);
    other.wait_until_active();
    flow.wait_for(50);
    still_talk(&mut sessions);
    hung.signal(Signal::SIGCONT);
    pair.wait_until_ready(hung);
    flow.wait_for(50);
    still_talk(&mut sessions);
    let report = flow.end();
    assert_eq!(report.doubled, 0, "{report:?}");
    // On a busy machine it may have had to take over again.
    assert!(forwarded(hung) == before || hung.activations() > activations, "both units forwarded");
    assert!(hung.transitions().iter().any(|entry| entry.starts_with("FENCED")), "{:?}", hung.transitions());
    let stalls = |entry: &&Value| entry["what"].as_str().is_some_and(|what| what.contains("stood still"));
    let decisions = hung.decisions();
    assert!(decisions["journal"].as_array().expect("a list").iter().any(|entry| stalls(&entry)));
}

/// With heartbeats as they are without a word about them. How soon it is found is not looked at: that is for a machine that
/// does nothing else.
#[test]
fn a_death_is_found_with_the_settings_that_nobody_wrote() {
    let pair = DecidingPair::start(Settings { beats: None, ..Settings::default() });
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    let (active, standby) = pair.by_state();
    active.kill();
    standby.wait_until_active();
    still_talk(&mut sessions);
    let takeover = standby.cause_of("348").expect("the takeover is in the journal");
    assert!(["silence", "power off"].contains(&takeover.as_str()), "{takeover}");
}
