//! The check worker on a real kernel: probes that meet every kind of answer, and the table as ipvsadm reads it.
//!
//! The driver runs in a thread of this process that lives on a host of the lab, with a configuration made by hand:
//! what the language can say of it is tested elsewhere.

use crate::support::{Host, Lab, Table, Test, wait_for};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use vipd::check::Pool;
use vipd::check::adopt::Found;
use vipd::check::config::{
    Checker, Connect, Endpoint, Probe, RealServer, Schedule, SorryServer, VirtualServer,
};
use vipd::conf::Config;
use vipd::daemon::check;
use vipd::daemon::worker::{Control, FromWorker, Options, TableState, ToWorker};
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Forward, Netmask, Protocol, ServiceFlags, Tunnel, TunnelFlags, TunnelKind};
use vipd::ipvs::plan::plan;
use vipd::net::Family;
use vipd::run::{Run, RunOutcome};

/// Longer than any check of these tests takes, its first one included.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("check::servers_come_and_go", servers_come_and_go),
        Test::new("check::a_silent_server_times_out", a_silent_server_times_out),
        Test::new("check::probes_use_their_mark_and_source", probes_use_their_mark_and_source),
        Test::new("check::others_services_stay", others_services_stay),
        Test::new("check::a_reload_changes_what_changed", a_reload_changes_what_changed),
        Test::new("check::a_successor_adopts_the_table", a_successor_adopts_the_table),
        Test::new("check::what_is_written_reads_back_the_same", what_is_written_reads_back_the_same),
        Test::new("check::a_cleared_table_is_healed", a_cleared_table_is_healed),
        Test::new("check::a_reload_heals_what_others_did", a_reload_heals_what_others_did),
        Test::new("check::the_named_port_is_checked", the_named_port_is_checked),
        Test::new("check::a_program_and_a_file_decide_on_weights", a_program_and_a_file_decide_on_weights),
        Test::new("check::programs_hear_of_servers_and_quorums", programs_hear_of_servers_and_quorums),
        Test::new("check::a_refused_service_hinders_no_other", a_refused_service_hinders_no_other),
        Test::new("check::a_thousand_services_go_at_once", a_thousand_services_go_at_once),
    ]
}

/// The driver, on a host.
struct Worker {
    inbox: UnboundedSender<ToWorker>,
    outbox: UnboundedReceiver<FromWorker>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start(host: &Host, virtual_servers: Vec<VirtualServer>, options: Options) -> Worker {
        let (to_worker, inbox) = unbounded_channel();
        let (outbox, from_worker) = unbounded_channel();
        let host = host.clone();
        let thread = std::thread::spawn(move || {
            host.join_namespace();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(check::run(config(virtual_servers), options, Control { inbox, outbox }));
        });
        let mut worker = Worker { inbox: to_worker, outbox: from_worker, thread };
        worker.ready();
        worker
    }

    fn ready(&mut self) {
        assert_eq!(self.outbox.blocking_recv(), Some(FromWorker::Table(TableState::Writable)));
        assert_eq!(self.outbox.blocking_recv(), Some(FromWorker::Ready));
    }

    fn reload(&mut self, virtual_servers: Vec<VirtualServer>) {
        self.inbox.send(ToWorker::Reload(Box::new(config(virtual_servers)))).expect("it runs");
        assert_eq!(self.outbox.blocking_recv(), Some(FromWorker::Ready));
    }

    /// The next program that it wants run.
    fn run(&mut self) -> Run {
        loop {
            match self.outbox.blocking_recv() {
                Some(FromWorker::Run(run)) => return run,
                Some(_) => {}
                None => panic!("it ended"),
            }
        }
    }

    fn ended(&self, run: &Run, status: u8) {
        let outcome = RunOutcome::Exited(status);
        self.inbox.send(ToWorker::RunEnded { id: run.id, outcome }).expect("it runs");
    }

    fn stop(self) {
        self.inbox.send(ToWorker::Stop).expect("it runs");
        self.thread.join().expect("no panic");
    }
}

