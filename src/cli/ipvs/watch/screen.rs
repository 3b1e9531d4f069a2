//! Lines on a terminal, redrawn where they changed. Pure: lines in, what to write out.

use std::fmt::Write;

/// Clears the screen and hides the cursor.
const BEGIN: &str = "\x1b[?25l\x1b[H\x1b[2J";

/// What the terminal shows.
#[derive(Debug, Default)]
pub(super) struct Screen {
    size: (u16, u16),
    lines: Vec<String>,
}

impl Screen {
    /// What makes a terminal of `size` (columns, rows) show these lines, which are no wider than it is; of more lines
    /// than fit, the last row tells how many are missing.
    pub(super) fn show(&mut self, size: (u16, u16), mut lines: Vec<String>) -> String {
        let rows = usize::from(size.1).max(1);
        if lines.len() > rows {
            let missing = lines.len() - (rows - 1);
            lines.truncate(rows - 1);
            let note = format!("({missing} more lines: a larger window shows them)");
            lines.push(note.chars().take(size.0.into()).collect());
        }
        let mut out = String::new();
        if size != self.size {
            self.size = size;
            self.lines.clear();
            out.push_str(BEGIN);
        }
        for (row, line) in lines.iter().enumerate() {
            if self.lines.get(row) != Some(line) {
                // Writing to a string does not fail.
                let _ = write!(out, "\x1b[{};1H{line}", row + 1);
                // A full line leaves the cursor on its last character, which must stay.
                if line.chars().count() < usize::from(size.0) {
                    out.push_str("\x1b[K");
                }
            }
        }
        if lines.len() < self.lines.len() {
            let _ = write!(out, "\x1b[{};1H\x1b[J", lines.len() + 1);
        }
        self.lines = lines;
        out
    }

    /// What leaves the terminal with the cursor below the lines: nothing where it has shown none.
    pub(super) fn end(&self) -> String {
        match self.lines.len() {
            0 => String::new(),
            last => format!("\x1b[{last};1H\r\n\x1b[?25h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&t| t.to_owned()).collect()
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut screen = Screen::default();
        assert_eq!(screen.end(), "", "an error that comes first stands below the command");
        let first = screen.show((20, 5), lines(&["one", "two", "three"]));
        assert_eq!(first, format!("{BEGIN}\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K\x1b[3;1Hthree\x1b[K"));
        assert_eq!(screen.show((20, 5), lines(&["one", "two", "three"])), "");
        assert_eq!(screen.show((20, 5), lines(&["one", "2", "three"])), "\x1b[2;1H2\x1b[K");
        assert_eq!(screen.show((20, 5), lines(&["one"])), "\x1b[2;1H\x1b[J");
        assert_eq!(screen.end(), "\x1b[1;1H\r\n\x1b[?25h");
    }

    #[test]
    fn another_size_is_drawn_anew_and_cut_at_its_height() {
        let mut screen = Screen::default();
        screen.show((20, 5), lines(&["one", "two", "three"]));
        let smaller = screen.show((12, 2), lines(&["one", "two", "three"]));
        assert_eq!(smaller, format!("{BEGIN}\x1b[1;1Hone\x1b[K\x1b[2;1H(2 more line"));
    }
}
