//! Every size that bounds the program, related to each other by `const` assertions.

/// Workers, each with one shard of the connection table. Two workers for every entry of the smallest
/// redirection table (128) would leave some without traffic.
pub const WORKERS: usize = 64;

/// Steering buckets: a client's shard is its steering hash modulo this, modulo the number of workers. NICs
/// with a smaller redirection table can not steer and fall back to the hand-over between workers.
pub const STEERING_BUCKETS: usize = 128;

/// DPDK ports of one unit.
pub const PORTS: usize = 16;

/// Virtual servers, over all addresses.
pub const VIRTUAL_SERVERS: usize = 4_096;

/// Real servers.
pub const REAL_SERVERS: usize = 4_096;

/// Bindings of a virtual server to a real server, over all virtual servers. A connection stores 16 bits.
pub const BINDINGS: usize = 32_768;

/// Numbers of virtual servers, of real servers and of bindings: for those that there are, and for removed ones that still have
/// connections.
pub const VIRTUAL_IDS: usize = 2 * VIRTUAL_SERVERS;
/// See [`VIRTUAL_IDS`].
pub const REAL_IDS: usize = 2 * REAL_SERVERS;
/// See [`VIRTUAL_IDS`].
pub const BINDING_IDS: usize = 2 * BINDINGS - 1;

/// Client assignments, over all virtual servers.
pub const ASSIGNMENTS: usize = 1_000_000;

/// Groups of buddies: virtual servers at which a client gets the same real server.
pub const BUDDY_GROUPS: usize = 1_024;

/// The longest that a client is remembered at a real server, in minutes: a week.
pub const STICKY_MINUTES: u32 = 10_080;

/// Clients, or their networks, that a unit remembers at their real servers.
pub const STICKY_ENTRIES: usize = 262_144;

/// Resent SYNs that a connection may wait for.
pub const SYN_RESENDS: u8 = 100;

/// Consecutive ditched connections that fail a real server.
pub const DITCH_THRESHOLD: u32 = 1_000_000;

/// The longest that a failed real server is left alone, and that one takes to get its whole share, in seconds: a day.
pub const RETRY_S: u32 = 86_400;

/// Virtual servers that stand in for each other in a chain.
pub const BACKUP_CHAIN: usize = 4;

/// Connections of one unit that a configuration may ask for.
pub const CONNECTIONS: usize = 64_000_000;

/// Connections of one unit when the configuration does not say.
pub const CONNECTIONS_DEFAULT: usize = 1_000_000;

/// The largest weight of a real server.
pub const WEIGHT: u16 = 1_000;

/// The longest idle timeout, in seconds: last activity is kept as 32 bits of milliseconds and compared with
/// wrapping arithmetic, so half the range is usable.
pub const IDLE_TIMEOUT_S: u32 = 1_000_000;

/// Packets in one pass through the stages of a worker.
pub const BATCH: usize = 128;

/// Packets that a receive call asks for.
pub const RECEIVE_BURST: usize = 64;

/// IPv6 extension headers that are walked before a packet is refused.
pub const IPV6_EXTENSION_HEADERS: usize = 8;

/// ICMP errors that a shard sends in a second about packets that could not go on.
pub const ICMP_ERRORS_PER_SECOND: u32 = 1_000;

/// Packets that a worker keeps while next hops are resolved.
pub const HOLD: usize = 1_024;

/// Packets that a worker keeps while their group changes units: some milliseconds of them.
pub const HANDOVER: usize = 2_048;

/// Packets of those that wait for the same next hop.
pub const HOLD_PER_NEXT_HOP: usize = 64;

/// Packets in the ring from one worker to another.
pub const HAND_OVER_RING: usize = 1_024;

/// Packets in the rings between a worker and the kernel path, each way.
pub const KERNEL_RING: usize = 512;

/// Table slots that are looked at for idle connections between two bursts. All of them may be removed then, at a few
/// hundred nanoseconds each: it bounds how long packets wait for that.
pub const EXPIRY_SLOTS: usize = 256;

