//! `understudy commands --markdown`: docs/COMMANDS.md, made from the grammar.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::{Command, CommandFactory, Subcommand};
use commands::{Change, section};

use crate::Failure;
use crate::arguments::{Arguments, ConsoleLine};

/// What stands before the commands.
const INTRODUCTION: &str = "\
# Commands

This page is made from the grammar itself: `understudy commands --markdown > docs/COMMANDS.md`.

A running unit is told what to do in one language, in four places:

| where | how |
|---|---|
| shell | `understudy virtual 192.0.2.100:80 is` |
| console | `understudy console`, then `virtual 192.0.2.100:80 is` |
| batch file | `understudy batch FILE`: a command on each line, all carried out or none; `#` begins a comment |
| management socket | `{\"version\":1,\"commands\":[\"virtual 192.0.2.100:80 is\"],\"dry_run\":false,\"force\":false}` on a line |

Commands and words like `leastconns` may be abbreviated as long as they are unique: `pred 192.0.2.100:80 leastc`. In the
console, Tab completes a word and `?` says what may stand at the cursor.

Below, words in capitals stand for values, bars for a choice, brackets for what may be left out, and dots for what may be repeated.

| value | written as |
|---|---|
| VIRTUAL, REAL, SERVER | `address[:port][:bind-id][:protocol]`, like `192.0.2.100:80:1` or `[2001:db8::1]:53:udp`. Without a port it is 0, which stands for all ports; without a bind ID 0, the instance for clients that are not assigned; without a protocol `tcp`. Real servers have no bind ID. |
| CLIENT, NET | `198.51.100.7`, `198.51.100.0/24` or `2001:db8::/32`; after `assign`, an address and its mask, too: `198.51.100.0 255.255.255.0` |

In the shell and in the console, `--json` prints JSON for programs. In the shell, `--socket PATH` names the unit's management
socket, where it is not the only one in /run/understudy.

A wrong command changes nothing, ends with status 1, and says what is wrong and what is possible there. Commands are for the
active unit; it has the other one do the same.
";

/// What stands before the configuration commands.
const CONFIGURATION: &str = "
## Configuration

These change the running configuration, and go on at once for traffic that is under way. `write` puts them on the disk. In the
shell and in the console, each takes these options:

| option | meaning |
|---|---|
| `--dry-run` | Only say what would change, and how many live connections would lose their binding |
| `--force` | Do it even where live connections lose their binding |

";

/// Carries out the command.
pub(crate) fn print() -> Result<(), Failure> {
    Ok(io::stdout().write_all(document().as_bytes())?)
}

/// The whole document.
fn document() -> String {
    let language = commands::grammar();
    let undo = language.find_subcommand("no");
    let (changes, others): (Vec<&Command>, Vec<&Command>) = language
        .get_subcommands()
        .filter(|command| command.get_name() != "no")
        .partition(|command| Change::has_subcommand(command.get_name()));
    let mut text = INTRODUCTION.to_owned() + CONFIGURATION;
    let undo_of = |command: &Command| undo.and_then(|undo| undo.find_subcommand(command.get_name()));
    join(
        &mut text,
        changes.into_iter().map(|command| section(&[command.get_name()], command, undo_of(command))),
    );
    text += "\n## Connections, counters, and the configuration as a whole\n\n";
    join(&mut text, others.into_iter().flat_map(sections));
    text += "\n## What the unit does, and which unit is active\n\n";
    let root = Arguments::command();
    let named = |name: &str| root.find_subcommand(name).map(sections).unwrap_or_default();
    join(&mut text, ["show", "failover"].into_iter().flat_map(named));
    text += "\n## In the shell only\n\n";
    join(&mut text, ["console", "batch"].into_iter().flat_map(named));
    text += "\n## In the console only\n\n";
    let console = ConsoleLine::command();
    let named = |name: &str| console.find_subcommand(name).map(sections).unwrap_or_default();
    join(&mut text, ["help", "exit", "quit"].into_iter().flat_map(named));
    text
}

/// A command, or the commands below it.
fn sections(command: &Command) -> Vec<String> {
    if !command.has_subcommands() {
        return vec![section(&[command.get_name()], command, None)];
    }
    let below = command.get_subcommands().filter(|each| each.get_name() != "help");
    below.map(|each| section(&[command.get_name(), each.get_name()], each, None)).collect()
}

fn join(text: &mut String, sections: impl IntoIterator<Item = String>) {
    for (index, section) in sections.into_iter().enumerate() {
        // Writing to a string does not fail.
        let _ = write!(text, "{}{section}", if index == 0 { "" } else { "\n" });
    }
}
