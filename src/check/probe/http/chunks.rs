//! The frames of chunks, as far as to find where an answer ends.

/// Follows the frames of chunks (RFC 9112 §7.1) to the last one. What breaks their rules ends with the connection.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: Place,
    /// The size that is being read, or what is left of a chunk.
    size: u64,
    /// Whether the line, of the trailer, has any bytes.
    line: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Size,
    /// Behind the size, up to the end of the line.
    Extension,
    Data,
    /// The end of the line behind the data.
    DataEnd,
    Trailer,
    Broken,
}

impl Chunks {
    /// Where behind these bytes the last chunk ends, if it does.
    pub(super) fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            match self.at {
                Place::Broken => return None,
                Place::Data => {
                    let skipped = usize::try_from(self.size).map_or(rest.len(), |n| n.min(rest.len()));
                    self.size -= skipped as u64;
                    if self.size == 0 {
                        self.at = Place::DataEnd;
                    }
                    rest = rest.get(skipped..).unwrap_or_default();
                    continue;
                }
                Place::Size => match (byte as char).to_digit(16) {
                    Some(digit) if self.size < 1 << 56 => self.size = self.size << 4 | u64::from(digit),
                    Some(_) => self.at = Place::Broken,
                    None if byte == b'\n' => self.end_of_size(),
                    None if matches!(byte, b'\r' | b';' | b' ' | b'\t') => self.at = Place::Extension,
                    None => self.at = Place::Broken,
                },
                Place::Extension if byte == b'\n' => self.end_of_size(),
                Place::Extension => {}
                Place::DataEnd => match byte {
                    b'\r' => {}
                    b'\n' => self.at = Place::Size,
                    _ => self.at = Place::Broken,
                },
                Place::Trailer => match byte {
                    b'\n' if !self.line => return Some(bytes.len() - behind.len()),
                    b'\n' => self.line = false,
                    b'\r' => {}
                    _ => self.line = true,
                },
            }
            rest = behind;
        }
        None
    }

    const fn end_of_size(&mut self) {
        self.at = if self.size == 0 { Place::Trailer } else { Place::Data };
        self.line = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Option<usize> {
        let ends: Vec<Option<usize>> = [1, 2, 3, 1000]
            .into_iter()
            .map(|size| {
                let mut chunks = Chunks::default();
                let mut pieces = text.as_bytes().chunks(size).enumerate();
                pieces.find_map(|(i, piece)| Some(i * size + chunks.find_end(piece)?))
            })
            .collect();
        assert!(ends.iter().all(|e| *e == ends[0]), "{ends:?}");
        ends[0]
    }

    #[test]
    fn the_last_chunk_is_found() {
        assert_eq!(end("5\r\nhello\r\n0\r\n\r\nmore"), Some(15));
        assert_eq!(end("a;x=\"1\"\r\n0123456789\r\n000\r\nTrailer: 0\r\n\r\n"), Some(40));
        assert_eq!(end("0\n\n"), Some(3));
        assert_eq!(end("5\r\nhello\r\n0\r\n"), None);
        assert_eq!(end("5\r\n0\r\n\r\n"), None, "that is data");
        assert_eq!(end(""), None);
    }

    #[test]
    fn what_breaks_the_rules_ends_with_the_connection() {
        for text in [
            "hello",
            "5\r\nhelloX\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\n",
            "<html>0\r\n\r\n",
            "-1\r\n0\r\n\r\n",
        ] {
            assert_eq!(end(text), None, "{text:?}");
        }
    }
}
