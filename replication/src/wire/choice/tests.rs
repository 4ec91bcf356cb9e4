//! Sticky entries and states of servers: golden bytes, and what is refused.

use super::*;
use crate::rejection::Rejections;
use crate::wire::item::{Batch, Cursor, Written};
use model::Update;

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(socket.ip(), socket.port())
}

fn sticky(client: &str, real_server: &str) -> Update {
    let (client, real_server) = (client.parse().unwrap(), end(real_server));
    Update::Sticky(StickyRecord { scope: 0x0102_0304_0506_0708, client, real_server, period_s: 1_800 })
}

fn health(real_server: &str, has_failed: bool) -> Update {
    Update::Health(HealthRecord { real_server: real_server.parse().unwrap(), has_failed })
}

/// Each with all its bytes on the wire.
fn golden() -> [(Update, &'static str); 5] {
    [
        (sticky("198.51.100.7", "10.0.0.2:8080"), "840019010203040506070800000708c63364070a0000021f90"),
        (
            sticky("2001:db8::", "[2001:db8:1::2]:0"),
            "840031010203040506070800000708\
             20010db800000000000000000000000020010db80001000000000000000000020000",
        ),
        (health("10.0.0.2:8080", true), "85000d010600000a0000021f90"),
        (health("10.0.0.2:53:7:udp", false), "85000d001100070a0000020035"),
        (health("[2001:db8::2]:80", true), "8500190106000020010db80000000000000000000000020050"),
    ]
}

fn written(update: &Update) -> Vec<u8> {
    let mut batch = Batch::default();
    assert_eq!(batch.write(update, 2, usize::MAX), Written::Yes);
    batch.items
}

fn read(items: &[u8], version: u8) -> (Option<Update>, Rejections) {
    let (mut cursor, mut rejected) = (Cursor::default(), Rejections::default());
    (cursor.next(items, version, &mut rejected), rejected)
}

#[test]
fn items_have_golden_bytes_and_are_read_back() {
    for (update, expected) in golden() {
        let bytes = written(&update);
        assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), expected);
        assert_eq!(read(&bytes, 2), (Some(update), Rejections::default()));
    }
}

#[test]
fn every_other_length_is_refused() {
    for (update, possible) in
        [(sticky("198.51.100.7", "10.0.0.2:8080"), [25, 49]), (health("10.0.0.2:8080", true), [13, 25])]
    {
        for length in 3..=80_u8 {
            let mut bytes = written(&update);
            bytes.resize(usize::from(length), 0);
            bytes[2] = length;
            let (read, rejected) = read(&bytes, 2);
            let is_possible = possible.contains(&length);
            assert_eq!(read.is_some(), is_possible, "{update:?}: {length}");
            assert_eq!(
                rejected.of(Rejection::ItemMalformed),
                u64::from(!is_possible),
                "{update:?}: {length}"
            );
        }
    }
}

#[test]
fn unknown_states_and_protocols_are_refused() {
    let whole = written(&health("10.0.0.2:8080", true));
    for (place, known) in [(3, [0, 1]), (4, [6, 17])] {
        for value in 0..=u8::MAX {
            let mut bytes = whole.clone();
            bytes[place] = value;
            let (read, rejected) = read(&bytes, 2);
            let is_known = known.contains(&value);
            assert_eq!(read.is_some(), is_known, "byte {place}: {value}");
            assert_eq!(rejected.of(Rejection::ItemMalformed), u64::from(!is_known), "byte {place}: {value}");
        }
    }
}

#[test]
fn the_version_before_has_no_words_for_them() {
    for (update, _) in golden() {
        let mut batch = Batch::default();
        assert_eq!(batch.write(&update, 1, usize::MAX), Written::Untellable);
        assert!(batch.items.is_empty() && batch.updates == 0);
        let (read, rejected) = read(&written(&update), 1);
        assert_eq!((read, rejected.of(Rejection::ItemUnknown)), (None, 1));
    }
}

#[test]
fn a_client_of_another_family_than_its_server_is_not_told() {
    for (client, real_server) in [("198.51.100.7", "[2001:db8::2]:80"), ("2001:db8::7", "10.0.0.2:80")] {
        let mut batch = Batch::default();
        assert_eq!(batch.write(&sticky(client, real_server), 2, usize::MAX), Written::Untellable);
        assert!(batch.items.is_empty());
    }
}
