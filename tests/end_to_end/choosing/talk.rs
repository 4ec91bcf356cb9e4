//! Clients that talk with the line service, by TCP or UDP in the same way.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use serde_json::Value;

use super::families::Family;
use crate::lab::client::{Lines, ask_by_datagram};
use crate::lab::{Lab, wait};

/// How long a client tries to connect that expects to fail: its second SYN is on the way then.
const BRIEFLY: Duration = Duration::from_secs(2);

/// How long an answer to a datagram may take.
const DATAGRAM_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

impl Protocol {
    /// As it is written in names.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A connection, or a flow of datagrams.
pub(super) enum Talk {
    Tcp(Lines),
    Udp(UdpSocket),
}

impl Talk {
    /// Begins one of client `number`. By UDP, nothing is sent yet.
    pub(super) fn begin(lab: &Lab, protocol: Protocol, family: Family, number: u8, port: u16) -> Self {
        let (from, to) = (family.client(number), family.virtual_end(port));
        match protocol {
            Protocol::Tcp => Self::Tcp(lab.client.connect_from(from, to)),
            Protocol::Udp => Self::Udp(flow(lab, from, to)),
        }
    }

    /// Sends a line and returns the number of the server that answered.
    pub(super) fn ask(&mut self, line: &str) -> io::Result<usize> {
        match self {
            Self::Tcp(lines) => lines.ask(line),
            Self::Udp(socket) => ask_by_datagram(socket, line),
        }
    }
}

/// Begins one, which stays open, and returns it with the number of the server that answers.
pub(super) fn open(lab: &Lab, protocol: Protocol, family: Family, number: u8, port: u16) -> (Talk, usize) {
    let mut talk = Talk::begin(lab, protocol, family, number, port);
    let answered = talk.ask("who is it?");
    let server = answered
        .unwrap_or_else(|error| panic!("{protocol:?} {family:?}, client {number}, port {port}: {error}"));
    (talk, server)
}

/// The server that a client gets for one connection, or one flow of datagrams.
pub(super) fn server_of(lab: &Lab, protocol: Protocol, family: Family, number: u8, port: u16) -> usize {
    open(lab, protocol, family, number, port).1
}

/// Tries to connect, for as long as it takes to send a SYN again.
pub(super) fn try_briefly(lab: &Lab, family: Family, number: u8, port: u16) -> io::Result<Lines> {
    lab.client.try_connect(Some(family.client(number)), family.virtual_end(port), BRIEFLY)
}

/// A program that has several connections at the same time, which must come to one server: one by TCP, by which the two ends
/// talk about the others.
pub(super) fn iperf3(lab: &Lab, protocol: Protocol, family: Family, client: u8) {
    const STREAMS: usize = 4;
    let (from, to) = (family.client(client).ip().to_string(), family.virtual_end(0).ip().to_string());
    let mut arguments =
        vec!["--client", &to, "--bind", &from, "--json", "--parallel", "4", "--bytes", "256K"];
    if protocol == Protocol::Udp {
        arguments.extend(["--udp", "--bitrate", "20M", "--length", "1200"]);
    }
    let report = wait::until("a server that has done with the client before", || {
        let printed = lab.client.namespace.output("iperf3", &arguments).stdout;
        let report: Value = serde_json::from_slice(&printed).expect("JSON");
        let is_busy = report["error"].as_str().is_some_and(|error| error.contains("busy"));
        (!is_busy).then_some(report)
    });
    assert_eq!(report["error"], Value::Null, "{protocol:?} {family:?}");
    assert_eq!(report["end"]["streams"].as_array().map(Vec::len), Some(STREAMS), "{report:#}");
}

fn flow(lab: &Lab, from: SocketAddr, to: SocketAddr) -> UdpSocket {
    let socket = lab.client.namespace.enter(|| UdpSocket::bind(from)).expect("a free port");
    socket.connect(to).expect("a route");
    socket.set_read_timeout(Some(DATAGRAM_PATIENCE)).expect("a timeout");
    socket
}
