//! Pieces to a tree, with recovery: whatever is wrong is reported once, and the rest is read as it was meant.
//!
//! A brace too few or too many is where keepalived loses its way, and reports every line that follows. Here the schema
//! tells which keyword opens a block and which can only stand outside of it, so that the reader finds its way back:
//!
//! - no `{` where a block must begin: reported, and the block is read all the same;
//! - a keyword that opens a block of an enclosing level: the block before it lacks its `}`;
//! - `{` behind an unknown keyword: its block is passed over as a whole;
//! - any other `{`: reported, and what it holds is read as if the braces were not there.
//!
//! Each round takes a piece, so the parser ends; depth is bounded, and it does not recurse.

use super::diagnostic::{Diagnostic, codes};
use super::lexer::{Escapes, Lexer, Piece, Word, split_quoted};
use super::schema::{Block, Keyword, ROOT, Shape, Status};
use super::sink::Sink;
use super::source::{FileId, Span};
use super::tree::{Body, Statement, Tree};
pub(super) use defer::{BlockReader, parse_deferred};
use indent::Misaligned;
use scratch::Scratch;
use unknown::unknown_keyword;

mod defer;
mod indent;
mod recent;
mod scratch;
mod unknown;

#[cfg(test)]
mod tests;

/// The language nests five deep; what goes deeper than this is passed over.
const MAX_DEPTH: usize = 32;

/// How the pieces between two braces are read.
#[derive(Clone, Copy, Debug)]
enum Context {
    /// Keywords of a block.
    Keywords(&'static Block),
    /// Entries, one a line.
    Entries,
    /// Whatever stands behind an unknown keyword: passed over.
    Unknown,
}

#[derive(Debug)]
struct Frame {
    context: Context,
    /// The words that opened it; the file's start for the top level.
    opened_by: Span,
    /// The offset behind its `{`.
    start: u32,
    /// It is said already that this block, or one around it, is not carried out.
    known_only: bool,
    /// Its brace belongs to no keyword: what it holds goes to the level around it.
    anonymous: bool,
    statements: Vec<Statement>,
}

/// Parses one file. `config_id` decides the lines that begin with `@`.
#[must_use]
pub fn parse<'s>(text: &'s str, file: FileId, config_id: Option<&'s str>, sink: &mut Sink) -> Tree<'s> {
    Parser::new(text, Lexer::new(text, file, config_id), Scratch::default(), sink).run().0
}

/// Parses a text as it is written, before anything is expanded and whatever is wrong with it: for those who ask what
/// stands where. Statements of unknown blocks are kept.
#[must_use]
pub fn parse_written(text: &str) -> Tree<'_> {
    let mut muted = Sink::muted(FileId::ALONE);
    let lexer = Lexer::written(text, FileId::ALONE);
    let mut parser = Parser::new(text, lexer, Scratch::default(), &mut muted);
    parser.keeps_unknown = true;
    parser.run().0
}

struct Parser<'s, 'd> {
    text: &'s str,
    lexer: Lexer<'s>,
    words: Vec<Word<'s>>,
    stack: Vec<Frame>,
    /// The last statement must be followed by a block.
    wants_block: bool,
    /// Braces open beyond [`MAX_DEPTH`].
    too_deep: u32,
    /// The last `}` that ended a block, and the block's words.
    last_close: Option<(Span, Span)>,
    /// The first `}` that is indented as if it ended a block further out than it does.
    misaligned: Option<Misaligned>,
    /// Whether trees of blocks are dropped: [`defer`].
    defers: bool,
    /// Whether the statements of unknown blocks are kept.
    keeps_unknown: bool,
    scratch: Scratch,
    /// [`Sink::problems`] before the last statement of the top level.
    problems_before: u64,
    sink: &'d mut Sink,
}

impl Frame {
    fn new(context: Context, opened_by: Span) -> Frame {
        let start = opened_by.end;
        Frame { context, opened_by, start, known_only: false, anonymous: false, statements: Vec::new() }
    }
}

impl<'s, 'd> Parser<'s, 'd> {
    fn new(text: &'s str, lexer: Lexer<'s>, mut scratch: Scratch, sink: &'d mut Sink) -> Parser<'s, 'd> {
        let top = Span { file: sink.file(), start: 0, end: 0 };
        Parser {
            text,
            lexer,
            words: Vec::new(),
            stack: vec![Frame {
                statements: scratch.statements(),
                ..Frame::new(Context::Keywords(&ROOT), top)
            }],
            wants_block: false,
            too_deep: 0,
            last_close: None,
            misaligned: None,
            defers: false,
            keeps_unknown: false,
            scratch,
            problems_before: 0,
            sink,
        }
    }

