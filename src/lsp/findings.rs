//! What `conf` finds in a document, in the protocol's words.

use super::position::Lines;
use super::protocol::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, Range, Uri,
};
use super::uri;
use crate::conf::diagnostic::{Severity, codes};
use crate::conf::source::{FileId, Sources, Span};
use crate::conf::{self, Lints, LoadOptions, Loaded};
use std::collections::HashMap;
use std::path::Path;

/// Findings by the file that they are in, the document itself first even if there are none.
pub(super) type ByFile = Vec<(Uri, Vec<Diagnostic>)>;

/// Reads a document as the program would, under the name that includes are relative to.
pub(super) fn load(uri: &Uri, text: &str) -> Loaded {
    let name =
        uri::to_path(uri).map_or_else(|| uri.as_str().to_owned(), |p| p.to_string_lossy().into_owned());
    let options = LoadOptions { lints: Some(Lints::default()), ..LoadOptions::default() };
    conf::load_text(&name, text, &options)
}

/// Everything that was found.
pub(super) fn findings(main: &Uri, loaded: &Loaded) -> ByFile {
    let mut locations = Locations { main, sources: &loaded.sources, lines: HashMap::new() };
    let mut by_file: ByFile = vec![(main.clone(), Vec::new())];
    for diagnostic in &loaded.diagnostics {
        // The document may be an included part of a configuration, which may well be empty.
        if diagnostic.code == &codes::EMPTY {
            continue;
        }
        // The machine that runs it may know more names of iproute2; only probable misspellings are shown.
        if diagnostic.code == &codes::UNKNOWN_NAME && diagnostic.instead.is_none() {
            continue;
        }
        let (uri, found) = locations.finding(diagnostic);
        match by_file.iter_mut().find(|(file, _)| *file == uri) {
            Some((_, list)) => list.push(found),
            None => by_file.push((uri, vec![found])),
        }
    }
    by_file
}

/// One finding alone.
pub(super) fn about(main: &Uri, loaded: &Loaded, diagnostic: &conf::Diagnostic) -> Diagnostic {
    Locations { main, sources: &loaded.sources, lines: HashMap::new() }.finding(diagnostic).1
}

/// An editor hides hints; these are to be seen.
fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Hint => DiagnosticSeverity::INFORMATION,
    }
}

/// Spans to places; each file's lines are counted once.
struct Locations<'l> {
    main: &'l Uri,
    sources: &'l Sources,
    lines: HashMap<FileId, (Uri, Lines<'l>)>,
}

impl Locations<'_> {
    fn location(&mut self, span: Span) -> Location {
        let (uri, lines) = self.lines.entry(span.file).or_insert_with(|| {
            let source = self.sources.get(span.file);
            let is_main = self.sources.ids().next() == Some(span.file);
            let uri = if is_main { None } else { uri::from_path(Path::new(source.name())) };
            (uri.unwrap_or_else(|| self.main.clone()), Lines::new(source.text()))
        });
        let range: Range = lines.range(span.range());
        Location { uri: uri.clone(), range }
    }

    fn finding(&mut self, diagnostic: &conf::Diagnostic) -> (Uri, Diagnostic) {
        let Location { uri, range } = self.location(diagnostic.primary.span);
        let mut message = diagnostic.message.clone();
        for more in [Some(&diagnostic.primary.text), diagnostic.help.as_ref()].into_iter().flatten() {
            if !more.is_empty() {
                message.push('\n');
                message.push_str(more);
            }
        }
        let related = diagnostic
            .secondary
            .iter()
            .map(|l| DiagnosticRelatedInformation {
                location: self.location(l.span),
                message: l.text.clone(),
            })
            .collect::<Vec<_>>();
        let idle = diagnostic.code == &codes::NOT_CARRIED_OUT;
        let tags = if idle { vec![DiagnosticTag::UNNECESSARY] } else { Vec::new() };
        let found = Diagnostic {
            range,
            severity: severity(diagnostic.code.severity),
            code: diagnostic.code.id.to_owned(),
            source: "vipd",
            message,
            related_information: related,
            tags,
        };
        (uri, found)
    }
}