fn config(virtual_servers: Vec<VirtualServer>) -> Config {
    Config { check: vipd::check::Config { virtual_servers, ..Default::default() }, ..Config::default() }
}

/// `10.99.0.<n>:80` by round robin.
fn service(n: u8, real_servers: Vec<RealServer>) -> VirtualServer {
    let endpoint = Endpoint::Address(([10, 99, 0, n], 80).into());
    VirtualServer {
        scheduler: "rr".into(),
        real_servers,
        ..VirtualServer::new(format!("[10.99.0.{n}]:tcp:80"), endpoint, Protocol::Tcp)
    }
}

/// `10.98.0.<n>:80`, by direct routing.
fn server(n: u8, checkers: Vec<Checker>) -> RealServer {
    let address = ([10, 98, 0, n], 80).into();
    RealServer { forward: Forward::DirectRoute, checkers, ..RealServer::new(address) }
}

/// A check each 200 ms.
fn check_of(to: SocketAddr) -> Checker {
    let fast = Duration::from_millis(200);
    let schedule = Schedule { delay_loop: fast, delay_before_retry: fast, warmup: fast, ..Schedule::DEFAULT };
    let connect = Connect { timeout: Duration::from_millis(500), ..Connect::new(to) };
    Checker { schedule, connect, ..Checker::new(to, Probe::Tcp) }
}

fn director(lab: &Lab) -> Host {
    lab.host("director", "10.98.0.254/24")
}

