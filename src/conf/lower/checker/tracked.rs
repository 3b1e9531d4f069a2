//! `FILE_CHECK` and `BFD_CHECK`: checks that watch what another block names, and have no schedule of their own.

use super::connect::Common;
use super::scope::Scope;
use crate::check::config::{FileCheck, TrackWeight};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lower::{Lower, body, end_of};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::Weight;
use std::path::PathBuf;

/// Reads a `FILE_CHECK`; `None` without a file.
pub(super) fn file(cx: &mut Lower<'_, '_>, block: &Statement, scope: Scope<'_>) -> Option<FileCheck> {
    let (mut track_file, mut weight) = (None::<(Box<str>, (PathBuf, Weight))>, None);
    for statement in body(block) {
        match statement.keyword.map(|k| k.canonical()) {
            Some("track_file") => {
                if let Some(word) = cx.text(statement)
                    && scope.has_track_file(cx, word)
                    && let Some(file) = scope.track_file(word)
                {
                    track_file = Some((word.text.as_ref().into(), file));
                }
            }
            Some("weight") => weight = self::weight(cx, statement).or(weight),
            _ => {}
        }
    }
    // One that is not there has been told.
    let names_any = body(block).iter().any(|s| s.keyword.is_some_and(|k| k.canonical() == "track_file"));
    if track_file.is_none() && !names_any {
        let diagnostic = Diagnostic::new(
            &codes::INCOMPLETE,
            end_of(block),
            "this check has no file to watch; it is left out",
        );
        cx.sink.push(
            diagnostic
                .also(block.span, "of this check")
                .help("add `track_file` with the name of such a block"),
        );
    }
    let (track_file, (path, own)) = track_file?;
    let own = TrackWeight { weight: own.value.into(), reverse: own.reverse };
    Some(FileCheck { track_file, path, weight: weight.unwrap_or(own) })
}

/// `N [reverse|noreverse]`
fn weight(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<TrackWeight> {
    let words = cx.words(statement);
    let Some(number) = words.get(1) else {
        cx.report(&codes::MISSING_VALUE, statement.span, "`weight` needs a number");
        return None;
    };
    const MAX: i64 = i32::MAX as i64;
    let weight = cx.signed_word(number, -MAX, MAX)?;
    let reverse = match words.get(2).map(|w| (w, w.text.as_ref())) {
        None | Some((_, "noreverse")) => false,
        Some((_, "reverse")) => true,
        Some((word, _)) => {
            cx.bad_choice(word, "option of a weight", &["reverse", "noreverse"]);
            return None;
        }
    };
    if let Some(extra) = words.get(3) {
        cx.report(&codes::EXTRA_ARGUMENT, extra.span, format!("`{}` has no effect here", extra.text));
    }
    Some(TrackWeight { weight: weight as i32, reverse })
}

/// Reads a `BFD_CHECK`: the name of its instance. `seen` are those of the real server's checks before it.
pub(super) fn bfd(
    cx: &mut Lower<'_, '_>,
    block: &Statement,
    common: &mut Common,
    scope: Scope<'_>,
    before: &mut Vec<Box<str>>,
) -> Option<Box<str>> {
    let mut name: Option<(Box<str>, Span)> = None;
    // keepalived leaves the check out at the first name that is wrong.
    let mut wrong = false;
    for statement in body(block) {
        match statement.keyword.map(|k| k.canonical()) {
            Some("name") => match self::name(cx, statement, scope, name.as_ref(), before) {
                Some(good) => name = Some((good, statement.span)),
                None => wrong = true,
            },
            Some(other) => {
                common.statement(cx, other, statement);
            }
            None => {}
        }
    }
    if wrong {
        return None;
    }
    let Some((name, _)) = name else {
        let message = "this check names no bfd_instance; it is left out";
        let diagnostic = Diagnostic::new(&codes::INCOMPLETE, end_of(block), message);
        cx.sink.push(
            diagnostic.also(block.span, "of this check").help("add `name` with that of a bfd_instance"),
        );
        return None;
    };
    before.push(name.clone());
    Some(name)
}

fn name(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    scope: Scope<'_>,
    first: Option<&(Box<str>, Span)>,
    before: &[Box<str>],
) -> Option<Box<str>> {
    let words = cx.words(statement);
    let [_, word] = words else {
        let message = "`name` needs one name of a bfd_instance; the check is left out";
        cx.report(&codes::MISSING_VALUE, statement.span, message);
        return None;
    };
    if !scope.has_bfd_instance(cx, word) {
        return None;
    }
    let text = word.text.as_ref();
    if let Some((_, span)) = first {
        let diagnostic =
            Diagnostic::new(&codes::GIVEN_TWICE, word.span, "a BFD_CHECK has one name; this one is left out");
        cx.sink.push(diagnostic.also(*span, "first given here"));
        return None;
    }
    if before.iter().any(|s| s.as_ref() == text) {
        let message = format!("bfd_instance `{text}` is watched already by this real server");
        cx.report(&codes::GIVEN_TWICE, word.span, message);
        return None;
    }
    Some(text.into())
}
