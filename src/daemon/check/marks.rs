//! `nftables_ipvs`: a group's addresses are one firewall mark, which a table of nftables of our own sets, and one service of
//! the kernel's. A mark stays the same through reloads.
//!
//! ```text
//! table ip NAME {
//!   map tcp_map { address . port : mark }   map tcp_any { address : mark }       the same of UDP and SCTP
//!   chain in { hook input;  tcp: mark set from @tcp_map, done;  tcp: mark set from @tcp_any, done;  … }
//! }
//! ```
//!
//! It is made with the first mark, and goes with the last. What a predecessor left in a table of that name goes when ours is
//! made. Where it can't be made, that is said once and tried again.

use super::backoff;
use super::kernel::INTERVAL;
use crate::check;
use crate::check::config::{Endpoint, VirtualServer};
use crate::conf::config::{Firewall, NftablesIpvs};
use crate::ipvs::model::Protocol;
use crate::net;
use crate::netlink::Error;
use crate::netlink::nftables::{Client, Expression, Family, Header, Hook, Key, Meta, Register, Transaction};
use crate::time::Instant;
use nix::errno::Errno;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;
use tracing::{info, warn};

const IN: &str = "in";

/// An entry of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Element {
    is_v6: bool,
    protocol: Protocol,
    has_port: bool,
    key: Vec<u8>,
}

/// The marks, and what sets them.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// By the name of the virtual server, which is that of the group, and its protocol.
    given: HashMap<(String, Protocol), u32>,
    next: u32,
    settings: Option<NftablesIpvs>,
    has_counters: bool,
    wanted: BTreeMap<Element, u32>,
    client: Option<Client>,
    /// The tables that are there, and the table's name.
    there: Option<(NftablesIpvs, BTreeMap<Element, u32>)>,
    is_broken: bool,
    attempts: u32,
    retry_at: Option<Instant>,
    /// How often it is looked whether the tables are still there, and when the next time; never with `lvs_drift off`.
    looks_every: Option<Duration>,
    look_at: Option<Instant>,
}

impl Marks {
    /// Gives the groups of this configuration their marks: each of their virtual servers has one instead of the addresses.
    pub(super) fn give(&mut self, firewall: &Firewall, config: &mut check::Config) {
        self.settings.clone_from(&firewall.ipvs);
        self.has_counters = firewall.counters;
        let interval = config.settings.drift_interval.unwrap_or(INTERVAL);
        self.looks_every = Some(interval).filter(|_| !config.settings.leave_drift);
        self.wanted.clear();
        let Some(settings) = &self.settings else { return };
        self.next = self.next.max(settings.start_fwmark);
        let used: BTreeSet<u32> =
            config.virtual_servers.iter().flat_map(|vs| &vs.endpoints).filter_map(mark).collect();
        for vs in config.virtual_servers.iter_mut().filter(|vs| vs.by_mark) {
            let mark = *self.given.entry((vs.name.clone(), vs.protocol)).or_insert_with(|| {
                while used.contains(&self.next) {
                    self.next = after(self.next);
                }
                let mark = self.next;
                self.next = after(mark);
                mark
            });
            mark_addresses(vs, mark);
            let elements = vs.marked.iter().map(|address| (element(*address, vs.protocol), mark));
            self.wanted.extend(elements);
        }
    }

