//! The texts a configuration is made of: files, spans in them, lines and columns.
//!
//! A file comes in as bytes and is kept as text: UTF-8 as it stands, any other byte (old files have Latin-1 in comments
//! and passwords) as [`crate::raw`] keeps it. Reading is bounded, and so are offsets: see [`MAX_FILE_BYTES`].

use crate::raw;
use crate::sys::input;
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// No file larger than this is read (1 GiB): a configuration of a million real servers has a quarter of it.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// A file within a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

impl FileId {
    /// A text that is read for itself, and is no part of a configuration.
    pub const ALONE: FileId = FileId(0);
}

/// A piece of a file's text, in bytes of [`Source::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// From the start of this span to the end of `other`, which must be in the same file.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start, end: other.end.max(self.start) }
    }

    /// The bytes as a range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One file's name and text.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    marks: Box<[u32]>,
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    /// The path as the user wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text, without byte order marks.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where byte order marks were: at the beginning of the file, or of a line where other files were put behind it.
    #[must_use]
    pub const fn marks(&self) -> &[u32] {
        &self.marks
    }

    /// Offsets at which lines begin; made when the first diagnostic asks.
    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let behind = |(i, _)| u32::try_from(i + 1).unwrap_or(u32::MAX);
            std::iter::once(0).chain(self.text.match_indices('\n').map(behind)).collect()
        })
    }

    /// Line and column of an offset.
    #[must_use]
    pub fn location(&self, offset: u32) -> Location {
        let starts = self.line_starts();
        let line = starts.partition_point(|&s| s <= offset).max(1);
        let start = starts[line - 1] as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self.text.get(start..end).map_or(0, |s| s.chars().count());
        Location { line: line as u32, column: column as u32 + 1 }
    }
}

pub use crate::sys::input::Error as ReadError;

/// All texts of one configuration.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<Arc<Source>>,
}

impl Sources {
    /// No file yet.
    #[must_use]
    pub fn new() -> Sources {
        Sources::default()
    }

    /// Takes a text in under a name.
    pub fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> FileId {
        let (text, marks) = decode(bytes.into());
        self.push(name.into(), text, marks)
    }

    /// Takes a text in that is made of the texts of others: its bytes that are no UTF-8 are kept in it already.
    pub fn add_text(&mut self, name: impl Into<String>, text: String) -> FileId {
        self.push(name.into(), text, Box::default())
    }

    fn push(&mut self, name: String, text: String, marks: Box<[u32]>) -> FileId {
        let id = FileId(self.files.len() as u32);
        self.files.push(Arc::new(Source { name, text, marks, line_starts: OnceLock::new() }));
        id
    }

    /// Reads a file. It gets an id even if that fails, so that a diagnostic can name it.
    pub fn read(&mut self, path: &Path) -> (FileId, Result<(), ReadError>) {
        self.take(path, input::file(path, MAX_FILE_BYTES))
    }

    /// As [`Sources::read`]; a name of one of the process's own descriptors (`/dev/stdin`) may be a pipe.
    pub fn read_named(&mut self, path: &Path) -> (FileId, Result<(), ReadError>) {
        self.take(path, input::file_or_descriptor(path, MAX_FILE_BYTES))
    }

    fn take(&mut self, path: &Path, bytes: Result<Vec<u8>, ReadError>) -> (FileId, Result<(), ReadError>) {
        // As text, a byte that is no UTF-8 takes four.
        let bounded = |(text, marks): (String, Box<[u32]>)| match text.len() as u64 > 2 * MAX_FILE_BYTES {
            true => Err(ReadError::TooLarge(MAX_FILE_BYTES)),
            false => Ok((text, marks)),
        };
        let ((text, marks), result) = match bytes.map(decode).and_then(bounded) {
            Ok(read) => (read, Ok(())),
            Err(e) => (Default::default(), Err(e)),
        };
        (self.push(path.to_string_lossy().into_owned(), text, marks), result)
    }

