//! Files that the daemon writes or reads on somebody's word.

use super::{LIMIT, command, configuration, logged, started, wait_address};
use crate::VIPD;
use crate::log::FullDisk;
use crate::support::{Director, Implementation, Lab, Test, Worker, wait_for};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::what_is_no_pid_file_is_neither_replaced_nor_removed", foreign_pid_files),
        Test::new("daemon::a_pipe_where_a_file_belongs_stops_nobody", pipes),
        Test::new("daemon::a_file_that_is_written_while_it_is_read_is_refused_and_read_later", changing),
        Test::new("daemon::the_dump_of_the_configuration_has_no_secrets", secrets),
        Test::new("daemon::pid_files_have_the_permissions_that_the_mask_leaves", masks),
        Test::new("daemon::each_process_has_its_log_file", log_files),
        Test::new("daemon::a_full_disk_costs_pid_files_their_numbers_and_nothing_else", full_disk),
    ]
}

fn full_disk(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let disk = host.file("full");
    let _full = FullDisk::new(disk.clone());
    let start = |name: &str| {
        let mut command = command(&host, Path::new(VIPD), "d");
        command.args(["-n", "-l", "-p"]).arg(disk.join("main.pid")).arg("-r").arg(disk.join("vrrp.pid"));
        host.start(name, &mut command)
    };
    let process = start("first");
    wait_address(&host, "10.0.0.100");
    for file in ["main.pid", "vrrp.pid"] {
        let line = format!("pid file {} is empty: No space left on device", disk.join(file).display());
        assert_eq!(process.log().matches(&line).count(), 1, "{}", process.log());
    }
    // The lock counts, not the number.
    let second = start("second");
    assert_eq!(second.wait_exit(LIMIT).code(), Some(0));
    assert!(second.log().contains("already running"), "{}", second.log());
    process.signal(Signal::SIGTERM);
    process.wait_exit(LIMIT);
    let left: Vec<_> =
        fs::read_dir(&disk).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["all"], "no pieces");
}

fn foreign_pid_files(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let data = "a year's work\n".repeat(100);
    fs::write(host.file("data"), &data).expect("write a file");
    symlink(host.file("data"), host.file("link")).expect("make a link");
    mkfifo(&host.file("fifo"), Mode::S_IRWXU).expect("make a FIFO");
    fs::create_dir(host.file("folder")).expect("make a directory");
    mknod(&host.file("null"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 3)).expect("make a device");
    for flag in ["-p", "-r"] {
        let wrong = [
            ("data", "holds something else than a process number"),
            ("link", "is a symbolic link, not a file"),
            ("fifo", "is a named pipe, not a file"),
            ("folder", "is a directory"),
            ("null", "is a device, not a file"),
        ];
        for (file, why) in wrong {
            let mut command = command(&host, Path::new(VIPD), "d");
            command.args(["-n", "-l", flag]).arg(host.file(file));
            let process = host.start(&format!("{flag}{file}"), &mut command);
            assert_eq!(process.wait_exit(LIMIT).code(), Some(1), "{}", process.log());
            let line = format!("pid file {}: {why}; it is left as it is", host.file(file).display());
            assert!(process.log().contains(&line), "{}", process.log());
            assert!(!process.log().contains("os error"), "{}", process.log());
        }
    }
    assert_eq!(fs::read_to_string(host.file("data")).expect("it is still there"), data);
    for file in ["link", "fifo", "folder", "null"] {
        assert!(host.file(file).symlink_metadata().is_ok(), "{file} is still there");
    }
}

fn pipes(lab: &Lab) {
    let host = lab.host("first", "10.0.0.2/24");
    mkfifo(&host.file("k.conf"), Mode::S_IRWXU).expect("make a FIFO");
    let process = host.start("start", command(&host, Path::new(VIPD), "d").args(["-n", "-l"]));
    assert_eq!(process.wait_exit(LIMIT).code(), Some(6), "{}", process.log());
    assert!(process.log().contains("k.conf is a named pipe, not a file"), "{}", process.log());
    // At a reload, and in an include.
    let director = started(lab, &[]);
    let (host, worker) = (director.host(), director.worker(Worker::Vrrp));
    wait_address(host, "10.0.0.100");
    let file = host.file("keepalived.conf");
    fs::remove_file(&file).expect("remove the file");
    mkfifo(&file, Mode::S_IRWXU).expect("make a FIFO");
    director.process().signal(Signal::SIGHUP);
    logged(director.process(), "keepalived.conf is a named pipe, not a file");
    logged(director.process(), "Reload refused");
    fs::remove_file(&file).expect("remove the FIFO");
    // As large as a device: its end is far behind what is read.
    fs::File::create(&file).and_then(|file| file.set_len(2 << 30)).expect("make a large file");
    director.process().signal(Signal::SIGHUP);
    logged(director.process(), "keepalived.conf is larger than 1 GiB");
    fs::remove_file(&file).expect("remove the file");
    symlink("/dev/zero", &file).expect("link a device");
    director.process().signal(Signal::SIGHUP);
    logged(director.process(), "keepalived.conf is a device, not a file");
    fs::remove_file(&file).expect("remove the link");
    mkfifo(&host.file("part"), Mode::S_IRWXU).expect("make a FIFO");
    director.reload(&format!("include {}\n{}", host.file("part").display(), configuration("10.0.0.100/24")));
    logged(director.process(), "part' is a named pipe, not a file");
    wait_for("the fourth refusal", LIMIT, || {
        let log = director.process().log();
        if log.matches("Reload refused").count() == 4 { Ok(()) } else { Err(log) }
    });
    assert!(!director.process().log().contains("Reload complete"));
    assert_eq!(director.worker(Worker::Vrrp), worker);
    assert!(director.host().has_address("10.0.0.100"));
    director.terminate();
}

