//! Sessions over the cable: what is defined to happen when it is pulled out, disturbed, shorted, or leads to a stranger.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod pair;

use std::time::Duration;

use failover_serial::{
    CableKey, Channel, ChannelSettings, Condition, DatagramChannel, DatagramSettings, Received, Rejection,
};
use model::{Instant, UnitState};
use pair::{Pair, START, Unit, in_sync, key};

const SECOND: Duration = Duration::from_secs(1);
const BEAT_INTERVAL: Duration = Duration::from_millis(50);

/// Text that can not be compressed much.
fn document(kilobytes: usize) -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(3);
    std::iter::repeat_with(|| chance.alphanumeric() as u8).take(kilobytes * 1_024).collect()
}

/// A pair whose second unit has other settings.
fn unlike(other: ChannelSettings) -> Pair {
    let one = Unit::new(ChannelSettings::new(key()), 0x11, UnitState::Active, (2, b"{ }"));
    let mut pair = Pair::new(115_200, one, Unit::new(other, 0x22, UnitState::Standby, (1, b"{}")));
    pair = pair.beating(BEAT_INTERVAL);
    pair.units.iter_mut().for_each(|unit| unit.tells_mark = false);
    pair
}

#[test]
fn a_plug_that_was_out_for_a_while() {
    let document = document(20);
    let mut pair = Pair::with_documents((2, &document), (1, b"{}")).beating(BEAT_INTERVAL);
    pair.run(SECOND);
    let arrived = pair.units[1].mirror.status().receiving.unwrap().sent;
    assert!(arrived > 3_000);
    pair.set_cut(true);
    pair.run(SECOND * 5);
    pair.set_cut(false);
    let now = pair.now;
    pair.units.iter_mut().for_each(|unit| unit.channel.reset(now));
    pair.run(SECOND / 10);
    assert!(pair.units[1].mirror.status().receiving.unwrap().sent >= arrived, "nothing begins anew");
    pair.run_until(SECOND * 4, in_sync);
    for unit in &pair.units {
        let status = unit.channel.status();
        assert_eq!((status.condition, status.counters.sessions), (Condition::Connected, 1));
    }
}

#[test]
fn ends_that_were_exchanged() {
    let document = document(20);
    let mut pair = Pair::with_documents((2, &document), (1, b"{}")).beating(BEAT_INTERVAL);
    pair.run(SECOND);
    pair.set_cut(true);
    pair.run(SECOND);
    pair.units.swap(0, 1);
    pair.set_cut(false);
    let now = pair.now;
    pair.units.iter_mut().for_each(|unit| unit.channel.reset(now));
    pair.run_until(SECOND * 4, in_sync);
    assert_eq!(pair.units[0].document, document, "the standby is at the other end now");
}

#[test]
fn messages_arrive_once_and_in_order_through_noise() {
    let mut pair = Pair::with_documents((1, b"{}"), (1, b"{}")).with_noise(20);
    let mut sent: Vec<Vec<u8>> = Vec::new();
    for number in 0..200_usize {
        let message = vec![u8::try_from(number % 251).unwrap(); number * 7 % 900];
        while !pair.units[0].channel.send_message(message.clone()) {
            pair.run(SECOND / 100);
        }
        sent.push(message);
    }
    pair.run_until(SECOND * 120, |units| units[0].channel.status().messages_waiting == 0);
    let arrived: Vec<_> =
        pair.units[1].messages.iter().filter(|message| sent.contains(message)).cloned().collect();
    assert_eq!(arrived, sent);
    assert!(pair.units[1].channel.status().counters.rejections.of(Rejection::Corrupt) > 100);
}

#[test]
fn a_peer_of_another_version() {
    let mut pair = unlike(ChannelSettings { version: 2, ..ChannelSettings::new(key()) });
    pair.run(SECOND * 3);
    for (unit, other) in pair.units.iter().zip([2, 1]) {
        let status = unit.channel.status();
        assert_eq!(status.condition, Condition::OtherVersion(other));
        assert_eq!((unit.beats.len(), unit.messages.len()), (0, 0), "nothing of it is taken");
        assert!(status.counters.rejections.of(Rejection::OtherVersion) > 50);
    }
}

#[test]
fn a_peer_with_another_key() {
    let mut pair = unlike(ChannelSettings::new(CableKey::new([8; 32])));
    pair.run(SECOND * 3);
    for unit in &pair.units {
        let status = unit.channel.status();
        assert_eq!((status.condition, status.peer_boot), (Condition::OtherKey, None));
        assert!(status.counters.rejections.of(Rejection::NotAuthentic) >= 2);
        assert_eq!(unit.messages.len(), 0);
        assert!(unit.beats.len() > 50, "who made a beat is for its reader to find out");
    }
    assert!(pair.units[0].channel.status().counters.bytes_sent < 3 * 60 * 128, "the line is left to beats");
}

#[test]
fn a_line_that_leads_back() {
    let mut channel = Channel::new(ChannelSettings::new(key()), 0x11, START);
    let mut frame = Vec::new();
    channel.send_beat(START, b"beat");
    channel.send_message(b"message".to_vec());
    let mut now = START;
    for _ in 0..100 {
        while channel.poll_transmit(now, &mut frame) {
            channel.receive(now, &frame);
        }
        now = now + SECOND / 10;
    }
    let status = channel.status();
    assert_eq!((status.condition, status.peer_boot), (Condition::LoopedBack, None));
    assert!(status.counters.rejections.of(Rejection::LoopedBack) > 10);
    assert_eq!(channel.poll_received(), None);
    assert_eq!(status.condition.text(), "looped back: this unit hears itself");
}

