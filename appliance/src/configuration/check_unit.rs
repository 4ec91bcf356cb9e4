//! From this unit's raw document to its meaning. All mistakes are found, not only the first.

use std::path::PathBuf;

use director::PortRole;
use model::UnitState;
use model::limits::{CONNECTIONS, PORTS, WORKERS};

use super::check_failover;
use super::check_ports;
use super::check_replication;
use super::key_path::KeyPath;
use super::limits::{
    ADDITIONAL_BUFFERS, CPU_LAST, INTERFACE_NAME, MEMORY_MIB_LEAST, MEMORY_MIB_MOST, SOCKET_PATH, UNIT_NAME,
};
use super::mistake::{Mistakes, UnitMistake};
use super::raw::unit::{RawCores, RawHugepages, RawIdle, RawState, RawUnit};
use super::unit::{Cores, Hugepages, Idle, PortConfiguration, UnitConfiguration};

/// `cpus` is how many CPUs the machine has: the default number of workers depends on it.
pub(super) fn check(raw: RawUnit, cpus: usize) -> Result<UnitConfiguration, Vec<(KeyPath, UnitMistake)>> {
    let mut mistakes = Mistakes::default();
    let key = |key| KeyPath::root().key(key);
    if !is_name(&raw.name, UNIT_NAME) {
        mistakes.add(key("name"), UnitMistake::UnitName(raw.name.clone()));
    }
    if raw.ports.len() > PORTS {
        mistakes.add(key("ports"), UnitMistake::TooManyPorts(raw.ports.len()));
    }
    let ports = check_ports::check(raw.ports, &mut mistakes);
    check_roles(&ports, &mut mistakes);
    let cores = cores(raw.cores, cpus, &mut mistakes);
    let memory_mib = raw.memory_mib.map(|written| mistakes.note(key("memory_mib"), memory_mib(written)));
    let additional_buffers =
        mistakes.note(key("additional_buffers"), additional_buffers(raw.additional_buffers));
    let connections = mistakes.note(key("connections"), connections(raw.connections));
    let replication = raw.replication.map(|raw| check_replication::check(raw, &mut mistakes));
    let failover = raw.failover.map(|raw| check_failover::check(raw, &ports, &mut mistakes));
    match raw.role {
        Some(_) if failover.is_some() => mistakes.add(key("role"), UnitMistake::RoleAndFailover),
        None if failover.is_some() && replication.is_none() => {
            mistakes.add(key("failover"), UnitMistake::FailoverAlone);
        }
        None if failover.is_some() => {}
        Some(RawState::Standby) if replication.is_none() => {
            mistakes.add(key("role"), UnitMistake::StandbyAlone);
        }
        None if replication.is_some() => mistakes.add(key("replication"), UnitMistake::RoleOpen),
        _ => {}
    }
    let socket = raw.socket.unwrap_or_else(|| format!("/run/understudy/{}.sock", raw.name));
    let socket = mistakes.note(key("socket"), socket_path(socket));
    mistakes.none_or(UnitConfiguration {
        name: raw.name,
        ports,
        cores,
        idle: raw.idle.map(Into::into),
        hugepages: raw.hugepages.into(),
        memory_mib,
        additional_buffers,
        connections,
        state: first_state(raw.role, failover.is_some()),
        replication,
        failover,
        socket,
    })
}

/// A unit that finds its state by itself begins by listening.
fn first_state(role: Option<RawState>, finds_it: bool) -> UnitState {
    match role {
        Some(role) => role.into(),
        None if finds_it => UnitState::Standby,
        None => UnitState::Active,
    }
}

/// Whether `text` is a name that is safe in paths, interface names and the arguments of devices.
pub(super) fn is_name(text: &str, length_most: usize) -> bool {
    text.len() <= length_most
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Whether `text` can be the name of a port or of a kernel interface.
pub(super) fn is_interface_name(text: &str) -> bool {
    is_name(text, INTERFACE_NAME)
}

fn check_roles(ports: &[PortConfiguration], mistakes: &mut Mistakes) {
    for role in [PortRole::Outside, PortRole::Inside] {
        if !ports.iter().any(|port| port.role() == role) {
            mistakes.add(KeyPath::root().key("ports"), UnitMistake::RoleMissing(role));
        }
    }
}

fn cores(raw: RawCores, cpus: usize, mistakes: &mut Mistakes) -> Cores {
    let path = KeyPath::root().key("cores");
    let control = mistakes.note(path.clone().key("control"), cpu(raw.control));
    let replication = raw
        .replication
        .map_or(control, |written| mistakes.note(path.clone().key("replication"), cpu(written)));
    let path = path.key("workers");
    let Some(written) = raw.workers else {
        return Cores { control, workers: vec![usize::from(cpus > 1)], replication };
    };
    if !(1..=WORKERS).contains(&written.len()) {
        mistakes.add(path.clone(), UnitMistake::Workers(written.len()));
    }
    let workers = written.into_iter().enumerate();
    Cores {
        control,
        workers: workers.map(|(index, each)| mistakes.note(path.clone().index(index), cpu(each))).collect(),
        replication,
    }
}

fn cpu(written: u64) -> Result<usize, UnitMistake> {
    let number = u16::try_from(written).ok().filter(|&number| number <= CPU_LAST);
    number.map(usize::from).ok_or(UnitMistake::Cpu(written))
}

fn memory_mib(written: u64) -> Result<usize, UnitMistake> {
    let in_range = (u64::from(MEMORY_MIB_LEAST)..=u64::from(MEMORY_MIB_MOST)).contains(&written);
    usize::try_from(written).ok().filter(|_| in_range).ok_or(UnitMistake::Memory(written))
}

fn additional_buffers(written: u64) -> Result<usize, UnitMistake> {
    let buffers = u32::try_from(written).ok().filter(|&count| count <= ADDITIONAL_BUFFERS);
    buffers.map(|count| count as usize).ok_or(UnitMistake::AdditionalBuffers(written))
}

fn connections(written: u64) -> Result<usize, UnitMistake> {
    let connections = usize::try_from(written).ok().filter(|count| (1..=CONNECTIONS).contains(count));
    connections.ok_or(UnitMistake::Connections(written))
}

fn socket_path(written: String) -> Result<PathBuf, UnitMistake> {
    if written.starts_with('/') && written.len() <= SOCKET_PATH && !written.contains('\0') {
        Ok(written.into())
    } else {
        Err(UnitMistake::Socket(written))
    }
}

impl From<RawIdle> for Idle {
    fn from(raw: RawIdle) -> Self {
        match raw {
            RawIdle::Sleep => Self::Sleep,
            RawIdle::Spin => Self::Spin,
        }
    }
}

impl From<RawHugepages> for Hugepages {
    fn from(raw: RawHugepages) -> Self {
        match raw {
            RawHugepages::Auto => Self::Auto,
            RawHugepages::Never => Self::Never,
            RawHugepages::Require => Self::Require,
        }
    }
}

impl From<RawState> for UnitState {
    fn from(raw: RawState) -> Self {
        match raw {
            RawState::Active => Self::Active,
            RawState::Standby => Self::Standby,
        }
    }
}
