//! Names: where one is defined, and where it is meant.

use super::scan::{Scan, Spanned, Statement, is_name};
use std::ops::Range;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Instance,
    SyncGroup,
    Script,
    TrackFile,
    Process,
    Bfd,
    ServerGroup,
    Parameter,
}

/// A name at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) span: Range<usize>,
    /// It is defined here; otherwise it is only meant.
    pub(super) defines: bool,
}

/// Every name of a text.
pub(super) fn names(text: &str, scan: &Scan) -> Vec<Name> {
    let mut found = Vec::new();
    for statement in &scan.statements {
        for (i, word) in statement.words.iter().enumerate() {
            if let Some((kind, defines)) = role(scan, statement, i) {
                found.push(name(kind, word, defines));
            }
        }
    }
    for definition in &scan.definitions {
        found.push(name(Kind::Parameter, &definition.name, true));
    }
    found.extend(parameters(text, scan));
    found
}

fn name(kind: Kind, word: &Spanned, defines: bool) -> Name {
    Name { kind, text: word.text.clone(), span: word.span.clone(), defines }
}

/// The name that a place is in. Parameters stand within other words, and so come first.
pub(super) fn at(names: &[Name], offset: usize) -> Option<&Name> {
    let touches = |n: &&Name| n.span.start <= offset && offset <= n.span.end;
    names.iter().filter(touches).min_by_key(|n| (n.kind != Kind::Parameter, n.span.end - n.span.start))
}

/// What may be named at a word of a statement, and whether that defines it.
pub(super) fn role(scan: &Scan, statement: &Statement, word: usize) -> Option<(Kind, bool)> {
    let keyword = statement.words.first()?.text.as_str();
    let parent = statement.parent.and_then(|i| scan.statements.get(i));
    let Some(parent) = parent else {
        return match (keyword, word) {
            ("vrrp_instance", 1) => Some((Kind::Instance, true)),
            ("vrrp_sync_group", 1) => Some((Kind::SyncGroup, true)),
            ("vrrp_script", 1) => Some((Kind::Script, true)),
            ("vrrp_track_file" | "track_file", 1) => Some((Kind::TrackFile, true)),
            ("vrrp_track_process", 1) => Some((Kind::Process, true)),
            ("bfd_instance", 1) => Some((Kind::Bfd, true)),
            ("virtual_server_group", 1) => Some((Kind::ServerGroup, true)),
            ("virtual_server", 2) if statement.words[1].text == "group" => Some((Kind::ServerGroup, false)),
            _ => None,
        };
    };
    meant(parent, keyword, word).map(|kind| (kind, false))
}

/// What a word of a row means in the block of `parent`. `keyword` is the first word of the row.
pub(super) fn meant(parent: &Statement, keyword: &str, word: usize) -> Option<Kind> {
    match (parent.words.first()?.text.as_str(), keyword, word) {
        ("group", ..) => Some(Kind::Instance),
        ("track_script", _, 0) => Some(Kind::Script),
        ("track_file", _, 0) if parent.parent.is_some() => Some(Kind::TrackFile),
        ("track_process", _, 0) => Some(Kind::Process),
        ("track_bfd", _, 0) => Some(Kind::Bfd),
        ("BFD_CHECK", "name", 1) => Some(Kind::Bfd),
        ("FILE_CHECK", "track_file", 1) => Some(Kind::TrackFile),
        _ => None,
    }
}

/// Where parameters are put in, within other definitions too; the text's comments are not looked at.
fn parameters(text: &str, scan: &Scan) -> Vec<Name> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('$') {
        let rest = &text[at + 1..];
        let braced = rest.strip_prefix('{');
        let start = at + 1 + usize::from(braced.is_some());
        let length = braced.unwrap_or(rest).bytes().take_while(|b| is_name(*b)).count();
        let span = start..start + length;
        let ends = braced.is_none_or(|rest| rest[length..].starts_with(['}', ' ']));
        let defined_here = scan.definitions.iter().any(|d| d.name.span == span);
        if length > 0 && ends && !defined_here {
            let text = text[span.clone()].to_owned();
            found.push(Name { kind: Kind::Parameter, text, span, defines: false });
        }
    }
    found
}
