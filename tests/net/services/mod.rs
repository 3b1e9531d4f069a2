//! Checks that speak a service's own protocol, against the service itself: up, hanging, stopped, not as it should be.

mod agent;
mod certificate;
mod grpc;
mod http2;
mod ldap;
mod mysql;
mod pgsql;
mod redis;

use super::VIPD;
use super::support::Implementation::Vipd;
use super::support::{Director, Host, Process, Test, wait_for};
use nix::sys::signal::Signal;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("services::an_agent_decides", agent::decides),
        Test::new("services::mariadb_comes_and_goes", mysql::comes_and_goes),
        Test::new("services::postgresql_comes_and_goes", pgsql::comes_and_goes),
        Test::new("services::slapd_comes_and_goes", ldap::comes_and_goes),
        Test::new("services::grpc_comes_and_goes", grpc::comes_and_goes),
        Test::new("services::http_2_comes_and_goes", http2::comes_and_goes),
        Test::new("services::a_certificate_that_ends_soon_is_told_once", certificate::is_told_once),
        Test::new("services::redis_comes_and_goes", redis::comes_and_goes),
    ]
}

/// One check: what it is called, its lines, the port that it goes to.
type Check<'a> = (&'a str, &'a str, u16);

/// A director with a real server for each check: the first is 127.0.1.1.
fn watch(host: &Host, checks: &[Check<'_>]) -> Director {
    let mut config = "global_defs {\n  router_id lb\n}\nvirtual_server 10.0.0.100 80 {\n  protocol TCP\n  lvs_sched rr\n  \
                      lvs_method NAT\n  delay_loop 0.2\n  delay_before_retry 0.2\n  retry 1\n  warmup 0\n  connect_timeout 1\n"
        .to_owned();
    for (at, (name, lines, port)) in checks.iter().enumerate() {
        let server = format!("real_server 127.0.1.{} {port}", at + 1);
        config += &format!(
            "  {server} {{\n    alpha\n    weight 4\n    {name} {{\n      connect_ip 127.0.0.1\n      log_all_failures\n{lines}\n    \
             }}\n  }}\n"
        );
    }
    config += "}\n";
    Director::start(Vipd, host, Path::new(VIPD), &config, &["-D"])
}

/// What the log says of a server, a line for each check that changed anything, or failed.
fn lines(director: &Director, server: usize) -> Vec<String> {
    let (log, name) = (director.process().log(), format!("[127.0.1.{server}]:tcp:"));
    log.lines().filter(|line| line.contains(&name)).map(str::to_owned).collect()
}

/// Waits until the last line of a server has all of these words.
#[track_caller]
fn last_says(director: &Director, server: usize, words: &str) {
    wait_for(format_args!("server {server} to be found so: {words}"), LIMIT, || {
        let lines = lines(director, server);
        match lines.iter().rev().find(|line| line.contains("_CHECK") || line.contains("Web server")) {
            Some(line) if line.contains(words) => Ok(()),
            _ => Err(lines.join("\n")),
        }
    });
}

/// A server says in its log that it is ready: only a first outcome is logged, and that is to be what a test is about.
#[track_caller]
fn is_ready(server: &Process, words: &str) {
    wait_for(format_args!("a server to say {words}"), LIMIT, || {
        let log = server.log();
        if log.contains(words) { Ok(()) } else { Err(log) }
    });
}

/// It stands still, and its clients wait; then goes on.
fn halt(process: &Process, halted: bool) {
    let signal = if halted { Signal::SIGSTOP } else { Signal::SIGCONT };
    for pid in super::support::descendants(process.pid()).into_iter().chain([process.pid()]) {
        let _ = nix::sys::signal::kill(pid, signal);
    }
}
