//! Values of ipvsadm's options: numbers, addresses and masks as the C library reads them.

use crate::ipvs::model::Protocol;
use crate::ipvs::names::Names;
use crate::net::aton;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};

/// A decimal number as `strtol` reads it (leading blanks, a sign), nothing behind it, within `min..=max`.
pub(super) fn number(text: &str, min: i64, max: i64) -> Option<i64> {
    // The usual form.
    if let Ok(number) = text.parse() {
        return (min..=max).contains(&number).then_some(number);
    }
    let (number, rest) = prefix(text)?;
    (rest.is_empty() && (min..=max).contains(&number)).then_some(number)
}

/// The number that `text` begins with, and the rest.
pub(super) fn prefix(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start_matches(is_space);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len());
    let (digits, rest) = unsigned.split_at(end);
    if digits.is_empty() {
        return None;
    }
    // Out of range: `strtol` gives the end of the range.
    let number = match text.starts_with('-') {
        true => digits.parse::<u64>().ok().and_then(|n| 0i64.checked_sub_unsigned(n)).unwrap_or(i64::MIN),
        false => digits.parse().unwrap_or(i64::MAX),
    };
    Some((number, rest))
}

/// `isspace` of the C locale.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

/// An IPv4 mask, or the address of a host.
pub(super) fn netmask(text: &str, names: &dyn Names) -> Option<Ipv4Addr> {
    aton(text).or_else(|| names.address(text))
}

/// `HOST[:PORT]`: a port that is not given is `None`. IPv6 is written `[ADDRESS]:PORT`, or `ADDRESS` alone.
///
/// `protocol` is that of service names; without it (`-r` before `-t`) ports must be numbers.
pub(super) fn endpoint(
    text: &str,
    protocol: Option<Protocol>,
    names: &dyn Names,
) -> Option<(IpAddr, Option<u16>)> {
    // The usual form, in which all readings agree.
    if let Ok(usual) = text.parse::<SocketAddrV4>() {
        return Some((IpAddr::V4(*usual.ip()), Some(usual.port())));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (host, bracketed_port) = match text.strip_prefix('[') {
        Some(text) => {
            let (host, rest) = text.split_once(']')?;
            (host, Some(rest.strip_prefix(':')?))
        }
        None => (text, None),
    };
    let six = if host.bytes().filter(|&b| b == b':').nth(1).is_some() {
        host.parse::<Ipv6Addr>().ok()
    } else {
        None
    };
    let (address, port) = match six {
        Some(address) => (IpAddr::V6(address), bracketed_port),
        None => {
            // Brackets around anything else are dropped, and what follows them with them, as ipvsadm does.
            let (host, port) = match host.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host, None),
            };
            (IpAddr::V4(aton(host).or_else(|| names.address(host))?), port)
        }
    };
    let port = match port {
        None => None,
        Some(port) => Some(match number(port, 0, 65535).and_then(|n| u16::try_from(n).ok()) {
            Some(number) => number,
            None => names.port(port, protocol?)?,
        }),
    };
    Some((address, port))
}

/// How an IPv6 address with a port is to be written, where `text` has no brackets around the address: that is one
/// address as a whole, or none at all, and never one with a port.
pub(super) fn with_brackets(text: &str) -> Option<(String, &str)> {
    let (address, port) = text.rsplit_once(':')?;
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0)
        || port.bytes().any(|b| b.is_ascii_alphabetic() && !b.is_ascii_hexdigit());
    (is_port && address.parse::<Ipv6Addr>().is_ok()).then(|| (format!("[{address}]:{port}"), port))
}
