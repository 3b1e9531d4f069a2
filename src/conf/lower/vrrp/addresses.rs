//! Virtual addresses and the group of the adverts; the first address settles the family.

use super::super::{Lower, body, iproute};
use super::draft::Draft;
use crate::conf::InterfaceKind;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::vrrp::config::Name;
use crate::vrrp::config::{Version, VirtualAddress};
use std::net::IpAddr;

/// What an Ethernet frame carries: the MTU of interfaces that nobody knows.
const MTU: u32 = 1500;

/// The address count of an advert is one byte.
const MAX_ADDRESSES: u32 = 255;

/// Ethernet, IP and VRRP headers; the password comes with version 2.
const HEADERS_V4: u32 = 14 + 20 + 8;
const HEADERS_V6: u32 = 14 + 40 + 8;
const PASSWORD: u32 = 8;

impl Draft {
    /// The first address settles the instance's family; one of the other family is left out.
    pub(super) fn fits_family(&mut self, cx: &mut Lower<'_, '_>, address: IpAddr, span: Span) -> bool {
        self.fits_family_or(cx, address, span, "use a second vrrp_instance for the other family")
    }

    fn fits_family_or(
        &mut self,
        cx: &mut Lower<'_, '_>,
        address: IpAddr,
        span: Span,
        help: &'static str,
    ) -> bool {
        let family = Family::of(address);
        match self.family {
            None => {
                self.family = Some((family, span));
                true
            }
            Some((first, _)) if first == family => true,
            Some((first, settled)) => {
                let (is, not) = match first {
                    Family::V4 => ("IPv4", "IPv6"),
                    Family::V6 => ("IPv6", "IPv4"),
                };
                let message =
                    format!("({}) {address} is {not} in an {is} instance; it is left out", self.name);
                let diagnostic = Diagnostic::new(&codes::MIXED_FAMILIES, span, message);
                cx.sink.push(diagnostic.also(settled, format!("this makes it {is}")).help(help));
                false
            }
        }
    }

    pub(super) fn virtual_addresses(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement, listed: bool) {
        cx.nothing_before_the_block(statement);
        let Some(grammar) = statement.keyword.and_then(|k| k.entry) else { return };
        for line in body(statement) {
            self.addresses_given = true;
            // The device is filled in once the instance's own is known.
            let Some(address) = iproute::address(cx, grammar, line, "") else { continue };
            let help = "use a second vrrp_instance for the other family, or virtual_ipaddress_excluded";
            if listed && !self.fits_family_or(cx, address.net.address, line.span, help) {
                continue;
            }
            let device = Some(address.interface.clone()).filter(|d| !d.is_empty());
            let key = (address.net.address, device);
            if let Some(first) = self.set_addresses.get(&key) {
                let message = format!("({}) {} is listed twice", self.name, address.net.address);
                let diagnostic = Diagnostic::new(&codes::DUPLICATE_ADDRESS, line.span, message);
                cx.sink.push(diagnostic.also(*first, "first listed here"));
                continue;
            }
            self.set_addresses.insert(key, line.span);
            let list = if listed { &mut self.addresses } else { &mut self.excluded };
            list.push((address, line.span));
        }
    }

    pub(super) fn mcast_dst_ip(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(address) = cx.address(statement) else { return };
        if !self.fits_family(cx, address, statement.span) {
            return;
        }
        let fits = match address {
            IpAddr::V4(v4) => v4.is_multicast(),
            IpAddr::V6(v6) => v6.is_multicast() && v6.octets()[1] & 0x0f == 2,
        };
        if fits {
            self.mcast_dst_ip = Some((address, statement.span));
        } else {
            let message = format!("{address} is not a multicast address (IPv6: a link-local one)");
            self.report(cx, &codes::BAD_ADDRESS, statement.span, &message);
        }
    }

    /// Hosts take an IPv6 router for real by its link-local address, RFC 9568 §5.2.9.
    pub(super) fn first_is_link_local(&self, cx: &mut Lower<'_, '_>, strict: bool) {
        let Some((first, at)) = self.addresses.first() else { return };
        let IpAddr::V6(address) = first.net.address else { return };
        if address.is_unicast_link_local() {
            return;
        }
        if strict {
            self.against_strict(cx, *at, "the first IPv6 address must be a link-local one");
        } else {
            let message = format!("({}) the first IPv6 address should be a link-local one", self.name);
            let diagnostic = Diagnostic::new(&codes::FIRST_NOT_LINK_LOCAL, *at, message);
            cx.sink.push(diagnostic.help("list one from fe80::/10 first"));
        }
    }

    /// Addresses that don't fit into an advert are set, but not listed in it. The interface's MTU decides at run time, by
    /// the same reckoning ([`crate::vrrp::packet::Advert::room`]).
    pub(super) fn limit_addresses(&self, cx: &mut Lower<'_, '_>, version: Version, family: Family) {
        let mtu = match self.interface.as_ref().and_then(|(name, _)| cx.ask_interface(name)) {
            Some(InterfaceKind::Usable { mtu }) => mtu,
            _ => MTU,
        };
        let (headers, size) = match family {
            Family::V4 => (HEADERS_V4, 4),
            Family::V6 => (HEADERS_V6, 16),
        };
        let password = if version == Version::V2 { PASSWORD } else { 0 };
        let most = (mtu.saturating_sub(headers + password) / size).min(MAX_ADDRESSES) as usize;
        if self.addresses.len() > most {
            let at = self.addresses.get(most).map_or(self.named_at, |(_, span)| *span);
            let message = format!(
                "an advert lists at most {most} addresses on an interface of MTU {mtu}; the others are not listed"
            );
            self.report(cx, &codes::TOO_MANY_ADDRESSES, at, &message);
        }
    }
}

/// The addresses, on the instance's interface where a line names no other.
pub(super) fn on(interface: &Name, list: Vec<(VirtualAddress, Span)>) -> Vec<VirtualAddress> {
    let with_device = |(mut address, _): (VirtualAddress, Span)| {
        if address.interface.is_empty() {
            address.interface = interface.clone();
        }
        address
    };
    list.into_iter().map(with_device).collect()
}
