//! The language of keepalived.conf: text in, one typed [`Config`] or a list of diagnostics out.
//!
//! [`source`] (files, spans) → [`expand`] (includes, parameters, sequences) → [`lexer`] (lines, words, braces) →
//! [`parser`] (tree, with recovery, along [`schema`], the table of keywords) → `lower` (values, defaults, meaning) →
//! [`Config`]. Whatever is found goes into [`Diagnostic`]s. Apart from reading the files named, and the variables of
//! the environment that they name, nothing here asks the system anything.

mod allow;
pub mod config;
pub mod diagnostic;
pub mod expand;
#[cfg(feature = "schema")]
pub mod json_schema;
pub mod layout;
pub mod lexer;
mod lint;
mod lower;
mod number;
pub mod parser;
pub mod redact;
pub mod schema;
pub mod script;
mod sink;
pub mod source;
pub mod tree;

#[cfg(test)]
mod tests;

pub use config::{Config, Global};
pub use diagnostic::Diagnostic;
pub use lint::Lints;
pub use sink::Sink;

use crate::net::NameTable;
use crate::sys::input;
use diagnostic::{Severity, Verdict, codes};
use expand::{Expansion, Limits};
use source::{FileId, ReadError, Sources, Span};
use std::fmt;
use std::io;
use std::path::Path;

/// What the caller's machine says of an interface's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceKind {
    /// There is none of this name.
    Missing,
    /// It is the loopback interface, which VRRP can't use.
    Loopback,
    /// Anything else.
    Usable {
        /// How many bytes it sends in one packet: decides how many addresses an advert lists.
        mtu: u32,
    },
}

/// Asks about an interface; `None` where nobody knows.
pub type AskInterface<'a> = &'a dyn Fn(&str) -> Option<InterfaceKind>;

/// Asks for the interface that a macvlan or an ipvlan is on top of, in the same network namespace: both send to one
/// network. `None` for any other, and where nobody knows.
pub type AskBase<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Asks for the number that a name stands for; `None` where there is none of this name.
pub type AskName<'a> = &'a dyn Fn(NameFolders<'_>, NameTable, &str) -> Option<u32>;

/// Where the names are: `iproute_etc_dir` and `iproute_usr_dir` of the file at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameFolders<'a> {
    /// The administrator's; `/etc/iproute2` where the file names none.
    pub etc: Option<&'a str>,
    /// The distribution's; `/usr/share/iproute2` where the file names none.
    pub usr: Option<&'a str>,
}

/// What reading a configuration depends on, apart from its text.
#[derive(Clone, Copy, Default)]
pub struct LoadOptions<'a> {
    /// `-i`: decides the lines that begin with `@id`; keepalived takes the node's name without it.
    pub config_id: Option<&'a str>,
    /// Answers whether an interface exists; without it, every one does.
    pub interfaces: Option<AskInterface<'a>>,
    /// Answers which interface a macvlan is on top of; without it, none is.
    pub bases: Option<AskBase<'a>>,
    /// Knows the accounts and scripts of the machine; without it, all are there and safe.
    pub scripts: Option<&'a dyn script::ScriptHost>,
    /// Looks the name of a host up; without it, every one can be found.
    pub resolves: Option<&'a dyn Fn(&str) -> bool>,
    /// Gives advice too; without it, only errors and warnings are reported.
    pub lints: Option<Lints<'a>>,
    /// `-e`: a file that an include does not find is an error.
    pub all_files: bool,
    /// The file must be one that can be read again later: no pipe, even where the name is `/dev/stdin` or a shell's
    /// `<(…)`.
    pub only_files: bool,
    /// How far includes, parameters and sequences may go.
    pub limits: Limits,
    /// Answers what number a name of `/etc/iproute2` has; without it, only the names of every machine are known.
    pub names: Option<AskName<'a>>,
}

impl<'a> LoadOptions<'a> {
    fn expansion(&self) -> expand::Options<'a> {
        expand::Options { config_id: self.config_id, all_files: self.all_files, limits: self.limits }
    }
}

impl fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = |is_asked: bool| is_asked.then_some("asked");
        f.debug_struct("LoadOptions")
            .field("config_id", &self.config_id)
            .field("interfaces", &asked(self.interfaces.is_some()))
            .field("bases", &asked(self.bases.is_some()))
            .field("scripts", &asked(self.scripts.is_some()))
            .field("resolves", &asked(self.resolves.is_some()))
            .field("lints", &self.lints.is_some())
            .field("all_files", &self.all_files)
            .field("only_files", &self.only_files)
            .field("limits", &self.limits)
            .field("names", &asked(self.names.is_some()))
            .finish()
    }
}

/// What came of a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// What it means. `None` where keepalived would not run with it: a file can't be read, a keyword lacks its
    /// argument, an instance lacks its VRID. Other findings leave out the line that they concern.
    pub config: Option<Config>,
    /// All findings in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that the findings point into.
    pub sources: Sources,
    worst: Option<Verdict>,
}

impl Loaded {
    /// The exit status of `keepalived -t`: 0 clean, 2 parse given up, 4 an interface that is watched and does not
    /// exist, 5 any other finding, 6 script security or an include that demands a file which is missing.
    /// Findings that are vipd's own (hints, what it does not carry out yet) do not count.
    #[must_use]
    pub fn test_status(&self) -> u8 {
        match self.worst {
            None | Some(Verdict::Silent) => 0,
            Some(Verdict::Interface) => 4,
            Some(Verdict::Reports | Verdict::Refuses) => 5,
            Some(Verdict::Security | Verdict::Lacks) => 6,
            Some(Verdict::GivesUp) => 2,
        }
    }

