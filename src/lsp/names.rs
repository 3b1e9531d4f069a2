//! Names: where they are defined and where they are used.

use super::written::{Spanned, Statement, Written};
use crate::conf::expand::written::{Lines, parameter_at};
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
    /// It is defined here; otherwise it is used.
    pub(super) defines: bool,
}

/// Every name of a text.
pub(super) fn names(text: &str, written: &Written<'_>) -> Vec<Name> {
    let mut found = Vec::new();
    for statement in &written.statements {
        for (i, word) in statement.words.iter().enumerate() {
            if let Some((kind, defines)) = role(written, statement, i) {
                found.push(name(kind, word, defines));
            }
        }
    }
    for definition in &written.definitions {
        found.push(name(Kind::Parameter, &definition.name, true));
    }
    found.extend(parameters(text));
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
pub(super) fn role(written: &Written<'_>, statement: &Statement, word: usize) -> Option<(Kind, bool)> {
    let keyword = statement.words.first()?.text.as_str();
    let parent = statement.parent.and_then(|i| written.statements.get(i));
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

/// The uses of parameters, also within definitions and comments.
fn parameters(text: &str) -> impl Iterator<Item = Name> {
    Lines::new(text).flat_map(|line| {
        line.text.match_indices('$').filter_map(move |(dollar, _)| {
            let (_, name) = parameter_at(line.text, dollar)?;
            let word = line.text.get(name.clone())?.to_owned();
            let span = line.at + name.start..line.at + name.end;
            Some(Name { kind: Kind::Parameter, text: word, span, defines: false })
        })
    })
}
