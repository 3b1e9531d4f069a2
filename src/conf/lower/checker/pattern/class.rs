//! `[…]`

use super::escape::Escape;
use super::{Reader, Wrong, ascii, words};

const NAMES: &[&str] = &[
    "alpha", "lower", "upper", "alnum", "ascii", "blank", "cntrl", "digit", "graph", "print", "punct",
    "space", "word", "xdigit",
];

/// What the last member was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    /// Nothing that a range could begin with.
    None,
    /// A character, where it is known which.
    Character(Option<u32>),
    Set,
}

impl Reader {
    /// Behind the `[`.
    pub(super) fn class(&mut self) -> Result<(), Wrong> {
        if let Some((sign, _)) = self.posix() {
            return Err(match sign {
                ':' => "has `[:…:]` outside of brackets: it is written `[[:…:]]`".into(),
                _ => "has a collating element, which PCRE2 does not know".into(),
            });
        }
        self.next_if('^');
        let mut first = !self.empty_class;
        let mut last = Member::None;
        // The start of a range whose `-` is read.
        let mut from: Option<Member> = None;
        loop {
            let Some(unit) = self.next() else { return Err("has a `[` without its `]`".into()) };
            let literal = Member::Character(Some(unit));
            let member = match ascii(unit) {
                ']' if !first => return Ok(()),
                '[' => match self.posix() {
                    Some((':', length)) => {
                        self.posix_name(length)?;
                        Member::Set
                    }
                    Some(_) => return Err("has a collating element, which PCRE2 does not know".into()),
                    None => literal,
                },
                '\\' => {
                    let start = self.at;
                    match self.escaped(true)? {
                        Escape::Character(c) => Member::Character(c),
                        // Its first character ends a range, its last may begin one: none is judged.
                        Escape::Literal(true) => {
                            (from, last, first) = (None, Member::None, false);
                            continue;
                        }
                        Escape::Literal(false) | Escape::Nothing => continue,
                        _ => {
                            debug_assert!(self.at > start, "something was read");
                            Member::Set
                        }
                    }
                }
                '-' if from.is_none() && last != Member::None && self.peek() != Some(u32::from(b']')) => {
                    from = Some(std::mem::replace(&mut last, Member::None));
                    continue;
                }
                _ => literal,
            };
            first = false;
            last = match (from.take(), member) {
                (None, member) => member,
                (Some(Member::Set), _) | (_, Member::Set) => {
                    return Err("has a range in brackets from or to what is no character".into());
                }
                (Some(Member::Character(Some(from))), Member::Character(Some(to))) if to < from => {
                    return Err("has a range in brackets that ends before it begins".into());
                }
                (Some(_), _) => Member::None,
            };
        }
    }

    /// `:name:]`, `.x.]` or `=x=]` behind a `[`: its sign, and the length of what is between.
    fn posix(&self) -> Option<(char, usize)> {
        let rest = self.units.get(self.at..)?;
        let sign = ascii(*rest.first()?);
        if !matches!(sign, ':' | '.' | '=') {
            return None;
        }
        let inner = &rest[1..];
        for (i, unit) in inner.iter().enumerate() {
            match ascii(*unit) {
                ']' | '\\' => return None,
                c if c == sign && inner.get(i + 1) == Some(&u32::from(b']')) => return Some((sign, i)),
                '[' if inner.get(i + 1) == Some(&u32::from(sign)) => return None,
                _ => {}
            }
        }
        None
    }

    fn posix_name(&mut self, length: usize) -> Result<(), Wrong> {
        let name = words(&self.units[self.at + 1..self.at + 1 + length]);
        self.at += length + 3;
        match name.strip_prefix('^').unwrap_or(&name) {
            // Where a word begins and ends.
            "<" | ">" => Ok(()),
            known if NAMES.contains(&known) => Ok(()),
            _ => Err(format!("has `[:{name}:]`, which is no class of characters").into()),
        }
    }
}
