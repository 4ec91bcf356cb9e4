//! The settings of servers, each by itself, and who stands in for whom.

use std::ops::Range;
use std::time::Duration;

use model::{ServerName, limits};

use super::check::timeouts;
use super::check_clients::Buddy;
use super::names::{Mistakes, Names, read_name};
use super::{
    Backup, BackupTarget, BackupWhen, Binding, ConfigurationDraft, Place, Problem, RealSetting, Sticky,
    StickyDraft, Timeouts, TimeoutsDraft, VirtualServerDraft, VirtualSetting,
};

/// What a real server has beside its name.
pub(super) struct RealSettings {
    pub(super) weight: u16,
    pub(super) max_connections: Option<u32>,
    pub(super) backup: Option<usize>,
    pub(super) threshold: u32,
    pub(super) retry: Duration,
    pub(super) slow_start: Duration,
}

/// What a virtual server has beside its name.
pub(super) struct VirtualSettings {
    pub(super) sticky: Option<Sticky>,
    pub(super) max_connections: Option<u32>,
    pub(super) timeouts: Timeouts,
    pub(super) resends: u8,
    pub(super) synguard: Option<u32>,
}

/// A virtual server's backup, as an index.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Virtual(usize),
    Real(usize),
}

impl Target {
    /// The backup of the virtual server whose bindings are `own`.
    pub(super) fn resolve(self, bindings: &[Binding], own: Range<usize>, when: BackupWhen) -> Option<Backup> {
        let target = match self {
            Self::Virtual(index) => BackupTarget::Virtual(index),
            Self::Real(real) => {
                let mut own = own.filter(|&binding| bindings[binding].real_server == real);
                BackupTarget::Binding(own.next()?)
            }
        };
        Some(Backup { target, when })
    }
}

/// Reads a number in a range, which begins at `least`.
fn number(value: u64, least: u64, most: u64, place: Place, mistakes: &mut Mistakes) -> u32 {
    if !(least..=most).contains(&value) {
        mistakes.add(place, Problem::Range { value, least, most });
    }
    u32::try_from(value.min(most)).unwrap_or(u32::MAX)
}

const CONNECTIONS: u64 = limits::CONNECTIONS as u64;

pub(super) fn real_servers(
    draft: &ConfigurationDraft,
    names: &Names<'_>,
    mistakes: &mut Mistakes,
) -> Vec<RealSettings> {
    let mut settings = Vec::new();
    for (index, written) in draft.real_servers.iter().enumerate() {
        let place = |setting| Place::RealSetting(index, setting);
        let weight = match u16::try_from(written.weight) {
            Ok(weight @ 1..=limits::WEIGHT) => weight,
            _ => {
                mistakes.add(Place::Weight(index), Problem::Weight(written.weight));
                1
            }
        };
        let max = written.max_connections;
        let max_connections =
            max.map(|max| number(max, 1, CONNECTIONS, place(RealSetting::MaxConnections), mistakes));
        let backup = written.backup.as_ref();
        let backup = backup.and_then(|text| names.find(text, place(RealSetting::Backup), mistakes));
        let threshold = u64::from(limits::DITCH_THRESHOLD);
        let threshold = number(written.threshold, 0, threshold, place(RealSetting::Threshold), mistakes);
        let mut seconds = |value, setting| {
            let seconds = number(value, 0, u64::from(limits::RETRY_S), place(setting), mistakes);
            Duration::from_secs(u64::from(seconds))
        };
        let retry = seconds(written.retry_s, RealSetting::Retry);
        let slow_start = seconds(written.slow_start_s, RealSetting::SlowStart);
        settings.push(RealSettings { weight, max_connections, backup, threshold, retry, slow_start });
    }
    break_circles(&settings, names, mistakes);
    settings
}

/// Real servers whose backups lead back to them, or on for too long.
fn break_circles(settings: &[RealSettings], names: &Names<'_>, mistakes: &mut Mistakes) {
    for index in 0..settings.len() {
        let place = Place::RealSetting(index, RealSetting::Backup);
        follow(index, |at| settings[at].backup, names, place, mistakes);
    }
}

/// Follows backups from `start` on.
fn follow(
    start: usize,
    backup: impl Fn(usize) -> Option<usize>,
    names: &Names<'_>,
    place: Place,
    mistakes: &mut Mistakes,
) {
    let name = |at: usize| names.read[at].0.to_owned();
    let mut chain = vec![start];
    while let Some(next) = chain.last().and_then(|&last| backup(last)) {
        chain.push(next);
        if next == start {
            let chain: Vec<_> = chain.into_iter().map(name).collect();
            let chain = chain.join(", then ");
            return mistakes.add(place, Problem::BackupCircle { name: name(start), chain });
        }
        if chain.len() > limits::BACKUP_CHAIN {
            return mistakes.add(place, Problem::BackupChain { name: name(start) });
        }
    }
}

/// The backups of virtual servers.
pub(super) fn backups(
    draft: &ConfigurationDraft,
    (virtual_names, real_names): (&Names<'_>, &Names<'_>),
    mistakes: &mut Mistakes,
) -> Vec<Option<Target>> {
    let find = |(index, written): (usize, &VirtualServerDraft)| {
        let text = written.backup.as_ref()?;
        let place = Place::VirtualSetting(index, VirtualSetting::Backup);
        let name = read_name(text, place, mistakes)?;
        let found = virtual_names.get(name).map(Target::Virtual);
        let found = found.or_else(|| real_names.get(name).map(Target::Real));
        if found.is_none() {
            mistakes.add(place, Problem::UnknownBackup(text.clone()));
        }
        found
    };
    draft.virtual_servers.iter().enumerate().map(find).collect()
}