/// A server's process, on the host itself.
fn listen(host: &Host, at: SocketAddr) -> TcpListener {
    host.enter(|| TcpListener::bind(at)).expect("listen")
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// A service's servers as `last number/weight`, in order.
fn row(host: &Host, service: &str) -> Result<Vec<String>, String> {
    let table = Table::of(host)?;
    let service = table.services.iter().find(|s| s.address == service).ok_or_else(|| table.to_string())?;
    let mut servers: Vec<_> = service
        .servers
        .iter()
        .map(|s| format!("{}/{}", s.address.split(['.', ':']).nth(3).unwrap_or_default(), s.weight))
        .collect();
    servers.sort();
    Ok(servers)
}

#[track_caller]
fn wait_row(host: &Host, service: &str, servers: &[&str]) {
    wait_for(format_args!("{service} to have {servers:?}"), LIMIT, || match row(host, service)? {
        row if row == servers => Ok(()),
        row => Err(format!("{row:?}")),
    });
}

fn servers_come_and_go(lab: &Lab) {
    let host = director(lab);
    let (first, second) = (listen(&host, local(1001)), listen(&host, local(1002)));
    let mut inhibited = server(1, vec![check_of(local(1001))]);
    inhibited.inhibit_on_failure = true;
    let mut vs = service(1, vec![inhibited, server(2, vec![check_of(local(1002))]), server(3, vec![])]);
    vs.real_servers[2].weight = 5;
    vs.endpoints.push(Endpoint::Fwmark { mark: 7, family: Family::V4 });
    let mut sorry = service(2, vec![server(2, vec![check_of(local(1002))])]);
    sorry.sorry_server = Some(SorryServer {
        address: ([10, 98, 0, 9], 80).into(),
        forward: Forward::DirectRoute,
        inhibit: false,
    });

    let worker = Worker::start(&host, vec![vs, sorry], Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1", "3/5"]);
    drop((first, second));
    wait_row(&host, "10.99.0.1:80", &["1/0", "3/5"]);
    wait_row(&host, "7", &["1/0", "3/5"]);
    wait_row(&host, "10.99.0.2:80", &["9/1"]);
    let _back = listen(&host, local(1002));
    wait_row(&host, "10.99.0.1:80", &["1/0", "2/1", "3/5"]);
    wait_row(&host, "10.99.0.2:80", &["2/1"]);
    worker.stop();
    assert!(Table::of(&host).expect("a table").is_empty());
}

fn a_silent_server_times_out(lab: &Lab) {
    let host = director(lab);
    // On the link, but nobody answers for it.
    let silent = ([10, 98, 0, 77], 80).into();
    let worker = Worker::start(
        &host,
        vec![service(1, vec![server(1, vec![check_of(silent)]), server(2, vec![])])],
        Options::default(),
    );
    wait_row(&host, "10.99.0.1:80", &["2/1"]);
    worker.stop();
}

fn probes_use_their_mark_and_source(lab: &Lab) {
    let host = director(lab);
    let real = lab.host("server", "10.98.0.1/24");
    real.run("ip address add 10.97.0.1/32 dev lo");
    host.run("ip address add 10.98.0.253/24 dev eth0");
    real.run("ip rule add from 10.97.0.1 to 10.98.0.254 prohibit");
    let listener = listen(&real, ([10, 97, 0, 1], 80).into());
    // Only what bears the mark finds the way, and only the second address is answered.
    host.run("ip route add 10.97.0.1/32 via 10.98.0.1 table 97");
    host.run("ip rule add fwmark 97 table 97");

    let good = |mark, from: &str| {
        let mut check = check_of(([10, 97, 0, 1], 80).into());
        check.schedule.alpha = true;
        check.connect.fwmark = mark;
        check.connect.bind_address = Some(from.parse::<IpAddr>().expect("an address"));
        check
    };
    let worker = Worker::start(
        &host,
        vec![
            service(1, vec![server(1, vec![good(97, "10.98.0.253")])]),
            service(2, vec![server(1, vec![good(0, "10.98.0.253")]), server(9, vec![])]),
            service(3, vec![server(1, vec![good(97, "10.98.0.254")]), server(9, vec![])]),
        ],
        Options::default(),
    );
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    assert_eq!(listener.accept().expect("a connection").1.ip().to_string(), "10.98.0.253");
    assert_eq!(row(&host, "10.99.0.2:80"), Ok(vec!["9/1".into()]), "without the mark there is no route");
    assert_eq!(row(&host, "10.99.0.3:80"), Ok(vec!["9/1".into()]), "the other source gets no answer");
    worker.stop();
}

fn others_services_stay(lab: &Lab) {
    let host = director(lab);
    for line in [
        "-A -t 203.0.113.1:99 -s wlc",
        "-a -t 203.0.113.1:99 -r 10.98.0.1 -m",
        "-A -t 10.99.0.1:80 -s wlc",
        "-a -t 10.99.0.1:80 -r 10.98.0.44 -m",
    ] {
        host.run(&format!("ipvsadm {line}"));
    }
    let worker = Worker::start(&host, vec![service(1, vec![server(1, vec![])])], Options::default());
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["1/1".into()]), "a service of ours is ours whole");
    assert_eq!(row(&host, "203.0.113.1:99"), Ok(vec!["1/1".into()]));
    assert!(host.run("ipvsadm -Sn").contains("-A -t 10.99.0.1:80 -s rr"));
    worker.stop();
    assert_eq!(
        host.run("ipvsadm -Sn").trim(),
        "-A -t 203.0.113.1:99 -s wlc\n-a -t 203.0.113.1:99 -r 10.98.0.1:99 -m -w 1"
    );
}

