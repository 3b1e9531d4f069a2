//! Advice on the text itself, before anything is expanded: comments that cut a word, and characters that look like
//! blanks, quotes or dashes and are none.
//!
//! Such characters come from web pages, chats and word processors. keepalived takes them for letters of a word.

use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::expand::written::{Lines, comment_at};
use crate::conf::source::{FileId, Sources, Span};

/// How a character is called, and what to type instead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lookalike {
    name: &'static str,
    instead: &'static str,
}

const BLANK: &str = "a plain blank";
const NOTHING: &str = "nothing";

fn lookalike(c: char) -> Option<Lookalike> {
    let (name, instead) = match c {
        '\u{a0}' => ("a no-break space", BLANK),
        '\u{202f}' => ("a narrow no-break space", BLANK),
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' => ("a space of another width", BLANK),
        '\u{2028}' | '\u{2029}' | '\u{85}' => ("a line separator", "a new line"),
        '\u{200b}' => ("a zero-width space", NOTHING),
        '\u{200c}' | '\u{200d}' | '\u{2060}' => ("an invisible joiner", NOTHING),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            ("an invisible direction mark", NOTHING)
        }
        '\u{feff}' => ("a byte order mark", NOTHING),
        '\u{ad}' => ("a soft hyphen", NOTHING),
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => ("a typographic quote", "a plain \""),
        '\u{2018}'..='\u{201b}' => ("a typographic quote", "a plain '"),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => ("a typographic dash", "a plain -"),
        '\u{ff01}'..='\u{ff5e}' => ("a full-width character", "the plain one"),
        _ => return None,
    };
    Some(Lookalike { name, instead })
}

/// The first such character of a text, with its offset.
fn first_lookalike(text: &str) -> Option<(usize, char, Lookalike)> {
    if text.is_ascii() {
        return None;
    }
    text.char_indices().find_map(|(at, c)| Some((at, c, lookalike(c)?)))
}

/// Where such a character is the cause of a finding, the finding's help names it, in place of a similar word.
pub(in crate::conf) fn explain(diagnostics: &mut [Diagnostic], sources: &Sources) {
    for diagnostic in diagnostics.iter_mut().filter(|d| d.code.id < "V0300") {
        let Some((_, c, it)) = first_lookalike(sources.text(diagnostic.primary.span)) else { continue };
        diagnostic.instead = None;
        diagnostic.help = Some(help(c, it));
    }
}

fn help(c: char, it: Lookalike) -> String {
    format!("{} (U+{:04X}) is part of the word: type {} in its place", it.name, u32::from(c), it.instead)
}

/// Advice on the lines of some files, put among the findings that there are.
pub(in crate::conf) fn advise(
    files: impl Iterator<Item = FileId>,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for file in files {
        for line in Lines::new(sources.get(file).text()) {
            let span = |from: usize, to: usize| Span {
                file,
                start: (line.at + from) as u32,
                end: (line.at + to) as u32,
            };
            for (from, to, found) in advice(line.text) {
                add(diagnostics, found.at(span(from, to)));
            }
        }
    }
}

/// What there is to say of a line.
#[derive(Debug, PartialEq, Eq)]
enum Advice<'t> {
    /// The word before the comment, and the sign that begins it.
    CutWord(&'t str, char),
    Lookalike(char, Lookalike),
}

impl Advice<'_> {
    fn at(&self, span: Span) -> Diagnostic {
        match self {
            Advice::CutWord(word, sign) => {
                let message = format!("a comment begins inside a word: only `{word}` is read");
                let help = format!(
                    "write the whole word in double quotes if `{sign}` belongs to it, else a blank before `{sign}`"
                );
                Diagnostic::new(&codes::LINT_CUT_WORD, span, message).help(help)
            }
            Advice::Lookalike(c, it) => {
                let message = format!("this word has {} in it", it.name);
                Diagnostic::new(&codes::LINT_LOOKALIKE, span, message).help(help(*c, *it))
            }
        }
    }
}

/// At most one of each kind a line.
fn advice(line: &str) -> Vec<(usize, usize, Advice<'_>)> {
    let mut found = Vec::new();
    let is_blank = |b: u8| matches!(b, b' ' | b'\t' | b'\x0b' | b'\x0c' | b'\r');
    let bytes = line.as_bytes();
    if memchr::memchr2(b'#', b'!', bytes).is_some() {
        let (sign, _) = comment_at(line);
        if sign > 0 && sign < line.len() && !is_blank(bytes[sign - 1]) {
            let ends_word = |b: &u8| is_blank(*b) || matches!(b, b'{' | b'}' | b'"');
            let start = bytes[..sign].iter().rposition(ends_word).map_or(0, |i| i + 1);
            let end = line[sign..].find([' ', '\t']).map_or(line.len(), |n| sign + n);
            let word = &line[start..sign];
            if !word.is_empty() {
                let c = char::from(bytes[sign]);
                found.push((start, end, Advice::CutWord(word, c)));
            }
        }
    }
    if !line.is_ascii() {
        let code = line.get(..comment_at(line).0);
        if let Some((at, c, it)) = code.and_then(first_lookalike) {
            found.push((at, at + c.len_utf8(), Advice::Lookalike(c, it)));
        }
    }
    found
}

