//! How a pair is built, by chance.

use std::time::Duration;

use failover::{
    Compare, Damping, GroupSettings, LinkSettings, MonitorKey, ProbingSettings, Settings, Strategy,
    TargetSettings,
};
use fastrand::Rng;
use model::UnitRole;

/// Bytes of a frame on the cable with a beat, and of the longest that it may have to wait for.
const BEAT_BYTES: u32 = 80;
const FRAME_BYTES: u32 = 128;

/// What both units of a pair have, and how they are treated.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The cable's speed, if there is one.
    pub(crate) baud: Option<u32>,
    /// Network links with beats. There is more than one way, so that no single fault splits the pair.
    pub(crate) links: usize,
    pub(crate) targets: usize,
    /// Faults come one at a time, to a pair that is whole.
    pub(crate) is_gentle: bool,
    /// Nothing is lost but by faults.
    pub(crate) is_clear: bool,
    listen: Duration,
    preempt: Duration,
    strategy: Strategy,
}

impl Plan {
    pub(crate) fn random(random: &mut Rng) -> Self {
        let baud = [None, Some(57_600), Some(115_200), Some(115_200), Some(921_600)][random.usize(..5)];
        Self {
            baud,
            links: if baud.is_none() { 2 } else { random.usize(1..=2) },
            targets: random.usize(0..=2),
            is_gentle: random.u8(0..3) > 0,
            is_clear: random.u8(0..3) > 0,
            listen: Duration::from_millis(random.u64(200..600)),
            preempt: Duration::from_millis(random.u64(100..600)),
            strategy: if random.bool() { Strategy::Automatic } else { Strategy::Manual },
        }
    }

    fn wire_time(&self, bytes: u32) -> Duration {
        self.baud.map_or(Duration::ZERO, |baud| Duration::from_secs(10) * bytes / baud)
    }

    /// The longest that a beat takes over the cable.
    pub(crate) fn cable_latency(&self) -> Duration {
        self.wire_time(BEAT_BYTES + 2 * FRAME_BYTES)
    }

    pub(crate) fn cable_settings(&self) -> LinkSettings {
        let interval = LinkSettings::CABLE.interval.max(self.wire_time(BEAT_BYTES) * 3);
        LinkSettings { interval, ..LinkSettings::CABLE }
    }

    /// The settings of the unit with this index.
    pub(crate) fn settings(&self, index: usize) -> Settings {
        let (unit, role) = if index == 0 { (1, UnitRole::Primary) } else { (2, UnitRole::Backup) };
        let damping = Damping { hold: Duration::from_millis(300), most: Duration::from_millis(1_000) };
        let group = GroupSettings {
            strategy: self.strategy,
            compare: Compare::Count,
            damping,
            ..GroupSettings::new(role)
        };
        Settings {
            cable: self.baud.map(|_| self.cable_settings()),
            links: vec![LinkSettings::NETWORK; self.links],
            listen: self.listen,
            preempt: self.preempt,
            groups: vec![group],
            targets: vec![TargetSettings { weight: 1, required: true }; self.targets],
            probing: ProbingSettings {
                interval: Duration::from_millis(20),
                timeout: Duration::from_millis(10),
                falls: 3,
                rises: 3,
            },
            ..Settings::new(MonitorKey::new([9; 32]), unit, role)
        }
    }

    /// t1, and t2 as it is if only the slowest way is left.
    pub(crate) fn settling(&self) -> Duration {
        let cable = self.cable_settings();
        self.listen + cable.interval * cable.misses
    }

    /// The longest that a switch may come after its reason.
    pub(crate) fn reaction(&self) -> Duration {
        self.settling() + self.preempt + Duration::from_millis(100)
    }
}
