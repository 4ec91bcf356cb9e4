//! The figure that the cable has to keep: a large configuration in ten seconds, and no beat later than 20 ms.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod pair;

use std::time::Duration;

use failover_serial::ChannelSettings;
use model::UnitState;
use pair::{Pair, Unit, in_sync, key};

const LATEST: Duration = Duration::from_millis(20);
const BEAT_INTERVAL: Duration = Duration::from_millis(50);

/// A director.json of 1,000 virtual and 4,000 real servers: addresses without order, four bindings each.
fn large_document() -> Vec<u8> {
    let mut chance = fastrand::Rng::with_seed(5);
    let mut addresses: Vec<(u32, u32)> = (0..256).flat_map(|x| (1..255).map(move |y| (x, y))).collect();
    chance.shuffle(&mut addresses);
    let reals: Vec<String> =
        addresses.iter().take(4_000).map(|(x, y)| format!("10.1.{x}.{y}:8080")).collect();
    let port = |chance: &mut fastrand::Rng| if chance.bool() { 80 } else { 443 };
    let virtuals: Vec<String> =
        (0..1_000).map(|i| format!("192.0.{}.{}:{}", i / 250, i % 250 + 1, port(&mut chance))).collect();
    let predictors = ["leastconns", "roundrobin", "weighted-roundrobin"];
    let lines = |lines: Vec<String>| lines.join(",\n");
    let virtual_servers = lines(
        virtuals
            .iter()
            .map(|name| {
                format!(
                    "    {{ \"virtual\": \"{name}\", \"predictor\": \"{}\" }}",
                    predictors[chance.usize(..3)]
                )
            })
            .collect(),
    );
    let real_servers = lines(
        reals
            .iter()
            .map(|name| format!("    {{ \"real\": \"{name}\", \"weight\": {} }}", chance.u8(1..10)))
            .collect(),
    );
    let bindings = lines(
        virtuals
            .iter()
            .map(|name| {
                let bound: Vec<String> =
                    chance.choose_multiple(&reals, 4).iter().map(|real| format!("\"{real}\"")).collect();
                format!("    {{ \"virtual\": \"{name}\", \"real\": [{}] }}", bound.join(", "))
            })
            .collect(),
    );
    format!(
        "{{\n  \"virtual_servers\": [\n{virtual_servers}\n  ],\n  \"real_servers\": [\n{real_servers}\n  ],\n  \
         \"bindings\": [\n{bindings}\n  ]\n}}\n"
    )
    .into_bytes()
}

#[test]
fn a_large_configuration_in_ten_seconds_and_beats_in_time() {
    let document = large_document();
    let mut pair = Pair::with_documents((7, &document), (1, b"{}")).beating(BEAT_INTERVAL);
    let took = pair.run_until(Duration::from_secs(30), in_sync);
    let status = pair.units[0].channel.status();
    let latest = pair.units.iter().flat_map(|unit| &unit.beats).max().unwrap();
    let lost: u64 = pair.units.iter().map(|unit| unit.channel.status().counters.beats_lost).sum();
    println!(
        "{} bytes of configuration at 115200 baud: in force at the standby after {took:?}, {} bytes on the wire, \
         latest of {} beats {latest:?}, {lost} lost",
        document.len(),
        status.counters.bytes_sent,
        pair.units[1].beats.len(),
    );
    assert!(took <= Duration::from_secs(10), "{took:?}");
    assert!(*latest <= LATEST, "{latest:?}");
    assert_eq!((lost, status.counters.parts_sent_again), (0, 0));
}

#[test]
fn it_arrives_through_noise_too() {
    let document = large_document();
    let mut pair = Pair::with_documents((7, &document), (1, b"{}")).beating(BEAT_INTERVAL).with_noise(10);
    let took = pair.run_until(Duration::from_secs(120), in_sync);
    let counters = pair.units[0].channel.status().counters;
    let latest = pair.units.iter().flat_map(|unit| &unit.beats).max().unwrap();
    let lost: u64 = pair.units.iter().map(|unit| unit.channel.status().counters.beats_lost).sum();
    println!(
        "with 1 % of all bytes disturbed: after {took:?}, {} parts and {} again, latest beat {latest:?}, {lost} of {} lost",
        counters.parts_sent,
        counters.parts_sent_again,
        counters.beats_sent * 2,
    );
    // The end of a frame may be what is disturbed: then it is seen at the beginning of the next one.
    assert!(*latest <= LATEST + BEAT_INTERVAL, "{latest:?}");
}

#[test]
fn other_baud_rates() {
    let document = large_document();
    for (baud, interval_ms, most) in [(9_600, 300, 240), (38_400, 100, 40), (921_600, 50, 2)] {
        let settings = ChannelSettings { baud, ..ChannelSettings::new(key()) };
        let one = Unit::new(settings.clone(), 0x11, UnitState::Active, (7, &document));
        let two = Unit::new(settings, 0x22, UnitState::Standby, (1, b"{}"));
        let mut pair = Pair::new(baud, one, two).beating(Duration::from_millis(interval_ms));
        let took = pair.run_until(Duration::from_secs(most), in_sync);
        let latest = pair.units.iter().flat_map(|unit| &unit.beats).max().unwrap();
        println!("{baud} baud, a beat each {interval_ms} ms: after {took:?}, latest beat {latest:?}");
    }
}
