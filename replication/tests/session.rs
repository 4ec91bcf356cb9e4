//! Who is believed, and what of it: a unit against a peer that keeps to the specification, and against others.

mod peer;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{
    ConnectionEnds, ConnectionRecord, Endpoint, HealthRecord, Instant, Phase, Protocol, RangeSet, ServerName,
    ShardOrder, ShardReport, StickyRecord, UnitState, Update,
};
use peer::{
    ACKNOWLEDGEMENT, BATCH, Choice, HELLO, NOW, Peer, REQUEST, STATUS, choices_in, orders_of, sent_by,
    settings, unit,
};
use replication::{Link, PairKey, Rejection, Replicator, Settings};

/// A create of version 2, by hand.
const CREATE: [u8; 26] = [
    3, 26, 6, 0, // real count and virtual count set, length, TCP, open
    0, 5, 0, 1, // bind ID 5, group 1
    10, 0, 0, 2, 0x1f, 0x90, // real server
    198, 51, 100, 7, 0x9c, 0x40, // client
    192, 0, 2, 1, 0, 80, // virtual server
];

fn record() -> ConnectionRecord {
    let end = |address: [u8; 4], port| Endpoint::new(address.into(), port);
    ConnectionRecord {
        ends: ConnectionEnds {
            protocol: Protocol::Tcp,
            client: end([198, 51, 100, 7], 40_000),
            virtual_server: end([192, 0, 2, 1], 80),
            real_server: end([10, 0, 0, 2], 8_080),
            translated_port: 40_000,
        },
        phase: Phase::Open,
        bind_id: 5,
        group: 1,
        buddy: None,
    }
}

fn applies(update: Update) -> ShardOrder {
    ShardOrder::Apply(update)
}

fn rejected(unit: &Replicator, reason: Rejection) -> u64 {
    unit.status(NOW).rejected.of(reason)
}

fn link(unit: &Replicator) -> Link {
    unit.status(NOW).link
}

#[test]
fn a_standby_understands_an_active_peer() {
    let mut standby = unit(settings(), UnitState::Standby);
    let mut peer = Peer::of(&mut standby, UnitState::Active);
    standby.receive(NOW, 0, &mut peer.batch(0, &CREATE));
    assert_eq!(orders_of(&mut standby), [applies(Update::Create(record()))]);

    let soon = NOW + Duration::from_millis(1);
    let answers = sent_by(&mut standby, soon);
    let answers: Vec<_> = answers.iter().map(|datagram| peer.open(datagram).unwrap()).collect();
    let acknowledgement = answers.iter().find(|answer| answer.kind == ACKNOWLEDGEMENT).unwrap();
    let expected = [1_u64.to_be_bytes(), 1_u64.to_be_bytes()].concat();
    assert_eq!((&acknowledgement.body[..16], acknowledgement.body.len()), (&expected[..], 20));
    let status = answers.iter().find(|answer| answer.kind == STATUS).unwrap();
    assert_eq!(status.body, [0; 14]);
}

#[test]
fn an_active_unit_is_understood_by_a_standby_peer() {
    let mut active = unit(settings(), UnitState::Active);
    let peer = Peer::of(&mut active, UnitState::Standby);
    assert!(active.wants_updates());
    active.report(NOW, 0, ShardReport::Update(Update::Create(record())));
    let sent = sent_by(&mut active, NOW + Duration::from_millis(1));
    let opened = sent.iter().map(|datagram| peer.open(datagram).unwrap());
    let batch = opened.into_iter().find(|opened| opened.kind == BATCH).unwrap();
    assert_eq!((batch.version, &batch.body[16..]), (2, &CREATE[..]));
    assert_eq!(orders_of(&mut active), [ShardOrder::TellDigests { round: 1 }]);
}

/// Sticky entries and states of servers of version 2, by hand.
const CHOICES: [&[u8]; 3] = [
    &[
        0x84, 0, 25, // a sticky entry of IPv4
        1, 2, 3, 4, 5, 6, 7, 8, // scope
        0, 0, 7, 8, // seconds
        198, 51, 100, 0, // client's network
        10, 0, 0, 2, 0x1f, 0x90, // real server
    ],
    &[
        0x84, 0, 49, // of IPv6
        0, 0, 0, 0, 0, 0, 0, 1, // scope
        0, 0, 0, 0, // seconds: no more
        0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, // client
        0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 80, // real server
    ],
    &[
        0x85, 0, 13, // a state of a server of IPv4
        1, 17, 0, 7, // failed, UDP, bind ID 7
        10, 0, 0, 2, 0, 53, // real server
    ],
];

