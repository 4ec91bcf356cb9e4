//! Steering: having the port choose a packet's queue by one of its addresses alone.
//!
//! The port hashes the address (Toeplitz, with a key of period 16 bits, so that the place of the address in the packet
//! makes no difference) and looks the hash up in its redirection table, which is filled here such that software with
//! the same key finds the same queue.

use std::mem::MaybeUninit;

use dpdk_sys::{rte_eth_rss_conf, rte_eth_rss_reta_entry64};
use model::limits::STEERING_BUCKETS;

use super::device::Device;
use super::{Capabilities, PortConfiguration, PortError};

/// The two bytes that the hash key repeats. Each hash of an address is then the same wherever the address stands.
const KEY_PATTERN: [u8; 2] = [0x6d, 0x5a];

/// The address by which packets are steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SteeringField {
    /// The source address alone.
    Source,
    /// The destination address alone.
    Destination,
}

/// How packets are steered to receive queues: a packet goes to queue (hash mod 128) mod `queues`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steering {
    /// The address that is hashed.
    pub field: SteeringField,
    /// Queues, from the first one on.
    pub queues: u16,
}

/// Why a port can not steer.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SteeringError {
    /// The driver can not hash one address only.
    #[error("its driver can not hash one address alone; hand packets over in software")]
    NoAddressHash,
    /// The driver hashes IPv4 or IPv6 only.
    #[error("its driver does not hash both IPv4 and IPv6; hand packets over in software")]
    NoInternetHash,
    /// The redirection table is too small, or its size does not divide the hash evenly.
    #[error(
        "its redirection table has {0} entries, and steering needs a power of two from {STEERING_BUCKETS} on; hand \
         packets over in software"
    )]
    TableSize(u16),
    /// The driver took the hash or its key without an error, and uses another.
    #[error("its driver does not use the hash that it was given; hand packets over in software")]
    HashIgnored,
    /// Queues that do not exist, or none.
    #[error("it is to use {asked} queues and has {configured} receive queues; take 1 to {configured}")]
    Queues {
        /// Queues to steer to.
        asked: u16,
        /// Receive queues.
        configured: u16,
    },
}

/// What is hashed of IPv4: functions that mean the addresses, whatever is in the packet.
const IPV4: u64 =
    dpdk_sys::RTE_ETH_RSS_IPV4 | dpdk_sys::RTE_ETH_RSS_FRAG_IPV4 | dpdk_sys::RTE_ETH_RSS_NONFRAG_IPV4_OTHER;
/// The same of IPv6.
const IPV6: u64 = dpdk_sys::RTE_ETH_RSS_IPV6
    | dpdk_sys::RTE_ETH_RSS_FRAG_IPV6
    | dpdk_sys::RTE_ETH_RSS_NONFRAG_IPV6_OTHER
    | dpdk_sys::RTE_ETH_RSS_IPV6_EX;
/// What spreads packets over queues, with ports where the driver can: some hash TCP and UDP in no other way.
const SPREAD: u64 = IPV4
    | IPV6
    | dpdk_sys::RTE_ETH_RSS_NONFRAG_IPV4_TCP
    | dpdk_sys::RTE_ETH_RSS_NONFRAG_IPV4_UDP
    | dpdk_sys::RTE_ETH_RSS_NONFRAG_IPV6_TCP
    | dpdk_sys::RTE_ETH_RSS_NONFRAG_IPV6_UDP;
const ONE_ADDRESS: u64 = dpdk_sys::RTE_ETH_RSS_L3_SRC_ONLY | dpdk_sys::RTE_ETH_RSS_L3_DST_ONLY;

