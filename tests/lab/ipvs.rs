//! `vipd ipvs` against ipvsadm, and the client against the kernel.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod differential;
mod generator;
mod listings;
mod options;
mod shrink;
// As many values to a line as fit.
#[rustfmt::skip]
mod values;
mod interleave;
mod json;
mod watch;
mod write;

use crate::VIPD;
use crate::support::{Host, Lab, Test};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::thread;
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{
    Dest, DestKey, Forward, Netmask, Protocol, Service, ServiceFlags, ServiceKey, Table,
};
use vipd::ipvs::operation::Operation;
use vipd::ipvs::plan::plan;
use vipd::net::Family;

/// A test, on two hosts with an empty table each.
type Story = fn(&Pair);

pub(crate) fn tests() -> Vec<Test> {
    let stories: [(&str, Story); 8] = [
        ("commands_as_ipvsadm", commands_as_ipvsadm),
        ("restore_as_ipvsadm", restore_as_ipvsadm),
        ("restore_reads_what_save_writes", restore_reads_what_save_writes),
        ("ends_as_ipvsadm_where_nobody_reads", ends_as_ipvsadm_where_nobody_reads),
        ("errors_name_their_lines", errors_name_their_lines),
        ("failures_are_those_of_their_operations", failures_are_those_of_their_operations),
        ("a_plan_is_carried_out", a_plan_is_carried_out),
        ("listing_while_another_writes", listing_while_another_writes),
    ];
    stories
        .into_iter()
        .chain(write::STORIES)
        .chain(json::STORIES)
        .chain(interleave::STORIES)
        .chain(listings::STORIES)
        .chain(watch::STORIES)
        .map(|(name, story)| Test::new(format!("ipvs::{name}"), move |lab: &Lab| story(&Pair::new(lab))))
        .chain(differential::tests())
        .collect()
}

/// One host for ipvsadm, one for vipd under its names.
struct Pair {
    theirs: Host,
    ours: Host,
    programs: PathBuf,
}

impl Pair {
    fn new(lab: &Lab) -> Self {
        let programs = lab.dir().join("programs");
        std::fs::create_dir(&programs).unwrap();
        for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
            symlink(VIPD, programs.join(name)).unwrap();
        }
        Self { theirs: lab.host("theirs", "10.9.0.1/16"), ours: lab.host("ours", "10.9.0.2/16"), programs }
    }

    /// Runs `program` of ipvsadm's package with the words of `line` on both hosts; `input` is its standard input.
    fn both(&self, program: &str, line: &str, input: &str) -> [Output; 2] {
        let run = |host: &Host, program: PathBuf| {
            let mut command = host.command(program);
            command.args(words(line)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // A program that refuses its arguments does not read.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            child.wait_with_output().unwrap()
        };
        thread::scope(|scope| {
            let theirs = scope.spawn(|| run(&self.theirs, PathBuf::from(program)));
            let ours = scope.spawn(|| run(&self.ours, self.programs.join(program)));
            [theirs.join().unwrap(), ours.join().unwrap()]
        })
    }

    /// Asserts that both did the same; gives vipd's standard error.
    #[track_caller]
    fn same(&self, program: &str, line: &str, input: &str) -> String {
        let shown = |output: &Output| by_service(&String::from_utf8_lossy(&output.stdout));
        let mut outputs = self.both(program, line, input);
        if input.is_empty() && ["-L", "-l", "--list", "-S"].iter().any(|list| line.starts_with(list)) {
            for _ in 0..ATTEMPTS {
                if shown(&outputs[0]) == shown(&outputs[1]) {
                    break;
                }
                outputs = self.both(program, line, input);
            }
        }
        let [theirs, ours] = outputs;
        let errors = String::from_utf8_lossy(&ours.stderr).into_owned();
        assert_eq!(shown(&ours), shown(&theirs), "{program} {line:?} {input:?}: output; {errors}");
        assert_eq!(
            ours.status.code(),
            theirs.status.code(),
            "{program} {line:?} {input:?}: status; {errors}"
        );
        assert_eq!(ours.stderr.is_empty(), theirs.stderr.is_empty(), "{program} {line:?}: {errors}");
        errors
    }

    /// Asserts that both tables are the same, as ipvsadm shows them.
    #[track_caller]
    fn same_tables(&self, after: &str) {
        for listing in ["ipvsadm -Ln", "ipvsadm -Ln --thresholds", "ipvsadm -Sn"] {
            let equal = (0..ATTEMPTS)
                .any(|_| by_service(&self.ours.run(listing)) == by_service(&self.theirs.run(listing)));
            assert!(equal, "{listing} after {after}");
        }
    }
}

