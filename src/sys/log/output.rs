//! One of the places that log lines go to: its queue, the form of its lines, and the thread that writes them.

use super::queue::{LIMIT, Queue};
use super::stream::{Stream, Target};
use super::syslog::{Facility, Syslog};
use super::text;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing::Level;

/// A syslog that was missing is looked for so often, while lines wait for it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The writers keep little on their stacks.
const STACK: usize = 128 * 1024;

/// An output.
pub(super) struct Output {
    form: Form,
    queue: Arc<Queue>,
    /// Until its thread has it.
    sink: Mutex<Option<Sink>>,
}

/// How lines look there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Console,
    File,
    Syslog(Facility),
}

enum Sink {
    Stream(Stream),
    Syslog(Syslog),
}

/// Who speaks, and when: what each output has in a form of its own.
pub(super) struct Origin<'a> {
    pub(super) level: Level,
    pub(super) seconds: i64,
    pub(super) tag: &'a str,
}

impl Output {
    /// Standard error.
    pub(super) fn console() -> Output {
        Output::new(Form::Console, Sink::Stream(Stream::new(Target::Stderr(io::stderr()))), LIMIT)
    }

    /// A file that is open for appending.
    pub(super) fn file(file: File) -> Output {
        Output::new(Form::File, Sink::Stream(Stream::new(Target::File(file))), LIMIT)
    }

    /// The syslog that listens at `path`.
    pub(super) fn syslog(facility: Facility, path: PathBuf) -> Output {
        Output::new(Form::Syslog(facility), Sink::Syslog(Syslog::new(path)), LIMIT)
    }

    fn new(form: Form, sink: Sink, limit: usize) -> Output {
        Output { form, queue: Arc::new(Queue::new(limit)), sink: Mutex::new(Some(sink)) }
    }

    /// Whether this is the terminal, or what stands for it.
    pub(super) fn is_console(&self) -> bool {
        self.form == Form::Console
    }

    /// Lets the message be written with the next [`Output::wake`].
    pub(super) fn add(&self, origin: &Origin<'_>, message: &str) {
        self.queue.push(self.form.line(origin, message).as_bytes());
    }

    /// Lets what was added be written, without waiting for that.
    pub(super) fn wake(&self) {
        self.queue.wake();
    }

    /// Forgets what is not written yet.
    pub(super) fn clear(&self) {
        self.queue.clear();
    }

    /// Starts the thread that writes, if it does not run. It says under `tag` what was lost.
    pub(super) fn start(&self, tag: String) {
        let Some(sink) = self.sink.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let writer = Writer { form: self.form, queue: Arc::clone(&self.queue), sink, tag };
        // The thread inherits it: signals are for those who wait for them.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
        // Without a thread left, the lines wait and are lost: nobody could be told of that either.
        if std::thread::Builder::new()
            .name("log".to_owned())
            .stack_size(STACK)
            .spawn(|| writer.run())
            .is_err()
        {
            self.queue.limit_from_now();
        }
        if let Ok(before) = before {
            let _ = before.thread_set_mask();
        }
    }

    /// Waits until everything is written, but not for ever; whether it is.
    pub(super) fn wait_until_written(&self, patience: Duration) -> bool {
        self.queue.wait_until_written(patience)
    }
}

impl Form {
    fn line(self, origin: &Origin<'_>, message: &str) -> String {
        let Origin { level, seconds, tag } = *origin;
        match self {
            Form::Console => format!("{}: {message}\n", text::date(seconds)),
            Form::File => format!("{}: {tag}: {message}\n", text::date(seconds)),
            Form::Syslog(facility) => format!("{}{message}\n", facility.head(level, seconds, tag)),
        }
    }

    /// Why lines were lost that nobody took.
    fn unread(self) -> &'static str {
        match self {
            Form::Console => "nobody reads standard error",
            Form::File => "the log file takes no more",
            Form::Syslog(_) => "syslog takes no more",
        }
    }
}

/// What the thread has.
struct Writer {
    form: Form,
    queue: Arc<Queue>,
    sink: Sink,
    tag: String,
}

