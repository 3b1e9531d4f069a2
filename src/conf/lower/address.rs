//! A line of `virtual_ipaddress`: `ADDRESS[/PREFIX] [dev …] [brd …] [scope …] [label …]`.

use super::Lower;
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::tree::Statement;
use crate::net::{Family, IpNet};
use crate::vrrp::config::VirtualAddress;
use std::net::{IpAddr, Ipv4Addr};

/// Options that keepalived knows; those without effect here yet are said to be so.
const OPTIONS: &[&str] = &[
    "-nodad",
    "autojoin",
    "brd",
    "broadcast",
    "dev",
    "home",
    "label",
    "mngtmpaddr",
    "no_track",
    "noprefixroute",
    "peer",
    "preferred_lft",
    "scope",
    "use_vmac",
];

/// Scopes by name, as the kernel numbers them (`rtnetlink.h`).
const SCOPES: &[(&str, u8)] = &[("global", 0), ("nowhere", 255), ("host", 254), ("link", 253), ("site", 200)];

/// Reads one line; `None` where keepalived leaves the address out.
pub(super) fn lower(cx: &mut Lower<'_, '_>, line: &Statement, interface: &str) -> Option<VirtualAddress> {
    let words = cx.words(line);
    let first = words.first()?;
    let net = net(cx, first)?;
    let family = Family::of(net.address);
    let mut address = VirtualAddress::new(net, interface);
    let mut named_device = None;
    let mut broadcast = None;
    let mut rest = words.iter().skip(1);
    while let Some(option) = rest.next() {
        match option.text.as_ref() {
            name @ ("dev" | "scope" | "brd" | "broadcast" | "label" | "peer" | "preferred_lft") => {
                let Some(value) = rest.next() else {
                    let message = format!("`{name}` needs a value; the address is left out");
                    cx.report(&codes::BAD_ADDRESS, option.span, message);
                    return None;
                };
                match name {
                    "dev" => {
                        if let Some(before) = named_device.replace(value.span) {
                            let message = "a second device for one address; the address is left out";
                            let diagnostic = Diagnostic::new(&codes::BAD_ADDRESS, value.span, message);
                            cx.sink.push(diagnostic.also(before, "the first one"));
                            return None;
                        }
                        let device = cx.interface_word(value)?;
                        if !cx.interface_exists(device) {
                            return None;
                        }
                        address.interface = device.text.to_string();
                    }
                    "scope" => address.scope = scope(cx, value).unwrap_or(address.scope),
                    "label" if value.text.len() > 15 => {
                        let message = "label is longer than 15 characters; the address is left out";
                        cx.report(&codes::BAD_NAME, value.span, message);
                        return None;
                    }
                    "label" => address.label = Some(value.text.to_string()),
                    "peer" | "preferred_lft" => not_carried_out(cx, option),
                    _ => broadcast = Some(value),
                }
            }
            known if OPTIONS.contains(&known) => not_carried_out(cx, option),
            other => {
                let message = format!("`{other}` is no option of an address; it has no effect");
                let mut diagnostic = Diagnostic::new(&codes::BAD_CHOICE, option.span, message);
                if let Some(close) = did_you_mean(other, OPTIONS.iter().copied()) {
                    diagnostic = diagnostic.did_you_mean(close);
                }
                cx.sink.push(diagnostic);
            }
        }
    }
    if let Some(word) = broadcast {
        address.broadcast = self::broadcast(cx, word, net)?;
    }
    if family == Family::V6 && (address.scope != 0 || address.label.is_some()) {
        let message = "IPv6 addresses have neither scope nor label; they have no effect";
        cx.report(&codes::ADJUSTED, line.span, message);
        address.scope = 0;
        address.label = None;
    }
    Some(address)
}

fn not_carried_out(cx: &mut Lower<'_, '_>, option: &Word<'_>) {
    let message = format!(
        "`{}` is known but not carried out yet by this version of vipd; it has no effect",
        option.text
    );
    cx.report(&codes::NOT_CARRIED_OUT, option.span, message);
}

/// An address with an optional prefix length; a bad prefix is replaced by that of the address alone.
fn net(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<IpNet> {
    let (address, prefix) = match word.text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (word.text.as_ref(), None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        let message = format!("`{}` is not an IP address; it is left out", word.text);
        cx.report(&codes::BAD_ADDRESS, word.span, message);
        return None;
    };
    let bits = Family::of(address).bits();
    let alone = IpNet::host(address);
    let Some(prefix) = prefix else { return Some(alone) };
    match prefix.parse::<u8>() {
        Ok(prefix_len) if prefix_len <= bits => Some(IpNet { address, prefix_len }),
        _ => {
            let slash = word.span.end.saturating_sub(prefix.len() as u32).max(word.span.start);
            let span = crate::conf::source::Span { start: slash, ..word.span };
            let message = format!("`{prefix}` is not a prefix length; /{bits} is taken");
            let mut diagnostic = Diagnostic::new(&codes::BAD_PREFIX, span, message)
                .label(format!("expected a whole number from 0 to {bits}"));
            if let Some(length) = prefix.parse::<Ipv4Addr>().ok().and_then(mask_length) {
                diagnostic = diagnostic.help(format!("the netmask {prefix} is written /{length}"));
            }
            cx.sink.push(diagnostic);
            Some(alone)
        }
    }
}

/// The prefix length of a netmask without holes.
pub(super) fn mask_length(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    (bits.leading_ones() + bits.trailing_zeros() >= 32).then_some(bits.leading_ones() as u8)
}

fn scope(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<u8> {
    let by_name = SCOPES.iter().find(|(name, _)| *name == word.text).map(|(_, n)| *n);
    let scope = by_name.or_else(|| word.text.parse().ok());
    if scope.is_none() {
        let names: Vec<&'static str> = SCOPES.iter().map(|(name, _)| *name).collect();
        cx.bad_choice(word, "scope", &names);
    }
    scope
}

/// `ADDRESS`, `+` (host bits set) or `-` (host bits cleared); the outer `None` leaves the address out.
fn broadcast(cx: &mut Lower<'_, '_>, word: &Word<'_>, net: IpNet) -> Option<Option<IpAddr>> {
    let IpAddr::V4(address) = net.address else {
        let message = "IPv6 has no broadcast; the address is left out";
        cx.report(&codes::BAD_ADDRESS, word.span, message);
        return None;
    };
    let host_bits = u32::MAX.checked_shr(u32::from(net.prefix_len)).unwrap_or(0);
    match word.text.as_ref() {
        "+" | "-" if net.prefix_len > 30 => {
            let message = format!("/{} has no broadcast address", net.prefix_len);
            cx.report(&codes::BAD_PREFIX, word.span, message);
            Some(None)
        }
        "+" => Some(Some(Ipv4Addr::from_bits(address.to_bits() | host_bits).into())),
        "-" => Some(Some(Ipv4Addr::from_bits(address.to_bits() & !host_bits).into())),
        text => match text.parse::<Ipv4Addr>() {
            Ok(given) => Some(Some(given.into())),
            Err(_) => {
                let message = format!("`{text}` is not an IPv4 address; the virtual address is left out");
                cx.report(&codes::BAD_ADDRESS, word.span, message);
                None
            }
        },
    }
}