/// How often ipvsadm may list. What changes in the namespaces of other tests while it reads hides a service of this
/// one from it, or shows it twice: the kernel has one table for all.
const ATTEMPTS: usize = 10;

/// A listing, its services with their servers in an order of their own: ipvsadm's is not an order in the strict
/// sense (addresses that are far apart compare as the difference overflows), so what it makes of a table depends on
/// where in the kernel's the services happen to be, in each namespace anew.
fn by_service(text: &str) -> String {
    let mut services: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        match services.last_mut() {
            Some(service) if line.starts_with("  ->") || line.starts_with("-a ") => service.push_str(line),
            _ => services.push(line.to_owned()),
        }
    }
    services.sort();
    services.concat()
}

/// Words at single spaces; `''` is an empty one.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(' ').filter(|w| !w.is_empty()).map(|w| if w == "''" { "" } else { w })
}

fn commands_as_ipvsadm(pair: &Pair) {
    for (n, line) in include_str!("ipvs/commands.txt").lines().filter(|l| !l.starts_with('#')).enumerate() {
        pair.same("ipvsadm", line, "");
        if n % 16 == 0 {
            pair.same_tables(line);
        }
    }
    pair.same_tables("all commands");
    pair.same("ipvsadm-save", "", "");
    pair.same("ipvsadm-save", "-n", "");
    pair.same("ipvsadm-save", "-x", "");
}

fn restore_as_ipvsadm(pair: &Pair) {
    for input in [
        "-A -t 192.0.3.1:80\n\n  -A -t 192.0.3.2:80  \nipvsadm -A -t 192.0.3.3:80\n",
        "-A -t 192.0.3.6:80\n-A -t 192.0.3.6:80\n-A -t 192.0.3.7:80\n",
        "-A -t 192.0.3.8:80\n-A -t 192.0.3.8:80",
        "-A -t 192.0.3.9:80\n-A -t 192.0.3.10:80 -q\n-A -t 192.0.3.11:80\n",
        "-A -t 192.0.3.12:80\nfoo\n-A -t 192.0.3.13:80\n",
        "-A -t 192.0.3.14:80\n-A -t 192.0.3.15:80 -q\n",
        "-A -t 192.0.3.16:80\n-A -t 192.0.3.17:80 # comment\n-A -t 192.0.3.18:80\n",
        "-A -t 192.0.3.19:80\n-Ln\n-A -t 192.0.3.20:80\n",
        "-A -t 192.0.3.21:80\n-L -t 9.9.9.9:9\n-A -t 192.0.3.22:80\n",
        "-R\n",
        "",
        "\n \t\n-a -t 192.0.3.1:80 -r 10.0.0.1 -m",
        "-A -t 192.0.3.23:80\n--version\n-A -t 192.0.3.24:80\n",
    ] {
        pair.same("ipvsadm", "-R", input);
        pair.same_tables(input);
    }
    pair.same(
        "ipvsadm-restore",
        "",
        "# comment\n-A -t 192.0.3.41:80\n#-A -t 192.0.3.42:80\n-A -t 192.0.3.43:80",
    );
    pair.same_tables("ipvsadm-restore");
}

fn ends_as_ipvsadm_where_nobody_reads(pair: &Pair) {
    pair.same("ipvsadm", "-A -t 192.0.2.1:80", "");
    for (program, line, input) in [
        ("ipvsadm", "-Ln", ""),
        ("ipvsadm", "-S", ""),
        ("ipvsadm", "--version", ""),
        ("ipvsadm", "-R", "-Ln\n"),
        ("ipvsadm-save", "-n", ""),
        ("ipvsadm-restore", "", "-A -t 192.0.2.1:80\n-Ln\n"),
        ("ipvsadm", "-q", ""),
        ("ipvsadm", "-A -t 192.0.2.1:80", ""),
        ("ipvsadm", "-R", "-A -t 192.0.2.1:80\n-D -t 192.0.2.9:80\n"),
        ("ipvsadm", "-R", "-A -t 192.0.2.1:80\n-q\n"),
        ("ipvsadm-save", "-x", ""),
    ] {
        let run = |host: &Host, program: PathBuf| {
            let mut command = host.command(program);
            command.args(words(line)).stdin(Stdio::piped());
            // A pipe that nobody reads, and a full disk.
            command.stdout(std::io::pipe().unwrap().1).stderr(File::create("/dev/full").unwrap());
            let mut child = command.spawn().unwrap();
            // A program that refuses its arguments does not read.
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            child.wait().unwrap()
        };
        let theirs = run(&pair.theirs, program.into());
        assert_eq!(run(&pair.ours, pair.programs.join(program)), theirs, "{program} {line} {input:?}");
    }
    pair.same_tables("all");
}

