//! Commands in the middle of traffic: nothing of others is lost.

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::lab::client::Lines;
use crate::lab::plan::{Plan, line_addresses, line_services};
use crate::lab::traffic::{Chatter, Flow, still_talk, talk};
use crate::lab::wait;

const VIRTUAL: &str = "192.0.2.100:7";
const THIRD: &str = "10.1.0.13:7";

/// The line service on two of three servers.
fn plan() -> Plan {
    Plan { director: line_services("roundrobin", 2), ..Plan::default() }
}

/// The servers that new connections get.
fn servers_of_new(lab: &Lab) -> Vec<usize> {
    let mut servers: Vec<_> =
        talk(&lab.client, &line_addresses()[..1], 6).into_iter().map(|(_, server)| server).collect();
    servers.sort_unstable();
    servers.dedup();
    servers
}

/// Connections to the third server until there are `count`.
fn talk_to_third(lab: &Lab, count: usize) -> Vec<(Lines, usize)> {
    let mut kept = Vec::new();
    while kept.len() < count {
        kept.extend(
            talk(&lab.client, &line_addresses()[..1], 3).into_iter().filter(|(_, server)| *server == 3),
        );
    }
    kept.truncate(count);
    kept
}

fn connections_of_third(lab: &Lab) -> u64 {
    lab.view.real_server(&format!("{THIRD}:tcp")).connections
}

#[test]
fn a_server_joins_drains_and_leaves() {
    let lab = Lab::start(&plan());
    let mut sessions = talk(&lab.client, &line_addresses(), 8);
    let flow = Flow::start(&lab.client, line_addresses()[0]);
    let chatter = Chatter::start(&lab.client, &line_addresses(), 6);
    assert_eq!(servers_of_new(&lab), [1, 2]);

    assert_eq!(lab.view.change(&format!("real {THIRD}"))["generation"], 1);
    let bound = lab.view.change(&format!("bind {VIRTUAL} {THIRD}"));
    assert_eq!(
        (&bound["generation"], &bound["orphaned"], &bound["unwritten"]),
        (&json!(2), &json!(0), &json!(true))
    );
    wait::until_equal("the new server's turn", vec![1, 2, 3], || servers_of_new(&lab));
    let mut of_third = talk_to_third(&lab, 4);

    lab.view.change(&format!("out-of-service {THIRD}"));
    assert_eq!(servers_of_new(&lab), [1, 2], "it drains");
    still_talk(&mut of_third);
    wait::until_equal("connections that remain", 4, || connections_of_third(&lab));

    let before = lab.view.document();
    let refused = lab.view.say(&format!("no real {THIRD}")).unwrap_err();
    assert!(refused.contains("4 live connections") && refused.contains("--force"), "{refused}");
    let tried = lab.view.change(&format!("no real {THIRD} --dry-run"));
    assert_eq!((&tried["orphaned"], &tried["dry_run"]), (&json!(4), &json!(true)));
    assert_eq!(lab.view.document(), before);
    still_talk(&mut of_third);

    // Two of them end as they do, and two are cut off.
    of_third.truncate(2);
    wait::until_equal("connections that remain", 2, || connections_of_third(&lab));
    let forced = lab.view.change(&format!("no real {THIRD} --force"));
    assert_eq!(forced["orphaned"], 2);
    wait::until_equal("connections of a server that is gone", 0, || lab.view.list(&["--real", THIRD]).len());

    still_talk(&mut sessions);
    chatter.end();
    let flow = flow.end();
    assert!(flow.is_whole(), "{flow:?}");
}

#[test]
fn connections_are_removed_by_hand_and_others_stay() {
    let lab = Lab::start(&Plan::default());
    let mut sessions = talk(&lab.client, &line_addresses(), 12);
    let flow = Flow::start(&lab.client, line_addresses()[0]);
    let of_second = sessions.iter().filter(|(_, server)| *server == 2).count() as u64;
    let killed = lab.view.have("kill --real 10.1.0.12:7", "killed")["connections"].as_u64();
    // By IPv4 there are half as many.
    assert_eq!(killed, Some(of_second / 2));
    let client = "198.51.100.99";
    assert_eq!(lab.view.have(&format!("kill --client {client}"), "killed")["connections"], 0);
    let complaint = lab.view.say("kill --real 10.1.0.99:7").unwrap_err();
    assert!(complaint.contains("there is no real server 10.1.0.99:7"), "{complaint}");
    sessions.retain(|(lines, server)| *server != 2 || lines.local().is_ipv6());
    still_talk(&mut sessions);
    assert!(flow.end().is_whole());
}

