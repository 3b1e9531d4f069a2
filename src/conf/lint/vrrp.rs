//! Advice on virtual routers.

use super::nobody;
use super::places::{Places, all, body, span, value};
use crate::conf::config::Config;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;
use crate::net::{Family, IpNet};
use crate::vrrp::config::{Auth, Instance};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

/// A priority that an instance gets without saying so.
const DEFAULT_PRIORITY: u8 = 100;

/// With adverts this far apart, nobody answers for half a minute when the master dies.
const SLOW_ADVERTS: Duration = Duration::from_secs(10);

/// Passwords of tutorials, which neighbours on a network may have copied, too.
const COMMON_PASSWORDS: &[&str] = &[
    "1111",
    "1234",
    "12345",
    "123456",
    "12345678",
    "changeme",
    "keepalived",
    "pass",
    "passw0rd",
    "password",
    "secret",
];

/// What there is to say of virtual routers.
pub(super) struct Advisor<'c> {
    cloud: Option<&'c str>,
    by_name: HashMap<&'c str, &'c Instance>,
    /// Who has an address.
    owners: HashMap<IpAddr, &'c Instance>,
    /// Whether `vrrp_strict` would bind an instance.
    strictly: bool,
}

impl<'c> Advisor<'c> {
    pub(super) fn new(config: &'c Config, cloud: Option<&'c str>) -> Advisor<'c> {
        let by_name = config.vrrp.instances.iter().map(|i| (i.name.as_str(), i)).collect();
        Advisor { cloud, by_name, owners: HashMap::new(), strictly: false }
    }

    /// The instance that a block became.
    pub(super) fn instance_of(&self, places: &Places<'_, '_>, block: &Statement) -> Option<&'c Instance> {
        let name = places.words(block).get(1)?;
        let is_it = places.instance(&name.text).is_some_and(|first| std::ptr::eq(first, block));
        self.by_name.get(name.text.as_ref()).copied().filter(|_| is_it)
    }

    pub(super) fn advise(
        &mut self,
        places: &Places<'_, '_>,
        instance: &'c Instance,
        block: &Statement,
        sink: &mut Sink,
    ) {
        without_prefix(places, instance, block, sink);
        default_priority(instance, block, sink);
        password(instance, block, sink);
        common_password(places, instance, block, sink);
        owner(instance, block, sink);
        slow(instance, block, sink);
        useless_addresses(places, instance, block, sink);
        source(places, instance, block, sink);
        long_advert(instance, block, sink);
        shared(places, instance, block, &mut self.owners, sink);
        if let Some(cloud) = self.cloud {
            multicast(instance, block, cloud, sink);
        }
        let says = ["strict_mode", "accept", "no_accept"].into_iter().any(|k| all(block, k).next().is_some());
        self.strictly |= !says && instance.priority != 255 && !instance.addresses.is_empty();
    }

    /// What concerns them all.
    pub(super) fn finish(self, places: &Places<'_, '_>, sink: &mut Sink) {
        let strict = places.top_level("global_defs").find_map(|b| all(b, "vrrp_strict").last());
        if let Some(strict) = strict.filter(|_| self.strictly) {
            let message =
                "with vrrp_strict nobody can reach the virtual addresses themselves: not even ping answers";
            let help = "remove vrrp_strict, or write `accept` into the instances (version 3)";
            sink.push(Diagnostic::new(&codes::LINT_STRICT, strict.span, message).help(help));
        }
        sync_groups(places, &self.by_name, sink);
    }
}

/// One hint an instance: who leaves one prefix length out leaves out all.
fn without_prefix(places: &Places<'_, '_>, instance: &Instance, block: &Statement, sink: &mut Sink) {
    let lists = ["virtual_ipaddress", "virtual_ipaddress_excluded"];
    let lines = lists.into_iter().flat_map(|name| all(block, name)).flat_map(body);
    let bare: Vec<_> = lines
        .filter_map(|line| places.words(line).first())
        .filter(|word| word.text.parse::<std::net::IpAddr>().is_ok())
        .collect();
    let Some(first) = bare.first() else { return };
    let bits = if first.text.contains(':') { 128 } else { 32 };
    let others = match bare.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let message =
        format!("({}) {}{others} has no prefix length: /{bits} is taken", instance.name, first.text);
    let help = format!("write {}/{bits} if that is meant, else the network's own length", first.text);
    sink.push(Diagnostic::new(&codes::LINT_PREFIX, first.span, message).help(help));
}

fn default_priority(instance: &Instance, block: &Statement, sink: &mut Sink) {
    if instance.priority == DEFAULT_PRIORITY && all(block, "priority").next().is_none() {
        let message = format!("({}) has no priority: {DEFAULT_PRIORITY} is taken", instance.name);
        let help = "give each router of this VRID its own priority";
        sink.push(Diagnostic::new(&codes::LINT_PRIORITY, block.span, message).help(help));
    }
}

