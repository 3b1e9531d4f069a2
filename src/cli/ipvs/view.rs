//! Options of listings that only `vipd ipvs` has, written out in full: `--json`.
//!
//! They are taken out of the arguments before ipvsadm's grammar reads these, so nothing of its language changes.

use super::{Session, Stop, SystemNames, WHOLE_TABLE, finish};
use crate::ipvs::grammar::{self, Command, Listing};
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a listing that has one of these options; `None` where `arguments` are none.
pub(super) fn run(arguments: &[OsString]) -> Option<ExitCode> {
    let words: Vec<String> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    take(&words).map(|rest| finish(show(&rest)))
}

fn show(words: &[&str]) -> Result<(), Stop> {
    let command =
        if words.is_empty() { Ok(Command::List(WHOLE_TABLE)) } else { grammar::parse(words, &SystemNames) };
    let listing = match command {
        Ok(Command::List(listing)) => listing,
        Ok(Command::Save { numeric }) => Listing { numeric, ..WHOLE_TABLE },
        Ok(_) => return Err(Stop::new(2, "--json goes with -L and -S only")),
        Err(error) => return Err(Stop::new(error.exit_status(), error.to_string())),
    };
    Session::open()?.list_json(listing.subject, listing.sorted)
}

/// Takes the option out of a listing's arguments; `None` where it is not there, or this is no listing.
fn take<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    let options = words.iter().take_while(|word| **word != "--").count();
    let (options, others) = words.split_at(options);
    let rest = || options.iter().filter(|word| **word != "--json");
    let is_listing = rest().next().is_none_or(|first| {
        ["-L", "-l", "-S", "--list", "--save"].iter().any(|command| first.starts_with(command))
    });
    (is_listing && options.contains(&"--json")).then(|| rest().chain(others).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(line: &str) -> Option<String> {
        let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
        take(&words).map(|rest| rest.join(" "))
    }

    #[test]
    fn the_option_leaves_ipvsadm_s_arguments() {
        assert_eq!(taken("-Ln --json").as_deref(), Some("-Ln"));
        assert_eq!(taken("--json").as_deref(), Some(""));
        assert_eq!(taken("--json -S -n").as_deref(), Some("-S -n"));
        assert_eq!(taken("--list --stats --json").as_deref(), Some("--list --stats"));
    }

    #[test]
    fn what_is_not_written_out_or_no_listing_is_ipvsadm_s() {
        for line in ["", "-Ln", "-L --jso", "-L --jsonx", "-L -- --json", "-A -t 192.0.2.1:80 -s --json"] {
            assert_eq!(taken(line), None, "{line}");
        }
    }
}
