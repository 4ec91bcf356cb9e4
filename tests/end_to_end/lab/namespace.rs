//! Network namespaces without names: each lives as long as something holds it open, so that nothing can stay behind.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace.
pub(crate) struct Namespace(File);

impl Namespace {
    /// A new one, with its loopback interface up and without IPv6's duplicate address detection.
    pub(crate) fn new() -> Self {
        let made = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).expect("the tests need root, to make network namespaces");
            File::open("/proc/thread-self/ns/net").expect("the new namespace")
        });
        let namespace = Self(made);
        for which in ["all", "default"] {
            namespace.set(&format!("net/ipv6/conf/{which}/accept_dad"), "0");
        }
        namespace.ip("link set lo up");
        namespace
    }

    /// Does `work` on a thread inside the namespace. Sockets and processes that it makes stay inside.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET).expect("entering a namespace");
            work()
        })
    }

    /// The same, with a /sys that shows the interfaces of the namespace.
    pub(crate) fn enter_with_sys<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.enter(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("a mount namespace");
            let nothing = None::<&str>;
            mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
                .expect("private mounts");
            mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), nothing).expect("/sys");
            work()
        })
    }

    /// Carries out `ip` commands, one on each line.
    pub(crate) fn ip(&self, commands: &str) {
        let output = self.enter(|| {
            let mut ip = Command::new("ip");
            ip.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut ip = ip.spawn().expect("ip runs");
            let mut input = ip.stdin.take().expect("its standard input");
            input.write_all(commands.as_bytes()).expect("ip reads commands");
            drop(input);
            ip.wait_with_output().expect("ip ends")
        });
        assert!(output.status.success(), "ip: {}\n{commands}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a program and returns what it made of it.
    pub(crate) fn output(&self, program: &str, arguments: &[&str]) -> Output {
        let run = || Command::new(program).args(arguments).stdin(Stdio::null()).output();
        self.enter(run).unwrap_or_else(|error| panic!("{program} does not run: {error}"))
    }

    /// Runs a program that must succeed, and returns what it printed.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.output(program, arguments);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {}:\n{printed}{complained}", arguments.join(" "));
        printed
    }

    /// Sets a kernel parameter, like `net/ipv4/ip_forward`.
    pub(crate) fn set(&self, parameter: &str, value: &str) {
        let path = format!("/proc/sys/{parameter}");
        self.enter(|| fs::write(&path, value)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Where the kernel finds the namespace, for `ip link ... netns`.
    pub(crate) fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

/// Does `work` on a thread of its own, and panics as it did.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let done = thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
