//! `~SEQ(var, start, step, end)`, `~SEQx(…)` and `~LST({a, b}, {1, 2}, …)`: what stands in their brackets.
//!
//! Numbers are C's: `0x1f` and `017` too. Nothing is counted out here: a range is three numbers until it is walked.

use crate::conf::number::unsigned;
use std::ops::Range;
use std::rc::Rc;

/// What a sequence walks through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sequence {
    /// `~SEQ`: numbers.
    Numbers { name: Rc<str>, start: i64, step: i64, end: i64, hexadecimal: bool },
    /// `~LST`: rounds, each with a value for each name, as places in the text.
    List { names: Vec<Rc<str>>, rounds: Vec<Vec<Range<usize>>> },
}

/// What is wrong, and where in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) range: Range<usize>,
}

fn wrong(message: impl Into<String>, range: Range<usize>) -> Wrong {
    Wrong { message: message.into(), range }
}

/// How far the head of a `~SEQ` reaches: variable, and the brackets' content behind the comma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NumbersHead {
    pub(super) hexadecimal: bool,
    pub(super) name: Range<usize>,
    pub(super) numbers: Range<usize>,
    /// Offset behind `)`.
    pub(super) end: usize,
}

/// A reader over the text of a line.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blanks();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// All up to a blank or one of `ends`.
    fn word(&mut self, ends: &[u8]) -> Range<usize> {
        self.blanks();
        let from = self.at;
        while self.peek().is_some_and(|b| !matches!(b, b' ' | b'\t') && !ends.contains(&b)) {
            self.at += 1;
        }
        from..self.at
    }

    /// Where the reader stands, for a message: the next character, or the end of the line.
    fn here(&self) -> Range<usize> {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        self.at..self.at + length
    }
}

/// Reads `~SEQ(var, …)` up to the bracket, numbers not yet read: parameters in them are replaced first.
pub(super) fn numbers_head(text: &str) -> Result<NumbersHead, Wrong> {
    let mut reader = Reader { text, at: "~SEQ".len() };
    let hexadecimal = reader.peek() == Some(b'x');
    reader.at += usize::from(hexadecimal);
    if !reader.eat(b'(') {
        return Err(wrong("`~SEQ` must be followed by `(`", reader.here()));
    }
    let name = reader.word(b",)");
    if !is_name(&text[name.clone()]) {
        return Err(wrong("`~SEQ` needs the name of a variable first: `~SEQ(NAME, first, last)`", name));
    }
    if !reader.eat(b',') {
        return Err(wrong("expected `,` and numbers behind the variable's name", reader.here()));
    }
    match text[reader.at..].find(')') {
        Some(length) => {
            let numbers = reader.at..reader.at + length;
            Ok(NumbersHead { hexadecimal, name, end: numbers.end + 1, numbers })
        }
        None => Err(wrong("`~SEQ(` is not ended with `)`", 0..text.len())),
    }
}

/// The numbers of a `~SEQ`: `end`, `start, end`, or `start, step, end`.
pub(super) fn numbers(name: &str, hexadecimal: bool, text: &str) -> Result<Sequence, String> {
    let numbers: Vec<i64> = text
        .split(',')
        .map(|t| number(t.trim()).ok_or_else(|| format!("`{}` is not a number", t.trim())))
        .collect::<Result<_, _>>()?;
    let (start, step, end) = match numbers[..] {
        [end] => (if end < 0 { -1 } else { 1 }, if end < 1 { -1 } else { 1 }, end),
        [start, end] => (start, if start <= end { 1 } else { -1 }, end),
        [start, step, end] => (start, step, end),
        _ => return Err("`~SEQ` takes at most three numbers: `~SEQ(NAME, first, step, last)`".to_owned()),
    };
    if step == 0 || (start < end && step < 0) || (start > end && step > 0) {
        return Err(format!("from {start} in steps of {step}, {end} is never reached"));
    }
    if hexadecimal && (start < 0 || end < 0) {
        return Err("`~SEQx` takes no negative numbers".to_owned());
    }
    Ok(Sequence::Numbers { name: Rc::from(name), start, step, end, hexadecimal })
}

/// As `strtol` with base 0 reads it, though nothing may follow; nothing at all is 0.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = if text.is_empty() { 0 } else { i64::try_from(unsigned(digits)?).ok()? };
    Some(if negative { -value } else { value })
}

