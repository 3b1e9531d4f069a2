//! The process as the parent sees it: orders in, outcomes out. The test's own binary plays it.

use super::super::scripts::Conditions;
use super::*;
use crate::run::{Limit, Turn};
use crate::sys::channel;
use nix::sys::signal::SigSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

const PLAYS: &str = "VIPD_TEST_RUNS_SCRIPTS";

/// Becomes the runner where this binary was started as one.
fn play() {
    if std::env::var_os(PLAYS).is_some() {
        let socket = crate::sys::process::take_stdin().unwrap();
        std::process::exit(main(socket).code().into());
    }
}

struct Remote {
    socket: Option<OwnedFd>,
    process: std::process::Child,
}

impl Remote {
    /// `test` is the full name of a test that begins with [`play`].
    fn start(test: &str) -> Remote {
        let (socket, theirs) = channel::pair().unwrap();
        // It inherits this, in all of its threads: none of them may take the signal from the one that collects it.
        let mut child = SigSet::empty();
        child.add(Signal::SIGCHLD);
        child.thread_block().unwrap();
        let process = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--test-threads=1", "--nocapture", "--exact"])
            .arg(format!("daemon::runner::tests::{test}"))
            .env(PLAYS, "1")
            .stdin(theirs)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Remote { socket: Some(socket), process }
    }

    fn tell(&self, order: &Order) {
        message::send_order(self.socket.as_ref().unwrap().as_fd(), order, None).unwrap();
    }

    fn run(&self, id: u64, owner: Option<&str>, limit: Option<Duration>, argv: &[&str]) {
        let command = Command { argv: argv.iter().map(ToString::to_string).collect(), run_as: None };
        let limit = limit.map(|term_after| Limit { term_after, kill_after: Duration::from_millis(200) });
        let turn = owner.map(|owner| Turn { owner: owner.to_owned(), step: id, subject: None });
        let run = Run { id: RunId(id), turn, command, limit };
        self.tell(&Order::Run {
            run,
            conditions: Conditions { supplementary_groups: true, ..Conditions::default() },
        });
    }

    fn sh(&self, id: u64, owner: Option<&str>, limit: Option<Duration>, script: &str) {
        self.run(id, owner, limit, &["/bin/sh", "-c", script]);
    }

    fn next(&self) -> Option<(u64, RunOutcome)> {
        let ended = message::receive_run_ended(self.socket.as_ref().unwrap().as_fd()).unwrap();
        ended.map(|ended| (ended.id.0, ended.outcome))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.socket = None;
        let _ = self.process.wait();
    }
}

fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        // Nothing tells when a stranger's process ends.
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {what}");
}

#[test]
fn each_end_is_told_as_it_was() {
    play();
    let remote = Remote::start("each_end_is_told_as_it_was");
    remote.sh(1, None, None, "exit 3");
    assert_eq!(remote.next(), Some((1, RunOutcome::Exited(3))));
    remote.sh(2, None, None, "kill -9 $$");
    assert_eq!(remote.next(), Some((2, RunOutcome::Signalled(9))));
    remote.run(3, None, None, &["/no/such/program"]);
    let missing = RunOutcome::Failed("/no/such/program is not there, or its interpreter".to_owned());
    assert_eq!(remote.next(), Some((3, missing)));
    remote.run(4, None, None, &["</proc/self/status"]);
    assert_eq!(remote.next(), Some((4, RunOutcome::Exited(0))));
    remote.run(5, None, None, &["</no/such/file"]);
    assert_eq!(remote.next(), Some((5, RunOutcome::Exited(1))));
    let run_as = Some(RunAs { user: "no-such-user".to_owned(), group: None });
    let command = Command { argv: vec!["/bin/true".to_owned()], run_as };
    let run = Run { id: RunId(6), turn: None, command, limit: None };
    remote.tell(&Order::Run {
        run,
        conditions: Conditions { supplementary_groups: true, ..Conditions::default() },
    });
    let nobody = RunOutcome::Failed("there is no user no-such-user any more".to_owned());
    assert_eq!(remote.next(), Some((6, nobody)));
}

