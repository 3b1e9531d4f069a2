//! The edge: the protocol's messages to the questions that the other files answer.

use super::document::Document;
use super::findings::{self, ByFile};
use super::names::{self, Name};
use super::position::Lines;
use super::protocol::{
    CodeAction, CodeActionParams, CompletionItem, DidChangeTextDocumentParams, DidOpenTextDocumentParams,
    DocumentSymbol, Hover, InitializeParams, Location, MarkupContent, Position, PublishDiagnosticsParams,
    Range, ReferenceParams, TextDocumentParams, TextDocumentPositionParams, TextEdit, Uri,
};
use super::transport::{self, INVALID_PARAMS, INVALID_REQUEST, Incoming, METHOD_NOT_FOUND, NOT_INITIALIZED};
use super::written::Written;
use super::{actions, completion, hover, outline, uri};
use crate::conf::source::Source;
use crate::conf::{Loaded, expand, layout};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

/// How many messages may wait: what an editor sends beyond them stays in the pipe.
const WAITING: usize = 64;

/// Why the server ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard input or output.
    #[error("standard input or output: {0}")]
    Io(#[from] io::Error),
    /// The editor is gone, or said `exit`, without `shutdown` before.
    #[error("the editor went away without `shutdown` and `exit`")]
    Gone,
}

/// Serves an editor on standard input and output until it says `exit`.
///
/// # Errors
/// The editor goes away before.
pub fn run() -> Result<(), Error> {
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    // It may block in a read when the server ends; it ends with the process.
    thread::spawn(move || {
        let mut input = BufReader::new(io::stdin());
        while let Some(message) = transport::read(&mut input).transpose() {
            let ended = message.is_err();
            if sender.send(message).is_err() || ended {
                break;
            }
        }
    });
    serve(&receiver, &mut io::stdout().lock())
}

fn serve(messages: &Receiver<io::Result<Incoming>>, output: &mut impl Write) -> Result<(), Error> {
    let mut server = Server::default();
    loop {
        let message = match messages.try_recv() {
            Ok(message) => message?,
            Err(TryRecvError::Disconnected) => return Err(Error::Gone),
            Err(TryRecvError::Empty) => {
                // Findings are computed when no message is waiting, so that fast typing does not wait for them.
                for message in server.publish() {
                    transport::write(output, &message)?;
                }
                messages.recv().map_err(|_| Error::Gone)??
            }
        };
        match message {
            Incoming::Request { id, method, params } => {
                transport::write(output, &server.request(&id, &method, params))?;
            }
            Incoming::Notification { method, .. } if method == "exit" => {
                return if server.phase == Phase::ShutDown { Ok(()) } else { Err(Error::Gone) };
            }
            Incoming::Notification { method, params } => server.notification(&method, params),
            Incoming::Response => {}
            Incoming::Malformed { code, message } => {
                transport::write(output, &transport::error(&Value::Null, code, &message))?;
            }
        }
    }
}

fn capabilities() -> Value {
    json!({
        // Changes come as they are typed.
        "textDocumentSync": 2,
        "completionProvider": { "triggerCharacters": ["$", "{"] },
        "hoverProvider": true,
        "definitionProvider": true,
        "referencesProvider": true,
        "documentSymbolProvider": true,
        "documentFormattingProvider": true,
        "codeActionProvider": true,
    })
}

/// The state of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Before `initialize`.
    #[default]
    New,
    Open,
    /// Behind `shutdown`: nothing is served any more.
    ShutDown,
}

/// The open documents.
#[derive(Default)]
struct Server {
    phase: Phase,
    snippets: bool,
    documents: HashMap<Uri, Document>,
    /// Documents whose findings are not published yet.
    changed: BTreeSet<Uri>,
    /// For each document, the other files that it has findings in.
    published: HashMap<Uri, BTreeSet<Uri>>,
}

impl Server {
    fn notification(&mut self, method: &str, params: Value) {
        match method {
            "textDocument/didOpen" => {
                let opened: Result<DidOpenTextDocumentParams, _> = serde_json::from_value(params);
                if let Ok(DidOpenTextDocumentParams { text_document: opened }) = opened {
                    let document = Document { text: opened.text, version: opened.version };
                    self.documents.insert(opened.uri.clone(), document);
                    self.changed.insert(opened.uri);
                }
            }
            "textDocument/didChange" => {
                let changed: Result<DidChangeTextDocumentParams, _> = serde_json::from_value(params);
                if let Ok(changed) = changed
                    && let Some(document) = self.documents.get_mut(&changed.text_document.uri)
                {
                    document.change(changed.text_document.version, changed.content_changes);
                    self.changed.insert(changed.text_document.uri);
                }
            }
            "textDocument/didClose" => {
                let closed: Result<TextDocumentParams, _> = serde_json::from_value(params);
                if let Ok(closed) = closed {
                    self.documents.remove(&closed.text_document.uri);
                    self.changed.insert(closed.text_document.uri);
                }
            }
            _ => {}
        }
    }