/// Connections that a service and its servers have had since they were made.
fn connections(host: &Host, service: &str) -> Vec<String> {
    let text = host.run("ipvsadm -Ln --stats --exact");
    let mut lines = text.lines().skip_while(|l| !l.starts_with(&format!("TCP  {service}")));
    let head = lines.next().into_iter();
    let counted = head.chain(lines.take_while(|l| l.trim_start().starts_with("->")));
    let mut counts: Vec<_> =
        counted.map(|l| l.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")).collect();
    counts.sort();
    counts
}

/// How many connections within a host were refused and accepted since it exists.
fn connects(host: &Host) -> (u64, u64) {
    let text = host.run("cat /proc/net/snmp");
    let mut tcp = text.lines().filter_map(|l| l.strip_prefix("Tcp: ")).map(str::split_whitespace);
    let (names, values) = tcp.next().zip(tcp.next()).expect("names and values");
    let counters: Vec<_> = names.zip(values).collect();
    let counter = |wanted| {
        let found = counters.iter().find(|(name, _)| *name == wanted).expect("a counter");
        found.1.parse().expect("a number")
    };
    (counter("AttemptFails"), counter("PassiveOpens"))
}

fn a_reload_changes_what_changed(lab: &Lab) {
    let host = director(lab);
    host.run("ip address add 10.99.0.1/32 dev lo");
    let _listener = listen(&host, local(1001));
    let first = |weight| {
        let mut second = server(2, vec![check_of(local(1001))]);
        second.weight = weight;
        service(1, vec![server(1, vec![]), second])
    };
    let mut worker =
        Worker::start(&host, vec![first(1), service(2, vec![server(1, vec![])])], Options::default());
    // Nobody needs to answer: the kernel counts what it schedules.
    host.enter(|| {
        for _ in 0..4 {
            let _ = TcpStream::connect_timeout(&([10, 99, 0, 1], 80).into(), Duration::from_millis(50));
        }
    });
    // What a listing shows is renewed every two seconds.
    let before = wait_for("the connections to be counted", LIMIT, || {
        let counted = connections(&host, "10.99.0.1:80");
        if counted == ["10.98.0.1:80 2", "10.98.0.2:80 2", "10.99.0.1:80 4"] {
            Ok(counted)
        } else {
            Err(format!("{counted:?}"))
        }
    });

    worker.reload(vec![first(3), service(3, vec![server(4, vec![])])]);
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["1/1".into(), "2/3".into()]));
    assert_eq!(row(&host, "10.99.0.3:80"), Ok(vec!["4/1".into()]));
    assert!(row(&host, "10.99.0.2:80").is_err(), "what is no longer wanted is gone");
    assert_eq!(connections(&host, "10.99.0.1:80"), before, "what stayed was not made anew");
    worker.stop();
    assert!(Table::of(&host).expect("a table").is_empty());
}

fn a_successor_adopts_the_table(lab: &Lab) {
    let host = director(lab);
    let _alive = listen(&host, local(1001));
    let mut inhibited = server(1, vec![check_of(local(1002))]);
    inhibited.inhibit_on_failure = true;
    let mut alpha = server(3, vec![check_of(local(1001))]);
    alpha.checkers[0].schedule.alpha = true;
    let config = vec![service(1, vec![inhibited, server(2, vec![check_of(local(1002))]), alpha])];
    // A worker that is killed cannot clean up: nor does this one.
    let dies = Options { dont_release_ipvs: true, ..Options::default() };
    let worker = Worker::start(&host, config.clone(), dies);
    wait_row(&host, "10.99.0.1:80", &["1/0", "3/1"]);
    worker.stop();
    let left = host.run("ipvsadm -Sn");

    let (refused, accepted) = connects(&host);
    let respawned = Options { respawned: true, ..Options::default() };
    let worker = Worker::start(&host, config, respawned);
    // Two checks fail with two tries each, one succeeds: until they have run anew, and as long again.
    wait_for("the checks to have run twice", LIMIT, || {
        assert_eq!(host.run("ipvsadm -Sn"), left, "nothing changes at any moment");
        match connects(&host) {
            (r, a) if r >= refused + 8 && a >= accepted + 2 => Ok(()),
            seen => Err(format!("{seen:?} after {:?}", (refused, accepted))),
        }
    });
    let _returned = listen(&host, local(1002));
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1", "3/1"]);
    worker.stop();
}

