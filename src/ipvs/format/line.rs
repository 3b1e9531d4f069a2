//! A line in the making: text, numbers and blanks as bytes. A listing has one for each server, and `write!` with its
//! widths would take longer for it than the kernel for the server.

use itoa::Buffer;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

/// What has been written of a line.
#[derive(Debug)]
pub(super) struct Line {
    bytes: Vec<u8>,
}

impl Line {
    pub(super) fn new() -> Line {
        Line { bytes: Vec::with_capacity(256) }
    }

    /// Where the next byte goes.
    pub(super) fn end(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        self.text(Buffer::new().format(number))
    }

    /// Fills up with blanks what was written since `start`.
    pub(super) fn pad(&mut self, start: usize, width: usize) -> &mut Self {
        let end = (start + width).max(self.bytes.len());
        self.bytes.resize(end, b' ');
        self
    }

    /// A blank, and text filled up.
    pub(super) fn column(&mut self, text: &str, width: usize) -> &mut Self {
        let start = self.end() + 1;
        self.text(" ").text(text).pad(start, width)
    }

    /// A blank, and a number filled up on its right.
    pub(super) fn left(&mut self, number: u64, width: usize) -> &mut Self {
        let start = self.end() + 1;
        self.text(" ").number(number).pad(start, width)
    }

    /// A number filled up on its left.
    pub(super) fn right(&mut self, number: u64, width: usize) -> &mut Self {
        let mut digits = Buffer::new();
        let digits = digits.format(number);
        self.pad(self.end(), width.saturating_sub(digits.len())).text(digits)
    }

    /// An address as `inet_ntop` writes it, which has the last 32 bits of `::/96` in IPv4's form.
    pub(super) fn address(&mut self, address: IpAddr) -> &mut Self {
        match address {
            IpAddr::V4(a) => self.dotted(a),
            IpAddr::V6(a) if a.to_bits() >> 32 == 0 && a.to_bits() >> 16 != 0 => {
                self.text("::").dotted(Ipv4Addr::from_bits(a.to_bits() as u32))
            }
            IpAddr::V6(a) => self.text(&a.to_string()),
        }
    }

    fn dotted(&mut self, address: Ipv4Addr) -> &mut Self {
        let [a, b, c, d] = address.octets().map(u64::from);
        self.number(a).text(".").number(b).text(".").number(c).text(".").number(d)
    }

    /// Cuts what was written since `start` to `len` bytes at most, between characters.
    pub(super) fn cut(&mut self, start: usize, len: usize) -> &mut Self {
        let mut end = start + len;
        while self.bytes.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
            end -= 1;
        }
        self.bytes.truncate(end);
        self
    }

    /// Writes the line with its end, and begins the next one.
    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.bytes.push(b'\n');
        let result = out.write_all(&self.bytes);
        self.bytes.clear();
        result
    }

    /// What has been written, as text.
    pub(super) fn into_text(self) -> String {
        String::from_utf8(self.bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(write: impl FnOnce(&mut Line)) -> String {
        let mut line = Line::new();
        write(&mut line);
        line.into_text()
    }

    #[test]
    fn numbers_are_those_of_format() {
        for n in [0, 9, 10, 99, 100, 65_535, 4_294_967_296, u64::MAX] {
            assert_eq!(line(|l| _ = l.number(n)), n.to_string());
            for width in [0, 1, 5, 9, 30] {
                assert_eq!(line(|l| _ = l.right(n, width)), format!("{n:>width$}"));
                assert_eq!(line(|l| _ = l.left(n, width)), format!(" {n:<width$}"));
            }
        }
        assert_eq!(line(|l| _ = l.column("Masq", 7)), " Masq   ");
        assert_eq!(line(|l| _ = l.column("Tunnel12", 7)), " Tunnel12");
    }

    #[test]
    fn addresses_are_those_of_inet_ntop() {
        for (address, text) in [
            ("0.0.0.0", "0.0.0.0"),
            ("255.10.9.100", "255.10.9.100"),
            ("2001:db8::1", "2001:db8::1"),
            ("::1", "::1"),
            ("::", "::"),
            ("::0.1.0.0", "::0.1.0.0"),
            ("::192.0.2.1", "::192.0.2.1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ] {
            assert_eq!(line(|l| _ = l.address(address.parse().unwrap())), text);
        }
    }

    #[test]
    fn cuts_are_between_characters() {
        let cut = |len| line(|l| _ = l.text("-> ").text("aéb").cut(3, len));
        assert_eq!(["-> ", "-> a", "-> a", "-> aé", "-> aéb", "-> aéb"], [0, 1, 2, 3, 4, 5].map(cut)[..]);
    }
}
