//! The daemon as a service manager and an administrator see it: processes, pid files, signals, exit statuses.

use super::VIPD;
use super::support::{Director, Host, Implementation, Lab, Process, Test, Waited, Worker, wait_for};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Pid, mkfifo};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A machine that is busy with other things takes long; nothing here is slow by itself.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::pid_files_name_the_processes_and_go_with_them", pid_files),
        Test::new("daemon::a_worker_that_dies_is_replaced_and_the_log_says_why", respawn),
        Test::new("daemon::a_worker_told_to_stop_by_a_stranger_is_replaced", stray_sigterm),
        Test::new("daemon::without_respawn_a_death_stops_everything", dont_respawn),
        Test::new("daemon::a_worker_that_hangs_does_not_keep_the_daemon_from_stopping", hung),
        Test::new("daemon::workers_stop_when_the_parent_is_killed", orphans),
        Test::new("daemon::a_reload_keeps_the_worker_and_a_broken_file_the_configuration", reload),
        Test::new("daemon::the_last_of_many_reloads_reaches_a_worker_that_did_not_read", reloads_unread),
        Test::new("daemon::reloads_of_empty_half_and_whole_files_end_no_worker", reloads_of_all_kinds),
        Test::new("daemon::a_reload_of_a_damaged_file_is_refused_as_a_whole", damaged),
        Test::new("daemon::the_death_of_the_reader_at_a_reload_changes_nothing", reader_dies),
        Test::new("daemon::a_reader_that_hangs_keeps_nobody_from_stopping", reader_hangs),
        Test::new("daemon::a_reader_without_memory_is_a_message", reader_without_memory),
        Test::new("daemon::the_death_of_the_reader_at_start_is_an_error", reader_dies_at_start),
        Test::new("daemon::a_daemon_detaches_once_it_has_started", detached),
        Test::new("daemon::a_second_one_is_refused_and_one_with_other_pid_files_is_not", two_daemons),
        Test::new("daemon::what_is_no_pid_file_is_neither_replaced_nor_removed", foreign_pid_files),
        Test::new("daemon::a_pipe_where_a_file_belongs_stops_nobody", pipes),
        Test::new("daemon::the_dump_of_the_configuration_has_no_secrets", secrets),
        Test::new("daemon::pid_files_have_the_permissions_that_the_mask_leaves", masks),
        Test::new("daemon::a_stop_during_the_start_leaves_nothing", early_stop),
        Test::new("daemon::a_worker_has_the_capabilities_it_needs_and_no_more", capabilities),
        Test::new("daemon::missing_capabilities_are_named", no_capabilities),
        Test::new("daemon::signals_of_what_is_not_done_are_harmless", other_signals),
        Test::new("daemon::each_process_has_its_log_file", log_files),
        Test::new("daemon::nothing_configured_waits_for_a_reload", nothing_to_do),
        Test::new("daemon::processes_go_by_the_name_they_were_called", names),
    ]
}

fn configuration(address: &str) -> String {
    format!(
        "vrrp_instance VI {{\n  interface eth0\n  virtual_router_id 7\n  priority 100\n  advert_int 1\n  \
         virtual_ipaddress {{\n    {address}\n  }}\n}}\n"
    )
}

fn started(lab: &Lab, more: &[&str]) -> Director {
    let host = lab.host("one", "10.0.0.1/24");
    let director =
        Director::start(Implementation::Vipd, &host, Path::new(VIPD), &configuration("10.0.0.100/24"), more);
    logged(director.process(), "Startup complete");
    director
}

#[track_caller]
fn logged(process: &Process, text: &str) {
    wait_for(format_args!("{text:?} in the log"), LIMIT, || {
        let log = process.log();
        if log.contains(text) { Ok(()) } else { Err(log) }
    });
}