/// Connections in one slice of a listing: what a worker answers between two bursts.
pub const LISTING_SLICE: usize = 64;

/// Table slots that a worker looks at for one slice of a listing.
pub const LISTING_SCAN: usize = 4_096;

/// Hash ranges whose digests the units of a pair compare. Each lies within one steering bucket, and so within one shard
/// of either unit.
pub const DIGEST_RANGES: usize = 4_096;

/// Ways to the other unit.
pub const REPLICATION_PATHS: usize = 2;

/// Updates that a shard keeps until its worker takes them: more than one batch and one look for idle connections make.
pub const UPDATES: usize = 1_024;

/// Records of connections to servers that the configuration does not have, which a shard keeps until it does.
pub const RECORDS_ASIDE: usize = 4_096;

/// Sides of flows that a shard remembers which watches: more than are seen in the time of a handshake.
pub const HALF_KNOWN: usize = 65_536;

/// Pairs of buddies in a shard.
pub const BUDDIES: usize = 65_536;

/// Updates in the ring from a worker to the replication core, and back.
pub const UPDATE_RING: usize = 16_384;

/// Table slots that are walked for the other unit between two bursts.
pub const WALK_SLOTS: usize = 256;

/// Failover groups of a pair: their states fit into one frame of the failover cable.
pub const FAILOVER_GROUPS: usize = 8;

/// Characters of a failover group's name, and of a unit's.
pub const GROUP_NAME: usize = 32;

/// The longest that a group may stay where it is between two switches, in seconds: a day.
pub const FAILOVER_HOLD_S: u32 = 86_400;

/// Network links that units send each other heartbeats over, beside the cable.
pub const FAILOVER_LINKS: usize = 4;

/// Units that may be active in turn: the pair, and others that stand by, too.
pub const UNITS: usize = 4;

/// What a unit looks whether it can reach it.
pub const REACHABILITY_TARGETS: usize = 32;

/// Bytes of a heartbeat, of which one has to fit into one frame of the failover cable.
pub const BEAT_BYTES: usize = 112;

/// Bytes of a whole frame on the failover cable, so that a heartbeat waits 12 ms at most behind another frame at 115,200 baud.
pub const CABLE_FRAME_BYTES: usize = 128;

const _: () = assert!(WORKERS <= STEERING_BUCKETS);
const _: () = assert!(BEAT_BYTES + 16 <= CABLE_FRAME_BYTES);
const _: () = assert!(DIGEST_RANGES.is_multiple_of(STEERING_BUCKETS) && DIGEST_RANGES <= u16::MAX as usize);
// A SYN in place of a connection that is over tells of two.
const _: () = assert!(UPDATES >= 2 * BATCH && UPDATES >= 2 * EXPIRY_SLOTS && UPDATES >= WALK_SLOTS);
const _: () = assert!(UPDATE_RING >= 2 * UPDATES);
const _: () = assert!(STEERING_BUCKETS.is_power_of_two());
const _: () = assert!(BATCH.is_multiple_of(RECEIVE_BURST));
const _: () = assert!(BINDINGS <= u16::MAX as usize);
const _: () = assert!(VIRTUAL_SERVERS <= u16::MAX as usize && REAL_SERVERS <= u16::MAX as usize);
const _: () = assert!(BINDING_IDS <= u16::MAX as usize && REAL_IDS <= 65_536 && VIRTUAL_IDS <= 65_536);
const _: () = assert!(CONNECTIONS < u32::MAX as usize);
const _: () = assert!(IDLE_TIMEOUT_S as u64 * 1_000 < u32::MAX as u64 / 2);
const _: () = assert!(LISTING_SLICE <= LISTING_SCAN);
const _: () = assert!(HOLD_PER_NEXT_HOP <= HOLD);
const _: () = assert!(HAND_OVER_RING >= BATCH && KERNEL_RING >= BATCH);
