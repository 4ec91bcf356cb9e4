//! Where management threads run. DPDK pins the thread that starts it to the control CPU, and threads inherit that;
//! there they would fight with a polling loop.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::configuration::UnitConfiguration;

/// This thread, for the system calls.
const SELF: Pid = Pid::from_raw(0);

/// The CPUs that the operating system lets the program use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpus(Option<CpuSet>);

impl Cpus {
    /// Those of the calling thread, which DPDK has not pinned yet.
    pub(crate) fn of_this_thread() -> Self {
        Self(sched_getaffinity(SELF).ok())
    }

    /// Without those on which `unit` polls, as far as any are left: first the workers', then the control core.
    pub(super) fn without_polling(self, unit: &UnitConfiguration) -> Self {
        let cores = unit.cores();
        let idle = self.without(&cores.workers);
        idle.without(&[cores.control])
    }

    /// Moves the calling thread there. When it can not be done, the thread stays where it is.
    pub(crate) fn adopt(&self) {
        if let Some(set) = &self.0 {
            let _ = sched_setaffinity(SELF, set);
        }
    }

    fn without(self, cpus: &[usize]) -> Self {
        let Some(set) = self.0 else { return self };
        let mut left = set;
        for &cpu in cpus {
            // A CPU that no set can have is not in this one either.
            let _ = left.unset(cpu);
        }
        let any = (0..CpuSet::count()).any(|cpu| left.is_set(cpu).unwrap_or(false));
        if any { Self(Some(left)) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_cpu_is_always_left() {
        let mut set = CpuSet::new();
        set.set(3).unwrap();
        set.set(5).unwrap();
        let cpus = Cpus(Some(set));
        let left =
            |cpus: Cpus| (0..8).filter(|&cpu| cpus.0.unwrap().is_set(cpu).unwrap()).collect::<Vec<_>>();
        assert_eq!(left(cpus.without(&[3, 4])), [5]);
        assert_eq!(left(cpus.without(&[3, 5])), [3, 5]);
        assert_eq!(left(cpus.without(&[5]).without(&[3])), [3]);
        assert_eq!(left(cpus.without(&[usize::MAX])), [3, 5]);
    }
}