fn choices() -> [Update; 3] {
    let sticky = |scope, client, real, port, period_s| {
        let real_server = Endpoint::new(real, port);
        Update::Sticky(StickyRecord { scope, client, real_server, period_s })
    };
    let v4 = |address: [u8; 4]| IpAddr::from(address);
    let v6 = |last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
    let real_server =
        ServerName { address: v4([10, 0, 0, 2]), port: 53, bind_id: 7, protocol: Protocol::Udp };
    [
        sticky(0x0102_0304_0506_0708, v4([198, 51, 100, 0]), v4([10, 0, 0, 2]), 8_080, 1_800),
        sticky(1, v6(7), v6(2), 80, 0),
        Update::Health(HealthRecord { real_server, has_failed: true }),
    ]
}

#[test]
fn a_standby_understands_where_clients_return_and_who_has_failed() {
    let mut standby = unit(settings(), UnitState::Standby);
    let mut peer = Peer::of(&mut standby, UnitState::Active);
    // Before a pass, in one, and behind it.
    let ends = [&[0x83, 2, 4, 1][..], &[0; 512]].concat();
    let items = [CHOICES[0], &[0x82, 0, 4, 1], CHOICES[1], &ends, CHOICES[2]].concat();
    standby.receive(NOW, 0, &mut peer.batch(0, &items));
    let ranges = Arc::new(RangeSet::EMPTY);
    let [first, second, third] = choices();
    let expected =
        [first, Update::PassBegins { pass: 1 }, second, Update::PassEnds { pass: 1, ranges }, third];
    assert_eq!(orders_of(&mut standby), expected.map(ShardOrder::Apply));
    assert_eq!(standby.status(NOW).rejected.total(), 0);
}

#[test]
fn an_active_unit_tells_where_clients_return_and_who_has_failed() {
    let mut active = unit(settings(), UnitState::Active);
    let peer = Peer::of(&mut active, UnitState::Standby);
    choices().into_iter().for_each(|update| active.report(NOW, 0, ShardReport::Update(update)));
    let sent = sent_by(&mut active, NOW + Duration::from_millis(1));
    let mut opened = sent.iter().map(|datagram| peer.open(datagram).unwrap());
    let batch = opened.find(|opened| opened.kind == BATCH).unwrap();
    assert_eq!(&batch.body[16..], CHOICES.concat());
    let address = |text: &str| text.parse().unwrap();
    let expected = [
        Choice::Sticky {
            scope: 0x0102_0304_0506_0708,
            seconds: 1_800,
            client: address("198.51.100.0"),
            real_server: (address("10.0.0.2"), 8_080),
        },
        Choice::Sticky {
            scope: 1,
            seconds: 0,
            client: address("2001:db8::7"),
            real_server: (address("2001:db8::2"), 80),
        },
        Choice::State { has_failed: true, protocol: 17, bind_id: 7, real_server: (address("10.0.0.2"), 53) },
    ];
    assert_eq!(choices_in(&batch.body), expected);
}

/// After the first round of digests the shards are asked for what digests do not speak of, once.
#[test]
fn shards_are_asked_for_the_rest_after_the_first_round() {
    let mut active = unit(settings(), UnitState::Active);
    let mut peer = Peer::of(&mut active, UnitState::Standby);
    sent_by(&mut active, NOW);
    assert_eq!(orders_of(&mut active), [ShardOrder::TellDigests { round: 1 }]);
    active.report(NOW, 0, ShardReport::DigestsTold { round: 1 });
    let ranges = Arc::new(RangeSet::EMPTY);
    assert_eq!(orders_of(&mut active), [ShardOrder::Walk { pass: 1, ranges }]);
    sent_by(&mut active, NOW);
    assert!(matches!(orders_of(&mut active)[..], [ShardOrder::Grant { .. }]));

    // A request waits for its end, and then is a pass.
    let request = [&1_u32.to_be_bytes()[..], &[0xff; 512]].concat();
    active.receive(NOW, 0, &mut peer.seal(REQUEST, &request));
    assert_eq!((orders_of(&mut active), active.status(NOW).pass), (vec![], None));
    active.report(NOW, 0, ShardReport::Walked { pass: 1 });
    active.receive(NOW, 0, &mut peer.seal(REQUEST, &request));
    let ranges = Arc::new(RangeSet::ALL);
    assert_eq!(orders_of(&mut active), [ShardOrder::Walk { pass: 2, ranges }]);
    active.report(NOW, 0, ShardReport::Walked { pass: 2 });
    sent_by(&mut active, NOW);
    orders_of(&mut active);
    active.report(NOW, 0, ShardReport::DigestsTold { round: 2 });
    assert_eq!(orders_of(&mut active), [], "nothing was lost");
}

