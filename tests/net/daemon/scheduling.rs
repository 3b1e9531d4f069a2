//! Priorities, memory, processors and names of processes.

use super::{LIMIT, configuration, logged, started, status};
use crate::VIPD;
use crate::support::{Director, Implementation, Lab, Test, Worker, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::workers_are_scheduled_as_the_configuration_says", scheduled),
        Test::new("daemon::a_worker_that_wakes_up_late_raises_its_priority", late),
    ]
}

fn with(globals: &str) -> String {
    format!("global_defs {{\n{globals}\n}}\n{}", configuration("10.0.0.100/24"))
}

/// What all threads of a process have in fields of their `stat`, counted as in proc(5): nice value, real-time priority
/// and policy.
fn schedules(process: Pid) -> BTreeSet<[String; 3]> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    stats
        .filter_map(|stat| {
            let fields: Vec<String> = stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect();
            Some([19, 40, 41].map(|field| fields[field - 3].clone()))
        })
        .collect()
}

#[track_caller]
fn is_scheduled(process: Pid, nice: &str, priority: &str, policy: &str) {
    let expected = BTreeSet::from([[nice, priority, policy].map(str::to_owned)]);
    wait_for(format_args!("{expected:?} of process {process}"), LIMIT, || {
        let found = schedules(process);
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

/// The nice value that these tests run with.
fn usual_nice() -> String {
    schedules(Pid::this()).pop_first().map(|[nice, ..]| nice).unwrap_or_default()
}

fn scheduled(lab: &Lab) {
    let usual = usual_nice();
    let host = lab.host("one", "10.0.0.1/24");
    let server = "virtual_server 10.0.0.9 80 {\n protocol TCP\n real_server 10.0.0.2 80 {\n }\n}\n";
    let first = with(
        "process_name aparent\n vrrp_process_name arouter\n vrrp_rt_priority 20\n vrrp_rlimit_rttime 500000\n \
         vrrp_no_swap\n vrrp_cpu_affinity 0\n checker_priority -5\n checker_process_name achecker\n checker_cpu_affinity 0",
    ) + server;
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), &first, &[]);
    logged(director.process(), "Startup complete");
    let parent = director.process().pid();
    let (router, checker) = (director.worker(Worker::Vrrp), director.worker(Worker::Check));
    let names = || [parent, router, checker].map(|pid| status(pid, "Name"));
    is_scheduled(router, &usual, "20", "2");
    is_scheduled(checker, "-5", "0", "0");
    assert_ne!(status(router, "VmLck"), "0 kB");
    assert_eq!(status(checker, "VmLck"), "0 kB");
    assert_eq!([router, checker].map(|pid| status(pid, "Cpus_allowed_list")), ["0", "0"]);
    assert_eq!(names(), ["aparent", "arouter", "achecker"]);
    let limits = fs::read_to_string(format!("/proc/{router}/limits")).expect("limits");
    let limit = limits.lines().find(|line| line.starts_with("Max realtime timeout")).expect("a limit");
    assert_eq!(limit.split_whitespace().nth(3), Some("250000"), "a warning at half of it: {limit}");
    assert_eq!(limit.split_whitespace().nth(4), Some("unlimited"), "nobody is killed: {limit}");
    // By limits, or by capabilities that stand in for them; in all threads, and back.
    director.reload(
        &(with("process_names\n checker_rt_priority 3\n checker_no_swap\n vrrp_priority 4") + server),
    );
    is_scheduled(router, "4", "0", "0");
    is_scheduled(checker, &usual, "3", "2");
    assert_ne!(status(checker, "VmLck"), "0 kB");
    assert_eq!(status(router, "VmLck"), "0 kB");
    assert_eq!(names()[1..], ["keepalived_vrrp", "keepalived_lvs"]);
    assert_ne!(names()[0], "aparent");
    assert_eq!(status(router, "Cpus_allowed_list"), status(parent, "Cpus_allowed_list"));
    director.terminate();
}

fn late(lab: &Lab) {
    let usual = usual_nice();
    let director = started(lab, &[]);
    director.reload(&with("max_auto_priority 2\n min_auto_priority_delay 100000"));
    logged(director.process(), "Reload complete");
    // Its deadlines come once a second.
    logged(director.process(), "Entering MASTER STATE");
    let router = director.worker(Worker::Vrrp);
    for priority in ["1", "2"] {
        kill(router, Signal::SIGSTOP).expect("stop a worker");
        sleep(Duration::from_millis(1500));
        kill(router, Signal::SIGCONT).expect("let it go on");
        logged(director.process(), "A thread timer expired ");
        logged(director.process(), &format!("Set realtime priority {priority}"));
        is_scheduled(router, &usual, priority, "2");
    }
    director.terminate();
}
