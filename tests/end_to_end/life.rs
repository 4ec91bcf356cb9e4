//! Starting and stopping.

use nix::sys::signal::Signal;

use crate::lab::Lab;
use crate::lab::plan::{Plan, line_addresses};

/// The interfaces that a unit makes on TAPs.
const INTERFACES: [&str; 4] = ["tap-out", "tap-in", "outside", "inside"];

#[test]
fn both_signals_stop_a_unit_that_leaves_nothing_behind() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut lab = Lab::start(&Plan { workers: &[0, 1], ..Plan::default() });
        lab.client.connect(line_addresses()[0]).ask("hello").expect("an answer");
        let before = lab.host.run("ip", &["-brief", "link"]);
        assert!(INTERFACES.iter().all(|name| before.contains(name)), "{before}");

        let status = lab.end_unit(signal);
        assert!(status.success(), "{signal}: {status}");
        assert!(!lab.view.socket.exists(), "{signal}: the socket stayed behind");
        let after = lab.host.run("ip", &["-brief", "link"]);
        assert!(!INTERFACES.iter().any(|name| after.contains(name)), "{signal}:\n{after}");
    }
}

#[test]
fn a_unit_stops_with_connections_open() {
    let mut lab = Lab::start(&Plan::default());
    let mut open: Vec<_> = (0..50).map(|_| lab.client.connect(line_addresses()[1])).collect();
    for connection in &mut open {
        connection.ask("hello").expect("an answer");
    }
    assert!(lab.end_unit(Signal::SIGTERM).success());
}