#[test]
fn counters_are_told_from_zero_again() {
    let lab = Lab::start(&plan());
    let mut sessions = talk(&lab.client, &line_addresses()[..1], 4);
    let name = format!("{VIRTUAL}:tcp");
    wait::until_equal("connections", 4, || lab.view.virtual_server(&name).admitted);
    let cleared = lab.view.have("clear counters", "cleared");
    assert_eq!(cleared["what"], "counters");
    let counts = lab.view.virtual_server(&name);
    assert_eq!((counts.admitted, counts.connections), (0, 4), "the connections are there still");
    still_talk(&mut sessions);
    wait::until_equal("packets are counted again", true, || {
        lab.view.virtual_server(&name).inbound_packets >= 4
    });
}

#[test]
fn what_a_client_would_meet_is_explained_without_a_packet() {
    let lab = Lab::start(&plan());
    let before = lab.view.connections("admitted");
    let explained = lab.view.have(&format!("explain 198.51.100.10 {VIRTUAL}"), "explained");
    assert_eq!(
        (&explained["outcome"], &explained["instance"]),
        (&json!("connection"), &json!("192.0.2.100:7:tcp"))
    );
    let real = explained["real"].as_str().expect("a real server").to_owned();
    assert_eq!(explained["candidates"].as_array().map(Vec::len), Some(2));
    let nobody = lab.view.have("explain 198.51.100.10 192.0.2.100:99", "explained");
    assert_eq!((&nobody["outcome"], &nobody["instance"]), (&json!("refused"), &Value::Null));
    assert_eq!(lab.view.connections("admitted"), before);
    // It is what then happens.
    let (_, server) = &talk(&lab.client, &line_addresses()[..1], 1)[0];
    assert_eq!(real, format!("10.1.0.1{server}:7:tcp"));
}

/// A thousand real servers of a virtual server that nobody uses, beside the line service.
fn crowded() -> Value {
    let mut director = line_services("roundrobin", 2);
    let crowd: Vec<String> =
        (0..1_000).map(|number| format!("10.9.{}.{}:80", number / 250, 1 + number % 250)).collect();
    let reals = director["real_servers"].as_array_mut().expect("a list");
    reals.extend(crowd.iter().map(|name| json!({ "real": name })));
    director["virtual_servers"].as_array_mut().expect("a list").push(json!({ "virtual": "192.0.2.101:80" }));
    director["bindings"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "virtual": "192.0.2.101:80", "real": crowd }));
    director
}

#[test]
fn a_thousand_servers_change_without_a_lost_packet() {
    let lab = Lab::start_with_missing_servers(&Plan { director: crowded(), ..Plan::default() }, 8);
    let mut sessions = talk(&lab.client, &line_addresses(), 6);
    let flow = Flow::start(&lab.client, line_addresses()[0]);
    let lines = |line: &dyn Fn(String) -> String| -> String {
        (0..1_000)
            .map(|number| line(format!("10.9.{}.{}:80", number / 250, 1 + number % 250)) + "\n")
            .collect()
    };
    for batch in [
        lines(&|server| format!("weight {server} 7")),
        lines(&|server| format!("out-of-service {server}")),
        lines(&|server| format!("no real {server}")),
        lines(&|server| format!("real {server}\nbind 192.0.2.101:80 {server}")),
    ] {
        lab.view.batch(&batch).expect("it is carried out");
        flow.wait_for(20);
    }
    assert_eq!(lab.view.document()["generation"], 4);
    still_talk(&mut sessions);
    let flow = flow.end();
    assert!(flow.is_whole(), "{flow:?}");
}
