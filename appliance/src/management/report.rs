//! What `show` shows: the same types are the JSON of the management socket and the rows of the tables.
//!
//! Counts are since the unit's start. Times carry their unit in the name.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use model::DropReason;
use serde::{Deserialize, Serialize};

use super::filter::PageCursor;
use super::protocol::State;
pub use super::server_report::{
    BackupReport, BindingReport, RealReport, ServerState, StickyReport, VirtualReport,
};

/// The unit as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The unit's name.
    pub unit: String,
    /// The program's version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// Whether the unit forwards.
    pub state: State,
    /// Whole seconds since the unit's start.
    pub uptime_s: u64,
    /// The folder that the configuration came from.
    pub folder: String,
    /// Connections in the tables of all workers.
    pub connections: u64,
    /// Connections for which there is room.
    pub connection_capacity: u64,
    /// Ports whose link is up.
    pub ports_up: usize,
    /// All ports.
    pub ports: usize,
    /// Packet buffers.
    #[serde(flatten)]
    pub memory: MemoryReport,
    /// The workers, by index.
    pub workers: Vec<WorkerStatus>,
}

/// Packet buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// Packet buffers in the pool.
    pub mbufs: u64,
    /// Those that hold a packet, or wait in a receive queue for one.
    pub mbufs_in_use: u64,
    /// Whether they lie in hugepages.
    pub hugepages: bool,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// The CPU that it runs on.
    pub cpu: usize,
    /// What it does when there is nothing to do.
    pub idle: IdleMode,
    /// Rounds of its loop.
    pub rounds: u64,
    /// Rounds in which there was nothing to do.
    pub idle_rounds: u64,
    /// These as a part of all rounds, in percent. A sleeping worker has fewer empty rounds than a spinning one.
    pub idle_percent: f64,
    /// Connections in its table.
    pub connections: u64,
    /// Connections for which it has room.
    pub connection_capacity: u64,
}

/// What a worker does when there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdleMode {
    /// It polls without pause.
    Spin,
    /// It backs off to short sleeps.
    Sleep,
}

/// Packets and the bytes of their frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes of their frames.
    pub bytes: u64,
}

/// The way to a real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum NextHopReport {
    /// Packets leave by `port`, to `mac`.
    Resolved {
        /// The port's name.
        port: String,
        /// The next hop's MAC address.
        mac: String,
    },
    /// There is a route, but the next hop's MAC address is not known.
    Unresolved {
        /// The port's name.
        port: String,
        /// The next hop: a gateway, or the server itself.
        address: IpAddr,
    },
    /// No route leads there.
    NoRoute,
}

/// The unit as one of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationReport {
    /// Whether this unit forwards.
    pub state: String,
    /// How the unit learns of connections while it stands by: `records` or `observe`.
    pub sync: String,
    /// Connections that it learned by watching.
    pub observed: u64,
    /// The other unit, while it is heard.
    pub peer: Option<PeerReport>,
    /// Whether the last comparison of the two units' tables found no difference, and nothing was lost since.
    pub synchronized: bool,
    /// Milliseconds since the two units' tables were last found to be equal.
    pub last_agreement_ms: Option<u64>,
    /// The version of a peer that is there but can not be talked with; `null` otherwise.
    pub peer_version: Option<u8>,
    /// Connections that would break if the active unit died now, as far as the counts of both units tell; `None` if this
    /// unit does not know the other's.
    pub would_break: Option<u64>,
    /// The same by virtual server.
    pub virtual_servers: Vec<ReplicatedReport>,
    /// How far the standby is behind.
    pub lag: LagReport,
    /// How the two tables compare.
    pub digests: DigestReport,
    /// What was sent.
    pub sent: StreamReport,
    /// What was received.
    pub received: StreamReport,
    /// Batches that were sent again.
    pub retransmitted: u64,
    /// Batches that were given up as they could not be sent again; what they told is found by comparing digests.
    pub skipped: u64,
    /// What became of what the other unit told, by the workers.
    pub applied: BTreeMap<String, u64>,
    /// Datagrams and records that were refused, by reason; those with a count.
    pub rejected: BTreeMap<String, u64>,
    /// The ways to the other unit.
    pub paths: Vec<PathReport>,
}

/// The other unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerReport {
    /// Whether it forwards.
    pub state: String,
    /// Milliseconds since the two units found each other.
    pub connected_ms: u64,
}

/// A virtual server on both units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicatedReport {
    /// Its name.
    pub name: String,
    /// Whether its connections are told to the standby.
    pub replicate: bool,
    /// Its connections on this unit.
    pub here: u64,
    /// Its connections on the other unit, as it last said.
    pub peer: Option<u64>,
    /// Its connections that would break if the active unit died now.
    pub would_break: Option<u64>,
}

/// How far the standby is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagReport {
    /// Updates that it has not acknowledged.
    pub updates: u64,
    /// The age of the oldest of them, in milliseconds.
    pub ms: u64,
}

/// How the two tables compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestReport {
    /// Hash ranges that there are.
    pub ranges: u64,
    /// Those that the last comparison found to differ.
    pub differing: u64,
    /// Whether differing ranges are being told anew.
    pub repairing: bool,
}

/// What one direction carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamReport {
    /// Updates.
    pub updates: u64,
    /// Datagrams, those of all kinds.
    pub datagrams: u64,
    /// Bytes of these.
    pub bytes: u64,
}

