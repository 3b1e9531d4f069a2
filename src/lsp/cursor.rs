//! What is being typed: the words before the cursor on its row, and the block that it is in.

use super::scan::{Context, Scan, is_name};
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

/// `None` within a comment.
pub(super) fn cursor(scan: &Scan, offset: usize) -> Option<Cursor<'_>> {
    let plain = scan.plain.get(..offset)?;
    let line = plain.rfind('\n').map_or(0, |i| i + 1);
    // The row begins behind the last brace that is not quoted.
    let mut start = line;
    let mut quoted = false;
    for (i, byte) in plain[line..].bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'{' | b'}' if !quoted => start = line + i + 1,
            b'#' | b'!' if !quoted => return None,
            _ => {}
        }
    }
    let row = &plain[start..];
    let typed = row.rfind(|c: char| c.is_ascii_whitespace()).map_or(0, |i| i + 1);
    let around = scan.around(start.max(line));
    Some(Cursor {
        around,
        context: scan.context(around),
        before: row[..typed].split_ascii_whitespace().collect(),
        typed: start + typed..offset,
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
