//! The time that this thread was on a processor: what others do on the machine does not count.

use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The CPU time of this thread so far.
pub(crate) fn now() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("the clock of a thread starts at zero")
}

/// Keeps this program, and those that it starts, on one core: caches stay warm and clocks the same for all.
pub(crate) fn stay_on_core(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).expect("`--core`: expected a core that this program may use");
}
