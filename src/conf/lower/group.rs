//! `virtual_server_group`: lists of addresses, ranges and firewall marks.

use super::{Lower, body, end_of};
use crate::check::config::Endpoint;
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A range with more addresses than this is refused: each would be a service of its own.
const MAX_RANGE: u128 = 65_536;

/// One `virtual_server_group` block.
#[derive(Debug)]
pub(super) struct Group {
    /// Where its name stands.
    pub(super) named_at: Span,
    /// Every address of it, ranges written out.
    pub(super) addresses: Vec<SocketAddr>,
    /// Its firewall marks, with their family where it is given.
    pub(super) marks: Vec<(u32, Option<Family>)>,
    /// Why a group is not usable is reported already.
    pub(super) is_usable: bool,
    /// An entry that keepalived would take is not among these.
    lacks: bool,
}

impl Group {
    /// Its entries; a mark without a family takes the virtual server's.
    pub(super) fn endpoints(&self, family: Family) -> Vec<Endpoint> {
        let addresses = self.addresses.iter().map(|a| Endpoint::Address(*a));
        let marks =
            self.marks.iter().map(|&(mark, own)| Endpoint::Fwmark { mark, family: own.unwrap_or(family) });
        addresses.chain(marks).collect()
    }
}

/// Reads every `virtual_server_group` block.
pub(super) fn lower(cx: &mut Lower<'_, '_>) -> HashMap<String, Group> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    for statement in cx.top_level("virtual_server_group") {
        let Some(name) = cx.text(statement) else { continue };
        let mut group = Group {
            named_at: name.span,
            addresses: Vec::new(),
            marks: Vec::new(),
            is_usable: true,
            lacks: false,
        };
        let mut members = HashSet::new();
        for entry in body(statement) {
            group.entry(cx, entry, &mut members);
        }
        let (v4, v6) = (group.has(Family::V4), group.has(Family::V6));
        let first = groups.get(name.text.as_ref()).filter(|g| g.is_usable).map(|g| g.named_at);
        if group.addresses.is_empty() && group.marks.is_empty() {
            group.is_usable = false;
            if !group.lacks {
                let message = format!("virtual_server_group `{}` has no entries; it is left out", name.text);
                let diagnostic = Diagnostic::new(&codes::EMPTY_GROUP, name.span, message);
                cx.sink.push(diagnostic.keepalived_line(KeepalivedLine::At(end_of(statement))));
            }
        } else if v4 && v6 && group.marks.iter().any(|(_, family)| family.is_none()) {
            group.is_usable = false;
            let message = format!("the group `{}` has IPv4, IPv6, and a fwmark without a family", name.text);
            let diagnostic = Diagnostic::new(&codes::BAD_RANGE, name.span, message)
                .keepalived_line(KeepalivedLine::At(end_of(statement)));
            cx.sink.push(diagnostic.help("write `fwmark N inet` or `fwmark N inet6`"));
        } else if let Some(first) = first {
            let message = format!("the group `{}` is already defined; this one is left out", name.text);
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_GROUP, name.span, message);
            cx.sink.push(diagnostic.also(first, "first defined here"));
        }
        if first.is_none() {
            groups.insert(name.text.to_string(), group);
        }
    }
    groups
}

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Member {
    Address(SocketAddr),
    Mark(u32, Option<Family>),
}

fn listed_twice(cx: &mut Lower<'_, '_>, entry: &Statement) {
    cx.report(&codes::LISTED_TWICE, entry.span, "this group has it already, or a part of it");
}

impl Group {
    /// Whether it has addresses of this family, or marks that name it.
    pub(super) fn has(&self, family: Family) -> bool {
        let address = |a: &SocketAddr| Family::of(a.ip()) == family;
        self.addresses.iter().any(address) || self.marks.iter().any(|(_, f)| *f == Some(family))
    }

    /// `members` are those of the entries before it: the kernel has each service once.
    fn entry(&mut self, cx: &mut Lower<'_, '_>, entry: &Statement, members: &mut HashSet<Member>) {
        let words = cx.words(entry);
        let Some(first) = words.first() else { return };
        if first.text == "fwmark" {
            let Some(number) = words.get(1) else {
                cx.report(&codes::MISSING_ARGUMENT, entry.span, "`fwmark` needs a number");
                return;
            };
            let Some(mark) = cx.integer_word(number, 0, u64::from(u32::MAX)) else { return };
            if mark == 0 {
                let message = "0 is no firewall mark: packets without one have it; the entry is left out";
                cx.report(&codes::ZERO_MARK, number.span, message);
                self.lacks = true;
                return;
            }
            let family = match words.get(2) {
                None => None,
                Some(word) => match family(cx, word) {
                    Some(family) => Some(family),
                    None => return,
                },
            };
            match members.insert(Member::Mark(mark as u32, family)) {
                true => self.marks.push((mark as u32, family)),
                false => listed_twice(cx, entry),
            }
            return;
        }
        let port = match words.get(1) {
            None => 0,
            Some(word) => match port(cx, word) {
                Some(port) => port,
                None => return,
            },
        };
        let Some((from, to)) = range(cx, first) else { return };
        if to - from >= MAX_RANGE {
            let message =
                format!("`{}` stands for more than {MAX_RANGE} addresses; it is left out", first.text);
            let help = "a virtual_server for a firewall mark serves any number of addresses";
            cx.sink.push(Diagnostic::new(&codes::LARGE_RANGE, first.span, message).help(help));
            self.lacks = true;
            return;
        }
        if let Some(extra) = words.get(2) {
            let message = format!("`{}` has no effect here", extra.text);
            cx.report(&codes::EXTRA_ARGUMENT, extra.span, message);
        }
        let all = (from..=to).map(|n| SocketAddr::new(address(n, first), port));
        let before = self.addresses.len();
        self.addresses.extend(all.filter(|a| members.insert(Member::Address(*a))));
        if ((self.addresses.len() - before) as u128) < to - from + 1 {
            listed_twice(cx, entry);
        }
    }
}

