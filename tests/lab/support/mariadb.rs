//! A real MariaDB, as Debian has it, with as little as it needs.

use super::host::Host;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

const SMALL: [&str; 4] =
    ["--no-defaults", "--user=root", "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M"];

/// A folder with the system's tables.
#[track_caller]
pub(crate) fn install(host: &Host, folder: &Path) {
    fs::create_dir(folder).expect("make a folder");
    let tables = fs::read_to_string("/usr/share/mysql/mysql_system_tables.sql").expect("MariaDB's tables");
    let head = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\nset @current_hostname='localhost';\n\
                set @skip_auth_anonymous=1;\n";
    let script = host.file("install.sql");
    fs::write(&script, format!("{head}{tables}")).expect("write a file");
    let mut command = Command::new("mariadbd");
    command.args(SMALL).arg("--bootstrap").arg(format!("--datadir={}", folder.display()));
    let output = command.stdin(File::open(&script).expect("a file")).output().expect("mariadbd starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The server of such a folder, with a log of what it changes. Its socket is in the folder; root needs no password there.
pub(crate) fn server(host: &Host, folder: &Path, address: &str, port: u16, id: u16) -> Command {
    let mut command = host.command("mariadbd");
    command.args(SMALL).arg("--log-bin").args([
        format!("--bind-address={address}"),
        format!("--datadir={}", folder.display()),
        format!("--socket={}", folder.join("socket").display()),
        format!("--port={port}"),
        format!("--server-id={id}"),
    ]);
    command
}