    fn run(mut self) -> (Tree<'s>, Scratch) {
        loop {
            let first = self.words.len();
            // Each piece is taken apart where it comes out of the lexer: it is not moved as a whole.
            match self.lexer.next(&mut self.words) {
                None => return self.finish(),
                Some(Piece::Words { span, open_quote, backslash }) => {
                    if self.too_deep > 0 {
                        self.words.truncate(first);
                    } else if first < self.words.len() {
                        self.row(first, span, open_quote, backslash);
                    }
                }
                Some(Piece::Open(_)) if self.too_deep > 0 => self.too_deep = self.too_deep.saturating_add(1),
                Some(Piece::Close(_)) if self.too_deep > 0 => self.too_deep -= 1,
                Some(Piece::Open(span)) => self.open(span),
                Some(Piece::Close(span)) => self.close(span),
            }
        }
    }

    fn top(&mut self) -> &mut Frame {
        if self.stack.is_empty() {
            // The top level is never closed; this keeps the parser going all the same.
            let top = Span { file: self.sink.file(), start: 0, end: 0 };
            self.stack.push(Frame::new(Context::Keywords(&ROOT), top));
        }
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    fn row(&mut self, first: usize, span: Span, open_quote: Option<Span>, backslash: Option<Span>) {
        let name = self.words[first].text.clone();
        if self.wants_block {
            self.missing_open(&name);
        }
        let mut keyword = self.keyword(&name);
        if keyword.is_none() {
            self.leave_blocks_that_lack_their_brace(&name, self.words[first].span, span.end);
            keyword = self.keyword(&name);
        }
        if self.stack.len() == 1 {
            self.problems_before = self.sink.problems();
        }
        let open_quote = match keyword {
            Some(keyword) if keyword.command_line => self.command_line(first, span),
            _ => open_quote,
        };
        if let Some(quote) = open_quote {
            let message = "quoted string is not ended on its line";
            self.sink.push(Diagnostic::new(&codes::UNTERMINATED_QUOTE, quote, message).label("opened here"));
        }
        if let Some(backslash) = backslash {
            let message = "a backslash does not continue this line";
            let help = "only `$NAME=` definitions go on over several lines; write the words on one line";
            self.sink.push(Diagnostic::new(&codes::STRAY_CONTINUATION, backslash, message).help(help));
        }
        if let Context::Keywords(block) = self.top().context
            && keyword.is_none()
        {
            let word = self.words[first].span;
            let diagnostic = unknown_keyword(&name, word, block, self.sink.is_full());
            self.sink.push(diagnostic);
        }
        if let Some(keyword) = keyword
            && keyword.status != Status::Done
            && !self.top().known_only
        {
            self.sink.not_carried_out(keyword, self.words[first].span);
        }
        self.wants_block = keyword.is_some_and(|k| !matches!(k.shape, Shape::Line));
        let words = first as u32..self.words.len() as u32;
        if !self.keeps_unknown && matches!(self.top().context, Context::Unknown) {
            self.words.truncate(first);
            return;
        }
        self.top().statements.push(Statement { keyword, words, span, body: None });
    }

    /// Words of a command line are split anew, with the quotes and escapes that only they have. Where a quote is left
    /// open, all behind the keyword is one word: nothing more is said of it.
    fn command_line(&mut self, first: usize, span: Span) -> Option<Span> {
        let text = self.text.get(span.start as usize..span.end as usize)?;
        let split = split_quoted(text, span, Escapes::Keep);
        self.words.truncate(first + 1);
        match split {
            Ok(words) => {
                self.words.extend(words.into_iter().skip(1));
                None
            }
            Err(open) => {
                let keyword = self.words.last()?.span;
                let rest = self.text.get(keyword.end as usize..span.end as usize)?;
                let plain = rest.trim().replace(['"', '\'', '\\'], "");
                self.words.push(Word { text: plain.into(), span: Span { start: open.span.start, ..span } });
                Some(open.span)
            }
        }
    }

    /// What the innermost block knows by this name.
    fn keyword(&mut self, name: &str) -> Option<&'static Keyword> {
        match self.top().context {
            Context::Keywords(block) => self.scratch.recent.find(block, name),
            Context::Entries | Context::Unknown => None,
        }
    }

