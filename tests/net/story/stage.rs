//! The stage of a story: two hosts on one switch, the program under test on `one`, keepalived on `two`.

use super::record::{self, Kernel};
use crate::VIPD;
use crate::support::{Capture, Director, Host, Implementation, Lab, wait_for};
use nix::poll::{PollFd, PollFlags};
use nix::sys::stat::Mode;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A condition is waited for so long.
const LIMIT: Duration = Duration::from_secs(20);
/// It is quiet when nothing was seen to change for so long: longer than the second set of announcements waits, and than
/// an interval of adverts or scripts.
const QUIET: Duration = Duration::from_millis(1600);

/// What stands before every configuration of a story. Announcements come twice, the second time after a second.
const GLOBALS: &str = "global_defs {
    router_id story
    script_user root
    vrrp_notify_fifo {dir}fifo
    vrrp_garp_master_delay 1
    vrrp_garp_master_repeat 2
    {globals}
}
";

/// What `{notify}` in an instance or a group stands for: every transition has a script that writes down how it was called.
const NOTIFY: &str = "notify {dir}notify
    notify_master {dir}notify_master
    notify_backup \"{dir}notify_backup 'two words' last\"
    notify_fault {dir}notify_fault
    notify_stop {dir}notify_stop";

/// The stage.
pub(super) struct Stage<'a> {
    pub(super) one: Host,
    pub(super) two: Host,
    lab: &'a Lab,
    program: Implementation,
    director: Option<Director>,
    peer: Option<Director>,
    globals: String,
    with_sysctls: bool,
    quiet: Duration,
    capture: Capture,
    fifo: Fifo,
    transcript: &'a Mutex<String>,
    seen: Seen,
}

/// How much of everything is in the transcript already.
#[derive(Clone, Copy, Default)]
struct Seen {
    lines: usize,
    calls: usize,
    frames: usize,
}

impl<'a> Stage<'a> {
    pub(super) fn new(lab: &'a Lab, program: Implementation, transcript: &'a Mutex<String>) -> Self {
        let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
        for script in [
            "notify",
            "notify_master",
            "notify_backup",
            "notify_fault",
            "notify_stop",
            "notify_deleted",
            "other",
        ] {
            let calls = one.file("calls").display().to_string();
            // One write a call: two at once don't mix.
            write_script(&one.file(script), &format!("echo \"{script}: $*\" >>{calls}"));
        }
        let fifo = Fifo::make(&one.file("fifo"));
        let capture = Capture::start(&one);
        Self {
            one,
            two,
            lab,
            program,
            director: None,
            peer: None,
            globals: String::new(),
            with_sysctls: false,
            quiet: QUIET,
            capture,
            fifo,
            transcript,
            seen: Seen::default(),
        }
    }

    /// Lines for `global_defs` of the host under test.
    pub(super) fn globals(&mut self, lines: &str) {
        self.globals = lines.to_owned();
    }

    /// The parameters of interfaces are a part of the record from now on.
    pub(super) fn with_sysctls(&mut self) {
        self.with_sysctls = true;
    }

    /// It is quiet when nothing was seen to change for so long.
    pub(super) fn quiet(&mut self, quiet: Duration) {
        self.quiet = quiet;
    }

    /// A second network, on a switch of its own: an interface and its address on each host.
    pub(super) fn network(&self, name: &str, one: &str, two: &str) {
        self.connect(name, one);
        self.two.connect_further(name, two);
    }

    /// The host under test alone is connected to the second network.
    pub(super) fn connect(&self, name: &str, address: &str) {
        self.one.connect_further(name, address);
    }

