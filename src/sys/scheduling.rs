//! How this process's threads are scheduled, on which processors, and whether its memory may be swapped out.
//!
//! Linux has all of it for each thread; whoever is asked for here is every thread that there is, and those that they start
//! inherit it. It works at any time if [`allow_later`] was called while the process had its capabilities.

use super::caps::{self, Capability};
use nix::errno::Errno;
use nix::sched::CpuSet;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::Duration;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The nice value; none leaves what the process was started with.
    pub nice: Option<i8>,
    /// `SCHED_RR`, at this priority; the nice value means nothing then.
    pub real_time: Option<u8>,
    /// `SIGXCPU` comes when a thread of real-time priority has worked so long without waiting for anything.
    pub real_time_limit: Option<Duration>,
    /// All memory stays in memory.
    pub locked: bool,
    /// The processors; none for all that the process was started with.
    pub processors: Vec<u32>,
}

/// What could not be done.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {error}")]
pub struct Refused {
    /// What was to be done.
    what: &'static str,
    /// Why not.
    error: io::Error,
}

/// What is asked for now, and what the process was started with.
#[derive(Debug)]
pub struct Scheduling {
    now: Wish,
    nice: i32,
    processors: CpuSet,
}

/// The greatest priority of `SCHED_RR`.
pub const MOST: u8 = 99;

/// Lets this process change these things without capabilities. Gives the capabilities that stand in for limits that it may not
/// raise (that takes `CAP_SYS_RESOURCE`).
#[must_use]
pub fn allow_later() -> Vec<Capability> {
    let mut instead = Vec::new();
    for (resource, most, capability) in [
        (Resource::RLIMIT_RTPRIO, u64::from(MOST), Capability::CAP_SYS_NICE),
        // 20 less the nice value.
        (Resource::RLIMIT_NICE, 40, Capability::CAP_SYS_NICE),
        (Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, Capability::CAP_IPC_LOCK),
    ] {
        if setrlimit(resource, most, most).is_err() && !instead.contains(&capability) {
            instead.push(capability);
        }
    }
    instead
}

/// Asks for short turns on the processor for this thread: when it wakes, it comes before others that have not used up their
/// longer ones. It gets no more of the processor by that. Linux before 6.12 takes it in and changes nothing; neither does it
/// mean anything at real-time priority, and it has to be asked for again once that has ended.
pub fn ask_for_short_turns() {
    // At real-time priority it is refused, and not needed.
    let _ = short_turns(Duration::from_micros(100));
}

/// Whether this thread may run on more than one processor.
#[must_use]
pub fn has_several_processors() -> bool {
    nix::sched::sched_getaffinity(Pid::from_raw(0)).is_ok_and(|set| {
        (0..nix::sched::CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).nth(1).is_some()
    })
}

impl Scheduling {
    /// As the process was started.
    #[must_use]
    pub fn at_start() -> Scheduling {
        let processors = nix::sched::sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
        Scheduling { now: Wish::default(), nice: nice(), processors }
    }

    /// The real-time priority in force.
    #[must_use]
    pub const fn real_time(&self) -> Option<u8> {
        self.now.real_time
    }

    /// Makes it so, as far as it differs from what was asked for last; gives what was refused.
    pub fn change(&mut self, wish: &Wish) -> Vec<Refused> {
        let mut refused = Vec::new();
        let mut result = |what, result: Result<(), Errno>| {
            refused.extend(result.err().map(|errno| Refused { what, error: errno.into() }));
        };
        if wish.real_time_limit != self.now.real_time_limit {
            result("set a limit of real-time work", limit_real_time(wish.real_time_limit));
        }
        if wish.real_time != self.now.real_time {
            result("set real-time priority", each(|thread| schedule(thread, wish.real_time)));
        }
        if wish.nice != self.now.nice {
            let nice = wish.nice.map_or(self.nice, i32::from);
            result("set priority", each(|thread| set_nice(thread, nice)));
        }
        if wish.processors != self.now.processors {
            let set = set_of(&wish.processors).unwrap_or(self.processors);
            result("choose processors", each(|thread| nix::sched::sched_setaffinity(thread, &set)));
        }
        if wish.locked != self.now.locked {
            result("keep memory from being swapped out", lock(wish.locked));
        }
        self.now = wish.clone();
        refused
    }
}

/// All threads of this process.
fn threads() -> Vec<Pid> {
    let entries = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.map(Pid::from_raw).collect()
}

/// Does it for every thread, also for those that appear meanwhile: whoever starts one may not have been changed yet. One that
/// has ended meanwhile does not matter.
fn each(set: impl Fn(Pid) -> Result<(), Errno>) -> Result<(), Errno> {
    let mut done = BTreeSet::new();
    loop {
        let new: Vec<Pid> = threads().into_iter().filter(|thread| done.insert(*thread)).collect();
        if new.is_empty() {
            return Ok(());
        }
        new.into_iter().try_for_each(|thread| match set(thread) {
            Err(Errno::ESRCH) => Ok(()),
            result => result,
        })?;
    }
}

/// `None` where none of them can be named.
fn set_of(processors: &[u32]) -> Option<CpuSet> {
    let mut set = CpuSet::new();
    let named = processors.iter().filter(|n| set.set(**n as usize).is_ok()).count();
    (named > 0).then_some(set)
}

/// The kernel's own answer to too much work would be to kill the process: that is left out.
fn limit_real_time(limit: Option<Duration>) -> Result<(), Errno> {
    let (_, hard) = getrlimit(Resource::RLIMIT_RTTIME)?;
    let soft = limit.map_or(hard, |limit| u64::try_from(limit.as_micros()).unwrap_or(hard).min(hard));
    setrlimit(Resource::RLIMIT_RTTIME, soft, hard)
}

