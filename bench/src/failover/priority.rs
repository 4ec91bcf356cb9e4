//! The priority of those who look: what is late here would be taken for a gap of the pair's.

use std::fs;
use std::process::{Command, Stdio};

/// Gives the calling thread real-time priority, the lowest there is. Where the kernel refuses, it stays as it is, and what
/// it does late is told beside the figures.
pub(super) fn raise() {
    let Ok(thread) = fs::read_link("/proc/thread-self") else { return };
    let Some(number) = thread.file_name().and_then(|name| name.to_str()) else { return };
    let mut chrt = Command::new("chrt");
    chrt.args(["--fifo", "--pid", "1", number])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _ = chrt.status();
}