#[test]
fn one_owners_scripts_run_in_order_and_a_hundred_others_meanwhile() {
    play();
    let remote = Remote::start("one_owners_scripts_run_in_order_and_a_hundred_others_meanwhile");
    let dir = tempfile::tempdir().unwrap();
    let (order, go) = (dir.path().join("order"), dir.path().join("go"));
    // The first one waits for a FIFO: the others of its owner wait for it.
    nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
    remote.sh(0, Some("VI"), None, &format!("cat {}; echo 0 >> {}", go.display(), order.display()));
    for id in 1..20 {
        remote.sh(id, Some("VI"), None, &format!("echo {id} >> {}", order.display()));
    }
    for id in 100..200 {
        remote.sh(id, None, None, "exit 0");
    }
    let mut others: Vec<u64> = (0..100).map(|_| remote.next().unwrap().0).collect();
    others.sort_unstable();
    assert_eq!(others, (100..200).collect::<Vec<_>>());
    fs::write(&go, "").unwrap();
    for id in 0..20 {
        assert_eq!(remote.next(), Some((id, RunOutcome::Exited(0))));
    }
    let text = fs::read_to_string(order).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_script_that_takes_too_long_ends_with_all_it_has_started() {
    play();
    let remote = Remote::start("a_script_that_takes_too_long_ends_with_all_it_has_started");
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let deaf = format!("trap '' TERM; sleep 1000 & echo $$ $! > {}; while :; do wait; done", pids.display());
    remote.sh(1, None, Some(Duration::from_millis(300)), &deaf);
    assert_eq!(remote.next(), Some((1, RunOutcome::TimedOut)));
    for pid in read(&pids).split_whitespace() {
        wait_until("the end of the group", || !is_alive(pid));
    }
    // One that leaves when asked, but not its child.
    let leaves = format!("(trap '' TERM; sleep 1000 & echo $! > {}; wait) & sleep 1000", pids.display());
    fs::remove_file(&pids).unwrap();
    remote.sh(2, None, None, &leaves);
    wait_until("its child", || read(&pids).ends_with('\n'));
    remote.tell(&Order::CancelRun(RunId(2)));
    assert_eq!(remote.next(), Some((2, RunOutcome::Cancelled)));
    let child = read(&pids);
    wait_until("the end of its child", || !is_alive(&child));
}

#[test]
fn a_stop_waits_for_notifications_and_calls_checks_off() {
    play();
    let mut remote = Remote::start("a_stop_waits_for_notifications_and_calls_checks_off");
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go");
    nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
    remote.sh(1, Some("VI"), None, &format!("cat {}", go.display()));
    remote.sh(2, Some("VI"), None, "exit 7");
    remote.sh(3, None, Some(Duration::from_secs(1000)), "sleep 1000");
    remote.tell(&Order::Stop);
    assert_eq!(remote.next(), Some((3, RunOutcome::Cancelled)));
    fs::write(&go, "").unwrap();
    assert_eq!(remote.next(), Some((1, RunOutcome::Exited(0))));
    assert_eq!(remote.next(), Some((2, RunOutcome::Exited(7))));
    assert_eq!(remote.next(), None, "it ends by itself");
    assert!(remote.process.wait().unwrap().success());
}

#[test]
fn when_the_parent_is_gone_no_script_stays() {
    play();
    let mut remote = Remote::start("when_the_parent_is_gone_no_script_stays");
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    remote.sh(1, Some("VI"), None, &format!("echo $$ > {}; exec sleep 1000", pid.display()));
    let read = || fs::read_to_string(&pid).unwrap_or_default();
    wait_until("the script", || read().ends_with('\n'));
    remote.socket = None;
    assert!(remote.process.wait().unwrap().success());
    assert!(!is_alive(&read()));
}

#[test]
fn other_groups_come_where_they_are_asked_for() {
    let nobody = RunAs { user: "nobody".to_owned(), group: None };
    let own = account(&nobody, false).unwrap();
    assert_eq!(own.groups, [own.gid]);
    let all = getgrouplist(&CString::new("nobody").unwrap(), own.gid).unwrap();
    assert_eq!(account(&nobody, true).unwrap().groups, all);
}
