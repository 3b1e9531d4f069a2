//! The FIFOs that tell of virtual routers: what keepalived writes, in the same stories; and what they survive.

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Director, Host, Lab, Process, Test, Worker, wait_for};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        Test::new(
            "fifos::a_fifo_and_its_reader_stay_over_a_reload_and_the_death_of_a_worker",
            a_fifo_and_its_reader_stay_over_a_reload_and_the_death_of_a_worker,
        ),
        Test::new("fifos::a_reload_moves_a_fifo_and_starts_another_reader", moved),
        Test::new("fifos::what_is_no_fifo_is_left_alone_and_said", foreign),
        Test::new("fifos::a_reader_that_does_not_read_holds_up_nothing", unread),
        Test::new("fifos::a_reader_that_is_halted_hears_of_everything_in_order", halted),
    ];
    for program in [Keepalived, Vipd] {
        tests.push(Test::new(
            format!("fifos::{program}::lines_of_start_takeover_fault_reload_and_stop"),
            move |lab: &Lab| lines_of_start_takeover_fault_reload_and_stop(lab, program),
        ));
        tests.push(Test::new(
            format!("fifos::{program}::a_script_is_started_with_the_path_and_reads"),
            move |lab: &Lab| a_script_is_started_with_the_path_and_reads(lab, program),
        ));
    }
    tests
}

fn instance(name: &str, vrid: u8, priority: u8, more: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n  interface eth0\n  virtual_router_id {vrid}\n  priority {priority}\n  \
         advert_int 1\n  virtual_ipaddress {{\n    10.0.0.{}/24\n  }}\n{more}}}\n",
        100 + u16::from(vrid)
    )
}

