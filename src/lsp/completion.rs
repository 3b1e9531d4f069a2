//! What may stand at the cursor: keywords of the block, an argument's choices, names that are defined, parameters.

use super::cursor::{self, Cursor};
use super::hover;
use super::names::{self, Kind, Name};
use super::position::Lines;
use super::protocol::{
    CompletionItem, CompletionItemKind, CompletionItemTag, InsertTextFormat, MarkupContent, TextEdit,
};
use super::written::{Context, Written};
use crate::conf::schema::reference;
use crate::conf::schema::{self, Block, Keyword, Shape};
use std::ops::Range;

/// Parameters that every file has.
const PREDEFINED: &[(&str, &str)] = &[
    ("_PWD", "the directory of the file"),
    ("_INSTANCE", "the instance's name, from -i"),
    ("_RANDOM", "a random number: ${_RANDOM min max}"),
    ("_ENV", "a variable of the environment: ${_ENV NAME}"),
    ("_HASH", "a literal #"),
    ("_BANG", "a literal !"),
];

/// Proposals for a place. `snippets`: the editor takes text with places to fill in. `others` are names that other
/// open documents define.
pub(super) fn complete(text: &str, offset: usize, snippets: bool, others: &[Name]) -> Vec<CompletionItem> {
    let lines = Lines::new(text);
    let written = Written::new(text);
    let mut names = names::names(text, &written);
    names.extend_from_slice(others);
    let edit = |span: &Range<usize>, new: &str| {
        Some(TextEdit { range: lines.range(span.clone()), new_text: new.to_owned() })
    };
    if let Some(span) = cursor::parameter(text, offset) {
        return parameters(&names)
            .map(|(name, detail)| {
                let label = format!("${{{name}}}");
                CompletionItem {
                    text_edit: edit(&span, &label),
                    kind: Some(CompletionItemKind::VARIABLE),
                    detail: Some(detail.to_owned()),
                    filter_text: text.get(span.clone()).map(|typed| {
                        let sign = if typed.starts_with("${") { "${" } else { "$" };
                        format!("{sign}{name}")
                    }),
                    label,
                    ..CompletionItem::default()
                }
            })
            .collect();
    }
    let Some(cursor) = cursor::cursor(&written, offset) else { return Vec::new() };
    if let (Context::Entries(Keyword { entry: Some(grammar), .. }), [_, behind @ ..]) =
        (cursor.context, cursor.before.as_slice())
    {
        let choices: Vec<&str> = option_choices(grammar, behind);
        if !choices.is_empty() {
            let values = choices
                .into_iter()
                .map(|c| value(c, CompletionItemKind::ENUM_MEMBER, edit(&cursor.typed, c)));
            return values.collect();
        }
        let options = grammar.keywords.iter().filter(|k| !behind.contains(&k.name));
        return options
            .map(|k| CompletionItem { text_edit: edit(&cursor.typed, k.name), ..item(k) })
            .collect();
    }
    if let (Context::Keywords(block), []) = (cursor.context, cursor.before.as_slice()) {
        return block
            .keywords
            .iter()
            .map(|k| CompletionItem {
                text_edit: edit(&cursor.typed, &insertion(k, snippets)),
                insert_text_format: snippets.then_some(InsertTextFormat::SNIPPET),
                ..item(k)
            })
            .collect();
    }
    words(&written, &cursor, &names)
        .into_iter()
        .map(|(label, kind)| value(&label, kind, edit(&cursor.typed, &label)))
        .collect()
}

fn value(label: &str, kind: CompletionItemKind, text_edit: Option<TextEdit>) -> CompletionItem {
    CompletionItem { label: label.to_owned(), kind: Some(kind), text_edit, ..CompletionItem::default() }
}

/// What the option before the cursor may be followed by, where it is one of a few words.
fn option_choices(grammar: &Block, behind: &[&str]) -> Vec<&'static str> {
    let option = behind.last().and_then(|name| grammar.find(name));
    option.and_then(|o| o.args.first()).map(schema::choices).unwrap_or_default()
}

fn item(keyword: &Keyword) -> CompletionItem {
    let kind = match keyword.shape {
        Shape::Line => CompletionItemKind::PROPERTY,
        Shape::Block(_) | Shape::Entries => CompletionItemKind::STRUCT,
    };
    let value = hover::markdown(keyword);
    CompletionItem {
        label: keyword.name.to_owned(),
        kind: Some(kind),
        detail: Some(reference::usage(keyword)),
        documentation: Some(MarkupContent::markdown(value)),
        // Sorted behind the preferred spellings.
        sort_text: keyword.synonym_of.map(|_| format!("~{}", keyword.name)),
        tags: keyword.synonym_of.map(|_| vec![CompletionItemTag::DEPRECATED]),
        ..CompletionItem::default()
    }
}

/// The keyword, its required arguments to be filled in, and its braces.
fn insertion(keyword: &Keyword, snippets: bool) -> String {
    if !snippets {
        return keyword.name.to_owned();
    }
    let mut text = keyword.name.to_owned();
    for (i, arg) in keyword.args.iter().filter(|a| a.required).enumerate() {
        let number = i + 1;
        let name = arg.name.replace(['$', '}', '\\'], "");
        text.push_str(&format!(" ${{{number}:{name}}}"));
    }
    if !matches!(keyword.shape, Shape::Line) {
        text.push_str(" {\n\t$0\n}");
    }
    text
}

fn parameters(names: &[Name]) -> impl Iterator<Item = (&str, &str)> {
    let mut defined: Vec<(&str, &str)> = names
        .iter()
        .filter(|n| n.kind == Kind::Parameter && n.defines)
        .map(|n| (n.text.as_str(), "defined in this configuration"))
        .collect();
    defined.sort_unstable();
    defined.dedup();
    defined.into_iter().chain(PREDEFINED.iter().copied())
}

/// What may stand behind a keyword, or as an entry.
fn words(written: &Written<'_>, cursor: &Cursor<'_>, names: &[Name]) -> Vec<(String, CompletionItemKind)> {
    let word = cursor.before.len();
    let keyword = match cursor.context {
        Context::Keywords(block) => keyword(block, cursor),
        Context::Entries(_) | Context::Unknown => None,
    };
    if let Some(kind) = wanted(written, cursor) {
        let mut found: Vec<&str> =
            names.iter().filter(|n| n.kind == kind && n.defines).map(|n| n.text.as_str()).collect();
        found.sort_unstable();
        found.dedup();
        return found.into_iter().map(|n| (n.to_owned(), CompletionItemKind::REFERENCE)).collect();
    }
    let choices: Vec<&str> = match keyword {
        Some(k) if k.name == "virtual_server" && word == 1 => vec!["fwmark", "group"],
        Some(k) => word.checked_sub(1).and_then(|i| k.args.get(i)).map(schema::choices).unwrap_or_default(),
        None => Vec::new(),
    };
    choices.into_iter().map(|c| (c.to_owned(), CompletionItemKind::ENUM_MEMBER)).collect()
}

fn keyword(block: &'static Block, cursor: &Cursor<'_>) -> Option<&'static Keyword> {
    cursor.before.first().and_then(|name| block.find(name))
}

/// The kind of name that belongs at the cursor.
fn wanted(written: &Written<'_>, cursor: &Cursor<'_>) -> Option<Kind> {
    let word = cursor.before.len();
    match cursor.around.and_then(|i| written.statements.get(i)) {
        Some(parent) => names::meant(parent, cursor.before.first().copied().unwrap_or_default(), word),
        None if cursor.before == ["virtual_server", "group"] => Some(Kind::ServerGroup),
        None => None,
    }
}
