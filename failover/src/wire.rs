//! The beat: what units say to each other about who is active. One fits into one frame of the failover cable.
//!
//! Numbers are in network byte order.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version |
//! | 1 | the sender's number |
//! | 1 | bit 7: a worker does not turn; bit 6: the cable says that the other side has no power; bit 5: a worker has not turned for so long that the unit is of no use; bits 0-3: groups |
//! | 1 | priority |
//! | 4 | boot number |
//! | 6 | sequence: rises with each beat of this boot, over all links together |
//! | 4 | the sender's patience in microseconds: the least silence after which it holds another unit for dead |
//! | 12 | echo: unit, boot number and highest sequence of another unit, and on which links it is heard (bit 0: cable) |
//! | 8 | configuration mark |
//! | 3 | the units that the sender holds for alive; its own number fills up |
//! | 6 | score: required missing, missing, targets, weight missing (24 bits) |
//! | 7 each | groups: state and flags; the unit that a flag is for; epoch (32 bits); load and a flag |
//! | 8 | the first bytes of the HMAC-SHA256 of all that |

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use model::limits::{BEAT_BYTES, FAILOVER_GROUPS, UNITS};
use model::{ConfigurationMark, UnitRole};
use sha2::Sha256;

use crate::machine::State;
use crate::reachability::Score;
use crate::rejection::Rejection;
use crate::settings::MonitorKey;

/// The version of beats that this unit speaks.
pub const VERSION: u8 = 1;

const LABEL: &[u8] = b"understudy failover beat";
const HEADER_BYTES: usize = 44 + ALIVE;
/// Other units that a beat can tell to be alive.
const ALIVE: usize = UNITS - 1;
const GROUP_BYTES: usize = 7;
const TAG_BYTES: usize = 8;

const _: () = assert!(HEADER_BYTES + FAILOVER_GROUPS * GROUP_BYTES + TAG_BYTES <= BEAT_BYTES);
const _: () = assert!(FAILOVER_GROUPS <= 15);

const FAULTY: u8 = 0x80;
const POWERED_OFF: u8 = 0x40;
const USELESS: u8 = 0x20;
const PRIMARY: u8 = 0x80;
const SYNCHRONIZED: u8 = 0x40;
const QUERY: u8 = 0x20;
const ACCEPTED: u8 = 0x10;
const ASKS: u8 = 0x08;
const STATE: u8 = 0x07;
const INSISTS: u8 = 0x80;

/// What was heard of another unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) unit: u8,
    /// 0: nothing was heard.
    pub(crate) boot: u32,
    pub(crate) sequence: u64,
    /// On which links it is heard, bit 0 being the cable.
    pub(crate) links: u8,
}

/// One group, as the sender sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupBeat {
    pub(crate) state: State,
    pub(crate) role: UnitRole,
    pub(crate) is_synchronized: bool,
    /// PREEMPT: unit `to` is told that the sender takes over.
    pub(crate) queries: bool,
    /// STANDBY: nothing is forwarded any more, unit `to` may.
    pub(crate) accepts: bool,
    /// ACTIVE: unit `to` is asked to take over.
    pub(crate) asks: bool,
    /// PREEMPT: an operator wants it. ACTIVE: an operator wanted it, so that a primary does not take the group back; with
    /// `asks`: even if it is not synchronized.
    pub(crate) insists: bool,
    pub(crate) to: u8,
    pub(crate) epoch: u32,
    pub(crate) load_percent: u8,
}

impl GroupBeat {
    const NONE: Self = Self {
        state: State::Listen,
        role: UnitRole::Backup,
        is_synchronized: false,
        queries: false,
        accepts: false,
        asks: false,
        insists: false,
        to: 0,
        epoch: 0,
        load_percent: 0,
    };
}

