//! What is written to the disk, and what is read back.

use std::fs;

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::lab::plan::{Plan, line_addresses, line_services};
use crate::lab::traffic::talk;

fn start() -> Lab {
    Lab::start(&Plan { director: line_services("roundrobin", 3), ..Plan::default() })
}

/// The running configuration as commands, without the remarks.
fn commands_of(lab: &Lab) -> String {
    let printed = lab.view.say("configuration").expect("the configuration");
    printed.lines().filter(|line| !line.starts_with('#')).map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn what_is_written_is_there_after_a_new_start() {
    let mut lab = start();
    let file = lab.director_json();
    let first = fs::read_to_string(&file).expect("the file");
    lab.view.change("out-of-service 10.1.0.12:7 10.1.0.13:7");
    assert_eq!(fs::read_to_string(&file).expect("the file"), first, "it is not written");
    let written = lab.view.have("write", "written");
    assert_eq!((&written["generation"], &written["path"]), (&json!(2), &json!(file)));
    let document = lab.view.document();
    let on_disk: Value = serde_json::from_str(&fs::read_to_string(&file).expect("the file")).expect("JSON");
    assert_eq!(on_disk, document);
    assert_eq!(fs::read_to_string(file.with_extension("json.previous")).expect("the one before"), first);
    lab.view.change("in-service 10.1.0.12:7");

    lab.restart();
    assert_eq!(lab.view.document(), document, "what was not written is gone");
    let servers = talk(&lab.client, &line_addresses()[..1], 4);
    assert!(servers.iter().all(|(_, server)| *server == 1));
}

#[test]
fn what_somebody_edited_is_not_written_over_unasked() {
    let lab = start();
    let file = lab.director_json();
    let edited = fs::read_to_string(&file).expect("the file").replace("roundrobin", "leastconns");
    fs::write(&file, &edited).expect("it is written");
    let refused = lab.view.say("write").unwrap_err();
    assert!(refused.contains("was edited") && refused.contains("--force"), "{refused}");
    assert_eq!(fs::read_to_string(&file).expect("the file"), edited);
    assert_eq!(lab.view.have("write --force", "written")["generation"], 1);
    assert!(!fs::read_to_string(&file).expect("the file").contains("leastconns"));
}

#[test]
fn the_configuration_as_commands_makes_the_same_from_nothing() {
    let lab = start();
    let shop = "virtual 192.0.2.101:80\nvirtual 192.0.2.101:80:1\nreal 10.1.0.11:80\nweight 10.1.0.11:80 7\n\
                bind 192.0.2.101:80 10.1.0.11:80\nassign 192.0.2.101:80:1 203.0.113.0/24\nrefuse 192.0.2.101:80:1 reset\n\
                sticky 192.0.2.101:80 30\ntimeout syn 9 192.0.2.101:80\nhash-seed 11\nwithout-connection reset\n";
    lab.view.batch(shop).expect("it is carried out");
    let document = lab.view.document();
    let commands = commands_of(&lab);
    let named = |list: &str, key: &str| -> String {
        let all = document[list].as_array().expect("a list").iter();
        let what = key;
        all.map(|server| format!("no {what} {}\n", server[key].as_str().expect("a name"))).collect()
    };
    let nothing = named("virtual_servers", "virtual") + &named("real_servers", "real");
    lab.view.batch(&nothing).expect("all is removed");
    assert_eq!(lab.view.document()["virtual_servers"], Value::Null);
    lab.view.batch(&commands).expect("it is all there again");
    let mut again = lab.view.document();
    assert_eq!(again["generation"], 3);
    again["generation"] = document["generation"].clone();
    // Commands have names in full.
    let in_short = |document: &Value| document.to_string().replace(":tcp\"", "\"");
    assert_eq!(in_short(&again), in_short(&document));
    assert_eq!(commands_of(&lab), commands);
}

#[test]
fn a_wrong_command_changes_nothing_and_says_what_is_possible() {
    let lab = start();
    let before = lab.view.document();
    for (line, part) in [
        ("weight 10.1.0.99:7 2", "10.1.0.99:7"),
        ("weight 10.1.0.11:7 1001", "1000"),
        ("assign 192.0.2.100:7:5 203.0.113.0/24", "define the instance first"),
        ("virtual 198.51.100.1:80", "the unit's own"),
        ("group web --advertise", "start the units anew"),
    ] {
        let complaint = lab.view.say(line).unwrap_err();
        assert!(complaint.contains(part), "{line}: {complaint}");
    }
    let half_right = "weight 10.1.0.11:7 5\nreal 10.1.0.14:7\nbind 192.0.2.100:7 10.1.0.15:7\n";
    let complaint = lab.view.batch(half_right).unwrap_err();
    assert!(complaint.contains("standard input:3") && complaint.contains("10.1.0.15:7"), "{complaint}");
    assert_eq!(lab.view.document(), before);
}