#[test]
fn a_create_takes_less_than_40_bytes_on_the_wire() {
    let mut active = unit(settings(), UnitState::Active);
    let peer = Peer::of(&mut active, UnitState::Standby);
    let creates = 540;
    (0..creates).for_each(|_| active.report(NOW, 0, ShardReport::Update(Update::Create(record()))));
    let sent = sent_by(&mut active, NOW + Duration::from_millis(1));
    let batches = sent.iter().filter(|datagram| peer.open(datagram).unwrap().kind == BATCH);
    let bytes: usize = batches.map(|datagram| datagram.len() + 28).sum();
    assert!(bytes < 28 * creates, "{bytes} bytes");
}

#[test]
fn without_a_flush_time_each_update_goes_by_itself() {
    let mut active = unit(Settings { flush: Duration::ZERO, ..settings() }, UnitState::Active);
    let peer = Peer::of(&mut active, UnitState::Standby);
    (0..5).for_each(|_| active.report(NOW, 0, ShardReport::Update(Update::Create(record()))));
    let sent = sent_by(&mut active, NOW);
    assert_eq!(sent.iter().filter(|datagram| peer.open(datagram).unwrap().kind == BATCH).count(), 5);
}

#[test]
fn a_datagram_counts_once() {
    let mut standby = unit(settings(), UnitState::Standby);
    let mut peer = Peer::of(&mut standby, UnitState::Active);
    let batch = peer.batch(0, &CREATE);
    for times in 0..3 {
        standby.receive(NOW, 0, &mut batch.clone());
        assert_eq!(orders_of(&mut standby).len(), usize::from(times == 0));
        assert_eq!(rejected(&standby, Rejection::Replayed), times);
    }
}

#[test]
fn a_changed_bit_changes_nothing() {
    let mut standby = unit(settings(), UnitState::Standby);
    let mut peer = Peer::of(&mut standby, UnitState::Active);
    let batch = peer.batch(0, &CREATE);
    for bit in 0..batch.len() * 8 {
        let mut changed = batch.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        standby.receive(NOW, 0, &mut changed);
        assert_eq!(orders_of(&mut standby), [], "bit {bit}");
        assert_eq!(standby.status(NOW).rejected.total(), bit as u64 + 1, "bit {bit}");
    }
    standby.receive(NOW, 0, &mut batch.clone());
    assert_eq!(orders_of(&mut standby).len(), 1, "the true one is still taken");
}

#[test]
fn another_key_is_a_stranger() {
    let mut standby = unit(settings(), UnitState::Standby);
    let hello = sent_by(&mut standby, NOW).remove(0);
    let mut stranger = Peer { key: [8; 32], ours: 5, theirs: 0, version: 2, counter: 0 };
    assert_eq!(stranger.open(&hello), None);
    let body = [2, UnitState::Active as u8, 0x05, 0xc0];
    standby.receive(NOW, 0, &mut stranger.seal(HELLO, &body));
    stranger.theirs = u64::from_be_bytes(hello[2..10].try_into().unwrap());
    standby.receive(NOW, 0, &mut stranger.seal(HELLO, &body));
    assert_eq!((link(&standby), rejected(&standby, Rejection::NotAuthentic)), (Link::Searching, 2));
    assert_eq!(sent_by(&mut standby, NOW), Vec::<Vec<u8>>::new(), "a stranger gets no answer");
}

#[test]
fn what_comes_back_from_a_mirror_is_not_believed() {
    let mut standby = unit(settings(), UnitState::Standby);
    for mut datagram in sent_by(&mut standby, NOW) {
        standby.receive(NOW, 0, &mut datagram);
    }
    assert_eq!((link(&standby), rejected(&standby, Rejection::Reflected)), (Link::Searching, 1));
}

/// A recording of a whole session, played to a unit that began anew.
#[test]
fn a_recorded_session_is_not_believed() {
    let mut first = unit(settings(), UnitState::Standby);
    let mut peer = Peer::of(&mut first, UnitState::Active);
    peer.counter = 0;
    let answer = peer.seal(HELLO, &[2, UnitState::Active as u8, 0x05, 0xc0]);
    let recording = [answer, peer.batch(0, &CREATE), peer.batch(1, &CREATE)];

    let mut id = 0x3333_0000;
    let random = move || {
        id += 1;
        id
    };
    let mut second = Replicator::new(settings(), UnitState::Standby, random, NOW);
    for mut datagram in recording {
        second.receive(NOW, 0, &mut datagram);
    }
    assert_eq!((link(&second), rejected(&second, Rejection::UnknownSession)), (Link::Searching, 3));
    assert_eq!(orders_of(&mut second), []);
}

