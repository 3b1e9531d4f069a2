//! Where nobody takes what the daemon logs, it goes on all the same.

use super::VIPD;
use super::support::{Host, Lab, Test, wait_for};
use nix::fcntl::{FcntlArg, fcntl};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Pid, mkfifo};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("log::a_standard_error_that_nobody_reads_stops_nothing", unread_pipe),
        Test::new("log::what_is_no_file_gets_no_log", foreign_files),
        Test::new("log::log_files_that_take_nothing_stop_nothing", files_that_take_nothing),
        Test::new("log::detail_is_given_of_the_instance_that_it_is_asked_for", detail_of_one),
    ]
}

/// A daemon in the foreground with the usual configuration, and its pid files in the host's folder.
fn command(host: &Host) -> Command {
    let text = "vrrp_instance VI {\n  interface eth0\n  virtual_router_id 7\n  priority 100\n  advert_int 1\n  \
                virtual_ipaddress {\n    10.0.0.100/24\n  }\n}\n";
    fs::write(host.file("k.conf"), text).expect("write the configuration");
    let mut command = host.command(VIPD);
    command.args(["run", "-n", "-G", "-f"]).arg(host.file("k.conf"));
    for (flag, file) in [("-p", "main"), ("-r", "vrrp"), ("-c", "check")] {
        command.arg(flag).arg(host.file(&format!("{file}.pid")));
    }
    command
}

fn serves(host: &Host) {
    wait_for("the virtual address", LIMIT, || match host.has_address("10.0.0.100") {
        true => Ok(()),
        false => Err(format!("{:?}", host.addresses())),
    });
}

/// A process that is killed with the test, without a log of its own.
struct Daemon(Child);

impl Daemon {
    fn stop(&mut self) {
        kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM).expect("stop the daemon");
        wait_for("the daemon's end", LIMIT, || match self.0.try_wait() {
            Ok(Some(status)) if status.success() => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Its workers stop with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// With a pipe of one page, which the first lines of `-d` fill.
fn unread_pipe(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let (mut reader, writer) = io::pipe().expect("a pipe");
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(4096)).expect("a small one");
    let mut command = command(&host);
    let mut daemon = Daemon(command.args(["-l", "-D", "-d"]).stderr(writer).spawn().expect("start vipd"));
    drop(command);
    serves(&host);
    // All of it is there for whoever begins to read now, and nothing stands in a wrong place.
    let mut text = String::new();
    let read = thread::spawn(move || reader.read_to_string(&mut text).map(|_| text));
    daemon.stop();
    let text = read.join().expect("no panic").expect("text");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} is missing in {text}"));
    assert!(at("Entering MASTER STATE") > 4096, "the pipe held it all: this tests nothing");
    let (starting, complete) = (at("Starting vipd v"), at("Startup complete"));
    let (master, stopped) = (at("(VI) Entering MASTER STATE"), at("Stopped vipd v"));
    assert!(starting < complete && starting < master && complete < stopped && master < stopped, "{text}");
}

/// A disk without any room, until it is dropped.
pub(crate) struct FullDisk(PathBuf);

impl FullDisk {
    pub(crate) fn new(at: PathBuf) -> FullDisk {
        fs::create_dir(&at).expect("make a directory");
        mount(None::<&str>, &at, Some("tmpfs"), MsFlags::empty(), Some("size=4k"))
            .expect("mount a small disk");
        let disk = FullDisk(at);
        let full = fs::write(disk.0.join("all"), [0; 8192]).expect_err("a disk that is full");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        disk
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// FIFOs that nobody reads, and a disk that is full.
fn files_that_take_nothing(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let disk = FullDisk::new(host.file("disk"));
    for file in ["fifo", "fifo_vrrp"] {
        mkfifo(&host.file(file), Mode::S_IRWXU).expect("make a FIFO");
    }
    for file in [host.file("fifo"), disk.0.join("log")] {
        let mut command = command(&host);
        command.args(["-D", "-d", "-g"]).arg(&file);
        let mut daemon = Daemon(command.spawn().expect("start vipd"));
        serves(&host);
        daemon.stop();
    }
    assert_eq!(
        disk.0.join("log").metadata().expect("a log file").len(),
        0,
        "it had room: this tests nothing"
    );
}

fn foreign_files(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    mknod(&host.file("device"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 7)).expect("make a device");
    fs::write(host.file("data"), "a year's work\n").expect("write a file");
    symlink(host.file("data"), host.file("link")).expect("make a link");
    fs::create_dir(host.file("folder")).expect("make a directory");
    for (file, why) in [
        ("device", "is a device, not a file"),
        ("link", "is a symbolic link, not a file"),
        ("folder", "is a directory"),
    ] {
        let output = command(&host).arg("-g").arg(host.file(file)).output().expect("start vipd");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(&format!("log file {}: {why}", host.file(file).display())), "{errors}");
    }
    assert_eq!(fs::read_to_string(host.file("data")).expect("it is still there"), "a year's work\n");
}

fn detail_of_one(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let mut command = command(&host);
    let instance = |name: &str, vrid: u8| {
        format!(
            "vrrp_instance {name} {{\n  interface eth0\n  virtual_router_id {vrid}\n  virtual_ipaddress {{\n    \
             10.0.0.{vrid}/24\n  }}\n}}\n"
        )
    };
    fs::write(host.file("k.conf"), instance("V1", 101) + &instance("V2", 102))
        .expect("write the configuration");
    let daemon = host.start("one", command.args(["-l", "--log-detail-of", "V2"]));
    wait_for("both to be masters", LIMIT, || {
        let log = daemon.log();
        let both = ["V1", "V2"].iter().all(|name| log.contains(&format!("({name}) Entering MASTER STATE")));
        if both { Ok(()) } else { Err(log) }
    });
    let log = daemon.log();
    assert!(log.contains("(V2) Receive advertisement timeout"), "{log}");
    assert!(!log.contains("(V1) Receive advertisement timeout"), "{log}");
}
