//! `understudy batch`: the configuration commands of a file as one transaction.

use std::fs;
use std::io::{self, Read};

use appliance::management::ClientError;
use commands::{Command, Parser};

use crate::arguments::BatchArguments;
use crate::{Failure, language};

/// How a unit's word about one command of several begins: with the command's number, from 1.
const COMMAND: &str = "command ";

/// Carries out the command.
pub(crate) fn batch(arguments: &BatchArguments) -> Result<(), Failure> {
    let is_stdin = arguments.file.as_os_str() == "-";
    let name = if is_stdin { "standard input".to_owned() } else { arguments.file.display().to_string() };
    let text = if is_stdin {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(&arguments.file)
    };
    let text = text.map_err(|error| format!("can not read {name}: {error}"))?;
    let batch = read(&text).map_err(|(line, wrong)| format!("{name}:{line}: {wrong}"))?;
    if batch.is_empty() {
        return Err(format!("{name} has no commands").into());
    }
    let (lines, texts): (Vec<usize>, Vec<String>) = batch.into_iter().unzip();
    language::ask(texts, arguments.care, &arguments.way).map_err(|error| with_line(error, &name, &lines))
}

/// The commands of `text` in full, with their line numbers, or the first line that is wrong.
fn read(text: &str) -> Result<Vec<(usize, String)>, (usize, String)> {
    let mut parser = Parser::new();
    let mut batch = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let is_blank = line.trim_start().is_empty() || line.trim_start().starts_with('#');
        if is_blank {
            continue;
        }
        match parser.parse(line) {
            Ok(Command::Change(change)) => batch.push((number, change.to_string())),
            Ok(other) => {
                let wrong =
                    format!("`{other}` changes no configuration; a batch has configuration commands only");
                return Err((number, wrong));
            }
            Err(error) => return Err((number, error.to_string())),
        }
    }
    Ok(batch)
}

/// The unit counts commands, people count lines.
fn with_line(error: Failure, name: &str, lines: &[usize]) -> Failure {
    let Some(ClientError::Refused(message)) = error.downcast_ref() else { return error };
    let told = message.strip_prefix(COMMAND).and_then(|rest| rest.split_once(": "));
    let line = told.and_then(|(index, wrong)| {
        let index = index.parse::<usize>().ok()?.checked_sub(1)?;
        Some(format!("{name}:{}: {wrong}", lines.get(index)?))
    });
    line.map_or(error, Failure::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_skipped() {
        let text = "# the shop\n\n  virt 192.0.2.100:80  # everybody\n\t# more\nwei 10.1.0.11 2\n";
        let batch = read(text).unwrap();
        assert_eq!(
            batch,
            [(3, "virtual 192.0.2.100:80:tcp".to_owned()), (5, "weight 10.1.0.11:0:tcp 2".to_owned())]
        );
    }

    #[test]
    fn first_wrong_line_is_named() {
        for (text, line, part) in [
            ("\nvirtual web\nreal web\n", 2, "does not begin with an IP address"),
            ("write\n", 1, "`write` changes no configuration"),
            ("show status\n", 1, "\"show\" is no command"),
        ] {
            let (found, wrong) = read(text).unwrap_err();
            assert_eq!(found, line, "{text}");
            assert!(wrong.contains(part), "{wrong}");
        }
    }

    #[test]
    fn number_of_a_command_becomes_that_of_its_line() {
        for (message, told) in [
            ("command 2: there is no such server", "shop:5: there is no such server"),
            ("command 3: there is no such server", "command 3: there is no such server"),
            ("this unit stands by", "this unit stands by"),
        ] {
            let error = with_line(Box::new(ClientError::Refused(message.to_owned())), "shop", &[3, 5]);
            assert_eq!(error.to_string(), told);
        }
    }
}