/// A recorded hello is a hint only: it is answered, and nobody proves to be there.
#[test]
fn a_recorded_hello_makes_no_session() {
    let mut standby = unit(settings(), UnitState::Standby);
    let mut recorded = Peer { key: peer::KEY, ours: 0x4444, theirs: 0, version: 2, counter: 0 };
    let hello = recorded.seal(HELLO, &[2, UnitState::Active as u8, 0x05, 0xc0]);
    for _ in 0..3 {
        standby.receive(NOW, 0, &mut hello.clone());
    }
    assert_eq!(link(&standby), Link::Searching);

    // Who can make new datagrams for the ID of the answer is there.
    let answers = sent_by(&mut standby, NOW);
    let answer = answers.iter().find_map(|datagram| recorded.open(datagram).filter(|it| it.receiver != 0));
    recorded.theirs = answer.unwrap().sender;
    standby.receive(NOW, 0, &mut recorded.seal(STATUS, &[1; 14]));
    assert!(matches!(link(&standby), Link::Connected { .. }));
}

#[test]
fn hellos_without_end_cost_little() {
    let mut standby = unit(settings(), UnitState::Standby);
    for ours in 1..1_000 {
        let mut many = Peer { key: peer::KEY, ours, theirs: 0, version: 2, counter: 0 };
        standby.receive(NOW, 0, &mut many.seal(HELLO, &[2, 1, 0x05, 0xc0]));
    }
    assert!(rejected(&standby, Rejection::TooManyHellos) > 900);
    assert!(sent_by(&mut standby, NOW).len() < 20);
}

fn connected_to(version: u8) -> (Replicator, Peer) {
    let mut active = unit(settings(), UnitState::Active);
    let mut peer = Peer { key: peer::KEY, ours: 0x2222_0000, theirs: 0, version, counter: 0 };
    peer.connect(&mut active, UnitState::Standby);
    (active, peer)
}

#[test]
fn units_that_are_a_version_apart_speak_the_older() {
    for (version, spoken, record_bytes) in [(1, 1, 22), (2, 2, 26), (3, 2, 26)] {
        let (mut active, peer) = connected_to(version);
        assert!(matches!(link(&active), Link::Connected { version, .. } if version == spoken));
        let old = ConnectionRecord { bind_id: 0, group: 0, ..record() };
        active.report(NOW, 0, ShardReport::Update(Update::Create(old)));
        let sent = sent_by(&mut active, NOW + Duration::from_millis(1));
        let batch = sent.iter().map(|datagram| peer.open(datagram).unwrap()).find(|it| it.kind == BATCH);
        let batch = batch.unwrap();
        assert_eq!((batch.version, batch.body.len() - 16), (spoken, record_bytes));
    }
}

#[test]
fn a_unit_of_the_version_before_is_not_told_what_it_has_no_words_for() {
    let (mut active, mut peer) = connected_to(1);
    choices().into_iter().for_each(|update| active.report(NOW, 0, ShardReport::Update(update)));
    assert_eq!(active.status(NOW).sent.untellable, 3);
    let sent = sent_by(&mut active, NOW + Duration::from_millis(1));
    assert!(sent.iter().all(|datagram| peer.open(datagram).unwrap().kind != BATCH));

    let mut standby = unit(settings(), UnitState::Standby);
    peer.connect(&mut standby, UnitState::Active);
    standby.receive(NOW, 0, &mut peer.batch(0, &CHOICES.concat()));
    assert_eq!((orders_of(&mut standby), rejected(&standby, Rejection::ItemUnknown)), (vec![], 3));
}

#[test]
fn units_that_are_two_versions_apart_say_so() {
    let (mut active, _) = connected_to(4);
    assert_eq!(link(&active), Link::Incompatible { version: 4 });
    assert_eq!(rejected(&active, Rejection::VersionTooFar), 1);
    assert!(!active.wants_updates());
    let later = Instant::from_millis(10_000);
    assert!(!sent_by(&mut active, later).is_empty(), "it goes on looking");
}

/// Section 7 of docs/REPLICATION.md, against a unit that was written from it.
#[test]
fn the_example_of_the_specification_is_right() {
    let document = include_str!("../../docs/REPLICATION.md").replace(char::is_whitespace, "");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = std::array::from_fn(|place| u8::try_from(place).unwrap());
    let mut peer = Peer { key, ours: 1, theirs: 2, version: 2, counter: 0 };
    let datagram = hex(&peer.batch(0, &CREATE));
    assert!(document.contains(&datagram), "{datagram}");
    let seed = format!("{:016x}", PairKey::new(key).digest_seed());
    assert!(document.contains(&format!("digestseedofthatpairkeyis`{seed}`")), "{seed}");
}