#[test]
fn a_beat_goes_first_and_the_newest_counts() {
    let mut pair = Pair::with_documents((2, &document(20)), (1, b"{}"));
    pair.run(SECOND);
    let now = pair.now;
    let channel = &mut pair.units[0].channel;
    for beat in 0..3_u64 {
        channel.send_beat(now, &[now.as_nanos().to_be_bytes(), [0; 8], beat.to_be_bytes()].concat());
    }
    pair.units[1].tells_mark = false;
    pair.run(SECOND / 40);
    assert_eq!(pair.units[0].channel.status().counters.beats_replaced, 2);
    assert_eq!(pair.units[1].beats.len(), 1);
    assert!(pair.units[1].beats[0] < Duration::from_millis(14), "{:?}", pair.units[1].beats[0]);
}

#[test]
fn the_line_is_never_more_than_a_frame_behind() {
    for baud in [9_600, 19_200, 115_200, 460_800, 921_600] {
        let mut settings = ChannelSettings::new(key());
        settings.baud = baud;
        let document = document(2);
        let one = Unit::new(settings.clone(), 0x11, UnitState::Active, (2, &document));
        let two = Unit::new(settings, 0x22, UnitState::Standby, (1, b"{}"));
        let frame = Duration::from_micros(128 * 10_000_000 / u64::from(baud));
        // At 9,600 baud a beat of full length fills the line for 133 ms.
        let interval = if baud < 100_000 { frame / 2 } else { BEAT_INTERVAL };
        let mut pair = Pair::new(baud, one, two).beating(interval);
        let took = pair.run_until(SECOND * 60, in_sync);
        let latest = pair.units.iter().flat_map(|unit| &unit.beats).max().unwrap();
        println!("{baud} baud: 2 KB after {took:?}, latest beat {latest:?}, one frame {frame:?}");
        assert!(*latest <= frame * 2 + Duration::from_millis(1), "{baud}: {latest:?}");
    }
}

/// Two datagram channels and a network that loses, doubles and reorders.
#[test]
fn the_same_over_datagrams() {
    let mut chance = fastrand::Rng::with_seed(4);
    let channel = |boot| DatagramChannel::new(DatagramSettings::new(key()), boot, START);
    let mut ends = [channel(0x11), channel(0x22)];
    let sent: Vec<Vec<u8>> =
        (0..300_usize).map(|number| vec![u8::try_from(number % 251).unwrap(); number * 20]).collect();
    let (mut arrived, mut under_way) = (Vec::new(), Vec::new());
    let (mut now, mut next, mut datagram) = (START, 0, Vec::new());
    while arrived.len() < sent.len() {
        assert!(now - START < SECOND * 60, "{:?}", ends[0].status());
        while next < sent.len() && ends[0].send_message(sent[next].clone()) {
            next += 1;
        }
        for (from, end) in ends.iter_mut().enumerate() {
            while end.poll_transmit(now, &mut datagram) {
                assert!(datagram.len() <= 1_400);
                let copies = [0, 1, 1, 1, 2][chance.usize(..5)];
                under_way.extend(std::iter::repeat_n((1 - from, datagram.clone()), copies));
            }
        }
        chance.shuffle(&mut under_way);
        let stay = under_way.len() / 4;
        for (to, datagram) in under_way.drain(stay..) {
            ends[to].receive(now, &datagram);
        }
        while let Some(Received::Message(message)) = ends[1].poll_received() {
            arrived.push(message);
        }
        now = now + Duration::from_millis(1);
    }
    assert!(arrived == sent, "once each, and in order");
    assert_eq!(ends[1].status().counters.sessions, 1);
}

#[test]
fn a_datagram_of_a_stranger_or_of_yesterday_is_refused() {
    let end = |key, boot| DatagramChannel::new(DatagramSettings::new(key), boot, START);
    let (mut one, mut stranger) = (end(key(), 0x11), end(CableKey::new([8; 32]), 0x22));
    let mut datagram = Vec::new();
    assert!(stranger.poll_transmit(START, &mut datagram));
    one.receive(START, &datagram);
    let status = one.status();
    assert_eq!(status.counters.rejections.of(Rejection::NotAuthentic), 1);
    assert_eq!(status.condition, Condition::OtherKey);

    // A whole session, recorded, and played to the unit after it has restarted.
    let mut recorded = Vec::new();
    let mut peer = end(key(), 0x22);
    peer.send_message(b"of yesterday".to_vec());
    exchange(START, &mut one, &mut peer, &mut recorded);
    assert_eq!(one.poll_received(), Some(Received::Message(b"of yesterday".to_vec())));
    let mut restarted = end(key(), 0x33);
    recorded.iter().for_each(|datagram| restarted.receive(START, datagram));
    assert_eq!((restarted.poll_received(), restarted.status().peer_boot), (None, None));
}

/// Lets two ends talk; keeps what `peer` said.
fn exchange(
    mut now: Instant,
    one: &mut DatagramChannel,
    peer: &mut DatagramChannel,
    recorded: &mut Vec<Vec<u8>>,
) {
    let mut datagram = Vec::new();
    for _ in 0..200 {
        while one.poll_transmit(now, &mut datagram) {
            peer.receive(now, &datagram);
        }
        while peer.poll_transmit(now, &mut datagram) {
            recorded.push(datagram.clone());
            one.receive(now, &datagram);
        }
        now = now + Duration::from_millis(10);
    }
}
