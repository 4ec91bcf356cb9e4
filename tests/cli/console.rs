//! The console, with a terminal and without one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use super::{Folder, text, understudy};

/// How long a terminal may be silent before the test is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a unit that answers each request by itself, to any number of clients. Returns its socket, and the requests for
/// commands.
fn play_answering_unit(folder: &Folder, state: &'static str) -> (String, Receiver<String>) {
    let socket = folder.0.join("played.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (seen, requests) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while lines.read_line(&mut request).is_ok_and(|bytes| bytes > 0) {
                let _ = writeln!(stream, "{}", answer(&request, state));
                if request.contains("\"commands\"") {
                    let _ = seen.send(request.trim_end().to_owned());
                }
                request.clear();
            }
        }
    });
    (socket.to_str().unwrap().to_owned(), requests)
}

fn answer(request: &str, state: &str) -> String {
    if request.contains("\"status\"") {
        return format!(
            r#"{{"version":1,"status":{{"unit":"lb1","version":"1","pid":1,"state":"{state}","uptime_s":1,"folder":"/","connections":0,
            "connection_capacity":1,"ports_up":0,"ports":0,"mbufs":1,"mbufs_in_use":0,"hugepages":false,"workers":[]}}}}"#
        )
        .replace('\n', " ");
    }
    if request.contains("\"show\":\"virtual\"") {
        let traffic = r#"{"packets":0,"bytes":0}"#;
        return format!(
            r#"{{"version":1,"virtual":[{{"name":"192.0.2.100:80:tcp","group":"default","in_service":true,"predictor":"leastconns","real_servers":0,
            "real_servers_in_service":0,"connections":0,"admitted":0,"refused":0,"inbound":{traffic},"outbound":{traffic}}}]}}"#
        )
        .replace('\n', " ");
    }
    if request.contains("99.0.0.1") {
        return r#"{"version":1,"error":{"kind":"command","message":"there is no real server 99.0.0.1"}}"#
            .to_owned();
    }
    r#"{"version":1,"changed":{"generation":1,"changes":["done"],"orphaned":0,"dry_run":false,"unwritten":false}}"#
        .to_owned()
}

#[test]
fn without_a_terminal_lines_are_carried_out_until_one_fails() {
    let folder = Folder::new();
    let (socket, requests) = play_answering_unit(&folder, "active");
    let mut child = understudy(&["console", "--socket", &socket])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = "# two that are fine\nreal 10.1.0.11\nwei 10.1.0.11 3\n\nweight 99.0.0.1 3\nreal 10.1.0.12\n";
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "done\ndone\n");
    assert_eq!(text(&output.stderr), "understudy: standard input:5: there is no real server 99.0.0.1\n");
    let sent: Vec<String> = requests.try_iter().collect();
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_eq!(sent[1], r#"{"version":1,"commands":["weight 10.1.0.11:0:tcp 3"]}"#);
}

/// A terminal with a console in it.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn start(folder: &Folder, socket: &str) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = understudy(&["console", "--socket", socket])
            .env("HOME", folder.path())
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keyboard = File::from(pty.master);
        let mut master = keyboard.try_clone().unwrap();
        let (sender, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut chunk = [0; 4_096];
            // When the console has ended, the terminal has, too.
            while let Ok(count @ 1..) = master.read(&mut chunk) {
                let _ = sender.send(chunk[..count].to_vec());
            }
        });
        Self { child, keyboard, screen, shown: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until `part` is shown after what was awaited before.
    fn await_text(&mut self, part: &str) {
        loop {
            if let Some(start) = self.shown.find(part) {
                self.shown.drain(..start + part.len());
                return;
            }
            let Ok(bytes) = self.screen.recv_timeout(PATIENCE) else {
                panic!("{part:?} is not shown in {:?}", self.shown);
            };
            self.shown += &String::from_utf8_lossy(&bytes);
        }
    }
}

#[test]
fn terminal_has_a_prompt_completion_help_and_a_history() {
    let folder = Folder::new();
    let state = folder.0.join(".local/state");
    fs::create_dir_all(&state).unwrap();
    let (socket, requests) = play_answering_unit(&folder, "active");
    let mut terminal = Terminal::start(&folder, &socket);
    terminal.await_text("lb1# ");
    // Help at once, and the line is as it was.
    terminal.press("weight 10.1.0.11 ?");
    terminal.await_text("Its weight, 1 to 1000");
    terminal.await_text("weight 10.1.0.11 ");
    terminal.press("3\r");
    terminal.await_text("done");
    terminal.await_text("lb1# ");
    // A word and a server's name are completed.
    terminal.press("synx\u{7f}\t19\t5000\r");
    terminal.await_text("synguard 192.0.2.100:80:tcp ");
    terminal.await_text("done");
    terminal.await_text("lb1# ");
    terminal.press("nonsense\r");
    terminal.await_text("\"nonsense\" is no command; possible: ");
    terminal.await_text("lb1# ");
    terminal.press("\u{4}");
    assert!(terminal.child.wait().unwrap().success());
    let sent: Vec<String> = requests.try_iter().collect();
    assert_eq!(
        sent,
        [
            r#"{"version":1,"commands":["weight 10.1.0.11:0:tcp 3"]}"#,
            r#"{"version":1,"commands":["synguard 192.0.2.100:80:tcp 5000"]}"#
        ]
    );
    let history = fs::read_to_string(state.join("understudy/history")).unwrap();
    assert!(history.contains("weight 10.1.0.11 3\nsynguard 192.0.2.100:80:tcp 5000\n"), "{history}");
}

#[test]
fn prompt_of_a_standby_is_another() {
    let folder = Folder::new();
    let (socket, _requests) = play_answering_unit(&folder, "standby");
    let mut terminal = Terminal::start(&folder, &socket);
    terminal.await_text("lb1> ");
    terminal.press("exit\r");
    assert!(terminal.child.wait().unwrap().success());
}
