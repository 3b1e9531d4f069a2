//! `encap TYPE …`: the header that a route packs its packets into.

use super::Entry;
use crate::conf::diagnostic::codes;
use crate::conf::lexer::Word;
use crate::conf::schema::iproute::{ENCAP_IP, ENCAP_IP6};
use crate::conf::schema::{Block, Keyword};
use crate::vrrp::config::route::Encap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Types by their names.
const TYPES: &[&str] = &["ila", "ip", "ip6", "mpls"];

/// As many labels as keepalived takes.
const MAX_LABELS: usize = 2;

/// A label has 20 bits.
const MAX_LABEL: u64 = 0xf_ffff;

/// Reads what stands behind `encap`; a mistake leaves out the header, not the route.
pub(super) fn lower(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<Encap> {
    let Some(kind) = entry.take() else {
        entry.cx.report(&codes::BAD_ENCAP, option.span, "`encap` needs a type; it has no effect");
        return None;
    };
    match kind.text.as_ref() {
        "ip" => ip(entry, kind),
        "ip6" => ip6(entry, kind),
        "mpls" => mpls(entry, kind),
        "ila" => ila(entry, kind),
        _ => {
            entry.cx.bad_choice(kind, "type of encapsulation", TYPES);
            None
        }
    }
}

fn ip(entry: &mut Entry<'_, '_, '_>, kind: &Word<'_>) -> Option<Encap> {
    let (mut id, mut destination, mut source, mut tos, mut ttl, mut flags) = Default::default();
    while let Some((word, keyword)) = option(entry, &ENCAP_IP)? {
        match keyword.name {
            "id" => id = Some(entry.integer(word, keyword)?),
            "dst" => destination = Some(address::<Ipv4Addr>(entry, word, "IPv4")?),
            "src" => source = Some(address::<Ipv4Addr>(entry, word, "IPv4")?),
            "tos" => tos = Some(entry.field(word)?),
            "ttl" => ttl = Some(entry.u8(word, keyword)?),
            _ => flags = Some(entry.integer(word, keyword)?.try_into().ok()?),
        }
    }
    if destination.is_none() && id.is_none() {
        return incomplete(entry, kind);
    }
    Some(Encap::Ip { id, destination, source, tos, ttl, flags })
}

fn ip6(entry: &mut Entry<'_, '_, '_>, kind: &Word<'_>) -> Option<Encap> {
    let (mut id, mut destination, mut source, mut traffic_class, mut hop_limit, mut flags) =
        Default::default();
    while let Some((word, keyword)) = option(entry, &ENCAP_IP6)? {
        match keyword.name {
            "id" => id = Some(entry.integer(word, keyword)?),
            "dst" => destination = Some(address::<Ipv6Addr>(entry, word, "IPv6")?),
            "src" => source = Some(address::<Ipv6Addr>(entry, word, "IPv6")?),
            "tc" => traffic_class = Some(entry.field(word)?),
            "hoplimit" => hop_limit = Some(entry.u8(word, keyword)?),
            _ => flags = Some(entry.integer(word, keyword)?.try_into().ok()?),
        }
    }
    if destination.is_none() && id.is_none() {
        return incomplete(entry, kind);
    }
    Some(Encap::Ip6 { id, destination, source, traffic_class, hop_limit, flags })
}

/// The next word, if it is an option of this encapsulation; the outer `None` where its value is missing.
#[allow(clippy::type_complexity, reason = "an option and what the grammar says of it")]
fn option<'t, 's>(
    entry: &mut Entry<'_, 't, 's>,
    grammar: &'static Block,
) -> Option<Option<(&'t Word<'s>, &'static Keyword)>> {
    let Some((word, keyword)) = entry.peek().and_then(|w| grammar.find(&w.text).map(|k| (w, k))) else {
        return Some(None);
    };
    entry.next += 1;
    if entry.peek().is_none() {
        let message = format!("`{}` needs a value; `encap` has no effect", word.text);
        entry.cx.report(&codes::BAD_ENCAP, word.span, message);
        return None;
    }
    Some(Some((word, keyword)))
}

fn incomplete(entry: &mut Entry<'_, '_, '_>, kind: &Word<'_>) -> Option<Encap> {
    let message = format!("`encap {}` needs `dst ADDRESS` or `id ID`; it has no effect", kind.text);
    entry.cx.report(&codes::BAD_ENCAP, kind.span, message);
    None
}

fn address<A: FromStr>(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>, family: &str) -> Option<A> {
    let word = entry.value(option)?;
    let address = word.text.parse().ok();
    if address.is_none() {
        let message = format!("`{}` is not an {family} address; `encap` has no effect", word.text);
        entry.cx.report(&codes::BAD_ADDRESS, word.span, message);
    }
    address
}

fn mpls(entry: &mut Entry<'_, '_, '_>, kind: &Word<'_>) -> Option<Encap> {
    let Some(word) = entry.take() else {
        entry.cx.report(&codes::BAD_ENCAP, kind.span, "`encap mpls` needs labels; it has no effect");
        return None;
    };
    let label = |text: &str| {
        crate::conf::number::unsigned(text).filter(|n| *n <= MAX_LABEL).and_then(|n| u32::try_from(n).ok())
    };
    let labels: Option<Vec<u32>> = word.text.split('/').map(label).collect();
    let labels = labels.filter(|labels| labels.len() <= MAX_LABELS);
    if labels.is_none() {
        let message = format!(
            "`{}` is not one MPLS label, or two as `100/200`, up to {MAX_LABEL}; `encap` has no effect",
            word.text
        );
        entry.cx.report(&codes::BAD_ENCAP, word.span, message);
    }
    labels.map(Encap::Mpls)
}

fn ila(entry: &mut Entry<'_, '_, '_>, kind: &Word<'_>) -> Option<Encap> {
    let Some(word) = entry.take() else {
        entry.cx.report(&codes::BAD_ENCAP, kind.span, "`encap ila` needs a locator; it has no effect");
        return None;
    };
    let locator = locator(&word.text);
    if locator.is_none() {
        let message =
            format!("`{}` is no locator: four groups as `2001:db8:1:2`; `encap` has no effect", word.text);
        entry.cx.report(&codes::BAD_ENCAP, word.span, message);
    }
    locator.map(Encap::Ila)
}

/// Four groups of up to four hexadecimal digits.
fn locator(text: &str) -> Option<u64> {
    let groups: Vec<&str> = text.split(':').collect();
    let hexadecimal = |g: &&str| (1..=4).contains(&g.len()) && g.bytes().all(|b| b.is_ascii_hexdigit());
    if groups.len() != 4 || !groups.iter().all(hexadecimal) {
        return None;
    }
    groups.iter().try_fold(0u64, |all, g| u16::from_str_radix(g, 16).ok().map(|g| all << 16 | u64::from(g)))
}
