//! A full table refuses new connections, counts them, and keeps what it has.

use std::time::Duration;

use crate::lab::plan::{Plan, line_addresses};
use crate::lab::{Lab, wait};

const ROOM: usize = 8;

#[test]
fn a_full_table_refuses_new_connections_and_keeps_the_old() {
    let lab = Lab::start(&Plan { connections: ROOM, ..Plan::default() });
    let address = line_addresses()[0];
    let mut old: Vec<_> = (0..ROOM).map(|_| lab.client.connect(address)).collect();

    let refused = lab.client.try_connect(None, address, Duration::from_secs(1));
    assert!(refused.is_err(), "there was room for more than {ROOM} connections");
    assert!(lab.view.dropped("table_full") > 0);
    assert!(lab.view.refused("192.0.2.100:7:tcp") > 0);
    assert_eq!(lab.view.connections("current"), ROOM as u64);
    for connection in &mut old {
        assert!(connection.ask("still there?").is_ok());
    }

    drop(old);
    wait::until_equal("connections after the timeout", 0, || lab.view.connections("current"));
    assert!(lab.client.connect(address).ask("hello").is_ok(), "there is room again");
}