/// Reads `~LST(…)`; with it the offset behind `)`.
pub(super) fn list(text: &str) -> Result<(Sequence, usize), Wrong> {
    let mut reader = Reader { text, at: "~LST".len() };
    if !reader.eat(b'(') {
        return Err(wrong("`~LST` must be followed by `(`", reader.here()));
    }
    let mut names: Vec<Rc<str>> = Vec::new();
    let tuple = reader.eat(b'{');
    loop {
        let name = reader.word(b",})");
        if !is_name(&text[name.clone()]) {
            return Err(wrong("`~LST` needs the names of its variables first", name));
        }
        names.push(Rc::from(&text[name]));
        if !tuple || reader.eat(b'}') {
            break;
        }
        if !reader.eat(b',') {
            return Err(wrong("expected `,` or `}` in the list of variables", reader.here()));
        }
    }
    if !reader.eat(b',') {
        return Err(wrong("expected `,` and values behind the variables", reader.here()));
    }
    let mut rounds = Vec::new();
    loop {
        let mut round = Vec::new();
        let tuple = reader.eat(b'{');
        loop {
            round.push(reader.word(b",})"));
            if round.len() > names.len() {
                let range = round.pop().unwrap_or_default();
                return Err(wrong("`~LST` has more values here than variables", range));
            }
            if !tuple || reader.eat(b'}') {
                break;
            }
            if !reader.eat(b',') {
                return Err(wrong("expected `,` or `}` in the list of values", reader.here()));
            }
        }
        rounds.push(round);
        if reader.eat(b')') {
            return Ok((Sequence::List { names, rounds }, reader.at));
        }
        if !reader.eat(b',') {
            return Err(wrong("expected `,` or `)` behind a value", reader.here()));
        }
    }
}

/// The offset behind the brackets of the sequence that a text begins with, if they are whole.
pub(super) fn end(text: &str) -> Option<usize> {
    match text.starts_with("~LST") {
        true => list(text).ok().map(|(_, end)| end),
        false => numbers_head(text).ok().map(|head| head.end),
    }
}

/// Whether a parameter can have this name.
pub(super) fn is_name(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.bytes().all(word) && text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(text: &str) -> Result<(i64, i64, i64), String> {
        match numbers("I", false, text)? {
            Sequence::Numbers { start, step, end, .. } => Ok((start, step, end)),
            Sequence::List { .. } => Err("a list".to_owned()),
        }
    }

    #[test]
    fn numbers_have_defaults() {
        assert_eq!(walked("4"), Ok((1, 1, 4)));
        assert_eq!(walked("-4"), Ok((-1, -1, -4)));
        assert_eq!(walked(" 0 , 3 "), Ok((0, 1, 3)));
        assert_eq!(walked("3,0"), Ok((3, -1, 0)));
        assert_eq!(walked("0x90, 0x10, 0xc0"), Ok((0x90, 0x10, 0xc0)));
        assert_eq!(walked("010,10"), Ok((8, 1, 10)));
        assert_eq!(walked("12,-1,0x0c"), Ok((12, -1, 12)));
    }

    #[test]
    fn numbers_that_lead_nowhere_are_refused() {
        for text in ["1,0,5", "1,-1,5", "5,1,1", "a", "1,2,3,4", "0xg", "9223372036854775808", "--1", "1-"] {
            assert!(walked(text).is_err(), "{text}");
        }
        assert!(numbers("I", true, "-1,5").is_err());
    }

    #[test]
    fn lists_have_single_values_or_tuples() {
        type Read = (Vec<String>, Vec<Vec<String>>, String);
        let read = |text: &str| -> Result<Read, String> {
            let (sequence, end) = list(text).map_err(|w| w.message)?;
            let Sequence::List { names, rounds } = sequence else { panic!() };
            let words = |r: &Vec<Range<usize>>| r.iter().map(|r| text[r.clone()].to_owned()).collect();
            let names = names.iter().map(ToString::to_string).collect();
            Ok((names, rounds.iter().map(words).collect(), text[end..].to_owned()))
        };
        let own = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            read("~LST(IP, 1, b) rest"),
            Ok((own(&["IP"]), vec![own(&["1"]), own(&["b"])], " rest".to_owned()))
        );
        assert_eq!(
            read("~LST({IP,   IP1},  {10,1},{20 , 4},{5})x"),
            Ok((
                own(&["IP", "IP1"]),
                vec![own(&["10", "1"]), own(&["20", "4"]), own(&["5"])],
                "x".to_owned()
            ))
        );
        for text in
            ["~LST", "~LST(", "~LST(A", "~LST(A)", "~LST(A,", "~LST({A,B},{1,2,3})", "~LST({A},1", "~LST(,1)"]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
