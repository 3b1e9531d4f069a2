//! A line of `virtual_ipaddress` or `static_ipaddress`: `ADDRESS[/PREFIX]` and its options.

use super::super::Lower;
use super::Entry;
use super::track_group::TrackGroups;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::schema::{Block, Keyword};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::{Family, IpNet, NameTable};
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::config::address::Lifetime;
use std::net::{IpAddr, Ipv4Addr};

/// Reads one line of an instance; `None` where keepalived leaves the address out. Its interface is the one given
/// unless the line names another.
pub(in crate::conf::lower) fn lower(
    cx: &mut Lower<'_, '_>,
    grammar: &'static Block,
    line: &Statement,
    interface: &str,
) -> Option<VirtualAddress> {
    Draft::read(cx, grammar, line, interface, None).map(|(address, _)| address)
}

/// Reads one line of `static_ipaddress`, with its track group.
pub(super) fn lower_static(
    cx: &mut Lower<'_, '_>,
    grammar: &'static Block,
    line: &Statement,
    interface: &str,
    groups: &TrackGroups,
) -> Option<(VirtualAddress, Option<String>)> {
    Draft::read(cx, grammar, line, interface, Some(groups))
}

struct Draft<'t, 's> {
    address: VirtualAddress,
    device: Option<Span>,
    broadcast: Option<&'t Word<'s>>,
    peer: Option<Span>,
    track_group: Option<(String, Span)>,
    has_lifetime: bool,
}

impl<'t, 's> Draft<'t, 's> {
    fn read(
        cx: &mut Lower<'t, 's>,
        grammar: &'static Block,
        line: &Statement,
        interface: &str,
        groups: Option<&TrackGroups>,
    ) -> Option<(VirtualAddress, Option<String>)> {
        let mut entry = Entry::new(cx, line, "address");
        let first = entry.take()?;
        let net = entry.net(first)?;
        entry.settle(Family::of(net.address), first.span)?;
        let mut draft = Draft {
            address: VirtualAddress::new(net, interface),
            device: None,
            broadcast: None,
            peer: None,
            track_group: None,
            has_lifetime: false,
        };
        while let Some(word) = entry.take() {
            match grammar.find(&word.text) {
                Some(keyword) => draft.option(&mut entry, word, keyword, groups)?,
                None => {
                    entry.unknown(word, grammar, "it has no effect");
                    // Its value, if it has one, is no option either: reported together.
                    while entry.peek().is_some_and(|w| grammar.find(&w.text).is_none()) {
                        entry.next += 1;
                    }
                }
            }
        }
        draft.finish(&mut entry)
    }

    fn option(
        &mut self,
        entry: &mut Entry<'_, 't, 's>,
        word: &'t Word<'s>,
        keyword: &'static Keyword,
        groups: Option<&TrackGroups>,
    ) -> Option<()> {
        // Options of blocks that are not carried out at all need no word of their own.
        if groups.is_none() && !keyword.is_done() {
            entry.cx.sink.not_carried_out(keyword, word.span);
        }
        let address = &mut self.address;
        match keyword.canonical() {
            "-nodad" => address.flags.detect_duplicates = true,
            "autojoin" => address.flags.autojoin = true,
            "home" => address.flags.home = true,
            "mngtmpaddr" => address.flags.manage_temporary = true,
            "noprefixroute" => address.flags.no_prefix_route = true,
            "no_track" => address.tracked = false,
            "use_vmac" => address.use_vmac = true,
            _ => {
                let Some(value) = entry.take() else {
                    let message = format!("`{}` needs a value", word.text);
                    return entry.refuse(&codes::BAD_ADDRESS, word.span, &message);
                };
                self.option_with_value(entry, word, keyword, value, groups)?;
            }
        }
        Some(())
    }

