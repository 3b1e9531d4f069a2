//! Entries in the words of iproute2: addresses, routes, rules. Each is a line of options, which [`Entry`] walks
//! along the grammar in the keyword table.

mod address;
mod encap;
mod interface;
mod names;
mod nexthop;
mod route;
mod rule;
mod statics;
mod track_group;
mod values;

#[cfg(test)]
mod tests;

pub(super) use address::lower as address;
pub(super) use interface::{cut_link_delays, lower as interfaces};
pub(super) use route::lower as route;
pub(super) use rule::{Priorities, lower as rule};
pub(super) use statics::lower as statics;
pub(super) use values::mask_length;

use super::Lower;
use crate::conf::diagnostic::{Code, Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::schema::{Block, Keyword, Kind};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use std::collections::HashMap;
use std::net::IpAddr;

impl Lower<'_, '_> {
    /// Words between a block's keyword and its brace.
    pub(super) fn nothing_before_the_block(&mut self, statement: &Statement) {
        let words = self.words(statement);
        if let (Some(keyword), Some(extra), Some(last)) = (statement.keyword, words.get(1), words.last()) {
            let message = format!("`{}` takes nothing before its block; this has no effect", keyword.name);
            self.report(&codes::OPTION_WITHOUT_EFFECT, extra.span.to(last.span), message);
        }
    }
}

/// A line while its options are read.
struct Entry<'a, 't, 's> {
    cx: &'a mut Lower<'t, 's>,
    words: &'t [Word<'s>],
    next: usize,
    line: Span,
    /// "address", "route", "rule": what is left out if something is wrong.
    what: &'static str,
    family: Option<(Family, Span)>,
    given_at: HashMap<&'static str, Span>,
}

