//! The packet filter: a table of our own in nftables, with keepalived's chains, rules and sets.
//!
//! It is made with the first element that is needed, and goes with the last. What a predecessor left in a table of that
//! name goes when ours is made. Where it can't be done, addresses are accepted and IGMP leaves, which is said once.
//!
//! ```text
//! table ip NAME {
//!   map vmac_map { VMAC : interface below }
//!   set vips { address }
//!   chain out { hook output;  igmp by a VMAC: duplicated to the interface below, dropped;  from @vips: dropped }
//!   chain in  { hook input;   to @vips: dropped }
//! }
//! ```
//!
//! IPv6 has the same with MLD, router solicitations, an exception for neighbour discovery, and link-local addresses each
//! on its interface.

use crate::conf::Config;
use crate::conf::config::Ipsets;
use crate::netlink::Error;
use crate::netlink::nftables::{Client, Expression, Family, Header, Hook, Key, Meta, Register, Transaction};
use crate::vrrp::event::Change;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use tracing::{info, warn};

/// keepalived's name of the table where the configuration has none.
const TABLE: &str = "keepalived";
/// And the priority of its chains: before other filters.
const PRIORITY: i32 = -1;

const VMACS: &str = "vmac_map";
const SOLICITING: &str = "vmac_set";
const VIPS: &str = "vips";
const LINK_LOCAL: &str = "vips_link_local";
const IN: &str = "in";
const OUT: &str = "out";
const IN_LINK_LOCAL: &str = "in_link_local";
const OUT_LINK_LOCAL: &str = "out_link_local";

/// Protocols (IANA) and types of ICMPv6.
const IGMP: u8 = 2;
const ICMPV6: u8 = 58;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const MLD_REPORT: u8 = 143;
/// `fe80::/10`
const LINK_LOCAL_PREFIX: [u8; 16] = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).octets();
const LINK_LOCAL_MASK: [u8; 16] = Ipv6Addr::new(0xffc0, 0, 0, 0, 0, 0, 0, 0).octets();

/// The table.
#[derive(Debug)]
pub(super) struct Firewall {
    table: String,
    priority: i32,
    counters: bool,
    /// iptables was asked for.
    instead: bool,
    client: Option<Client>,
    v4: Part,
    v6: Part,
    is_broken: bool,
}

