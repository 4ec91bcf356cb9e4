//! The log: written by a thread of its own, so that whoever logs never waits for whoever reads.
//!
//! A full disk or a reader that hangs must not hold up a takeover. What finds no room is lost, and counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that may wait.
const LINES: usize = 4_096;

/// How long the last lines may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What goes to the thread.
enum Entry {
    Line(Vec<u8>),
    /// All before it has been written: say so.
    Flush(SyncSender<()>),
}

/// The log. Dropping it waits until what was logged is written, unless that takes too long.
pub(crate) struct Log(SyncSender<Entry>);

/// The end that the logger writes to.
struct Writer {
    lines: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

impl Log {
    /// Begins to log to standard error.
    pub(crate) fn start() -> io::Result<Self> {
        let (lines, entries) = sync_channel(LINES);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { lines: lines.clone(), lost: Arc::clone(&lost) };
        thread::Builder::new().name("log".to_owned()).spawn(move || write(&entries, &lost))?;
        let defaults = env_logger::Env::default().default_filter_or("info");
        env_logger::Builder::from_env(defaults)
            .format_timestamp_millis()
            .format_target(false)
            .target(env_logger::Target::Pipe(Box::new(writer)))
            .init();
        Ok(Self(lines))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let (done, is_done) = sync_channel(1);
        if self.0.try_send(Entry::Flush(done)).is_ok() {
            let _ = is_done.recv_timeout(PATIENCE);
        }
    }
}

impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Entry::Line(line.to_vec())).is_err() {
            // Relaxed: a number for people.
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(entries: &Receiver<Entry>, lost: &AtomicU64) {
    for entry in entries {
        let mut errors = io::stderr().lock();
        match entry {
            Entry::Line(line) => drop(errors.write_all(&line)),
            Entry::Flush(done) => drop(done.send(())),
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(errors, "{lost} lines of the log were lost: nobody read them");
        }
    }
}