/// 1,000 services with 10 servers each, as command lines.
fn thousand_by_ten() -> String {
    let mut rules = String::new();
    for service in 0..1000u32 {
        let service_name = format!("-t 172.16.{}.{}:80", service >> 8, service & 255);
        writeln!(rules, "-A {service_name} -s wlc").unwrap();
        for n in 0..10 {
            let server = service * 10 + n;
            let server = format!("10.{}.{}.{}:80", server >> 16, server >> 8 & 255, server & 255);
            writeln!(rules, "-a {service_name} -r {server} -g -w {}", n % 3).unwrap();
        }
    }
    rules
}

fn restore_reads_what_save_writes(pair: &Pair) {
    let run = |host: &Host, arguments: &[&str], input: &str| {
        let mut command = host.command(VIPD);
        command.arg("ipvs").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input.as_bytes()).unwrap());
        });
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let rules = thousand_by_ten();
    run(&pair.ours, &["-R"], &rules);
    let saved = run(&pair.ours, &["-Sn"], "");
    assert_eq!(saved.lines().collect::<HashSet<_>>(), rules.lines().collect::<HashSet<_>>());
    run(&pair.theirs, &["-R"], &saved);
    assert_eq!(run(&pair.theirs, &["-Sn"], ""), saved);
    assert!((0..ATTEMPTS).any(|_| pair.theirs.run("ipvsadm -Sn") == saved));
    let listed = run(&pair.ours, &["-L", "-n"], "");
    assert!((0..ATTEMPTS).any(|_| pair.ours.run("ipvsadm -Ln") == listed));
}

