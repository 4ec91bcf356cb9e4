//! Starting the program anew in its place: DPDK can be started once in a process.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::management::Cpus;

/// What a new start has to find as the first one did.
#[derive(Debug)]
pub struct Restart {
    /// EAL binds the main thread to one CPU, which a new program would inherit.
    cpus: Cpus,
}

impl Restart {
    /// To be called before DPDK is started.
    pub(crate) fn prepare() -> Self {
        Self { cpus: Cpus::of_this_thread() }
    }

    /// Becomes the same program once more, with the same arguments. Returns only if that fails, and why.
    pub fn restart(&self) -> io::Error {
        self.cpus.adopt();
        // Devices and memory of this run are not for the next.
        dpdk::close_all_on_exec();
        let mut arguments = env::args_os();
        let name = arguments.next().unwrap_or_default();
        // A program that was replaced has no path any more, but the name by which it was called.
        let program = env::current_exe().ok().filter(|program| program.exists());
        Command::new(program.unwrap_or_else(|| name.into())).args(arguments).exec()
    }
}
