//! Where a line stands in the grammar: which command it has reached, and what is possible there.

use clap::{Arg, ArgAction, Command};

/// So many words are written out where a command is.
const FEW: usize = 3;

/// The command that a line's first words name, abbreviated or not.
#[derive(Clone, Debug)]
pub(crate) struct Position<'a> {
    /// The names on the way, in full.
    pub(crate) path: Vec<String>,
    /// The last of them, or the root.
    pub(crate) command: &'a Command,
    /// How many words that took.
    pub(crate) words: usize,
}

impl<'a> Position<'a> {
    /// Follows `words` from `root` as far as they are names of commands.
    pub(crate) fn of(root: &'a Command, words: &[String]) -> Self {
        let mut position = Self { path: Vec::new(), command: root, words: 0 };
        for word in words {
            let [next] = named(position.command, word)[..] else { break };
            position.command = next;
            position.path.push(next.get_name().to_owned());
            position.words += 1;
        }
        position
    }

    /// `word` is no command here, or the beginning of several.
    pub(crate) fn no_subcommand(&self, word: &str) -> String {
        let begun = named(self.command, word);
        let place = self.place();
        if begun.is_empty() || word.is_empty() {
            return format!("{word:?} is no command{place}; possible: {}", names(&subcommands(self.command)));
        }
        format!("{word:?} is not unique{place}; it could be {}", names(&begun))
    }

    /// There are commands here, and the line has none of them.
    pub(crate) fn incomplete(&self) -> String {
        format!("a word is missing{}; possible: {}", self.place(), names(&subcommands(self.command)))
    }

    /// `value` is none of the words that `argument` may be.
    pub(crate) fn no_word(&self, argument: &str, value: &str, possible: &str) -> String {
        let is_begun = !value.is_empty() && possible.split(", ").all(|word| word.starts_with(value));
        let (is, hint) = if is_begun { ("not unique", "it could be") } else { ("not right", "possible:") };
        self.in_command(&format!("{value:?} is {is} for {argument}; {hint} {possible}"))
    }

    /// What is wrong, and how the command is written.
    pub(crate) fn with_usage(&self, wrong: &str) -> String {
        format!("{}\nusage: {}", self.in_command(wrong), self.usage())
    }

    /// What is wrong, with the command's name.
    pub(crate) fn in_command(&self, wrong: &str) -> String {
        if self.path.is_empty() { wrong.to_owned() } else { format!("{}: {wrong}", self.path.join(" ")) }
    }

    /// How the command is written.
    pub(crate) fn usage(&self) -> String {
        usage(&self.path, self.command)
    }

    fn place(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!(" after {:?}", self.path.join(" ")) }
    }
}

/// The first of `words` as the full name of a command of `root`, if it is one.
pub fn command_of(root: &Command, words: &[String]) -> Option<String> {
    Position::of(root, words.get(..1)?).path.pop()
}

/// The commands below `command` that people may see.
pub(crate) fn subcommands(command: &Command) -> Vec<&Command> {
    command.get_subcommands().filter(|each| !each.is_hide_set()).collect()
}

/// The one that has the name `word`, else those whose name begins with it.
pub(crate) fn named<'a>(command: &'a Command, word: &str) -> Vec<&'a Command> {
    match command.find_subcommand(word) {
        Some(exact) => vec![exact],
        None => subcommands(command).into_iter().filter(|each| each.get_name().starts_with(word)).collect(),
    }
}

/// The arguments that people may see.
pub(crate) fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    let shown = |argument: &&Arg| {
        !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
    };
    command.get_arguments().filter(shown)
}

/// How the command that `path` leads to is written.
pub(crate) fn usage<S: AsRef<str>>(path: &[S], command: &Command) -> String {
    let mut words: Vec<String> = path.iter().map(|word| word.as_ref().to_owned()).collect();
    if command.has_subcommands() {
        words.push("...".to_owned());
    }
    // What stands with all commands belongs to none.
    let own = arguments(command).filter(|argument| !argument.is_global_set());
    let (values, options): (Vec<&Arg>, Vec<&Arg>) = own.partition(|argument| argument.is_positional());
    words.extend(values.into_iter().chain(options).map(form));
    words.join(" ")
}

/// How an argument is written: `VIRTUAL`, `[is|oos]`, `[REAL...]`, `[--group NAME]`.
pub(crate) fn form(argument: &Arg) -> String {
    let written = bare(argument);
    let is_repeated_option = argument.get_long().is_some() && takes_many(argument);
    match (argument.is_required_set(), is_repeated_option) {
        (true, _) => written,
        (false, true) => format!("[{}]...", written.trim_end_matches("...")),
        (false, false) => format!("[{written}]"),
    }
}

/// The same without a word about whether it may be left out.
pub(crate) fn bare(argument: &Arg) -> String {
    let written = match argument.get_long() {
        Some(long) if argument.get_action().takes_values() => format!("--{long} {}", value_form(argument)),
        Some(long) => format!("--{long}"),
        None => value_form(argument),
    };
    if takes_many(argument) { written + "..." } else { written }
}

/// The words that a value may be, where they are few, else what it is called.
fn value_form(argument: &Arg) -> String {
    let possible = argument.get_possible_values();
    if possible.is_empty() || possible.len() > FEW {
        return value_name(argument);
    }
    possible.iter().map(|word| word.get_name()).collect::<Vec<_>>().join("|")
}

fn takes_many(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
}

/// What an argument's value is called.
pub(crate) fn value_name(argument: &Arg) -> String {
    argument.get_value_names().and_then(<[_]>::first).map_or_else(String::new, ToString::to_string)
}

fn names(commands: &[&Command]) -> String {
    commands.iter().map(|command| command.get_name()).collect::<Vec<_>>().join(", ")
}