    /// The path of a file of the host under test.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.one.file(name)
    }

    /// Writes a file; it is there as a whole or not at all.
    pub(super) fn write(&self, name: &str, text: &str) {
        let (path, new) = (self.path(name), self.path("new"));
        fs::write(&new, text).expect("write a file");
        fs::rename(new, path).expect("put a file in its place");
    }

    /// Writes to a file as a shell does: it stays the same one, and is empty for a moment.
    pub(super) fn overwrite(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("write to a file");
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("remove a file");
    }

    /// A program for the host under test; `{dir}` in it begins the paths of its files.
    pub(super) fn script(&self, name: &str, body: &str) {
        write_script(&self.path(name), &self.fill(body));
    }

    fn fill(&self, text: &str) -> String {
        let dir = self.lab.dir().join("one-").display().to_string();
        text.replace("{notify}", NOTIFY).replace("{globals}", &self.globals).replace("{dir}", &dir)
    }

    /// Starts the program under test.
    #[track_caller]
    pub(super) fn start(&mut self, config: &str) {
        let config = self.fill(&format!("{GLOBALS}{config}"));
        self.director = Some(Director::start(self.program, &self.one, Path::new(VIPD), &config, &[]));
    }

    /// Starts keepalived on the other host.
    #[track_caller]
    pub(super) fn peer(&mut self, config: &str) {
        let globals = "global_defs {\n  router_id peer\n  script_user root\n  vrrp_garp_master_repeat 1\n  vrrp_garp_master_delay 0\n}\n";
        let config = format!("{globals}{config}");
        self.peer =
            Some(Director::start(Implementation::Keepalived, &self.two, Path::new(VIPD), &config, &[]));
    }

    /// Ends keepalived on the other host.
    pub(super) fn peer_stops(&mut self) {
        if let Some(peer) = self.peer.take() {
            peer.terminate();
        }
    }

    /// Kills keepalived on the other host.
    pub(super) fn peer_dies(&mut self) {
        if let Some(peer) = self.peer.take() {
            peer.kill();
        }
    }

    /// Gives the program under test another configuration.
    pub(super) fn reload(&self, config: &str) {
        let director = self.director.as_ref().expect("it was started");
        director.reload(&self.fill(&format!("{GLOBALS}{config}")));
    }

    /// Ends the program under test.
    #[track_caller]
    pub(super) fn stop(&mut self) {
        if let Some(director) = self.director.take() {
            director.terminate();
        }
    }

    /// Kills all processes of the program under test.
    pub(super) fn kill(&mut self) {
        if let Some(director) = self.director.take() {
            director.kill();
        }
    }

    /// Takes the other host's cable to another switch: both keep their carrier and hear nothing of each other.
    pub(super) fn part(&self) {
        self.two.away_from_the_switch(true);
    }

    /// And back.
    pub(super) fn join(&self) {
        self.two.away_from_the_switch(false);
    }

    /// Runs a command line on the host under test.
    #[track_caller]
    pub(super) fn run(&self, line: &str) -> String {
        self.one.run(line)
    }

    /// Waits until the FIFO has had this line since the last pause.
    #[track_caller]
    pub(super) fn told(&self, line: &str) {
        wait_for(format_args!("the line {line} in the FIFO"), LIMIT, || {
            let lines = self.fifo.lines();
            let new = &lines[self.seen.lines..];
            if new.iter().any(|l| l == line) { Ok(()) } else { Err(new.join("\n")) }
        });
    }

    /// Waits until the host under test has an address, or has it no more.
    #[track_caller]
    pub(super) fn has(&self, address: &str, expected: bool) {
        wait_for(format_args!("{address} on one: {expected}"), LIMIT, || {
            let shown = self.one.run("ip -o address show");
            if shown.contains(&format!(" {address}/")) == expected { Ok(()) } else { Err(shown) }
        });
    }

    /// Waits until the other host has an address.
    #[track_caller]
    pub(super) fn peer_has(&self, address: &str, expected: bool) {
        wait_for(format_args!("{address} on two: {expected}"), LIMIT, || {
            let shown = self.two.run("ip -o address show");
            if shown.contains(&format!(" {address}/")) == expected { Ok(()) } else { Err(shown) }
        });
    }

    /// Waits until a command on the host under test prints this.
    #[track_caller]
    pub(super) fn shows(&self, command: &str, text: &str, expected: bool) {
        wait_for(format_args!("{text} in {command}: {expected}"), LIMIT, || {
            let shown = self.one.run(command);
            if shown.contains(text) == expected { Ok(()) } else { Err(shown) }
        });
    }

    /// Waits until nothing changes any more, and writes down what was told since the last pause and what there is.
    #[track_caller]
    pub(super) fn pause(&mut self, name: &str) {
        let start = Instant::now();
        let mut last = self.look();
        let mut since = Instant::now();
        while since.elapsed() < self.quiet {
            thread::sleep(Duration::from_millis(100));
            let now = self.look();
            if now != last {
                assert!(
                    start.elapsed() < LIMIT + 2 * self.quiet,
                    "at {name}: it does not become quiet: {last:?} {now:?}"
                );
                (last, since) = (now, Instant::now());
            }
        }
        let (lines, calls, kernel, _) = last;
        let frames = self.capture.frames();
        let mut text = format!("== {name}\n");
        record::lines(&mut text, &lines[self.seen.lines..]);
        record::calls(&mut text, &calls[self.seen.calls..]);
        record::frames(&mut text, &frames, self.seen.frames, self.one.mac(), self.two.mac());
        let _ = write!(text, "{kernel}");
        self.seen = Seen { lines: lines.len(), calls: calls.len(), frames: frames.len() };
        let text = text.replace(&self.lab.dir().display().to_string(), "DIR");
        self.transcript.lock().expect("no panic while held").push_str(&text);
    }

    fn look(&self) -> (Vec<String>, Vec<String>, Kernel, usize) {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let calls = calls.lines().map(str::to_owned).collect();
        let announced = record::announced(&self.capture.frames(), self.two.mac());
        (self.fifo.lines(), calls, Kernel::read(&self.one, self.with_sysctls), announced)
    }

    /// The end of every story: the program under test stops, if it still runs.
    #[track_caller]
    pub(super) fn end(&mut self) {
        if self.director.is_some() {
            self.stop();
            self.pause("stopped");
        }
    }
}

fn write_script(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/sh\n{body}\n")).expect("write a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("make it executable");
}

/// A FIFO that is there before any daemon, and what was written to it. Nothing is lost over a restart or a reload.
struct Fifo {
    lines: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fifo {
    fn make(path: &Path) -> Self {
        nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o644)).expect("make a FIFO");
        // Opened for writing as well: it has no end then.
        let mut file: File = File::options()
            .read(true)
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(path)
            .expect("open a FIFO");
        let (lines, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (lines, stop) = (Arc::clone(&lines), Arc::clone(&stop));
            move || {
                let (mut room, mut rest) = ([0; 4096], String::new());
                while !stop.load(Ordering::Relaxed) {
                    // The stop is looked at now and then.
                    let mut waits = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
                    if nix::poll::poll(&mut waits, 100_u16).is_ok_and(|ready| ready > 0)
                        && let Ok(count) = file.read(&mut room)
                    {
                        rest.push_str(&String::from_utf8_lossy(&room[..count]));
                    }
                    while let Some((line, more)) = rest.split_once('\n') {
                        lines.lock().expect("no panic while held").push(line.to_owned());
                        rest = more.to_owned();
                    }
                }
            }
        });
        Self { lines, stop, thread: Some(thread) }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic while held").clone()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