/// All that a beat says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) unit: u8,
    pub(crate) priority: u8,
    pub(crate) is_faulty: bool,
    /// It has been faulty for long.
    pub(crate) is_useless: bool,
    pub(crate) sees_power_off: bool,
    pub(crate) boot: u32,
    pub(crate) sequence: u64,
    pub(crate) patience: Duration,
    pub(crate) echo: Echo,
    pub(crate) mark: ConfigurationMark,
    pub(crate) score: Score,
    alive: [u8; ALIVE],
    groups: [GroupBeat; FAILOVER_GROUPS],
    group_count: usize,
}

impl Beat {
    /// A beat that says nothing yet.
    pub(crate) const fn new(unit: u8, boot: u32, sequence: u64) -> Self {
        Self {
            unit,
            priority: 0,
            is_faulty: false,
            is_useless: false,
            sees_power_off: false,
            boot,
            sequence,
            patience: Duration::ZERO,
            echo: Echo { unit: 0, boot: 0, sequence: 0, links: 0 },
            mark: ConfigurationMark { generation: 0, digest: 0 },
            score: Score { required_missing: 0, missing: 0, targets: 0, weight_missing: 0 },
            alive: [unit; ALIVE],
            groups: [GroupBeat::NONE; FAILOVER_GROUPS],
            group_count: 0,
        }
    }

    pub(crate) fn push(&mut self, group: GroupBeat) {
        if let Some(slot) = self.groups.get_mut(self.group_count) {
            *slot = group;
            self.group_count += 1;
        }
    }

    /// Says which other units the sender holds for alive.
    pub(crate) fn set_alive(&mut self, units: impl Iterator<Item = u8>) {
        self.alive.iter_mut().zip(units).for_each(|(slot, unit)| *slot = unit);
    }

    /// Whether the sender holds this unit for alive.
    pub(crate) fn holds_alive(&self, unit: u8) -> bool {
        unit != self.unit && self.alive.contains(&unit)
    }

    /// What it says about this group.
    pub(crate) fn group(&self, index: usize) -> Option<&GroupBeat> {
        self.groups.get(..self.group_count)?.get(index)
    }

    pub(crate) fn groups(&self) -> &[GroupBeat] {
        self.groups.get(..self.group_count).unwrap_or_default()
    }

    /// Groups for which the sender is active, as bits.
    pub(crate) fn active(&self) -> u16 {
        let groups = self.groups().iter().enumerate();
        let active = groups.filter(|(_, group)| group.state == State::Active);
        active.fold(0, |groups, (index, _)| groups | 1 << index)
    }