#[track_caller]
fn gone(pid: Pid) {
    wait_for(format_args!("the end of process {pid}"), LIMIT, || match kill(pid, None) {
        Err(Errno::ESRCH) => Ok(()),
        _ if status(pid, "State").starts_with('Z') => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// Waits for a VRRP worker that is not `old`.
#[track_caller]
fn another_worker(director: &Director, old: Pid) {
    wait_for("another worker", LIMIT, || match pid_in(&director.host().file("vrrp.pid")) {
        Ok(pid) if pid != old => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// A line of `/proc/PID/status`.
fn status(pid: Pid, key: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
    line.unwrap_or_default().trim().to_owned()
}

fn pid_in(path: &Path) -> Waited<Pid> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    text.trim().parse().map(Pid::from_raw).map_err(|_| format!("{text:?}"))
}

/// A daemon's command line with pid files called after `name`.
fn command(host: &Host, program: &Path, name: &str) -> Command {
    let mut command = host.command(program);
    if program.file_name().is_some_and(|file| file == "vipd") {
        command.arg("run");
    }
    command.arg("-f").arg(host.file("k.conf")).arg("-G");
    for (flag, file) in [("-p", "main"), ("-r", "vrrp"), ("-c", "check")] {
        command.arg(flag).arg(host.file(&format!("{name}-{file}.pid")));
    }
    command
}

fn pid_files(lab: &Lab) {
    let director = started(lab, &[]);
    let (host, parent) = (director.host().clone(), director.process().pid());
    let worker = director.worker(Worker::Vrrp);
    assert_eq!(pid_in(&host.file("main.pid")), Ok(parent));
    assert_eq!(status(worker, "PPid"), parent.to_string());
    assert!(!host.file("check.pid").exists(), "no virtual server, no worker for them");
    director.terminate();
    gone(worker);
    assert!(!host.file("main.pid").exists() && !host.file("vrrp.pid").exists());
}

fn respawn(lab: &Lab) {
    let director = started(lab, &[]);
    let old = director.worker(Worker::Vrrp);
    let new = director.kill_worker(Worker::Vrrp);
    assert_eq!(status(new, "PPid"), director.process().pid().to_string());
    logged(director.process(), &format!("pid {old} exited due to signal 9 (SIGKILL)"));
    logged(director.process(), &format!("VRRP child process({old}) died: Respawning"));
    director.terminate();
    gone(new);
}

fn stray_sigterm(lab: &Lab) {
    let director = started(lab, &[]);
    let old = director.worker(Worker::Vrrp);
    kill(old, Signal::SIGTERM).expect("stop a worker");
    another_worker(&director, old);
    gone(old);
    director.terminate();
}

fn dont_respawn(lab: &Lab) {
    let director = started(lab, &["-R"]);
    kill(director.worker(Worker::Vrrp), Signal::SIGKILL).expect("kill a worker");
    assert!(director.process().wait_exit(LIMIT).success(), "as keepalived ends");
    assert!(!director.host().file("main.pid").exists());
}

fn hung(lab: &Lab) {
    let director = started(lab, &[]);
    let (host, worker) = (director.host().clone(), director.worker(Worker::Vrrp));
    wait_address(&host, "10.0.0.100");
    kill(worker, Signal::SIGSTOP).expect("halt a worker");
    director.terminate();
    logged(director.process(), "did not stop in time: killing it");
    gone(worker);
    assert!(!host.has_address("10.0.0.100"), "{}", director.process().log());
    assert!(!director.host().file("vrrp.pid").exists());
}

fn orphans(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    wait_address(director.host(), "10.0.0.100");
    director.process().signal(Signal::SIGKILL);
    gone(worker);
    // Nobody would take care of it: a peer is to have it.
    assert!(!director.host().has_address("10.0.0.100"));
}

fn reload(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    director.reload("vrrp_instance VI {\n  interface eth0\n");
    logged(director.process(), "Reload refused: the configuration before it stays in force");
    director.reload(&configuration("10.0.0.101/24"));
    logged(director.process(), "Reload complete");
    assert_eq!(director.worker(Worker::Vrrp), worker);
    // No virtual router any more: its worker goes, the daemon stays.
    director.reload("global_defs {\n  router_id a\n}\n");
    gone(worker);
    director.reload(&configuration("10.0.0.102/24"));
    another_worker(&director, worker);
    director.terminate();
}

/// Puts a new configuration in the place of the old one, as editors do: nobody ever reads half of it.
fn replace(host: &Host, text: &str) {
    fs::write(host.file("new"), text).expect("write the configuration");
    fs::rename(host.file("new"), host.file("keepalived.conf")).expect("put it in its place");
}

fn reloads_unread(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    kill(worker, Signal::SIGSTOP).expect("halt a worker");
    for round in 1..=320 {
        let last = if round == 320 { 200 } else { 100 + round % 90 };
        replace(director.host(), &configuration(&format!("10.0.0.{last}/24")));
        director.process().signal(Signal::SIGHUP);
        // One after another: signals of one kind that wait become one.
        wait_for(format_args!("reload {round}"), LIMIT, || {
            let count = director.process().log().matches("Reloading ...").count();
            if count == round { Ok(()) } else { Err(count.to_string()) }
        });
    }
    assert!(!director.process().log().contains("Reload complete"), "nobody has done anything yet");
    kill(worker, Signal::SIGCONT).expect("let it go on");
    logged(director.process(), "Reload complete");
    wait_for("the last address alone", LIMIT, || {
        let addresses = director.host().addresses();
        let there = director.host().has_address("10.0.0.200") && !director.host().has_address("10.0.0.100");
        if there { Ok(()) } else { Err(format!("{addresses:?}")) }
    });
    assert_eq!(director.worker(Worker::Vrrp), worker, "{}", director.process().log());
    director.terminate();
}

fn reloads_of_all_kinds(lab: &Lab) {
    let director = started(lab, &[]);
    let whole = configuration("10.0.0.100/24");
    let half = &whole[..whole.len() / 2];
    let nothing = "global_defs {\n  router_id a\n}\n";
    for _ in 0..100 {
        for text in [nothing, half, &whole] {
            director.reload(text);
        }
    }
    director.reload(&configuration("10.0.0.101/24"));
    wait_for("the last address", LIMIT, || {
        let addresses = director.host().addresses();
        if director.host().has_address("10.0.0.101") { Ok(()) } else { Err(format!("{addresses:?}")) }
    });
    let log = director.process().log();
    assert!(!log.contains("died") && !log.contains("status 70"), "{log}");
    director.terminate();
}

fn damaged(lab: &Lab) {
    let director = started(lab, &[]);
    let host = director.host();
    wait_address(host, "10.0.0.100");
    let whole = configuration("10.0.0.100/24");
    let cut = whole.find("    10.0.0.100").expect("its address");
    let broken = [&whole[..cut], &whole.replace("virtual_ipaddress", "virtual_ipadress"), "", "# nothing\n"];
    for (round, text) in broken.into_iter().enumerate() {
        director.reload(text);
        wait_for(format_args!("refusal {round}"), LIMIT, || {
            let log = director.process().log();
            if log.matches("Reload refused").count() > round { Ok(()) } else { Err(log) }
        });
    }
    assert!(host.has_address("10.0.0.100"));
    assert!(!director.process().log().contains("Reload complete"));
    director.reload(&configuration("10.0.0.101/24"));
    logged(director.process(), "Reload complete");
    // What was wrong from the beginning is no reason to refuse.
    director.terminate();
    let host = lab.host("two", "10.0.1.1/24");
    let faulty = |address| format!("{}no_such_keyword\n", configuration(address));
    let director =
        Director::start(Implementation::Vipd, &host, Path::new(VIPD), &faulty("10.0.1.100/24"), &[]);
    logged(director.process(), "Startup complete");
    director.reload(&faulty("10.0.1.101/24"));
    logged(director.process(), "Reload complete");
    wait_address(&host, "10.0.1.101");
    director.terminate();
}

#[track_caller]
fn wait_address(host: &Host, address: &str) {
    wait_for(format_args!("address {address}"), LIMIT, || {
        let addresses = host.addresses();
        if host.has_address(address) { Ok(()) } else { Err(format!("{addresses:?}")) }
    });
}

/// A configuration that takes its time to read: `servers` real servers behind a virtual router.
fn large(servers: usize) -> String {
    use std::fmt::Write;
    let mut text = configuration("10.0.0.200/24");
    for n in 0..servers {
        let (block, server) = (n / 250, n % 250);
        if server == 0 {
            write!(text, "virtual_server 10.{}.{}.1 80 {{\n protocol TCP\n", block / 250 + 1, block % 250)
                .expect("text");
        }
        write!(text, " real_server 192.168.{}.{} 80 {{\n  weight 1\n }}\n", block % 250, server + 1)
            .expect("text");
        if server == 249 || n + 1 == servers {
            text.push_str("}\n");
        }
    }
    text
}

/// Asks for something that makes `process` read its configuration, and halts the process that reads it.
#[track_caller]
fn halted_reader(process: &Process, mut ask: impl FnMut()) -> Pid {
    let parent = process.pid();
    for _ in 0..50 {
        ask();
        // It lives for a moment only: no time for pauses.
        for _ in 0..200_000 {
            let children =
                fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
            for child in children.split_whitespace() {
                let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
                let pid = Pid::from_raw(child.parse().expect("a number"));
                if line.windows(8).any(|word| word == b"\0config\0") && kill(pid, Signal::SIGSTOP).is_ok() {
                    wait_for("it to halt", LIMIT, || match status(pid, "State") {
                        state if state.starts_with(['t', 'T']) => Ok(()),
                        state if state.is_empty() || state.starts_with('Z') => Ok(()),
                        state => Err(state),
                    });
                    if status(pid, "State").starts_with('T') {
                        return pid;
                    }
                }
            }
        }
    }
    panic!("no process reads the configuration: {}", process.log());
}

fn reader_dies(lab: &Lab) {
    let director = started(lab, &[]);
    let (host, worker) = (director.host(), director.worker(Worker::Vrrp));
    wait_address(host, "10.0.0.100");
    let text = large(30_000);
    let deaths = [
        (Signal::SIGKILL, "it was killed (signal 9)"),
        (Signal::SIGSEGV, "it crashed (signal 11, SIGSEGV)"),
        (Signal::SIGABRT, "it ran out of memory, or this is a bug of vipd (signal 6)"),
    ];
    for (round, (signal, words)) in deaths.into_iter().enumerate() {
        let reader = halted_reader(director.process(), || director.reload(&text));
        kill(reader, signal).expect("end the reader");
        kill(reader, Signal::SIGCONT).expect("let the signal arrive");
        logged(director.process(), words);
        wait_for("the refusal", LIMIT, || {
            let log = director.process().log();
            if log.matches("Reload refused").count() > round { Ok(()) } else { Err(log) }
        });
        assert!(host.has_address("10.0.0.100"));
        assert_eq!(director.worker(Worker::Vrrp), worker);
    }
    director.reload(&configuration("10.0.0.101/24"));
    wait_address(host, "10.0.0.101");
    director.terminate();
}

fn reader_hangs(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    wait_address(director.host(), "10.0.0.100");
    let text = large(30_000);
    let reader = halted_reader(director.process(), || director.reload(&text));
    // The workers go on meanwhile, and die and come back.
    director.kill_worker(Worker::Vrrp);
    wait_address(director.host(), "10.0.0.100");
    director.terminate();
    gone(worker);
    gone(reader);
    assert!(!director.host().has_address("10.0.0.100"));
}

fn reader_without_memory(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let mut full = command(&host, Path::new(VIPD), "d");
    full.args(["-n", "-l"]);
    let words: Vec<_> = full.get_args().map(std::ffi::OsStr::to_owned).collect();
    let (namespace, program) = words.split_at(3);
    let mut less = Command::new(full.get_program());
    less.args(namespace).args(["prlimit", "--data=250000000"]).args(program);
    let process = host.start("less", &mut less);
    logged(&process, "Startup complete");
    wait_address(&host, "10.0.0.100");
    fs::write(host.file("k.conf"), large(1_500_000)).expect("write the configuration");
    process.signal(Signal::SIGHUP);
    logged(&process, "it ran out of memory");
    logged(&process, "Reload refused");
    assert!(host.has_address("10.0.0.100"));
    process.signal(Signal::SIGTERM);
    assert!(process.wait_exit(LIMIT).success(), "{}", process.log());
}

fn reader_dies_at_start(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), large(30_000)).expect("write the configuration");
    let start = |name| host.start(name, command(&host, Path::new(VIPD), "d").args(["-n", "-l"]));
    let killed = start("killed");
    kill(halted_reader(&killed, || {}), Signal::SIGKILL).expect("kill the reader");
    assert_eq!(killed.wait_exit(LIMIT).code(), Some(70), "{}", killed.log());
    assert!(killed.log().contains("it was killed (signal 9)"), "{}", killed.log());
    assert!(killed.log().contains("was not started"), "{}", killed.log());
    let stopped = start("stopped");
    let reader = halted_reader(&stopped, || {});
    stopped.signal(Signal::SIGTERM);
    assert_eq!(stopped.wait_exit(LIMIT).code(), Some(0), "{}", stopped.log());
    gone(reader);
}

fn detached(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let launcher = host.start("launcher", &mut command(&host, Path::new(VIPD), "d"));
    assert!(launcher.wait_exit(LIMIT).success());
    // At this moment everything is there.
    let parent = pid_in(&host.file("d-main.pid")).expect("the daemon's pid");
    let worker = pid_in(&host.file("d-vrrp.pid")).expect("the worker's pid");
    assert_eq!(status(worker, "PPid"), parent.to_string());
    assert_eq!(fs::read_link(format!("/proc/{parent}/cwd")).expect("its directory"), Path::new("/"));
    let session = nix::unistd::getsid(Some(parent)).expect("its session");
    assert_eq!(session, parent, "a session of its own");
    for stream in 0..=2 {
        let file = fs::read_link(format!("/proc/{parent}/fd/{stream}")).expect("a standard stream");
        assert_eq!(file, Path::new("/dev/null"));
    }
    // The same configuration is found again, although the working directory is another one.
    kill(parent, Signal::SIGHUP).expect("reload");
    kill(parent, Signal::SIGTERM).expect("stop");
    gone(worker);
    gone(parent);
    wait_for("the pid files to go", LIMIT, || {
        let left = ["d-main.pid", "d-vrrp.pid"].map(|name| host.file(name).exists());
        if left == [false, false] { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

fn two_daemons(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    for host in [&one, &two] {
        fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    }
    let start = |host: &Host, name| host.start(name, command(host, Path::new(VIPD), "d").args(["-n", "-l"]));
    let (first, second) = (start(&one, "first"), start(&two, "second"));
    logged(&first, "Startup complete");
    logged(&second, "Startup complete");
    let refused = start(&one, "refused");
    assert_eq!(refused.wait_exit(LIMIT).code(), Some(0), "keepalived's status");
    assert!(refused.log().contains("daemon is already running (pid "), "{}", refused.log());
    assert!(refused.log().contains(" was not started"), "{}", refused.log());
    assert!(!refused.log().contains("Stopped"), "nothing was stopped: {}", refused.log());
    assert_eq!(pid_in(&one.file("d-main.pid")), Ok(first.pid()), "the running one's file is as it was");
    // Only the worker's pid file is the same.
    let mut half = command(&one, Path::new(VIPD), "other");
    half.args(["-n", "-l", "-r"]).arg(one.file("d-vrrp.pid"));
    let half = one.start("half", &mut half);
    assert_eq!(half.wait_exit(LIMIT).code(), Some(0));
    assert!(!one.file("other-main.pid").exists());
    for process in [first, second] {
        process.signal(Signal::SIGTERM);
        assert!(process.wait_exit(LIMIT).success());
    }
    // What a crash leaves behind does not stand in the way.
    fs::write(one.file("d-main.pid"), "999999\n").expect("write a stale pid file");
    let third = start(&one, "third");
    logged(&third, "Startup complete");
    third.signal(Signal::SIGINT);
    assert!(third.wait_exit(LIMIT).success());
}

fn foreign_pid_files(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let data = "a year's work\n".repeat(100);
    fs::write(host.file("data"), &data).expect("write a file");
    symlink(host.file("data"), host.file("link")).expect("make a link");
    mkfifo(&host.file("fifo"), Mode::S_IRWXU).expect("make a FIFO");
    fs::create_dir(host.file("folder")).expect("make a directory");
    mknod(&host.file("null"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 3)).expect("make a device");
    for flag in ["-p", "-r"] {
        let wrong = [
            ("data", "holds something else than a process number"),
            ("link", "is a symbolic link, not a file"),
            ("fifo", "is a named pipe, not a file"),
            ("folder", "is a directory"),
            ("null", "is a device, not a file"),
        ];
        for (file, why) in wrong {
            let mut command = command(&host, Path::new(VIPD), "d");
            command.args(["-n", "-l", flag]).arg(host.file(file));
            let process = host.start(&format!("{flag}{file}"), &mut command);
            assert_eq!(process.wait_exit(LIMIT).code(), Some(1), "{}", process.log());
            let line = format!("pid file {}: {why}; it is left as it is", host.file(file).display());
            assert!(process.log().contains(&line), "{}", process.log());
            assert!(!process.log().contains("os error"), "{}", process.log());
        }
    }
    assert_eq!(fs::read_to_string(host.file("data")).expect("it is still there"), data);
    for file in ["link", "fifo", "folder", "null"] {
        assert!(host.file(file).symlink_metadata().is_ok(), "{file} is still there");
    }
}

fn pipes(lab: &Lab) {
    let host = lab.host("first", "10.0.0.2/24");
    mkfifo(&host.file("k.conf"), Mode::S_IRWXU).expect("make a FIFO");
    let process = host.start("start", command(&host, Path::new(VIPD), "d").args(["-n", "-l"]));
    assert_eq!(process.wait_exit(LIMIT).code(), Some(6), "{}", process.log());
    assert!(process.log().contains("k.conf is a named pipe, not a file"), "{}", process.log());
    // At a reload, and in an include.
    let director = started(lab, &[]);
    let (host, worker) = (director.host(), director.worker(Worker::Vrrp));
    let file = host.file("keepalived.conf");
    fs::remove_file(&file).expect("remove the file");
    mkfifo(&file, Mode::S_IRWXU).expect("make a FIFO");
    director.process().signal(Signal::SIGHUP);
    logged(director.process(), "keepalived.conf is a named pipe, not a file");
    logged(director.process(), "Reload refused");
    fs::remove_file(&file).expect("remove the FIFO");
    // As large as a device: its end is far behind what is read.
    fs::File::create(&file).and_then(|file| file.set_len(2 << 30)).expect("make a large file");
    director.process().signal(Signal::SIGHUP);
    logged(director.process(), "keepalived.conf is larger than 1 GiB");
    fs::remove_file(&file).expect("remove the file");
    symlink("/dev/zero", &file).expect("link a device");
    director.process().signal(Signal::SIGHUP);
    logged(director.process(), "keepalived.conf is a device, not a file");
    fs::remove_file(&file).expect("remove the link");
    mkfifo(&host.file("part"), Mode::S_IRWXU).expect("make a FIFO");
    director.reload(&format!("include {}\n{}", host.file("part").display(), configuration("10.0.0.100/24")));
    logged(director.process(), "part' is a named pipe, not a file");
    wait_for("the fourth refusal", LIMIT, || {
        let log = director.process().log();
        if log.matches("Reload refused").count() == 4 { Ok(()) } else { Err(log) }
    });
    assert!(!director.process().log().contains("Reload complete"));
    assert_eq!(director.worker(Worker::Vrrp), worker);
    director.terminate();
}

fn secrets(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let text = configuration("10.0.0.100/24");
    let text = text
        .replace("advert_int 1", "advert_int 1\n authentication {\n auth_type PASS\n auth_pass Zorro\n }");
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), &text, &["-d"]);
    logged(director.process(), "Startup complete");
    let log = director.process().log();
    assert!(log.contains("\"auth\": \"(redacted)\""), "{log}");
    let bytes: Vec<String> = b"Zorro".iter().map(ToString::to_string).collect();
    let numbers: Vec<&str> =
        log.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty()).collect();
    assert!(!log.contains("Zorro") && !numbers.windows(5).any(|five| five == bytes), "{log}");
    director.terminate();
}

fn masks(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    for (mask, expected) in [("0", 0o666), ("077", 0o600), ("022", 0o644)] {
        let mut command = command(&host, Path::new(VIPD), "d");
        let process = host.start(mask, command.args(["-n", "-l", "-u", mask]));
        logged(&process, "Startup complete");
        for file in ["d-main.pid", "d-vrrp.pid"] {
            let mode = host.file(file).metadata().expect("a pid file").permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{file} with -u {mask}");
        }
        process.signal(Signal::SIGTERM);
        assert!(process.wait_exit(LIMIT).success());
    }
}

fn early_stop(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    for round in 0..20 {
        let name = format!("round{round}");
        let process = host.start(&name, command(&host, Path::new(VIPD), &name).args(["-n", "-l"]));
        // Sooner or later within the start.
        for _ in 0..round {
            std::thread::yield_now();
        }
        process.signal(Signal::SIGTERM);
        process.wait_exit(LIMIT);
        for file in ["main", "vrrp"] {
            assert!(!host.file(&format!("{name}-{file}.pid")).exists(), "{}", process.log());
        }
        assert!(!host.has_address("10.0.0.100"));
    }
}

fn capabilities(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    let expected = (1_u64 << 12) | (1 << 13);
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(
            u64::from_str_radix(&status(worker, set), 16),
            Ok(expected),
            "{set}: NET_ADMIN and NET_RAW"
        );
    }
    assert_eq!(status(worker, "NoNewPrivs"), "1", "it executes nothing");
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&status(worker, set), 16), Ok(0), "{set}");
    }
    // A reload may bring `bind_port 81`: what that needs is there already.
    director.reload(&format!(
        "{}virtual_server 10.0.0.100 80 {{\n protocol TCP\n real_server 10.0.0.2 80 {{\n }}\n}}\n",
        configuration("10.0.0.100/24")
    ));
    let expected = (1_u64 << 10) | (1 << 12);
    wait_for("NET_BIND_SERVICE and NET_ADMIN", LIMIT, || {
        let effective = status(director.worker(Worker::Check), "CapEff");
        if u64::from_str_radix(&effective, 16) == Ok(expected) { Ok(()) } else { Err(effective) }
    });
    director.terminate();
}

