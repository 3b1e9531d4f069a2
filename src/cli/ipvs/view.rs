//! Options of listings that only `vipd ipvs` has: `--json` and `--watch[=SECONDS]`, written out in full.
//!
//! They are taken out of the arguments before ipvsadm's grammar reads these, so nothing of its language changes.

use super::wait::seconds_within;
use super::{Session, Stop, SystemNames, WHOLE_TABLE, finish, watch};
use crate::ipvs::grammar::{self, Command, Listing};
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Duration;

/// How often `--watch` reads without a number.
const DEFAULT_PERIOD: Duration = Duration::from_secs(2);
/// The shortest leaves the kernel time for others.
const PERIODS: RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_hours(24);

/// How a listing is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// As JSON.
    pub(super) json: bool,
    /// Again and again.
    pub(super) watch: Option<Duration>,
}

/// Runs a listing that has one of these options; `None` where `arguments` are none.
pub(super) fn run(arguments: &[OsString]) -> Option<ExitCode> {
    let words: Vec<String> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match take(&words) {
        Ok(None) => None,
        Ok(Some((view, rest))) => Some(finish(show(view, &rest))),
        Err(message) => Some(finish(Err(Stop::new(2, message)))),
    }
}

fn show(view: View, words: &[&str]) -> Result<(), Stop> {
    let command =
        if words.is_empty() { Ok(Command::List(WHOLE_TABLE)) } else { grammar::parse(words, &SystemNames) };
    let listing = match command {
        Ok(Command::List(listing)) => listing,
        Ok(Command::Save { numeric }) => Listing { numeric, ..WHOLE_TABLE },
        Ok(_) => return Err(Stop::new(2, "--json and --watch go with -L and -S only")),
        Err(error) => return Err(Stop::new(error.exit_status(), error.to_string())),
    };
    match view.watch {
        Some(period) => watch::run(&listing, view.json, period),
        None => Session::open()?.list_json(listing.subject, listing.sorted),
    }
}

/// Takes the options out of a listing's arguments; `None` where there is none of them, or this is no listing.
///
/// # Errors
/// A period that makes no sense.
pub(super) fn take<'a>(words: &[&'a str]) -> Result<Option<(View, Vec<&'a str>)>, String> {
    let mut view = View::default();
    let mut rest: Vec<&str> = Vec::with_capacity(words.len());
    let mut words = words.iter().copied().peekable();
    while let Some(word) = words.next() {
        match word {
            "--" => {
                rest.push(word);
                rest.extend(words.by_ref());
            }
            "--json" => view.json = true,
            "--watch" => {
                // A listing has no words that are no options: a number can't be anything else.
                let given = words.next_if(|next| next.parse::<f64>().is_ok());
                view.watch = Some(given.map_or(Ok(DEFAULT_PERIOD), period)?);
            }
            word => match word.strip_prefix("--watch=") {
                Some(given) => view.watch = Some(period(given)?),
                None => rest.push(word),
            },
        }
    }
    let is_listing = rest.first().is_none_or(|first| {
        ["-L", "-l", "-S", "--list", "--save"].iter().any(|command| first.starts_with(command))
    });
    Ok((is_listing && view != View::default()).then_some((view, rest)))
}

fn period(text: &str) -> Result<Duration, String> {
    seconds_within(text, &PERIODS).ok_or_else(|| {
        let [from, to] = [PERIODS.start(), PERIODS.end()].map(Duration::as_secs_f64);
        format!("illegal --watch '{text}': seconds from {from} to {to}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str) -> Option<(View, String)> {
        let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
        take(&words).unwrap().map(|(view, rest)| (view, rest.join(" ")))
    }

    fn view(json: bool, millis: Option<u64>) -> View {
        View { json, watch: millis.map(Duration::from_millis) }
    }

    #[test]
    fn the_options_leave_ipvsadm_s_arguments() {
        assert_eq!(taken("-Ln --json"), Some((view(true, None), "-Ln".into())));
        assert_eq!(taken("--json"), Some((view(true, None), String::new())));
        assert_eq!(taken("--json -S -n"), Some((view(true, None), "-S -n".into())));
        assert_eq!(taken("-L --watch --stats"), Some((view(false, Some(2000)), "-L --stats".into())));
        assert_eq!(taken("-L --watch 5 -n"), Some((view(false, Some(5000)), "-L -n".into())));
        assert_eq!(taken("--list --watch=0.5 --json"), Some((view(true, Some(500)), "--list".into())));
    }

    #[test]
    fn what_is_not_written_out_or_no_listing_is_ipvsadm_s() {
        for line in
            ["", "-Ln", "-L --jso", "-L --jsonx", "-L --watc", "-L -- --json", "-A -t 192.0.2.1:80 -s --json"]
        {
            assert_eq!(taken(line), None, "{line}");
        }
    }

    #[test]
    fn a_period_that_makes_no_sense_is_refused() {
        for word in
            ["--watch=0", "--watch=-1", "--watch=x", "--watch=", "--watch=inf", "--watch=NaN", "--watch=0.01"]
        {
            assert!(take(&["-L", word]).is_err(), "{word}");
        }
        assert!(take(&["-L", "--watch", "0"]).is_err());
    }
}
