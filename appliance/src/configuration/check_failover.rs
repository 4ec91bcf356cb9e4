//! From the raw way of finding out who is active to the checked one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use model::UnitRole;
use model::limits::{CABLE_FRAME_BYTES, FAILOVER_LINKS, REACHABILITY_TARGETS};

use super::check_replication::end;
use super::failover::{
    Beats, CableConfiguration, FailoverConfiguration, LinkConfiguration, Probing, Reach, Target,
};
use super::key_path::KeyPath;
use super::limits::{
    BAUDS, BEAT_MS_LEAST, BEAT_MS_MOST, MISSES_LEAST, MISSES_MOST, PROBE_MS_LEAST, WAIT_MS_LEAST,
    WAIT_MS_MOST,
};
use super::mistake::{Mistakes, UnitMistake};
use super::raw::failover::{RawCable, RawFailover, RawLink, RawReachability, RawTarget, RawUnitRole};
use super::unit::PortConfiguration;

/// What is right up to what `mistakes` has.
pub(super) fn check(
    raw: RawFailover,
    ports: &[PortConfiguration],
    mistakes: &mut Mistakes,
) -> FailoverConfiguration {
    let key = |key| KeyPath::root().key("failover").key(key);
    if raw.cable.is_none() && raw.links.is_empty() {
        mistakes.add(KeyPath::root().key("failover"), UnitMistake::NoLink);
    }
    if raw.role.is_none() && raw.cable.is_none() {
        mistakes.add(KeyPath::root().key("failover"), UnitMistake::UnitRoleOpen);
    }
    let id = raw.id.map(|written| mistakes.note(key("id"), id(written)));
    let wait = WAIT_MS_LEAST..=WAIT_MS_MOST;
    let listen = mistakes.note(key("listen_ms"), milliseconds(raw.listen_ms, wait.clone()));
    let preempt = mistakes.note(key("preempt_ms"), milliseconds(raw.preempt_ms, wait));
    let before = mistakes.count();
    let cable = raw.cable.map(|cable| check_cable(cable, &key("cable"), mistakes));
    let links = check_links(&raw.links, &key("links"), mistakes);
    if mistakes.count() == before {
        let beats = links.iter().map(|link| link.beats).chain(cable.iter().map(CableConfiguration::beats));
        let patience = beats.map(|beats| beats.interval * beats.misses).max().unwrap_or_default();
        if !listen.is_zero() && listen < patience {
            mistakes.add(key("listen_ms"), UnitMistake::ListenShort { listen, patience });
        }
    }
    FailoverConfiguration {
        role: raw.role.map(Into::into),
        id,
        priority: mistakes.note(key("priority"), priority(raw.priority)),
        listen,
        preempt,
        cable,
        links,
        probing: check_probing(&raw.reachability, &key("reachability"), mistakes),
        targets: check_targets(
            raw.reachability.targets,
            ports,
            &key("reachability").key("targets"),
            mistakes,
        ),
    }
}

fn check_cable(raw: RawCable, path: &KeyPath, mistakes: &mut Mistakes) -> CableConfiguration {
    if !raw.tty.starts_with('/') || raw.tty.contains('\0') {
        mistakes.add(path.clone().key("tty"), UnitMistake::Tty(raw.tty.clone()));
    }
    let baud = u32::try_from(raw.baud).ok().filter(|baud| BAUDS.contains(baud));
    let baud = mistakes.note(path.clone().key("baud"), baud.ok_or(UnitMistake::Baud(raw.baud)));
    let beats = check_beats(raw.interval_ms, raw.misses, path, mistakes);
    // A frame of configuration may go between two beats: both take the line for the time of their bits.
    let least = CABLE_FRAME_BYTES as u64 * 10 * 1_000 / u64::from(baud.max(1));
    if baud > 0 && !beats.interval.is_zero() && raw.interval_ms < least {
        mistakes.add(path.clone().key("interval_ms"), UnitMistake::BeatsTooOften { baud, least });
    }
    CableConfiguration { tty: raw.tty.into(), baud, beats }
}

fn check_beats(interval_ms: u64, misses: u64, path: &KeyPath, mistakes: &mut Mistakes) -> Beats {
    let interval = milliseconds(interval_ms, BEAT_MS_LEAST..=BEAT_MS_MOST);
    Beats {
        interval: mistakes.note(path.clone().key("interval_ms"), interval),
        misses: mistakes.note(path.clone().key("misses"), times(misses, MISSES_LEAST)),
    }
}

fn check_links(raw: &[RawLink], path: &KeyPath, mistakes: &mut Mistakes) -> Vec<LinkConfiguration> {
    if raw.len() > FAILOVER_LINKS {
        mistakes.add(path.clone(), UnitMistake::TooManyLinks(raw.len()));
    }
    let mut checked = Vec::<LinkConfiguration>::new();
    for (index, link) in raw.iter().enumerate() {
        let place = path.clone().index(index);
        let beats = check_beats(link.interval_ms, link.misses, &place, mistakes);
        let local = end(&link.local, place.clone().key("local"), mistakes);
        let peer = end(&link.peer, place.clone().key("peer"), mistakes);
        let (Some(local), Some(peer)) = (local, peer) else { continue };
        if let Some(mistake) = ends_mistake(local, peer) {
            mistakes.add(place.key("peer"), mistake);
        } else if checked.iter().any(|other| other.local == local) {
            mistakes.add(place.key("local"), UnitMistake::DuplicatePath(local));
        } else {
            checked.push(LinkConfiguration { local, peer, beats });
        }
    }
    checked
}