    /// A file by its id.
    #[must_use]
    pub fn get(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// A file to hold on to while others are taken in.
    pub(super) fn share(&self, id: FileId) -> Arc<Source> {
        Arc::clone(&self.files[id.0 as usize])
    }

    /// The ids of all files in the order they were taken in.
    pub fn ids(&self) -> impl Iterator<Item = FileId> + use<> {
        (0..self.files.len() as u32).map(FileId)
    }

    /// The text of a span.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.range()).unwrap_or_default()
    }

    /// Where a span begins.
    #[must_use]
    pub fn location(&self, span: Span) -> Location {
        self.get(span.file).location(span.start)
    }
}

/// A byte order mark.
const MARK: &str = "\u{feff}";

/// What takes the place of one within a file: nothing behind it moves.
const BLANKS: &str = "   ";

/// The text, and where byte order marks were in it.
fn decode(mut bytes: Vec<u8>) -> (String, Box<[u32]>) {
    let mut marks = Vec::new();
    if bytes.starts_with(MARK.as_bytes()) {
        bytes.drain(..MARK.len());
        marks.push(0);
    }
    let mut text = raw::text(bytes);
    // Files that were put one behind the other: each may bring its own.
    let finder = memchr::memmem::Finder::new("\n\u{feff}");
    let inside: Vec<usize> = finder.find_iter(text.as_bytes()).map(|at| at + 1).collect();
    for at in inside {
        text.replace_range(at..at + MARK.len(), BLANKS);
        marks.push(u32::try_from(at).unwrap_or(u32::MAX));
    }
    (text, marks.into())
}

/// A text fit for a terminal or a log line: control characters are spelt out, never sent raw.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| !c.is_control()) {
        return Cow::Borrowed(text);
    }
    let spell = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(spell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_columns_count_characters() {
        let mut sources = Sources::new();
        let file = sources.add("a", "one\nzw\u{f6}lf x\n\nend");
        let at = |start| sources.location(Span { file, start, end: start });
        assert_eq!(at(0), Location { line: 1, column: 1 });
        assert_eq!(at(3), Location { line: 1, column: 4 });
        assert_eq!(at(4), Location { line: 2, column: 1 });
        assert_eq!(at(10), Location { line: 2, column: 6 });
        assert_eq!(at(13), Location { line: 3, column: 1 });
        assert_eq!(at(17), Location { line: 4, column: 4 });
    }

    #[test]
    fn latin_1_bytes_and_a_byte_order_mark_do_not_hurt() {
        let mut sources = Sources::new();
        let file = sources.add("a", b"\xef\xbb\xbf# Z\xfcrich \xc3\xbc\nx".to_vec());
        assert_eq!(raw::shown(sources.get(file).text()), "# Z\u{fc}rich \u{fc}\nx");
    }

    #[test]
    fn a_byte_order_mark_that_begins_a_line_is_blank() {
        let mut sources = Sources::new();
        let file = sources.add("a", "\u{feff}a\n\u{feff}b\n\u{feff}\u{feff}c\nd\u{feff}\n");
        let source = sources.get(file);
        assert_eq!(source.text(), "a\n   b\n   \u{feff}c\nd\u{feff}\n");
        assert_eq!(source.marks(), [0, 2, 7]);
    }

    #[test]
    fn what_can_not_be_read_says_why() {
        let mut sources = Sources::new();
        let (_, missing) = sources.read(Path::new("/nonexistent/keepalived.conf"));
        assert!(matches!(missing, Err(ReadError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound));
        let (id, directory) = sources.read(Path::new("/"));
        assert!(matches!(directory, Err(ReadError::Directory)));
        assert_eq!(sources.get(id).name(), "/");
    }

    #[test]
    fn control_characters_are_spelt_out() {
        assert_eq!(printable("plain \u{f6}"), "plain \u{f6}");
        assert_eq!(printable("\u{1b}[31mred\t"), "\\u{1b}[31mred\\t");
    }
}
