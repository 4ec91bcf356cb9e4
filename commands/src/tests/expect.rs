//! Completion and `?`, line by line.

use proptest::prelude::*;

use crate::{Servers, describe, expected, grammar, help};

fn built() -> clap::Command {
    let mut root = grammar();
    root.build();
    root
}

#[test]
fn words_are_completed() {
    let root = built();
    for (line, start, words) in [
        ("s", 0, "sticky slowstart synguard"),
        ("no s", 3, "sticky slowstart synguard"),
        ("virtual", 0, "virtual"),
        ("clear ", 6, "counters sticky failed"),
        ("virt 192.0.2.100 i", 17, "is"),
        ("virtual 192.0.2.100 ", 20, "is oos --group"),
        ("virtual 192.0.2.100 is --g", 23, "--group"),
        ("virtual 192.0.2.100 is --group web ", 35, ""),
        ("predictor 192.0.2.100 wei", 22, "weighted-leastconns weighted-roundrobin"),
        ("timeout e", 8, "established"),
        ("group web --compare ", 20, "count weighted required"),
        ("group web --mac inside=02:00:5e:10:00:01 --m", 41, "--mac"),
        ("dance ", 6, ""),
        ("buddy 'my ", 10, ""),
    ] {
        let expected = expected(&root, line);
        let found: Vec<_> = expected.words.iter().map(|hint| hint.word.as_str()).collect();
        assert_eq!((expected.start, found.join(" ").as_str()), (start, words), "{line:?}");
    }
}

#[test]
fn servers_are_asked_for_where_they_may_stand() {
    let root = built();
    for (line, servers) in [
        ("", None),
        ("virtual ", Some(Servers::Virtual)),
        ("no virtual 192", Some(Servers::Virtual)),
        ("bind 192.0.2.100:80 ", Some(Servers::Real)),
        ("bind 192.0.2.100:80 10.1.0.11 10.1.0.12 ", Some(Servers::Real)),
        ("backup 192.0.2.100:80 ", Some(Servers::All)),
        ("maxconns ", Some(Servers::All)),
        ("kill --real ", Some(Servers::Real)),
        ("kill --virtual=192.0.2.100 ", None),
        ("timeout established 600 ", Some(Servers::Virtual)),
        ("weight 10.1.0.11 ", None),
    ] {
        assert_eq!(expected(&root, line).servers, servers, "{line:?}");
    }
}

#[test]
fn question_mark_says_what_may_stand_there() {
    let root = built();
    for (line, text) in [
        ("no wei", "  weight  Back to weight 1\n"),
        ("weight 10.1.0.11 ", "  WEIGHT  Its weight, 1 to 1000 [default: 1]\n"),
        ("weight 10.1.0.11 5 ", "  <Enter>  the command is complete\n"),
        ("refuse 192.0.2.100:80:9 ", "  drop   Silence\n  reset  A TCP reset; UDP is dropped\n"),
        ("dance ", "\"dance\" is no command; possible: "),
        ("weight web ", "weight: \"web\" does not begin with an IP address"),
        ("virtual 192.0.2.100 is x", "  --group"),
    ] {
        let shown = help(&root, line);
        if line.ends_with('x') {
            assert_eq!(shown, "nothing may stand here\n");
        } else {
            assert!(shown.starts_with(text), "{line:?}: {shown}");
        }
    }
    assert!(help(&root, "").lines().count() > 25);
    assert!(help(&root, "virtual 192.0.2.100 ").ends_with("<Enter>  the command is complete\n"));
}

#[test]
fn help_describes_a_command() {
    let root = built();
    let text = describe(&root, "no virt").unwrap();
    assert_eq!(
        text,
        "no virtual VIRTUAL\n\nRemove a virtual server, with its bindings, assignments and buddies\n\n  \
         VIRTUAL  The virtual server\n\nExample: no virtual 192.0.2.100:80:1\n"
    );
    let text = describe(&root, "refuse").unwrap();
    assert!(text.starts_with("refuse VIRTUAL drop|reset\nno refuse VIRTUAL\n\nHave an instance"), "{text}");
    assert!(text.contains("  drop|reset  What they meet\n    drop      Silence\n"), "{text}");
    assert!(describe(&root, "").unwrap().contains("\n  bind "));
    assert!(describe(&root, "dance").unwrap_err().to_string().starts_with("\"dance\" is no command"));
}

proptest! {
    #[test]
    fn any_line_can_be_helped(line in "[ -~é\u{3000}\t]{0,40}", name in "(no )?(virtual|group|kill|assign|timeout) ") {
        let root = built();
        for line in [line.clone(), format!("{name}{line}")] {
            let expected = expected(&root, &line);
            prop_assert!(line.is_char_boundary(expected.start));
            prop_assert!(!help(&root, &line).is_empty());
        }
    }
}