impl<'a, 't, 's> Entry<'a, 't, 's> {
    fn new(cx: &'a mut Lower<'t, 's>, line: &Statement, what: &'static str) -> Entry<'a, 't, 's> {
        let words = cx.words(line);
        Entry { cx, words, next: 0, line: line.span, what, family: None, given_at: HashMap::new() }
    }

    fn take(&mut self) -> Option<&'t Word<'s>> {
        let word = self.words.get(self.next)?;
        self.next += 1;
        Some(word)
    }

    fn peek(&self) -> Option<&'t Word<'s>> {
        self.words.get(self.next)
    }

    /// Takes the next word if it is this one.
    fn take_if(&mut self, text: &str) -> bool {
        let is_it = self.peek().is_some_and(|w| w.text == text);
        self.next += usize::from(is_it);
        is_it
    }

    /// An option's value. keepalived gives up where it is missing.
    fn value(&mut self, option: &Word<'_>) -> Option<&'t Word<'s>> {
        let value = self.take();
        if value.is_none() {
            let message = format!("`{}` needs a value", option.text);
            self.cx.report(&codes::MISSING_ARGUMENT, option.span, message);
        }
        value
    }

    /// Reports what leaves out the whole line.
    fn refuse<T>(&mut self, code: &'static Code, span: Span, message: &str) -> Option<T> {
        let message = format!("{message}; the {} is left out", self.what);
        self.cx.report(code, span, message);
        None
    }

    /// An option given before: its value is replaced.
    fn once(&mut self, keyword: &'static Keyword, span: Span) {
        if let Some(first) = self.given_at.insert(keyword.canonical(), span) {
            let message = format!("`{}` is given twice; the last one holds", keyword.name);
            let diagnostic = Diagnostic::new(&codes::REPEATED_OPTION, span, message);
            self.cx.sink.push(diagnostic.also(first, "first given here"));
        }
    }

    /// A whole number in the range that the grammar declares.
    fn integer(&mut self, option: &Word<'_>, keyword: &'static Keyword) -> Option<u64> {
        let word = self.value(option)?;
        let Some(Kind::Integer { min, max }) = keyword.args.last().map(|a| a.kind) else { return None };
        self.cx.integer_word(word, min, max)
    }

    fn u32(&mut self, option: &Word<'_>, keyword: &'static Keyword) -> Option<u32> {
        self.integer(option, keyword).and_then(|n| u32::try_from(n).ok())
    }

    fn u8(&mut self, option: &Word<'_>, keyword: &'static Keyword) -> Option<u8> {
        self.integer(option, keyword).and_then(|n| u8::try_from(n).ok())
    }

    /// The name of an interface.
    fn interface(&mut self, option: &Word<'_>) -> Option<String> {
        let word = self.value(option)?;
        let word = self.cx.interface_word(word)?;
        self.cx.interface_may_come(word);
        Some(word.text.to_string())
    }

    /// An address without a prefix length, of the entry's family.
    fn address(&mut self, option: &Word<'_>) -> Option<IpAddr> {
        let word = self.value(option)?;
        let address = self.bare_address(word)?;
        self.settle(Family::of(address), word.span)?;
        Some(address)
    }

    /// `via [inet | inet6] ADDRESS`
    fn gateway(&mut self, option: &Word<'_>) -> Option<IpAddr> {
        if let Some(span) = self.peek().map(|w| w.span) {
            if self.take_if("inet") {
                self.settle(Family::V4, span)?;
            } else if self.take_if("inet6") {
                self.settle(Family::V6, span)?;
            }
        }
        self.address(option)
    }

    fn bare_address(&mut self, word: &Word<'_>) -> Option<IpAddr> {
        if let Ok(address) = word.text.parse::<IpAddr>() {
            return Some(address);
        }
        let message = format!("`{}` is not an address; the {} is left out", word.text, self.what);
        let mut diagnostic = Diagnostic::new(&codes::BAD_ADDRESS, word.span, message);
        if let Some((address, _)) = word.text.split_once('/').filter(|(a, _)| a.parse::<IpAddr>().is_ok()) {
            diagnostic = diagnostic
                .help(format!("write `{address}`: a prefix length has no place here"))
                .instead(address);
        }
        self.cx.sink.push(diagnostic);
        None
    }

    /// The first address or word that tells the family settles it.
    fn settle(&mut self, family: Family, span: Span) -> Option<()> {
        match self.family {
            None => self.family = Some((family, span)),
            Some((settled, _)) if settled == family => {}
            Some((settled, by)) => {
                let message =
                    format!("{} in an {} {}; it is left out", name(family), name(settled), self.what);
                let diagnostic = Diagnostic::new(&codes::ENTRY_FAMILY, span, message);
                self.cx.sink.push(diagnostic.also(by, format!("this makes it {}", name(settled))));
                return None;
            }
        }
        Some(())
    }

    /// `inet` and `inet6`.
    fn family_word(&mut self, option: &Word<'_>, family: Family) -> Option<()> {
        if let Some(next) = self.peek() {
            let message =
                format!("keepalived passes over the word behind `{}`: `{}`", option.text, next.text);
            let diagnostic = Diagnostic::new(&codes::SWALLOWED_WORD, next.span, message);
            self.cx.sink.push(diagnostic.help(format!("write `{}` at the end of the line", option.text)));
        }
        self.settle(family, option.span)
    }

    /// A word that is no option here.
    fn unknown(&mut self, word: &Word<'_>, grammar: &'static Block, consequence: &str) {
        let message = format!("`{}` is no option of {}; {consequence}", word.text, article(self.what));
        let mut diagnostic = Diagnostic::new(&codes::NO_SUCH_OPTION, word.span, message);
        let names = grammar.keywords.iter().map(|k| k.name);
        if let Some(close) = did_you_mean(&word.text, names) {
            diagnostic = diagnostic.did_you_mean(close);
        } else if let Some(better) = meant(&word.text) {
            diagnostic = diagnostic.did_you_mean(better);
        } else if let Some(help) = elsewhere(&word.text) {
            diagnostic = diagnostic.help(help);
        }
        self.cx.sink.push(diagnostic);
    }
}

fn article(what: &str) -> String {
    match what {
        "address" => "an address".to_owned(),
        other => format!("a {other}"),
    }
}

const fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// What people write who know iproute2, or the man page.
fn meant(word: &str) -> Option<&'static str> {
    Some(match word {
        "device" => "dev",
        "ip_proto" => "ipproto",
        "tun_id" => "tunnel-id",
        "proto" => "protocol",
        "gateway" => "via",
        "nodad" => "-nodad",
        _ => return None,
    })
}

/// Options that another kind of entry has.
fn elsewhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "valid_lft" => "keepalived sets every valid lifetime to forever",
        "track_group" => "track_group is for static_ipaddress, static_routes and static_rules",
        "use_vmac" => "use_vmac is for virtual_ipaddress",
        _ => return None,
    })
}
