//! Lines within a stream, whatever pieces they come in.

use super::Failure;

/// What came, until a line is whole.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    kept: Vec<u8>,
    longest: usize,
}

impl Lines {
    /// None is longer than this.
    pub(super) const fn new(longest: usize) -> Lines {
        Lines { kept: Vec::new(), longest }
    }

    /// The next line, without its end, once that has come; the bytes that belong to it are taken.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let end = memchr::memchr(b'\n', bytes);
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if self.kept.len() + line.len() > self.longest {
            return Err(Failure::Reason("a line of the answer is too long".into()));
        }
        self.kept.extend_from_slice(line);
        *bytes = rest.get(1..).unwrap_or_default();
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.kept);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_from_pieces_of_any_size() {
        for size in 1..12 {
            let mut lines = Lines::new(5);
            let mut found = Vec::new();
            for mut piece in b"one\r\ntwo\n\n12345\nrest".chunks(size) {
                while !piece.is_empty() {
                    found.extend(lines.next(&mut piece).unwrap());
                }
            }
            assert_eq!(found, [&b"one"[..], b"two", b"", b"12345"], "{size}");
        }
        assert!(Lines::new(5).next(&mut &b"123456\n"[..]).is_err());
        let mut lines = Lines::new(5);
        assert_eq!(lines.next(&mut &b"1234"[..]), Ok(None));
        assert!(lines.next(&mut &b"56"[..]).is_err(), "not before its end comes, if that never does");
    }
}
