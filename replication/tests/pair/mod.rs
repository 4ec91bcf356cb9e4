//! Two replicators in virtual time, with a network between them that does its worst, and shards behind them.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::cast_possible_truncation,
    reason = "a harness: each test file uses a part of it"
)]

pub mod network;
pub mod shards;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use model::{
    ConnectionEnds, ConnectionRecord, Endpoint, HealthRecord, Instant, Phase, Protocol, ServerName,
    ShardReport, StickyRecord, UnitState, Update,
};
use replication::{PairKey, Replicator, Settings, Status};

use network::{Faults, Network, Random};
use shards::Shards;

pub const KEY: [u8; 32] = [7; 32];

/// A unit: its replicator, its shards, and all that it ever sent.
pub struct Unit {
    pub replicator: Replicator,
    pub shards: Shards,
    pub sent: Vec<(usize, Vec<u8>)>,
    pub drains: bool,
}

impl Unit {
    pub fn new(settings: Settings, state: UnitState, seed: u64, now: Instant) -> Self {
        let workers = settings.workers;
        let mut random = Random(seed);
        let replicator = Replicator::new(settings, state, move || random.next(), now);
        Self { replicator, shards: Shards::new(workers), sent: Vec::new(), drains: true }
    }

    /// Carries out all orders, and reports. Returns whether there was anything to do.
    pub fn work(&mut self, now: Instant) -> bool {
        let mut has_worked = false;
        while self.drains {
            let mut worked = false;
            while let Some(order) = self.replicator.poll_order() {
                self.shards.carry_out(order);
                worked = true;
            }
            for (worker, report) in self.shards.reports() {
                self.replicator.report(now, worker, report);
                worked = true;
            }
            if !worked {
                break;
            }
            has_worked = true;
        }
        has_worked
    }

    pub fn create(&mut self, now: Instant, record: ConnectionRecord) {
        let worker = self.shards.insert(record.clone());
        self.tell(now, worker, Update::Create(record));
    }

    pub fn delete(&mut self, now: Instant, ends: &ConnectionEnds) {
        if let Some(worker) = self.shards.remove(ends) {
            self.tell(now, worker, Update::Delete(*ends));
        }
    }

    /// A client returns to a real server, or a real server fails or is back.
    pub fn choose(&mut self, now: Instant, update: Update) {
        self.shards.choices.take(&update);
        self.tell(now, 0, update);
    }

    fn tell(&mut self, now: Instant, worker: usize, update: Update) {
        if self.replicator.wants_updates() {
            self.replicator.report(now, worker, ShardReport::Update(update));
        }
    }
}

/// Two units and what is between them.
pub struct Pair {
    pub now: Instant,
    pub units: [Unit; 2],
    pub network: Network,
    pub seed: u64,
}

pub fn settings(workers: usize) -> Settings {
    Settings { history_batches: 512, reorder_batches: 128, ..Settings::new(PairKey::new(KEY), workers) }
}