/// A way to the other unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathReport {
    /// This unit's end.
    pub local: SocketAddr,
    /// The other unit's end.
    pub peer: SocketAddr,
    /// Milliseconds since something authentic came by it.
    pub heard_ms: Option<u64>,
}

/// A part of the list of connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionPage {
    /// The connections, in no meaningful order. There may be fewer than asked for although there are more.
    pub list: Vec<ConnectionReport>,
    /// Where to go on; `null` when there are no more.
    pub after: Option<PageCursor>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The client's end.
    pub client: SocketAddr,
    /// The end that the client talks to.
    #[serde(rename = "virtual")]
    pub virtual_server: SocketAddr,
    /// The end that answers.
    #[serde(rename = "real")]
    pub real_server: SocketAddr,
    /// How far the connection has come.
    pub state: String,
    /// Milliseconds without a packet.
    pub idle_ms: u64,
    /// How often the client repeated its SYN.
    pub syn_resends: u8,
    /// The client's port as the real server sees it, where it is another.
    pub translated_port: Option<u16>,
    /// The worker that owns the client.
    pub worker: usize,
}

/// What became of all packets. Once nothing is in flight,
/// received = forwarded + answered + to kernel + dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountersReport {
    /// The sum over all workers.
    #[serde(flatten)]
    pub total: PacketCounts,
    /// received - forwarded - answered - to kernel - dropped: packets that were in flight when the counters were
    /// read one after another.
    pub balance: i64,
    /// What became of packets between the workers and the kernel.
    pub kernel_path: KernelPathCounts,
    /// What became of connections.
    pub connections: ConnectionCounts,
    /// The workers, by index.
    pub workers: Vec<WorkerCounts>,
}

/// What became of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketCounts {
    /// Taken from ports.
    pub received: u64,
    /// Translated or bridged, and taken by a port.
    pub forwarded: u64,
    /// Answered by the unit itself.
    pub answered: u64,
    /// Handed to the kernel.
    pub to_kernel: u64,
    /// Copies that the kernel was shown of packets that ended elsewhere.
    pub copied_to_kernel: u64,
    /// Dropped, for whatever reason.
    pub dropped: u64,
    /// Dropped, by reason; each reason is there.
    pub drops: BTreeMap<String, u64>,
    /// Handed from the worker that received them to the one that owns the client.
    pub handed_over: u64,
    /// Had to wait for a next hop's MAC address.
    pub held: u64,
    /// Packets of the kernel that were transmitted.
    pub from_kernel: u64,
    /// Packets of the kernel that a port did not take.
    pub from_kernel_dropped: u64,
}

/// What became of packets between the workers and the kernel's interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelPathCounts {
    /// Packets for the kernel that its interfaces took.
    pub delivered: u64,
    /// Packets for the kernel that its interfaces did not take.
    pub refused: u64,
    /// Packets of the kernel for which a worker's ring had no room.
    pub lost: u64,
}

/// One worker's part of the counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerCounts {
    /// The CPU that it runs on.
    pub cpu: usize,
    /// What became of packets there. They do not balance: a packet may end at another worker than it began.
    #[serde(flatten)]
    pub packets: PacketCounts,
}

/// What became of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCounts {
    /// In the tables now: admitted - removed.
    pub current: u64,
    /// Admitted.
    pub admitted: u64,
    /// Removed.
    pub removed: u64,
    /// Those of them that were removed because they were idle.
    pub expired: u64,
    /// Refused.
    pub refused: u64,
    /// Whose client port had to be translated, too.
    pub client_ports_translated: u64,
}

/// One port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortReport {
    /// The configured name.
    pub name: String,
    /// `outside` or `inside`.
    pub role: String,
    /// The device's name in DPDK.
    pub device: String,
    /// The device's driver.
    pub driver: String,
    /// The unit's MAC address on the port's link.
    pub mac: String,
    /// The interface that stands for the port in the kernel.
    pub twin: String,
    /// Whether the link is up.
    pub link_up: bool,
    /// The link's speed in Mbit/s, where it is known.
    pub speed_mbps: Option<u32>,
    /// Who spreads clients over the workers.
    pub steering: SteeringReport,
    /// The largest IP packet, in bytes.
    pub mtu: u16,
    /// What happens to packets that are not for a virtual server: `drop`, `bridge` or `kernel`.
    pub unmatched: String,
    /// Received.
    pub rx: Traffic,
    /// Lost because the workers were too slow.
    pub rx_missed: u64,
    /// Received with errors.
    pub rx_errors: u64,
    /// Lost because there was no packet buffer.
    pub rx_no_buffer: u64,
    /// Transmitted.
    pub tx: Traffic,
    /// Not transmitted because of errors.
    pub tx_errors: u64,
}

/// Who spreads clients over the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SteeringReport {
    /// The port: a packet is received by the worker that owns the client.
    Hardware,
    /// The worker that received a packet hands it to the one that owns the client.
    Software,
}

/// A neighbour on the link of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighborReport {
    /// The port's name.
    pub port: String,
    /// The neighbour's address.
    pub address: IpAddr,
    /// Its MAC address, where it is known.
    pub mac: Option<String>,
    /// How well the kernel knows it: `reachable`, `stale`, `failed`...
    pub state: String,
    /// What the unit needs it for, like `real server`.
    pub used_as: Vec<String>,
}

/// What an operator reads about the reason `name` of a drop, where this program knows it.
pub fn describe_drop(name: &str) -> Option<&'static str> {
    DropReason::ALL.iter().find(|reason| reason.name() == name).map(|reason| reason.description())
}