fn password(instance: &Instance, block: &Statement, sink: &mut Sink) {
    if let Some(Auth::Pass(_)) = instance.auth {
        let message = format!("({}) auth_type PASS sends its password in clear text", instance.name);
        let place = span(block, "authentication");
        let help =
            "keep other hosts off this network, or send adverts by unicast through a tunnel that encrypts";
        sink.push(Diagnostic::new(&codes::LINT_PASSWORD, place, message).help(help));
    }
}

/// The members of a sync group change state together, and the slowest decides when they notice.
fn sync_groups(places: &Places<'_, '_>, by_name: &HashMap<&str, &Instance>, sink: &mut Sink) {
    for group in places.top_level("vrrp_sync_group") {
        let words = all(group, "group").flat_map(body).flat_map(|line| places.words(line));
        let mut members = words.filter_map(|w| by_name.get(w.text.as_ref()).map(|i| (w, *i)));
        let Some((first_word, first)) = members.next() else { continue };
        let Some((word, other)) = members.find(|(_, i)| i.advert_int != first.advert_int) else { continue };
        let message = format!(
            "({}) and ({}) are in one sync group with different advert_int: {} s and {} s",
            other.name,
            first.name,
            other.advert_int.as_secs_f64(),
            first.advert_int.as_secs_f64()
        );
        let diagnostic = Diagnostic::new(&codes::LINT_SYNC_ADVERT_INT, word.span, message);
        sink.push(diagnostic.also(first_word.span, "in one group with this"));
    }
}

fn common_password(places: &Places<'_, '_>, instance: &Instance, block: &Statement, sink: &mut Sink) {
    if instance.auth.is_none() {
        return;
    }
    let words = all(block, "authentication").filter_map(|b| value(places, b, "auth_pass"));
    let Some(word) =
        words.last().filter(|w| COMMON_PASSWORDS.contains(&w.text.to_ascii_lowercase().as_str()))
    else {
        return;
    };
    let message = format!("({}) auth_pass is one that many others use, too", instance.name);
    let help = "any other word keeps a router apart that has the same virtual_router_id by mistake";
    sink.push(Diagnostic::new(&codes::LINT_COMMON_PASSWORD, word.span, message).help(help));
}

fn owner(instance: &Instance, block: &Statement, sink: &mut Sink) {
    if instance.priority != 255 {
        return;
    }
    let message = match all(block, "priority").next() {
        Some(_) => format!("({}) priority 255 claims to own the addresses", instance.name),
        None => {
            format!("({}) state MASTER without a priority takes 255: the addresses' owner", instance.name)
        }
    };
    let line = all(block, "priority").last().or_else(|| all(block, "state").last());
    let place = line.map_or(block.span, |s| s.span);
    let help = "unless they are this machine's own at all times, write a priority of 254 or less";
    sink.push(Diagnostic::new(&codes::LINT_OWNER, place, message).help(help));
}

fn slow(instance: &Instance, block: &Statement, sink: &mut Sink) {
    if instance.advert_int >= SLOW_ADVERTS {
        let down = instance.advert_int.as_secs_f64() * 3.0;
        let message = format!("({}) a dead master is replaced after more than {down} seconds", instance.name);
        let help = "three adverts must be missed: with `advert_int 1` it takes less than four seconds";
        sink.push(Diagnostic::new(&codes::LINT_SLOW_ADVERTS, span(block, "advert_int"), message).help(help));
    }
}

/// The words of the instance's lists of addresses that are addresses, with or without a prefix length.
fn listed<'t, 's>(
    places: &Places<'t, 's>,
    block: &Statement,
) -> impl Iterator<Item = (&'t Word<'s>, IpAddr, Option<u8>)> {
    let lists = ["virtual_ipaddress", "virtual_ipaddress_excluded"];
    let lines = lists.into_iter().flat_map(|name| all(block, name)).flat_map(body);
    lines.filter_map(|line| {
        let word = places.words(line).first()?;
        let (address, length) = match word.text.split_once('/') {
            Some((address, length)) => (address, length.parse().ok()),
            None => (word.text.as_ref(), None),
        };
        Some((word, address.parse().ok()?, length))
    })
}

/// Addresses that name a network instead of a host in it.
fn useless_addresses(places: &Places<'_, '_>, instance: &Instance, block: &Statement, sink: &mut Sink) {
    for (word, address, length) in listed(places, block).filter(|(_, a, _)| nobody::why(*a).is_none()) {
        let (IpAddr::V4(v4), Some(length @ 1..=30)) = (address, length) else { continue };
        let host = u32::from(v4) & (u32::MAX >> length);
        let what = match host {
            0 => "the network's own address",
            _ if host == u32::MAX >> length => "the network's broadcast address",
            _ => continue,
        };
        let message = format!("({}) {} is {what}", instance.name, word.text);
        let diagnostic = Diagnostic::new(&codes::LINT_NO_HOST, word.span, message);
        sink.push(diagnostic.help("write the address that clients use, and the network's prefix length"));
    }
}