fn no_capabilities(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let mut full = command(&host, Path::new(VIPD), "d");
    full.args(["-n", "-l"]);
    // `ip netns exec` needs what is dropped here, so the program goes behind setpriv.
    let words: Vec<_> = full.get_args().map(std::ffi::OsStr::to_owned).collect();
    let (namespace, program) = words.split_at(3);
    let mut less = Command::new(full.get_program());
    less.args(namespace)
        .args(["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"])
        .args(program);
    let process = host.start("less", &mut less);
    assert_eq!(process.wait_exit(LIMIT).code(), Some(4), "{}", process.log());
    assert!(process.log().contains("missing CAP_NET_RAW"), "{}", process.log());
    assert!(process.log().contains("--cap-add NET_RAW"), "{}", process.log());
}

fn other_signals(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    for (signal, name) in [(Signal::SIGUSR1, "SIGUSR1 (DATA)"), (Signal::SIGUSR2, "SIGUSR2 (STATS)")] {
        director.process().signal(signal);
        logged(director.process(), &format!("{name} has no effect in this version"));
    }
    // Ctrl-C reaches the whole process group: a worker leaves it to the parent. So does the terminal's end.
    kill(worker, Signal::SIGINT).expect("send a signal");
    kill(worker, Signal::SIGHUP).expect("send a signal");
    director.reload(&configuration("10.0.0.100/24"));
    logged(director.process(), "Reload complete");
    assert_eq!(director.worker(Worker::Vrrp), worker);
    director.terminate();
}

