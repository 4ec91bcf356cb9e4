//! What a running unit has to know of two configurations.

use director::Configuration;

use super::{after, shop};
use crate::language::{needs_new_start, orphaned};

fn built(lines: &str) -> Configuration {
    after(&shop(), lines).unwrap().configuration
}

#[test]
fn bindings_that_are_gone_are_told_by_their_numbers() {
    let old = built("");
    let bindings = || old.bindings().iter();
    assert_eq!(bindings().count(), 5, "two and a backup, one and a backup");
    assert_eq!(orphaned(&old, &old), [0_u16; 0]);
    assert_eq!(orphaned(&old, &built("no bind 192.0.2.100:80 10.1.0.12:8001")), [1]);
    let all: Vec<u16> =
        bindings().filter(|each| each.virtual_server() == 1).map(director::Binding::id).collect();
    assert_eq!(orphaned(&old, &built("no virtual 192.0.2.100:80:1")), all);
    assert_eq!(orphaned(&old, &built("out-of-service 10.1.0.11:8001\nvirtual 192.0.2.101")), [0_u16; 0]);
    let stand_ins: Vec<u16> =
        bindings().filter(|each| each.stand_in().is_some()).map(director::Binding::id).collect();
    assert_eq!(orphaned(&old, &built("no backup 10.1.0.11:8001")), stand_ins);
}

#[test]
fn groups_are_as_they_were_at_the_start() {
    let draft = after(&shop(), "group web\ngroup mail\nvirtual 192.0.2.101:25 --group mail").unwrap();
    let old = draft.configuration;
    let new = |lines: &str| after(&draft.draft, lines).unwrap().configuration;
    assert_eq!(needs_new_start(&old, &new("virtual 192.0.2.102 --group mail\nhash-seed 1")), None);
    let same = "no group mail\ngroup mail";
    for (lines, what) in [
        ("group web --hold 5", "the failover group \"web\" is another"),
        ("group news", "the failover group \"news\" is new"),
        ("no virtual 192.0.2.101:25\nno group mail", "the failover group \"mail\" is gone"),
        ("virtual 192.0.2.101:25 --group web", "192.0.2.101:25:tcp goes into another failover group"),
    ] {
        let sentence = needs_new_start(&old, &new(lines)).unwrap();
        assert!(sentence.starts_with(what), "{sentence}");
    }
    let emptied = after(&draft.draft, "no virtual 192.0.2.101:25").unwrap();
    assert_eq!(
        needs_new_start(&emptied.configuration, &after(&emptied.draft, same).unwrap().configuration),
        None
    );
}
