//! The language server protocol, as much of it as is spoken here: the values that messages are made of.
//!
//! Version 3.17 of <https://microsoft.github.io/language-server-protocol/>; names are the specification's. Editors may
//! send more fields than these.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The address of a document, as the editor writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Uri(pub(super) String);

impl Uri {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A place: lines count from 0, and UTF-16 units within them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) line: u32,
    pub(super) character: u32,
}

impl Position {
    pub(super) fn new(line: u32, character: u32) -> Position {
        Position { line, character }
    }
}

/// From one place up to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    pub(super) start: Position,
    pub(super) end: Position,
}

impl Range {
    pub(super) fn new(start: Position, end: Position) -> Range {
        Range { start, end }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Location {
    pub(super) uri: Uri,
    pub(super) range: Range,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextEdit {
    pub(super) range: Range,
    pub(super) new_text: String,
}

/// A number of the specification that is sent as such.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident { $($value:ident = $number:literal),* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
            #[serde(transparent)]
            pub(super) struct $name(u8);

            impl $name {
                $(pub(super) const $value: $name = $name($number);)*
            }
        )*
    };
}

numbers! {
    DiagnosticSeverity { ERROR = 1, WARNING = 2, INFORMATION = 3 }
    DiagnosticTag { UNNECESSARY = 1 }
    CompletionItemKind { VARIABLE = 6, PROPERTY = 10, REFERENCE = 18, ENUM_MEMBER = 20, STRUCT = 22 }
    CompletionItemTag { DEPRECATED = 1 }
    InsertTextFormat { SNIPPET = 2 }
    SymbolKind { CLASS = 5, CONSTANT = 14, STRUCT = 23 }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Diagnostic {
    pub(super) range: Range,
    pub(super) severity: DiagnosticSeverity,
    pub(super) code: String,
    pub(super) source: &'static str,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<DiagnosticTag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_information: Vec<DiagnosticRelatedInformation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DiagnosticRelatedInformation {
    pub(super) location: Location,
    pub(super) message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PublishDiagnosticsParams {
    pub(super) uri: Uri,
    pub(super) diagnostics: Vec<Diagnostic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<i32>,
}

/// Markdown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct MarkupContent {
    kind: &'static str,
    pub(super) value: String,
}

impl MarkupContent {
    pub(super) fn markdown(value: String) -> MarkupContent {
        MarkupContent { kind: "markdown", value }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Hover {
    pub(super) contents: MarkupContent,
    pub(super) range: Range,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CompletionItem {
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<CompletionItemKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<Vec<CompletionItemTag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) documentation: Option<MarkupContent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sort_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filter_text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) insert_text_format: Option<InsertTextFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text_edit: Option<TextEdit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentSymbol {
    pub(super) name: String,
    pub(super) kind: SymbolKind,
    pub(super) range: Range,
    pub(super) selection_range: Range,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) children: Vec<DocumentSymbol>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeAction {
    pub(super) title: String,
    pub(super) kind: &'static str,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) edit: WorkspaceEdit,
    pub(super) is_preferred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct WorkspaceEdit {
    pub(super) changes: BTreeMap<Uri, Vec<TextEdit>>,
}

/// What the editor can do, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct InitializeParams {
    capabilities: ClientCapabilities,
}

impl InitializeParams {
    /// Whether a completion may have places to fill in.
    pub(super) fn takes_snippets(&self) -> bool {
        self.capabilities.text_document.completion.completion_item.snippet_support
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClientCapabilities {
    text_document: TextDocumentClientCapabilities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TextDocumentClientCapabilities {
    completion: CompletionClientCapabilities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CompletionClientCapabilities {
    completion_item: CompletionItemCapabilities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CompletionItemCapabilities {
    snippet_support: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TextDocumentIdentifier {
    pub(super) uri: Uri,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionedTextDocumentIdentifier {
    pub(super) uri: Uri,
    pub(super) version: i32,
}

#[derive(Debug, Deserialize)]
pub(super) struct TextDocumentItem {
    pub(super) uri: Uri,
    pub(super) version: i32,
    pub(super) text: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DidOpenTextDocumentParams {
    pub(super) text_document: TextDocumentItem,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DidChangeTextDocumentParams {
    pub(super) text_document: VersionedTextDocumentIdentifier,
    pub(super) content_changes: Vec<TextDocumentContentChangeEvent>,
}

/// A part of the text that is replaced; all of it without a range.
#[derive(Debug, Deserialize)]
pub(super) struct TextDocumentContentChangeEvent {
    pub(super) range: Option<Range>,
    pub(super) text: String,
}

/// Of a notification or a question about a document as a whole.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextDocumentParams {
    pub(super) text_document: TextDocumentIdentifier,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TextDocumentPositionParams {
    pub(super) text_document: TextDocumentIdentifier,
    pub(super) position: Position,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReferenceParams {
    pub(super) text_document: TextDocumentIdentifier,
    pub(super) position: Position,
    pub(super) context: ReferenceContext,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReferenceContext {
    pub(super) include_declaration: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeActionParams {
    pub(super) text_document: TextDocumentIdentifier,
    pub(super) range: Range,
}
