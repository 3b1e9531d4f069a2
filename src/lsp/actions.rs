//! Repairs that an editor can make: where a finding says for certain what should stand at its place.

use super::findings;
use super::position::Lines;
use super::protocol::{CodeAction, Range, TextEdit, Uri, WorkspaceEdit};
use crate::conf::Loaded;
use std::collections::BTreeMap;

/// The repairs of what lies within a range of the document.
pub(super) fn actions(uri: &Uri, text: &str, within: Range, loaded: &Loaded) -> Vec<CodeAction> {
    let lines = Lines::new(text);
    let main = loaded.sources.ids().next();
    let mut found = Vec::new();
    for diagnostic in &loaded.diagnostics {
        let span = diagnostic.primary.span;
        let Some(instead) = diagnostic.instead.as_ref().filter(|_| Some(span.file) == main) else { continue };
        let range = lines.range(span.range());
        // What comes from a parameter can't be put right where it is used.
        let written = text.get(span.range()).is_some_and(|t| !t.is_empty() && !t.contains('$'));
        if !written || range.start > within.end || range.end < within.start {
            continue;
        }
        let edit = TextEdit { range, new_text: instead.clone() };
        let edit = WorkspaceEdit { changes: BTreeMap::from([(uri.clone(), vec![edit])]) };
        let about = findings::about(uri, loaded, diagnostic);
        found.push(CodeAction {
            title: format!("Replace by `{instead}`"),
            kind: "quickfix",
            diagnostics: vec![about],
            edit,
            is_preferred: true,
        });
    }
    found
}
