//! Work on EAL's lcores, and what becomes of a panic there. One test: there are few lcores.

use std::sync::mpsc;

use dpdk::lcore::{self, LcoreError};

use crate::common::{DATA_ROOM, WORKERS, eal, pool};

#[test]
fn work_runs_on_the_lcore_that_was_named_and_its_panic_is_reported() {
    assert_eq!(eal().worker_lcores(), WORKERS);
    two_lcores_work_at_once_and_a_busy_one_is_refused();
    a_panic_is_caught_and_the_lcore_goes_on();
    for nobody in [0, 4, 127, u32::MAX] {
        let error = lcore::launch(nobody, || ()).unwrap_err();
        assert!(
            matches!(&error, LcoreError::NotAWorker { lcore, workers } if *lcore == nobody && *workers == WORKERS)
        );
    }
    buffers_are_cached_and_counted();
}

fn two_lcores_work_at_once_and_a_busy_one_is_refused() {
    let (ask, asked) = mpsc::channel::<u32>();
    let (answer, answered) = mpsc::channel();
    let to_second = answer.clone();
    let first =
        lcore::launch(1, move || asked.iter().for_each(|number| answer.send(number + 1).unwrap())).unwrap();
    let second = lcore::launch(2, move || to_second.send(0).unwrap()).unwrap();
    assert_eq!(answered.recv().unwrap(), 0);
    second.join().unwrap();

    ask.send(41).unwrap();
    assert_eq!(answered.recv().unwrap(), 42);
    assert!(!first.is_finished());
    let is_dropped = ask.clone();
    assert!(matches!(lcore::launch(1, move || drop(is_dropped)), Err(LcoreError::Busy(1))));
    drop(ask);
    first.join().unwrap();
    lcore::launch(1, || ()).unwrap().join().unwrap();
}

fn a_panic_is_caught_and_the_lcore_goes_on() {
    let expected: [(fn(), &str); 3] = [
        (|| panic!("plain"), "plain"),
        (|| panic!("with {}", "arguments"), "with arguments"),
        (|| std::panic::panic_any(1), "no message"),
    ];
    for (work, text) in expected {
        let error = lcore::launch(3, work).unwrap().join().unwrap_err();
        assert!(matches!(&error, LcoreError::Panicked { lcore: 3, message } if message == text), "{error}");
    }
    lcore::launch(3, || ()).unwrap().join().unwrap();
}

fn buffers_are_cached_and_counted() {
    let pool = pool(63, DATA_ROOM);
    let taken = pool.clone();
    let (give, given) = mpsc::channel();
    lcore::launch(2, move || give.send(taken.allocate()).unwrap()).unwrap().join().unwrap();
    let mbuf = given.recv().unwrap();
    assert_eq!(pool.in_use(), 1);
    drop(mbuf);
    assert_eq!(pool.in_use(), 0);
}