/// However the test goes on.
struct EndsWriting<'a>(&'a AtomicBool);

impl Drop for EndsWriting<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn changing(lab: &Lab) {
    let director = started(lab, &[]);
    let host = director.host();
    wait_address(host, "10.0.0.100");
    let file = host.file("keepalived.conf");
    // Its lines are right at each moment: nobody could tell by the text that it is not whole.
    let text = configuration("10.0.0.100/24") + &"# a long comment\n".repeat(100_000);
    fs::write(host.file("new"), text).expect("write the configuration");
    fs::rename(host.file("new"), &file).expect("put it in its place");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _ends = EndsWriting(&done);
        scope.spawn(|| {
            let mut writer = fs::File::options().append(true).open(&file).expect("open the configuration");
            while !done.load(Ordering::Relaxed) {
                writer.write_all(b"# and more\n").expect("write the configuration");
            }
        });
        // Where the writer was not there for once, the file was read, and says what is there already.
        wait_for("a file that changes while it is read", LIMIT, || {
            director.process().signal(Signal::SIGHUP);
            let log = director.process().log();
            let words = "changes while it is read: write a new file, and rename it";
            if log.contains(words) { Ok(()) } else { Err(log) }
        });
    });
    logged(director.process(), "Reload refused");
    assert!(host.has_address("10.0.0.100"));
    director.reload(&configuration("10.0.0.101/24"));
    wait_address(host, "10.0.0.101");
    director.terminate();
}

fn secrets(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let text = configuration("10.0.0.100/24");
    let text = text
        .replace("advert_int 1", "advert_int 1\n authentication {\n auth_type PASS\n auth_pass Zorro\n }");
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), &text, &["-d"]);
    logged(director.process(), "Startup complete");
    let log = director.process().log();
    assert!(log.contains("\"auth\": \"(redacted)\""), "{log}");
    let bytes: Vec<String> = b"Zorro".iter().map(ToString::to_string).collect();
    let numbers: Vec<&str> =
        log.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty()).collect();
    assert!(!log.contains("Zorro") && !numbers.windows(5).any(|five| five == bytes), "{log}");
    director.terminate();
}

fn masks(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    for (mask, expected) in [("0", 0o666), ("077", 0o600), ("022", 0o644)] {
        let mut command = command(&host, Path::new(VIPD), "d");
        let process = host.start(mask, command.args(["-n", "-l", "-u", mask]));
        logged(&process, "Startup complete");
        for file in ["d-main.pid", "d-vrrp.pid"] {
            let mode = host.file(file).metadata().expect("a pid file").permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{file} with -u {mask}");
        }
        process.signal(Signal::SIGTERM);
        assert!(process.wait_exit(LIMIT).success());
    }
}

fn log_files(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let mut command = command(&host, Path::new(VIPD), "d");
    let process = host.start("d", command.arg("-n").arg("-g").arg(host.file("d.txt")));
    let has = |name: &str, text: &str| {
        let path = host.file(name);
        wait_for(format_args!("{text:?} in {}", path.display()), LIMIT, || {
            let log = fs::read_to_string(&path).unwrap_or_default();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    };
    has("d.txt", "Startup complete");
    has("d_vrrp.txt", ": vipd_vrrp[");
    assert_eq!(process.log(), "", "the console is quiet without -l");
    process.signal(Signal::SIGTERM);
    process.wait_exit(LIMIT);
    has("d.txt", "Stopped vipd v");
    // A file that can't be opened is named.
    fs::create_dir(host.file("e_vrrp.txt")).expect("a folder in the place of a file");
    let mut command = self::command(&host, Path::new(VIPD), "e");
    let process = host.start("e", command.args(["-n", "-l", "-g"]).arg(host.file("e.txt")));
    logged(&process, &format!("log file {}: ", host.file("e_vrrp.txt").display()));
    process.signal(Signal::SIGTERM);
    process.wait_exit(LIMIT);
}
