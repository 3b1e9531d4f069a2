//! Values of options: numbers as C reads them, networks, realms, times, ranges, firewall marks.

use super::Entry;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::number::decimal;
use crate::conf::source::Span;
use crate::net::{Family, IpNet, NameTable};
use crate::vrrp::config::route::Realms;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The greatest time of a route's metric in milliseconds: the kernel's greatest retransmission timeout.
const MAX_TIME_MS: u64 = 120_000;
/// The least one that keepalived gives: the kernel's usual least retransmission timeout.
const MIN_TIME_MS: u64 = 200;

/// A time in units of 1/`per_ms` ms: a bare number counts units, `s` and `ms` are what they say. The outer `None` is
/// no time at all; the second value says whether decimals were cut off.
pub(super) fn time(text: &str, per_ms: u64) -> Option<(u64, bool)> {
    let lower = text.to_ascii_lowercase();
    let suffix = ["secs", "sec", "s"].iter().find_map(|s| lower.strip_suffix(s));
    let Some(number) = suffix else {
        return digits(&lower).map(|n| (n, false));
    };
    if let Some(ms) = number.strip_suffix('m') {
        return digits(ms).map(|n| (n.saturating_mul(per_ms), false));
    }
    let seconds = decimal(number, 3)?;
    Some((seconds.rounded.saturating_mul(per_ms), !seconds.is_exact))
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().unwrap_or(u64::MAX))
}

/// `FIRST-LAST`.
pub(super) fn range<T: FromStr>(text: &str) -> Option<(T, T)> {
    let (first, last) = text.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// The prefix length of a netmask without holes.
pub(in crate::conf::lower) fn mask_length(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    (bits.leading_ones() + bits.trailing_zeros() >= 32).then_some(bits.leading_ones() as u8)
}

/// Where packets come from or go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// `default`, `any`, `all`: of the entry's family.
    Any,
    /// A prefix.
    Net(IpNet),
}

impl Network {
    /// As a prefix of this family.
    pub(super) fn net(self, family: Family) -> IpNet {
        match (self, family) {
            (Network::Net(net), _) => net,
            (Network::Any, Family::V4) => IpNet { address: Ipv4Addr::UNSPECIFIED.into(), prefix_len: 0 },
            (Network::Any, Family::V6) => IpNet { address: Ipv6Addr::UNSPECIFIED.into(), prefix_len: 0 },
        }
    }
}

