//! The CPU that measures in this process: it must not change under way.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// While this is there, the thread stays on one CPU: the last that it may use, as the first has most interrupts.
pub(crate) struct Pinned {
    before: Option<CpuSet>,
}

impl Pinned {
    /// Pins the calling thread. Where the kernel refuses, it stays free to move.
    pub(crate) fn here() -> Self {
        Self::to_one(|cpus| cpus.last().copied())
    }

    /// Pins the calling thread to the CPU of this number, counted among those that it may use, and from the first again
    /// where there are fewer.
    pub(crate) fn to(number: usize) -> Self {
        Self::to_one(|cpus| cpus.get(number % cpus.len().max(1)).copied())
    }

    fn to_one(choose: impl FnOnce(&[usize]) -> Option<usize>) -> Self {
        let before = sched_getaffinity(this_thread()).ok();
        if let Some(chosen) = before.as_ref().and_then(|before| choose(&all(before))) {
            let mut one = CpuSet::new();
            let _ = one.set(chosen).and_then(|()| sched_setaffinity(this_thread(), &one));
        }
        Self { before }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = sched_setaffinity(this_thread(), before);
        }
    }
}

fn this_thread() -> Pid {
    Pid::from_raw(0)
}

fn all(cpus: &CpuSet) -> Vec<usize> {
    (0..CpuSet::count()).filter(|&cpu| cpus.is_set(cpu).unwrap_or(false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_pinned_for_a_while() {
        let of_this = || sched_getaffinity(this_thread()).unwrap();
        let count = |cpus: CpuSet| (0..CpuSet::count()).filter(|&cpu| cpus.is_set(cpu).unwrap()).count();
        let before = count(of_this());
        let pinned = Pinned::here();
        assert_eq!(count(of_this()), 1);
        drop(pinned);
        assert_eq!(count(of_this()), before);
    }
}
