//! Name, priority, memory and processors of a worker: `vrrp_rt_priority`, `checker_no_swap` and the like. They hold from
//! the start on, when the process still has all of its capabilities, and a reload changes them as far as the limits allow that
//! were set then (`RLIMIT_RTPRIO` and the like).

use crate::conf::config::{Process, Processes};
use crate::sys::scheduling::{MOST, Scheduling, Wish};
use crate::sys::{clock, process};
use crate::time::Instant;
use std::time::Duration;
use tracing::{info, warn};

/// `*_rlimit_rttime` without one.
const REAL_TIME_LIMIT: Duration = Duration::from_millis(10);

/// A process's.
#[derive(Debug)]
pub struct Scheduled {
    scheduling: Scheduling,
    wish: Wish,
    /// Half of `*_rlimit_rttime`, as in keepalived: it is a warning.
    limit: Duration,
    /// The name in force, and the one it was started with.
    name: Option<String>,
    usual_name: String,
    /// `max_auto_priority`: up to there a process that is late may raise its priority.
    most: Option<u8>,
    /// `min_auto_priority_delay`
    late: Duration,
}

impl Default for Scheduled {
    /// As the process was started.
    fn default() -> Scheduled {
        Scheduled {
            scheduling: Scheduling::at_start(),
            wish: Wish::default(),
            limit: REAL_TIME_LIMIT / 2,
            name: None,
            usual_name: process::name(),
            most: None,
            late: Duration::MAX,
        }
    }
}

impl Scheduled {
    /// From now on it is as the configuration says: this one of its processes.
    pub(super) fn configure(&mut self, process: &Process, processes: &Processes) {
        if process.name != self.name {
            process::rename(process.name.as_ref().unwrap_or(&self.usual_name));
            self.name.clone_from(&process.name);
        }
        self.most = u8::try_from(processes.max_auto_priority).ok().filter(|most| *most > 0);
        self.late = processes.min_auto_priority_delay;
        // A raised priority goes back: the reload may have been for that.
        self.wish = wish(process);
        let limit = process.rlimit_rttime_us.map(|us| Duration::from_micros(us.into()));
        self.limit = limit.unwrap_or(REAL_TIME_LIMIT) / 2;
        self.apply();
    }

    /// Whether all of it could be done.
    fn apply(&mut self) -> bool {
        self.wish.real_time_limit = self.wish.real_time.map(|_| self.limit);
        let refused = self.scheduling.change(&self.wish);
        refused.iter().for_each(|refused| warn!("can't {refused}"));
        refused.is_empty()
    }

    /// It was asleep until then. One that wakes up late, again and again, is given more and more of the processor.
    pub(super) fn woke(&mut self, until: Option<Instant>) {
        let (Some(most), Some(until)) = (self.most, until) else { return };
        let late = clock::now().saturating_since(until);
        if late <= self.late {
            return;
        }
        info!("A thread timer expired {:.6} seconds ago", late.as_secs_f64());
        let priority = self.scheduling.real_time().map_or(1, |now| now.saturating_add(1)).min(most).min(MOST);
        if self.scheduling.real_time() < Some(priority) {
            self.wish.real_time = Some(priority);
            if self.apply() {
                info!("Set realtime priority {priority}");
            }
        }
    }
}

fn wish(process: &Process) -> Wish {
    Wish {
        // As in keepalived, it means nothing beside a real-time priority.
        nice: Some(process.priority).filter(|nice| *nice != 0 && process.rt_priority.is_none()),
        real_time: process.rt_priority,
        real_time_limit: None,
        locked: process.no_swap,
        processors: process.cpu_affinity.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_left_as_it_is() {
        assert_eq!(wish(&Process::default()), Wish::default());
    }

    #[test]
    fn a_nice_value_gives_way_to_a_real_time_priority() {
        let process = Process { priority: -5, ..Process::default() };
        assert_eq!(wish(&process).nice, Some(-5));
        let process = Process { rt_priority: Some(40), no_swap: true, cpu_affinity: vec![1], ..process };
        let processors = vec![1];
        let expected = Wish { real_time: Some(40), locked: true, processors, ..Wish::default() };
        assert_eq!(wish(&process), expected);
    }
}
