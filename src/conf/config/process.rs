//! Processes: names, priorities, limits, and how several of us live on one machine.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The processes, and what they share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Processes {
    /// `process_name` of the parent; `None` leaves the program's.
    pub parent_name: Option<String>,
    /// The VRRP process.
    pub vrrp: Process,
    /// The check process.
    pub checker: Process,
    /// The BFD process.
    pub bfd: Process,
    /// `max_auto_priority`: how far a process that runs late may raise its real-time priority; 0 not at all, −1 not
    /// even with a warning.
    pub max_auto_priority: i32,
    /// `min_auto_priority_delay`: how late it must be for that.
    pub min_auto_priority_delay: Duration,
    /// `child_wait_time`: how long the parent waits for the others to end.
    pub child_wait_time: Duration,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Process {
    /// `*_process_name`: up to 15 bytes.
    pub name: Option<String>,
    /// `*_priority`: nice value, −20 to 19; 0 leaves it.
    pub priority: i8,
    /// `*_rt_priority`: real-time scheduling (SCHED_RR) at this priority.
    pub rt_priority: Option<u8>,
    /// `*_rlimit_rttime`: microseconds of CPU time between two blocking calls under real-time scheduling;
    /// keepalived's 10,000 without.
    pub rlimit_rttime_us: Option<u32>,
    /// `*_no_swap`: its memory stays in memory.
    pub no_swap: bool,
    /// `*_cpu_affinity`: the processors that it may run on; empty for all.
    pub cpu_affinity: Vec<u32>,
}

/// `instance`, `net_namespace` and the like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Instancing {
    /// `instance`: part of the names of pid files.
    pub instance: Option<String>,
    /// `use_pid_dir`, which `instance` and `net_namespace` imply: pid files stand in /run/keepalived.
    pub use_pid_dir: bool,
    /// `net_namespace`: the network namespace to run in.
    pub net_namespace: Option<String>,
    /// `net_namespace_ipvs`: where the kernel's IPVS table is written.
    pub net_namespace_ipvs: IpvsNamespace,
    /// `namespace_with_ipsets`: ipsets in a namespace even before Linux 3.13.
    pub namespace_with_ipsets: bool,
}

/// `net_namespace_ipvs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum IpvsNamespace {
    /// That of all the rest.
    #[default]
    Same,
    /// Without a name: the one that the program was started in.
    Default,
    /// This one.
    Named(String),
}

impl Default for Processes {
    /// keepalived's defaults.
    fn default() -> Self {
        Processes {
            parent_name: None,
            vrrp: Process::default(),
            checker: Process::default(),
            bfd: Process::default(),
            max_auto_priority: 0,
            min_auto_priority_delay: Duration::from_secs(1),
            child_wait_time: Duration::from_secs(5),
        }
    }
}