    /// The last statement should have been followed by `{`, and `next` came.
    fn missing_open(&mut self, next: &str) {
        self.wants_block = false;
        let Some(statement) = self.top().statements.last() else { return };
        let (span, keyword) = (statement.span, statement.keyword);
        let Some(keyword) = keyword else { return };
        let message = format!("`{}` must be followed by `{{`", keyword.name);
        let end = Span { start: span.end.saturating_sub(1).max(span.start), ..span };
        let diagnostic =
            Diagnostic::new(&codes::MISSING_OPEN_BRACE, end, message).label("expected `{` behind this");
        self.sink.push(diagnostic);
        // What follows belongs to the block, unless it can only stand outside of it.
        let belongs = match keyword.shape {
            Shape::Block(block) => block.find(next).is_some() || !self.opens_outer_block(next),
            Shape::Entries => !self.opens_outer_block(next),
            Shape::Line => false,
        };
        if belongs {
            self.enter(keyword, span);
        }
    }

    fn enter(&mut self, keyword: &'static Keyword, opened_by: Span) {
        let context = match keyword.shape {
            Shape::Block(block) => Context::Keywords(block),
            Shape::Entries | Shape::Line => Context::Entries,
        };
        let known_only = self.top().known_only || keyword.status != Status::Done;
        let statements = self.scratch.statements();
        self.stack.push(Frame { known_only, statements, ..Frame::new(context, opened_by) });
    }

    /// Whether an enclosing level, or this one, has a keyword of this name with a block.
    fn opens_outer_block(&self, name: &str) -> bool {
        self.stack.iter().any(|f| match f.context {
            Context::Keywords(block) => block.find(name).is_some_and(|k| !matches!(k.shape, Shape::Line)),
            Context::Entries | Context::Unknown => false,
        })
    }

    /// Whether a `{` is what comes next behind this place.
    fn block_follows(&self, end: u32) -> bool {
        let rest = self.text.get(end as usize..).unwrap_or_default();
        let mut lines = rest.lines().map(str::trim_start);
        lines
            .find(|line| !line.is_empty() && !line.starts_with(['#', '!']))
            .is_some_and(|line| line.starts_with('{'))
    }

    /// A keyword that can only stand further out, with its block, ends the blocks in between: they lack their `}`. A word
    /// without a block has only strayed.
    fn leave_blocks_that_lack_their_brace(&mut self, name: &str, here: Span, end: u32) {
        let in_entries = matches!(self.top().context, Context::Entries);
        let depth = self.stack.len();
        let home = self.stack.iter().enumerate().rev().skip(1).find(|(i, f)| match f.context {
            Context::Keywords(block) => block.find(name).is_some_and(|k| match k.shape {
                Shape::Line => in_entries && *i + 2 == depth,
                Shape::Block(_) | Shape::Entries => self.block_follows(end),
            }),
            Context::Entries | Context::Unknown => false,
        });
        let Some((home, _)) = home.map(|(i, f)| (i, f.opened_by)) else { return };
        while self.stack.len() > home + 1 {
            let Some(frame) = self.stack.last() else { return };
            let opened_by = frame.opened_by;
            let what = self.block_name(opened_by);
            let message = format!("`}}` is missing: {what} is not ended before `{name}`");
            let mut diagnostic = Diagnostic::new(&codes::MISSING_CLOSE_BRACE, here, message)
                .label("expected `}` before this")
                .also(opened_by, "opened here");
            diagnostic = self.explain_misaligned(diagnostic);
            self.sink.push(diagnostic);
            self.pop(here);
        }
    }

