//! Text that is not JSON, and values of the wrong type.

use super::{DIRECTOR, UNIT, changed, mistakes, read_texts};

/// Each text is `director.json`; the line is what is said of it, after the file's name.
fn check(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(mistakes(UNIT, text), [format!("director.json:{expected}")], "{text}");
    }
}

#[test]
fn text_that_is_not_json_is_refused_where_it_ends_to_be() {
    check(&[
        ("", "1:1: the document ends within a value"),
        ("{\n  \"bindings\": [\n", "3:1: bindings: the document ends within a list"),
        ("{ \"bindings\": }", "1:15: bindings: expected a value"),
        ("{ \"bindings\": [],\n}", "2:1: there is a comma before the closing bracket; remove it"),
        ("{ \"bindings\": [{},] }", "1:19: bindings: there is a comma before the closing bracket; remove it"),
        ("// All of it.\n{}", "1:1: JSON has no comments; remove it"),
        ("{\n  /* none */\n}", "2:3: JSON has no comments; remove it"),
        ("{ 'bindings': [] }", "1:3: JSON has strings in double quotes only"),
        ("{ bindings: [] }", "1:3: expected a key in double quotes"),
        ("{} {}", "1:4: there is more text after the end of the document; remove it"),
        ("{ \"bindings\": [] \"timeouts\": {} }", "1:18: expected `,` or `}`"),
        ("{ \"timeouts\": { \"udp_s\": 0x1F } }", "1:27: timeouts: expected `,` or `}`"),
        ("{ \"timeouts\": { \"udp_s\": +1 } }", "1:26: timeouts.udp_s: expected a value"),
        // Columns are characters: ä is one.
        ("{ \"ä\": \"ä\" 1 }", "1:12: expected `,` or `}`"),
        ("\u{feff}{}", "1:1: the document begins with a byte order mark; remove it"),
    ]);
}

#[test]
fn what_nests_too_deeply_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let [line] = &mistakes(UNIT, &text)[..] else { panic!("one line") };
        assert!(line.ends_with(": values are nested too deeply"), "{line}");
    }
}

#[test]
fn unknown_keys_are_refused_with_the_known_ones() {
    check(&[
        (
            "{\n  \"binding\": []\n}",
            "2:3: binding: unknown key `binding`; known keys are \
             `generation`, `unwritten`, `virtual_servers`, `real_servers`, `bindings`, `assignments`, `buddies`, `groups`, \
             `timeouts`, `tcp_without_connection`, `hash_seed`",
        ),
        (
            "{ \"real_servers\": [{ \"real\": \"10.1.0.11\" },\n  { \"real\": \"10.1.0.12\", \"wait\": 2 }] }",
            "2:26: real_servers[1].wait: unknown key `wait`; known keys are `real`, `weight`, `in_service`, \
             `max_connections`, `backup`, `threshold`, `count_resets`, `retry_s`, `slow_start_s`",
        ),
        (
            "{ \"bindings\": [{ \"virtual\": \"192.0.2.1\", \"reals\": [] }] }",
            "1:42: bindings[0].reals: unknown key `reals`; known keys are `virtual`, `real`",
        ),
        // A message is one line whatever was written.
        (
            "{ \"bindings\": [{ \"a\\nb\": 1 }] }",
            "1:18: bindings[0].a\\nb: unknown key `a\\nb`; known keys are `virtual`, `real`",
        ),
    ]);
}

#[test]
fn missing_keys_are_named_where_they_are_missing() {
    check(&[
        ("{ \"virtual_servers\": [{}] }", "1:23: virtual_servers[0]: the key `virtual` is missing"),
        (
            "{ \"bindings\": [\n{ \"virtual\": \"192.0.2.1\" }] }",
            "2:1: bindings[0]: the key `real` is missing",
        ),
    ]);
}

