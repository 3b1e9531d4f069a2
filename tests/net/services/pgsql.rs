//! `PGSQL_CHECK` with Debian's PostgreSQL: a primary and its standby.

use super::{Check, halt, is_ready, last_says, watch};
use crate::support::{Host, Lab, Process, checked, wait_for};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// It runs as nobody but a user of its own.
const USER: &str = "postgres";

/// The newest that is installed.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    versions.map(|entry| entry.expect("a folder").path().join("bin")).max().expect("a version")
}

fn as_its_user(command: &mut Command, program: &str) {
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(programs().join(program));
}

fn run(program: &str, arguments: &[&str]) {
    let mut command = Command::new("setpriv");
    as_its_user(&mut command, program);
    checked(command.args(arguments).current_dir("/"));
}

fn server(host: &Host, folder: &Path, port: u16) -> Process {
    let mut command = host.command("setpriv");
    as_its_user(&mut command, "postgres");
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "unix_socket_directories=".to_owned(),
        "hot_standby=on".to_owned(),
        "fsync=off".to_owned(),
        "shared_buffers=16MB".to_owned(),
    ];
    command.arg("-D").arg(folder).args(settings.iter().flat_map(|setting| ["-c", setting])).current_dir("/");
    host.start(&format!("postgres{port}"), &mut command)
}

/// A folder with users of each kind, whom the server lets in from here.
fn install(folder: &Path) {
    let text = folder.display().to_string();
    run("initdb", &["-D", &text, "--no-sync", "--auth=trust", "--locale=C", "--encoding=UTF8"]);
    let rules = "host all scram 127.0.0.1/32 scram-sha-256\nhost all md5 127.0.0.1/32 md5\n\
                 host all clear 127.0.0.1/32 password\nhost all trusted 127.0.0.1/32 trust\n";
    fs::write(folder.join("pg_hba.conf"), rules).expect("write a file");
    let users = "create user scram password 'sesame';\ncreate user clear password 'sesame';\ncreate user trusted;\n\
                 set password_encryption = 'md5';\ncreate user md5 password 'sesame';\n";
    let script = folder.join("users.sql");
    fs::write(&script, users).expect("write a file");
    let single = format!(
        "{} --single -D {text} postgres < {}",
        programs().join("postgres").display(),
        script.display()
    );
    checked(
        Command::new("setpriv")
            .args(["--reuid", USER, "--regid", USER, "--clear-groups", "sh", "-c", &single])
            .current_dir("/"),
    );
}

pub(super) fn comes_and_goes(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    // Its user has to get there.
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("set permissions");
    let (one, two) = (folder.path().join("a"), folder.path().join("b"));
    install(&one);
    checked(Command::new("cp").arg("-a").arg(&one).arg(&two));
    fs::write(two.join("standby.signal"), "").expect("write a file");
    let primary = server(&host, &one, 5432);
    let standby = server(&host, &two, 5433);
    [&primary, &standby].into_iter().for_each(|server| is_ready(server, "ready to accept"));
    let login = |user: &str, more: &str| format!("user {user}\ndatabase postgres\n{more}");
    let lines = [
        login("scram", "password sesame\nrole primary"),
        login("trusted", "role standby"),
        login("trusted", "role primary"),
        login("md5", "password sesame"),
        login("clear", "password sesame"),
        login("scram", "password wrong"),
        String::new(),
        login("trusted\ndatabase nowhere", "").replace("database postgres\n", ""),
    ];
    let ports = [5432, 5433, 5433, 5432, 5432, 5432, 5432, 5432];
    let checks: Vec<Check<'_>> =
        lines.iter().zip(ports).map(|(lines, port)| ("PGSQL_CHECK", &**lines, port)).collect();
    let director = watch(&host, &checks);
    for (server, words) in [
        (1, "success."),
        (2, "success."),
        (3, "the server is a standby"),
        (4, "success."),
        (5, "success."),
        (6, "error 28P01"),
        (7, "success."),
        (8, "error 3D000"),
    ] {
        last_says(&director, server, words);
    }
    halt(&primary, true);
    last_says(&director, 1, "failed after 1 retries");
    halt(&primary, false);
    last_says(&director, 1, "success.");
    primary.kill_tree();
    last_says(&director, 1, "failed after 1 retries");
    last_says(&director, 7, "failed after 1 retries");
    // What it wrote before it was killed is no matter here.
    let _ = fs::remove_file(one.join("postmaster.pid"));
    let again = server(&host, &one, 5432);
    last_says(&director, 1, "success.");
    director.terminate();
    wait_for("no words about connections that broke", super::LIMIT, || {
        let log = again.log();
        if log.contains("unexpected EOF") { Err(log) } else { Ok(()) }
    });
}
