//! What `keepalived -t` prints: what keepalived reports itself, each in a line, under the line number that it names.
//!
//! Scripts look for `Line N` and compare; so what keepalived finds after the whole file is read, and names no line
//! for, has its place as `at N:COLUMN`, and what it does not report at all is only counted.

use super::render::sentence;
use super::{Code, Diagnostic, KeepalivedLine, Severity, Verdict, codes};
use crate::conf::source::{Sources, printable};
use std::fmt::Write as _;

/// What keepalived finds after the whole file is read.
static AFTER_THE_FILE: &[&Code] = &[
    &codes::NO_INTERFACE,
    &codes::NO_VRID,
    &codes::NO_ADDRESS,
    &codes::ADDRESS_REQUIRED,
    &codes::DUPLICATE_VRID,
    &codes::STATE_CONFLICT,
    &codes::AUTH_IGNORED,
    &codes::TOO_MANY_ADDRESSES,
    &codes::NO_REAL_SERVER,
    &codes::DUPLICATE_REAL_SERVER,
    &codes::NO_PROTOCOL,
    &codes::PROTOCOL_IGNORED,
    &codes::NO_SCHEDULER,
    &codes::NO_METHOD,
    &codes::PORT_ZERO,
    &codes::PORT_MISMATCH,
    &codes::QUORUM,
    &codes::HA_SUSPEND,
    &codes::SYNC_INSTANCE,
    &codes::SORRY_IS_REAL,
    &codes::SCRIPT_MISSING,
    &codes::SCRIPT_INSECURE,
    &codes::SCRIPT_SECURITY,
    &codes::TRACK_OWN_INTERFACE,
    &codes::EMPTY_SYNC_GROUP,
    &codes::UNKNOWN_MEMBER,
    &codes::GROUP_OF_ONE,
];

/// The line that keepalived names for a finding of this kind, where nothing else is said.
pub(super) fn usual(code: &'static Code) -> KeepalivedLine {
    let after = AFTER_THE_FILE.iter().any(|c| std::ptr::eq(*c, code));
    if after { KeepalivedLine::Nowhere } else { KeepalivedLine::Here }
}

/// All of it, each line ended; `file` is the one that was asked about.
#[must_use]
pub fn text(file: &str, diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    let (mut idle, mut more) = (Vec::new(), 0);
    for diagnostic in diagnostics {
        // A missing include is no fault of keepalived's either, and it names it all the same.
        let named = diagnostic.code == &codes::INCLUDE_SKIPPED;
        if diagnostic.code.verdict != Verdict::Silent || named {
            let _ = writeln!(text, "{}", line(diagnostic, sources));
        } else if diagnostic.code == &codes::NOT_CARRIED_OUT {
            idle.push(sources.text(diagnostic.primary.span).to_owned());
        } else if diagnostic.code.severity > Severity::Hint {
            more += 1;
        }
    }
    let file = printable(file);
    if !idle.is_empty() {
        idle.sort_unstable();
        idle.dedup();
        let list = idle.join(", ");
        let _ = writeln!(text, "{file}: without effect in this version of vipd: {}", printable(&list));
    }
    if more > 0 {
        let s = if more == 1 { "" } else { "s" };
        let _ = writeln!(text, "{file}: {more} finding{s} beyond keepalived's: `vipd check {file}`");
    }
    text
}

fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = match diagnostic.keepalived_line {
        KeepalivedLine::At(span) => span,
        KeepalivedLine::Here | KeepalivedLine::Nowhere => diagnostic.primary.span,
    };
    let file = sources.get(span.file);
    let (name, sentence) = (printable(file.name()), sentence(diagnostic));
    let at = sources.location(span);
    match diagnostic.keepalived_line {
        _ if file.text().is_empty() => format!("({name}) {sentence}"),
        KeepalivedLine::Here | KeepalivedLine::At(_) => format!("({name}: Line {}) {sentence}", at.line),
        KeepalivedLine::Nowhere => format!("({name} at {}:{}) {sentence}", at.line, at.column),
    }
}

#[cfg(test)]
mod tests {
    use crate::conf::{LoadOptions, load_text};

    fn rendered(text: &str) -> String {
        let loaded = load_text("k.conf", text, &LoadOptions::default());
        super::text("k.conf", &loaded.diagnostics, &loaded.sources)
    }

    #[test]
    fn a_line_is_named_where_keepalived_names_it() {
        let lines = rendered(
            "global_defs {\n  vrrp_garp_interval 0\n  notification_email {\n  }\n  enable_dbus\n}\n",
        );
        assert!(
            lines.starts_with("(k.conf: Line 2) '0' is less than 0.000001 seconds\n(k.conf: Line 4) "),
            "{lines}"
        );
        assert!(lines.contains(" of vipd: enable_dbus"), "{lines}");
    }

    #[test]
    fn what_is_found_after_the_file_is_read_has_no_line_in_keepalived() {
        let lines = rendered("vrrp_instance A {\n  interface eth0\n}\n");
        assert!(lines.contains("(k.conf at 1:15) (A) the virtual router id must be set\n"), "{lines}");
        assert!(!lines.contains("Line"), "{lines}");
    }

    #[test]
    fn what_keepalived_does_not_report_is_counted() {
        let server = "virtual_server group G {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.0.1.1 80 {\n}\n}\n";
        assert_eq!(rendered(server), "k.conf: 1 finding beyond keepalived's: `vipd check k.conf`\n");
    }
}
