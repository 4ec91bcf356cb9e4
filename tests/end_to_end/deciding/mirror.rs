//! The pair's configuration: the newer one comes to the other unit, which goes on with it; with other groups it starts anew.

use serde_json::{Value, json};

use crate::lab::deciding::{DecidingPair, Settings, with_gateway};
use crate::lab::pair::Half;
use crate::lab::plan::{Plan, add_service, line_addresses, line_services};
use crate::lab::traffic::{Flow, still_talk, talk};
use crate::lab::wait;

/// Of another generation than that which the lab begins with, and with another service.
fn with_another_service(generation: u32) -> Value {
    let mut director = line_services("roundrobin", 3);
    add_service(&mut director, ":80", "roundrobin", 3);
    with_gateway(director, generation)
}

fn old() -> Value {
    with_gateway(line_services("roundrobin", 3), 1)
}

fn virtual_servers(half: &Half) -> usize {
    half.view
        .ask("virtual", &[])
        .ok()
        .and_then(|servers| servers.as_array().map(Vec::len))
        .unwrap_or_default()
}

fn is_in_sync(half: &Half, generation: u32) -> bool {
    let configuration = half.decisions()["configuration"].take();
    configuration["in_sync"] == true && configuration["generation"] == generation
}

/// Of that generation, and with a group that is another, which no running unit can follow.
fn with_another_group(generation: u32) -> Value {
    let mut director = with_another_service(generation);
    director["groups"][0]["hold_s"] = json!(2);
    director
}

/// The unit's configuration as it is on its disk, and as it runs with it.
fn is_written(pair: &DecidingPair, half: &Half) -> bool {
    let text = pair.read(half, "director.json").unwrap_or_default();
    serde_json::from_str(&text).ok() == Some(half.view.document())
}

/// The unit has started anew by itself, which pulls its plugs. Has it run with `servers` virtual servers.
fn starts_anew(half: &Half, servers: usize) {
    wait::until_equal("a unit that starts anew", true, || half.process().1.contains("starts anew"));
    wait::until_equal("virtual servers of the unit that started anew", servers, || virtual_servers(half));
    half.plug_in();
}

/// Unit B, which has an older configuration, gets that of unit A, and `goes_on` or starts anew.
fn comes_to_unit_b(settings: Settings, newer: &Value, goes_on: bool) {
    let plan = Plan { director: newer.clone(), ..Plan::default() };
    let pair = DecidingPair::build(Settings { plan, ..settings });
    pair.write(&pair.b, "director.json", &old().to_string());
    pair.launch(&pair.a);
    pair.a.wait_until_active();
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    let before = pair.a.transitions();
    pair.launch(&pair.b);
    let (process, _) = pair.b.process();
    if goes_on {
        wait::until_equal("virtual servers of unit B", 6, || virtual_servers(&pair.b));
        pair.b.plug_in();
    } else {
        starts_anew(&pair.b, 6);
    }
    // Which unit is active is looked at below.
    pair.by_state();
    let (process_now, log) = pair.b.process();
    assert_eq!(process_now, process, "the service manager would have noticed");
    assert_eq!(log.contains("starts anew"), !goes_on);
    wait::until_equal("units in sync", true, || [&pair.a, &pair.b].iter().all(|half| is_in_sync(half, 2)));
    assert_eq!(pair.a.view.document(), pair.b.view.document());
    assert!(is_written(&pair, &pair.b));
    assert_eq!(pair.read(&pair.b, "director.json.previous"), Some(old().to_string()));
    // What an operator wrote stays as it is.
    assert_eq!(pair.read(&pair.a, "director.json"), Some(newer.to_string()));
    assert_eq!(pair.read(&pair.a, "director.json.previous"), None);
    if pair.disturbances() == 0 {
        assert_eq!(pair.a.transitions(), before);
    }
    still_talk(&mut sessions);
}

#[test]
fn an_older_configuration_is_replaced_over_the_cable() {
    comes_to_unit_b(Settings::default(), &with_another_service(2), true);
}

#[test]
fn a_configuration_with_other_groups_needs_a_new_start() {
    comes_to_unit_b(Settings::default(), &with_another_group(2), false);
}

#[test]
fn an_older_configuration_is_replaced_over_a_link_where_there_is_no_cable() {
    let settings = Settings { has_cable: false, links: 1, ..Settings::default() };
    comes_to_unit_b(settings, &with_another_service(2), true);
}