impl Writer {
    fn run(mut self) {
        let mut lines = Vec::new();
        let mut loss = Loss::default();
        loop {
            let unread = self.queue.take(&mut lines, self.sink.keeps_any().then_some(LOOK_AGAIN));
            self.tell(&mut loss);
            if let Err((lost, error)) = self.sink.write(&lines) {
                loss.add(lost, &reason(&error));
            }
            if unread > 0 {
                loss.add(unread, self.form.unread());
                self.tell(&mut loss);
            }
        }
    }

    /// Says what was lost, as soon as there is room for that.
    fn tell(&mut self, loss: &mut Loss) {
        let Some(message) = loss.message() else { return };
        let origin = Origin { level: Level::WARN, seconds: super::now(), tag: &self.tag };
        if self.sink.write(self.form.line(&origin, &message).as_bytes()).is_ok() {
            *loss = Loss::default();
        }
    }
}

/// Lines that are lost, and nobody was told yet.
#[derive(Default)]
struct Loss {
    lines: u64,
    /// That of the latest.
    cause: String,
}

impl Loss {
    fn add(&mut self, lines: u64, cause: &str) {
        self.lines += lines;
        cause.clone_into(&mut self.cause);
    }

    fn message(&self) -> Option<String> {
        match self.lines {
            0 => None,
            1 => Some(format!("1 line was lost: {}", self.cause)),
            lines => Some(format!("{lines} lines were lost: {}", self.cause)),
        }
    }
}

/// The error in the kernel's words, without its number.
fn reason(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| Errno::from_raw(code).desc().to_owned())
}

impl Sink {
    /// Whether lines wait in it, which go as soon as there is somebody to take them.
    fn keeps_any(&self) -> bool {
        match self {
            Sink::Stream(_) => false,
            Sink::Syslog(syslog) => syslog.keeps_any(),
        }
    }

