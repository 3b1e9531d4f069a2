//! Indentation tells which brace is the one too few or too many: it says what the author meant.

use super::{Frame, Parser};
use crate::conf::diagnostic::Diagnostic;
use crate::conf::source::Span;

/// A `}`, the block that it ends, and the one that it looks as if it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Misaligned {
    brace: Span,
    ends: Span,
    looks_like: Span,
}

impl Parser<'_, '_> {
    /// Indentation says what the author meant: a `}` that lines up with an outer block, not with the one it ends.
    pub(super) fn note_misaligned(&mut self, brace: Span) {
        if self.misaligned.is_some() {
            return;
        }
        let Some((frame, outer)) = self.stack.split_last() else { return };
        let Some(indent) = indentation(self.text, brace) else { return };
        if indentation(self.text, frame.opened_by) == Some(indent) {
            return;
        }
        let same = |f: &&Frame| f.opened_by.end > 0 && indentation(self.text, f.opened_by) == Some(indent);
        if let Some(looks_like) = outer.iter().rev().find(same) {
            self.misaligned =
                Some(Misaligned { brace, ends: frame.opened_by, looks_like: looks_like.opened_by });
        }
    }

    pub(super) fn explain_misaligned(&mut self, diagnostic: Diagnostic) -> Diagnostic {
        let Some(Misaligned { brace, ends, looks_like }) = self.misaligned.take() else { return diagnostic };
        let (ends, looks_like) = (self.block_name(ends), self.block_name(looks_like));
        diagnostic.also(brace, format!("this ends {ends}, though it lines up with {looks_like}"))
    }
}

/// How far the first thing on a line is indented; `None` if the span is not the first. Looks back a little only:
/// all braces of a file may stand on one line.
fn indentation(text: &str, span: Span) -> Option<&str> {
    let start = span.start as usize;
    let blanks =
        text.as_bytes().get(..start)?.iter().rev().take(80).take_while(|b| matches!(b, b' ' | b'\t')).count();
    let line_start = start - blanks;
    let first = line_start == 0 || text.as_bytes().get(line_start - 1) == Some(&b'\n');
    if first { text.get(line_start..start) } else { None }
}