fn globals(lines: &str) -> String {
    format!(
        "global_defs {{\n  script_user root\n  enable_script_security\n  vrrp_garp_master_repeat 1\n{lines}}}\n"
    )
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

fn is_fifo(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(meta) if meta.file_type().is_fifo() => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// Follows a FIFO, over its end too: what it reads stands in the process's log.
fn follow(host: &Host, name: &str) -> Process {
    let path = host.file(name);
    wait_for("the FIFO", LIMIT, || is_fifo(&path));
    let mut command = host.command("sh");
    command.arg("-c").arg(format!("while :; do [ -p {0} ] && cat {0}; sleep 0.05; done", path.display()));
    host.start(&format!("reader-{name}"), &mut command)
}

#[track_caller]
fn wait_line(reader: &Process, line: &str, count: usize) {
    wait_for(format_args!("{count} times {line}"), LIMIT, || {
        let log = reader.log();
        if log.lines().filter(|other| *other == line).count() == count { Ok(()) } else { Err(log) }
    });
}

fn by_object(log: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut objects: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in log.lines() {
        let name = line.split('"').nth(1).unwrap_or(line);
        objects.entry(name).or_default().push(line);
    }
    objects
}

fn lines_of_start_takeover_fault_reload_and_stop(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let globals = |more: &str| {
        let (all, vrrp) = (one.file("all"), one.file("vrrp"));
        globals(&format!("  notify_fifo {}\n  vrrp_notify_fifo {}\n{more}", all.display(), vrrp.display()))
    };
    let (a, b, c) =
        (instance("A", 1, 150, ""), instance("B", 2, 100, "  notify_deleted\n"), instance("C", 3, 100, ""));
    let director = start(program, &one, &(globals("") + &a + &b + &c));
    let (all, vrrp) = (follow(&one, "all"), follow(&one, "vrrp"));
    wait_line(&all, "INSTANCE \"A\" MASTER 150", 1);
    wait_line(&all, "INSTANCE \"B\" MASTER 100", 1);
    // One of lower priority claims A's addresses, for as long as it takes.
    let mut other = two.command("python3");
    other.arg("-c").arg(FORGED);
    let _forger = two.start("forger", &mut other);
    wait_for("A to hear a lower one", LIMIT, || {
        let log = all.log();
        if log.contains("INSTANCE \"A\" MASTER_RX_LOWER_PRI 150") { Ok(()) } else { Err(log) }
    });
    one.unplug();
    wait_line(&all, "INSTANCE \"A\" FAULT 150", 1);
    one.plug_in();
    for (name, priority) in [("A", 150), ("B", 100), ("C", 100)] {
        wait_line(&all, &format!("INSTANCE \"{name}\" MASTER {priority}"), 2);
    }
    director.reload(&(globals("  fifo_write_vrrp_states_on_reload\n") + &a));
    wait_line(&all, "INSTANCE \"B\" DELETED 100", 1);
    wait_line(&all, "INSTANCE \"C\" FAULT 100", 2);
    let path = one.file("all");
    director.terminate();
    wait_line(&all, "INSTANCE \"A\" STOP 150", 1);
    wait_line(&vrrp, "INSTANCE \"A\" STOP 150", 1);
    assert!(!path.exists(), "who made it removes it");
    let log = all.log();
    let mut objects = by_object(&log);
    // keepalived says nothing of masters after a reload.
    let again = if program == Vipd { &["MASTER"][..] } else { &[] };
    let of_a: Vec<_> = objects.remove("A").unwrap_or_default();
    let of_a: Vec<_> = of_a.into_iter().filter(|line| !line.contains("RX_LOWER")).collect();
    let expected = |name: &str, priority: u8, states: &[&str]| -> Vec<String> {
        states.iter().map(|state| format!("INSTANCE \"{name}\" {state} {priority}")).collect()
    };
    let states = [&["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER"], again, &["STOP"]].concat();
    assert_eq!(of_a, expected("A", 150, &states));
    assert_eq!(
        objects["B"],
        expected("B", 100, &["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "DELETED"])
    );
    assert_eq!(objects["C"], expected("C", 100, &["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "FAULT"]));
}

/// Adverts of version 2, VRID 1, priority 50 for 10.0.0.101, each second.
const FORGED: &str = r"
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('10.0.0.2'))
p = bytearray([0x21, 1, 50, 1, 0, 1, 0, 0, 10, 0, 0, 101] + [0] * 8)
n = sum((p[i] << 8) + p[i + 1] for i in range(0, len(p), 2))
while n >> 16: n = (n & 0xffff) + (n >> 16)
p[6:8] = (~n & 0xffff).to_bytes(2, 'big')
for _ in range(10):
    s.sendto(bytes(p), ('224.0.0.18', 0))
    time.sleep(1)
";

fn script_file(host: &Host, name: &str, text: &str) -> String {
    let path = host.file(name);
    fs::write(&path, format!("#!/bin/sh\ndir={}\n{text}\n", host.file("").display()))
        .expect("write a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    path.display().to_string()
}

const READER: &str = "echo \"started $*\" >> ${dir}read\nfor last; do :; done\n\
                      while read -r line; do echo \"$line\" >> ${dir}read; done < $last";

fn wait_read(host: &Host, line: &str, count: usize) {
    wait_for(format_args!("{count} times {line}"), LIMIT, || {
        let read = fs::read_to_string(host.file("read")).unwrap_or_default();
        if read.lines().filter(|other| *other == line).count() == count { Ok(()) } else { Err(read) }
    });
}

fn a_script_is_started_with_the_path_and_reads(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let reader = script_file(&one, "reader", READER);
    let fifo = one.file("fifo");
    let config = globals(&format!(
        "  vrrp_notify_fifo {0}\n  vrrp_notify_fifo_script \"{reader} 'two words'\"\n",
        fifo.display()
    )) + &instance("A", 1, 150, "");
    let director = start(program, &one, &config);
    wait_read(&one, &format!("started two words {}", fifo.display()), 1);
    // Whoever else could read would take lines away.
    let mode = fs::metadata(&fifo).expect("the FIFO").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{program}");
    wait_read(&one, "INSTANCE \"A\" BACKUP 150", 1);
    wait_read(&one, "INSTANCE \"A\" MASTER 150", 1);
    let took = director.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    if program == Vipd {
        // keepalived ends the script before it says so.
        wait_read(&one, "INSTANCE \"A\" STOP 150", 1);
    }
    assert!(!fifo.exists());
}

fn a_fifo_and_its_reader_stay_over_a_reload_and_the_death_of_a_worker(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let reader = script_file(&one, "reader", READER);
    let fifo = one.file("fifo");
    let globals =
        globals(&format!("  vrrp_notify_fifo {0}\n  vrrp_notify_fifo_script {reader}\n", fifo.display()));
    let director =
        start(Vipd, &one, &(globals.clone() + &instance("A", 1, 150, "") + &instance("B", 2, 100, "")));
    wait_read(&one, "INSTANCE \"A\" MASTER 150", 1);
    wait_read(&one, "INSTANCE \"B\" MASTER 100", 1);
    let before = fs::metadata(&fifo).expect("it is there").ino();
    director.reload(&(globals + &instance("A", 1, 150, "")));
    wait_read(&one, "INSTANCE \"B\" FAULT 100", 1);
    director.kill_worker(Worker::Vrrp);
    wait_read(&one, "INSTANCE \"A\" MASTER 150", 2);
    assert_eq!(fs::metadata(&fifo).expect("it is there").ino(), before);
    director.terminate();
    wait_read(&one, "INSTANCE \"A\" STOP 150", 1);
    wait_read(&one, &format!("started {}", fifo.display()), 1);
}

fn moved(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let reader = script_file(&one, "reader", READER);
    let (first, second) = (one.file("first"), one.file("second"));
    let config = |fifo: &Path, more: &str| {
        globals(&format!("  vrrp_notify_fifo {0}\n  vrrp_notify_fifo_script {reader}\n", fifo.display()))
            + &instance("A", 1, 150, more)
    };
    let director = start(Vipd, &one, &config(&first, ""));
    wait_read(&one, "INSTANCE \"A\" MASTER 150", 1);
    director.reload(&config(&second, ""));
    wait_read(&one, &format!("started {}", second.display()), 1);
    wait_for("the first to go", LIMIT, || if first.exists() { Err("there".to_owned()) } else { Ok(()) });
    // What is said from now on goes there.
    one.unplug();
    wait_read(&one, "INSTANCE \"A\" FAULT 150", 1);
    director.terminate();
}

fn foreign(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let (file, theirs) = (one.file("file"), one.file("theirs"));
    fs::write(&file, "data\n").expect("write a file");
    nix::unistd::mkfifo(&theirs, Mode::S_IRWXU).expect("make a FIFO");
    std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).expect("give it to somebody");
    let config =
        globals(&format!("  notify_fifo {}\n  vrrp_notify_fifo {}\n", file.display(), theirs.display()))
            + &instance("A", 1, 150, "");
    let director = start(Vipd, &one, &config);
    let reader = follow(&one, "theirs");
    wait_line(&reader, "INSTANCE \"A\" MASTER 150", 1);
    let log = director.process().log();
    assert!(log.contains("is not a FIFO: going on without it"), "{log}");
    director.terminate();
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "data\n");
    assert!(theirs.exists(), "it was there before");
}

/// Far more than a pipe holds.
fn halted(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let fifo = one.file("fifo");
    let instances: String = (1..=150).map(|vrid| instance(&format!("I{vrid}"), vrid, 150, "")).collect();
    let config = globals(&format!("  vrrp_notify_fifo {}\n", fifo.display())) + &instances;
    let director = start(Vipd, &one, &config);
    wait_for("the FIFO", LIMIT, || is_fifo(&fifo));
    let mut cat = one.command("cat");
    let reader = one.start("cat", cat.arg(&fifo));
    let last = "INSTANCE \"I150\" MASTER 150";
    wait_line(&reader, last, 1);
    let size = |director: &Director| {
        let status = fs::read_to_string(format!("/proc/{}/status", director.worker(Worker::Vrrp)));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("its size").to_owned();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number")
    };
    let before = size(&director);
    reader.signal(Signal::SIGSTOP);
    let entered = |state: &str| director.process().log().matches(&format!("Entering {state} STATE")).count();
    let rounds = 12;
    for round in 1..=rounds {
        one.unplug();
        wait_for("faults", LIMIT, || {
            if entered("FAULT") == 150 * round { Ok(()) } else { Err(entered("FAULT").to_string()) }
        });
        one.plug_in();
        wait_for("masters", LIMIT, || {
            let masters = entered("MASTER");
            if masters == 150 * (round + 1) { Ok(()) } else { Err(masters.to_string()) }
        });
    }
    let grown = size(&director).saturating_sub(before);
    assert!(grown < 8192, "it has grown by {grown} KiB");
    reader.signal(Signal::SIGCONT);
    wait_line(&reader, last, rounds + 1);
    director.terminate();
    wait_line(&reader, "INSTANCE \"I150\" STOP 150", 1);
    let log = reader.log();
    assert!(log.len() > 130_000, "more than a pipe holds: {}", log.len());
    for (name, lines) in by_object(&log) {
        let word = |line: &&str| line.split(' ').nth(2).unwrap_or_default().to_owned();
        let words: Vec<String> = lines.iter().map(word).collect();
        let cycle = ["FAULT", "BACKUP", "MASTER"].into_iter().cycle().take(3 * rounds);
        let expected: Vec<&str> = ["BACKUP", "MASTER"].into_iter().chain(cycle).chain(["STOP"]).collect();
        assert_eq!(words, expected, "{name}");
    }
}

fn unread(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let fifo = one.file("fifo");
    // Nobody reads: the pipe is full before the first line.
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).expect("make a FIFO");
    let holder = fs::File::options().read(true).write(true).open(&fifo).expect("open it");
    nix::fcntl::fcntl(&holder, nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096)).expect("make it small");
    std::io::Write::write_all(&mut &holder, &[b'x'; 4095]).expect("fill it");
    std::io::Write::write_all(&mut &holder, b"\n").expect("fill it");
    let config = globals(&format!("  vrrp_notify_fifo {}\n", fifo.display())) + &instance("A", 1, 150, "");
    let director = start(Vipd, &one, &config);
    wait_for("the address", LIMIT, || {
        if one.has_address("10.0.0.101") { Ok(()) } else { Err(format!("{:?}", one.addresses())) }
    });
    // It begins to read, and misses nothing.
    drop(holder);
    let reader = follow(&one, "fifo");
    wait_line(&reader, "INSTANCE \"A\" BACKUP 150", 1);
    wait_line(&reader, "INSTANCE \"A\" MASTER 150", 1);
    director.terminate();
    wait_line(&reader, "INSTANCE \"A\" STOP 150", 1);
}
