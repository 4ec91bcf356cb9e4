//! EAL with arguments that it does not know. A process of its own: EAL starts once, also if it fails.

use dpdk::{Eal, EalError, lcore};

#[test]
fn bad_arguments_are_named_and_there_is_no_second_attempt() {
    assert!(matches!(Eal::start(&[]), Err(EalError::NoProgramName)));
    let nul = ["test".to_owned(), "--lcores\0".to_owned()];
    assert!(matches!(Eal::start(&nul), Err(EalError::NulByte(_))));

    let bad = ["test", "--no-huge", "--in-memory", "--no-such-option"].map(str::to_owned);
    let error = Eal::start(&bad).unwrap_err();
    assert!(matches!(&error, EalError::Arguments(arguments) if *arguments == bad), "{error}");
    assert!(error.to_string().contains("--no-such-option"), "{error}");

    let good = ["test", "--no-huge", "--no-shconf", "--no-pci"].map(str::to_owned);
    assert!(matches!(Eal::start(&good), Err(EalError::AlreadyStarted)));
    assert!(matches!(lcore::launch(1, || ()), Err(lcore::LcoreError::NotStarted)));
}
