//! The stage of a story: two hosts on one switch, the program under test on `one`, keepalived on `two`.

use super::record::{self, Kernel};
use crate::VIPD;
use crate::support::story::{LIMIT, Subject};
use crate::support::{Capture, Director, Host, Implementation, Lab, wait_for};
use std::fmt::Write as _;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

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

/// The stage. What the program under test can do by itself is its [`Subject`]'s.
pub(super) struct Stage<'a> {
    pub(super) one: Host,
    pub(super) two: Host,
    subject: Subject<'a>,
    peer: Option<Director>,
    with_sysctls: bool,
    quiet: Duration,
    capture: Capture,
    /// How many frames are in the transcript already.
    seen: usize,
}

impl<'a> Deref for Stage<'a> {
    type Target = Subject<'a>;

    fn deref(&self) -> &Subject<'a> {
        &self.subject
    }
}

impl DerefMut for Stage<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.subject
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(lab: &Lab, program: Implementation, transcript: &'a Mutex<String>) -> Self {
        let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
        let mut subject = Subject::new(one.clone(), program, VIPD, &[], transcript);
        subject.word("{globals}", "");
        subject.word("{notify}", NOTIFY);
        for script in [
            "notify",
            "notify_master",
            "notify_backup",
            "notify_fault",
            "notify_stop",
            "notify_deleted",
            "other",
        ] {
            // One write a call: two at once don't mix.
            subject.script(script, &format!("echo \"{script}: $*\" >>{{dir}}calls"));
        }
        let capture = Capture::start(&one);
        Self { one, two, subject, peer: None, with_sysctls: false, quiet: QUIET, capture, seen: 0 }
    }

    /// Lines for `global_defs` of the host under test.
    pub(super) fn globals(&mut self, lines: &str) {
        self.word("{globals}", lines);
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

    /// Starts the program under test.
    #[track_caller]
    pub(super) fn start(&mut self, config: &str) {
        self.subject.start(&format!("{GLOBALS}{config}"));
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
        self.subject.reload(&format!("{GLOBALS}{config}"));
    }

    /// Takes the other host's cable to another switch: both keep their carrier and hear nothing of each other.
    pub(super) fn part(&self) {
        self.two.away_from_the_switch(true);
    }

    /// And back.
    pub(super) fn join(&self) {
        self.two.away_from_the_switch(false);
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

    /// Waits until nothing changes any more, and writes down what was told since the last pause and what there is.
    #[track_caller]
    pub(super) fn pause(&mut self, name: &str) {
        let Self { subject, capture, with_sysctls, quiet, two, .. } = self;
        let (kernel, _) = subject.quiet(name, *quiet, |subject| {
            let announced = record::announced(&capture.frames(), two.mac());
            (Kernel::read(&subject.host, *with_sysctls), announced)
        });
        let frames = capture.frames();
        let mut text = String::new();
        record::frames(&mut text, &frames, self.seen, self.one.mac(), two.mac());
        let _ = write!(text, "{kernel}");
        self.seen = frames.len();
        self.subject.record(&text);
    }

    /// The end of every story: the program under test stops, if it still runs.
    #[track_caller]
    pub(super) fn end(&mut self) {
        if self.runs() {
            self.stop();
            self.pause("stopped");
        }
    }
}