    /// The findings of documents that changed. An empty list for a file removes its old findings.
    fn publish(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        for main in std::mem::take(&mut self.changed) {
            let document = self.documents.get(&main);
            let version = document.map(|d| d.version);
            let found: ByFile = match document {
                Some(document) => findings::findings(&main, &findings::load(&main, &document.text)),
                None => vec![(main.clone(), Vec::new())],
            };
            // A file that is open itself gets its findings from its own text.
            let published: BTreeSet<Uri> = found
                .iter()
                .map(|(file, _)| file.clone())
                .filter(|file| *file != main && !self.documents.contains_key(file))
                .collect();
            let before = self.published.insert(main.clone(), published.clone()).unwrap_or_default();
            for (file, diagnostics) in found {
                if file == main || published.contains(&file) {
                    let version = version.filter(|_| file == main);
                    messages.push(PublishDiagnosticsParams { uri: file, diagnostics, version });
                }
            }
            for file in before.difference(&published).filter(|file| !self.documents.contains_key(*file)) {
                let uri = file.clone();
                messages.push(PublishDiagnosticsParams { uri, diagnostics: Vec::new(), version: None });
            }
        }
        messages
            .into_iter()
            .map(|params| transport::notification("textDocument/publishDiagnostics", params))
            .collect()
    }

    fn request(&mut self, id: &Value, method: &str, params: Value) -> Value {
        match (self.phase, method) {
            (Phase::New, "initialize") => self.initialize(id, params),
            (Phase::New, _) => transport::error(id, NOT_INITIALIZED, "`initialize` comes first"),
            (Phase::ShutDown, _) => transport::error(id, INVALID_REQUEST, "`shutdown` was the last request"),
            (Phase::Open, "shutdown") => {
                self.phase = Phase::ShutDown;
                transport::answer(id, Value::Null)
            }
            (Phase::Open, "textDocument/completion") => answer(id, params, |p| self.completion(&p)),
            (Phase::Open, "textDocument/hover") => answer(id, params, |p| self.hover(&p)),
            (Phase::Open, "textDocument/definition") => answer(id, params, |p| self.definition(&p)),
            (Phase::Open, "textDocument/references") => answer(id, params, |p| self.references(&p)),
            (Phase::Open, "textDocument/documentSymbol") => answer(id, params, |p| self.symbols(&p)),
            (Phase::Open, "textDocument/formatting") => answer(id, params, |p| self.formatting(&p)),
            (Phase::Open, "textDocument/codeAction") => answer(id, params, |p| self.code_actions(&p)),
            (Phase::Open, method) => {
                transport::error(id, METHOD_NOT_FOUND, &format!("`{method}` is not served"))
            }
        }
    }

    fn initialize(&mut self, id: &Value, params: Value) -> Value {
        match serde_json::from_value::<InitializeParams>(params) {
            Ok(params) => {
                self.phase = Phase::Open;
                self.snippets = params.takes_snippets();
                let info = json!({ "name": "vipd", "version": env!("CARGO_PKG_VERSION") });
                transport::answer(id, json!({ "capabilities": capabilities(), "serverInfo": info }))
            }
            Err(error) => transport::error(id, INVALID_PARAMS, &error.to_string()),
        }
    }

    fn completion(&self, at: &TextDocumentPositionParams) -> Option<Vec<CompletionItem>> {
        let text = self.text(&at.text_document.uri)?;
        let others = self.other_names(&at.text_document.uri);
        let offset = Lines::new(text).offset(at.position);
        Some(completion::complete(text, offset, self.snippets, &others))
    }

    fn hover(&self, at: &TextDocumentPositionParams) -> Option<Hover> {
        let text = self.text(&at.text_document.uri)?;
        let lines = Lines::new(text);
        let (value, span) = hover::hover(text, lines.offset(at.position))?;
        Some(Hover { contents: MarkupContent::markdown(value), range: lines.range(span) })
    }

