//! Many instances, masters on one host and backups on the other, of the same program; and what clients see of a takeover.

use super::stage::{Instance, Program, Stage, addresses, memory, processor_time, start_on};
use super::support::{Capture, Host, Process, Unread, wait_for};
use super::{FAST, LIMIT, SECOND, plain};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use vipd::net::IpNet;
use vipd::netlink::route::{Address, AddressChange, Change, Client};

/// How instances lie on interfaces.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) instances: usize,
    pub(crate) interfaces: usize,
}

/// What was seen of one pair: processor time of the master and of the backup in a while, memory, and the announcements of
/// a takeover from the first to the last address.
struct Seen {
    used: [f64; 2],
    memory: [f64; 2],
    /// None where interfaces are too many to be captured on.
    spread: Option<f64>,
}

const TURNS: usize = 3;
const WHILE: u32 = 10;

/// `scale`: the programs take turns.
pub(crate) fn scale(programs: &[Program], shape: Shape) {
    let mut all: Vec<Vec<Seen>> = programs.iter().map(|_| Vec::new()).collect();
    for _ in 0..TURNS {
        for (program, mine) in programs.iter().zip(&mut all) {
            mine.push(pair(program, shape));
        }
    }
    let mut figures = Vec::new();
    for (program, seen) in programs.iter().zip(&all) {
        let middle = |of: &dyn Fn(&Seen) -> f64| {
            let mut values: Vec<f64> = seen.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let row = [
            middle(&|s| s.used[0]),
            middle(&|s| s.used[1]),
            middle(&|s| s.memory[0]),
            middle(&|s| s.memory[1]),
            middle(&|s| s.spread.unwrap_or(f64::NAN)),
        ];
        print!(
            "  {:<12} {:>5} instances on {:>4} interfaces: master {:.3} s of {WHILE} s, backup {:.3} s; {:.1} and {:.1} MiB",
            program.name, shape.instances, shape.interfaces, row[0], row[1], row[2], row[3]
        );
        match row[4].is_nan() {
            true => println!(),
            false => println!("; announced within {:.1} ms", row[4]),
        }
        figures.push(row);
    }
    if let [ours, theirs] = figures[..] {
        let ratios = ours.iter().zip(theirs).map(|(a, b)| a / b).filter(|ratio| !ratio.is_nan());
        let ratios: Vec<String> = ratios.map(|ratio| format!("{ratio:.2}")).collect();
        println!("  ratios: {}", ratios.join(", "));
    }
}

fn lines(shape: Shape, priority: u8, version: u8, advert_int: &'static str) -> String {
    let each = shape.instances.div_ceil(shape.interfaces);
    let instance = |n: usize| {
        let (cable, vrid) = (n / each, u8::try_from(n % each % 255 + 1).unwrap());
        // Networks of cables end at 10.1.…
        let [_, _, high, low] = u32::try_from(n + 1).unwrap().to_be_bytes();
        Instance {
            version,
            advert_int,
            addresses: vec![Ipv4Addr::new(100, 64, high, low).into()],
            ..plain(format!("V{n}"), format!("e{cable}"), vrid, priority)
        }
        .text()
    };
    (0..shape.instances).map(instance).collect()
}

fn held(host: &Host) -> usize {
    host.run("ip -4 -o address show to 100.64.0.0/10").lines().count()
}

fn wait_held(host: &Host, count: usize) {
    wait_for(format!("{count} addresses"), LIMIT * 5, || {
        let held = held(host);
        if held == count { Ok(()) } else { Err(format!("{held}")) }
    });
}

/// keepalived limits its own processor time at real-time priority, and may be ended for that.
fn comes_up(host: &Host, count: usize) -> bool {
    (0..60).any(|_| {
        sleep(SECOND);
        held(host) == count
    })
}

fn pair(program: &Program, shape: Shape) -> Seen {
    let stage = Stage::new(shape.interfaces);
    let master = start_on(&stage.peer, program, &lines(shape, 200, 2, "1"));
    wait_held(&stage.peer, shape.instances);
    let backup = stage.start(program, &lines(shape, 100, 2, "1"));
    // Until it has settled: announcements are repeated after five seconds.
    sleep(SECOND * 9);
    let before = [&master, &backup].map(processor_time);
    sleep(SECOND * WHILE);
    let after = [&master, &backup].map(processor_time);
    let used = [0, 1].map(|at| (after[at] - before[at]).as_secs_f64());
    let memory = [&master, &backup].map(memory);
    assert_eq!(held(&stage.router), 0, "{} took over from a master that lives", program.name);
    let spread = (shape.interfaces <= 16).then(|| {
        let captures: Vec<Capture> =
            (0..shape.interfaces).map(|n| Capture::start_on(&stage.router, &format!("e{n}"))).collect();
        master.kill_tree();
        wait_held(&stage.router, shape.instances);
        sleep(SECOND);
        let mut first: HashMap<Ipv4Addr, Duration> = HashMap::new();
        for (at, arp) in captures.iter().flat_map(Capture::gratuitous_arps) {
            let seen = first.entry(arp.sender).or_insert(at);
            *seen = at.min(*seen);
        }
        assert_eq!(first.len(), shape.instances, "{} announces all", program.name);
        let (least, most) = (first.values().min().unwrap(), first.values().max().unwrap());
        (*most - *least).as_secs_f64() * 1e3
    });
    Seen { used, memory, spread }
}

/// `large`: from the moment when the backup becomes master to its last address's first announcement.
pub(crate) fn large(programs: &[Program], count: usize) {
    let mut all: Vec<f64> = (0..TURNS * 2 - 1).map(|_| bare(count)).collect();
    all.sort_by(f64::total_cmp);
    println!("  {:<12} {count:>5} addresses: all set after {:.1} ms", "kernel alone", all[all.len() / 2]);
    for program in programs {
        let mut all: Vec<f64> = (0..TURNS * 2 - 1).map(|_| taken_over(program, count)).collect();
        all.sort_by(f64::total_cmp);
        println!(
            "  {:<12} {count:>5} addresses: announced {:.1} ms after its first advert ({:.1} to {:.1})",
            program.name,
            all[all.len() / 2],
            all[0],
            all[all.len() - 1]
        );
    }
}

/// What the kernel alone takes to set as many addresses, all in one request, with nobody listening to its news.
fn bare(count: usize) -> f64 {
    let stage = Stage::new(1);
    stage.router.enter(|| {
        let index = nix::net::if_::if_nametoindex("e0").expect("the interface");
        let mut client = Client::open().expect("a netlink socket");
        let change = |address: IpAddr| {
            let net = IpNet { address, prefix_len: 32 };
            Change::Address(AddressChange::Add(Address::new(index, net)))
        };
        let changes: Vec<Change> = addresses(count).into_iter().map(change).collect();
        let begin = Instant::now();
        client.change(&changes, |at, problem| panic!("address {at}: {problem:?}"));
        begin.elapsed().as_secs_f64() * 1e3
    })
}

/// From its first advert to the announcement of the last address, in ms. Nobody looks meanwhile: whoever lists addresses, or
/// listens to the kernel's news of them, takes part of the time.
fn taken_over(program: &Program, count: usize) -> f64 {
    let stage = Stage::new(1);
    let text = |priority| {
        let (addresses, advertised) = (addresses(count), 200);
        Instance { addresses, advertised, ..plain("large".into(), "e0".into(), 9, priority) }.text()
    };
    let master = start_on(&stage.peer, program, &text(200));
    wait_held(&stage.peer, count);
    let _backup = stage.start(program, &text(100));
    sleep(SECOND * 8);
    let capture = Capture::start_on(&stage.router, "e0");
    sleep(SECOND / 4);
    master.kill_tree();
    sleep(SECOND * 6);
    assert_eq!(held(&stage.router), count, "{} sets all", program.name);
    let adverts = capture.adverts();
    let begin = adverts.iter().find(|(_, a)| a.priority == 100).map(|(at, _)| *at).expect("an advert");
    let mut first: HashMap<Ipv4Addr, Duration> = HashMap::new();
    for (at, arp) in capture.gratuitous_arps() {
        first.entry(arp.sender).or_insert(at);
    }
    assert_eq!(first.len(), count, "{} announces all", program.name);
    (first.values().max().expect("many").as_secs_f64() - begin.as_secs_f64()) * 1e3
}

/// Children that use all processors but one, until they are dropped.
struct Busy(Vec<Child>);

impl Busy {
    fn start() -> Busy {
        let count = std::thread::available_parallelism().map_or(1, |n| n.get() - 1).max(1);
        let start =
            |_| Command::new("sh").args(["-c", "while :; do :; done"]).stdout(Stdio::null()).spawn().unwrap();
        Busy((0..count).map(start).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What this machine makes of intervals of 100 ms for a thread that does nothing but wake up each millisecond.
fn sleeper() -> Vec<f64> {
    const TURN: Duration = Duration::from_millis(1);
    let _busy = Busy::start();
    let start = Instant::now();
    let late: Vec<f64> = (1..20_000)
        .map(|turn| {
            let due = start + TURN * turn;
            sleep(due.saturating_duration_since(Instant::now()));
            due.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    late.iter().zip(&late[100..]).map(|(first, second)| (second - first).abs()).collect()
}

fn print_off(who: &str, mut off: Vec<f64>) {
    off.sort_by(f64::total_cmp);
    println!(
        "  {who} {} intervals of 100 ms: off by {:.3} ms in the middle, 99.9 % below {:.3}, worst {:.3}",
        off.len(),
        off[off.len() / 2],
        off[off.len() * 999 / 1000],
        off[off.len() - 1]
    );
}

/// `punctual`: how far adverts of 100 ms are from their times while all processors but one are busy; and what a thread that
/// only sleeps sees there, which is the bound.
pub(crate) fn punctual(programs: &[Program]) {
    print_off("a bare sleeper,", sleeper());
    let shape = Shape { instances: 1000, interfaces: 4 };
    let real_time = "global_defs {\n vrrp_rt_priority 50\n}\n";
    for (program, globals) in programs.iter().flat_map(|program| [(program, ""), (program, real_time)]) {
        let stage = Stage::new(shape.interfaces);
        let _process = stage.start(program, &(globals.to_owned() + &lines(shape, 200, 3, "0.1")));
        if !globals.is_empty() && !comes_up(&stage.router, shape.instances) {
            println!(
                "  {:<12} at real-time priority: its addresses are not there after a minute",
                program.name
            );
            continue;
        }
        wait_held(&stage.router, shape.instances);
        sleep(SECOND * 7);
        let _busy = Busy::start();
        let captures: Vec<Unread> =
            (0..shape.interfaces).map(|n| Unread::start_on(&stage.peer, &format!("e{n}"))).collect();
        sleep(SECOND * 20);
        let mut late = Vec::new();
        for capture in captures {
            let mut last: HashMap<u8, Duration> = HashMap::new();
            for (at, advert) in capture.adverts() {
                if let Some(before) = last.insert(advert.vrid, at) {
                    late.push(((at - before).as_secs_f64() * 1e3 - 100.0).abs());
                }
            }
        }
        let priority = if globals.is_empty() { "" } else { "at real-time priority, " };
        print_off(&format!("{:<12} {priority}", program.name), late);
    }
}

/// `many`: 255 virtual routers on each of 255 interfaces.
pub(crate) fn many(program: &Program) {
    let shape = Shape { instances: 65_025, interfaces: 255 };
    let stage = Stage::new(shape.interfaces);
    let begin = Instant::now();
    let process = stage.start(program, &lines(shape, 200, 2, "5"));
    let masters = |process: &Process| process.log().matches("Entering MASTER").count();
    wait_for("all to be masters", LIMIT * 10, || {
        if masters(&process) >= shape.instances { Ok(()) } else { Err(format!("{}", masters(&process))) }
    });
    wait_held(&stage.router, shape.instances);
    let up = begin.elapsed();
    sleep(SECOND * 15);
    let before = processor_time(&process);
    let capture = Capture::start_on(&stage.peer, "e7");
    sleep(SECOND * 10);
    let used = processor_time(&process) - before;
    let vrids: HashSet<u8> = capture.adverts().iter().map(|(_, advert)| advert.vrid).collect();
    let memory = memory(&process);
    let begin = Instant::now();
    process.signal(nix::sys::signal::Signal::SIGTERM);
    wait_for(
        "the end",
        LIMIT * 5,
        || if process.exited().is_some() { Ok(()) } else { Err("it runs".into()) },
    );
    println!(
        "  {:<12} {} instances: masters with their addresses after {:.1} s, {:.2} s of 10 s, {memory:.1} MiB, \
         {} of 255 heard on one interface, ended after {:.1} s with {} addresses left",
        program.name,
        shape.instances,
        up.as_secs_f64(),
        used.as_secs_f64(),
        vrids.len(),
        begin.elapsed().as_secs_f64(),
        held(&stage.router)
    );
}

/// `outage`: the longest silence that a client hears from an address that answers each millisecond, when its master's
/// cable is pulled.
pub(crate) fn outage(programs: &[Program]) {
    const ROUNDS: usize = 15;
    for program in programs {
        let mut all: Vec<f64> = (0..ROUNDS).map(|_| silence(program)).collect();
        all.sort_by(f64::total_cmp);
        println!(
            "  {:<12} advert_int 0.01: a client hears nothing for {:.1} ms in the middle, {:.1} at most",
            program.name,
            all[ROUNDS / 2],
            all[ROUNDS - 1]
        );
    }
}

fn silence(program: &Program) -> f64 {
    let lab = super::support::Lab::new();
    let hosts = [lab.host("one", "10.9.0.1/24"), lab.host("two", "10.9.0.2/24")];
    let client = lab.host("client", "10.9.0.3/24");
    let start = |host: &Host, priority| {
        let address = "10.9.0.100".parse().expect("an address");
        let instance = Instance {
            version: 3,
            advert_int: "0.01",
            addresses: vec![address],
            ..plain("V".into(), "eth0".into(), 7, priority)
        };
        start_on(host, program, &instance.text())
    };
    let _master = start(&hosts[0], 200);
    wait_for("the address", LIMIT, || client.try_run("ping -c 1 -W 1 10.9.0.100").map(drop));
    let _backup = start(&hosts[1], 100);
    sleep(SECOND * 2);
    let capture = Capture::start(&client);
    let mut ping = client.command("ping");
    let mut ping =
        ping.args(["-q", "-i", "0.001", "10.9.0.100"]).stdout(Stdio::null()).spawn().expect("ping");
    sleep(SECOND / 2 + FAST * u32::from(std::process::id() as u8 % 10));
    // The host itself is gone: a kernel whose daemon died alone still answers.
    hosts[0].unplug();
    sleep(SECOND);
    let _ = ping.kill();
    let _ = ping.wait();
    let is_reply = |bytes: &[u8]| bytes.get(23) == Some(&1) && bytes.get(34) == Some(&0);
    let replies: Vec<Duration> =
        capture.frames().iter().filter(|frame| is_reply(&frame.bytes)).map(|frame| frame.at).collect();
    let longest = replies.windows(2).map(|pair| pair[1] - pair[0]).max().expect("answers");
    longest.as_secs_f64() * 1e3
}
