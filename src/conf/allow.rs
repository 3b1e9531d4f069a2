//! Findings that a file asks not to hear of: `# vipd: allow V0801` at the end of the line, or on a line above it.
//!
//! This holds for vipd's own findings alone. What keepalived reports is in its exit status whatever a comment says.

use super::diagnostic::{Diagnostic, Verdict};
use super::expand::written::comment_at;
use super::source::{Source, Sources};

const ALLOW: &str = "vipd: allow ";

/// Leaves out what is allowed at its place.
pub(super) fn retain(diagnostics: &mut Vec<Diagnostic>, sources: &Sources) {
    diagnostics.retain(|d| {
        // Through a macro it is allowed at its use as well as in its definition.
        let mut spans = std::iter::once(&d.primary).chain(&d.secondary).map(|label| label.span);
        d.code.verdict != Verdict::Silent
            || !spans.any(|span| is_allowed(sources.get(span.file), span.start as usize, d.code.id))
    });
}

/// Whether the comment on the line of this offset names the code, or those that make up the lines before it.
fn is_allowed(source: &Source, offset: usize, id: &str) -> bool {
    let text = source.text();
    let Some(before) = text.get(..offset) else { return false };
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let above = text[..start].lines().rev().map(str::trim_start).take_while(|l| l.starts_with(['#', '!']));
    std::iter::once(line).chain(above).any(|line| names(&line[comment_at(line).0..], id))
}

/// Whether a comment allows a code.
fn names(comment: &str, id: &str) -> bool {
    let Some((before, after)) = comment.split_once(ALLOW) else { return false };
    let at_start = before.trim_end().ends_with(['#', '!']);
    let ids = after.split([' ', '\t', ',', ':', '\r']).take_while(|word| word.is_empty() || is_code(word));
    at_start && ids.into_iter().any(|word| word.eq_ignore_ascii_case(id))
}

/// What stands behind the codes is why they are allowed.
fn is_code(word: &str) -> bool {
    word.strip_prefix(['V', 'v']).is_some_and(|n| n.len() == 4 && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use crate::conf::{Lints, LoadOptions, load_text};

    fn codes(text: &str) -> Vec<&'static str> {
        let lints = Some(Lints::default());
        let loaded = load_text("keepalived.conf", text, &LoadOptions { lints, ..LoadOptions::default() });
        loaded.diagnostics.iter().map(|d| d.code.id).collect()
    }

    #[test]
    fn a_comment_silences_what_it_names_where_it_stands() {
        let text = "vrrp_script s {\n script /bin/true\n}\n";
        assert!(codes(text).contains(&"V0820"), "nobody tracks it");
        for comment in ["# vipd: allow V0820", "! vipd: allow V0901, v0820: another file tracks it"] {
            let behind = text.replace("s {\n", &format!("s {{ {comment}\n"));
            let above = format!("{comment}\n  # more\n{text}");
            for text in [&behind, &above] {
                assert!(!codes(text).contains(&"V0820"), "{text}");
            }
        }
        for comment in ["# vipd: allow V0821", "# allow V0820", "# vipd: allow everything V0820"] {
            assert!(codes(&format!("{comment}\n{text}")).contains(&"V0820"), "{comment}");
        }
        let quoted = text.replace("script s {", "script \"s # vipd: allow V0820\" {");
        assert!(codes(&quoted).contains(&"V0820"), "a word, not a comment");
        let apart = format!("# vipd: allow V0820\n\n{text}");
        assert!(codes(&apart).contains(&"V0820"), "an empty line between them");
    }

    #[test]
    fn it_may_stand_where_a_macro_is_used() {
        const MACRO: &str = "$S= \\\nvrrp_script s { \\\n script /bin/true \\\n}\n";
        let text = |comment: &str| format!("{MACRO}$S{comment}\n");
        assert!(codes(&text("")).contains(&"V0820"));
        assert!(!codes(&text(" # vipd: allow V0820")).contains(&"V0820"));
    }

    #[test]
    fn what_keepalived_reports_is_told_all_the_same() {
        let text = "# vipd: allow V0101\nno_such_keyword # vipd: allow V0101\n";
        assert_eq!(codes(text), ["V0101"]);
    }
}
