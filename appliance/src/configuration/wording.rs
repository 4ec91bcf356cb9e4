//! The JSON library's messages in the words of an operator.

/// A message about text that is not JSON; `rest` is the text from there on.
pub(super) fn syntax_in_words(message: &str, rest: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    match rest.chars().next() {
        Some('/' | '#') => "JSON has no comments; remove it".to_owned(),
        Some('\'') => "JSON has strings in double quotes only".to_owned(),
        Some('\u{feff}') => "the document begins with a byte order mark; remove it".to_owned(),
        _ => match message {
            "trailing comma" => "there is a comma before the closing bracket; remove it".to_owned(),
            "trailing characters" => "there is more text after the end of the document; remove it".to_owned(),
            "expected value" => "expected a value".to_owned(),
            "expected ident" => "expected a value: true, false, null, a number, or text in quotes".to_owned(),
            "key must be a string" => "expected a key in double quotes".to_owned(),
            "recursion limit exceeded" => "values are nested too deeply".to_owned(),
            _ => match message.strip_prefix("EOF while parsing ") {
                Some(what) => format!("the document ends within {}", with_article(what)),
                None => message.to_owned(),
            },
        },
    }
}

/// A message about a value of the wrong type.
pub(super) fn type_in_words(message: &str) -> String {
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("the key {key} is missing");
    }
    let Some((found, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let choice = expected.strip_prefix("one of ").unwrap_or(expected);
    if let Some(key) = found.strip_prefix("unknown field ") {
        return format!("unknown key {key}; known keys are {}", choice.replace(" or ", ", "));
    }
    if let Some(word) = found.strip_prefix("unknown variant ") {
        return format!(
            "unknown word {word}; write {}{choice}",
            if choice == expected { "" } else { "one of " }
        );
    }
    let found = found.split_once(": ").map_or(found, |(_, found)| found);
    format!("found {}; write {}", found_in_words(found), expected_in_words(expected))
}

fn found_in_words(found: &str) -> &str {
    match found {
        "map" => "an object",
        // An object written as a list of its values is of the wrong length before it is of the wrong type.
        list if list == "sequence" || list.starts_with("invalid length") => "a list",
        other => other,
    }
}

fn expected_in_words(expected: &str) -> &str {
    match expected {
        "u64" => "a whole number",
        "a boolean" => "true or false",
        "a map" => "an object",
        "a sequence" => "a list",
        "a string" => "a string in quotes",
        "string or map" => "a word in quotes",
        other => other,
    }
}

fn with_article(what: &str) -> String {
    match what {
        "a value" | "an object" | "a list" | "a string" => what.to_owned(),
        "object" => "an object".to_owned(),
        other => format!("a {other}"),
    }
}