/// Whether a port of these capabilities can steer by either address.
pub(super) fn can_steer(port: &Capabilities) -> Result<(), SteeringError> {
    let functions = port.hash_functions;
    let size = port.redirection_table_size;
    if functions & ONE_ADDRESS != ONE_ADDRESS {
        Err(SteeringError::NoAddressHash)
    } else if functions & dpdk_sys::RTE_ETH_RSS_IPV4 == 0 || functions & dpdk_sys::RTE_ETH_RSS_IPV6 == 0 {
        Err(SteeringError::NoInternetHash)
    } else if usize::from(size) < STEERING_BUCKETS || !size.is_power_of_two() {
        Err(SteeringError::TableSize(size))
    } else {
        Ok(())
    }
}

/// Whether a port with `configured` receive queues can do this.
pub(super) fn check(steering: Steering, configured: u16, port: &Capabilities) -> Result<(), SteeringError> {
    can_steer(port)?;
    let asked = steering.queues;
    if (1..=configured).contains(&asked) { Ok(()) } else { Err(SteeringError::Queues { asked, configured }) }
}

/// What the port hashes, and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashChoice {
    functions: u64,
    key: Vec<u8>,
}

impl HashChoice {
    /// Steering hashes one address; several queues without steering are filled by all that the port can hash.
    pub(super) fn new(configuration: &PortConfiguration, port: &Capabilities) -> Option<Self> {
        let address = port.hash_functions & (IPV4 | IPV6);
        let spread = port.hash_functions & SPREAD;
        let functions = match configuration.steering.map(|steering| steering.field) {
            Some(SteeringField::Source) => address | dpdk_sys::RTE_ETH_RSS_L3_SRC_ONLY,
            Some(SteeringField::Destination) => address | dpdk_sys::RTE_ETH_RSS_L3_DST_ONLY,
            None if configuration.receive_queues > 1 && spread != 0 => spread,
            None => return None,
        };
        /// What nearly all cards have.
        const USUAL_KEY_BYTES: u8 = 40;
        let bytes = if port.hash_key_bytes == 0 { USUAL_KEY_BYTES } else { port.hash_key_bytes };
        let key = KEY_PATTERN.iter().copied().cycle().take(bytes.into()).collect();
        Some(Self { functions, key })
    }

    /// The form that DPDK takes. It points to the key here, also where DPDK only reads it.
    pub(super) fn as_raw(&mut self) -> rte_eth_rss_conf {
        // SAFETY: numbers and a pointer, for all of which zero is a value. Releases differ in the fields.
        let mut raw: rte_eth_rss_conf = unsafe { MaybeUninit::zeroed().assume_init() };
        raw.rss_hf = self.functions;
        raw.rss_key = self.key.as_mut_ptr();
        raw.rss_key_len = u8::try_from(self.key.len()).unwrap_or(u8::MAX);
        raw
    }
}

/// What makes a started port steer.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    hash: HashChoice,
    table: RedirectionTable,
}

impl Plan {
    pub(super) fn new(steering: Steering, hash: HashChoice, port: &Capabilities) -> Self {
        Self { hash, table: table(steering, port.redirection_table_size) }
    }

    /// Gives a started port its hash and its table, and sees that it uses the hash. The caller holds the device's lock.
    pub(super) fn apply(&self, device: &Device) -> Result<(), PortError> {
        // Some drivers forget between configuration and start what they were given.
        let mut hash = self.hash.clone();
        let mut raw = hash.as_raw();
        // SAFETY: an open port; the key lives in `hash`.
        let result = unsafe { dpdk_sys::rte_eth_dev_rss_hash_update(device.number(), &raw mut raw) };
        device.check("change its hash", result)?;
        if used_hash(device, &self.hash).is_some_and(|used| used != self.hash) {
            return Err(PortError::Steering {
                device: device.name().to_owned(),
                source: SteeringError::HashIgnored,
            });
        }
        let mut table = self.table.clone();
        let size = device.capabilities().redirection_table_size;
        // SAFETY: an open port, and as many groups as a table of `size` entries has.
        let result =
            unsafe { dpdk_sys::rte_eth_dev_rss_reta_update(device.number(), table.as_mut_ptr(), size) };
        device.check("fill its redirection table", result)
    }
}

