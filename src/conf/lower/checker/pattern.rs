//! Whether PCRE2 takes a regular expression: its syntax, and that what it refers to is there.
//!
//! Nothing is matched here. Where PCRE2's versions differ, or where a mistake shows only in what it makes of the whole
//! (a lookbehind's length), nothing is said: what is reported is an error of each version since 10.40. Read are the units
//! that PCRE2 reads: bytes, or characters with the option `utf`.

mod class;
mod escape;
mod group;
#[cfg(test)]
mod tests;

use crate::raw;
use std::borrow::Cow;

/// PCRE2's own limit of groups within each other (`PCRE2_CONFIG_PARENSLIMIT`).
const MAX_DEPTH: u32 = 250;
/// The greatest number of a repetition.
const MAX_REPEAT: u32 = 65_535;

/// What is wrong, in a few words that follow "this regular expression".
type Wrong = Cow<'static, str>;

/// Why PCRE2 refuses a pattern with these of its options; `None` where it takes it, as far as can be told.
pub(super) fn malformed(pattern: &str, options: &[String]) -> Option<Wrong> {
    let has = |name: &str| options.iter().any(|o| o == name);
    let utf = has("utf") || pattern.starts_with("(*UTF)");
    let units = match utf {
        true => raw::shown(pattern).chars().map(u32::from).collect(),
        false => raw::bytes(pattern).iter().map(|b| u32::from(*b)).collect(),
    };
    let mut reader = Reader {
        units,
        at: 0,
        depth: 0,
        utf,
        modes: Modes {
            extended: has("extended"),
            same_names: has("dupnames"),
            no_captures: has("no_auto_capture"),
        },
        empty_class: has("allow_empty_class"),
        javascript: has("alt_bsux"),
        in_lookbehind: false,
        groups: 0,
        names: Vec::new(),
        references: Vec::new(),
    };
    reader.pattern().err()
}

/// What `(?x)`, `(?J)` and `(?n)` change, up to the end of the group that they stand in.
#[derive(Clone, Copy, Debug)]
struct Modes {
    extended: bool,
    same_names: bool,
    no_captures: bool,
}

/// A group that is meant from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reference {
    Number(u32),
    Name(Vec<u32>),
}

/// What a sign of repetition would repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// Nothing that could be.
    Nothing,
    Item,
    /// Versions differ.
    Unsure,
}

#[derive(Debug)]
struct Reader {
    units: Vec<u32>,
    at: usize,
    depth: u32,
    utf: bool,
    modes: Modes,
    /// `[]` is a class.
    empty_class: bool,
    /// `\u`, `\U` and `\x` are those of JavaScript.
    javascript: bool,
    /// Its length must be known.
    in_lookbehind: bool,
    /// How many groups capture, up to here.
    groups: u32,
    names: Vec<Vec<u32>>,
    references: Vec<Reference>,
}