fn ends_mistake(local: SocketAddr, peer: SocketAddr) -> Option<UnitMistake> {
    if local.is_ipv4() != peer.is_ipv4() {
        return Some(UnitMistake::PathFamilies { local, peer });
    }
    (local == peer).then_some(UnitMistake::PathToSelf(peer))
}

fn check_probing(raw: &RawReachability, path: &KeyPath, mistakes: &mut Mistakes) -> Probing {
    let interval = milliseconds(raw.interval_ms, PROBE_MS_LEAST..=BEAT_MS_MOST);
    Probing {
        interval: mistakes.note(path.clone().key("interval_ms"), interval),
        falls: mistakes.note(path.clone().key("falls"), times(raw.falls, 1)),
        rises: mistakes.note(path.clone().key("rises"), times(raw.rises, 1)),
    }
}

fn check_targets(
    raw: Vec<RawTarget>,
    ports: &[PortConfiguration],
    path: &KeyPath,
    mistakes: &mut Mistakes,
) -> Vec<Target> {
    if raw.len() > REACHABILITY_TARGETS {
        mistakes.add(path.clone(), UnitMistake::TooManyTargets(raw.len()));
    }
    let mut checked = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let place = path.clone().index(index);
        let weight = u16::try_from(raw.weight).ok().filter(|weight| (1..=1_000).contains(weight));
        let weight =
            mistakes.note(place.clone().key("weight"), weight.ok_or(UnitMistake::Weight(raw.weight)));
        let required = raw.required;
        match reach(raw, ports) {
            Ok(what) => checked.push(Target { what, weight, required }),
            Err((key, mistake)) => mistakes.add(key.map_or(place.clone(), |key| place.key(key)), mistake),
        }
    }
    checked
}

/// What a target is, or what is wrong with it and under which key.
fn reach(raw: RawTarget, ports: &[PortConfiguration]) -> Result<Reach, (Option<&'static str>, UnitMistake)> {
    let has_alternates = !raw.alternates.is_empty();
    match (raw.host, raw.subnet, raw.port) {
        (Some(host), None, None) => {
            let address = host_address(&host).map_err(|mistake| (Some("host"), mistake))?;
            let alternates: Result<Vec<_>, _> =
                raw.alternates.iter().map(|text| host_address(text)).collect();
            let alternates = alternates.map_err(|mistake| (Some("alternates"), mistake))?;
            match alternates.iter().find(|other| other.is_ipv4() != address.is_ipv4() || **other == address) {
                Some(&other) => Err((Some("alternates"), UnitMistake::Alternate { address, other })),
                None => Ok(Reach::Host { address, alternates }),
            }
        }
        _ if has_alternates => Err((Some("alternates"), UnitMistake::AlternatesOfNoHost)),
        (None, Some(subnet), None) => {
            let network: Option<IpNet> = subnet.parse().ok();
            let network = network.ok_or((Some("subnet"), UnitMistake::Subnet(subnet)))?;
            Ok(Reach::Subnet(network.trunc()))
        }
        (None, None, Some(name)) => {
            let index = ports.iter().position(|port| port.name() == name);
            index.map(Reach::Port).ok_or((Some("port"), UnitMistake::UnknownPort(name)))
        }
        _ => Err((None, UnitMistake::NotOneTarget)),
    }
}

fn host_address(text: &str) -> Result<IpAddr, UnitMistake> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.filter(|address| !address.is_unspecified() && !address.is_multicast());
    address.ok_or_else(|| UnitMistake::HostAddress(text.to_owned()))
}

fn id(written: u64) -> Result<u8, UnitMistake> {
    u8::try_from(written).ok().filter(|&id| id > 0).ok_or(UnitMistake::UnitId(written))
}

fn priority(written: u64) -> Result<u8, UnitMistake> {
    u8::try_from(written).map_err(|_| UnitMistake::Priority(written))
}

fn milliseconds(written: u64, range: std::ops::RangeInclusive<u32>) -> Result<Duration, UnitMistake> {
    match u32::try_from(written) {
        Ok(milliseconds) if range.contains(&milliseconds) => Ok(Duration::from_millis(written)),
        _ => Err(UnitMistake::Milliseconds { written, least: *range.start(), most: *range.end() }),
    }
}

fn times(written: u64, least: u32) -> Result<u32, UnitMistake> {
    let times = u32::try_from(written).ok().filter(|times| (least..=MISSES_MOST).contains(times));
    times.ok_or(UnitMistake::Times { written, least })
}

impl From<RawUnitRole> for UnitRole {
    fn from(raw: RawUnitRole) -> Self {
        match raw {
            RawUnitRole::Primary => Self::Primary,
            RawUnitRole::Backup => Self::Backup,
        }
    }
}
