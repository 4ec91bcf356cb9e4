//! What `show failover` and `failover rehearse` say.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::protocol::State;

/// How failover stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FailoverStatusReport {
    /// This unit.
    pub this: UnitReport,
    /// The other unit, as far as it is heard.
    pub other: Option<UnitReport>,
    /// The failover cable, if one is configured.
    pub cable: Option<CableReport>,
    /// The network links, in the order of the configuration.
    pub links: Vec<LinkReport>,
    /// The failover groups.
    pub groups: Vec<GroupReport>,
    /// What this unit has to reach.
    pub targets: Vec<TargetReport>,
    /// The mirrored configuration.
    pub configuration: MirrorReport,
    /// Heartbeats that were not taken, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Addresses of this unit's groups that somebody else answered for, as `address: MAC address`.
    pub address_conflicts: Vec<String>,
    /// What happened, the oldest first.
    pub journal: Vec<JournalReport>,
}

/// A unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitReport {
    /// Its name, where it is known: this unit's.
    pub name: Option<String>,
    /// Its number.
    pub id: u8,
    /// `primary` or `backup`.
    pub role: String,
    /// Among standbys the highest takes over.
    pub priority: u8,
    /// Whether it has reported a fault.
    pub faulty: bool,
    /// Milliseconds since it was heard; 0 for this unit.
    pub heard_ms: u64,
    /// The generation of its configuration.
    pub generation: u32,
}

/// The failover cable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CableReport {
    /// What its lines say: `Normal`, `My side not connected`, `Other side is not connected`, `Other side powered off`,
    /// `Unknown`.
    pub status: String,
    /// The serial port.
    pub tty: String,
    /// Bits a second.
    pub baud: u32,
    /// What is at the other end, by what it sends.
    pub condition: String,
    /// Whether heartbeats arrive.
    pub alive: bool,
    /// Milliseconds since the last heartbeat.
    pub heard_ms: Option<u64>,
    /// Heartbeats that arrived.
    pub beats: u64,
    /// Heartbeats that did not.
    pub lost: u64,
    /// Frames that were not taken: noise, another version, ourselves.
    pub rejected: u64,
}

/// A network link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkReport {
    /// This unit's end.
    pub local: SocketAddr,
    /// The other's.
    pub peer: SocketAddr,
    /// Whether heartbeats arrive.
    pub alive: bool,
    /// Whether the other unit says that ours do not.
    pub one_way: bool,
    /// Milliseconds between two heartbeats.
    pub interval_ms: u64,
    /// How many may be missing.
    pub misses: u32,
    /// Milliseconds since the last heartbeat.
    pub heard_ms: Option<u64>,
    /// Heartbeats that arrived.
    pub beats: u64,
    /// How often it fell silent while the other unit lived.
    pub silences: u64,
}

/// A failover group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// Its name.
    pub name: String,
    /// `primary` or `backup`: what this unit is for it.
    pub role: String,
    /// Whether its primary unit takes it back: `automatic` or `manual`.
    pub strategy: String,
    /// `IDLE`, `LISTEN`, `PREEMPT`, `STANDBY` or `ACTIVE`.
    pub state: String,
    /// `SYNC-IN` or `SYNC-OUT` while connections are being told.
    pub sub_state: Option<String>,
    /// The other unit's state.
    pub peer_state: Option<String>,
    /// Counts the changes of the active unit.
    pub epoch: u64,
    /// Milliseconds since the last change of state.
    pub since_ms: u64,
    /// Whether the standby has all connections.
    pub synchronized: bool,
    /// Why the state is what it is.
    pub last: String,
    /// Milliseconds that damping forbids a switch of the unit's own accord.
    pub held_ms: u64,
    /// What this unit reaches, in words.
    pub reaches: String,
    /// What the other unit reaches.
    pub peer_reaches: Option<String>,
    /// Milliseconds until workers may not forward any more, if the monitor fell silent now; `null` where there is no end.
    pub lease_ms: Option<u64>,
}

/// Something to reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// The host, subnet or port.
    pub what: String,
    /// Whether it is reached; `null` before that is known.
    pub reached: Option<bool>,
    /// How much it counts.
    pub weight: u16,
    /// Whether a unit is little worth without it.
    pub required: bool,
    /// The address by which it is reached in place of its own.
    pub stand_in: Option<IpAddr>,
}

/// The mirrored configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MirrorReport {
    /// The generation of this unit's configuration.
    pub generation: u32,
    /// Its digest.
    pub digest: String,
    /// The generation that the standby has acknowledged, or that the other unit says it has.
    pub peer_generation: Option<u32>,
    /// Whether both units have the same.
    pub in_sync: bool,
    /// Bytes sent, and in all, while it is on its way.
    pub transfer: Option<(u64, u64)>,
    /// Why it was refused last.
    pub refused: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalReport {
    /// Milliseconds ago.
    pub ago_ms: u64,
    /// The group that it happened to; `null` for the unit as a whole.
    pub group: Option<String>,
    /// What happened: the transition's number in the state machine, or a word.
    pub what: String,
    /// From which state to which, where it changed.
    pub states: Option<String>,
    /// Why.
    pub cause: String,
    /// What it was decided on.
    pub inputs: String,
}

/// What became of the wish that a group's units change places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchReport {
    /// The group.
    pub group: String,
    /// What this unit is now.
    pub state: State,
    /// What it was before.
    pub before: State,
    /// The connections that it has.
    pub connections: u64,
    /// Microseconds until all workers were there.
    pub took_us: u64,
    /// What the other unit last said it was, if it was heard lately.
    pub peer: Option<State>,
    /// Milliseconds since this unit, standing by, last found its table equal to the other's; `null` if it never did.
    pub agreed_ms: Option<u64>,
}

/// What a switch and back cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsalReport {
    /// The group.
    pub group: String,
    /// Connections before, of this unit.
    pub connections: u64,
    /// Those that the unit that took over did not have, there and back.
    pub unknown: u64,
    /// Microseconds from the command until the other unit forwarded, and until this one did again. Nobody forwarded for a part
    /// of that.
    pub took_us: [u64; 2],
    /// Packets that waited for the unit that took over, and were passed on.
    pub passed_on: u64,
    /// Packets that this unit dropped while neither forwarded.
    pub lost: u64,
}