/// Otherwise each start would write what is there already.
fn what_is_written_reads_back_the_same(lab: &Lab) {
    let host = director(lab);
    let udp = |mut vs: VirtualServer| {
        vs.protocol = Protocol::Udp;
        vs.name = format!("{} UDP", vs.name);
        vs
    };
    let mut methods = service(1, (1..=5).map(|n| server(n, vec![])).collect());
    methods.real_servers[1].forward = Forward::Masq;
    methods.real_servers[1].address.set_port(8080);
    methods.real_servers[2].forward = Forward::Tunnel(Tunnel::default());
    methods.real_servers[3].forward =
        Forward::Tunnel(Tunnel { kind: TunnelKind::Gue, port: 6080, flags: TunnelFlags::CSUM });
    // The director itself.
    methods.real_servers[4].address = ([10, 98, 0, 254], 80).into();
    methods.real_servers[0].weight = 65535;
    (methods.real_servers[0].upper_threshold, methods.real_servers[0].lower_threshold) = (100, 50);
    let mut persistent = service(2, vec![server(1, vec![])]);
    (persistent.persistence_timeout, persistent.persistence_granularity) =
        (300, Some(Netmask::from_prefix(Family::V4, 24)));
    let mut flags = service(3, vec![server(1, vec![])]);
    (flags.scheduler, flags.flags) = ("sh".into(), ServiceFlags::SCHED1 | ServiceFlags::SCHED2);
    let mut one_packet = udp(service(4, vec![server(1, vec![])]));
    one_packet.flags = ServiceFlags::ONE_PACKET;
    let mut sip = udp(service(5, vec![server(1, vec![])]));
    (sip.persistence_timeout, sip.persistence_engine) = (60, Some("sip".into()));
    let mut group = service(6, vec![server(1, vec![])]);
    group.real_servers[0].address = "[2001:db8::11]:80".parse().expect("an address");
    (group.persistence_timeout, group.persistence_granularity) =
        (60, Some(Netmask::from_prefix(Family::V6, 64)));
    group.endpoints = vec![
        Endpoint::Address("[2001:db8::1]:80".parse().expect("an address")),
        Endpoint::Fwmark { mark: 6, family: Family::V6 },
    ];
    let mut all_ports = service(7, vec![server(1, vec![])]);
    all_ports.endpoints = vec![Endpoint::Address(([10, 99, 0, 7], 0).into())];
    all_ports.persistence_timeout = 60;

    let all = vec![methods, persistent, flags, one_packet, sip, group, all_ports];
    let mut pool = Pool::new(0);
    let wanted = config(all.clone()).check;
    pool.configure(vipd::time::Instant::ZERO, wanted, &Found::default(), &mut Vec::new());
    let worker = Worker::start(&host, all, Options::default());
    let actual = host.enter(|| Client::open().and_then(|mut client| client.table())).expect("a table");
    assert_eq!(actual.services.len(), pool.desired().services.len());
    assert_eq!(plan(&actual, &pool.desired(), &[]), []);
    worker.stop();
}