    /// One place, or a list of them.
    fn definition(&self, at: &TextDocumentPositionParams) -> Option<Value> {
        let uri = &at.text_document.uri;
        match self.included(uri, at.position).as_deref() {
            Some([file]) => return serde_json::to_value(file).ok(),
            Some(files) => return serde_json::to_value(files).ok(),
            None => {}
        }
        let found = self.occurrences(uri, at.position, true);
        if found.is_empty() { None } else { serde_json::to_value(found).ok() }
    }

    fn references(&self, at: &ReferenceParams) -> Option<Vec<Location>> {
        let mut found = self.occurrences(&at.text_document.uri, at.position, false);
        if at.context.include_declaration {
            found.extend(self.occurrences(&at.text_document.uri, at.position, true));
        }
        Some(found)
    }

    fn symbols(&self, params: &TextDocumentParams) -> Option<Vec<DocumentSymbol>> {
        Some(outline::outline(self.text(&params.text_document.uri)?))
    }

    /// Nothing where braces are not balanced, which the findings report.
    fn formatting(&self, params: &TextDocumentParams) -> Option<Vec<TextEdit>> {
        let text = self.text(&params.text_document.uri)?;
        let new_text = layout::format(text).ok()?;
        if new_text == text {
            return Some(Vec::new());
        }
        Some(vec![TextEdit { range: Lines::new(text).everything(), new_text }])
    }

    fn code_actions(&self, params: &CodeActionParams) -> Option<Vec<CodeAction>> {
        let uri = &params.text_document.uri;
        let text = self.text(uri)?;
        Some(actions::actions(uri, text, params.range, &findings::load(uri, text)))
    }

    fn text(&self, uri: &Uri) -> Option<&str> {
        self.documents.get(uri).map(|d| d.text.as_str())
    }

    /// Names that the other open documents define, and the files that this one includes.
    fn other_names(&self, uri: &Uri) -> Vec<Name> {
        let defined = |text: &str| names::names(text, &Written::new(text)).into_iter().filter(|n| n.defines);
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
        let mut asked = BTreeSet::new();
        let sources = loaded.sources.ids().skip(1).map(|file| loaded.sources.get(file));
        let named = sources.filter_map(|s| Some((uri::from_path(Path::new(s.name()))?, s)));
        named
            .filter(|(file, _)| {
                file != uri && !self.documents.contains_key(file) && asked.insert(file.clone())
            })
            .collect()
    }

    /// Where the name at a place is defined, or meant: in this document, the other open ones, and what it includes.
    fn occurrences(&self, uri: &Uri, position: Position, defines: bool) -> Vec<Location> {
        let Some(text) = self.text(uri) else { return Vec::new() };
        let here = names::names(text, &Written::new(text));
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
            look(other, &document.text, &names::names(&document.text, &Written::new(&document.text)));
        }
        for (included, source) in self.included_sources(uri, &findings::load(uri, text)) {
            look(&included, source.text(), &names::names(source.text(), &Written::new(source.text())));
        }
        found
    }

    /// The files that the `include` at a place names, as many as match; `None` where there are none, or no `include`.
    fn included(&self, uri: &Uri, position: Position) -> Option<Vec<Location>> {
        let text = self.text(uri)?;
        let (before, after) = text.split_at_checked(Lines::new(text).offset(position))?;
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let end = before.len() + after.find('\n').unwrap_or(after.len());
        // Not its words: the pattern may have braces, which the lexer takes for blocks.
        let (keyword, pattern) = text.get(start..end)?.trim().split_once([' ', '\t'])?;
        let pattern = pattern.split(['#', '!']).next().unwrap_or_default().trim();
        if !matches!(keyword, "include" | "includea" | "includeb" | "includem" | "includer" | "includew") {
            return None;
        }
        let found = expand::files_of(pattern, uri::to_path(uri)?.parent()?);
        let files = found.iter().filter(|path| path.is_file()).filter_map(|path| uri::from_path(path));
        let at_its_start = |uri| Location { uri, range: Range::default() };
        Some(files.map(at_its_start).collect()).filter(|found: &Vec<Location>| !found.is_empty())
    }
}

fn answer<P: DeserializeOwned, A: Serialize>(
    id: &Value,
    params: Value,
    serve: impl FnOnce(P) -> Option<A>,
) -> Value {
    match serde_json::from_value(params) {
        Ok(params) => transport::answer(id, serve(params)),
        Err(error) => transport::error(id, INVALID_PARAMS, &error.to_string()),
    }
}
