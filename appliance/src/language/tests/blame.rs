//! Which of several commands is wrong.

use super::{after, shop};

fn blamed(lines: &str) -> (usize, String) {
    let error = after(&shop(), lines).unwrap_err();
    let message = error.to_string();
    let command = error.command.unwrap();
    assert!(message.starts_with(&format!("command {} ({}): ", command.position, command.text)), "{message}");
    (command.position, command.text)
}

#[test]
fn the_wrong_one_of_several_is_named() {
    let lines = "hash-seed 1\nweight 10.1.0.12:8001 0\nhash-seed 2\nhash-seed 3";
    assert_eq!(blamed(lines), (2, "weight 10.1.0.12:8001:tcp 0".to_owned()));
    let error = after(&shop(), lines).unwrap_err().to_string();
    assert!(error.contains("weight 0 is not in 1 to 1000"), "{error}");
    assert_eq!(blamed("hash-seed 1\nweight 10.1.0.99 1").0, 2, "one that can not be carried out");
}

#[test]
fn what_is_made_good_later_is_not_wrong() {
    let lines = "
        no sticky 192.0.2.100:443
        buddy other 192.0.2.100:80:1
        weight 10.1.0.12:8001 0
        weight 10.1.0.12:8001 2
        no buddy shop 192.0.2.100:443
        hash-seed 1
        sticky 192.0.2.100:80:1 5";
    assert_eq!(after(&shop(), lines).unwrap().differences.len(), 7);
    assert_eq!(blamed(&format!("{lines}\nretry 10.1.0.11:8001 86401\nhash-seed 4\nhash-seed 5")).0, 8);
}

#[test]
fn a_removal_is_blamed_for_what_it_takes_away() {
    let lines = "hash-seed 1\nhash-seed 2\nno sticky 192.0.2.100:80\nhash-seed 3\nhash-seed 4";
    assert_eq!(blamed(lines).0, 3);
}

#[test]
fn long_commands_are_cut() {
    let clients = "203.0.113.0/24 ".repeat(100);
    let (_, text) = blamed(&format!("assign 192.0.2.100:80:7 {clients}\nhash-seed 1"));
    assert!(text.ends_with("...") && text.len() == 103, "{text}");
}
