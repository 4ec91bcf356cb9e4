//! A configuration is the same as a document, as commands, and as their text.

use commands::{Command, parse_line};
use director::ConfigurationDraft;
use proptest::prelude::*;

use super::{drafts, unit};
use crate::configuration::{director_document, read_for_tests};
use crate::language::{apply, as_commands, check, transact};

const UNIT: &str = r#"{
  "name": "a",
  "ports": [
    { "name": "outside", "role": "outside", "interface": "eth1" },
    { "name": "inside", "role": "inside", "interface": "eth2" }
  ]
}"#;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn documents_say_what_drafts_say(draft in drafts::draft(), generation: u32, unwritten: bool) {
        let document = director_document(&draft, generation, unwritten).unwrap();
        let loaded = read_for_tests(UNIT, &document);
        prop_assert_eq!(&loaded.draft, &draft);
        prop_assert_eq!((loaded.generation, loaded.unwritten), (generation, unwritten));
        prop_assert_eq!(loaded.director, draft.build().unwrap());
        prop_assert_eq!(director_document(&loaded.draft, generation, unwritten).unwrap(), document);
    }

    #[test]
    fn commands_say_what_drafts_say(draft in drafts::draft()) {
        let configuration = draft.build().unwrap();
        let mut made = ConfigurationDraft::default();
        let mut changes = Vec::new();
        for change in as_commands(&draft).unwrap() {
            let Ok(Command::Change(read)) = parse_line(&change.to_string()) else {
                panic!("{change}");
            };
            prop_assert_eq!(&read, &change);
            let differences = apply(&mut made, &read).unwrap();
            prop_assert!(!differences.is_empty() || change.to_string().starts_with("assign"), "{}", change);
            // Operators may give them one by one.
            check(&made, &unit()).unwrap();
            changes.push(change);
        }
        prop_assert_eq!(made.build().unwrap(), configuration.clone());
        prop_assert_eq!(as_commands(&made).unwrap(), changes.clone());
        let at_once = transact(&ConfigurationDraft::default(), &changes, &unit()).unwrap();
        prop_assert_eq!(at_once.draft, made);
        prop_assert_eq!(at_once.configuration, configuration);
    }

    /// Whatever part of it is removed, what remains is checked without a panic, and what was removed can be made again.
    #[test]
    fn everything_can_be_undone(draft in drafts::draft()) {
        let mut left = draft.clone();
        let lines = {
            let backups = draft.virtual_servers.iter().filter(|server| server.backup.is_some()).map(|server| &server.name);
            let backups = backups.chain(draft.real_servers.iter().filter(|server| server.backup.is_some()).map(|server| &server.name));
            let backups = backups.map(|name| format!("no backup {name}"));
            let virtuals = draft.virtual_servers.iter().map(|server| format!("no virtual {}", server.name));
            let reals = draft.real_servers.iter().map(|server| format!("no real {}", server.name));
            let groups = draft.groups.iter().map(|group| format!("no group {}", group.name));
            backups.chain(virtuals).chain(reals).chain(groups).collect::<Vec<_>>()
        };
        for line in lines {
            let Ok(Command::Change(change)) = parse_line(&line) else { panic!("{line}") };
            apply(&mut left, &change).unwrap();
            check(&left, &unit()).unwrap();
        }
        let general = ConfigurationDraft {
            timeouts: draft.timeouts,
            tcp_without_connection: draft.tcp_without_connection,
            hash_seed: draft.hash_seed,
            ..ConfigurationDraft::default()
        };
        prop_assert_eq!(left, general);
    }
}
