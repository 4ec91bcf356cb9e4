//! Commands of the language, over the socket.

use super::*;
use crate::management::protocol::{Command, CommandRequest, ErrorKind, Request, Response};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

fn request(commands: &[&str]) -> CommandRequest {
    CommandRequest {
        commands: commands.iter().map(|&line| line.to_owned()).collect(),
        ..CommandRequest::default()
    }
}

/// What the unit answers, be it an error.
fn ask(folder: &Folder, request: CommandRequest) -> Outcome {
    let mut stream = UnixStream::connect(folder.socket()).unwrap();
    let line = serde_json::to_string(&Request::new(Command::Language(request))).unwrap() + "\n";
    stream.write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    serde_json::from_str::<Response>(&answer).unwrap().outcome
}

fn refusal(folder: &Folder, request: CommandRequest) -> (ErrorKind, String) {
    match ask(folder, request) {
        Outcome::Error(error) => (error.kind, error.message),
        outcome => panic!("{outcome:?}"),
    }
}

fn generation(folder: &Folder) -> u32 {
    match ask(folder, request(&["configuration"])) {
        Outcome::Configuration(report) => report.generation,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_transaction_changes_what_is_shown() {
    let folder = Folder::new();
    let _server = server(&folder);
    let Outcome::Changed(report) = ask(&folder, request(&["real 10.1.0.99:80", "weight 10.1.0.99:80 7"]))
    else {
        panic!("it is right");
    };
    assert_eq!((report.generation, report.unwritten, report.orphaned), (1, true, 0));
    let Outcome::Real(servers) = show(&folder, Show::Real) else { panic!("real servers") };
    let new = servers.iter().find(|server| server.name == "10.1.0.99:80:tcp").unwrap();
    assert_eq!(new.weight, 7);
    assert_eq!(generation(&folder), 1);
}

#[test]
fn what_is_wrong_is_told_with_its_number_and_changes_nothing() {
    let folder = Folder::new();
    let _server = server(&folder);
    let dry_run = |commands| CommandRequest { dry_run: true, ..request(commands) };
    let right = "real 10.1.0.99:80";
    for (request, part) in [
        (request(&[]), "there is no command"),
        (request(&["frobnicate"]), "\"frobnicate\" is no command"),
        (request(&[right, "weight 10.1.0.98:80 1"]), "command 2: "),
        (request(&[right, "weight 10.1.0.99:80 0"]), "command 2: "),
        (request(&[right, "frobnicate"]), "command 2: \"frobnicate\""),
        (request(&[right, "write"]), "command 2: \"write\" does not change"),
        (dry_run(&["write"]), "--dry-run is for"),
        (request(&["kill --real 10.1.0.98:80"]), "there is no real server 10.1.0.98:80:tcp; there is "),
        (request(&["clear sticky --virtual 192.0.2.100:80"]), "clients are not remembered"),
        (request(&["clear failed 10.1.0.98:80"]), "there is no real server"),
    ] {
        let (kind, message) = refusal(&folder, request);
        assert_eq!(kind, ErrorKind::Command, "{message}");
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(generation(&folder), 0);
}

#[test]
fn counters_are_told_from_where_they_were_cleared() {
    let folder = Folder::new();
    let (view, _) = worker(1, 1);
    let shard = Arc::clone(&view.shards[0]);
    let _server = Server::bind(&folder.socket()).unwrap().serve(inspection(&folder, vec![view])).unwrap();
    let count = || {
        let Outcome::Virtual(servers) = show(&folder, Show::Virtual) else { panic!("virtual servers") };
        (servers[0].admitted, servers[0].connections, servers[0].refused)
    };
    shard.bindings[0].admitted.add(5);
    shard.bindings[0].removed.add(2);
    shard.refused[0].add(1);
    assert_eq!(count(), (5, 3, 1));
    assert!(matches!(ask(&folder, request(&["clear counters"])), Outcome::Cleared(_)));
    assert_eq!(count(), (0, 3, 0), "connections are those that there are");
    shard.bindings[0].admitted.add(1);
    assert_eq!(count(), (1, 4, 0));
}
