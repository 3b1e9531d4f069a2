//! Advice on addresses that no host on a network can have: unspecified, loopback, multicast and broadcast ones, and
//! prefix lengths that leave no host apart from others.

use super::places::{Places, all, body, value};
use crate::check::config::VirtualServer;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;
use crate::ipvs::model::Forward;
use crate::vrrp::config::Instance;
use std::net::IpAddr;

/// Why nobody has the address.
pub(super) fn why(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        a if a.is_unspecified() => Some("the unspecified address, which no host has"),
        a if a.is_loopback() => Some("a loopback address, which no other machine can reach"),
        a if a.is_multicast() => Some("a multicast address, which stands for a group"),
        IpAddr::V4(v4) if v4.is_broadcast() => Some("the broadcast address"),
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("in 0.0.0.0/8, which no host can have"),
        _ => None,
    }
}

/// The addresses of a virtual router: virtual ones, its source, its peers.
pub(super) fn instance(places: &Places<'_, '_>, instance: &Instance, block: &Statement, sink: &mut Sink) {
    let name = &instance.name;
    for list in ["virtual_ipaddress", "virtual_ipaddress_excluded"] {
        let words = all(block, list).flat_map(body).filter_map(|line| places.words(line).first());
        for word in words {
            let (address, length) = match word.text.split_once('/') {
                Some((address, length)) => (address, Some(length)),
                None => (word.text.as_ref(), None),
            };
            let Ok(address) = address.parse::<IpAddr>() else { continue };
            let what = match (why(address), length) {
                (Some(what), _) => what,
                (None, Some("0")) => "too wide: with prefix length 0, every address is in its network",
                (None, _) => continue,
            };
            let help = "write the address that clients use, and the network's prefix length";
            report(sink, word, &format!("({name}) {} is {what}", word.text), help);
        }
    }
    for keyword in ["unicast_src_ip", "mcast_src_ip"] {
        if let Some(word) = value(places, block, keyword) {
            let help = "name an address that this machine always has";
            named(sink, word, &format!("({name}) {keyword}"), help);
        }
    }
    let peers = all(block, "unicast_peer").flat_map(body).filter_map(|line| places.words(line).first());
    for word in peers {
        named(sink, word, &format!("({name}) unicast_peer"), "list the other routers' own addresses");
    }
}

/// The addresses of a service and of its servers.
pub(super) fn service(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    if let Some(word) = places.words(block).get(1) {
        named(sink, word, "virtual server", "write the address that clients use");
    }
    for word in checked(block).filter_map(|line| places.words(line).get(1)) {
        // A service may be checked on this machine.
        if word.text.parse::<IpAddr>().is_ok_and(|a| !a.to_canonical().is_loopback()) {
            named(sink, word, "a check of", "name an address that the check can reach, or leave from");
        }
    }
    let servers = all(block, "real_server").chain(all(block, "sorry_server"));
    let by_nat = server.real_servers.iter().any(|r| r.forward == Forward::Masq);
    for word in servers.filter_map(|line| places.words(line).get(1)) {
        let Ok(address) = word.text.parse::<IpAddr>() else { continue };
        // Except with NAT, 127.0.0.1 means this machine, which may be a server itself.
        if address.to_canonical().is_loopback() && !by_nat {
            continue;
        }
        named(sink, word, "real server", "name the address that the server has on the network");
    }
}

/// The addresses of a group of services.
pub(super) fn group(places: &Places<'_, '_>, block: &Statement, sink: &mut Sink) {
    for word in body(block).iter().filter_map(|line| places.words(line).first()) {
        // Of a range, the first.
        let first = word.text.split_once('-').map_or(word.text.as_ref(), |(first, _)| first);
        if let Some(why) = first.parse().ok().and_then(why) {
            report(sink, word, &format!("{first} is {why}"), "write the address that clients use");
        }
    }
}

/// Where the checkers of a service go to, and from where.
fn checked(block: &Statement) -> impl Iterator<Item = &Statement> {
    let mut found = Vec::new();
    let mut blocks: Vec<&Statement> = all(block, "real_server").collect();
    while let Some(block) = blocks.pop() {
        found.extend(all(block, "connect_ip").chain(all(block, "bindto")));
        blocks.extend(body(block).iter().filter(|inner| inner.body.is_some()));
    }
    found.into_iter()
}

fn named(sink: &mut Sink, word: &Word<'_>, what: &str, help: &'static str) {
    if let Some(why) = word.text.parse().ok().and_then(why) {
        report(sink, word, &format!("{what} {} is {why}", word.text), help);
    }
}

fn report(sink: &mut Sink, word: &Word<'_>, message: &str, help: &'static str) {
    if !sink.has_problem_at(word.span) {
        sink.push(Diagnostic::new(&codes::LINT_NO_HOST, word.span, message).help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_no_host_has() {
        for text in
            ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.9.9.9", "224.0.0.18", "255.255.255.255", "::", "::1"]
        {
            assert!(why(text.parse().unwrap()).is_some(), "{text}");
        }
        for text in ["ff02::12", "::ffff:127.0.0.1"] {
            assert!(why(text.parse().unwrap()).is_some(), "{text}");
        }
        for text in ["10.0.0.1", "169.254.1.1", "240.0.0.1", "fe80::1", "2001:db8::1", "1.0.0.0"] {
            assert_eq!(why(text.parse().unwrap()), None, "{text}");
        }
    }
}