fn a_cleared_table_is_healed(lab: &Lab) {
    let host = director(lab);
    let listener = listen(&host, local(1001));
    let config =
        vec![service(1, vec![server(1, vec![check_of(local(1001))]), server(2, vec![])]), service(2, vec![])];
    let worker = Worker::start(&host, config, Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1"]);
    host.run("ipvsadm -C");
    drop(listener);
    wait_row(&host, "10.99.0.1:80", &["2/1"]);
    assert_eq!(row(&host, "10.99.0.2:80"), Ok(vec![]), "the other service is back too");
    worker.stop();
}

/// Nothing of the configuration changes: what others did to the table is seen by reading it.
fn a_reload_heals_what_others_did(lab: &Lab) {
    let host = director(lab);
    let config = || vec![service(1, vec![server(1, vec![]), server(2, vec![])]), service(2, vec![])];
    let mut worker = Worker::start(&host, config(), Options::default());
    let wanted = host.run("ipvsadm -Sn");
    for damage in [
        "-C",
        "-D -t 10.99.0.2:80",
        "-d -t 10.99.0.1:80 -r 10.98.0.1:80",
        "-e -t 10.99.0.1:80 -r 10.98.0.2:80 -g -w 7",
        "-a -t 10.99.0.1:80 -r 10.98.0.3:80 -g",
        "-E -t 10.99.0.1:80 -s wlc",
    ] {
        host.run(&format!("ipvsadm {damage}"));
        assert_ne!(host.run("ipvsadm -Sn"), wanted, "{damage}");
        worker.reload(config());
        let lines = |text: String| -> Vec<String> {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(host.run("ipvsadm -Sn")), lines(wanted.clone()), "{damage}");
    }
    worker.stop();
}

fn loaded(text: &str) -> Vec<VirtualServer> {
    let loaded = vipd::conf::load_text("k.conf", text.to_owned(), &vipd::conf::LoadOptions::default());
    loaded.config.expect("a configuration").check.virtual_servers
}

/// The same numbers as keepalived 2.2.7 makes of them.
fn a_program_and_a_file_decide_on_weights(lab: &Lab) {
    let host = director(lab);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("f");
    std::fs::write(&file, "3\n").expect("write");
    let check = |rs: u8, lines: &str| format!("real_server 10.98.0.{rs} 80 {{\nweight 5\n{lines}\n}}\n");
    let text = format!(
        "track_file F {{\nfile {}\nweight 2\n}}\n\
         virtual_server 10.99.0.1 80 {{\nprotocol TCP\nlb_kind DR\nlb_algo wrr\ndelay_loop 1\n{}{}{}{}}}\n",
        file.display(),
        check(1, "MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic\nwarmup 0\nuser root\n}"),
        check(2, "FILE_CHECK {\ntrack_file F\n}"),
        check(3, "FILE_CHECK {\ntrack_file F\nweight 0\n}"),
        check(4, "FILE_CHECK {\ntrack_file F\nweight 1 reverse\n}"),
    );
    let mut worker = Worker::start(&host, loaded(&text), Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/5", "2/11", "4/2"]);
    let run = worker.run();
    assert_eq!(run.command.argv, ["/bin/true"]);
    worker.ended(&run, 9);
    wait_row(&host, "10.99.0.1:80", &["1/7", "2/11", "4/2"]);
    std::fs::write(&file, "-9").expect("write");
    wait_row(&host, "10.99.0.1:80", &["1/7", "2/0", "4/14"]);
    // As a careful program replaces it.
    let other = directory.path().join("new");
    std::fs::write(&other, "0\n").expect("write");
    std::fs::rename(&other, &file).expect("rename");
    wait_row(&host, "10.99.0.1:80", &["1/7", "2/5", "3/5", "4/5"]);
    let run = worker.run();
    worker.ended(&run, 1);
    wait_row(&host, "10.99.0.1:80", &["2/5", "3/5", "4/5"]);
    std::fs::remove_file(&file).expect("remove");
    let run = worker.run();
    worker.ended(&run, 0);
    wait_row(&host, "10.99.0.1:80", &["1/5", "2/5", "3/5", "4/5"]);
    worker.stop();
}

/// In the order in which it happens, and after the kernel has it; with omega, at the end too.
fn programs_hear_of_servers_and_quorums(lab: &Lab) {
    let host = director(lab);
    let listener = listen(&host, local(1001));
    let text = "virtual_server 10.99.0.1 80 {\nprotocol TCP\nlb_kind DR\nlb_algo rr\ndelay_loop 1\nomega\n\
                quorum_up /bin/echo\nquorum_down /bin/false\n\
                real_server 10.98.0.1 80 {\nnotify_up /bin/ls\nnotify_down /bin/cat\n\
                TCP_CHECK {\nconnect_ip 127.0.0.1\nconnect_port 1001\nwarmup 0\nretry 0\n}\n}\n}\n";
    let mut worker = Worker::start(&host, loaded(text), Options::default());
    let mut expect = |program: &str| {
        let run = worker.run();
        assert_eq!(run.command.program(), program);
        assert_eq!(run.owner.as_deref(), Some("[10.99.0.1]:tcp:80"), "one after another");
        worker.ended(&run, 0);
    };
    expect("/bin/echo");
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    drop(listener);
    expect("/bin/cat");
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec![]), "the kernel comes first");
    expect("/bin/false");
    let _back = listen(&host, local(1001));
    expect("/bin/ls");
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["1/1".into()]), "the kernel comes first");
    expect("/bin/echo");
    let Worker { inbox, mut outbox, thread } = worker;
    inbox.send(ToWorker::Stop).expect("it runs");
    thread.join().expect("no panic");
    let last: Vec<String> = std::iter::from_fn(|| outbox.blocking_recv())
        .filter_map(|m| if let FromWorker::Run(run) = m { Some(run.command.to_string()) } else { None })
        .collect();
    assert_eq!(last, ["/bin/cat", "/bin/false"]);
}