impl Entry<'_, '_, '_> {
    /// `ADDRESS[/PREFIX]`, `default`, `any` or `all`; it settles the family.
    pub(super) fn network(&mut self, word: &Word<'_>) -> Option<Network> {
        match word.text.as_ref() {
            "default" | "any" | "all" => return Some(Network::Any),
            "default6" => {
                let message = "`default6` is an old spelling of `default` with `inet6`";
                self.cx.report(&codes::OLD_WORD, word.span, message);
                self.settle(Family::V6, word.span)?;
                return Some(Network::Any);
            }
            _ => {}
        }
        let net = self.net(word)?;
        self.settle(Family::of(net.address), word.span)?;
        Some(Network::Net(net))
    }

    /// An address with an optional prefix length; a bad prefix is replaced by that of the address alone.
    pub(super) fn net(&mut self, word: &Word<'_>) -> Option<IpNet> {
        let (address, prefix) = match word.text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (word.text.as_ref(), None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            let message = format!("`{}` is not an IP address", word.text);
            return self.refuse(&codes::BAD_ADDRESS, word.span, &message);
        };
        let bits = Family::of(address).bits();
        let alone = IpNet::host(address);
        let Some(prefix) = prefix else { return Some(alone) };
        if prefix.is_empty() {
            let message = format!("`{}` has no prefix length behind the `/`; /{bits} is taken", word.text);
            let help = format!("write {alone} if that is meant; keepalived takes /0");
            self.cx.sink.push(Diagnostic::new(&codes::EMPTY_PREFIX, word.span, message).help(help));
            return Some(alone);
        }
        match prefix.parse::<u8>() {
            Ok(prefix_len) if prefix_len <= bits => Some(IpNet { address, prefix_len }),
            _ => {
                let start = word.span.end.saturating_sub(prefix.len() as u32).max(word.span.start);
                let span = Span { start, ..word.span };
                let message = format!("`{prefix}` is not a prefix length; /{bits} is taken");
                let mut diagnostic = Diagnostic::new(&codes::BAD_PREFIX, span, message)
                    .label(format!("expected a whole number from 0 to {bits}"));
                if let Some(length) = prefix.parse::<Ipv4Addr>().ok().and_then(mask_length) {
                    diagnostic = diagnostic.help(format!("the netmask {prefix} is written /{length}"));
                }
                self.cx.sink.push(diagnostic);
                Some(alone)
            }
        }
    }

    /// A name or number, which leaves out the line if there is none.
    pub(super) fn name(&mut self, option: &Word<'_>, table: NameTable) -> Option<u32> {
        let word = self.value(option)?;
        let consequence = format!("the {} is left out", self.what);
        self.cx.named(word, table, &consequence)
    }

    /// `tos` and its like.
    pub(super) fn field(&mut self, option: &Word<'_>) -> Option<u8> {
        self.name(option, NameTable::Fields).and_then(|n| u8::try_from(n).ok())
    }

    /// `[SOURCE/]DESTINATION`; they make the entry an IPv4 one.
    pub(super) fn realms(&mut self, option: &Word<'_>) -> Option<Realms> {
        let word = self.value(option)?;
        let realm = |entry: &mut Self, text: &str| {
            let number = entry.cx.lookup(text, NameTable::Realms).and_then(|n| u16::try_from(n).ok());
            if number.is_none() {
                let message = format!("`{text}` is no realm; the {} is left out", entry.what);
                let diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, word.span, message);
                let label = format!("expected numbers up to {}, or names", NameTable::Realms.max());
                entry
                    .cx
                    .sink
                    .push(diagnostic.label(label).help("realms are named in /etc/iproute2/rt_realms"));
            }
            number
        };
        let realms = match word.text.split_once('/') {
            Some((source, destination)) => {
                Realms { source: Some(realm(self, source)?), destination: realm(self, destination)? }
            }
            None => Realms { source: None, destination: realm(self, &word.text)? },
        };
        self.settle(Family::V4, option.span)?;
        Some(realms)
    }

    /// A time in units of 1/`per_ms` ms.
    pub(super) fn time(&mut self, option: &Word<'_>, per_ms: u64) -> Option<u32> {
        let word = self.value(option)?;
        let Some((value, cut)) = time(&word.text, per_ms) else {
            let message = format!("`{}` is no time; the {} is left out", word.text, self.what);
            let diagnostic = Diagnostic::new(&codes::BAD_NUMBER, word.span, message);
            self.cx.sink.push(diagnostic.label("expected a whole number, or a number with `s` or `ms`"));
            return None;
        };
        if cut {
            let message = format!("`{}` has more decimals than the three that count", word.text);
            self.cx.report(&codes::ADJUSTED, word.span, message);
        }
        let max = MAX_TIME_MS * per_ms;
        if value > max && word.text.bytes().all(|b| b.is_ascii_digit()) {
            let message = format!("`{}` is more than 120 s", word.text);
            return self.refuse(&codes::OUT_OF_RANGE, word.span, &message);
        }
        if value > max {
            let message = format!("`{}` is more than the greatest time; 120 s is taken", word.text);
            self.cx.report(&codes::ADJUSTED, word.span, message);
        }
        let min = MIN_TIME_MS * per_ms;
        if value < min {
            let message = format!("`{}` is less than the least time; 200 ms is taken", word.text);
            self.cx.report(&codes::ADJUSTED, word.span, message);
        }
        u32::try_from(value.clamp(min, max)).ok()
    }
}
