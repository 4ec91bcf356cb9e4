//! Commands on a pair: one unit takes them, both have them, and neither starts anew.

use std::fs;

use serde_json::Value;

use crate::lab::deciding::{DecidingPair, Settings};
use crate::lab::pair::Half;
use crate::lab::plan::line_addresses;
use crate::lab::traffic::{Flow, still_talk, talk};
use crate::lab::wait;

/// Waits until both units run with the same configuration, of this generation, and say so.
fn wait_until_in_sync(pair: &DecidingPair, generation: u32) -> Value {
    for half in [&pair.a, &pair.b] {
        wait::until_equal("units in sync", (Value::Bool(true), Value::from(generation)), || {
            let mut configuration = half.decisions()["configuration"].take();
            (configuration["in_sync"].take(), configuration["generation"].take())
        });
    }
    let document = pair.a.view.document();
    assert_eq!(pair.b.view.document(), document);
    document
}

/// Starts both units. A busy machine may have either be the active one.
fn start(settings: Settings) -> DecidingPair {
    let pair = DecidingPair::build(settings);
    pair.launch(&pair.a);
    pair.launch(&pair.b);
    pair
}

fn has_started_once(half: &Half) {
    assert!(!half.process().1.contains("starts anew"), "unit {} started anew", half.name());
}

#[test]
fn a_change_is_on_both_units_and_outlives_the_one_that_took_it() {
    let pair = start(Settings::default());
    let (active, standby) = pair.by_state();
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    wait_until_in_sync(&pair, 1);

    let refused = standby.view.say("out-of-service 10.1.0.13:7").unwrap_err();
    let word = format!("give commands to unit {}", active.number);
    assert!(refused.contains("stands by") && refused.contains(&word), "{refused}");
    for refused in ["write", "kill --all", "clear failed"] {
        assert!(standby.view.say(refused).unwrap_err().contains("stands by"), "{refused}");
    }

    let flow = Flow::start(&pair.client, line_addresses()[0]);
    active.view.change("out-of-service 10.1.0.13:7");
    active
        .view
        .batch("virtual 192.0.2.100:9\nbind 192.0.2.100:9 10.1.0.11:7 10.1.0.12:7\n")
        .expect("two more");
    let document = wait_until_in_sync(&pair, 3);
    assert_eq!(document["unwritten"], true);
    assert!(flow.end().is_whole() || pair.disturbances() > 0);
    pair.wait_until_ready(standby);

    active.kill();
    standby.wait_until_active();
    assert_eq!(standby.view.document(), document);
    still_talk(&mut sessions);
    let servers = talk(&pair.client, &line_addresses()[..1], 4);
    assert!(servers.iter().all(|(_, server)| *server != 3), "the change is in force here, too");

    // It has what is on its disk, and takes over what runs.
    pair.launch(active);
    pair.wait_until_ready(active);
    assert_eq!(wait_until_in_sync(&pair, 3), document);
    standby.view.have("write", "written");
    let document = wait_until_in_sync(&pair, 4);
    for half in [&pair.a, &pair.b] {
        has_started_once(half);
        let written = wait::until("a written configuration", || {
            let text = pair.read(half, "director.json")?;
            let value: Value = serde_json::from_str(&text).expect("JSON");
            (value == document).then_some(text)
        });
        assert!(!written.contains("unwritten"));
    }
    still_talk(&mut sessions);
}

#[test]
fn a_transaction_that_is_too_long_for_a_message_comes_as_a_whole() {
    let pair = start(Settings { has_cable: false, ..Settings::default() });
    let (active, standby) = pair.by_state();
    let on_disk = pair.read(standby, "director.json");
    let many: String =
        (0..1_000).map(|number| format!("real 10.9.{}.{}:80\n", number / 250, 1 + number % 250)).collect();
    active.view.batch(&many).expect("it is carried out");
    let document = wait_until_in_sync(&pair, 2);
    assert_eq!(document["real_servers"].as_array().map(Vec::len), Some(1_000 + 12));
    assert_eq!(pair.read(standby, "director.json"), on_disk, "nobody has written it");
    active.view.change("no real 10.9.0.1:80");
    wait_until_in_sync(&pair, 3);
    has_started_once(&pair.a);
    has_started_once(&pair.b);
    assert!(fs::metadata(pair.path("a/director.json.previous")).is_err());
}