impl Reader {
    fn pattern(&mut self) -> Result<(), Wrong> {
        self.settings();
        self.alternatives()?;
        if self.at < self.units.len() {
            return Err("has a `)` without its `(`".into());
        }
        for reference in &self.references {
            match reference {
                Reference::Number(n) if *n > self.groups => {
                    return Err(format!("refers to group {n}, and has {}", self.groups).into());
                }
                Reference::Name(name) if !self.names.contains(name) => {
                    return Err(format!("refers to a group `{}` that it does not have", words(name)).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `(*UTF)` and others at the very start.
    fn settings(&mut self) {
        const PLAIN: &[&str] = &[
            "UTF",
            "UTF8",
            "UCP",
            "CR",
            "LF",
            "CRLF",
            "ANYCRLF",
            "ANY",
            "NUL",
            "BSR_ANYCRLF",
            "BSR_UNICODE",
            "NO_JIT",
            "NOTEMPTY",
            "NOTEMPTY_ATSTART",
            "NO_AUTO_POSSESS",
            "NO_DOTSTAR_ANCHOR",
            "NO_START_OPT",
        ];
        const NUMBERED: &[&str] = &["LIMIT_MATCH=", "LIMIT_DEPTH=", "LIMIT_HEAP=", "LIMIT_RECURSION="];
        while self.looking_at("(*") {
            let Some(length) = self.units[self.at..].iter().position(|u| *u == u32::from(b')')) else {
                return;
            };
            let name = words(&self.units[self.at + 2..self.at + length]);
            let numbered = |p: &&str| name.strip_prefix(*p).is_some_and(|n| n.parse::<u32>().is_ok());
            if !PLAIN.contains(&name.as_str()) && !NUMBERED.iter().any(numbered) {
                return;
            }
            self.at += length + 1;
        }
    }

    /// Up to a `)` or the end; how many branches there are.
    fn alternatives(&mut self) -> Result<u32, Wrong> {
        self.branches(false)
    }

    /// [`Reader::alternatives`]; each begins to count groups anew where `counts_anew`.
    fn branches(&mut self, counts_anew: bool) -> Result<u32, Wrong> {
        self.depth += 1;
        // The pattern itself is no group.
        if self.depth > MAX_DEPTH + 1 {
            return Err(format!("has more than {MAX_DEPTH} groups within each other").into());
        }
        let (modes, start) = (self.modes, self.groups);
        let (mut most, mut count) = (start, 1);
        let mut before = Before::Nothing;
        while let Some(unit) = self.peek() {
            if unit == u32::from(b')') {
                break;
            }
            if unit == u32::from(b'|') {
                self.at += 1;
                count += 1;
                before = Before::Nothing;
                most = most.max(self.groups);
                if counts_anew {
                    self.groups = start;
                }
                continue;
            }
            before = self.item(before)?;
        }
        self.groups = most.max(self.groups);
        self.modes = modes;
        self.depth -= 1;
        Ok(count)
    }

    /// One item of a branch; what a repetition behind it would repeat.
    fn item(&mut self, before: Before) -> Result<Before, Wrong> {
        let Some(unit) = self.next() else { return Ok(before) };
        Ok(match ascii(unit) {
            '\\' => return self.escape(before),
            '[' => {
                self.class()?;
                Before::Item
            }
            '(' => return self.group(before),
            '^' | '$' => Before::Nothing,
            '*' | '+' => self.repeated(before, None)?,
            '?' => self.repeated(before, Some(1))?,
            '{' => match self.braces()? {
                Some(most) => self.repeated(before, most)?,
                // No repetition: it stands for itself, at least in older versions.
                None => Before::Unsure,
            },
            ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r' if self.modes.extended => before,
            '#' if self.modes.extended => {
                while self.next().is_some_and(|u| u != u32::from(b'\n')) {}
                before
            }
            _ => Before::Item,
        })
    }

    /// `{n}`, `{n,}`, `{n,m}` behind its brace: the greatest number, if there is one. `None` where it is none of these.
    fn braces(&mut self) -> Result<Option<Option<u32>>, Wrong> {
        let start = self.at;
        let least = self.digits();
        let most = match (least, self.next_if(',')) {
            (None, _) => None,
            (Some(n), false) => Some(Some(n)),
            (Some(_), true) => Some(self.digits()),
        };
        let (Some(most), true) = (most, self.next_if('}')) else {
            self.at = start;
            return Ok(None);
        };
        if least.max(most).is_some_and(|n| n > MAX_REPEAT) {
            return Err(format!("repeats more than {MAX_REPEAT} times").into());
        }
        match (least, most) {
            (Some(least), Some(most)) if most < least => {
                Err(format!("repeats {least} to {most} times: the numbers are out of order").into())
            }
            _ => Ok(Some(most)),
        }
    }

    /// A sign of repetition was read, of at most so many times: and a second one that makes it greedy or not.
    fn repeated(&mut self, before: Before, most: Option<u32>) -> Result<Before, Wrong> {
        if before == Before::Nothing {
            return Err("repeats nothing".into());
        }
        if self.in_lookbehind && most.is_none() {
            return Err("has a lookbehind of any length".into());
        }
        if !self.next_if('?') {
            self.next_if('+');
        }
        // Blanks before that second sign are another matter in each version.
        Ok(if self.modes.extended { Before::Unsure } else { Before::Nothing })
    }

    fn peek(&self) -> Option<u32> {
        self.units.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u32> {
        let unit = self.peek()?;
        self.at += 1;
        Some(unit)
    }

    fn next_if(&mut self, c: char) -> bool {
        let found = self.peek() == Some(u32::from(c));
        self.at += usize::from(found);
        found
    }

    fn looking_at(&self, text: &str) -> bool {
        let rest = self.units.get(self.at..).unwrap_or_default();
        rest.len() >= text.len() && rest.iter().zip(text.bytes()).all(|(u, b)| *u == u32::from(b))
    }

    /// Passes over a text, if it stands here.
    fn next_if_text(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// A number in decimal digits; one that is too great stays so.
    fn digits(&mut self) -> Option<u32> {
        let mut number = None;
        while let Some(digit) = self.peek().and_then(|u| ascii(u).to_digit(10)) {
            self.at += 1;
            number = Some(number.unwrap_or(0_u32).saturating_mul(10).saturating_add(digit));
        }
        number
    }
}

/// A unit as a character, where it is ASCII; NUL, which no pattern has, where it is not.
fn ascii(unit: u32) -> char {
    u8::try_from(unit).ok().filter(u8::is_ascii).map_or('\0', char::from)
}

fn words(units: &[u32]) -> String {
    units.iter().map(|u| char::from_u32(*u).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