    fn option_with_value(
        &mut self,
        entry: &mut Entry<'_, 't, 's>,
        option: &Word<'_>,
        keyword: &'static Keyword,
        value: &'t Word<'s>,
        groups: Option<&TrackGroups>,
    ) -> Option<()> {
        match keyword.canonical() {
            "dev" => {
                if let Some(before) = self.device.replace(value.span) {
                    let message = "a second device for one address; the address is left out";
                    let diagnostic = Diagnostic::new(&codes::BAD_ADDRESS, value.span, message);
                    entry.cx.sink.push(diagnostic.also(before, "the first one"));
                    return None;
                }
                let device = entry.cx.interface_word(value)?;
                // The address is in the adverts meanwhile.
                entry.cx.interface_may_come(device);
                self.address.interface = device.text.as_ref().into();
            }
            "scope" => {
                let scope = entry.cx.named(value, NameTable::Scopes, "the scope is left out");
                if let Some(scope) = scope.and_then(|n| u8::try_from(n).ok()) {
                    self.address.scope = scope;
                }
            }
            "label" if value.text.len() > 15 => {
                return entry.refuse(&codes::BAD_NAME, value.span, "label is longer than 15 characters");
            }
            "label" => self.address.label = Some(value.text.to_string()).into(),
            "brd" if self.address.net.address.is_ipv6() => {
                return entry.refuse(&codes::BAD_ADDRESS, value.span, "IPv6 has no broadcast");
            }
            "brd" => self.broadcast = Some(value),
            "peer" => self.peer(entry, value),
            "preferred_lft" => {
                self.has_lifetime = true;
                if value.text == "forever" {
                    self.address.preferred_lft = Lifetime::Forever;
                } else if let Some(seconds) = entry.cx.integer_word(value, 0, u64::from(u32::MAX)) {
                    self.address.preferred_lft = Lifetime::Seconds(seconds as u32);
                } else {
                    self.has_lifetime = false;
                }
            }
            "track_group" => {
                if let Some(groups) = groups {
                    groups.choose(entry, option, value, &mut self.track_group);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn peer(&mut self, entry: &mut Entry<'_, '_, '_>, value: &Word<'_>) {
        if let Some(first) = self.peer {
            let message = "a second peer for one address; it has no effect";
            let diagnostic = Diagnostic::new(&codes::PEER, value.span, message);
            entry.cx.sink.push(diagnostic.also(first, "the first one"));
            return;
        }
        let Ok(peer) = value.text.parse::<IpAddr>() else {
            let message = format!("`{}` is not an address; the peer is left out", value.text);
            let mut diagnostic = Diagnostic::new(&codes::BAD_ADDRESS, value.span, message);
            if value.text.contains('/') {
                diagnostic = diagnostic.help("the address of the peer stands alone, without a prefix length");
            }
            entry.cx.sink.push(diagnostic);
            return;
        };
        let family = Family::of(self.address.net.address);
        if Family::of(peer) != family {
            let message = format!(
                "{} peer of an {} address; it is left out",
                super::name(Family::of(peer)),
                super::name(family)
            );
            entry.cx.report(&codes::ENTRY_FAMILY, value.span, message);
            return;
        }
        if self.address.net.prefix_len != family.bits() {
            let message = format!(
                "an address with a peer has no prefix length: /{} is passed over",
                self.address.net.prefix_len
            );
            let help = format!("write `{}`", self.address.net.address);
            let at = entry.words.first().map_or(value.span, |w| w.span);
            entry.cx.sink.push(Diagnostic::new(&codes::PEER, at, message).help(help));
        }
        self.address.net.prefix_len = family.bits();
        self.address.peer = Some(peer).into();
        self.peer = Some(value.span);
    }

    fn finish(mut self, entry: &mut Entry<'_, '_, '_>) -> Option<(VirtualAddress, Option<String>)> {
        if let Some(word) = self.broadcast {
            if let Some(peer) = self.peer {
                let message = "an address with a peer has no broadcast; it has no effect";
                let diagnostic = Diagnostic::new(&codes::PEER, word.span, message);
                entry.cx.sink.push(diagnostic.also(peer, "the peer"));
            } else {
                self.address.broadcast = broadcast(entry, word, self.address.net)?.into();
            }
        }
        let address = &mut self.address;
        if address.net.address.is_ipv6() && (address.scope != 0 || address.label.is_some()) {
            let message = "IPv6 addresses have neither scope nor label; they have no effect";
            entry.cx.report(&codes::ADJUSTED, entry.line, message);
            address.scope = 0;
            address.label = None.into();
        }
        if !self.has_lifetime {
            address.preferred_lft = Lifetime::default_of(address.net);
        }
        Some((self.address, self.track_group.map(|(name, _)| name)))
    }
}

/// `ADDRESS`, `+` (host bits set) or `-` (host bits cleared); the outer `None` leaves the address out.
fn broadcast(entry: &mut Entry<'_, '_, '_>, word: &Word<'_>, net: IpNet) -> Option<Option<IpAddr>> {
    let IpAddr::V4(address) = net.address else { return Some(None) };
    let host_bits = u32::MAX.checked_shr(u32::from(net.prefix_len)).unwrap_or(0);
    match word.text.as_ref() {
        "+" | "-" if net.prefix_len > 30 => {
            let message = format!("/{} has no broadcast address", net.prefix_len);
            entry.cx.report(&codes::BAD_PREFIX, word.span, message);
            Some(None)
        }
        "+" => Some(Some(Ipv4Addr::from_bits(address.to_bits() | host_bits).into())),
        "-" => Some(Some(Ipv4Addr::from_bits(address.to_bits() & !host_bits).into())),
        text => match text.parse::<Ipv4Addr>() {
            Ok(given) => Some(Some(given.into())),
            Err(_) => {
                let message = format!("`{text}` is not an IPv4 address");
                entry.refuse(&codes::BAD_ADDRESS, word.span, &message)
            }
        },
    }
}
