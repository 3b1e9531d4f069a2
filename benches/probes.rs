//! What health checks cost: 5,000 of them a second over TCP, and by HTTP, with vipd and with keepalived in turns. Processor
//! time and memory of the check worker, and how evenly and how late the checks come.
//!
//! `cargo bench --bench probes [-- COUNT...]`. Where this kernel has no IPVS, or you are not root, it runs in the lab's
//! guest (`tests/lab/vm`): there, only the ratios count.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;
#[path = "../tests/lab/support/mod.rs"]
mod support;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use socket2::{Domain, Socket, Type};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use support::{Director, Host, Implementation, Worker, guarded, wait_for};

const VIPD: &str = env!("CARGO_BIN_EXE_vipd");

/// How long is measured.
const SPAN: Duration = Duration::from_secs(20);
/// How long it may take until all checks run.
const SETTLES: Duration = Duration::from_secs(6);
const DELAY_LOOP: Duration = Duration::from_secs(1);

/// When each server was connected to.
type Seen = Arc<Mutex<Vec<(SocketAddr, Instant)>>>;

fn main() -> ExitCode {
    // `cargo test --benches` calls it too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut arguments = ipvs::arguments();
    ipvs::in_the_lab(&std::env::args().skip(1).collect::<Vec<_>>());
    if arguments.is_empty() {
        arguments.push("5000".to_owned());
    }
    for count in arguments.iter().map(|count| count.parse().unwrap()) {
        for check in ["TCP_CHECK", "HTTP_GET"] {
            println!("{count} x {check}, delay_loop 1");
            let figures = [Implementation::Vipd, Implementation::Keepalived].map(|program| {
                let mut figures = None;
                let outcome = guarded(|lab| {
                    let host = lab.lonely_host("director");
                    figures = Some(measure(&host, program, check, count));
                });
                outcome.unwrap_or_else(|reason| panic!("{reason}"));
                figures.unwrap()
            });
            if check == "TCP_CHECK" {
                let outcome = guarded(|lab| bare(&lab.lonely_host("bare"), count));
                outcome.unwrap_or_else(|reason| panic!("{reason}"));
                let outcome = guarded(|lab| half_open(&lab.lonely_host("director"), count, &figures[1]));
                outcome.unwrap_or_else(|reason| panic!("{reason}"));
            }
            let [ours, theirs] = &figures;
            println!(
                "  vipd / keepalived: processor {:.2}, memory {:.2}",
                ours.processor / theirs.processor,
                ours.memory / theirs.memory
            );
        }
    }
    ExitCode::SUCCESS
}

struct Figures {
    /// Seconds a minute.
    processor: f64,
    /// MiB.
    memory: f64,
}

fn measure(host: &Host, program: Implementation, check: &str, count: u32) -> Figures {
    host.run("ip link set lo up");
    let seen = serve(host, check == "HTTP_GET");
    let director = Director::start(program, host, Path::new(VIPD), &config(check, count), &["-C"]);
    let pid = director.worker(Worker::Check).as_raw();
    wait_for("every server to be checked", SETTLES * 10, || {
        let seen = seen.lock().unwrap();
        let servers: std::collections::HashSet<_> = seen.iter().map(|(server, _)| *server).collect();
        if servers.len() as u32 == count { Ok(()) } else { Err(servers.len().to_string()) }
    });
    thread::sleep(SETTLES);
    seen.lock().unwrap().clear();
    let (start, before) = (Instant::now(), processor_time(pid));
    thread::sleep(SPAN);
    let (used, took) = (processor_time(pid) - before, start.elapsed());
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let (rss, peak) = (memory(pid, "VmRSS:"), memory(pid, "VmHWM:"));
    let figures = Figures { processor: used.as_secs_f64() * 60.0 / took.as_secs_f64(), memory: rss };
    let rate = seen.len() as f64 / took.as_secs_f64();
    println!(
        "  {:<10} {rate:>6.0} checks/s  processor {:>5.2} s/min ({:>4.1} us a check)  memory {rss:.1} MiB (peak {peak:.1})",
        program.to_string(),
        figures.processor,
        used.as_secs_f64() * 1e6 / seen.len().max(1) as f64,
    );
    let (late, uneven) = (lateness(&seen), unevenness(&seen, start));
    println!(
        "  {:<10} late by {:.1} / {:.1} / {:.1} ms (median, 99 %, worst); most and least in 50 ms: {uneven}",
        "", late[0], late[1], late[2]
    );
    director.terminate();
    figures
}

/// The same checks with vipd's `half_open`: the servers' program sees none of them, so the kernel's counter says how many.
fn half_open(host: &Host, count: u32, theirs: &Figures) {
    host.run("ip link set lo up");
    let seen = serve(host, false);
    let text = config("TCP_CHECK", count).replace("connect_port", "half_open\n connect_port");
    let director = Director::start(Implementation::Vipd, host, Path::new(VIPD), &text, &["-C"]);
    let pid = director.worker(Worker::Check).as_raw();
    let opened = || -> u64 {
        let snmp = host.run("cat /proc/net/snmp");
        let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp: "));
        let place = lines.next().unwrap().split(' ').position(|name| name == "ActiveOpens").unwrap();
        lines.next().unwrap().split(' ').nth(place).unwrap().parse().unwrap()
    };
    wait_for("every server to be checked", SETTLES * 10, || match opened() {
        some if some < u64::from(count) => Err(some.to_string()),
        _ => Ok(()),
    });
    thread::sleep(SETTLES);
    let (start, before, at_first) = (Instant::now(), processor_time(pid), opened());
    seen.lock().unwrap().clear();
    thread::sleep(SPAN);
    let (used, took, checks) = (processor_time(pid) - before, start.elapsed(), opened() - at_first);
    let processor = used.as_secs_f64() * 60.0 / took.as_secs_f64();
    println!(
        "  {:<10} {:>6.0} checks/s  processor {processor:>5.2} s/min ({:>4.1} us a check): {:.2} x keepalived; seen by the program: {}",
        "half_open",
        checks as f64 / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / checks.max(1) as f64,
        processor / theirs.processor,
        seen.lock().unwrap().len(),
    );
    director.terminate();
}