/// Adds a finding before the first that stands behind it in its file, unless its place was spoken of already.
fn add(diagnostics: &mut Vec<Diagnostic>, new: Diagnostic) {
    let span = new.primary.span;
    let covers = |d: &Diagnostic| {
        let other = d.primary.span;
        let is_here = other.file == span.file && other.start <= span.start && span.end <= other.end;
        is_here && d.help == new.help
    };
    if diagnostics.iter().any(covers) {
        return;
    }
    let behind = |d: &Diagnostic| d.primary.span.file == span.file && d.primary.span.start > span.start;
    let at = diagnostics.iter().position(behind).unwrap_or(diagnostics.len());
    diagnostics.insert(at, new);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Lints, LoadOptions, Loaded, load_text};

    fn load(text: &str) -> Loaded {
        let options = LoadOptions { lints: Some(Lints::default()), ..LoadOptions::default() };
        load_text("keepalived.conf", text, &options)
    }

    fn cut(line: &str) -> Option<&str> {
        advice(line).into_iter().find_map(|(_, _, found)| match found {
            Advice::CutWord(word, _) => Some(word),
            Advice::Lookalike(..) => None,
        })
    }

    #[test]
    fn a_comment_that_begins_inside_a_word_is_seen() {
        assert_eq!(cut("  auth_pass Zk9#mq!2"), Some("Zk9"));
        assert_eq!(cut("auth_pass pass!"), Some("pass"));
        assert_eq!(cut("$P=Zk9#mq"), Some("$P=Zk9"));
        assert_eq!(cut("priority 100# why"), Some("100"));
        for whole in [
            "auth_pass Zk9 #mq!2",
            "auth_pass \"Zk9#mq!2\"",
            "auth_pass \"Zk9\"#mq",
            "auth_pass Zk9\\#mq\\!2",
            "} # end",
            "}# end",
            "{#begin",
            "# all of it#is!one",
            "\t#x",
        ] {
            assert_eq!(cut(whole), None, "{whole}");
        }
    }

    #[test]
    fn the_cut_word_is_underlined_whole() {
        let loaded = load("vrrp_instance A {\n  authentication {\n    auth_pass Zk9#mq!2 # ours\n  }\n}\n");
        let found = loaded.diagnostics.iter().find(|d| d.code.id == "V0818").unwrap();
        assert_eq!(loaded.sources.text(found.primary.span), "Zk9#mq!2");
        assert_eq!(found.message, "a comment begins inside a word: only `Zk9` is read");
        assert_eq!(
            loaded.test_status(),
            load("vrrp_instance A {\n}\n").test_status(),
            "a hint is no finding"
        );
    }

    #[test]
    fn a_no_break_space_is_named_and_nothing_like_it_is_proposed() {
        for line in ["\u{a0}priority 100", "priority\u{a0}100", "priority 100\u{a0}", "advert_int\u{a0}"] {
            let loaded = load(&format!("vrrp_instance A {{\n{line}\n}}\n"));
            let help = "a no-break space (U+00A0) is part of the word: type a plain blank in its place";
            let of_line = loaded.diagnostics.iter().filter(|d| d.help.as_deref() == Some(help));
            assert_eq!(of_line.count(), 1, "{line}: {:?}", loaded.diagnostics);
            assert!(loaded.diagnostics.iter().all(|d| d.instead.is_none()), "{line}");
        }
    }

    #[test]
    fn what_looks_like_a_blank_a_quote_or_a_dash_is_named_where_nothing_else_is_wrong() {
        for (line, name) in [
            ("notify_master \u{201c}/bin/x\u{201d}", "a typographic quote"),
            ("auth_pass se\u{200b}cret", "a zero-width space"),
            ("router_id lvs\u{2013}1", "a typographic dash"),
        ] {
            let found = advice(line);
            assert!(matches!(&found[..], [(_, _, Advice::Lookalike(_, it))] if it.name == name), "{line}");
        }
        assert_eq!(advice("auth_pass Z\u{fc}rich # \u{201c}quoted\u{201d}\u{a0}"), []);
    }

    #[test]
    fn advice_stands_among_the_findings_by_its_place() {
        let text = "global_defs {\n  router_id a#b\n  no_such_keyword\n  smtp_server\u{a0}1\n}\n";
        let loaded = load(text);
        let starts: Vec<u32> = loaded.diagnostics.iter().map(|d| d.primary.span.start).collect();
        assert!(starts.is_sorted(), "{:?}", loaded.diagnostics);
        assert!(loaded.diagnostics.iter().any(|d| d.code.id == "V0818"));
    }
}
