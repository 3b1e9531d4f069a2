//! Where log lines go: standard error in keepalived's form, syslog, a file.
//!
//! One [`tracing`] layer for all three. A line is one line: control characters that came from outside (a packet, a
//! server's answer, a file name) are escaped, so nobody can forge a second one. No output ever stops the program: a
//! syslog that is missing or full loses the line and says so with the next.

mod syslog;
mod text;

pub use syslog::Facility;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use syslog::Syslog;
use tracing::{Event, Level, Subscriber, level_filters::LevelFilter, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

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
    /// `-D`: debug messages, and the context of each message.
    pub detail: bool,
}

/// Directs the log lines of the whole process from now on. The first call of a process counts.
///
/// # Errors
/// The file can't be opened; the other outputs work all the same, and the error should go there.
pub fn start(settings: &Settings) -> io::Result<()> {
    let (file, outcome) = match settings.file.as_ref().map(open).transpose() {
        Ok(file) => (file, Ok(())),
        Err(error) => (None, Err(error)),
    };
    let outputs = Outputs {
        tag: settings.tag.clone(),
        detail: settings.detail,
        console: settings.console,
        syslog: settings.syslog.map(|facility| Mutex::new(Syslog::new(facility))),
        file: file.map(Mutex::new),
    };
    let level = if settings.detail { LevelFilter::DEBUG } else { LevelFilter::INFO };
    // It fails where a test of the same process was first.
    let _ = tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(outputs.with_filter(level)),
    );
    outcome
}

fn open(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(nix::libc::O_NOFOLLOW).open(path)
}

struct Outputs {
    tag: String,
    detail: bool,
    console: bool,
    syslog: Option<Mutex<Syslog>>,
    file: Option<Mutex<File>>,
}

/// The fields of a span, as they were when it was made.
struct SpanText(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Outputs {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id).filter(|_| self.detail) {
            let mut line = text::Line::default();
            attributes.record(&mut line);
            span.extensions_mut().insert(SpanText(line.into_text()));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = text::Line::default();
        event.record(&mut line);
        if self.detail {
            for span in context.event_scope(event).into_iter().flatten() {
                if let Some(SpanText(fields)) = span.extensions().get() {
                    line.append(fields);
                }
            }
        }
        self.write(*event.metadata().level(), &line.into_text());
    }
}

impl Outputs {
    fn write(&self, level: Level, message: &str) {
        let seconds = clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |now| now.tv_sec());
        // Asked for each time: the daemon starts to log before it forks.
        let tag = format!("{}[{}]", self.tag, std::process::id());
        if self.console {
            // Without a reader there is nobody left to tell.
            let _ = io::stderr().write_all(format!("{}: {message}\n", text::date(seconds)).as_bytes());
        }
        if let Some(file) = &self.file {
            let line = format!("{}: {}: {message}\n", text::date(seconds), tag);
            let _ = file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        }
        if let Some(syslog) = &self.syslog {
            let mut syslog = syslog.lock().unwrap_or_else(PoisonError::into_inner);
            syslog.write(level, seconds, &tag, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::subscriber::with_default;

    fn logged(detail: bool, speak: impl FnOnce()) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let outputs = Outputs {
            tag: "test".to_owned(),
            detail,
            console: false,
            syslog: None,
            file: Some(Mutex::new(open(&file.path().to_owned()).unwrap())),
        };
        with_default(tracing_subscriber::registry().with(outputs), speak);
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[test]
    fn one_event_is_one_line_whatever_it_contains() {
        let all = logged(false, || tracing::info!(peer = %"a\nSat: test[1]: forged\x1b[2J", "Discarded"));
        let (date, message) = all.split_once(&format!(": test[{}]: ", std::process::id())).unwrap();
        assert_eq!(date.len(), "Sat Nov 21 00:00:00 2026".len());
        assert_eq!(message, "Discarded peer=a\\nSat: test[1]: forged\\u{1b}[2J\n");
    }

    #[test]
    fn a_spans_fields_follow_when_detail_is_asked_for() {
        let speak = || {
            let _in = tracing::info_span!("vrrp", instance = "VI").entered();
            tracing::warn!("(VI) Entering MASTER STATE");
        };
        assert!(logged(true, speak).ends_with(": (VI) Entering MASTER STATE instance=VI\n"));
        assert!(logged(false, speak).ends_with(": (VI) Entering MASTER STATE\n"));
    }
}
