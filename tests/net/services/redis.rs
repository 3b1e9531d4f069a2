//! `REDIS_CHECK` with Debian's server: one with a password, and its replica without.

use super::{Check, halt, is_ready, last_says, watch};
use crate::support::{Host, Lab, Process};

fn server(host: &Host, port: u16, options: &[&str]) -> Process {
    let folder = host.file(&format!("redis{port}"));
    std::fs::create_dir_all(&folder).expect("make a folder");
    let mut command = host.command("redis-server");
    command.args(["--port", &port.to_string(), "--save", "", "--repl-diskless-sync-delay", "0", "--dir"]);
    command.arg(folder).args(options);
    host.start(&format!("redis{port}"), &mut command)
}

pub(super) fn comes_and_goes(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let password = host.file("password");
    std::fs::write(&password, "sesame 1\n").expect("write a file");
    let master = server(&host, 6379, &["--requirepass", "sesame 1"]);
    let replica = server(&host, 6380, &["--replicaof", "127.0.0.1", "6379", "--masterauth", "sesame 1"]);
    [&master, &replica].into_iter().for_each(|server| is_ready(server, "Ready to accept connections"));
    let from_file = format!("password file:{}\nrole master", password.display());
    let checks: [Check<'_>; 8] = [
        ("REDIS_CHECK", &from_file, 6379),
        ("REDIS_CHECK", "user default\npassword \"sesame 1\"", 6379),
        ("REDIS_CHECK", "password wrong", 6379),
        ("REDIS_CHECK", "", 6379),
        ("REDIS_CHECK", "role replica", 6380),
        ("REDIS_CHECK", "role master", 6380),
        ("REDIS_CHECK", "", 6381),
        ("REDIS_CHECK", "password file:/no/such/file", 6379),
    ];
    let director = watch(&host, &checks);
    for (server, words) in [
        (1, "success."),
        (2, "success."),
        (3, "WRONGPASS"),
        (4, "NOAUTH Authentication required."),
        (5, "success."),
        (6, "the server's role is `slave`"),
        (7, "Connection refused"),
        (8, "the password can't be read from /no/such/file"),
    ] {
        last_says(&director, server, words);
    }
    halt(&replica, true);
    last_says(&director, 5, "failed after 1 retries");
    halt(&replica, false);
    last_says(&director, 5, "success.");
    master.kill_tree();
    last_says(&director, 1, "failed after 1 retries");
    let log = director.process().log();
    assert!(!log.contains("sesame"), "{log}");
    let _again = server(&host, 6379, &["--requirepass", "sesame 1"]);
    last_says(&director, 1, "success.");
    director.terminate();
}
