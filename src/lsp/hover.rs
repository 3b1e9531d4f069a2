//! What a word means, for people who point at it: from the table of keywords, and from the text's definitions.

use super::names::{self, Kind, Name};
use super::written::{Context, Written};
use crate::conf::schema::reference;
use crate::conf::schema::{Arg, Keyword, Status};
use std::fmt::Write as _;
use std::ops::Range;

/// Markdown on what stands at a place, and the bytes that it is about.
pub(super) fn hover(text: &str, offset: usize) -> Option<(String, Range<usize>)> {
    let written = Written::new(text);
    let names = names::names(text, &written);
    if let Some(name) = names::at(&names, offset)
        && let Some(said) = definition(text, &written, &names, name)
    {
        return Some((said, name.span.clone()));
    }
    let (statement, word) = written.at(offset)?;
    let row = &written.statements[statement];
    if let Some(keyword) = row.keyword {
        return Some((markdown(keyword), row.words[word].span.clone()));
    }
    // Entries have no keyword: an option in one is explained, otherwise the keyword of the list.
    match written.context(row.parent) {
        Context::Entries(keyword) => {
            let option = keyword.entry.and_then(|grammar| grammar.find(&row.words[word].text));
            Some(match option {
                Some(option) => (markdown(option), row.words[word].span.clone()),
                None => (markdown(keyword), row.span()),
            })
        }
        Context::Keywords(_) | Context::Unknown => None,
    }
}

/// What a name stands for.
fn definition(text: &str, written: &Written<'_>, names: &[Name], name: &Name) -> Option<String> {
    if name.defines && name.kind != Kind::Parameter {
        return None;
    }
    if name.kind == Kind::Parameter {
        let found = written.definitions.iter().rev().find(|d| d.name.text == name.text)?;
        return Some(fenced(text.get(found.value.clone())?));
    }
    let defined = names.iter().find(|n| n.defines && n.kind == name.kind && n.text == name.text)?;
    let (statement, _) = written.at(defined.span.start)?;
    let row = &written.statements[statement];
    let end = row.body.as_ref().map_or(row.span().end, |body| (body.end + 1).min(text.len()));
    let lines: Vec<&str> = text.get(row.span().start..end)?.lines().collect();
    // A long block is cut after a few lines, which are enough to recognize it.
    let shown = lines.get(..12).map_or_else(|| lines.join("\n"), |first| first.join("\n") + "\n...");
    Some(fenced(&shown))
}

fn fenced(text: &str) -> String {
    format!("```keepalived\n{text}\n```\n")
}

/// A keyword as the reference has it.
pub(super) fn markdown(keyword: &Keyword) -> String {
    let mut text = fenced(&reference::usage(keyword));
    if !keyword.help.is_empty() {
        let _ = writeln!(text, "\n{}", keyword.help);
    }
    let arguments: Vec<String> = keyword.args.iter().filter_map(argument).collect();
    if !arguments.is_empty() {
        let _ = writeln!(text, "\n{}", arguments.join("\n"));
    }
    if let Some(default) = keyword.default {
        let _ = writeln!(text, "\ndefault: {default}");
    }
    if let Some(preferred) = keyword.synonym_of {
        let _ = writeln!(text, "\nthe preferred spelling is `{preferred}`");
    }
    if keyword.status != Status::Done {
        let _ = writeln!(text, "\n*vipd reads it, and does not carry it out yet*");
    }
    text
}

fn argument(arg: &Arg) -> Option<String> {
    let words = reference::describe(arg)?;
    let optional = if arg.required { "" } else { " (may be left out)" };
    Some(format!("- `{}`: {words}{optional}", arg.name))
}
