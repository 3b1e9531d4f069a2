//! A document's blocks, for the editor's table of contents.

use super::position::Lines;
use super::protocol::{DocumentSymbol, Range, SymbolKind};
use super::written::Written;

/// The blocks, each within the one around it, and the definitions of parameters.
pub(super) fn outline(text: &str) -> Vec<DocumentSymbol> {
    let lines = Lines::new(text);
    let written = Written::new(text);
    let mut symbols: Vec<Option<DocumentSymbol>> = Vec::new();
    for statement in &written.statements {
        let symbol = statement.body.as_ref().map(|body| {
            let words = statement.span();
            let whole = words.start..(body.end + 1).min(text.len()).max(words.end);
            let kind = if statement.parent.is_none() { SymbolKind::CLASS } else { SymbolKind::STRUCT };
            symbol(statement.title(), kind, lines.range(whole), lines.range(words))
        });
        symbols.push(symbol);
    }
    let mut top: Vec<DocumentSymbol> = written
        .definitions
        .iter()
        .map(|d| {
            let (whole, name) = (lines.range(d.value.clone()), lines.range(d.name.span.clone()));
            symbol(format!("${}", d.name.text), SymbolKind::CONSTANT, whole, name)
        })
        .collect();
    // Children follow their parents: going backwards, each symbol is complete when it is moved into its parent.
    for i in (0..symbols.len()).rev() {
        let Some(mut symbol) = symbols[i].take() else { continue };
        symbol.children.reverse();
        match written.statements[i].parent.and_then(|p| symbols[p].as_mut()) {
            Some(parent) => parent.children.push(symbol),
            None => top.push(symbol),
        }
    }
    top.sort_by_key(|s| s.range.start);
    top
}

fn symbol(name: String, kind: SymbolKind, range: Range, selection_range: Range) -> DocumentSymbol {
    DocumentSymbol { name, kind, range, selection_range, children: Vec::new() }
}
