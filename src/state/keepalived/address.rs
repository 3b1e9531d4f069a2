//! Addresses, as keepalived writes them: `10.0.0.1/24 dev eth0 scope global set`.

use crate::net::Family;
use crate::vrrp::config::address::Lifetime;
use crate::vrrp::config::{Instance, VirtualAddress};
use std::fmt::Write as _;
use std::net::IpAddr;

/// The addresses of an instance, and whether the kernel holds each. An interface of its own is shown with the one that it
/// lies on: `dev vrrp.7@eth0`.
pub(super) fn lines(
    addresses: &[VirtualAddress],
    held: &[bool],
    config: &Instance,
) -> impl Iterator<Item = String> {
    let held = held.iter().copied().chain(std::iter::repeat(false));
    addresses.iter().zip(held).map(move |(address, is_held)| {
        let is_own = config.link.own_name() == Some(&*address.interface);
        line(address, is_held, config.interface.as_deref().filter(|_| is_own))
    })
}

/// One address, and whether the kernel holds it; `base` is what its interface lies on, where that is told.
pub(super) fn line(address: &VirtualAddress, is_held: bool, base: Option<&str>) -> String {
    let mut line = net(address.net.address, address.net.prefix_len);
    if let Some(broadcast) = &*address.broadcast {
        put(&mut line, format_args!("brd {broadcast}"));
    }
    put(&mut line, format_args!("dev {}", address.interface));
    if let Some(base) = base {
        let _ = write!(line, "@{base}");
    }
    if address.use_vmac {
        put(&mut line, format_args!("use_vmac"));
    }
    match address.scope {
        0 => put(&mut line, format_args!("scope global")),
        200 => put(&mut line, format_args!("scope site")),
        253 => put(&mut line, format_args!("scope link")),
        254 => put(&mut line, format_args!("scope host")),
        255 => put(&mut line, format_args!("scope nowhere")),
        other => put(&mut line, format_args!("scope {other}")),
    }
    if let Some(label) = &*address.label {
        put(&mut line, format_args!("label {label}"));
    }
    if let Some(peer) = &*address.peer {
        put(&mut line, format_args!("peer {peer}/{}", address.net.prefix_len));
    }
    let flags = &address.flags;
    for (is_set, word) in [
        (flags.home, "home"),
        (flags.detect_duplicates, "-nodad"),
        (flags.manage_temporary, "mngtmpaddr"),
        (flags.no_prefix_route, "noprefixroute"),
        (flags.autojoin, "autojoin"),
        (!address.tracked, "no_track"),
    ] {
        if is_set {
            put(&mut line, format_args!("{word}"));
        }
    }
    if Family::of(address.net.address) == Family::V6 {
        match address.preferred_lft {
            Lifetime::Seconds(0) => put(&mut line, format_args!("deprecated")),
            Lifetime::Forever => put(&mut line, format_args!("preferred_lft forever")),
            Lifetime::Seconds(seconds) => put(&mut line, format_args!("preferred_lft {seconds}")),
        }
    }
    if is_held {
        put(&mut line, format_args!("set"));
    }
    line
}

/// An address with its prefix length; one host has none, as keepalived has it.
pub(super) fn net(address: IpAddr, prefix_len: u8) -> String {
    match prefix_len == Family::of(address).bits() {
        true => address.to_string(),
        false => format!("{address}/{prefix_len}"),
    }
}

pub(super) fn put(line: &mut String, words: std::fmt::Arguments<'_>) {
    if !line.is_empty() {
        line.push(' ');
    }
    let _ = line.write_fmt(words);
}