#[test]
fn values_of_another_type_are_refused() {
    check(&[
        ("[]", "1:1: found a list; write an object"),
        ("5", "1:1: found integer `5`; write an object"),
        ("null", "1:1: found null; write an object"),
        ("{ \"bindings\": {} }", "1:15: bindings: found an object; write a list"),
        (
            "{ \"bindings\": [5] }",
            "1:16: bindings[0]: found integer `5`; write an object with \"virtual\" and \"real\"",
        ),
        (
            "{ \"bindings\": [[]] }",
            "1:16: bindings[0]: found a list; write an object with \"virtual\" and \"real\"",
        ),
        ("{ \"timeouts\": [] }", "1:15: timeouts: found a list; write an object"),
        ("{ \"timeouts\": [60, 60] }", "1:15: timeouts: found a list; write an object"),
        (
            "{ \"timeouts\": { \"udp_s\": \"9\" } }",
            "1:26: timeouts.udp_s: found string \"9\"; write a whole number",
        ),
        (
            "{ \"timeouts\": { \"udp_s\": -1 } }",
            "1:26: timeouts.udp_s: found integer `-1`; write a whole number",
        ),
        (
            "{ \"timeouts\": { \"udp_s\": 1.5 } }",
            "1:26: timeouts.udp_s: found floating point `1.5`; write a whole number",
        ),
        ("{ \"timeouts\": { \"udp_s\": null } }", "1:26: timeouts.udp_s: found null; write a whole number"),
        (
            "{ \"tcp_without_connection\": true }",
            "1:29: tcp_without_connection: found boolean `true`; write a word in quotes",
        ),
        (
            "{ \"tcp_without_connection\": { \"drop\": null } }",
            "1:29: tcp_without_connection: found an object; write a word in quotes",
        ),
        (
            "{ \"tcp_without_connection\": \"refuse\" }",
            "1:29: tcp_without_connection: unknown word `refuse`; write one of `drop`, `reset`, `admit`",
        ),
        (
            "{ \"virtual_servers\": [{ \"virtual\": \"192.0.2.1\", \"predictor\": \"random\" }] }",
            "1:62: virtual_servers[0].predictor: unknown word `random`; \
             write one of `leastconns`, `weighted-leastconns`, `fastest`, `roundrobin`, \
             `weighted-roundrobin`, `source-hash`, `maglev`",
        ),
        (
            "{ \"virtual_servers\": [{ \"virtual\": \"192.0.2.1\", \"in_service\": 1 }] }",
            "1:63: virtual_servers[0].in_service: found integer `1`; write true or false",
        ),
        (
            "{ \"virtual_servers\": [[\"192.0.2.1\", \"roundrobin\", true]] }",
            "1:23: virtual_servers[0]: found a list; write an object with \"virtual\"",
        ),
    ]);
}

#[test]
fn keys_stand_once() {
    let unit = changed(UNIT, r#""role": "inside","#, r#""role": "inside", "role": "outside","#);
    let unit = changed(&unit, "  ]\n", "  ],\n  \"name\": \"b\"\n");
    assert_eq!(
        mistakes(&unit, DIRECTOR),
        [
            "unit.json:5:43: ports[1].role: this key stands here twice; keep one of them",
            "unit.json:7:3: name: this key stands here twice; keep one of them",
        ]
    );
}

/// However a document is cut or garbled, there is an answer, and it points into the document.
#[test]
fn damaged_documents_are_answered() {
    let unit = changed(UNIT, "\"a\"", "\"ä\u{1f600}\"");
    let pieces: Vec<char> = unit.chars().collect();
    let lines: Vec<usize> = unit.split('\n').map(|line| line.chars().count() + 1).collect();
    for index in 0..pieces.len() {
        let cut: String = pieces[..index].iter().collect();
        let garbled = ['"', '{', ']', ',', '\n', 'ß', '\0'].map(|garbage| {
            let mut pieces = pieces.clone();
            pieces[index] = garbage;
            String::from_iter(pieces)
        });
        for text in garbled.iter().chain([&cut]) {
            let Err(error) = read_texts(text, DIRECTOR) else {
                continue;
            };
            assert!(!error.0.is_empty());
            for position in error.0.iter().filter_map(|diagnostic| diagnostic.position) {
                assert!((1..=lines.len() + 1).contains(&position.line), "{error} in {text}");
                assert!(position.column >= 1, "{error} in {text}");
            }
        }
    }
}