/// As a user writes it: the check goes to the port that the real server names, and the kernel gets that of the service.
fn the_named_port_is_checked(lab: &Lab) {
    let host = director(lab);
    host.run("ip address add 10.98.0.1/32 dev lo");
    let text = "virtual_server fwmark 3 {\n lb_kind DR\n lb_algo rr\n delay_loop 1\n warmup 0\n alpha\n\
                real_server 10.98.0.1 8080 {\n  TCP_CHECK {\n   connect_timeout 1\n  }\n }\n}\n\
                virtual_server 10.99.0.1 80 {\n protocol TCP\n lb_kind TUN\n lb_algo rr\n delay_loop 1\n warmup 0\n alpha\n\
                real_server 10.98.0.1 8080 {\n  TCP_CHECK {\n   connect_timeout 1\n  }\n }\n}\n";
    let _listener = listen(&host, ([10, 98, 0, 1], 8080).into());
    let worker = Worker::start(&host, loaded(text), Options::default());
    wait_row(&host, "3", &["1/1"]);
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    let saved = host.run("ipvsadm -Sn");
    assert!(saved.contains("-a -f 3 -r 10.98.0.1:0 -g") && saved.contains("-r 10.98.0.1:80 -i"), "{saved}");
    worker.stop();
}

fn a_refused_service_hinders_no_other(lab: &Lab) {
    let host = director(lab);
    let listener = listen(&host, local(1001));
    let good = || service(1, vec![server(1, vec![check_of(local(1001))]), server(2, vec![])]);
    let mut bad = service(2, vec![server(1, vec![])]);
    bad.scheduler = "nosuch".into();
    let mut worker = Worker::start(&host, vec![bad.clone(), good()], Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1"]);
    drop(listener);
    wait_row(&host, "10.99.0.1:80", &["2/1"]);
    assert!(row(&host, "10.99.0.2:80").is_err());
    bad.scheduler = "rr".into();
    worker.reload(vec![bad, good()]);
    assert_eq!(row(&host, "10.99.0.2:80"), Ok(vec!["1/1".into()]));
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["2/1".into()]));
    worker.stop();
}

fn a_thousand_services_go_at_once(lab: &Lab) {
    let host = director(lab);
    host.run("ipvsadm -A -t 203.0.113.1:99 -s wlc");
    let many = (0..1000u16)
        .map(|n| {
            let mut vs = service(1, vec![server(1, vec![]), server(2, vec![])]);
            vs.name = format!("service {n}");
            vs.endpoints = vec![Endpoint::Address(([10, 99, 1, 1], 1000 + n).into())];
            vs
        })
        .collect();
    let worker = Worker::start(&host, many, Options::default());
    // The kernel has one table for all namespaces: what changes in another one while this one is listed can hide a
    // service, so one listing does not do.
    wait_for("1001 services", LIMIT, || match Table::of(&host)?.services.len() {
        1001 => Ok(()),
        count => Err(count.to_string()),
    });
    worker.stop();
    assert_eq!(host.run("ipvsadm -Sn").trim(), "-A -t 203.0.113.1:99 -s wlc");
}
