//! The program under test on its host: its configuration and files, what it tells, and what is written down of that.

use super::super::director::{Director, Implementation};
use super::super::host::Host;
use super::super::wait::wait_for;
use super::fifo::Fifo;
use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// A condition is waited for so long.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// Scripts have this time to begin behind the lines that go with them, on a busy machine.
const SCRIPTS: Duration = Duration::from_secs(5);
/// How often it is looked whether something changes.
const EVERY: Duration = Duration::from_millis(100);

/// The program under test, its host and its files.
pub(crate) struct Subject<'a> {
    pub(crate) host: Host,
    program: Implementation,
    vipd: &'static Path,
    options: &'static [&'static str],
    director: Option<Director>,
    fifo: Fifo,
    /// What stands for what in configurations and scripts, in this order.
    words: Vec<(&'static str, String)>,
    transcript: &'a Mutex<String>,
    seen: Seen,
}

/// How much of everything is in the transcript already.
#[derive(Clone, Copy, Default)]
struct Seen {
    lines: usize,
    calls: usize,
}

/// What it has told: lines of the FIFO, and calls of scripts.
type Told = (Vec<String>, Vec<String>);

impl<'a> Subject<'a> {
    /// `vipd` is the program of that name, `options` are for either program. The file `fifo` of the host is a FIFO; what
    /// scripts write to `calls` is written down.
    pub(crate) fn new(
        host: Host,
        program: Implementation,
        vipd: &'static str,
        options: &'static [&'static str],
        transcript: &'a Mutex<String>,
    ) -> Self {
        let fifo = Fifo::make(&host.file("fifo"));
        let words = vec![("{dir}", host.file("").display().to_string())];
        let vipd = Path::new(vipd);
        Self { host, program, vipd, options, director: None, fifo, words, transcript, seen: Seen::default() }
    }

    /// A word in braces, and what it stands for from now on; there may be other such words in that.
    pub(crate) fn word(&mut self, word: &'static str, text: impl Into<String>) {
        self.words.retain(|(known, _)| *known != word);
        self.words.insert(0, (word, text.into()));
    }

    /// A text with what its words in braces stand for.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning))
    }

    /// The path of a file of the host under test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.host.file(name)
    }

    /// Writes a file; it is there as a whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let (path, new) = (self.path(name), self.path("new"));
        fs::write(&new, text).expect("write a file");
        fs::rename(new, path).expect("put a file in its place");
    }

    /// Writes to a file as a shell does: it stays the same one, and is empty for a moment.
    pub(crate) fn overwrite(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("write to a file");
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("remove a file");
    }

    /// A program for the host under test.
    pub(crate) fn script(&self, name: &str, body: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{}\n", self.fill(body))).expect("write a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    }

    /// Starts the program under test.
    #[track_caller]
    pub(crate) fn start(&mut self, config: &str) {
        let config = self.fill(config);
        self.director = Some(Director::start(self.program, &self.host, self.vipd, &config, self.options));
    }

    /// Gives the program under test another configuration.
    pub(crate) fn reload(&self, config: &str) {
        self.director().reload(&self.fill(config));
    }

    /// The program under test, as long as it runs.
    pub(crate) fn director(&self) -> &Director {
        self.director.as_ref().expect("it was started")
    }

    pub(crate) fn runs(&self) -> bool {
        self.director.is_some()
    }

    /// Ends the program under test.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        if let Some(director) = self.director.take() {
            director.terminate();
        }
    }

    /// Kills all processes of the program under test.
    pub(crate) fn kill(&mut self) {
        if let Some(director) = self.director.take() {
            director.kill();
        }
    }

    /// Runs a command line on the host under test.
    #[track_caller]
    pub(crate) fn run(&self, line: &str) -> String {
        self.host.run(line)
    }

    /// Waits until the FIFO has had this line since the last pause.
    #[track_caller]
    pub(crate) fn told(&self, line: &str) {
        wait_for(format_args!("the line {line} in the FIFO"), LIMIT, || {
            let lines = self.fifo.lines();
            let new = &lines[self.seen.lines..];
            if new.iter().any(|l| l == line) { Ok(()) } else { Err(new.join("\n")) }
        });
    }

    /// Waits until as many scripts have been called since the last pause as the FIFO has had lines: for those whose every
    /// line goes with a script. Some time is enough, since the transcript tells what was missing.
    pub(crate) fn scripts_are_called(&self) {
        let start = Instant::now();
        while start.elapsed() < SCRIPTS {
            let (lines, calls) = self.heard();
            if lines.len() - self.seen.lines <= calls.len() - self.seen.calls {
                return;
            }
            thread::sleep(EVERY);
        }
    }

    /// Waits until a command on the host under test prints this.
    #[track_caller]
    pub(crate) fn shows(&self, command: &str, text: &str, expected: bool) {
        wait_for(format_args!("{text} in {command}: {expected}"), LIMIT, || {
            let shown = self.host.run(command);
            if shown.contains(text) == expected { Ok(()) } else { Err(shown) }
        });
    }

    /// Waits until nothing has changed for so long, neither what it tells nor what `look` sees, and writes down what was
    /// told since the last pause. What `look` saw is the caller's to write, with [`Subject::record`].
    #[track_caller]
    pub(crate) fn quiet<T: PartialEq + Debug>(
        &mut self,
        name: &str,
        quiet: Duration,
        look: impl Fn(&Self) -> T,
    ) -> T {
        let start = Instant::now();
        let mut last = (self.heard(), look(self));
        let mut since = Instant::now();
        while since.elapsed() < quiet {
            thread::sleep(EVERY);
            let now = (self.heard(), look(self));
            if now != last {
                assert!(
                    start.elapsed() < LIMIT + 2 * quiet,
                    "at {name}: it does not become quiet: {last:?} {now:?}"
                );
                (last, since) = (now, Instant::now());
            }
        }
        let ((lines, calls), seen) = last;
        let mut text = format!("== {name}\n");
        write_lines(&mut text, &lines[self.seen.lines..]);
        write_calls(&mut text, &calls[self.seen.calls..]);
        self.seen = Seen { lines: lines.len(), calls: calls.len() };
        self.record(&text);
        seen
    }

    /// Adds to the transcript.
    pub(crate) fn record(&self, text: &str) {
        let (dir, name) = (self.host.file(""), "DIR");
        let dir = dir.parent().expect("a file is in a directory").display().to_string();
        self.transcript.lock().expect("no panic while held").push_str(&text.replace(&dir, name));
    }

    fn heard(&self) -> Told {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        (self.fifo.lines(), calls.lines().map(str::to_owned).collect())
    }
}

/// Lines of the FIFO, in their order for each object.
fn write_lines(text: &mut String, lines: &[String]) {
    let mut objects: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        objects.entry(object_of(line)).or_default().push(line);
    }
    for line in objects.into_values().flatten() {
        let _ = writeln!(text, "fifo: {line}");
    }
}

/// What a line is about: without its state, and without the priority where it is one of VRRP.
fn object_of(line: &str) -> &str {
    let is_lvs = line.starts_with("VS ") || line.starts_with("RS ");
    let words = if is_lvs { 1 } else { 2 };
    line.rsplitn(words + 1, ' ').nth(words).unwrap_or(line)
}

/// Calls of scripts, sorted: keepalived starts two of them at once, and either may be the first to write.
fn write_calls(text: &mut String, calls: &[String]) {
    let mut calls = calls.to_vec();
    calls.sort();
    for call in calls {
        let _ = writeln!(text, "call: {call}");
    }
}
