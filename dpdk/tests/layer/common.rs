//! What the tests share: one EAL, and pools and devices with names of their own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use dpdk::{Eal, Mempool, MempoolConfiguration, Port, PortConfiguration, ReceiveQueue, TransmitQueue};

/// A main lcore and three workers, all on one CPU.
pub(crate) const WORKERS: [u32; 3] = [1, 2, 3];
const ARGUMENTS: &str =
    "test --no-huge --no-pci --no-shconf --no-telemetry -m 256 --log-level=*:error --lcores 0@0,1@0,2@0,3@0";

/// The EAL of this process.
pub(crate) fn eal() -> &'static Eal {
    static EAL: OnceLock<Eal> = OnceLock::new();
    EAL.get_or_init(|| {
        let arguments: Vec<String> = ARGUMENTS.split(' ').map(str::to_owned).collect();
        Eal::start(&arguments).unwrap()
    })
}

/// A number that no other test has.
pub(crate) fn unique() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Buffers of the usual size: 2,048 bytes behind the headroom.
pub(crate) const DATA_ROOM: u16 = 2_048 + 128;

/// A pool without caches, so that its counts are exact.
pub(crate) fn pool(mbufs: usize, data_room: u16) -> Mempool {
    let configuration = MempoolConfiguration { mbufs, cache: 0, data_room };
    Mempool::new(eal(), &format!("test{}", unique()), configuration).unwrap()
}

/// One queue each way, of 64 descriptors.
pub(crate) const ONE_QUEUE: PortConfiguration = PortConfiguration {
    receive_queues: 1,
    transmit_queues: 1,
    receive_descriptors: 64,
    transmit_descriptors: 64,
    mtu: 1_500,
    promiscuous: false,
    steering: None,
};

/// Opens a new virtual device of `driver` with further arguments.
pub(crate) fn open(driver: &str, arguments: &str) -> Port {
    let name = format!("{driver}{}", unique());
    eal().probe(&format!("{name}{arguments}")).unwrap();
    Port::find(eal(), &name).unwrap()
}

/// Configures one queue each way and starts.
pub(crate) fn start(port: &Port, pool: &Mempool) -> (ReceiveQueue, TransmitQueue) {
    let (mut receive, mut transmit) = port.configure(ONE_QUEUE, pool).unwrap();
    port.start().unwrap();
    (receive.remove(0), transmit.remove(0))
}

/// A frame whose bytes tell its number and length.
pub(crate) fn frame(number: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| number.wrapping_add(at.to_le_bytes()[0])).collect()
}
