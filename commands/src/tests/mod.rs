//! Lines in and out: what is written reads back, and what is wrong is told.

mod any;
mod expect;

use proptest::prelude::*;

use crate::parse_line;

#[test]
fn grammar_is_consistent() {
    crate::grammar().debug_assert();
}

#[test]
fn lines_become_full_commands() {
    for (line, full) in [
        ("virtual 192.0.2.100:80:1 is", "virtual 192.0.2.100:80:1:tcp is"),
        ("virt 192.0.2.100:80 --group web", "virtual 192.0.2.100:80:tcp --group web"),
        ("rea 10.1.0.11 o  # drain", "real 10.1.0.11:0:tcp oos"),
        (
            "bind 192.0.2.100:80 10.1.0.11 10.1.0.12:8001",
            "bind 192.0.2.100:80:tcp 10.1.0.11:0:tcp 10.1.0.12:8001:tcp",
        ),
        ("assign 192.0.2.100:80:1 198.51.100.0 255.255.255.0", "assign 192.0.2.100:80:1:tcp 198.51.100.0/24"),
        ("pred 192.0.2.100:80 leastc", "predictor 192.0.2.100:80:tcp leastconns"),
        ("timeout est 600", "timeout established 600"),
        ("time est 600 192.0.2.100:80", "timeout established 600 192.0.2.100:80:tcp"),
        ("backup 192.0.2.100:80:1 192.0.2.100:80", "backup 192.0.2.100:80:1:tcp 192.0.2.100:80:tcp failed"),
        ("buddy 'my shop' 192.0.2.100:80", "buddy 'my shop' 192.0.2.100:80:tcp"),
        ("group web", "group web --strategy manual --compare required"),
        ("no ass 192.0.2.100:80:1", "no assign 192.0.2.100:80:1:tcp"),
        ("no with", "no without-connection"),
        ("k --all", "kill --all"),
        ("kill --client 198.51.100.7", "kill --client 198.51.100.7/32"),
        ("clear f", "clear failed"),
        ("conf", "configuration"),
        ("explain 198.51.100.7 192.0.2.100:80", "explain 198.51.100.7 192.0.2.100:80:tcp"),
    ] {
        let command = parse_line(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(command.to_string(), full);
        assert_eq!(parse_line(full).as_ref(), Ok(&command));
    }
}

#[test]
fn one_parser_reads_many_lines() {
    let mut parser = crate::Parser::new();
    let mut bits = 0..=32;
    assert!(bits.all(|bits| parser.parse(&format!("assign 192.0.2.100:80:1 198.51.100.0/{bits}")).is_ok()));
    assert!(parser.parse("assign 192.0.2.100:80:1").is_err());
    assert!(parser.parse("assign 192.0.2.100:80:1 198.51.100.0/33").is_err());
    assert!(parser.parse("no assign 192.0.2.100:80:1").is_ok());
}

#[test]
fn what_is_wrong_is_told_with_what_is_possible() {
    for (line, message) in [
        ("", "there is no command"),
        ("buddy 'shop", "a quote is not closed"),
        ("s 1", "\"s\" is not unique; it could be sticky, slowstart, synguard"),
        ("no s 1", "\"s\" is not unique after \"no\"; it could be sticky, slowstart, synguard"),
        ("clear", "a word is missing after \"clear\"; possible: counters, sticky, failed"),
        ("clear all", "\"all\" is no command after \"clear\"; possible: counters, sticky, failed"),
        ("virtual 192.0.2.100 up", "virtual: \"up\" is not right for STATE; possible: is, oos"),
        (
            "pred 192.0.2.100 w",
            "predictor: \"w\" is not unique for PREDICTOR; it could be weighted-leastconns, weighted-roundrobin",
        ),
        ("weight 10.1.0.11", "weight: missing: WEIGHT\nusage: weight REAL WEIGHT"),
        ("weight 10.1.0.11 -1", "weight: \"-1\" is not a whole number"),
        ("weight 10.1.0.11 1 2", "weight: \"2\" has no meaning here\nusage: weight REAL WEIGHT"),
        (
            "weight web 1",
            "weight: \"web\" does not begin with an IP address; write 192.0.2.1:80 or [2001:db8::1]:80",
        ),
        ("assign 192.0.2.100", "assign: missing: CLIENT...\nusage: assign VIRTUAL CLIENT..."),
        (
            "assign 192.0.2.100 10.0.0.0 255.0.255.0",
            "assign: 255.0.255.0 is not a mask: its ones stand before its zeros",
        ),
        (
            "kill --client x",
            "kill: \"x\" is neither an address nor a network; write 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32",
        ),
    ] {
        assert_eq!(parse_line(line).unwrap_err().to_string(), message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn text_of_a_command_reads_back_as_the_same(command in any::command()) {
        let text = command.to_string();
        prop_assert_eq!(parse_line(&text).map_err(|error| format!("{text}: {error}")), Ok(command));
    }

    #[test]
    fn no_text_makes_the_grammar_fail(line in "[ -~é\t]{0,60}", name in "(no )?[a-z]{1,8}") {
        for line in [line.clone(), format!("{name} {line}")] {
            if let Err(error) = parse_line(&line) {
                prop_assert!(!error.to_string().is_empty());
                prop_assert!(error.to_string().lines().count() <= 2, "{}", error);
            }
        }
    }
}

/// The commands below `command` that have none below them, with their examples.
fn examples(command: &clap::Command, path: &str) -> Vec<(String, String)> {
    let below = |each: &clap::Command| {
        let path = format!("{path} {}", each.get_name());
        let example = each.get_after_help().map(ToString::to_string).unwrap_or_default();
        if each.has_subcommands() { examples(each, &path) } else { vec![(path.trim().to_owned(), example)] }
    };
    command.get_subcommands().flat_map(below).collect()
}

#[test]
fn each_command_has_an_example_that_is_right() {
    for (path, text) in examples(&crate::grammar(), "") {
        let example = text.strip_prefix("Example: ").unwrap_or_else(|| panic!("{path} has no example"));
        assert!(example.starts_with(&path), "{path}: {example}");
        assert!(parse_line(example).is_ok(), "{example}");
    }
}

#[test]
fn each_command_can_be_undone() {
    let grammar = crate::grammar();
    let names = |command: &clap::Command| {
        command.get_subcommands().map(|each| each.get_name().to_owned()).collect::<Vec<_>>()
    };
    let all = names(&grammar);
    let changes = &all[..all.iter().position(|name| name == "no").unwrap()];
    assert_eq!(names(grammar.find_subcommand("no").unwrap()), changes);
}
