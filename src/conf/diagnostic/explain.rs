//! `--explain V0101`: what a code is about, what keepalived does on it, and why it matters.
//!
//! The reasons stand in a file for each subject, id, severity and summary in [`super::codes`].

mod expansion;
mod file;
mod instance;
mod route;
mod track;
mod virtual_server;

use super::{Code, Verdict, advice, codes};
use std::fmt::Write as _;

/// A code, and why it matters or what to do about it.
type Reason = (&'static str, &'static str);

/// All reasons but those of vipd's own advice ([`advice`]), in the order of their codes.
const REASONS: &[&[Reason]] = &[
    file::REASONS,
    instance::REASONS,
    virtual_server::REASONS,
    expansion::REASONS,
    track::REASONS,
    route::REASONS,
    &[("V0901", "vipd starts with this file, and this line has no effect. keepalived carries it out.")],
];

fn reasons() -> impl Iterator<Item = &'static Reason> {
    REASONS.iter().copied().flatten()
}

/// Why a finding matters.
#[must_use]
pub fn reason(id: &str) -> Option<&'static str> {
    let own = reasons().find(|(of, _)| *of == id).map(|(_, text)| *text);
    own.or_else(|| codes::find(id).and_then(advice::reason))
}

/// A code in a few lines of text.
#[must_use]
pub fn text(code: &Code) -> String {
    let mut text = format!("{} ({}): {}\n", code.id, code.severity.name(), code.summary);
    if let Some(reason) = reason(code.id) {
        let _ = write!(text, "\n{reason}\n");
    }
    let keepalived = match code.verdict {
        Verdict::Silent => "says nothing about it: the finding is vipd's own.",
        Verdict::Reports => {
            "reports it and goes on without the line or with a corrected value (`keepalived -t`: status 5)."
        }
        Verdict::Interface => {
            "reports it and goes on without the line (`keepalived -t`: status 4, or 5 with other findings)."
        }
        Verdict::Security => "reports a violation of script security (`keepalived -t`: status 6).",
        Verdict::Refuses => "reports it and does not run with the file (`keepalived -t`: status 5).",
        Verdict::Lacks => "reports it and does not run with the file (`keepalived -t`: status 6).",
        Verdict::GivesUp => "ends at once (`keepalived -t`: status 2).",
    };
    let _ = write!(text, "\nkeepalived {keepalived}\n");
    if let (Some(section), Some(link)) = (advice::section(code), advice::link(code)) {
        let _ = write!(text, "\nSee keepalived.conf(5), \"{section}\": {link}\n");
    }
    text
}

/// The code that was asked for, in capitals or not.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    codes::find(&id.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_given_for_codes_that_exist_and_once() {
        assert!(reasons().is_sorted_by(|a, b| a.0 < b.0));
        for (id, _) in reasons() {
            assert!(codes::find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        assert_eq!(find("v0101").map(|c| c.id), Some("V0101"));
        assert_eq!(find("V9999"), None);
    }

    #[test]
    fn the_text_says_what_keepalived_does() {
        let said = text(&codes::NO_VRID);
        assert!(said.starts_with("V0303 (error): a vrrp_instance without virtual_router_id\n\n"), "{said}");
        assert!(said.contains("does not run with the file (`keepalived -t`: status 5)"), "{said}");
    }
}