    /// Whether the file itself could not be read, or is no text.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        let unread = [&codes::UNREADABLE, &codes::BINARY];
        self.diagnostics.iter().any(|d| unread.iter().any(|code| std::ptr::eq(d.code, *code)))
    }

    /// How many findings are of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.code.severity == severity).count()
    }
}

/// Reads a file, and says what it means.
#[must_use]
pub fn load(path: &Path, options: &LoadOptions<'_>) -> Loaded {
    let mut sources = Sources::new();
    let (file, read) = if options.only_files { sources.read(path) } else { sources.read_named(path) };
    match read {
        Ok(()) => load_source(sources, file, options),
        Err(ReadError::Io(e)) if e.kind() == io::ErrorKind::NotFound && is_pattern(path) => {
            // Under a name without a folder, what is relative is so to where we are.
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            load_text(&name, format!("include {}\n", path.display()), options)
        }
        Err(error) => {
            let span = Span { file, start: 0, end: 0 };
            let mut diagnostic = Diagnostic::new(&codes::UNREADABLE, span, unreadable(path, &error));
            if let ReadError::Directory = error {
                diagnostic = diagnostic.help("name a file in it");
            }
            let worst = Some(diagnostic.code.verdict);
            Loaded { config: None, diagnostics: vec![diagnostic], sources, worst }
        }
    }
}

/// Whether the name stands for several files, as keepalived takes it: `/etc/keepalived/*.conf`.
fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|pattern| !expand::files_of(pattern, Path::new("")).is_empty())
}

/// Says what a text means that is at hand already.
#[must_use]
pub fn load_text(name: &str, text: impl Into<Vec<u8>>, options: &LoadOptions<'_>) -> Loaded {
    let mut sources = Sources::new();
    let file = sources.add(name, text);
    load_source(sources, file, options)
}

fn unreadable(path: &Path, error: &ReadError) -> String {
    let path = path.display();
    match error {
        ReadError::Io(e) if e.kind() == io::ErrorKind::NotFound => {
            format!("configuration file {path} is missing")
        }
        ReadError::Io(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            format!("configuration file {path} can't be read: permission denied")
        }
        ReadError::Io(e) => format!("configuration file {path} can't be read: {}", input::reason(e)),
        e => format!("configuration file {path} {e}"),
    }
}

/// It is invisible, and what editors on other systems write.
fn byte_order_mark(file: FileId, at: u32) -> Diagnostic {
    let (what, word, line) = match at {
        0 => ("this file", "first word", "1"),
        _ => ("this line", "line's first word", ""),
    };
    let message = format!(
        "{what} begins with a byte order mark, which is passed over; keepalived takes it for a part of the {word}, and \
         loses that block"
    );
    let diagnostic = Diagnostic::new(&codes::BYTE_ORDER_MARK, Span { file, start: at, end: at }, message);
    let file = if at == 0 { "it" } else { "the files that this one is made of" };
    diagnostic.help(format!(
        "save {file} as UTF-8 without a byte order mark, or run: sed -i '{line}s/^\\xEF\\xBB\\xBF//' FILE"
    ))
}

fn load_source(mut sources: Sources, file: FileId, options: &LoadOptions<'_>) -> Loaded {
    let main = sources.get(file).text();
    if let Some(nul) = memchr::memchr(0, main.as_bytes()) {
        let span = Span { file, start: nul as u32, end: nul as u32 + 1 };
        let message = "this file holds a NUL byte: it is not a configuration";
        let diagnostic = Diagnostic::new(&codes::BINARY, span, message);
        let worst = Some(diagnostic.code.verdict);
        return Loaded { config: None, diagnostics: vec![diagnostic], sources, worst };
    }
    let expansion = expand::needed(main).then(|| expand::expand(&mut sources, file, options.expansion()));
    let parsed = expansion.as_ref().map_or(file, Expansion::text);
    let mut sink = expansion.as_ref().map_or_else(|| Sink::new(parsed), Expansion::sink);
    let tree = parser::parse_deferred(sources.get(parsed).text(), parsed, options.config_id, &mut sink);
    let complete = expansion.as_ref().is_none_or(Expansion::is_complete);
    if tree.words.is_empty() && complete {
        let span = Span { file, start: 0, end: 0 };
        sink.push(Diagnostic::new(&codes::EMPTY, span, "this file configures nothing"));
    }
    let lowered = lower::lower(&tree, options, &mut sink);
    if let Some(lints) = &options.lints {
        lint::lint(&tree, &lowered, lints, options.config_id, &mut sink);
    }
    drop(tree);
    let (mut diagnostics, mut worst) = sink.finish();
    let expanded = expansion.as_ref().map(Expansion::text);
    if let Some(expansion) = expansion {
        worst = worst.max(expansion.worst());
        diagnostics = expansion.resolve(&mut sources, options.config_id, diagnostics);
    }
    lint::characters::explain(&mut diagnostics, &sources);
    let marks = |file| sources.get(file).marks().iter().map(move |at| byte_order_mark(file, *at));
    let marks: Vec<Diagnostic> = sources.ids().flat_map(marks).collect();
    worst = worst.max(marks.first().map(|mark| mark.code.verdict));
    diagnostics.splice(0..0, marks);
    if options.lints.is_some_and(|lints| lints.hints) {
        let written = sources.ids().filter(|id| Some(*id) != expanded);
        lint::characters::advise(written, &sources, &mut diagnostics);
    }
    allow::retain(&mut diagnostics, &sources);
    let runs = !matches!(worst, Some(Verdict::Refuses | Verdict::Lacks | Verdict::GivesUp));
    Loaded { config: runs.then_some(lowered.config), diagnostics, sources, worst }
}