    /// When to call [`Marks::apply`] again.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        [self.retry_at, self.look_at].into_iter().flatten().min()
    }

    /// Has the kernel set them.
    pub(super) fn apply(&mut self, now: Instant) {
        self.retry_at = None;
        self.look_at = self.looks_every.map(|interval| now + interval).filter(|_| !self.wanted.is_empty());
        let settings = self.settings.clone().filter(|_| !self.wanted.is_empty());
        let is_there = |marks: &Marks| {
            marks.there.as_ref().map(|(settings, elements)| (settings, elements))
                == settings.as_ref().map(|settings| (settings, &marks.wanted))
        };
        if is_there(self) && !self.has_been_removed() {
            return;
        }
        let changed = match self.change(settings.as_ref()) {
            Ok(()) => Ok(()),
            // Somebody may have flushed the filter: once more with everything.
            Err(_) => {
                self.there = None;
                self.change(settings.as_ref())
            }
        };
        match changed {
            Ok(()) => {
                self.there = settings.map(|settings| (settings, self.wanted.clone()));
                self.attempts = 0;
                if std::mem::take(&mut self.is_broken) {
                    info!("nftables_ipvs: packets are marked");
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_broken, true) {
                    warn!(
                        "nftables_ipvs: {error}: packets to groups of addresses are not marked, and not balanced"
                    );
                }
                self.client = None;
                self.retry_at = Some(now + backoff(self.attempts));
                self.attempts = self.attempts.saturating_add(1);
            }
        }
    }

    /// Looks again if it is time.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.next_timeout().is_some_and(|at| at <= now) {
            self.apply(now);
        }
    }

    /// Whether somebody has removed what is to be there, with his own rules perhaps (`nft flush ruleset`): entries that
    /// are there can be added once more, to maps that are there; those that are not, are there again.
    fn has_been_removed(&mut self) -> bool {
        let Some((settings, held)) = &self.there else { return false };
        let mut out = Transaction::new();
        put(&mut out, &settings.table, true, held.iter());
        let Some(client) = &mut self.client else { return false };
        let found = if out.is_empty() { Ok(()) } else { client.commit(out) };
        let Err(error) = found else { return false };
        // What else is wrong, making it again will tell.
        if error.errno() == Some(Errno::ENOENT) {
            info!("nftables_ipvs: somebody else has removed the table {}: it is made again", settings.table);
        }
        self.there = None;
        true
    }

    /// Takes all of it away.
    pub(super) fn release(&mut self, now: Instant) {
        self.wanted.clear();
        self.apply(now);
    }

    fn change(&mut self, settings: Option<&NftablesIpvs>) -> Result<(), Error> {
        let mut out = Transaction::new();
        let before = self.there.clone().filter(|(there, _)| Some(there) == settings);
        match (&before, settings) {
            (Some((_, held)), Some(settings)) if maps(held) == maps(&self.wanted) => {
                for (on, from, other) in [(false, held, &self.wanted), (true, &self.wanted, held)] {
                    let differing = from.iter().filter(|(element, mark)| other.get(element) != Some(mark));
                    put(&mut out, &settings.table, on, differing);
                }
            }
            _ => {
                if let Some((old, held)) = self
                    .there
                    .as_ref()
                    .filter(|(old, _)| settings.is_none_or(|settings| settings.table != old.table))
                {
                    families(held).into_iter().for_each(|family| out.delete_table(family, &old.table));
                }
                if let Some(settings) = settings {
                    self.make(&mut out, settings);
                }
            }
        }
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::open()?),
        };
        client.commit(out)
    }

    /// The tables anew, with all that is in them.
    fn make(&self, out: &mut Transaction, settings: &NftablesIpvs) {
        let table = &settings.table;
        let gone = self.there.as_ref().map(|(_, held)| families(held)).unwrap_or_default();
        let wanted = families(&self.wanted);
        for family in gone.into_iter().filter(|family| !wanted.contains(family)) {
            out.delete_table(family, table);
        }
        for family in wanted {
            out.table(family, table);
            out.delete_table(family, table);
            out.table(family, table);
            out.chain(family, table, IN, Some((Hook::Input, settings.priority)));
        }
        for (family, protocol, has_port) in maps(&self.wanted) {
            let (protocol, map) = (protocol_number(protocol), map_name(protocol, has_port));
            let (offset, len, address, service, port) = match family {
                Family::V4 => (16, 4, Key::V4Address, Key::V4Service, Register::SecondOfOne),
                Family::V6 => (24, 16, Key::V6Address, Key::V6Service, Register::Two),
            };
            out.set(family, table, map, if has_port { service } else { address }, Some(Key::Mark));
            let protocol = [protocol];
            let mut steps = vec![
                Expression::Meta(Meta::Protocol, Register::One),
                Expression::Equals(Register::One, &protocol),
                Expression::Payload(Header::Network, offset, len, Register::One),
            ];
            if has_port {
                // Of TCP, UDP and SCTP alike.
                steps.push(Expression::Payload(Header::Transport, 2, 2, port));
            }
            steps.push(Expression::Mapped(Register::One, map, Register::One));
            steps.push(Expression::SetMark(Register::One));
            steps.extend(self.has_counters.then_some(Expression::Counter));
            steps.push(Expression::Return);
            out.rule(family, table, IN, &steps);
        }
        put(out, table, true, self.wanted.iter());
    }
}

