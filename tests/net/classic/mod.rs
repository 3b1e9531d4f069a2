//! The set-ups that people have, as the files in `examples/` say them, with real parts: HAProxy, routers, bridges. One host
//! runs vipd and the other one keepalived with the same file, both ways round, unless said otherwise.

mod databases;
mod examples;
mod haproxy;
mod routers;
mod servers;
mod vmac;

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Director, Host, Lab, Process, Test, Waited, example, holds, wait_for};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// For what takes a few seconds, on a machine where others are at work.
const LIMIT: Duration = Duration::from_secs(30);

/// Who runs on the first host, and who on the second.
type Programs = (Implementation, Implementation);

type Story = fn(&Lab, Programs);

pub(crate) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 7] = [
        ("haproxy_that_hangs_loses_the_address", haproxy::hangs),
        ("a_database_is_promoted", databases::promoted),
        ("the_dead_address_of_a_round_robin_is_taken_over", servers::round_robin),
        ("ipv6", servers::ipv6),
        ("unicast_across_a_router", servers::unicast),
        ("both_sides_of_a_router_pair_move_together", routers::pair),
        ("a_bridge_learns_where_a_vmac_is", vmac::bridge),
    ];
    let mixed = [(Vipd, Keepalived), (Keepalived, Vipd)];
    let mixed = mixed.into_iter().flat_map(|programs| both.map(|story| (programs, story)));
    let mixed = mixed.map(|(programs, (name, story))| {
        Test::new(format!("classic::{}_first::{name}", programs.0), move |lab: &Lab| story(lab, programs))
    });
    // keepalived hears nothing of processes in a network namespace.
    let ours = Test::new("classic::haproxy_that_is_killed_loses_the_address", haproxy::killed);
    let taken = Test::new("classic::keepalived_takes_the_examples", examples::taken);
    mixed.chain([ours, taken]).collect()
}

/// What the second host's file differs in.
const SECOND: (&str, &str) = ("priority 150", "priority 100");

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &["-P"])
}

/// Starts the first one and then the second one; the first is the master.
#[track_caller]
fn start_both(
    programs: Programs,
    (one, two): (&Host, &Host),
    address: &str,
    config: [String; 2],
) -> (Director, Director) {
    let [ours, theirs] = config;
    let first = start(programs.0, one, &ours);
    holds(one, address, true);
    let second = start(programs.1, two, &theirs);
    says(&second, "Entering BACKUP STATE", 1);
    (first, second)
}

/// Waits until the log has so many lines that hold this.
#[track_caller]
fn says(director: &Director, what: &str, times: usize) {
    wait_for(format_args!("{what}, {times} times"), LIMIT, || {
        let log = director.process().log();
        if log.matches(what).count() >= times { Ok(()) } else { Err(log) }
    });
}

fn write_script(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/sh\n{body}\n")).expect("write a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("make it executable");
}

/// A real HAProxy that answers each request with the host's name, and says on a port of its own that it is well.
fn haproxy(host: &Host, program: &Path) -> Process {
    let config = format!(
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 2s\n  timeout server 2s\n\
         frontend www\n  bind :::80 v4v6\n  http-request return status 200 content-type text/plain string {}\n\
         frontend health\n  bind 127.0.0.1:8404\n  monitor-uri /healthz\n",
        host.name()
    );
    fs::write(host.file("haproxy.cfg"), config).expect("write HAProxy's configuration");
    let process =
        host.start("haproxy", host.command(program).arg("-db").arg("-f").arg(host.file("haproxy.cfg")));
    wait_for("HAProxy to answer", LIMIT, || get(host, "http://127.0.0.1:8404/healthz"));
    process
}

fn get(host: &Host, url: &str) -> Waited<String> {
    host.try_run(&format!("curl --silent --show-error --globoff --fail --max-time 1 {url}"))
}

/// Waits until a request is answered by this server.
#[track_caller]
fn answers(client: &Host, url: &str, server: &Host) {
    wait_for(format_args!("{} to answer {url}", server.name()), LIMIT, || {
        let answer = get(client, url)?;
        if answer.trim() == server.name() { Ok(()) } else { Err(answer) }
    });
}