/// The generation of the unit's file.
fn generation_on_disk(pair: &DecidingPair, half: &Half) -> Value {
    let text = pair.read(half, "director.json").unwrap_or_default();
    serde_json::from_str::<Value>(&text).map(|mut document| document["generation"].take()).unwrap_or_default()
}

/// The steps of docs/FAILOVER.md, section 6. The active unit `goes_on` with the new file, or starts anew with it when it stands by.
fn is_rolled_out(newer: &Value, goes_on: bool) {
    let pair = DecidingPair::start(Settings::default());
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    pair.write(&pair.b, "director.json", &newer.to_string());
    pair.b.kill();
    pair.launch(&pair.b);
    pair.wait_until_ready(&pair.b);
    wait::until_equal("the new file at the active unit", json!(2), || generation_on_disk(&pair, &pair.a));
    assert_eq!(pair.read(&pair.a, "director.json.previous"), Some(old().to_string()));
    wait::until_equal("virtual servers of unit B", 6, || virtual_servers(&pair.b));
    if goes_on {
        wait::until_equal("virtual servers of unit A", 6, || virtual_servers(&pair.a));
    } else if pair.disturbances() == 0 {
        assert_eq!(virtual_servers(&pair.a), 4, "as long as it is active");
    }
    let (process, _) = pair.a.process();
    let flow = Flow::start(&pair.client, line_addresses()[0]);
    assert_eq!(pair.b.failover("active")["state"], "active");
    if !goes_on {
        starts_anew(&pair.a, 6);
    }
    pair.wait_until_ready(&pair.a);
    let (process_now, log) = pair.a.process();
    assert_eq!(process_now, process);
    assert_eq!(log.contains("starts anew"), !goes_on);
    assert!(is_written(&pair, &pair.a));
    assert_eq!(flow.end().doubled, 0);
    // A worker that was kept from turning while unit A started had the group go to a unit that had no connections yet.
    if pair.disturbances() == 0 {
        still_talk(&mut sessions);
        assert_eq!(pair.b.state(), "ACTIVE");
    }
    assert_eq!(pair.a.transitions().first().map(String::as_str), Some("315 started"));
    let [first, second] = ["192.0.2.100", "[2001:db8:100::100]"];
    let names = pair.a.view.show("virtual");
    for virtual_server in [format!("{first}:80:tcp"), format!("{second}:80:tcp")] {
        assert!(names.as_array().expect("a list").iter().any(|server| server["name"] == virtual_server));
    }
}

#[test]
fn a_new_configuration_is_rolled_out_under_connections() {
    is_rolled_out(&with_another_service(2), true);
}

#[test]
fn another_group_is_rolled_out_under_connections() {
    is_rolled_out(&with_another_group(2), false);
}

#[test]
fn a_configuration_that_the_other_unit_can_not_take_is_refused_with_the_reason() {
    let plan = Plan { director: with_another_service(2), ..Plan::default() };
    let pair = DecidingPair::build(Settings { plan, ..Settings::default() });
    // Its inside port has another name, which the pair's configuration does not know.
    let unit_json = pair.read(&pair.b, "unit.json").expect("it was written");
    let mut unit_json: Value = serde_json::from_str(&unit_json).expect("JSON");
    unit_json["ports"][1]["name"] = json!("internal");
    pair.write(&pair.b, "unit.json", &unit_json.to_string());
    let own = old().to_string().replace("\"inside\"", "\"internal\"");
    pair.write(&pair.b, "director.json", &own);
    pair.launch(&pair.a);
    pair.launch(&pair.b);
    pair.a.wait_until_active();
    for half in [&pair.a, &pair.b] {
        let refused = wait::until("a refusal", || {
            half.decisions()["configuration"]["refused"].as_str().map(str::to_owned)
        });
        assert!(refused.contains("inside"), "{refused}");
    }
    pair.b.wait_until_standby();
    assert_eq!(pair.read(&pair.b, "director.json"), Some(own));
    assert!(!is_in_sync(&pair.a, 2) && virtual_servers(&pair.b) == 4);
    let shown = pair.a.view.command(&["failover"]);
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("the other unit has generation 1; refused: "), "{shown}");
}
