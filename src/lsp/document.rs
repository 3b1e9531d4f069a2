//! An open document: its text as the editor has it.

use super::position::Lines;
use super::protocol::TextDocumentContentChangeEvent;

/// One open document.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) text: String,
    /// The editor's count of changes.
    pub(super) version: i32,
}

impl Document {
    /// Changes come in order, each upon the one before; one without a range is the whole text.
    pub(super) fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        self.version = version;
        for change in changes {
            match change.range {
                None => self.text = change.text,
                Some(range) => {
                    let lines = Lines::new(&self.text);
                    let start = lines.offset(range.start);
                    let end = lines.offset(range.end).max(start);
                    self.text.replace_range(start..end, &change.text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsp::protocol::{Position, Range};

    #[test]
    fn changes_are_made_in_their_order() {
        let mut document = Document { text: "one \u{1f600} two\nthree".to_owned(), version: 1 };
        let change = |from: (u32, u32), to: (u32, u32), text: &str| TextDocumentContentChangeEvent {
            range: Some(Range::new(Position::new(from.0, from.1), Position::new(to.0, to.1))),
            text: text.to_owned(),
        };
        document.change(2, vec![change((0, 7), (0, 10), "2"), change((0, 8), (1, 0), "\n")]);
        assert_eq!(document.text, "one \u{1f600} 2\nthree");
        // An end before the start replaces nothing.
        document.change(3, vec![change((1, 5), (1, 0), "!")]);
        assert_eq!((document.text.as_str(), document.version), ("one \u{1f600} 2\nthree!", 3));
        let whole = TextDocumentContentChangeEvent { range: None, text: "x".to_owned() };
        document.change(4, vec![whole]);
        assert_eq!(document.text, "x");
    }
}
