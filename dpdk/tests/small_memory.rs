//! A pool larger than EAL's memory. A process of its own: for a moment, the attempt takes all that there is.

use dpdk::{Eal, Mempool, MempoolConfiguration, MempoolError};

#[test]
fn a_pool_that_does_not_fit_is_refused_and_a_smaller_one_is_made() {
    let arguments = ["test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "32"];
    let eal = Eal::start(&arguments.map(str::to_owned)).unwrap();
    let configuration = MempoolConfiguration { mbufs: 100_000, cache: 0, data_room: 2_176 };
    let error = Mempool::new(&eal, "large", configuration).unwrap_err();
    assert!(matches!(error, MempoolError::NoMemory { mbufs: 100_000, .. }), "{error}");
    assert!(error.to_string().contains("hugepages"), "{error}");

    let pool = Mempool::new(&eal, "small", MempoolConfiguration { mbufs: 1_000, ..configuration }).unwrap();
    assert_eq!(pool.available(), 1_000);
}
