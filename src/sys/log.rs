//! Where log lines go: standard error in keepalived's form, syslog, a file.
//!
//! One [`tracing`] layer for all three. A line is one line: control characters that came from outside (a packet, a
//! server's answer, a file name) are escaped, so nobody can forge a second one.
//!
//! No output ever stops the program, be it a pipe that nobody reads, a full disk or a syslog that hangs: a line goes into
//! a piece of memory, and a thread for each output writes from there. What finds no room is lost, and the output is told
//! how much that was as soon as it takes lines again.
//!
//! A process that may still fork has no threads yet: its lines wait until [`write_in_background`].

mod output;
mod queue;
mod stream;
mod syslog;
mod text;

pub use syslog::Facility;
pub use text::without_error_numbers;
pub(super) use text::{date, mail_date};

use nix::time::{ClockId, clock_gettime};
use output::{Origin, Output};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// At its end the process waits so long for outputs that are slow.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// And so long before another process begins to write there: no start waits longer for a pipe that nobody reads.
const FIRST_WORDS: Duration = Duration::from_millis(200);

/// What this process logs to.
static OUTPUTS: OnceLock<Outputs> = OnceLock::new();

/// Which outputs a process writes to, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Who speaks, in syslog and files: `Keepalived_vrrp`.
    pub tag: String,
    /// `-l`: standard error.
    pub console: bool,
    /// `-S`, `-G`: syslog's facility, or no syslog.
    pub syslog: Option<Facility>,
    /// `-g`: a file, appended to.
    pub file: Option<PathBuf>,
    /// `-D`: debug messages.
    pub detail: bool,
    /// `--log-detail-of`: those of these VRRP instances alone.
    pub detail_of: Vec<String>,
}

/// Directs the log lines of the whole process from now on. The first call of a process counts.
///
/// The lines wait until [`write_in_background`] or [`flush`].
///
/// # Errors
/// The file can't be opened; the other outputs work all the same, and the error should go there.
pub fn start(settings: &Settings) -> io::Result<()> {
    let (file, outcome) = match settings.file.as_deref().map(stream::open).transpose() {
        Ok(file) => (file, Ok(())),
        Err(error) => (None, Err(error)),
    };
    let console = settings.console.then(Output::console);
    let syslog = settings.syslog.map(|facility| Output::syslog(facility, Path::new("/dev/log").to_owned()));
    let all = [console, file.map(Output::file), syslog];
    let outputs = Outputs {
        name: Arc::new(RwLock::new(settings.tag.clone())),
        detail: settings.detail,
        detail_of: settings.detail_of.as_slice().into(),
        all: all.into_iter().flatten().collect(),
    };
    let detail = settings.detail || !settings.detail_of.is_empty();
    let level = if detail { LevelFilter::DEBUG } else { LevelFilter::INFO };
    // They fail where a test of the same process was first.
    let _ = OUTPUTS.set(outputs.clone());
    let _ = tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(outputs.with_filter(level)),
    );
    outcome
}

/// From now on this process speaks under another name than [`start`] has given it.
pub fn rename(tag: &str) {
    if let Some(mut name) = OUTPUTS.get().and_then(|outputs| outputs.name.write().ok()) {
        tag.clone_into(&mut name);
    }
}

/// Starts the threads that write the lines. Call it when this process does not fork any more, and has given up the
/// capabilities that it does not need: the threads have what it has.
pub fn write_in_background() {
    if let Some(outputs) = OUTPUTS.get() {
        outputs.start();
    }
}

/// Writes what waits, but gives an output that is slow half a second: for the end of a process, which would take its
/// last words with it.
pub fn flush() {
    if let Some(outputs) = OUTPUTS.get() {
        outputs.start();
        outputs.wait_until_written(LAST_WORDS);
    }
}

/// Waits until what was said is written, but not for outputs that are slow: another process begins to write there, and the
/// lines should stand in their order. Writes nothing itself: call [`write_in_background`] before.
pub fn go_first() {
    if let Some(outputs) = OUTPUTS.get() {
        outputs.wait_until_written(FIRST_WORDS);
    }
}

/// Calls [`flush`] when it goes.
#[derive(Debug)]
pub struct FlushAtEnd;

impl Drop for FlushAtEnd {
    fn drop(&mut self) {
        flush();
    }
}

/// After a fork, in the process that leaves the rest to the other one: the terminal is told what it waits for, and this
/// process says no more elsewhere.
pub fn flush_console_only() {
    if let Some(outputs) = OUTPUTS.get() {
        outputs.all.iter().filter(|output| !output.is_console()).for_each(Output::clear);
        outputs.start();
        outputs.wait_until_written(LAST_WORDS);
    }
}

/// After a fork, in the process that goes on without a terminal: its lines are the other one's to write.
pub fn forget_console() {
    if let Some(outputs) = OUTPUTS.get() {
        outputs.all.iter().filter(|output| output.is_console()).for_each(Output::clear);
    }
}

