//! The command language in the shell and in batch files: what goes to the unit, and what is printed.

use std::fs;

use super::{Folder, play_unit, run, text};

const CHANGED: &str = r#"{"version":1,"changed":{"generation":8,"changes":["virtual server 192.0.2.100:80:1:tcp is new"],"orphaned":0,"dry_run":false,"unwritten":true}}"#;

const DONE: &str = "virtual server 192.0.2.100:80:1:tcp is new\nnot on the disk yet: `write` puts it there\n";

#[test]
fn command_goes_to_the_unit_in_full() {
    let request = |commands: &str| format!(r#"{{"version":1,"commands":[{commands}]}}"#);
    let careful = r#"{"version":1,"commands":["no real 10.1.0.11:0:tcp"],"dry_run":true,"force":true}"#;
    for (arguments, expected) in [
        (&["virt", "192.0.2.100:80:1", "is"][..], request(r#""virtual 192.0.2.100:80:1:tcp is""#)),
        (&["buddy", "my shop", "192.0.2.100"], request(r#""buddy 'my shop' 192.0.2.100:0:tcp""#)),
        (&["no", "real", "10.1.0.11", "--dry-run", "--force"], careful.to_owned()),
    ] {
        let folder = Folder::new();
        let (socket, unit) = play_unit(&folder, vec![CHANGED.to_owned()]);
        let output = run(&[arguments, &["--socket", &socket]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), DONE);
        assert_eq!(unit.join().unwrap(), [expected]);
    }
}

#[test]
fn answers_are_printed_for_people_and_for_programs() {
    let configuration = r#"{"version":1,"configuration":{"generation":8,"unwritten":true,"commands":["real 10.1.0.11:80:tcp is","hash-seed 7"],"document":{"hash_seed":7}}}"#;
    for (arguments, answer, shown) in [
        (
            &["configuration"][..],
            configuration,
            "# generation 8, not written to the disk yet\nreal 10.1.0.11:80:tcp is\nhash-seed 7\n",
        ),
        (&["configuration", "--json"], configuration, "{\n  \"hash_seed\": 7\n}\n"),
        (
            &["write"],
            r#"{"version":1,"written":{"generation":8,"path":"/etc/understudy/director.json"}}"#,
            "generation 8 of the configuration is in /etc/understudy/director.json\n",
        ),
        (&["kill", "--all"], r#"{"version":1,"killed":{"connections":1}}"#, "1 connection removed\n"),
        (
            &["clear", "sticky"],
            r#"{"version":1,"cleared":{"what":"sticky entries","count":3}}"#,
            "cleared: 3 sticky entries\n",
        ),
        (
            &["kill", "--all", "--json"],
            r#"{"version":1,"killed":{"connections":1}}"#,
            "{\n  \"version\": 1,\n  \"killed\": {\n    \"connections\": 1\n  }\n}\n",
        ),
    ] {
        let folder = Folder::new();
        let (socket, _unit) = play_unit(&folder, vec![answer.to_owned()]);
        let output = run(&[arguments, &["--socket", &socket]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), shown);
    }
}

#[test]
fn wrong_command_ends_with_status_1_and_says_what_is_possible() {
    for (arguments, message) in [
        (
            &["virtual", "192.0.2.100", "up"][..],
            "understudy: virtual: \"up\" is not right for STATE; possible: is, oos\n",
        ),
        (&["weight", "10.1.0.11"], "understudy: weight: missing: WEIGHT\nusage: weight REAL WEIGHT\n"),
        (&["no", "re", "x"], "understudy: \"re\" is not unique after \"no\"; it could be real, refuse, "),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let shown = text(&output.stderr);
        assert!(shown.starts_with(message), "{shown}");
    }
}

#[test]
fn batch_is_one_transaction() {
    let folder = Folder::new();
    let file = folder.0.join("shop.txt");
    fs::write(&file, "# The shop\n\nreal 10.1.0.11\n  wei 10.1.0.11 3 # large\n").unwrap();
    let (socket, unit) = play_unit(&folder, vec![CHANGED.to_owned()]);
    let output = run(&["batch", file.to_str().unwrap(), "--socket", &socket]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), DONE));
    assert_eq!(
        unit.join().unwrap(),
        [r#"{"version":1,"commands":["real 10.1.0.11:0:tcp","weight 10.1.0.11:0:tcp 3"]}"#]
    );
}

#[test]
fn batch_names_the_line_that_is_wrong() {
    let answer = r#"{"version":1,"error":{"kind":"command","message":"command 2: there is no such server"}}"#;
    for (lines, message) in [
        ("real 10.1.0.11\n\nreal web\n", ":3: real: \"web\" does not begin with an IP address"),
        ("real 10.1.0.11\n\nweight 10.1.0.12 1\n", ":3: there is no such server\n"),
        ("# nothing\n", " has no commands\n"),
    ] {
        let folder = Folder::new();
        let file = folder.0.join("shop.txt");
        fs::write(&file, lines).unwrap();
        let (socket, _unit) = play_unit(&folder, vec![answer.to_owned()]);
        let output = run(&["batch", file.to_str().unwrap(), "--socket", &socket]);
        assert_eq!(output.status.code(), Some(1));
        let shown = text(&output.stderr);
        assert!(shown.starts_with(&format!("understudy: {}{message}", file.display())), "{shown}");
    }
}

#[test]
fn reference_is_what_the_grammar_says() {
    let output = run(&["commands", "--markdown"]);
    assert!(output.status.success());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/COMMANDS.md");
    let kept = fs::read_to_string(path).unwrap();
    assert!(
        kept == text(&output.stdout),
        "docs/COMMANDS.md is not what the grammar says; make it anew:\n    cargo run -- commands --markdown > docs/COMMANDS.md"
    );
}
