//! Two units, a line between them that takes its time for each byte, and a clock: all simulated.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test harness may panic")]

use std::collections::VecDeque;
use std::time::Duration;

use failover_serial::{
    CABLE_MESSAGE_BYTES, CableKey, Channel, ChannelSettings, Mirror, MirrorEvent, MirrorSettings, Received,
    digest_of,
};
use model::limits::BEAT_BYTES;
use model::{ConfigurationMark, Instant, UnitState};

pub(crate) const START: Instant = Instant::from_millis(1_000);

pub(crate) fn key() -> CableKey {
    CableKey::new([7; 32])
}

pub(crate) fn mark(generation: u32, document: &[u8]) -> ConfigurationMark {
    ConfigurationMark { generation, digest: digest_of(document) }
}

/// One direction of the line.
pub(crate) struct Wire {
    baud: u32,
    free_at: Instant,
    under_way: VecDeque<(Instant, Vec<u8>)>,
    pub(crate) is_cut: bool,
    /// In a thousand bytes so many are changed, lost, or joined by another.
    pub(crate) noise_per_mille: u32,
    chance: fastrand::Rng,
}

impl Wire {
    fn new(baud: u32, seed: u64) -> Self {
        Self {
            baud,
            free_at: START,
            under_way: VecDeque::new(),
            is_cut: false,
            noise_per_mille: 0,
            chance: fastrand::Rng::with_seed(seed),
        }
    }

    fn send(&mut self, now: Instant, bytes: &[u8]) {
        let nanoseconds = bytes.len() as u64 * 10_000_000_000 / u64::from(self.baud);
        self.free_at = self.free_at.max(now) + Duration::from_nanos(nanoseconds);
        let mut arriving = Vec::new();
        for &byte in bytes {
            if self.chance.u32(0..1_000) >= self.noise_per_mille {
                arriving.push(byte);
                continue;
            }
            match self.chance.u8(0..4) {
                0 => {}
                1 => arriving.extend([byte, self.chance.u8(..)]),
                _ => arriving.push(byte ^ (1 << self.chance.u8(0..8))),
            }
        }
        if !self.is_cut {
            self.under_way.push_back((self.free_at, arriving));
        }
    }

    fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.under_way.pop_front_if(|(at, _)| *at <= now).map(|(_, bytes)| bytes)
    }
}

/// One end.
pub(crate) struct Unit {
    pub(crate) channel: Channel,
    pub(crate) mirror: Mirror,
    pub(crate) beat_interval: Option<Duration>,
    next_beat: Instant,
    /// How long each beat was under way, from being handed over to the last byte.
    pub(crate) beats: Vec<Duration>,
    pub(crate) events: Vec<MirrorEvent>,
    /// It tells in its beats what it has.
    pub(crate) tells_mark: bool,
    pub(crate) document: Vec<u8>,
    /// It can not carry out what the other one sends, and says why.
    pub(crate) refuses: Option<&'static str>,
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Unit {
    pub(crate) fn new(
        settings: ChannelSettings,
        boot: u32,
        state: UnitState,
        document: (u32, &[u8]),
    ) -> Self {
        let (generation, document) = document;
        let mirror_settings =
            MirrorSettings { key: settings.key.clone(), message_bytes: CABLE_MESSAGE_BYTES };
        let mark = mark(generation, document);
        Self {
            channel: Channel::new(settings, boot, START),
            mirror: Mirror::new(mirror_settings, mark, document.to_vec(), state, START),
            beat_interval: None,
            next_beat: START,
            beats: Vec::new(),
            events: Vec::new(),
            tells_mark: true,
            document: document.to_vec(),
            refuses: None,
            messages: Vec::new(),
        }
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.channel.receive(now, bytes);
        while let Some(received) = self.channel.poll_received() {
            match received {
                Received::Beat(beat) => self.take_beat(now, &beat),
                Received::Message(message) => {
                    self.mirror.receive(now, &message);
                    self.messages.push(message);
                }
            }
        }
        self.decide(now);
    }

    fn take_beat(&mut self, now: Instant, beat: &[u8]) {
        let word = |at: usize| u64::from_be_bytes(beat[at..at + 8].try_into().unwrap());
        self.beats.push(now - Instant::from_nanos(word(0)));
        if self.tells_mark {
            let (generation, digest) = (u32::try_from(word(8)).unwrap(), u32::try_from(word(16)).unwrap());
            self.mirror.peer_mark(now, ConfigurationMark { generation, digest });
        }
    }

    fn decide(&mut self, now: Instant) {
        while let Some(event) = self.mirror.poll_event() {
            if let MirrorEvent::Document { mark, bytes } | MirrorEvent::Change { mark, bytes } = &event {
                match self.refuses {
                    Some(reason) => self.mirror.refuse(now, *mark, reason),
                    None => {
                        let is_whole = matches!(event, MirrorEvent::Document { .. });
                        let before = if is_whole { &[][..] } else { &self.document };
                        self.document = [before, bytes].concat();
                        self.mirror.accept(now, *mark);
                    }
                }
            }
            self.events.push(event);
        }
        if self.mirror.wants_document() {
            let mark = self.mirror.status().mark;
            self.mirror.set_document(now, mark, self.document.clone());
        }
    }

    /// A command is carried out here: it adds `change` to the document.
    pub(crate) fn change(&mut self, now: Instant, change: &[u8]) {
        self.document.extend(change);
        self.mirror.change(now, mark(self.generation() + 1, &self.document), change.to_vec());
    }

    /// The configuration is loaded anew here.
    pub(crate) fn load(&mut self, now: Instant, generation: u32, document: &[u8]) {
        self.document = document.to_vec();
        self.mirror.set_document(now, mark(generation, document), document.to_vec());
    }

    fn send(&mut self, now: Instant, wire: &mut Wire) {
        if let Some(interval) = self.beat_interval
            && self.next_beat <= now
        {
            self.next_beat = now + interval;
            let mark = self.mirror.status().mark;
            let words = [now.as_nanos(), u64::from(mark.generation), u64::from(mark.digest)];
            let mut beat: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            beat.resize(BEAT_BYTES, 0x55);
            self.channel.send_beat(now, &beat);
        }
        while self.channel.has_room() {
            let Some(message) = self.mirror.poll_transmit(now) else { break };
            assert!(self.channel.send_message(message));
        }
        let mut frame = Vec::new();
        while self.channel.poll_transmit(now, &mut frame) {
            wire.send(now, &frame);
        }
    }

    fn deadline(&self) -> Instant {
        let mirror = if self.channel.has_room() { self.mirror.deadline() } else { self.channel.deadline() };
        let others = self.channel.deadline().min(mirror);
        if self.beat_interval.is_some() { others.min(self.next_beat) } else { others }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.mirror.status().mark.generation
    }
}

/// Both ends and the line.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) units: [Unit; 2],
    /// From each unit to the other.
    pub(crate) wires: [Wire; 2],
}

