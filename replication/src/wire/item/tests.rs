//! Items in batches, and what is refused of them.

use super::*;
use model::{ConnectionEnds, ConnectionRecord, Endpoint, HealthRecord, Phase, Protocol, StickyRecord};
use std::net::{IpAddr, Ipv4Addr};

fn create(number: u16) -> Update {
    let end = |last, port| Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port);
    let ends = ConnectionEnds {
        protocol: Protocol::Tcp,
        client: end(1, number),
        virtual_server: end(2, 80),
        real_server: end(3, 80),
        translated_port: number,
    };
    Update::Create(ConnectionRecord { ends, phase: Phase::Open, bind_id: 0, group: 0, buddy: None })
}

fn digest(range: u16) -> Update {
    Update::Digest { range, digest: Digest { sum: u64::from(range) * 3, connections: 7 } }
}

fn sticky(scope: u64) -> Update {
    let real_server = Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3)), 80);
    let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    Update::Sticky(StickyRecord { scope, client, real_server, period_s: 60 })
}

fn health(has_failed: bool) -> Update {
    Update::Health(HealthRecord { real_server: "192.0.2.3:80".parse().unwrap(), has_failed })
}

fn written(updates: &[Update]) -> Vec<u8> {
    let mut batch = Batch::default();
    for update in updates {
        assert_eq!(batch.write(update, 2, usize::MAX), Written::Yes);
    }
    batch.items
}

fn read_all(items: &[u8]) -> (Vec<Update>, Rejections) {
    let (mut cursor, mut rejected) = (Cursor::default(), Rejections::default());
    let updates = std::iter::from_fn(|| cursor.next(items, 2, &mut rejected)).collect();
    (updates, rejected)
}

#[test]
fn all_kinds_are_read_back_in_order() {
    let mut ranges = RangeSet::EMPTY;
    ranges.set(9, true);
    let updates = [
        Update::PassBegins { pass: 1 },
        create(1),
        digest(0),
        digest(4_095),
        sticky(9),
        create(2),
        health(false),
        digest(5),
        health(true),
        Update::DigestsTold,
        Update::PassEnds { pass: 1, ranges: Arc::new(ranges) },
    ];
    let (read, rejected) = read_all(&written(&updates));
    assert_eq!((&read[..], rejected.total()), (&updates[..], 0));
}

#[test]
fn items_have_golden_bytes() {
    let items = written(&[digest(1), digest(2), Update::DigestsTold, Update::PassBegins { pass: 9 }]);
    let expected = [
        &[0x80, 0, 31][..],
        &[0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7],
        &[0, 2, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 7],
        &[0x81, 0, 3],
        &[0x82, 0, 4, 9],
    ];
    assert_eq!(items, expected.concat());
    let mut ranges = RangeSet::EMPTY;
    ranges.set(9, true);
    let end = written(&[Update::PassEnds { pass: 9, ranges: Arc::new(ranges) }]);
    assert_eq!((&end[..7], end.len()), (&[0x83, 2, 4, 9, 0, 2, 0][..], 516));
}

#[test]
fn a_full_batch_takes_nothing_and_stays_whole() {
    let mut batch = Batch::default();
    assert_eq!(batch.write(&digest(1), 2, 30), Written::Yes);
    assert_eq!(batch.write(&digest(2), 2, 30), Written::Full);
    assert_eq!(read_all(&batch.items), (vec![digest(1)], Rejections::default()));
}

#[test]
fn what_is_refused_does_not_take_the_rest_with_it() {
    for (bad, reason) in [
        (&[0x03, 4, 6, 0][..], Rejection::RecordSize),
        (&[0x07, 2], Rejection::RecordSize),
        (&[0x07, 4, 6, 0], Rejection::RecordFlags),
        (&[0x86, 0, 3], Rejection::ItemUnknown),
        (&[0x84, 0, 3], Rejection::ItemMalformed),
        (&[0x85, 0, 4, 1], Rejection::ItemMalformed),
        (&[0x80, 0, 4, 0], Rejection::ItemMalformed),
        (&[0x80, 0, 17, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Rejection::ItemMalformed),
        (&[0x82, 0, 4, 0], Rejection::ItemMalformed),
        (&[0x83, 0, 4, 1], Rejection::ItemMalformed),
    ] {
        let items = [&written(&[create(1)]), bad, &written(&[create(2)])].concat();
        let (updates, rejected) = read_all(&items);
        assert_eq!(updates, [create(1), create(2)], "{bad:?}");
        assert_eq!((rejected.of(reason), rejected.total()), (1, 1), "{bad:?}");
    }
}

#[test]
fn an_impossible_length_takes_the_rest_with_it() {
    for bad in [&[3, 0][..], &[3, 1], &[3, 255], &[0x81, 0, 2], &[0x81, 255, 255]] {
        let items = [&written(&[create(1)]), bad, &written(&[create(2)])].concat();
        let (updates, rejected) = read_all(&items);
        assert_eq!(updates, [create(1)], "{bad:?}");
        assert_eq!((rejected.of(Rejection::ItemLength), rejected.total()), (1, 1), "{bad:?}");
    }
}

#[test]
fn frames_that_can_not_be_are_refused() {
    let frame = |sequence: u64, oldest: u64| {
        let mut body = Vec::new();
        BatchFrame { sequence, oldest }.write(&mut body);
        BatchFrame::read(&body).map(|(frame, _)| frame)
    };
    assert_eq!(frame(7, 3), Some(BatchFrame { sequence: 7, oldest: 3 }));
    assert_eq!((frame(3, 7), frame(u64::MAX, 0)), (None, None));
}