    /// Replaces `bytes` by this beat, authenticated.
    pub(crate) fn write(&self, key: &MonitorKey, bytes: &mut Vec<u8>) {
        bytes.clear();
        let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let flags = flag(self.is_faulty, FAULTY)
            | flag(self.sees_power_off, POWERED_OFF)
            | flag(self.is_useless, USELESS);
        let count = u8::try_from(self.group_count).unwrap_or(0);
        bytes.extend([VERSION, self.unit, flags | count, self.priority]);
        bytes.extend(self.boot.to_be_bytes());
        bytes.extend(&self.sequence.to_be_bytes()[2..]);
        bytes.extend(u32::try_from(self.patience.as_micros()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.push(self.echo.unit);
        bytes.extend(self.echo.boot.to_be_bytes());
        bytes.extend(&self.echo.sequence.to_be_bytes()[2..]);
        bytes.push(self.echo.links);
        bytes.extend(self.mark.generation.to_be_bytes());
        bytes.extend(self.mark.digest.to_be_bytes());
        bytes.extend(self.alive);
        bytes.extend([self.score.required_missing, self.score.missing, self.score.targets]);
        bytes.extend(&self.score.weight_missing.to_be_bytes()[1..]);
        self.groups().iter().for_each(|group| group.write(bytes));
        let tag = code(key, bytes).finalize().into_bytes();
        bytes.extend(&tag[..TAG_BYTES]);
    }

    /// The beat in `bytes`.
    pub(crate) fn read(key: &MonitorKey, bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() < HEADER_BYTES + TAG_BYTES || bytes.len() > BEAT_BYTES {
            return Err(Rejection::Size);
        }
        if bytes.first() != Some(&VERSION) {
            return Err(Rejection::UnknownVersion);
        }
        let (body, tag) = bytes.split_at_checked(bytes.len() - TAG_BYTES).ok_or(Rejection::Size)?;
        code(key, body).verify_truncated_left(tag).map_err(|_| Rejection::NotAuthentic)?;
        let mut reader = Reader(body);
        let beat = Self::read_body(&mut reader).ok_or(Rejection::Malformed)?;
        if reader.0.is_empty() { Ok(beat) } else { Err(Rejection::Malformed) }
    }

    fn read_body(reader: &mut Reader<'_>) -> Option<Self> {
        let [_, unit, flags, priority] = reader.array()?;
        let mut beat = Self::new(unit, reader.u32()?, reader.u48()?);
        beat.priority = priority;
        beat.is_faulty = flags & FAULTY != 0;
        beat.sees_power_off = flags & POWERED_OFF != 0;
        beat.is_useless = flags & USELESS != 0;
        beat.patience = Duration::from_micros(u64::from(reader.u32()?));
        let [unit] = reader.array()?;
        beat.echo =
            Echo { unit, boot: reader.u32()?, sequence: reader.u48()?, links: reader.array::<1>()?[0] };
        beat.mark = ConfigurationMark { generation: reader.u32()?, digest: reader.u32()? };
        beat.alive = reader.array()?;
        let [required_missing, missing, targets, high, middle, low] = reader.array()?;
        let weight_missing = u32::from_be_bytes([0, high, middle, low]);
        beat.score = Score { required_missing, missing, targets, weight_missing };
        for _ in 0..flags & 0x0f {
            if beat.group_count == FAILOVER_GROUPS {
                return None;
            }
            beat.push(GroupBeat::read(reader)?);
        }
        (beat.boot != 0).then_some(beat)
    }
}

impl GroupBeat {
    fn write(&self, bytes: &mut Vec<u8>) {
        let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        let state = match self.state {
            State::Idle => 0,
            State::Listen => 1,
            State::Preempt => 2,
            State::Standby => 3,
            State::Active => 4,
        };
        let flags = flag(self.role == UnitRole::Primary, PRIMARY)
            | flag(self.is_synchronized, SYNCHRONIZED)
            | flag(self.queries, QUERY)
            | flag(self.accepts, ACCEPTED)
            | flag(self.asks, ASKS);
        bytes.extend([state | flags, self.to]);
        bytes.extend(self.epoch.to_be_bytes());
        bytes.push(self.load_percent.min(100) | flag(self.insists, INSISTS));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let [flags, to] = reader.array()?;
        let state = *State::ALL.get(usize::from(flags & STATE))?;
        let epoch = reader.u32()?;
        let [load] = reader.array()?;
        Some(Self {
            state,
            role: if flags & PRIMARY == 0 { UnitRole::Backup } else { UnitRole::Primary },
            is_synchronized: flags & SYNCHRONIZED != 0,
            queries: flags & QUERY != 0,
            accepts: flags & ACCEPTED != 0,
            asks: flags & ASKS != 0,
            insists: load & INSISTS != 0,
            to,
            epoch,
            load_percent: load & !INSISTS,
        })
    }
}

fn code(key: &MonitorKey, body: &[u8]) -> Hmac<Sha256> {
    // It takes keys of any length.
    let mut code = Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default());
    if let Ok(keyed) = Hmac::<Sha256>::new_from_slice(key.bytes()) {
        code = keyed;
    }
    code.update(LABEL);
    code.update(body);
    code
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u48(&mut self) -> Option<u64> {
        let [a, b, c, d, e, f] = self.array()?;
        Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

#[cfg(test)]
mod tests;