impl Pair {
    pub(crate) fn new(baud: u32, one: Unit, other: Unit) -> Self {
        Self { now: START, units: [one, other], wires: [Wire::new(baud, 1), Wire::new(baud, 2)] }
    }

    /// An active unit and one that stands by, with these documents.
    pub(crate) fn with_documents(active: (u32, &[u8]), standby: (u32, &[u8])) -> Self {
        let settings = ChannelSettings::new(key());
        let one = Unit::new(settings.clone(), 0x11, UnitState::Active, active);
        Self::new(115_200, one, Unit::new(settings, 0x22, UnitState::Standby, standby))
    }

    pub(crate) fn beating(mut self, interval: Duration) -> Self {
        self.units.iter_mut().for_each(|unit| unit.beat_interval = Some(interval));
        self
    }

    pub(crate) fn with_noise(mut self, per_mille: u32) -> Self {
        self.wires.iter_mut().for_each(|wire| wire.noise_per_mille = per_mille);
        self
    }

    pub(crate) fn set_cut(&mut self, is_cut: bool) {
        self.wires.iter_mut().for_each(|wire| wire.is_cut = is_cut);
    }

    /// Lets everything happen that happens at this instant, and moves on to the next one.
    fn step(&mut self, until: Instant) {
        for from in 0..2 {
            while let Some(bytes) = self.wires[from].take(self.now) {
                self.units[1 - from].receive(self.now, &bytes);
            }
        }
        for (unit, wire) in self.units.iter_mut().zip(&mut self.wires) {
            unit.send(self.now, wire);
        }
        let arrivals = self.wires.iter().filter_map(|wire| wire.under_way.front().map(|(at, _)| *at));
        let next = arrivals.chain(self.units.iter().map(Unit::deadline)).min().unwrap();
        // What is due already has found no room; the smallest step lets time go on.
        self.now = next.max(self.now + Duration::from_micros(50)).min(until);
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.now < until {
            self.step(until);
        }
    }

    /// Runs until `is_done`. Panics after `most`.
    pub(crate) fn run_until(&mut self, most: Duration, is_done: impl Fn(&[Unit; 2]) -> bool) -> Duration {
        let begin = self.now;
        while !is_done(&self.units) {
            assert!(self.now - begin < most, "not done after {most:?}: {}", self.describe());
            self.step(begin + most);
        }
        self.now - begin
    }

    pub(crate) fn describe(&self) -> String {
        let of = |unit: &Unit| format!("{:?} {:?}", unit.mirror.status(), unit.channel.status());
        format!("{}\n{}", of(&self.units[0]), of(&self.units[1]))
    }
}

/// Both have the same configuration, and know it.
pub(crate) fn in_sync(units: &[Unit; 2]) -> bool {
    units.iter().all(|unit| unit.mirror.status().in_sync)
}