    /// An error tells how many of the lines have not gone.
    fn write(&mut self, lines: &[u8]) -> Result<(), (u64, io::Error)> {
        match self {
            Sink::Stream(stream) => stream.write(lines),
            Sink::Syslog(syslog) => syslog.write(lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, PipeReader};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixDatagram;

    /// For what a loaded machine may take its time with.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn pipe(limit: usize) -> (BufReader<PipeReader>, Output) {
        let (reader, writer) = io::pipe().unwrap();
        let stream = Stream::new(Target::File(OwnedFd::from(writer).into()));
        (BufReader::new(reader), Output::new(Form::Console, Sink::Stream(stream), limit))
    }

    fn say(output: &Output, message: &str) {
        output.add(&Origin { level: Level::INFO, seconds: 0, tag: "test[1]" }, message);
        output.wake();
    }

    /// The next line without its date.
    fn message(reader: &mut impl BufRead) -> String {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line["Thu Jan  1 00:00:00 1970: ".len()..].trim_end().to_owned()
    }

    #[test]
    fn a_pipe_that_nobody_reads_keeps_nobody_waiting_and_every_line_is_accounted_for() {
        const LINES: u64 = 20_000;
        // More than the 64 KiB that the pipe holds.
        let (mut reader, output) = pipe(128 * 1024);
        output.start("test[1]".to_owned());
        // Once the writer has begun, the limit counts.
        say(&output, "it begins");
        assert!(output.wait_until_written(PATIENCE));
        assert_eq!(message(&mut reader), "it begins");
        // More than a mebibyte: it comes back from here all the same.
        (0..LINES).for_each(|number| say(&output, &format!("line {number} of a thousand deaths")));
        assert!(!output.wait_until_written(Duration::ZERO));
        let (mut next, mut losses) = (0, 0);
        while next < LINES {
            let message = message(&mut reader);
            let (first, rest) = message.split_once(' ').unwrap();
            if let Ok(lost) = first.parse::<u64>() {
                assert!(rest.ends_with("lost: nobody reads standard error"), "{message}");
                next += lost;
                losses += 1;
            } else {
                assert_eq!(message, format!("line {next} of a thousand deaths"));
                next += 1;
            }
        }
        assert!(losses > 0);
        say(&output, "and on it goes");
        assert_eq!(message(&mut reader), "and on it goes");
    }

    #[test]
    fn lines_that_were_said_before_there_was_a_writer_come_first_however_many() {
        let (mut reader, output) = pipe(16);
        (0..100).for_each(|number| say(&output, &number.to_string()));
        output.start("test[1]".to_owned());
        (0..100).for_each(|number| assert_eq!(message(&mut reader), number.to_string()));
    }

    #[test]
    fn a_full_disk_keeps_nobody_waiting() {
        let output = Output::file(File::options().write(true).open("/dev/full").unwrap());
        say(&output, "one");
        output.start("test[1]".to_owned());
        (0..1000).for_each(|_| say(&output, "more"));
        assert!(output.wait_until_written(PATIENCE), "all is tried, and lost");
    }

    /// What a server gets, message by message.
    fn received(server: &UnixDatagram) -> String {
        let mut buffer = [0; 2000];
        let length = server.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn lines_wait_for_a_syslog_that_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let output = Output::syslog(Facility::Daemon, path.clone());
        say(&output, "one");
        output.start("vipd[7]".to_owned());
        assert!(output.wait_until_written(PATIENCE), "nobody waits for a syslog that does not come");
        let server = UnixDatagram::bind(&path).unwrap();
        // Nothing more is said.
        let date = text::syslog_date(0);
        assert_eq!(received(&server), format!("<30>{date} test[1]: one"));
    }

    #[test]
    fn a_loss_is_told_with_its_cause_before_the_next_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let output = Output::syslog(Facility::Daemon, path.clone());
        (0..258).for_each(|number| say(&output, &number.to_string()));
        output.start("vipd[7]".to_owned());
        assert!(output.wait_until_written(PATIENCE));
        let server = UnixDatagram::bind(&path).unwrap();
        say(&output, "three");
        (0..256).for_each(|number| assert!(received(&server).ends_with(&format!(" test[1]: {number}"))));
        let loss = received(&server);
        assert!(loss.starts_with("<28>"), "a warning: {loss}");
        assert!(loss.ends_with(" vipd[7]: 2 lines were lost: No such file or directory"), "{loss}");
        assert!(received(&server).ends_with(" test[1]: three"));
    }

    #[test]
    fn a_syslog_that_does_not_read_keeps_nobody_waiting_and_a_new_one_hears_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let hung = UnixDatagram::bind(&path).unwrap();
        let sink = Sink::Syslog(Syslog::new(path.clone()));
        let output = Output::new(Form::Syslog(Facility::User), sink, 4096);
        output.start("test[1]".to_owned());
        // Once the writer has begun, the limit counts.
        say(&output, "it begins");
        assert!(output.wait_until_written(PATIENCE));
        (0..10_000).for_each(|number| say(&output, &number.to_string()));
        assert!(!output.wait_until_written(Duration::ZERO));
        let new = dir.path().join("new");
        let server = UnixDatagram::bind(&new).unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        std::fs::rename(&new, &path).unwrap();
        drop(hung);
        let mut buffer = [0; 2000];
        loop {
            let length = server.recv(&mut buffer).unwrap();
            if String::from_utf8_lossy(&buffer[..length]).contains(" lines were lost: syslog takes no more") {
                break;
            }
        }
    }

    #[test]
    fn one_line_is_one() {
        let mut loss = Loss::default();
        assert_eq!(loss.message(), None);
        loss.add(1, "why");
        assert_eq!(loss.message().unwrap(), "1 line was lost: why");
        loss.add(1, "why else");
        assert_eq!(loss.message().unwrap(), "2 lines were lost: why else");
    }

    #[test]
    fn a_reader_that_is_gone_keeps_nobody_waiting() {
        let (reader, output) = pipe(4096);
        drop(reader);
        output.start("test[1]".to_owned());
        (0..1000).for_each(|_| say(&output, "more"));
        assert!(output.wait_until_written(PATIENCE));
    }
}
