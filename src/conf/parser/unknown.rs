//! The finding about an unknown keyword: what was probably meant, or which block it belongs into.

use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::schema::{self, Block};
use crate::conf::source::Span;

/// `in_short`: the finding is only counted, so there is no search for similar words.
pub(super) fn unknown_keyword(name: &str, span: Span, block: &'static Block, in_short: bool) -> Diagnostic {
    if in_short {
        return Diagnostic::new(&codes::UNKNOWN_KEYWORD, span, "");
    }
    let place =
        if block.name.is_empty() { "at the top level".to_owned() } else { format!("in `{}`", block.name) };
    let homes: Vec<&str> = schema::blocks()
        .into_iter()
        .filter(|b| b.find(name).is_some())
        .map(|b| if b.name.is_empty() { "the top level" } else { b.name })
        .collect();
    let close = did_you_mean(name, block.keywords.iter().map(|k| k.name));
    if let (None, Some(_)) = (close, homes.first()) {
        let diagnostic =
            Diagnostic::new(&codes::MISPLACED_KEYWORD, span, format!("`{name}` can't stand {place}"));
        // An old spelling elsewhere, of what is called otherwise here.
        let meant = schema::blocks().into_iter().find_map(|b| b.find(name)?.synonym_of);
        return match meant.filter(|meant| block.find(meant).is_some()) {
            Some(meant) => diagnostic.did_you_mean(meant),
            None => diagnostic.help(format!("`{name}` belongs into {}", list(&homes))),
        };
    }
    let diagnostic =
        Diagnostic::new(&codes::UNKNOWN_KEYWORD, span, format!("unknown keyword `{name}` {place}"));
    let assigned = name.split_once('=').filter(|(keyword, _)| block.find(keyword).is_some());
    match (close, assigned) {
        (_, Some((keyword, value))) => {
            diagnostic.help(format!("write `{keyword} {value}`")).instead(format!("{keyword} {value}"))
        }
        (Some(close), None) => diagnostic.did_you_mean(close),
        (None, None) => diagnostic,
    }
}

/// `` `a`, `b` or `c` ``
fn list(names: &[&str]) -> String {
    let mut names: Vec<String> = names
        .iter()
        .map(|n| if *n == "the top level" { (*n).to_owned() } else { format!("`{n}`") })
        .collect();
    names.dedup();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
