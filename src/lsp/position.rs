//! Places: the protocol counts lines from 0 and UTF-16 units within them, the language bytes of the text.

use super::protocol::{Position, Range};
use std::ops;

/// A text, and where its lines begin.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// A line ends with `\n`, `\r\n` or `\r`.
    pub(super) fn new(text: &'t str) -> Lines<'t> {
        let bytes = text.as_bytes();
        let ends = |(i, b): (usize, &u8)| match b {
            b'\n' => Some(i + 1),
            b'\r' if bytes.get(i + 1) != Some(&b'\n') => Some(i + 1),
            _ => None,
        };
        let starts = std::iter::once(0).chain(bytes.iter().enumerate().filter_map(ends)).collect();
        Lines { text, starts }
    }

    /// Where a byte stands. One within a character stands where the character does; one behind the text, at its end.
    pub(super) fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|&s| s <= offset).saturating_sub(1);
        let before = &self.text[self.starts[line]..offset];
        Position::new(line as u32, before.encode_utf16().count() as u32)
    }

    /// The byte at a place. Behind the end of a line is its end, behind the last line the end of the text.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(&start) = self.starts.get(line) else { return self.text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let content = self.text[start..end].trim_end_matches(['\r', '\n']);
        let mut units = position.character as usize;
        for (i, c) in content.char_indices() {
            if units < c.len_utf16() {
                return start + i;
            }
            units -= c.len_utf16();
        }
        start + content.len()
    }

    pub(super) fn range(&self, bytes: ops::Range<usize>) -> Range {
        Range::new(self.position(bytes.start), self.position(bytes.end))
    }

    /// The whole text.
    pub(super) fn everything(&self) -> Range {
        self.range(0..self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_as_utf_16_does() {
        // One unit each, but for the last, which has two: and one, two and four bytes.
        let lines = Lines::new("a\u{e9}\u{1f600}z\r\nnext\rlast");
        for (offset, line, character) in
            [(0, 0, 0), (1, 0, 1), (3, 0, 2), (7, 0, 4), (8, 0, 5), (10, 1, 0), (15, 2, 0), (19, 2, 4)]
        {
            assert_eq!(lines.position(offset), Position::new(line, character), "{offset}");
            assert_eq!(lines.offset(Position::new(line, character)), offset, "{line}:{character}");
        }
    }

    #[test]
    fn what_lies_outside_is_brought_inside() {
        let lines = Lines::new("a\u{1f600}\nb");
        assert_eq!(lines.offset(Position::new(0, 99)), 5);
        assert_eq!(lines.offset(Position::new(9, 0)), 7);
        // Half a surrogate pair.
        assert_eq!(lines.offset(Position::new(0, 2)), 1);
        assert_eq!(lines.position(3), Position::new(0, 1));
        assert_eq!(lines.position(99), Position::new(1, 1));
        assert_eq!(Lines::new("").everything(), Range::default());
    }
}