impl Pair {
    /// An active unit with one worker and a standby with three.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, settings(1), settings(3))
    }

    pub fn with(seed: u64, active: Settings, standby: Settings) -> Self {
        let now = Instant::from_millis(1_000);
        Self {
            now,
            units: [
                Unit::new(active, UnitState::Active, seed * 2 + 1, now),
                Unit::new(standby, UnitState::Standby, seed * 2 + 2, now),
            ],
            network: Network::new(seed),
            seed,
        }
    }

    pub fn faulty(mut self, faults: Faults) -> Self {
        self.network.faults = faults;
        self
    }

    /// Begins unit `index` anew, with nothing.
    pub fn restart(&mut self, index: usize, settings: Settings, state: UnitState) {
        self.seed += 1_000;
        self.units[index] = Unit::new(settings, state, self.seed + index as u64, self.now);
    }

    /// Lets all that is due at this moment happen.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for index in 0..2 {
                moved |= self.transmit(index);
                moved |= self.units[index].work(self.now);
            }
            while let Some((to, path, mut datagram)) = self.network.arrive(self.now) {
                self.units[to].replicator.receive(self.now, path, &mut datagram);
                self.units[to].work(self.now);
                moved = true;
            }
            if !moved {
                return;
            }
        }
        panic!("seed {}: never at rest", self.seed);
    }

    fn transmit(&mut self, index: usize) -> bool {
        let (mut buffer, mut moved) = (Vec::new(), false);
        let unit = &mut self.units[index];
        while let Some(transmit) = unit.replicator.poll_transmit(self.now, &mut buffer) {
            assert_eq!(transmit.length, buffer.len());
            unit.sent.push((transmit.path, buffer.clone()));
            self.network.send(self.now, 1 - index, transmit.path, &buffer);
            moved = true;
        }
        moved
    }

    /// Lets `duration` pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.settle();
            let deadlines = self.units.iter().filter_map(|unit| unit.replicator.deadline());
            let next = deadlines.chain(self.network.next()).min().unwrap_or(end);
            if next >= end {
                self.now = end;
                return self.settle();
            }
            assert!(next > self.now, "seed {}: a deadline that passed was not met", self.seed);
            self.now = next;
        }
    }

    pub fn run_ms(&mut self, milliseconds: u64) {
        self.run(Duration::from_millis(milliseconds));
    }

    /// Lets time pass until `condition`, and fails if it takes longer than `limit_ms`.
    pub fn run_until(&mut self, limit_ms: u64, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..limit_ms {
            if condition(self) {
                return;
            }
            self.run_ms(1);
        }
        panic!(
            "seed {}: not within {limit_ms} ms: {what}: {:#?}",
            self.seed,
            [self.status(0), self.status(1)]
        );
    }

    pub fn status(&self, index: usize) -> Status {
        self.units[index].replicator.status(self.now)
    }

    pub fn create(&mut self, record: ConnectionRecord) {
        self.units[0].create(self.now, record);
    }

    pub fn choose(&mut self, update: Update) {
        self.units[0].choose(self.now, update);
    }

    pub fn choices_are_equal(&self) -> bool {
        self.units[0].shards.choices == self.units[1].shards.choices
    }

    pub fn tables_are_equal(&self) -> bool {
        self.units[0].shards.all() == self.units[1].shards.all()
    }

    pub fn is_synchronized(&self) -> bool {
        self.status(0).is_synchronized && self.status(1).is_synchronized
    }

    /// Fails unless the units come to agree.
    pub fn converge(&mut self, limit_ms: u64) {
        self.run_until(limit_ms, "equal tables, and both units know", |pair| {
            pair.is_synchronized() && pair.tables_are_equal()
        });
    }
}

/// Connection `number` of many.
pub fn connection(number: u32) -> ConnectionRecord {
    let client = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number / 8));
    let [_, _, high, low] = (10_000 + number % 8).to_be_bytes();
    let port = u16::from_be_bytes([high, low]);
    let server = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
    ConnectionRecord {
        ends: ConnectionEnds {
            protocol: Protocol::Tcp,
            client: Endpoint::new(client, port),
            virtual_server: Endpoint::new(server(1), 80),
            real_server: Endpoint::new(server(10), 8_080),
            translated_port: port,
        },
        phase: Phase::Open,
        bind_id: 0,
        group: 0,
        buddy: None,
    }
}

/// Client `number` of many returns to real server `real`.
pub fn sticky(number: u32, real: u8) -> Update {
    Update::Sticky(StickyRecord {
        scope: u64::from(number % 3),
        client: IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number)),
        real_server: Endpoint::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, real)), 8_080),
        period_s: 1_800,
    })
}

/// Real server `real` has failed, or is back.
pub fn health(real: u8, has_failed: bool) -> Update {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, real));
    let real_server = ServerName { address, port: 8_080, bind_id: 0, protocol: Protocol::Tcp };
    Update::Health(HealthRecord { real_server, has_failed })
}