fn errors_name_their_lines(pair: &Pair) {
    // Several lots of 512 with mistakes at both edges of one and in its middle.
    let mut input = String::new();
    let wrong = [1u32, 300, 512, 513, 1100];
    for line in 1..=1200u32 {
        match wrong.contains(&line) {
            true => writeln!(input, "-d -t 192.0.2.1:80 -r 10.0.0.1:80").unwrap(),
            false => writeln!(input, "-A -t 172.16.{}.{}:80", line >> 8, line & 255).unwrap(),
        }
    }
    let [_, ours] = pair.both("ipvsadm", "-R", &input);
    let errors = String::from_utf8(ours.stderr).unwrap();
    let named: Vec<u32> = errors
        .lines()
        .map(|l| l.strip_prefix("line ").unwrap().split(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(named, wrong);
    assert!(errors.lines().all(|l| l.ends_with("no such service")), "{errors}");
    assert_eq!(ours.status.code(), Some(0), "the last line succeeded");
    // ipvsadm itself would take its time for these.
    let keys = |host: &Host| {
        let list = host.enter(|| Client::open().unwrap().services().unwrap());
        list.into_iter().map(|e| e.service.key).collect::<HashSet<_>>()
    };
    assert_eq!(keys(&pair.ours).len(), 1195);
    assert_eq!(keys(&pair.ours), keys(&pair.theirs));
}

fn key(n: u32) -> ServiceKey {
    let address = IpAddr::V4(Ipv4Addr::from_bits(0xac10_0000 + n));
    ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 }
}

fn service(n: u32) -> Service {
    Service {
        key: key(n),
        scheduler: "wlc".into(),
        flags: ServiceFlags::empty(),
        timeout: 0,
        netmask: Netmask::host(Family::V4),
        pe_name: None,
    }
}

fn dest(n: u32) -> Dest {
    let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
    let key = DestKey { address, port: 80 };
    Dest { key, forward: Forward::DirectRoute, weight: 1, upper_threshold: 0, lower_threshold: 0 }
}

fn failures_are_those_of_their_operations(pair: &Pair) {
    pair.ours.enter(|| {
        let mut client = Client::open().unwrap();
        let mut operations = vec![Operation::AddService(service(0))];
        let mut expected = Vec::new();
        for n in 1..2000 {
            // Each twentieth server a second time.
            let twice = n % 20 == 0;
            if twice {
                expected.push(operations.len());
            }
            operations.push(Operation::AddDest(key(0), dest(if twice { n - 1 } else { n })));
        }
        // Every request of a send may fail.
        expected.extend((0..1500).map(|n| operations.len() + n));
        operations.extend((0..1500).map(|n| Operation::DeleteDest(key(7), dest(n).key)));
        let failed = client.execute(&operations);
        assert_eq!(failed.iter().map(|f| f.index).collect::<Vec<_>>(), expected);
        assert!(failed.iter().all(|f| f.operation == operations[f.index]));
        let errno = |n: usize| failed[n].errno();
        assert_eq!(errno(0), Some(nix::errno::Errno::EEXIST), "{}", failed[0]);
        assert_eq!(errno(failed.len() - 1), Some(nix::errno::Errno::ESRCH));

        let added = (1..2000).filter(|n| n % 20 != 0).map(dest).collect();
        assert_eq!(client.table().unwrap(), Table { services: vec![(service(0), added)] });
        assert_eq!(client.service(&key(1)).unwrap_err().errno(), Some(nix::errno::Errno::ESRCH));
        assert_eq!(client.dests(&key(1)).unwrap(), []);
        assert_eq!(client.info().unwrap().version >> 16, 1);
        assert_eq!(client.execute(&[Operation::Flush]), []);
        assert_eq!(client.table().unwrap(), Table::default());
    });
}

fn a_plan_is_carried_out(pair: &Pair) {
    pair.ours.enter(|| {
        let mut client = Client::open().unwrap();
        // What others put there.
        let foreign = service(900);
        assert_eq!(client.execute(&[Operation::AddService(foreign.clone())]), []);
        let first = Table {
            services: (0..20).map(|n| (service(n), (0..5).map(|d| dest(n * 10 + d)).collect())).collect(),
        };
        let mut second = first.clone();
        second.services.truncate(15);
        second.services[3].0.scheduler = "rr".into();
        second.services[3].1.remove(2);
        second.services[4].1[1].weight = 0;
        second.services[4].1[2].forward = Forward::Masq;
        second.services[5].1.push(dest(5000));
        second.services.push((service(50), vec![dest(1), dest(2)]));
        let owned: Vec<ServiceKey> = (0..20).chain([50]).map(key).collect();
        for desired in [&first, &second, &first, &Table::default()] {
            let operations = plan(&client.table().unwrap(), desired, &owned);
            assert_eq!(client.execute(&operations), []);
            let mut actual = client.table().unwrap();
            assert_eq!(plan(&actual, desired, &owned), [], "nothing is left to do");
            let left = actual.services.iter().position(|(s, _)| *s == foreign).expect("not ours");
            actual.services.remove(left);
            assert_eq!(actual.services.len(), desired.services.len());
        }
    });
}

fn listing_while_another_writes(pair: &Pair) {
    pair.ours.enter(|| {
        let mut client = Client::open().unwrap();
        let stable: HashSet<ServiceKey> = (0..300).map(key).collect();
        let first: Vec<Operation> = (0..300).map(|n| Operation::AddService(service(n))).collect();
        assert_eq!(client.execute(&first), []);
        let mut writer = Client::open().unwrap();
        let added: Vec<Operation> = (300..1500).map(|n| Operation::AddService(service(n))).collect();
        let removed: Vec<Operation> = (300..1500).map(|n| Operation::DeleteService(key(n))).collect();
        for (operations, left) in [(added, 1500), (removed, 300)] {
            thread::scope(|scope| {
                let writing = scope.spawn(|| {
                    for operation in &operations {
                        assert_eq!(writer.execute([operation]), []);
                    }
                });
                // None of those that stay may be missing, and none is there twice.
                while !writing.is_finished() {
                    let list = client.services().unwrap();
                    let keys: HashSet<ServiceKey> = list.iter().map(|e| e.service.key).collect();
                    assert_eq!(keys.len(), list.len(), "none twice");
                    assert!(stable.is_subset(&keys), "none missing");
                }
            });
            assert_eq!(client.services().unwrap().len(), left);
        }
    });
}
