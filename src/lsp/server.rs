//! The edge: the protocol's messages to the questions that the other files answer.

#![allow(
    clippy::mutable_key_type,
    reason = "the protocol's address keeps a cell that its order does not read"
)]

use super::document::Document;
use super::findings::{self, ByFile};
use super::names::{self, Name};
use super::position::Lines;
use super::scan::Scan;
use super::{actions, completion, hover, outline, uri};
use crate::conf::source::Source;
use crate::conf::{Loaded, expand, layout};
use lsp_server::{Connection, ErrorCode, IoThreads, Message, Notification, ProtocolError, Request, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Notification as _, PublishDiagnostics,
};
use lsp_types::request::{
    CodeActionRequest, Completion, DocumentSymbolRequest, Formatting, GotoDefinition, HoverRequest,
    References, Request as _,
};
use lsp_types::{
    CodeActionOrCommand, CodeActionParams, CompletionOptions, CompletionParams, CompletionResponse,
    DocumentFormattingParams, DocumentSymbolParams, DocumentSymbolResponse, GotoDefinitionParams,
    GotoDefinitionResponse, Hover, HoverContents, HoverParams, InitializeParams, Location, MarkupContent,
    MarkupKind, OneOf, Position, PublishDiagnosticsParams, ReferenceParams, ServerCapabilities,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextEdit, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Why the server ended otherwise than by the editor's word.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The editor does not keep to the protocol.
    #[error("the language server protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// What the editor sent first is not understood.
    #[error("the editor's first message: {0}")]
    Initialize(#[from] serde_json::Error),
    /// Standard input or output.
    #[error("standard input or output: {0}")]
    Io(#[from] std::io::Error),
    /// The editor is gone without a word.
    #[error("the editor went away without `exit`")]
    Gone,
}

/// Serves an editor on standard input and output until it says `exit`.
///
/// # Errors
/// The editor goes away before, or does not speak the protocol.
pub fn run() -> Result<(), Error> {
    let (connection, threads) = Connection::stdio();
    let served = serve(&connection);
    // The writing thread ends when nobody can send to it any more.
    drop(connection);
    served.and_then(|()| end(threads))
}

fn end(threads: IoThreads) -> Result<(), Error> {
    Ok(threads.join()?)
}

fn serve(connection: &Connection) -> Result<(), Error> {
    let (id, params) = connection.initialize_start()?;
    let params: InitializeParams = serde_json::from_value(params)?;
    let answer = json!({
        "capabilities": capabilities(),
        "serverInfo": { "name": "vipd", "version": env!("CARGO_PKG_VERSION") },
    });
    connection.initialize_finish(id, answer)?;
    let item = params.capabilities.text_document.and_then(|t| t.completion).and_then(|c| c.completion_item);
    let snippets = item.and_then(|i| i.snippet_support).unwrap_or(false);
    let mut server = Server { snippets, ..Server::default() };
    loop {
        // What is wrong is said when nothing more is waiting: somebody who types fast does not wait for it.
        if connection.receiver.is_empty() {
            for message in server.publish() {
                send(connection, Message::Notification(message))?;
            }
        }
        match connection.receiver.recv() {
            Ok(Message::Request(request)) => {
                if connection.handle_shutdown(&request)? {
                    return Ok(());
                }
                send(connection, Message::Response(server.request(request)))?;
            }
            Ok(Message::Notification(notification)) => server.notification(notification),
            Ok(Message::Response(_)) => {}
            Err(_) => return Err(Error::Gone),
        }
    }
}

fn send(connection: &Connection, message: Message) -> Result<(), Error> {
    connection.sender.send(message).map_err(|_| Error::Gone)
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Kind(TextDocumentSyncKind::INCREMENTAL)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(vec!["$".to_owned(), "{".to_owned()]),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(true.into()),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(true.into()),
        ..ServerCapabilities::default()
    }
}

/// The open documents.
#[derive(Default)]
struct Server {
    snippets: bool,
    documents: HashMap<Uri, Document>,
    /// Documents whose findings are not told yet.
    changed: BTreeSet<Uri>,
    /// For each document, the other files that it has findings in.
    told: HashMap<Uri, BTreeSet<Uri>>,
}

impl Server {
    fn notification(&mut self, notification: Notification) {
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => {
                if let Ok(lsp_types::DidOpenTextDocumentParams { text_document: opened }) =
                    params(notification.params)
                {
                    let document = Document { text: opened.text, version: opened.version };
                    self.documents.insert(opened.uri.clone(), document);
                    self.changed.insert(opened.uri);
                }
            }
            DidChangeTextDocument::METHOD => {
                let changed: Result<lsp_types::DidChangeTextDocumentParams, _> = params(notification.params);
                if let Ok(changed) = changed
                    && let Some(document) = self.documents.get_mut(&changed.text_document.uri)
                {
                    document.change(changed.text_document.version, changed.content_changes);
                    self.changed.insert(changed.text_document.uri);
                }
            }
            DidCloseTextDocument::METHOD => {
                let closed: Result<lsp_types::DidCloseTextDocumentParams, _> = params(notification.params);
                if let Ok(closed) = closed {
                    self.documents.remove(&closed.text_document.uri);
                    self.changed.insert(closed.text_document.uri);
                }
            }
            _ => {}
        }
    }

    /// What there is to say of documents that changed. A file without findings is told so, to take the old ones away.
    fn publish(&mut self) -> Vec<Notification> {
        let mut messages = Vec::new();
        for main in std::mem::take(&mut self.changed) {
            let document = self.documents.get(&main);
            let version = document.map(|d| d.version);
            let found: ByFile = match document {
                Some(document) => findings::findings(&main, &findings::load(&main, &document.text)),
                None => vec![(main.clone(), Vec::new())],
            };
            // An open file speaks for itself.
            let told: BTreeSet<Uri> = found
                .iter()
                .map(|(file, _)| file.clone())
                .filter(|file| *file != main && !self.documents.contains_key(file))
                .collect();
            let before = self.told.insert(main.clone(), told.clone()).unwrap_or_default();
            for (file, diagnostics) in found {
                if file == main || told.contains(&file) {
                    let version = version.filter(|_| file == main);
                    messages.push(PublishDiagnosticsParams { uri: file, diagnostics, version });
                }
            }
            for file in before.difference(&told).filter(|file| !self.documents.contains_key(*file)) {
                let uri = file.clone();
                messages.push(PublishDiagnosticsParams { uri, diagnostics: Vec::new(), version: None });
            }
        }
        messages
            .into_iter()
            .map(|message| Notification::new(PublishDiagnostics::METHOD.to_owned(), message))
            .collect()
    }

    fn request(&mut self, request: Request) -> Response {
        match request.method.as_str() {
            Completion::METHOD => answer(request, |p| self.completion(&p)),
            HoverRequest::METHOD => answer(request, |p| self.hover(&p)),
            GotoDefinition::METHOD => answer(request, |p| self.definition(&p)),
            References::METHOD => answer(request, |p| self.references(&p)),
            DocumentSymbolRequest::METHOD => answer(request, |p| self.symbols(&p)),
            Formatting::METHOD => answer(request, |p| self.formatting(&p)),
            CodeActionRequest::METHOD => answer(request, |p| self.code_actions(&p)),
            method => {
                let message = format!("`{method}` is not served");
                Response::new_err(request.id, ErrorCode::MethodNotFound as i32, message)
            }
        }
    }

    fn completion(&self, params: &CompletionParams) -> Option<CompletionResponse> {
        let at = &params.text_document_position;
        let text = self.text(&at.text_document.uri)?;
        let others = self.other_names(&at.text_document.uri);
        let offset = Lines::new(text).offset(at.position);
        Some(CompletionResponse::Array(completion::complete(text, offset, self.snippets, &others)))
    }

    fn hover(&self, params: &HoverParams) -> Option<Hover> {
        let at = &params.text_document_position_params;
        let text = self.text(&at.text_document.uri)?;
        let lines = Lines::new(text);
        let (value, span) = hover::hover(text, lines.offset(at.position))?;
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        Some(Hover { contents, range: Some(lines.range(span)) })
    }

    fn definition(&self, params: &GotoDefinitionParams) -> Option<GotoDefinitionResponse> {
        let at = &params.text_document_position_params;
        let uri = &at.text_document.uri;
        match self.included(uri, at.position) {
            Some(mut files) if files.len() == 1 => return files.pop().map(Into::into),
            Some(files) => return Some(files.into()),
            None => {}
        }
        let found = self.occurrences(uri, at.position, true);
        (!found.is_empty()).then_some(GotoDefinitionResponse::Array(found))
    }

    fn references(&self, params: &ReferenceParams) -> Option<Vec<Location>> {
        let at = &params.text_document_position;
        let mut found = self.occurrences(&at.text_document.uri, at.position, false);
        if params.context.include_declaration {
            found.extend(self.occurrences(&at.text_document.uri, at.position, true));
        }
        Some(found)
    }

    fn symbols(&self, params: &DocumentSymbolParams) -> Option<DocumentSymbolResponse> {
        let text = self.text(&params.text_document.uri)?;
        Some(outline::outline(text).into())
    }

    /// Nothing where the braces don't go together: the findings say so.
    fn formatting(&self, params: &DocumentFormattingParams) -> Option<Vec<TextEdit>> {
        let text = self.text(&params.text_document.uri)?;
        let new_text = layout::format(text).ok()?;
        if new_text == text {
            return Some(Vec::new());
        }
        Some(vec![TextEdit { range: Lines::new(text).everything(), new_text }])
    }

    fn code_actions(&self, params: &CodeActionParams) -> Option<Vec<CodeActionOrCommand>> {
        let uri = &params.text_document.uri;
        let text = self.text(uri)?;
        let found = actions::actions(uri, text, params.range, &findings::load(uri, text));
        Some(found.into_iter().map(CodeActionOrCommand::CodeAction).collect())
    }

    fn text(&self, uri: &Uri) -> Option<&str> {
        self.documents.get(uri).map(|d| d.text.as_str())
    }

    /// Names that the other open documents define, and the files that this one includes.
    fn other_names(&self, uri: &Uri) -> Vec<Name> {
        let defined = |text: &str| names::names(text, &Scan::new(text)).into_iter().filter(|n| n.defines);
        let others = self.documents.iter().filter(|(other, _)| *other != uri);
        let mut found: Vec<Name> = others.flat_map(|(_, d)| defined(&d.text)).collect();
        let Some(text) = self.text(uri) else { return found };
        for (_, source) in self.included_sources(uri, &findings::load(uri, text)) {
            found.extend(defined(source.text()));
        }
        found
    }

    /// The files that a document includes, apart from those that are open.
    fn included_sources<'l>(&self, uri: &Uri, loaded: &'l Loaded) -> Vec<(Uri, &'l Source)> {
        let mut seen = BTreeSet::new();
        let sources = loaded.sources.ids().skip(1).map(|file| loaded.sources.get(file));
        let named = sources.filter_map(|s| Some((uri::from_path(Path::new(s.name()))?, s)));
        named
            .filter(|(file, _)| {
                file != uri && !self.documents.contains_key(file) && seen.insert(file.clone())
            })
            .collect()
    }

    /// Where the name at a place is defined, or meant: in this document, the other open ones, and what it includes.
    fn occurrences(&self, uri: &Uri, position: Position, defines: bool) -> Vec<Location> {
        let Some(text) = self.text(uri) else { return Vec::new() };
        let here = names::names(text, &Scan::new(text));
        let Some(name) = names::at(&here, Lines::new(text).offset(position)) else { return Vec::new() };
        let mut found = Vec::new();
        let mut look = |uri: &Uri, text: &str, names: &[Name]| {
            let lines = Lines::new(text);
            let same = |n: &&Name| n.kind == name.kind && n.text == name.text && n.defines == defines;
            let locations = names.iter().filter(same).map(|n| lines.range(n.span.clone()));
            found.extend(locations.map(|range| Location { uri: uri.clone(), range }));
        };
        look(uri, text, &here);
        for (other, document) in self.documents.iter().filter(|(other, _)| *other != uri) {
            look(other, &document.text, &names::names(&document.text, &Scan::new(&document.text)));
        }
        for (included, source) in self.included_sources(uri, &findings::load(uri, text)) {
            look(&included, source.text(), &names::names(source.text(), &Scan::new(source.text())));
        }
        found
    }

    /// The files that the `include` at a place names, as many as match; `None` where there are none, or no `include`.
    fn included(&self, uri: &Uri, position: Position) -> Option<Vec<Location>> {
        let text = self.text(uri)?;
        let (before, after) = text.split_at_checked(Lines::new(text).offset(position))?;
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let end = before.len() + after.find('\n').unwrap_or(after.len());
        // Not its words: braces in a pattern are none of a block's.
        let (keyword, pattern) = text.get(start..end)?.trim().split_once([' ', '\t'])?;
        let pattern = pattern.split(['#', '!']).next().unwrap_or_default().trim();
        if !matches!(keyword, "include" | "includea" | "includeb" | "includem" | "includer" | "includew") {
            return None;
        }
        let found = expand::files_of(pattern, uri::to_path(uri)?.parent()?);
        let files = found.iter().filter(|path| path.is_file()).filter_map(|path| uri::from_path(path));
        let at_its_start = |uri| Location { uri, range: lsp_types::Range::default() };
        Some(files.map(at_its_start).collect()).filter(|found: &Vec<Location>| !found.is_empty())
    }
}

fn params<P: DeserializeOwned>(value: serde_json::Value) -> serde_json::Result<P> {
    serde_json::from_value(value)
}

fn answer<P: DeserializeOwned, A: Serialize>(
    request: Request,
    serve: impl FnOnce(P) -> Option<A>,
) -> Response {
    match params(request.params) {
        Ok(params) => Response::new_ok(request.id, serve(params)),
        Err(error) => Response::new_err(request.id, ErrorCode::InvalidParams as i32, error.to_string()),
    }
}