/// Whether virtual servers can take each other's connections.
pub(super) fn virtual_backups(
    draft: &ConfigurationDraft,
    names: &Names<'_>,
    backups: &[Option<Target>],
    members: &[usize],
    mistakes: &mut Mistakes,
) {
    let next = |at: usize| match backups[at] {
        Some(Target::Virtual(next)) => Some(next),
        _ => None,
    };
    for index in 0..draft.virtual_servers.len() {
        let Some(backup) = next(index) else { continue };
        let place = Place::VirtualSetting(index, VirtualSetting::Backup);
        follow(index, next, names, place, mistakes);
        let (Some(one), Some(other)) = (names.read[index].1, names.read[backup].1) else { continue };
        if let Some(why) = unfit(one, other, members[index] == members[backup]) {
            let (name, backup) = (names.read[index].0.to_owned(), names.read[backup].0.to_owned());
            mistakes.add(place, Problem::BackupUnfit { name, backup, why });
        }
    }
}

fn unfit(one: ServerName, backup: ServerName, is_same_group: bool) -> Option<&'static str> {
    if one.address.is_ipv4() != backup.address.is_ipv4() {
        Some("it is of the other address family")
    } else if one.protocol != backup.protocol {
        Some("it is of another protocol")
    } else if one.port == 0 && backup.port != 0 {
        Some("it has one port, and the other all ports")
    } else if !is_same_group {
        Some("it is in another failover group")
    } else {
        None
    }
}

pub(super) fn virtual_servers(
    draft: &ConfigurationDraft,
    names: &Names<'_>,
    buddies: &[Option<Buddy>],
    mistakes: &mut Mistakes,
) -> Vec<VirtualSettings> {
    let mut settings = Vec::new();
    for (index, written) in draft.virtual_servers.iter().enumerate() {
        let place = |setting| Place::VirtualSetting(index, setting);
        let scope = || match (&buddies[index], names.read[index].1) {
            (Some(buddy), _) => scope("buddies", &buddy.group),
            (None, name) => scope("virtual", &name.map_or_else(String::new, |name| name.to_string())),
        };
        let sticky = written.sticky.map(|written| sticky(written, place, scope(), mistakes));
        let most = |value: Option<u64>, setting, mistakes: &mut Mistakes| {
            value.map(|value| number(value, 1, CONNECTIONS, place(setting), mistakes))
        };
        let max_connections = most(written.max_connections, VirtualSetting::MaxConnections, mistakes);
        let synguard = most(written.synguard, VirtualSetting::Synguard, mistakes);
        let resends = u64::from(limits::SYN_RESENDS);
        let resends = number(written.resends, 0, resends, place(VirtualSetting::Resends), mistakes);
        let timeouts = own_timeouts(index, written, &draft.timeouts, mistakes);
        let resends = u8::try_from(resends).unwrap_or(limits::SYN_RESENDS);
        settings.push(VirtualSettings { sticky, max_connections, timeouts, resends, synguard });
    }
    settings
}

fn sticky(
    written: StickyDraft,
    place: impl Fn(VirtualSetting) -> Place,
    scope: u64,
    mistakes: &mut Mistakes,
) -> Sticky {
    let minutes = u64::from(limits::STICKY_MINUTES);
    let minutes = number(written.minutes, 1, minutes, place(VirtualSetting::StickyMinutes), mistakes);
    let mut prefix = |value, most, setting| {
        let prefix = number(value, 1, most, place(setting), mistakes);
        u8::try_from(prefix).unwrap_or(u8::MAX)
    };
    Sticky {
        period: Duration::from_secs(u64::from(minutes) * 60),
        ipv4_prefix: prefix(written.ipv4_prefix, 32, VirtualSetting::StickyIpv4Prefix),
        ipv6_prefix: prefix(written.ipv6_prefix, 128, VirtualSetting::StickyIpv6Prefix),
        scope,
    }
}

/// The general timeouts, but for those that the virtual server has of its own. What is wrong with the general ones is told
/// elsewhere.
fn own_timeouts(
    index: usize,
    written: &VirtualServerDraft,
    general: &TimeoutsDraft,
    mistakes: &mut Mistakes,
) -> Timeouts {
    let own = &written.timeouts;
    let merged = TimeoutsDraft {
        tcp_syn_s: own.tcp_syn_s.unwrap_or(general.tcp_syn_s),
        tcp_established_s: own.tcp_established_s.unwrap_or(general.tcp_established_s),
        tcp_half_closed_s: own.tcp_half_closed_s.unwrap_or(general.tcp_half_closed_s),
        tcp_closed_s: own.tcp_closed_s.unwrap_or(general.tcp_closed_s),
        tcp_reset_s: own.tcp_reset_s.unwrap_or(general.tcp_reset_s),
        udp_s: own.udp_s.unwrap_or(general.udp_s),
    };
    let mut found = Mistakes::default();
    let merged = timeouts(&merged, |kind| Place::VirtualTimeout(index, kind), &mut found);
    let is_own = |problem: &Problem| {
        let values = [
            own.tcp_syn_s,
            own.tcp_established_s,
            own.tcp_half_closed_s,
            own.tcp_closed_s,
            own.tcp_reset_s,
            own.udp_s,
        ];
        matches!(problem, Problem::Timeout(seconds) if values.contains(&Some(*seconds)))
    };
    mistakes.0.extend(found.0.into_iter().filter(|mistake| is_own(&mistake.problem)));
    merged
}

/// A number that follows from a name alone, in each version of the program: the hash FNV-1a.
fn scope(kind: &str, name: &str) -> u64 {
    let bytes = kind.bytes().chain([b' ']).chain(name.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
