//! What the user sees of a drain: a bar on a terminal, a line now and then elsewhere, or JSON.

use crate::cli::ipvs::figure::number_of;
use crate::cli::ipvs::stdout;
use crate::cli::ipvs::terminal_size;
use crate::ipvs::document::{self, Line};
use crate::ipvs::drain::{OnTimeout, Outcome, Progress, Then};
use crate::ipvs::model::{DestKey, ServiceKey};
use crate::time::Instant;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);
/// As wide as a bar gets, and as narrow.
const BAR: std::ops::RangeInclusive<usize> = 10..=40;

/// Standard output. That nobody reads it (any more) does not stop a drain.
#[derive(Debug)]
pub(super) struct Display {
    form: Form,
    service: ServiceKey,
    server: DestKey,
    began: Option<Instant>,
    said: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bar,
    Lines,
    Json,
}

impl Display {
    pub(super) fn new(json: bool, service: ServiceKey, server: DestKey) -> Display {
        let form = match json {
            true => Form::Json,
            false if stdout::is_screen() => Form::Bar,
            false => Form::Lines,
        };
        Display { form, service, server, began: None, said: None }
    }

    pub(super) fn warn(&self, message: &str) {
        print_error!("warning: {message}");
    }

    pub(super) fn report(&mut self, now: Instant, progress: &Progress) {
        self.began.get_or_insert(now);
        let text = match self.form {
            Form::Json => json(&self.line(progress.elapsed).progress(progress)),
            Form::Bar => {
                let width = terminal_size().map_or(80, |(columns, _)| usize::from(columns));
                // What was there is overwritten, and the rest cleared: nothing flickers.
                format!("\r{}\x1b[K", bar(progress, width))
            }
            Form::Lines if self.said.is_some_and(|at| now - at < EVERY) => return,
            Form::Lines => format!("{}: {}\n", self.server, figures(progress)),
        };
        self.said = Some(now);
        write(&text);
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        if self.form == Form::Bar {
            write("\r\x1b[K");
        }
    }

    pub(super) fn end(&self, now: Instant, outcome: Outcome) {
        self.clear();
        let elapsed = self.began.map_or(Duration::ZERO, |began| now - began);
        match self.form {
            Form::Json => write(&json(&self.line(elapsed).end(outcome))),
            // Anything else is told to standard error, with the exit status.
            Form::Bar | Form::Lines if matches!(outcome, Outcome::Drained(_)) => {
                write(&format!("{} ({})\n", message(self.service, self.server, outcome), span(elapsed)));
            }
            Form::Bar | Form::Lines => {}
        }
    }

    /// A line of JSON, of a drain that began so long ago.
    fn line(&self, elapsed: Duration) -> Line {
        Line::new(&self.service, &self.server, elapsed)
    }
}

fn json(line: &document::Drain) -> String {
    // What these are made of can be written.
    serde_json::to_string(line).map(|line| line + "\n").unwrap_or_default()
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The end in words.
pub(super) fn message(service: ServiceKey, server: DestKey, outcome: Outcome) -> String {
    let weight_again = |weight: u32| match weight {
        0 => format!("{server} keeps weight 0, which it had before"),
        weight => format!("{server} has weight {weight} again"),
    };
    match outcome {
        Outcome::Drained(Then::Remove) => format!("{server} is drained and removed from {service}"),
        Outcome::Drained(Then::Keep) => format!("{server} of {service} is drained and keeps weight 0"),
        Outcome::TimedOut { left, then, weight } => {
            let after = match then {
                OnTimeout::Restore => weight_again(weight),
                OnTimeout::Keep => format!("{server} keeps weight 0"),
                OnTimeout::Remove => format!("{server} is removed from {service}, which cuts them"),
            };
            format!("the time is up with {} left: {after}", number_of(left, "connection"))
        }
        Outcome::Interrupted { weight } => format!("interrupted: {}", weight_again(weight)),
        Outcome::WeightChanged { weight } => {
            format!("someone else set the weight of {server} of {service} to {weight}: it is not drained")
        }
        Outcome::Gone => format!("someone else removed {server} of {service}"),
    }
}

/// `12 of 40 connections left, 0.5/s, 24s to go`
fn figures(progress: &Progress) -> String {
    let mut text = format!("{} of {} left", progress.left, number_of(progress.most, "connection"));
    if let Some(eta) = progress.eta.filter(|_| progress.left > 0) {
        let _ = write!(text, ", {:.1}/s, {} to go", progress.rate, span(eta));
    }
    text
}

/// A line of at most `width` columns, less one: a terminal may wrap what fills its last one.
fn bar(progress: &Progress, width: usize) -> String {
    let mut line = format!("{} ({})", figures(progress), span(progress.elapsed));
    let room = width.saturating_sub(1);
    if let Some(columns) = room.checked_sub(line.len() + 3).filter(|columns| columns >= BAR.start()) {
        let columns = columns.min(*BAR.end());
        let ended = progress.most.saturating_sub(progress.left) as usize;
        let full = (columns * ended).checked_div(progress.most as usize).unwrap_or(columns);
        line = format!("[{}{}] {line}", "#".repeat(full), "-".repeat(columns - full));
    }
    line.truncate(room);
    line
}

/// `12s`, `3m20s`, `1h02m`
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(left: u32, most: u32) -> Progress {
        Progress {
            elapsed: Duration::from_secs(75),
            left,
            most,
            active: left,
            inactive: 7,
            persistent: 0,
            rate: 0.5,
            eta: Some(Duration::from_secs(24)),
        }
    }

    #[test]
    fn the_bar_fits_the_terminal() {
        let at = |width| bar(&progress(12, 40), width);
        assert_eq!(at(80), "[#################--------] 12 of 40 connections left, 0.5/s, 24s to go (1m15s)");
        assert_eq!(at(52), "12 of 40 connections left, 0.5/s, 24s to go (1m15s)");
        for width in 0..200 {
            assert!(at(width).len() < width.max(1), "{width}");
        }
        assert_eq!(bar(&progress(0, 0), 60), "[#########################] 0 of 0 connections left (1m15s)");
    }

    #[test]
    fn times_are_short() {
        let spans = [0, 59, 60, 3599, 3600, 7321].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(spans, ["0s", "59s", "1m00s", "59m59s", "1h00m", "2h02m"]);
    }
}
