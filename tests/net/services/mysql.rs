//! `MYSQL_CHECK` with Debian's MariaDB: a primary and its replica.

use super::{Check, halt, is_ready, last_says, watch};
use crate::support::{Host, Lab, Process, checked, mariadb};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A server with a user, and what else is said to it at its start.
fn server(host: &Host, folder: &Path, port: u16, more: &str) -> Process {
    let script = host.file(&format!("{port}.sql"));
    let user = "CREATE OR REPLACE USER lb@'%' IDENTIFIED BY 'sesame';\n\
                GRANT REPLICA MONITOR, REPLICATION SLAVE ON *.* TO lb@'%';\nCREATE OR REPLACE USER poor@'%';\n";
    fs::write(&script, format!("{user}{more}")).expect("write a file");
    let mut command = mariadb::server(host, folder, "127.0.0.1", port, port);
    command.arg(format!("--init-file={}", script.display()));
    host.start(&format!("mariadb{port}"), &mut command)
}

pub(super) fn comes_and_goes(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let (one, two) = (lab.dir().join("a"), lab.dir().join("b"));
    mariadb::install(&host, &one);
    checked(Command::new("cp").arg("-a").arg(&one).arg(&two));
    let primary = server(&host, &one, 3306, "");
    let follow = "SET GLOBAL read_only = 1;\nCHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_USER='lb', \
                  MASTER_PASSWORD='sesame', MASTER_CONNECT_RETRY=1;\nSTART SLAVE;\n";
    let replica = server(&host, &two, 3307, follow);
    [&primary, &replica].into_iter().for_each(|server| is_ready(server, "ready for connections"));
    let login = "user lb\npassword sesame";
    let [writes, reads, wrong] =
        ["read_only off", "read_only on\nmax_lag 5", "read_only on"].map(|lines| format!("{login}\n{lines}"));
    let checks: [Check<'_>; 7] = [
        ("MYSQL_CHECK", &writes, 3306),
        ("MYSQL_CHECK", &reads, 3307),
        ("MYSQL_CHECK", &wrong, 3306),
        ("MYSQL_CHECK", "user lb\npassword wrong", 3306),
        ("MYSQL_CHECK", "user poor\nmax_lag 5", 3306),
        ("MYSQL_CHECK", "", 3306),
        ("MYSQL_CHECK", "user lb\npassword sesame\ndatabase nowhere", 3306),
    ];
    let director = watch(&host, &checks);
    for (server, words) in [
        (1, "success."),
        (2, "success."),
        (3, "read_only of the server is off"),
        (4, "error 1045: Access denied"),
        (5, "error 1227: Access denied"),
        (6, "success."),
        (7, "nowhere"),
    ] {
        last_says(&director, server, words);
    }
    halt(&primary, true);
    last_says(&director, 1, "failed after 1 retries");
    halt(&primary, false);
    last_says(&director, 1, "success.");
    // The replica loses it.
    primary.kill_tree();
    last_says(&director, 1, "failed after 1 retries");
    last_says(&director, 2, "replication of the server does not run");
    let _again = server(&host, &one, 3306, "");
    last_says(&director, 1, "success.");
    last_says(&director, 2, "success.");
    director.terminate();
    // Nobody who logged in has left without a word.
    let log = replica.log();
    assert!(!log.contains("Aborted connection"), "{log}");
}