/// What is there of a family.
#[derive(Debug, Default)]
struct Part {
    table: bool,
    muzzle: bool,
    shut: bool,
    /// By set and key, with the value where the set is a map.
    elements: BTreeMap<(&'static str, Vec<u8>), Option<Vec<u8>>>,
}

/// A change of one element: its set, key, value, and whether it is to be there.
type Element = (Family, &'static str, Vec<u8>, Option<Vec<u8>>, bool);

impl Firewall {
    pub(super) fn new(config: &Config) -> Firewall {
        let firewall = &config.global.firewall;
        let nftables = firewall.nftables.as_ref();
        Firewall {
            table: nftables.map_or_else(|| TABLE.to_owned(), |nftables| nftables.table.clone()),
            priority: nftables.map_or(PRIORITY, |nftables| nftables.priority),
            counters: firewall.counters,
            instead: firewall.iptables.is_some() || firewall.ipsets != Ipsets::Default,
            client: None,
            v4: Part::default(),
            v6: Part::default(),
            is_broken: false,
        }
    }

    /// Makes the changes, all at once.
    pub(super) fn apply<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) {
        let changes: Vec<Element> = changes.flat_map(elements).collect();
        let mut transaction = Transaction::new();
        for (family, set, key, data, on) in changes {
            self.need(family, set, &mut transaction);
            transaction.elements(family, &self.table, set, on, &[(&key, data.as_deref())]);
            let known = &mut self.part(family).elements;
            match on {
                true => known.insert((set, key), data),
                false => known.remove(&(set, key)),
            };
        }
        self.clear_away(&mut transaction);
        // Somebody may have flushed the filter: once more with everything.
        let Err(error) = self.commit(transaction).or_else(|_| self.make_anew()) else { return };
        if !std::mem::replace(&mut self.is_broken, true) {
            warn!("nftables: {error}: no_accept may have no effect, and IGMP and MLD may leave by VMACs");
        }
    }

    /// The tables that nothing is left for.
    fn clear_away(&mut self, out: &mut Transaction) {
        for family in [Family::V4, Family::V6] {
            if self.part(family).table && self.part(family).elements.is_empty() {
                out.delete_table(family, &self.table);
                *self.part(family) = Part::default();
            }
        }
    }

    fn make_anew(&mut self) -> Result<(), Error> {
        let mut transaction = Transaction::new();
        for family in [Family::V4, Family::V6] {
            let elements = std::mem::take(self.part(family)).elements;
            for ((set, key), data) in &elements {
                self.need(family, set, &mut transaction);
                transaction.elements(family, &self.table, set, true, &[(key, data.as_deref())]);
            }
            self.part(family).elements = elements;
        }
        self.commit(transaction)
    }

    fn commit(&mut self, transaction: Transaction) -> Result<(), Error> {
        if std::mem::take(&mut self.instead) {
            warn!("iptables and ipsets are not used here: nftables does the same, in table {}", self.table);
        }
        let client = match &mut self.client {
            Some(client) => client,
            none => {
                let client = none.insert(Client::open()?);
                info!("packets are filtered by nftables, in table {}", self.table);
                client
            }
        };
        client.commit(transaction)
    }

    const fn part(&mut self, family: Family) -> &mut Part {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    /// Sees that the set is there, with what looks at it.
    fn need(&mut self, family: Family, set: &str, out: &mut Transaction) {
        match set {
            VMACS | SOLICITING => self.need_muzzle(family, out),
            _ => self.need_shut(family, out),
        }
    }

    fn need_table(&mut self, family: Family, out: &mut Transaction) {
        if std::mem::replace(&mut self.part(family).table, true) {
            return;
        }
        let table = &self.table;
        out.table(family, table);
        out.delete_table(family, table);
        out.table(family, table);
        out.chain(family, table, OUT, Some((Hook::Output, self.priority)));
    }

    fn need_muzzle(&mut self, family: Family, out: &mut Transaction) {
        if std::mem::replace(&mut self.part(family).muzzle, true) {
            return;
        }
        self.need_table(family, out);
        out.set(family, &self.table, VMACS, Key::Interface, Some(Key::Interface));
        let mut kind = [0; 16];
        kind[..7].copy_from_slice(b"macvlan");
        let by_macvlan = [
            Expression::Meta(Meta::OutputKind, Register::Two),
            Expression::Equals(Register::Two, &kind),
            Expression::Meta(Meta::OutputInterface, Register::Two),
        ];
        let to_base = [
            Expression::Mapped(Register::Two, VMACS, Register::Two),
            Expression::Duplicate(Register::One, Register::Two),
        ];
        match family {
            Family::V4 => {
                let igmp = [
                    Expression::Payload(Header::Network, 9, 1, Register::One),
                    Expression::Equals(Register::One, &[IGMP]),
                    Expression::Payload(Header::Network, 16, 4, Register::One),
                ];
                self.rule(out, family, OUT, &[&igmp, &by_macvlan, &to_base], Expression::Drop);
            }
            Family::V6 => {
                out.set(family, &self.table, SOLICITING, Key::Interface, None);
                let of_type = |kind: &'static [u8; 1]| {
                    [
                        Expression::Meta(Meta::Protocol, Register::One),
                        Expression::Equals(Register::One, &[ICMPV6]),
                        Expression::Payload(Header::Transport, 0, 1, Register::One),
                        Expression::Equals(Register::One, kind),
                    ]
                };
                let destination = [Expression::Payload(Header::Network, 24, 16, Register::One)];
                let reports = of_type(&[MLD_REPORT]);
                self.rule(
                    out,
                    family,
                    OUT,
                    &[&reports, &destination, &by_macvlan, &to_base],
                    Expression::Drop,
                );
                let solicitations = of_type(&[ROUTER_SOLICITATION]);
                let by_vmac = [Expression::In(Register::Two, SOLICITING)];
                self.rule(out, family, OUT, &[&solicitations, &by_macvlan, &by_vmac], Expression::Drop);
            }
        }
    }

    fn need_shut(&mut self, family: Family, out: &mut Transaction) {
        if std::mem::replace(&mut self.part(family).shut, true) {
            return;
        }
        self.need_table(family, out);
        out.chain(family, &self.table, IN, Some((Hook::Input, self.priority)));
        let (source, destination, len) = match family {
            Family::V4 => (12, 16, 4),
            Family::V6 => (8, 24, 16),
        };
        let load = |offset| Expression::Payload(Header::Network, offset, len, Register::One);
        match family {
            Family::V4 => out.set(family, &self.table, VIPS, Key::V4Address, None),
            Family::V6 => {
                out.set(family, &self.table, VIPS, Key::V6Address, None);
                out.set(family, &self.table, LINK_LOCAL, Key::V6AddressOnInterface, None);
                let chains = [
                    (IN, IN_LINK_LOCAL, destination, Meta::InputInterface),
                    (OUT, OUT_LINK_LOCAL, source, Meta::OutputInterface),
                ];
                for (chain, link_local, offset, interface) in chains {
                    out.chain(family, &self.table, link_local, None);
                    let there = [
                        load(offset),
                        Expression::Meta(interface, Register::Two),
                        Expression::In(Register::One, LINK_LOCAL),
                    ];
                    self.rule(out, family, link_local, &[&there], Expression::Drop);
                    // Without it nobody could find the router.
                    for kind in [&[NEIGHBOUR_SOLICITATION], &[NEIGHBOUR_ADVERTISEMENT]] {
                        let neighbours = [
                            Expression::Payload(Header::Network, 6, 1, Register::One),
                            Expression::Equals(Register::One, &[ICMPV6]),
                            Expression::Payload(Header::Transport, 0, 1, Register::One),
                            Expression::Equals(Register::One, kind),
                        ];
                        self.rule(out, family, chain, &[&neighbours], Expression::Accept);
                    }
                    let is_link_local = [
                        load(offset),
                        Expression::Masked(Register::One, &LINK_LOCAL_MASK),
                        Expression::Equals(Register::One, &LINK_LOCAL_PREFIX),
                    ];
                    self.rule(out, family, chain, &[&is_link_local], Expression::Goto(link_local));
                }
            }
        }
        for (chain, offset) in [(OUT, source), (IN, destination)] {
            let of_them = [load(offset), Expression::In(Register::One, VIPS)];
            self.rule(out, family, chain, &[&of_them], Expression::Drop);
        }
    }

    fn rule(
        &self,
        out: &mut Transaction,
        family: Family,
        chain: &str,
        steps: &[&[Expression<'_>]],
        verdict: Expression<'_>,
    ) {
        let mut steps: Vec<Expression<'_>> = steps.iter().flat_map(|some| some.iter().cloned()).collect();
        if self.counters {
            steps.push(Expression::Counter);
        }
        steps.push(verdict);
        out.rule(family, &self.table, chain, &steps);
    }
}

/// What a change does to elements.
fn elements(change: &Change) -> Vec<Element> {
    match change {
        Change::Muzzle { interface, below, v4, v6, on, .. } => {
            let (vmac, below) = (interface.0.to_ne_bytes().to_vec(), below.0.to_ne_bytes().to_vec());
            let below = on.then_some(below);
            let v4 = v4.then(|| (Family::V4, VMACS, vmac.clone(), below.clone(), *on));
            let reports = v6.then(|| (Family::V6, VMACS, vmac.clone(), below.clone(), *on));
            let solicitations = v6.then(|| (Family::V6, SOLICITING, vmac.clone(), None, *on));
            [v4, reports, solicitations].into_iter().flatten().collect()
        }
        Change::Shut { address, interface, on, .. } => {
            let (family, set, key) = match (address, interface) {
                (IpAddr::V4(ip), _) => (Family::V4, VIPS, ip.octets().to_vec()),
                (IpAddr::V6(ip), None) => (Family::V6, VIPS, ip.octets().to_vec()),
                (IpAddr::V6(ip), Some(interface)) => {
                    (Family::V6, LINK_LOCAL, [&ip.octets()[..], &interface.0.to_ne_bytes()].concat())
                }
            };
            vec![(family, set, key, None, *on)]
        }
        _ => Vec::new(),
    }
}
