//! What is being typed: the words before the cursor on its row, and the block that it is in.

use super::written::{Context, Written};
use crate::conf::expand::written::{Lines, Role, is_name};
use crate::conf::lexer::{Lexer, Piece};
use crate::conf::source::FileId;
use std::ops::Range;

/// The place where something is to be completed.
#[derive(Debug)]
pub(super) struct Cursor<'s> {
    /// The statement whose block it is in.
    pub(super) around: Option<usize>,
    pub(super) context: Context,
    /// The words before the one that is being typed.
    pub(super) before: Vec<&'s str>,
    /// The bytes of the word that is being typed, up to the cursor.
    pub(super) typed: Range<usize>,
}

/// `None` within a comment, and in the definition of a parameter.
pub(super) fn cursor<'s>(written: &'s Written<'_>, offset: usize) -> Option<Cursor<'s>> {
    let text = written.text.get(..offset)?;
    let mut start = text.rfind('\n').map_or(0, |i| i + 1);
    let mut words: Vec<Range<usize>> = Vec::new();
    // The row begins behind the last brace.
    if let Some(line) = Lines::new(text).last().filter(|line| line.at == start) {
        let line = line.without_sequences();
        if line.comment().is_some() || !matches!(line.role, Role::Empty | Role::Statement) {
            return None;
        }
        let code = line.at + line.code.start;
        let mut lexer = Lexer::written_line(&line, FileId::ALONE);
        let mut row = Vec::new();
        while let Some(piece) = lexer.next(&mut row) {
            match piece {
                Piece::Words { .. } => {
                    words.extend(
                        row.drain(..).map(|w| code + w.span.range().start..code + w.span.range().end),
                    );
                }
                Piece::Open(brace) | Piece::Close(brace) => {
                    words.clear();
                    start = code + brace.range().end;
                }
            }
        }
    }
    let typed = words.pop_if(|word| word.end == offset).unwrap_or(offset..offset);
    let around = written.around(start);
    Some(Cursor {
        around,
        context: written.context(around),
        before: words.into_iter().filter_map(|word| text.get(word)).collect(),
        typed,
    })
}

/// The bytes of `$NAME` or `${NAME` that end at the cursor.
pub(super) fn parameter(text: &str, offset: usize) -> Option<Range<usize>> {
    let before = text.get(..offset)?.as_bytes();
    let name = before.iter().rev().take_while(|b| is_name(**b)).count();
    let rest = &before[..offset - name];
    let brace = usize::from(rest.last() == Some(&b'{'));
    let dollar = rest.len().checked_sub(brace + 1)?;
    (rest.get(dollar) == Some(&b'$')).then_some(dollar..offset)
}