/// `inet` or `inet6`.
pub(super) fn family(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<Family> {
    match word.text.as_ref() {
        "inet" => Some(Family::V4),
        "inet6" => Some(Family::V6),
        _ => {
            cx.bad_choice(word, "address family", &["inet", "inet6"]);
            None
        }
    }
}

/// A port; 0 stands for every port.
pub(super) fn port(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<u16> {
    cx.integer_word(word, 0, 65_535).map(|n| n as u16)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn address(number: u128, like: &Word<'_>) -> IpAddr {
    match like.text.contains(':') {
        true => Ipv6Addr::from_bits(number).into(),
        false => Ipv4Addr::from_bits(number as u32).into(),
    }
}

/// `A`, `A/PREFIX`, `A-B` (a whole address), `A-n` (the last byte, or the last hexadecimal group of IPv6).
fn range(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<(u128, u128)> {
    let text = word.text.as_ref();
    let start = cx.first_address(word, None)?;
    let first = number(start);
    let last = if let Some((_, prefix)) = text.split_once('/') {
        let bits = Family::of(start).bits();
        let Some(length) =
            strtoul(prefix, 10).and_then(|n| u8::try_from(n).ok()).filter(|n| (1..=bits).contains(n))
        else {
            cx.report(
                &codes::BAD_PREFIX,
                word.span,
                format!("`{prefix}` is not a prefix length of 1 to {bits}"),
            );
            return None;
        };
        let host_bits = u128::MAX.checked_shr(u32::from(128 - (bits - length))).unwrap_or(0);
        if first & host_bits != 0 {
            bad_range(cx, word, "the address has bits set behind its prefix");
            return None;
        }
        first | host_bits
    } else if let Some((_, end)) = text.split_once('-') {
        range_end(cx, word, start, end)?
    } else {
        first
    };
    Some((first, last))
}

/// A number as strtoul(3) reads it, without blanks.
fn strtoul(text: &str, radix: u32) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let digits = match radix {
        16 => digits.strip_prefix("0x").or(digits.strip_prefix("0X")).unwrap_or(digits),
        _ => digits,
    };
    // It would take another sign.
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

fn range_end(cx: &mut Lower<'_, '_>, word: &Word<'_>, start: IpAddr, end: &str) -> Option<u128> {
    let first = number(start);
    let (last, whole) = match start {
        _ if end.contains(['.', ':']) => {
            (end.parse::<IpAddr>().ok().map(|e| (Family::of(e), number(e))), true)
        }
        IpAddr::V4(_) => {
            let last = strtoul(end, 10).and_then(|n| u8::try_from(n).ok());
            (last.map(|n| (Family::V4, first & !0xff | u128::from(n))), false)
        }
        IpAddr::V6(_) => {
            let last = strtoul(end, 16).and_then(|n| u16::try_from(n).ok());
            (last.map(|n| (Family::V6, first & !0xffff | u128::from(n))), false)
        }
    };
    match last {
        None => bad_range(cx, word, "its end is neither an address nor a last part of one"),
        Some((family, _)) if family != Family::of(start) => bad_range(cx, word, "its ends differ in family"),
        Some((_, last)) if last > first || (whole && last == first) => return Some(last),
        Some(_) => bad_range(cx, word, "its end is not behind its start"),
    }
    None
}

fn bad_range(cx: &mut Lower<'_, '_>, word: &Word<'_>, why: &str) {
    cx.report(&codes::BAD_RANGE, word.span, format!("`{}` is not a range: {why}", word.text));
}

#[cfg(test)]
mod tests {
    use crate::conf::{LoadOptions, load_text};

    #[test]
    fn entries_of_groups_are_read_as_the_c_library_reads_them() {
        let group = |entry: &str| {
            let text = format!(
                "virtual_server_group G {{\n{entry}\n}}\nvirtual_server group G {{\nlvs_sched rr\nlvs_method NAT\n\
                 protocol TCP\npersistence_timeout 9\nreal_server 10.0.0.9 80 {{\n}}\n}}"
            );
            let loaded = load_text("test", text, &LoadOptions::default());
            let found: Vec<_> = loaded.diagnostics.iter().map(|d| d.code.id).collect();
            let servers = loaded.config.unwrap().check.virtual_servers;
            (servers.first().map_or(0, |vs| vs.endpoints.len()), found)
        };
        assert_eq!(group("10.0.0.0/016"), (65_536, vec![]));
        assert_eq!(group("10.0.0.1-+3"), (3, vec![]));
        // What keepalived takes, and vipd does not, is no fault of the group's in `keepalived -t`.
        assert_eq!(group("10.0.0.0/15"), (0, vec!["V0428"]));
        assert_eq!(group("fwmark 0"), (0, vec!["V0425"]));
        assert_eq!(group("10.0.0.1-256"), (0, vec!["V0405", "V0408"]));
        assert_eq!(group("10.0.0.0/0"), (0, vec!["V0405", "V0206"]));
    }
}
