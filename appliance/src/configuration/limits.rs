//! Sizes that only this unit's document has.

/// The smallest MTU of an IPv4 link (RFC 791 section 3.2), in bytes.
pub(super) const MTU_LEAST: u16 = 68;

/// The smallest MTU of an IPv6 link (RFC 8200 section 5), in bytes.
pub(super) const MTU_LEAST_IPV6: u16 = 1_280;

/// The largest MTU that network cards commonly have, in bytes.
pub(super) const MTU_MOST: u16 = 9_216;

/// Ethernet's MTU, in bytes.
pub(super) const MTU_DEFAULT: u16 = 1_500;

/// The highest number of a CPU: a set of CPUs has 1024 of them in Linux.
pub(super) const CPU_LAST: u16 = 1_023;

/// The least memory that packet buffers and queues can do with, in MiB.
pub(super) const MEMORY_MIB_LEAST: u32 = 64;

/// More memory than any machine gives to packet buffers: 1 TiB, in MiB.
pub(super) const MEMORY_MIB_MOST: u32 = 1 << 20;

/// More packet buffers than any device keeps for itself.
pub(super) const ADDITIONAL_BUFFERS: u32 = 1 << 24;

/// Characters of an interface name: `IFNAMSIZ` without the final zero.
pub(super) const INTERFACE_NAME: usize = 15;

/// Characters of a unit's name.
pub(super) const UNIT_NAME: usize = 32;

/// Bytes of a socket's path: `sun_path` without the final zero.
pub(super) const SOCKET_PATH: usize = 107;

/// Bytes of a document. The largest that the limits allow has a million client assignments of some 50 bytes each.
pub(super) const DOCUMENT_BYTES: u64 = 64 << 20;

/// The longest that an update waits for others, in microseconds: what a standby lacks when its peer dies.
pub(super) const FLUSH_US_MOST: u32 = 1_000_000;

/// The shortest and the longest time between two heartbeats, in milliseconds.
pub(super) const BEAT_MS_LEAST: u32 = 5;
pub(super) const BEAT_MS_MOST: u32 = 10_000;

/// The fewest and the most heartbeats that may be missing. One may be lost any time.
pub(super) const MISSES_LEAST: u32 = 2;
pub(super) const MISSES_MOST: u32 = 100;

/// The shortest time between two probes of a target, in milliseconds.
pub(super) const PROBE_MS_LEAST: u32 = 20;

/// The shortest and the longest that a unit listens, or waits for an answer, in milliseconds.
pub(super) const WAIT_MS_LEAST: u32 = 50;
pub(super) const WAIT_MS_MOST: u32 = 60_000;

/// The speeds of the failover cable, in bits a second.
pub(super) const BAUDS: [u32; 8] = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];
pub(super) const BAUD_DEFAULT: u32 = 115_200;

/// The shortest time between two comparisons of the units' tables, in milliseconds.
pub(super) const DIGEST_INTERVAL_MS_LEAST: u32 = 10;

/// The longest time between two comparisons of the units' tables, in milliseconds: an hour.
pub(super) const DIGEST_INTERVAL_MS_MOST: u32 = 3_600_000;
