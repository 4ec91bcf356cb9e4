//! One worker of the active unit stands still, while all else of it goes on: a debugger holds that thread.

use std::fs;

use nix::sys::ptrace;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::lab::deciding::{DecidingPair, Settings};
use crate::lab::pair::Half;
use crate::lab::plan::line_addresses;
use crate::lab::traffic::{Flow, still_talk, talk};
use crate::lab::wait;

/// The thread of the unit's only worker.
fn worker(half: &Half) -> Pid {
    let threads = fs::read_dir(format!("/proc/{}/task", half.process().0)).expect("a running process");
    let is_worker = |thread: &fs::DirEntry| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("rte-worker"))
    };
    let worker = threads.flatten().find(is_worker).expect("a worker");
    Pid::from_raw(worker.file_name().to_string_lossy().parse().expect("a number"))
}

fn has_happened(half: &Half, what: &str) -> bool {
    let decisions = half.decisions();
    decisions["journal"].as_array().is_some_and(|entries| entries.iter().any(|entry| entry["what"] == what))
}

#[test]
fn a_unit_whose_worker_stands_still_gives_its_group_up() {
    let pair = DecidingPair::start(Settings::default());
    let mut sessions = talk(&pair.client, &line_addresses(), 10);
    pair.wait_until_ready(&pair.b);
    let flow = Flow::start(&pair.client, line_addresses()[0]);
    let worker = worker(&pair.a);
    ptrace::seize(worker, ptrace::Options::empty()).expect("the tests run as root");
    ptrace::interrupt(worker).expect("a thread that is traced");
    waitpid(worker, Some(WaitPidFlag::__WALL)).expect("a thread that stops");
    let forwarded = || pair.a.view.virtual_server("192.0.2.100:7:udp").inbound_packets;
    let before = forwarded();
    pair.b.wait_until_active();
    assert!(has_happened(&pair.a, "a worker does not turn"));
    assert_eq!(pair.b.cause_of("347").as_deref(), Some("fault"));
    assert_eq!(pair.b.cause_of("348"), None);
    flow.wait_for(50);
    still_talk(&mut sessions);
    ptrace::detach(worker, None).expect("a thread that is traced");
    wait::until_equal("a worker that turns again", true, || {
        has_happened(&pair.a, "all workers turn again") && pair.a.decisions()["this"]["faulty"] == false
    });
    pair.wait_until_ready(&pair.a);
    flow.wait_for(50);
    let report = flow.end();
    assert_eq!(report.doubled, 0, "{report:?}");
    still_talk(&mut sessions);
    assert_eq!(forwarded(), before, "both units forwarded");
}
