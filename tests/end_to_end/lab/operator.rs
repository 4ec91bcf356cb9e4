//! What operators say to a running unit: the command language, as the shell has it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::view::View;

impl View {
    /// `understudy WORDS`: what it prints, or what it complains of with status 1.
    pub(crate) fn say(&self, words: &str) -> Result<String, String> {
        let mut command = self.understudy(words);
        judge(&command.output().expect("understudy runs"))
    }

    /// The same with `--json`, which must succeed: the answer `key`.
    pub(crate) fn have(&self, words: &str, key: &str) -> Value {
        let printed = self.say(&format!("{words} --json"));
        let printed = printed.unwrap_or_else(|complaint| panic!("{words}: {complaint}"));
        let mut answer: Value = serde_json::from_str(&printed).expect("JSON");
        answer[key].take()
    }

    /// Has a configuration command carried out.
    pub(crate) fn change(&self, words: &str) -> Value {
        self.have(words, "changed")
    }

    /// `understudy batch -` with these lines.
    pub(crate) fn batch(&self, lines: &str) -> Result<String, String> {
        let mut child = self
            .understudy("batch -")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("understudy runs");
        child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
        judge(&child.wait_with_output().expect("it ends"))
    }

    /// The running configuration as a document.
    pub(crate) fn document(&self) -> Value {
        let printed = self.say("configuration --json");
        serde_json::from_str(&printed.unwrap_or_else(|complaint| panic!("{complaint}"))).expect("JSON")
    }

    fn understudy(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
        command.args(words.split_whitespace()).arg("--socket").arg(&self.socket);
        command
    }
}

fn judge(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    Err(text(&output.stderr))
}