#[derive(Clone)]
struct Outputs {
    name: Arc<RwLock<String>>,
    detail: bool,
    detail_of: Arc<[String]>,
    all: Arc<[Output]>,
}

/// Marks a span that detail is asked for. What it names stands in the messages already.
struct InDetail;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Outputs {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id).filter(|_| text::names_one_of(attributes, &self.detail_of)) {
            span.extensions_mut().insert(InDetail);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let in_detail = || {
            let mut spans = context.event_scope(event).into_iter().flatten();
            self.detail || spans.any(|span| span.extensions().get::<InDetail>().is_some())
        };
        if *event.metadata().level() > Level::INFO && !in_detail() {
            return;
        }
        let mut line = text::Line::default();
        event.record(&mut line);
        let tag = self.tag();
        let origin = Origin { level: *event.metadata().level(), seconds: now(), tag: &tag };
        let message = line.into_text();
        self.all.iter().for_each(|output| output.add(&origin, &message));
        match COLLECTED.get() {
            Collected::Never => self.all.iter().for_each(Output::wake),
            Collected::Nothing | Collected::Lines => COLLECTED.set(Collected::Lines),
        }
    }
}

/// What waits of this thread's lines for [`deliver`].
#[derive(Clone, Copy)]
enum Collected {
    /// They wait for nothing.
    Never,
    Nothing,
    Lines,
}

thread_local! {
    static COLLECTED: Cell<Collected> = const { Cell::new(Collected::Never) };
}

/// From now on this thread's lines are written when it calls [`deliver`]: each waking of a thread that writes costs time,
/// which whoever takes over addresses does not have.
pub fn collect() {
    COLLECTED.set(Collected::Nothing);
}

/// Lets what was [collected](collect) be written, without waiting for that.
pub fn deliver() {
    if let (Collected::Lines, Some(outputs)) = (COLLECTED.get(), OUTPUTS.get()) {
        COLLECTED.set(Collected::Nothing);
        outputs.all.iter().for_each(Output::wake);
    }
}

impl Outputs {
    /// Asked for each time: the daemon starts to log before it forks.
    fn tag(&self) -> String {
        let name = self.name.read().map(|name| name.clone()).unwrap_or_default();
        format!("{name}[{}]", std::process::id())
    }

    fn start(&self) {
        self.all.iter().for_each(|output| output.start(self.tag()));
    }

    fn wait_until_written(&self, patience: Duration) {
        // One that is stuck costs the others nothing: they have written meanwhile.
        self.all.iter().for_each(|output| {
            output.wait_until_written(patience);
        });
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |now| now.tv_sec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::subscriber::with_default;

    fn logged(detail: bool, of: &[&str], speak: impl FnOnce()) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let output = Output::file(stream::open(file.path()).unwrap());
        let detail_of = of.iter().map(|&name| name.to_owned()).collect();
        let name = Arc::new(RwLock::new("test".to_owned()));
        let outputs = Outputs { name, detail, detail_of, all: Arc::new([output]) };
        with_default(tracing_subscriber::registry().with(outputs.clone()), speak);
        outputs.start();
        assert!(outputs.all[0].wait_until_written(Duration::from_secs(60)));
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[test]
    fn one_event_is_one_line_whatever_it_contains() {
        let all =
            logged(false, &[], || tracing::info!(peer = %"a\nSat: test[1]: forged\x1b[2J", "Discarded"));
        let (date, message) = all.split_once(&format!(": test[{}]: ", std::process::id())).unwrap();
        assert_eq!(date.len(), "Sat Nov 21 00:00:00 2026".len());
        assert_eq!(message, "Discarded peer=a\\nSat: test[1]: forged\\u{1b}[2J\n");
    }

    #[test]
    fn lines_that_were_collected_are_written_in_their_order() {
        let all = logged(false, &[], || {
            tracing::info!("before");
            collect();
            tracing::info!("one");
            tracing::info!("two");
        });
        let said: Vec<&str> = all.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(said, ["before", "one", "two"], "nobody delivers them, but who ends waits for them");
    }

    #[test]
    fn detail_may_be_asked_for_by_name() {
        let speak = || {
            for name in ["VI_1", "VI_2"] {
                let _in = tracing::info_span!("vrrp", instance = name).entered();
                tracing::debug!("({name}) sent 0 priority");
                tracing::warn!("({name}) Entering MASTER STATE");
            }
            tracing::debug!("nobody's");
        };
        let lines = |detail, of: &[&str]| -> Vec<String> {
            let all = logged(detail, of, speak);
            all.lines().filter_map(|line| Some(line.split_once("]: ")?.1.to_owned())).collect()
        };
        let (first, second) = ("(VI_1) Entering MASTER STATE", "(VI_2) Entering MASTER STATE");
        let detail = "(VI_1) sent 0 priority";
        assert_eq!(lines(false, &[]), [first, second]);
        assert_eq!(lines(false, &["VI_1"]), [detail, first, second]);
        assert_eq!(lines(false, &["VI_1", "VI_2"]).len(), 4);
        assert_eq!(lines(true, &[]).len(), 5);
    }
}
