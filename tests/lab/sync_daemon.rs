//! `lvs_sync_daemon`: the kernel's daemons that share the table of connections, with keepalived and with vipd; and what they
//! are there for.

mod download;

use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::{Director, Host, Lab, Test, Worker, wait_for};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

type Story = fn(&Lab, Implementation);

pub(crate) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 3] = [
        ("connections_follow_the_instance", follow),
        ("without_an_instance_both_run", without_an_instance),
        ("downloads_survive_directors", download::survives),
    ];
    let both = [Keepalived, Vipd].into_iter().flat_map(|program| both.map(|story| (program, story)));
    let both = both.map(|(program, (name, story))| {
        Test::new(format!("sync_daemon::{program}::{name}"), move |lab: &Lab| story(lab, program))
    });
    let ours = [
        // keepalived 2.2.7 starts one without an interface at a reload, which the kernel refuses.
        Test::new("sync_daemon::a_reload_changes_it", reload),
        Test::new("sync_daemon::what_is_refused_is_tried_again", refused),
        Test::new("sync_daemon::a_killed_worker_leaves_none_behind", killed),
    ];
    both.chain(ours).collect()
}

fn config(sync: &str, priority: u8) -> String {
    format!(
        "global_defs {{\n  {sync}\n}}\nvrrp_instance VI {{\n  interface eth0\n  virtual_router_id 51\n  priority {priority}\n  \
         virtual_ipaddress {{\n    10.0.0.100/24\n  }}\n}}\n"
    )
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

/// Waits until these daemons run: how each of their lines begins.
#[track_caller]
fn run(host: &Host, expected: &[&str]) {
    wait_for(format_args!("{expected:?}"), LIMIT, || {
        let shown = host.run("ipvsadm -Ln --daemon");
        let lines: Vec<&str> = shown.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let all = lines.len() == expected.len() && lines.iter().zip(expected).all(|(l, e)| l.starts_with(e));
        if all { Ok(()) } else { Err(shown) }
    });
}

const ALL: &str = "lvs_sync_daemon eth0 inst VI id 7 maxlen 1400 port 8849 ttl 3 group 224.0.0.99";

fn follow(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let peer = start(Keepalived, &two, &config("router_id peer", 200));
    wait_for("the peer is master", LIMIT, || {
        two.has_address("10.0.0.100").then_some(()).ok_or_else(|| "no".to_owned())
    });
    let director = start(program, &one, &config(ALL, 100));
    let tail = "sync daemon (mcast=eth0, syncid=7, maxlen=1400, group=224.0.0.99, port=8849, ttl=3)";
    run(&one, &[&format!("backup {tail}")]);
    peer.terminate();
    run(&one, &[&format!("master {tail}")]);
    let peer = start(Keepalived, &two, &config("router_id peer", 200));
    run(&one, &[&format!("backup {tail}")]);
    director.terminate();
    run(&one, &[]);
    peer.terminate();
    // The old spelling.
    let old = config("router_id one", 100).replace("priority", "lvs_sync_daemon_interface eth0\n  priority");
    let director = start(program, &one, &old);
    run(&one, &["master sync daemon (mcast=eth0, syncid=0"]);
    director.terminate();
    run(&one, &[]);
}

fn without_an_instance(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let server = "virtual_server 10.0.0.100 80 {\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n  real_server 10.0.0.3 80 {\n  }\n}\n";
    let director = start(program, &one, &(config("lvs_sync_daemon eth0", 100) + server));
    run(&one, &["master sync daemon (mcast=eth0, syncid=0", "backup sync daemon (mcast=eth0, syncid=0"]);
    director.terminate();
    run(&one, &[]);
}

fn reload(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(Vipd, &one, &config(ALL, 100));
    run(&one, &["master sync daemon (mcast=eth0, syncid=7, maxlen=1400, group=224.0.0.99"]);
    director.reload(&config("lvs_sync_daemon eth0 inst VI", 100));
    run(&one, &["master sync daemon (mcast=eth0, syncid=51"]);
    let shown = one.run("ipvsadm -Ln --daemon");
    assert!(!shown.contains("224.0.0.99"), "{shown}");
    director.reload(&config("router_id one", 100));
    run(&one, &[]);
    director.reload(&config(ALL, 100));
    run(&one, &["master sync daemon (mcast=eth0, syncid=7"]);
    director.terminate();
    run(&one, &[]);
}

fn refused(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(Vipd, &one, &config("lvs_sync_daemon eth1 inst VI", 100));
    wait_for("the refusal in the log", LIMIT, || {
        let log = director.process().log();
        if log.contains("IPVS sync daemon: start the master sync daemon on eth1: no such interface") {
            Ok(())
        } else {
            Err(log)
        }
    });
    one.connect_further("eth1", "10.1.0.1/24");
    run(&one, &["master sync daemon (mcast=eth1, syncid=51"]);
    director.terminate();
    run(&one, &[]);
}

fn killed(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(Vipd, &one, &config(ALL, 100));
    run(&one, &["master sync daemon (mcast=eth0, syncid=7"]);
    director.kill_worker(Worker::Vrrp);
    run(&one, &["master sync daemon (mcast=eth0, syncid=7"]);
    director.terminate();
    run(&one, &[]);
}