fn log_files(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let mut command = command(&host, Path::new(VIPD), "d");
    let process = host.start("d", command.arg("-n").arg("-g").arg(host.file("d.txt")));
    let has = |name: &str, text: &str| {
        let path = host.file(name);
        wait_for(format_args!("{text:?} in {}", path.display()), LIMIT, || {
            let log = fs::read_to_string(&path).unwrap_or_default();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    };
    has("d.txt", "Startup complete");
    has("d_vrrp.txt", ": vipd_vrrp[");
    assert_eq!(process.log(), "", "the console is quiet without -l");
    process.signal(Signal::SIGTERM);
    process.wait_exit(LIMIT);
    has("d.txt", "Stopped vipd v");
}

fn nothing_to_do(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let nothing = "global_defs {\n  router_id a\n}\n";
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), nothing, &[]);
    logged(director.process(), "has no configuration to run");
    logged(director.process(), "Startup complete");
    director.reload(&configuration("10.0.0.100/24"));
    director.worker(Worker::Vrrp);
    director.terminate();
}

fn names(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let program = host.file("keepalived").with_file_name("keepalived");
    symlink(VIPD, &program).expect("link the program");
    let process = host.start("named", command(&host, &program, "d").args(["-n", "-l"]));
    logged(&process, "Startup complete");
    let worker = pid_in(&host.file("d-vrrp.pid")).expect("the worker's pid");
    assert_eq!(status(process.pid(), "Name"), "keepalived");
    assert_eq!(status(worker, "Name"), "keepalived");
    let line = fs::read(format!("/proc/{worker}/cmdline")).expect("its command line");
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    assert!(line.starts_with("keepalived --worker vrrp "), "{line}");
    process.signal(Signal::SIGTERM);
    assert!(process.wait_exit(LIMIT).success());
}