/// What the port says that it hashes, of what was asked for; None when the driver does not say.
fn used_hash(device: &Device, asked: &HashChoice) -> Option<HashChoice> {
    let mut used = HashChoice { functions: 0, key: vec![0; asked.key.len()] };
    let mut raw = used.as_raw();
    // SAFETY: an open port, and room for a key of the port's length.
    let result = unsafe { dpdk_sys::rte_eth_dev_rss_hash_conf_get(device.number(), &raw mut raw) };
    // Functions beyond those asked for do no harm as long as one address alone is hashed.
    used.functions = raw.rss_hf & asked.functions;
    if used.key.iter().all(|&byte| byte == 0) {
        // It tells the functions only.
        used.key.clone_from(&asked.key);
    }
    (result == 0).then_some(used)
}

/// A redirection table in the form that DPDK takes: groups of 64 queue numbers.
type RedirectionTable = Vec<rte_eth_rss_reta_entry64>;

const GROUP: usize = dpdk_sys::RTE_ETH_RETA_GROUP_SIZE as usize;

/// The table of a port that has `size` entries.
fn table(steering: Steering, size: u16) -> RedirectionTable {
    let queue = |entry: usize| (entry % STEERING_BUCKETS) % usize::from(steering.queues);
    (0..usize::from(size))
        .step_by(GROUP)
        .map(|start| rte_eth_rss_reta_entry64 {
            mask: u64::MAX,
            reta: std::array::from_fn(|at| u16::try_from(queue(start + at)).unwrap_or_default()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Eal, Mempool, MempoolConfiguration, Port};

    /// A port that can steer.
    fn able() -> Capabilities {
        Capabilities {
            driver: "net_test".to_owned(),
            max_receive_queues: 16,
            max_transmit_queues: 16,
            equal_queues: false,
            receive_offloads: 0,
            transmit_offloads: 0,
            hash_functions: SPREAD | ONE_ADDRESS,
            hash_key_bytes: 52,
            redirection_table_size: 512,
            min_mtu: 68,
            max_mtu: 9_000,
        }
    }

    fn configuration(receive_queues: u16, steering: Option<Steering>) -> PortConfiguration {
        PortConfiguration {
            receive_queues,
            transmit_queues: 1,
            receive_descriptors: 64,
            transmit_descriptors: 64,
            mtu: 1_500,
            promiscuous: false,
            steering,
        }
    }

    #[test]
    fn a_port_must_hash_one_address_into_a_table_that_divides_evenly() {
        assert_eq!(can_steer(&able()), Ok(()));
        let without =
            |functions: u64| Capabilities { hash_functions: able().hash_functions & !functions, ..able() };
        let no_address = Err(SteeringError::NoAddressHash);
        assert_eq!(can_steer(&without(dpdk_sys::RTE_ETH_RSS_L3_SRC_ONLY)), no_address);
        assert_eq!(can_steer(&without(dpdk_sys::RTE_ETH_RSS_L3_DST_ONLY)), no_address);
        assert_eq!(can_steer(&without(dpdk_sys::RTE_ETH_RSS_IPV6)), Err(SteeringError::NoInternetHash));
        for (size, expected) in [
            (0, Err(SteeringError::TableSize(0))),
            (64, Err(SteeringError::TableSize(64))),
            (128, Ok(())),
            (192, Err(SteeringError::TableSize(192))),
            (2_048, Ok(())),
        ] {
            assert_eq!(can_steer(&Capabilities { redirection_table_size: size, ..able() }), expected);
        }
    }

    #[test]
    fn it_steers_to_queues_that_exist() {
        for (queues, expected) in [
            (0, Err(SteeringError::Queues { asked: 0, configured: 4 })),
            (1, Ok(())),
            (4, Ok(())),
            (5, Err(SteeringError::Queues { asked: 5, configured: 4 })),
        ] {
            let steering = Steering { field: SteeringField::Source, queues };
            assert_eq!(check(steering, 4, &able()), expected);
        }
    }

    #[test]
    fn what_is_hashed_follows_from_the_configuration() {
        let functions = |queues: u16, field: Option<SteeringField>, port: &Capabilities| {
            let steering = field.map(|field| Steering { field, queues });
            HashChoice::new(&configuration(queues, steering), port).map(|choice| choice.functions)
        };
        let both = IPV4 | IPV6;
        let source = Some(both | dpdk_sys::RTE_ETH_RSS_L3_SRC_ONLY);
        assert_eq!(functions(2, Some(SteeringField::Source), &able()), source);
        let destination = Some(both | dpdk_sys::RTE_ETH_RSS_L3_DST_ONLY);
        assert_eq!(functions(2, Some(SteeringField::Destination), &able()), destination);
        assert_eq!(functions(2, None, &able()), Some(SPREAD));
        assert_eq!(functions(1, None, &able()), None, "nothing to choose");
        assert_eq!(functions(2, None, &Capabilities { hash_functions: 0, ..able() }), None);
    }

    #[test]
    fn the_key_repeats_its_pattern_as_long_as_the_port_wants() {
        for (stated, expected) in [(52, 52), (40, 40), (0, 40)] {
            let port = Capabilities { hash_key_bytes: stated, ..able() };
            let choice = HashChoice::new(&configuration(2, None), &port).unwrap();
            assert_eq!(choice.key.len(), expected);
            assert!(choice.key.chunks(2).all(|pair| pair == [0x6d, 0x5a]));
        }
    }

    #[test]
    fn each_entry_of_the_table_is_its_bucket_modulo_the_queues() {
        let steering = Steering { field: SteeringField::Source, queues: 3 };
        let table = table(steering, 512);
        assert_eq!(table.len(), 8);
        let queue = |entry: usize| table[entry / 64].reta[entry % 64];
        for (entry, expected) in [(0, 0), (1, 1), (2, 2), (3, 0), (127, 1), (128, 0), (129, 1), (511, 1)] {
            assert_eq!(queue(entry), expected, "entry {entry}");
        }
        assert!(table.iter().all(|group| group.mask == u64::MAX));
    }

    /// The driver `net_null` keeps hash and table without using them. It can not hash one address, so that a plan
    /// without that is applied here, past the check.
    #[test]
    fn hash_and_table_arrive_at_a_port() {
        let arguments = ["test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "64"];
        let eal = Eal::start(&arguments.map(str::to_owned)).unwrap();
        let pool = MempoolConfiguration { mbufs: 1_023, cache: 0, data_room: 2_176 };
        let pool = Mempool::new(&eal, "steering", pool).unwrap();
        eal.probe("net_null_steering").unwrap();
        let port = Port::find(&eal, "net_null_steering").unwrap();
        let configuration = configuration(4, None);
        let _queues = port.configure(configuration, &pool).unwrap();
        let (device, capabilities) = (&port.device, port.capabilities());

        let hash = HashChoice::new(&configuration, capabilities).unwrap();
        assert_ne!(
            used_hash(device, &hash),
            Some(hash.clone()),
            "the driver forgets what it was configured with"
        );
        let steering = Steering { field: SteeringField::Source, queues: 3 };
        let plan = Plan::new(steering, hash.clone(), capabilities);
        device.state().plan = Some(plan.clone());
        port.start().unwrap();

        assert_eq!(used_hash(device, &hash), Some(hash));
        let mut table = plan.table.clone();
        table.iter_mut().for_each(|group| group.reta.fill(u16::MAX));
        let size = capabilities.redirection_table_size;
        // SAFETY: an open port, and a table of its size.
        let result =
            unsafe { dpdk_sys::rte_eth_dev_rss_reta_query(device.number(), table.as_mut_ptr(), size) };
        assert_eq!(result, 0);
        let queues = |table: &RedirectionTable| table.iter().flat_map(|group| group.reta).collect::<Vec<_>>();
        assert_eq!(queues(&table), queues(&plan.table));
    }
}