/// How long an advert may be that every network lets through, IP header included: the least MTU of IPv6, and what
/// tunnels within tunnels leave of IPv4's usual one.
const SHORT_V4: usize = 1000;
const SHORT_V6: usize = 1280;

/// How long it is depends on the addresses alone; the MTU of the interface is not in the file.
fn long_advert(instance: &Instance, block: &Statement, sink: &mut Sink) {
    let Some(first) = instance.addresses.first() else { return };
    let count = instance.addresses.len();
    // IP header, VRRP header, addresses, and the password of version 2.
    let (length, short) = match Family::of(first.net.address) {
        Family::V4 => (20 + 8 + 4 * count + 8, SHORT_V4),
        Family::V6 => (40 + 8 + 16 * count, SHORT_V6),
    };
    if length > short {
        let message = format!(
            "({}) {count} addresses make adverts of {length} bytes: an interface with a smaller MTU can't send them",
            instance.name
        );
        let help = "look at the interface's MTU on both routers; move some to virtual_ipaddress_excluded";
        let place = span(block, "virtual_ipaddress");
        sink.push(Diagnostic::new(&codes::LINT_LONG_ADVERT, place, message).help(help));
    }
}

/// Adverts from a virtual address: both routers would send from it.
fn source(places: &Places<'_, '_>, instance: &Instance, block: &Statement, sink: &mut Sink) {
    let own: HashSet<IpAddr> = instance.addresses.iter().map(|a| a.net.address).collect();
    let is_own = |word: &&Word<'_>| word.text.parse().is_ok_and(|a: IpAddr| own.contains(&a));
    for keyword in ["mcast_src_ip", "unicast_src_ip"] {
        if let Some(word) = value(places, block, keyword).filter(is_own) {
            let message =
                format!("({}) {keyword} {} is a virtual address of its own", instance.name, word.text);
            let help = "name an address that this machine always has";
            sink.push(Diagnostic::new(&codes::LINT_SOURCE, word.span, message).help(help));
        }
    }
    let source: Option<IpAddr> = value(places, block, "unicast_src_ip").and_then(|w| w.text.parse().ok());
    let peers = all(block, "unicast_peer").flat_map(body).filter_map(|entry| places.words(entry).first());
    for word in peers {
        let Ok(peer) = word.text.parse::<IpAddr>() else { continue };
        let what = match (own.contains(&peer), source == Some(peer)) {
            (true, _) => "is a virtual address: adverts would reach whoever is master",
            (_, true) => "is this router's own unicast_src_ip",
            _ => continue,
        };
        let message = format!("({}) unicast_peer {peer} {what}", instance.name);
        let help = "list the other routers' own addresses";
        sink.push(Diagnostic::new(&codes::LINT_PEER, word.span, message).help(help));
    }
}

/// One address in two virtual routers: on two machines at once as soon as their masters differ.
fn shared<'c>(
    places: &Places<'_, '_>,
    instance: &'c Instance,
    block: &Statement,
    owners: &mut HashMap<IpAddr, &'c Instance>,
    sink: &mut Sink,
) {
    for IpNet { address, .. } in instance.addresses.iter().chain(instance.excluded.iter()).map(|a| a.net) {
        let other = match owners.entry(address) {
            Entry::Vacant(free) => {
                free.insert(instance);
                continue;
            }
            Entry::Occupied(taken) if taken.get().name == instance.name => continue,
            Entry::Occupied(taken) => *taken.get(),
        };
        let at = |places: &Places<'_, '_>, block: &Statement| {
            let word = listed(places, block).find(|(_, a, _)| *a == address);
            word.map_or(block.span, |(w, ..)| w.span)
        };
        let message = format!("({}) {address} is a virtual address of ({}), too", instance.name, other.name);
        let mut diagnostic = Diagnostic::new(&codes::LINT_SHARED, at(places, block), message);
        if let Some(first) = places.instance(&other.name) {
            diagnostic = diagnostic.also(places.with_block(first, at), "here first");
        }
        sink.push(diagnostic);
    }
}

fn multicast(instance: &Instance, block: &Statement, cloud: &str, sink: &mut Sink) {
    if all(block, "unicast_peer").next().is_none() {
        let message =
            format!("({}) sends its adverts by multicast, which {cloud} does not carry", instance.name);
        let help = match instance.addresses.first().map(|a| Family::of(a.net.address)) {
            Some(Family::V6) => "list the other routers in `unicast_peer { ... }`",
            _ => "list the other routers in `unicast_peer { ... }`, and let a notify script move the address",
        };
        sink.push(Diagnostic::new(&codes::LINT_MULTICAST, span(block, "interface"), message).help(help));
    }
}