    fn open(&mut self, span: Span) {
        if self.stack.len() >= MAX_DEPTH {
            self.too_deep = 1;
            let message = "blocks are nested too deeply; this one is passed over";
            self.sink.push(Diagnostic::new(&codes::NESTED_TOO_DEEPLY, span, message));
            return;
        }
        let wanted = std::mem::replace(&mut self.wants_block, false);
        let in_unknown = matches!(self.top().context, Context::Unknown);
        let in_entries = matches!(self.top().context, Context::Entries);
        let last = self.top().statements.last();
        let before = last.filter(|s| s.body.is_none()).map(|s| (s.keyword, s.span));
        match before {
            Some((Some(keyword), opened_by)) if wanted => self.enter(keyword, opened_by),
            Some((None, opened_by)) if !in_entries => {
                self.stack.push(Frame::new(Context::Unknown, opened_by))
            }
            _ if in_unknown => {
                self.stack.push(Frame { anonymous: true, ..Frame::new(Context::Unknown, span) });
            }
            before => {
                let message = match before {
                    Some((Some(keyword), _)) => format!("`{}` takes no block", keyword.name),
                    _ => "this `{` belongs to no keyword".to_owned(),
                };
                let diagnostic = Diagnostic::new(&codes::UNEXPECTED_OPEN_BRACE, span, message);
                self.sink.push(diagnostic.help("remove it, and the `}` that goes with it"));
                let context = self.top().context;
                let known_only = self.top().known_only;
                self.stack.push(Frame { known_only, anonymous: true, ..Frame::new(context, span) });
            }
        }
        self.top().start = span.end;
    }

    fn close(&mut self, span: Span) {
        if std::mem::replace(&mut self.wants_block, false) {
            self.lone_keyword_before_brace();
        }
        if self.stack.len() > 1 {
            let opened_by = self.top().opened_by;
            self.last_close = Some((span, opened_by));
            self.note_misaligned(span);
            self.pop(span);
            return;
        }
        let mut diagnostic = Diagnostic::new(&codes::UNEXPECTED_CLOSE_BRACE, span, "this `}` ends no block");
        if let Some((close, opened_by)) = self.last_close {
            let what = self.block_name(opened_by);
            diagnostic = diagnostic.also(close, format!("{what} was already ended here"));
        }
        self.sink.push(diagnostic);
    }

    fn lone_keyword_before_brace(&mut self) {
        let Some(statement) = self.top().statements.last() else { return };
        let Some(keyword) = statement.keyword else { return };
        let message = format!("`{}` must be followed by a block in braces", keyword.name);
        let span = statement.span;
        self.sink.push(Diagnostic::new(&codes::MISSING_OPEN_BRACE, span, message));
    }

    /// Ends the innermost block at `end`: it becomes the body of the statement before it.
    fn pop(&mut self, end: Span) {
        if self.stack.len() < 2 {
            return;
        }
        let Some(mut frame) = self.stack.pop() else { return };
        let deferred = self.stack.len() == 1 && self.defer(&mut frame);
        let outer = self.top();
        if frame.anonymous {
            outer.statements.extend(frame.statements);
        } else if let Some(statement) = outer.statements.last_mut() {
            let Frame { start, statements, .. } = frame;
            statement.body = Some(Body { start, statements, end, deferred });
        }
    }

    fn block_name(&self, opened_by: Span) -> String {
        let at = self.words.partition_point(|w| w.span.start < opened_by.start);
        match self.words.get(at) {
            Some(word) if word.span.start == opened_by.start => {
                // With its name or address, so that it can be told from others of its kind.
                let inside = |w: &&Word<'_>| w.span.end <= opened_by.end;
                let words = self.words[at..].iter().take(3).take_while(inside).map(|w| w.text.as_ref());
                format!("`{}`", words.collect::<Vec<_>>().join(" "))
            }
            _ => "the block".to_owned(),
        }
    }

    fn finish(mut self) -> (Tree<'s>, Scratch) {
        if std::mem::replace(&mut self.wants_block, false) {
            self.lone_keyword_before_brace();
        }
        let mut first = true;
        while self.stack.len() > 1 {
            let opened_by = self.top().opened_by;
            let what = self.block_name(opened_by);
            // Of blocks within each other, the innermost lacks its brace, or one of those around it: one report.
            if std::mem::replace(&mut first, false) {
                let message = format!("`}}` is missing: {what} is not ended");
                let mut diagnostic = Diagnostic::new(&codes::MISSING_CLOSE_BRACE, opened_by, message)
                    .label("opened here, and still open at the end of the file");
                for frame in self.stack.iter().skip(1).rev().skip(1) {
                    diagnostic = diagnostic.also(frame.opened_by, "within this, still open too");
                }
                diagnostic = self.explain_misaligned(diagnostic);
                self.sink.push(diagnostic);
            }
            self.pop(opened_by);
        }
        let statements = std::mem::take(&mut self.top().statements);
        (Tree { text: self.text, words: self.words, statements }, self.scratch)
    }
}
