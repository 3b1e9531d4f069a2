//! The table of keywords: for each block, what may stand in it, with which arguments, and what vipd does about it.
//!
//! Parsing, validation, "did you mean" and every later reader of the language ask this table. A block's keywords are
//! sorted by name, so that a look-up is a binary search; a test holds them to it.

mod bfd;
mod checker;
mod global;
pub mod iproute;
pub mod reference;
mod root;
mod service;
mod sync;
mod track;
mod virtual_server;
mod vrrp;

#[cfg(test)]
mod tests;

pub use root::ROOT;

use crate::net::Family;

/// What may stand between two braces (or at the top of a file).
#[derive(Debug)]
pub struct Block {
    /// The keyword that opens it; empty for the top of the file.
    pub name: &'static str,
    /// Its keywords, sorted by name.
    pub keywords: &'static [Keyword],
}

impl Block {
    /// A keyword by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static Keyword> {
        // Most words that are no keyword are addresses.
        if name.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        self.keywords.binary_search_by(|k| k.name.cmp(name)).ok().map(|i| &self.keywords[i])
    }
}

/// Whether vipd carries a keyword out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has its effect.
    Done,
    /// It is read, checked and in the `Config`; nothing acts on it yet, nor on what stands in its block.
    Read,
}

/// What follows a keyword's line.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Nothing.
    Line,
    /// Keywords in braces.
    Block(&'static Block),
    /// Entries in braces, one a line, with no keyword of their own.
    Entries,
}

/// What an argument may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number.
    Integer {
        /// The least allowed.
        min: u64,
        /// The greatest allowed.
        max: u64,
    },
    /// A whole number that may be negative.
    Signed {
        /// The least allowed.
        min: i64,
        /// The greatest allowed.
        max: i64,
    },
    /// Seconds with up to six decimals; the limits are in microseconds.
    Timer {
        /// The least allowed, in microseconds.
        min_us: u64,
        /// The greatest allowed, in microseconds.
        max_us: u64,
    },
    /// `on`, `off`, `true`, `false`, `yes`, `no`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words in capitals, small letters or a mixture.
    ChoiceAnyCase(&'static [&'static str]),
    /// An address, of this family if there is one.
    Address(Option<Family>),
    /// The name of an interface: up to 15 bytes.
    Interface,
    /// Any word.
    Text,
    /// Words with a grammar of their own.
    Special,
}

/// One argument of a keyword.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// What it is called in help: `SECONDS`.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// Without it keepalived ends at once, instead of passing over the line.
    pub gives_up: bool,
}

/// One keyword in one block.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// As it is written.
    pub name: &'static str,
    /// Its arguments in their order.
    pub args: &'static [Arg],
    /// What follows its line.
    pub shape: Shape,
    /// Whether vipd carries it out.
    pub status: Status,
    /// The spelling that is preferred to this one.
    pub synonym_of: Option<&'static str>,
    /// What holds without it.
    pub default: Option<&'static str>,
    /// The first release of keepalived that knew it, from 2.0.0 on: its first tag whose sources install the keyword. Left
    /// out where a name came to several blocks at different times.
    pub since: Option<&'static str>,
    /// It is vipd's own: keepalived passes over it, and reports it as unknown.
    pub ours: bool,
    /// What follows from its having no effect yet, where that is not plain.
    pub without: Option<&'static str>,
    /// Its words are a command line, with quotes and escapes of its own.
    pub command_line: bool,
    /// What an entry of its block may hold, where that is known: options that stand behind one another on a line.
    pub entry: Option<&'static Block>,
    /// One line of help.
    pub help: &'static str,
}

impl Keyword {
    /// The name under which it is carried out: the preferred spelling.
    #[must_use]
    pub const fn canonical(&self) -> &'static str {
        match self.synonym_of {
            Some(name) => name,
            None => self.name,
        }
    }

    const fn new(name: &'static str, args: &'static [Arg], shape: Shape, help: &'static str) -> Keyword {
        Keyword {
            name,
            args,
            shape,
            status: Status::Done,
            synonym_of: None,
            default: None,
            since: None,
            ours: false,
            without: None,
            command_line: false,
            entry: None,
            help,
        }
    }

    const fn synonym_of(self, name: &'static str) -> Keyword {
        Keyword { synonym_of: Some(name), ..self }
    }

    const fn default(self, default: &'static str) -> Keyword {
        Keyword { default: Some(default), ..self }
    }

    const fn ours(self) -> Keyword {
        Keyword { ours: true, ..self }
    }

    const fn since(self, release: &'static str) -> Keyword {
        Keyword { since: Some(release), ..self }
    }

    /// Its words are a command line.
    const fn command(self) -> Keyword {
        Keyword { command_line: true, ..self }
    }

    /// It reaches the `Config`, and nothing acts on it yet.
    const fn read(self) -> Keyword {
        Keyword { status: Status::Read, ..self }
    }

    /// The same, and what follows from that.
    const fn read_so(self, without: &'static str) -> Keyword {
        Keyword { without: Some(without), ..self.read() }
    }

    /// Its words have quotes and escapes of their own.
    const fn quoted(self) -> Keyword {
        Keyword { command_line: true, ..self }
    }
}

/// A keyword that stands alone on its line.
const fn line(name: &'static str, args: &'static [Arg], help: &'static str) -> Keyword {
    Keyword::new(name, args, Shape::Line, help)
}

/// A keyword with keywords in braces.
const fn block(
    name: &'static str,
    args: &'static [Arg],
    block: &'static Block,
    help: &'static str,
) -> Keyword {
    Keyword::new(name, args, Shape::Block(block), help)
}

/// A keyword with entries in braces.
const fn entries(name: &'static str, args: &'static [Arg], help: &'static str) -> Keyword {
    Keyword::new(name, args, Shape::Entries, help)
}

/// A required argument.
const fn arg(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, required: true, gives_up: true }
}

/// An argument that may be left out.
const fn optional(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, required: false, gives_up: false }
}

/// A required argument without which keepalived passes over the line.
const fn expected(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, required: true, gives_up: false }
}

const SECOND_US: u64 = 1_000_000;

/// The greatest timer of keepalived, 2^64 − 2 µs; here what a signed number of microseconds holds.
const MAX_TIMER_US: u64 = i64::MAX as u64;

const MAX_U32: u64 = u32::MAX as u64;

const fn integer(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

const fn signed(min: i64, max: i64) -> Kind {
    Kind::Signed { min, max }
}

/// Seconds with decimals, from `min_us` microseconds up.
const fn timer(min_us: u64) -> Kind {
    Kind::Timer { min_us, max_us: MAX_TIMER_US }
}

/// The words that an argument may be, where it is one of a few.
#[must_use]
pub fn choices(arg: &Arg) -> Vec<&'static str> {
    match arg.kind {
        Kind::Choice(words) | Kind::ChoiceAnyCase(words) => words.to_vec(),
        Kind::Bool => vec!["on", "off", "true", "false", "yes", "no"],
        _ => Vec::new(),
    }
}

/// Every block of the language, the top of the file first, each once.
pub fn blocks() -> Vec<&'static Block> {
    let mut found: Vec<&'static Block> = vec![&ROOT];
    let mut next = 0;
    while let Some(block) = found.get(next).copied() {
        next += 1;
        for keyword in block.keywords {
            if let Shape::Block(inner) = keyword.shape
                && !found.iter().any(|b| std::ptr::eq(*b, inner))
            {
                found.push(inner);
            }
        }
    }
    found
}
