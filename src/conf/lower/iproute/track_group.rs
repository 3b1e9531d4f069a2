//! `track_group NAME` of static entries: the group that depends on them.

use super::super::Lower;
use super::Entry;
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use std::collections::HashMap;

/// The `track_group` blocks by name.
#[derive(Debug, Default)]
pub(in crate::conf::lower) struct TrackGroups {
    defined: HashMap<String, Span>,
}

impl TrackGroups {
    pub(super) fn collect(cx: &Lower<'_, '_>) -> TrackGroups {
        let mut defined = HashMap::new();
        for statement in cx.top_level("track_group") {
            if let Some(word) = cx.words(statement).get(1) {
                defined.entry(word.text.to_string()).or_insert(word.span);
            }
        }
        TrackGroups { defined }
    }

    /// `track_group NAME`: the group must stand before what names it.
    pub(super) fn choose(
        &self,
        entry: &mut Entry<'_, '_, '_>,
        option: &Word<'_>,
        word: &Word<'_>,
        chosen: &mut Option<(String, Span)>,
    ) {
        if let Some((_, first)) = chosen {
            let message = "a second track_group; what follows has no effect";
            let diagnostic = Diagnostic::new(&codes::TRACK_GROUP, option.span.to(word.span), message);
            entry.cx.sink.push(diagnostic.also(*first, "the first one"));
            entry.next = entry.words.len();
            return;
        }
        let name = word.text.as_ref();
        match self.defined.get(name) {
            Some(defined) if *defined < word.span => *chosen = Some((name.to_owned(), word.span)),
            Some(defined) => {
                let message = format!("track_group `{name}` is defined only later; it has no effect here");
                let diagnostic = Diagnostic::new(&codes::TRACK_GROUP, word.span, message);
                let help = "move the track_group block before this one";
                entry.cx.sink.push(diagnostic.also(*defined, "defined here").help(help));
            }
            None => {
                let message = format!("track_group `{name}` is not defined; it has no effect");
                let mut diagnostic = Diagnostic::new(&codes::TRACK_GROUP, word.span, message);
                if let Some(close) = did_you_mean(name, self.defined.keys().map(String::as_str)) {
                    diagnostic = diagnostic.did_you_mean(close);
                }
                entry.cx.sink.push(diagnostic);
            }
        }
    }
}
