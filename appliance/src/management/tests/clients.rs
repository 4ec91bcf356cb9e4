//! Clients of every kind: those that talk nonsense, those that are stuck, too many of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::management::ClientError;
use crate::management::protocol::{
    Command, CommandRequest, ConnectionQuery, ErrorKind, REQUEST_BYTES, Request, Response,
};

/// Talks to a server in lines of its own making.
struct RawClient(BufReader<UnixStream>);

impl RawClient {
    fn connect(path: &Path) -> Self {
        Self(BufReader::new(UnixStream::connect(path).unwrap()))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn receive(&mut self) -> Response {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn receive_error(&mut self) -> ErrorKind {
        match self.receive().outcome {
            Outcome::Error(error) => error.kind,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn nonsense_is_answered_and_the_next_request_served() {
    let folder = Folder::new();
    let _server = server(&folder);
    let mut client = RawClient::connect(&folder.socket());
    for line in [
        b"".as_slice(),
        b"show status",
        b"{}",
        b"[]",
        b"{\"version\":1}",
        b"{\"version\":-1,\"show\":\"status\"}",
        b"{\"version\":1,\"show\":\"secrets\"}",
        b"{\"version\":1,\"show\":\"status\",\"colour\":\"red\"}",
        b"{\"version\":1,\"show\":{\"connections\":{\"colour\":\"red\"}}}",
        b"{\"version\":1,\"show\":{\"connections\":{\"client\":\"everybody\"}}}",
        b"{\"version\":1,\"show\":{\"connections\":{\"limit\":-1}}}",
        b"{\"version\":1,\"show\":{\"connections\":{\"after\":\"0.5.0\"}}}",
        b"{\"version\":1,\"show\":\"status\",\"force\":true}",
        b"{\"version\":1,\"show\":\"status\",\"commands\":[]}",
        b"{\"version\":1,\"dry_run\":true}",
        b"{\"version\":1,\"commands\":\"write\"}",
        b"{\"version\":1,\"show\":\"status\"",
        b"\xff\xfe\x00",
        vec![b'['; REQUEST_BYTES].as_slice(),
    ] {
        client.send(line);
        client.send(b"\n");
        assert_eq!(client.receive_error(), ErrorKind::Malformed, "{:?}", String::from_utf8_lossy(line));
    }
    client.send(b"{\"version\":2,\"fetch\":\"status\"}\n");
    assert_eq!(client.receive_error(), ErrorKind::Version);
    // Two at once, the second in two pieces, with the line ending of another system.
    client.send(b"{\"version\":1,\"show\":\"status\"}\n{\"version\":1,");
    assert!(matches!(client.receive().outcome, Outcome::Status(_)));
    client.send(b"\"show\":\"ports\"}\r\n");
    assert!(matches!(client.receive().outcome, Outcome::Ports(_)));
}

#[test]
fn endless_line_is_answered_and_cut() {
    let folder = Folder::new();
    let _server = server(&folder);
    let mut client = RawClient::connect(&folder.socket());
    client.send(&vec![b' '; REQUEST_BYTES + 1]);
    assert_eq!(client.receive_error(), ErrorKind::Malformed);
    assert_eq!(client.0.read(&mut [0]).unwrap(), 0);
}

#[test]
fn stuck_clients_hold_up_neither_others_nor_the_stop() {
    let folder = Folder::new();
    let mut server = server(&folder);
    let silent = RawClient::connect(&folder.socket());
    let mut half = RawClient::connect(&folder.socket());
    half.send(b"{\"version\":1,");
    // Asks for ever, and never reads: the server's side of the socket is full in the end.
    let deaf = UnixStream::connect(folder.socket()).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    while (&deaf).write_all(b"{\"version\":1,\"show\":\"counters\"}\n").is_ok() {}

    assert!(matches!(show(&folder, Show::Status), Outcome::Status(_)));
    server.stop();
    assert!(!folder.socket().exists());
    drop((silent, half, deaf));
}

#[test]
fn stop_ends_the_wait_for_a_worker() {
    let folder = Folder::new();
    let (view, requests) = worker(1, 1);
    let mut server = Server::bind(&folder.socket()).unwrap().serve(inspection(&folder, vec![view])).unwrap();
    let mut client = RawClient::connect(&folder.socket());
    client.send(b"{\"version\":1,\"show\":{\"connections\":{}}}\n");
    // The worker has the request, and answers never.
    let _request = requests.recv().unwrap();
    server.stop();
    assert_eq!(client.receive_error(), ErrorKind::Stopping);
}

#[test]
fn clients_are_limited_in_number() {
    let folder = Folder::new();
    let _server = server(&folder);
    let mut clients: Vec<_> = (0..16).map(|_| Client::connect(&folder.socket()).unwrap()).collect();
    for client in &mut clients {
        client.show(Show::Status).unwrap();
    }
    let one_more = Client::connect(&folder.socket()).unwrap().show(Show::Status);
    assert!(
        matches!(&one_more, Err(ClientError::Refused(message)) if message.contains("16 clients")),
        "{one_more:?}"
    );
    drop(clients);
    // The places become free when the threads have noticed.
    while Client::connect(&folder.socket()).unwrap().show(Show::Status).is_err() {}
}

#[test]
fn requests_and_responses_are_read_back() {
    let query = ConnectionQuery {
        client: Some("198.51.100.0/24".parse().unwrap()),
        virtual_server: Some("192.0.2.100:80".parse().unwrap()),
        real_server: None,
        limit: 20,
        after: Some("0.4.64".parse().unwrap()),
    };
    let request = Request::new(Command::Show(Show::Connections(query)));
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(
        text,
        r#"{"version":1,"show":{"connections":{"client":"198.51.100.0/24","virtual":"192.0.2.100:80","limit":20,"after":"0.4.64"}}}"#
    );
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);

    let commands = vec!["real 10.1.0.11:80:tcp is".to_owned()];
    let request = Request::new(Command::Language(CommandRequest {
        commands,
        dry_run: true,
        ..CommandRequest::default()
    }));
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(text, r#"{"version":1,"commands":["real 10.1.0.11:80:tcp is"],"dry_run":true}"#);
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);

    let response = Response::new(Outcome::Ports(vec![port("outside", true)]));
    let text = serde_json::to_string(&response).unwrap();
    assert!(text.starts_with(r#"{"version":1,"ports":[{"name":"outside","#), "{text}");
    assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), response);
    // A later unit may tell more.
    let more = text.replacen("\"name\"", "\"color\":\"red\",\"name\"", 1);
    assert_eq!(serde_json::from_str::<Response>(&more).unwrap(), response);
}