/// Marks are never 0.
const fn after(mark: u32) -> u32 {
    if mark == u32::MAX { 1 } else { mark + 1 }
}

const fn mark(endpoint: &Endpoint) -> Option<u32> {
    match endpoint {
        Endpoint::Fwmark { mark, .. } => Some(*mark),
        Endpoint::Address(_) => None,
    }
}

fn mark_addresses(vs: &mut VirtualServer, mark: u32) {
    let (mut endpoints, mut families) = (Vec::new(), BTreeSet::new());
    for endpoint in std::mem::take(&mut vs.endpoints) {
        match endpoint {
            Endpoint::Address(address) => {
                if families.insert(address.is_ipv6()) {
                    endpoints.push(Endpoint::Fwmark { mark, family: net::Family::of(address.ip()) });
                }
                vs.marked.push(address);
            }
            Endpoint::Fwmark { .. } => endpoints.push(endpoint),
        }
    }
    vs.endpoints = endpoints;
}

fn element(address: SocketAddr, protocol: Protocol) -> Element {
    let mut key = match address {
        SocketAddr::V4(v4) => v4.ip().octets().to_vec(),
        SocketAddr::V6(v6) => v6.ip().octets().to_vec(),
    };
    let has_port = address.port() != 0;
    if has_port {
        key.extend(address.port().to_be_bytes());
        key.extend([0; 2]);
    }
    Element { is_v6: address.is_ipv6(), protocol, has_port, key }
}

const fn family(is_v6: bool) -> Family {
    if is_v6 { Family::V6 } else { Family::V4 }
}

fn families(elements: &BTreeMap<Element, u32>) -> Vec<Family> {
    let families: BTreeSet<bool> = elements.keys().map(|element| element.is_v6).collect();
    families.into_iter().map(family).collect()
}

/// The maps that are needed; those with ports come first.
fn maps(elements: &BTreeMap<Element, u32>) -> Vec<(Family, Protocol, bool)> {
    let maps: BTreeSet<(bool, bool, Protocol)> =
        elements.keys().map(|element| (!element.has_port, element.is_v6, element.protocol)).collect();
    maps.into_iter().map(|(has_none, is_v6, protocol)| (family(is_v6), protocol, !has_none)).collect()
}

fn put<'a>(
    out: &mut Transaction,
    table: &str,
    on: bool,
    elements: impl Iterator<Item = (&'a Element, &'a u32)>,
) {
    type Marked<'a> = (&'a [u8], [u8; 4]);
    let mut of_map: BTreeMap<(bool, &str), Vec<Marked<'_>>> = BTreeMap::new();
    for (element, mark) in elements {
        let map = map_name(element.protocol, element.has_port);
        of_map.entry((element.is_v6, map)).or_default().push((&element.key, mark.to_ne_bytes()));
    }
    for ((is_v6, map), list) in of_map {
        let list: Vec<(&[u8], Option<&[u8]>)> =
            list.iter().map(|(key, mark)| (*key, on.then_some(mark.as_slice()))).collect();
        out.elements(family(is_v6), table, map, on, &list);
    }
}

const fn map_name(protocol: Protocol, has_port: bool) -> &'static str {
    match (protocol, has_port) {
        (Protocol::Tcp, true) => "tcp_map",
        (Protocol::Udp, true) => "udp_map",
        (Protocol::Sctp, true) => "sctp_map",
        (Protocol::Tcp, false) => "tcp_any",
        (Protocol::Udp, false) => "udp_any",
        (Protocol::Sctp, false) => "sctp_any",
    }
}

const fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

#[cfg(test)]
mod tests;
