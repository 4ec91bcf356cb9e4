//! EAL with more memory than there is. A process of its own: EAL starts once, also if it fails.

use dpdk::{Eal, EalError};

#[test]
fn too_little_memory_is_said_with_what_to_do() {
    let arguments = ["test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m", "100000000"];
    let error = Eal::start(&arguments.map(str::to_owned)).unwrap_err();
    assert!(matches!(error, EalError::NoMemory(_)), "{error:?}");
    assert!(error.to_string().contains("hugepages"), "{error}");
}