#[allow(unsafe_code)]
fn schedule(thread: Pid, priority: Option<u8>) -> Result<(), Errno> {
    let policy = if priority.is_some() { libc::SCHED_RR } else { libc::SCHED_OTHER };
    let parameters = libc::sched_param { sched_priority: priority.map_or(0, i32::from) };
    // SAFETY: the kernel reads the parameters from a pointer to what outlives the call. musl's wrapper does nothing, hence
    // the system call.
    let result = unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, thread.as_raw(), policy, &raw const parameters)
    };
    Errno::result(result).map(drop)
}

/// Keeps the policy and the nice value.
#[allow(unsafe_code)]
fn short_turns(turn: Duration) -> Result<(), Errno> {
    let size = std::mem::size_of::<libc::sched_attr>();
    let attributes = libc::sched_attr {
        size: u32::try_from(size).unwrap_or(0),
        sched_policy: 0,
        sched_flags: libc::SCHED_FLAG_KEEP_POLICY as u64,
        sched_nice: nice(),
        sched_priority: 0,
        sched_runtime: u64::try_from(turn.as_nanos()).unwrap_or(0),
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads as many bytes as the first field says from a pointer to what outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    Errno::result(result).map(drop)
}

#[allow(unsafe_code)]
fn set_nice(thread: Pid, nice: i32) -> Result<(), Errno> {
    // SAFETY: three numbers.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, thread.as_raw() as _, nice) }).map(drop)
}

#[allow(unsafe_code)]
fn nice() -> i32 {
    // SAFETY: two numbers. It fails for processes that do not exist alone.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// Pages are locked when they are used first, as in keepalived: stacks are larger than what is used of them.
#[allow(unsafe_code)]
fn lock(locked: bool) -> Result<(), Errno> {
    let may = || caps::check(&[Capability::CAP_IPC_LOCK]).is_ok();
    // Beyond the limit, and without the capability, the process would get no memory at all.
    if locked && getrlimit(Resource::RLIMIT_MEMLOCK)?.0 != RLIM_INFINITY && !may() {
        return Err(Errno::EPERM);
    }
    // SAFETY: says where memory is to be, not what is in it.
    let result = unsafe {
        match locked {
            true => libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT),
            false => libc::munlockall(),
        }
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel tells of this thread: a field of `stat`, counted from 1 as in proc(5).
    fn stat(field: usize) -> String {
        let text = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let behind_name = text.rsplit_once(") ").unwrap().1;
        behind_name.split(' ').nth(field - 3).unwrap().to_owned()
    }

    #[test]
    fn what_was_changed_goes_back() {
        crate::sys::testing::as_root(|| {
            let instead = allow_later();
            assert!(caps::check(&instead).is_ok(), "{instead:?}");
            let mut scheduling = Scheduling::at_start();
            let (nice, processors) = (scheduling.nice, scheduling.processors);
            let limit = Some(Duration::from_millis(500));
            let first = (0..CpuSet::count()).find(|n| processors.is_set(*n).unwrap()).unwrap() as u32;
            let wish = Wish { real_time: Some(3), real_time_limit: limit, ..Wish::default() };
            let wish = Wish { locked: true, processors: vec![first], nice: Some(5), ..wish };
            assert!(scheduling.change(&wish).is_empty());
            assert_eq!((stat(40).as_str(), stat(41).as_str()), ("3", "2"), "SCHED_RR");
            assert_eq!(nice_of_this_thread(), 5);
            assert_eq!(getrlimit(Resource::RLIMIT_RTTIME).unwrap().0, 500_000);
            let status = fs::read_to_string("/proc/self/status").unwrap();
            assert!(!status.contains("VmLck:\t       0 kB"), "{status}");
            let thread = std::thread::spawn(|| (stat(40), stat(41))).join().unwrap();
            assert_eq!(thread, ("3".to_owned(), "2".to_owned()), "threads inherit it");
            assert!(scheduling.change(&Wish::default()).is_empty());
            assert_eq!((stat(40).as_str(), stat(41).as_str()), ("0", "0"));
            assert_eq!(nice_of_this_thread(), nice);
            assert_eq!(nix::sched::sched_getaffinity(Pid::from_raw(0)).unwrap(), processors);
            let status = fs::read_to_string("/proc/self/status").unwrap();
            assert!(status.contains("VmLck:\t       0 kB"), "{status}");
        });
    }

    /// The turn that the kernel gives this thread; it tells none before Linux 6.12.
    #[allow(unsafe_code)]
    fn turn() -> Duration {
        let size = std::mem::size_of::<libc::sched_attr>() as u32;
        // SAFETY: a structure of numbers.
        let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes as many bytes as it is told.
        let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
        Errno::result(result).unwrap();
        Duration::from_nanos(attributes.sched_runtime)
    }

    #[test]
    fn short_turns_leave_policy_and_nice_value() {
        std::thread::spawn(|| {
            let (policy, nice, before) = (stat(41), nice_of_this_thread(), turn());
            ask_for_short_turns();
            assert_eq!((stat(41), nice_of_this_thread()), (policy, nice));
            let wanted = if before.is_zero() { before } else { Duration::from_micros(100) };
            assert_eq!(turn(), wanted);
        })
        .join()
        .unwrap();
    }

    fn nice_of_this_thread() -> i32 {
        stat(19).parse().unwrap()
    }
}