/// The bound: a loop that opens as many connections, as evenly, and closes each once it is open. There is no less to be
/// done, and it checks nothing.
fn bare(host: &Host, count: u32) {
    let seen = serve(host, false);
    let prober = host.enter(|| {
        thread::spawn(move || {
            let (epoll, mut open) = (Epoll::new(EpollCreateFlags::empty()).unwrap(), HashMap::new());
            let mut events = vec![EpollEvent::empty(); 1024];
            let mut ready = |open: &mut HashMap<u64, Socket>| {
                let found = epoll.wait(&mut events, EpollTimeout::ZERO).unwrap();
                events.iter().take(found).for_each(|event| drop(open.remove(&event.data())));
            };
            let (start, mut begun) = (Instant::now(), 0u64);
            while start.elapsed() < SPAN {
                let due = (start.elapsed().as_secs_f64() * f64::from(count)) as u64;
                for n in begun..due {
                    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None).unwrap();
                    let to = Ipv4Addr::from_bits(0x7f01_0001 + (n % u64::from(count)) as u32);
                    let _ = socket.connect(&SocketAddr::from((to, 8080)).into());
                    epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLOUT, n)).unwrap();
                    open.insert(n, socket);
                }
                begun = due;
                ready(&mut open);
                thread::sleep(Duration::from_millis(3));
            }
            let own = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
            (own.split_whitespace().next().unwrap().parse::<u64>().unwrap(), start.elapsed())
        })
    });
    let (nanoseconds, took) = prober.join().unwrap();
    let count = seen.lock().unwrap().len();
    println!(
        "  {:<10} {:>6.0} checks/s  processor {:>5.2} s/min ({:>4.1} us a check)",
        "bare",
        count as f64 / took.as_secs_f64(),
        nanoseconds as f64 / 1e9 * 60.0 / took.as_secs_f64(),
        nanoseconds as f64 / 1e3 / count as f64,
    );
}

/// The median, 99th percentile and worst of what two checks of a server are further apart than delay_loop, in ms.
fn lateness(seen: &[(SocketAddr, Instant)]) -> [f64; 3] {
    let mut last: HashMap<SocketAddr, Instant> = HashMap::new();
    let mut late = Vec::new();
    for (server, at) in seen {
        if let Some(before) = last.insert(*server, *at) {
            late.push((*at - before).saturating_sub(DELAY_LOOP).as_secs_f64() * 1e3);
        }
    }
    late.sort_by(f64::total_cmp);
    let at = |part: f64| {
        late.get(((late.len() as f64 * part) as usize).min(late.len() - 1)).copied().unwrap_or_default()
    };
    [at(0.5), at(0.99), at(1.0)]
}

/// The most and least checks that began within 50 ms.
fn unevenness(seen: &[(SocketAddr, Instant)], start: Instant) -> String {
    let mut slots = vec![0u32; (SPAN.as_millis() / 50) as usize];
    for (_, at) in seen {
        if let Some(slot) = slots.get_mut(((*at - start).as_millis() / 50) as usize) {
            *slot += 1;
        }
    }
    format!("{} {}", slots.iter().max().unwrap(), slots.iter().min().unwrap())
}

fn processor_time(pid: i32) -> Duration {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        total += text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or_default();
    }
    Duration::from_nanos(total)
}

fn memory(pid: i32, what: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Ten servers a service, each on an address of its own.
fn config(check: &str, count: u32) -> String {
    let what = match check {
        "HTTP_GET" => "url {\n path /\n status_code 200\n }\n",
        _ => "",
    };
    let mut text = String::new();
    for service in 0..count / 10 {
        let address = Ipv4Addr::from_bits(0x0a63_0001 + service);
        let _ = writeln!(
            text,
            "virtual_server {address} 80 {{\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP"
        );
        for server in 0..10 {
            let address = Ipv4Addr::from_bits(0x7f01_0001 + service * 10 + server);
            let _ = writeln!(
                text,
                "real_server {address} 80 {{\n {check} {{\n connect_port 8080\n connect_timeout 3\n {what} }}\n}}"
            );
        }
        text.push_str("}\n");
    }
    text
}

/// One server for all of their addresses.
fn serve(host: &Host, http: bool) -> Seen {
    let seen = Seen::default();
    let listener = host.enter(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([0, 0, 0, 0], 8080)).into()).unwrap();
        socket.listen(65_535).unwrap();
        TcpListener::from(socket)
    });
    let (to_answer, answered) = mpsc::channel::<std::net::TcpStream>();
    let answered = Arc::new(Mutex::new(answered));
    for _ in 0..4 {
        let answered = Arc::clone(&answered);
        thread::spawn(move || {
            loop {
                let next = answered.lock().unwrap().recv();
                let Ok(mut client) = next else { return };
                let _ = client.read(&mut [0; 1024]);
                let _ =
                    client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
            }
        });
    }
    let all = Arc::clone(&seen);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(address) = client.local_addr() else { continue };
            all.lock().unwrap().push((address, Instant::now()));
            if http {
                let _ = to_answer.send(client);
            }
        }
    });
    seen
}
