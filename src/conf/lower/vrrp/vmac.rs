//! `use_vmac` and `use_ipvlan`: links on top of the instance's interface.

use super::super::Lower;
use super::draft::Draft;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::{Family, IpNet, MacAddr};
use crate::vrrp::config::{Ipvlan, IpvlanMode, Vrid};
use nom::bytes::complete::take_while_m_n;
use nom::character::complete::char;
use nom::combinator::{all_consuming, map_res, opt};
use nom::multi::separated_list1;
use nom::{IResult, Parser};
use std::net::IpAddr;

/// The addresses of RFC 9568 §7.3, which follow from the VRID: 00:00:5e:00:01:XX and 00:00:5e:00:02:XX.
const RFC: [u8; 4] = [0x00, 0x00, 0x5e, 0x00];

/// An address as it is written.
enum Mac {
    Whole([u8; 6]),
    /// The VRID is the last byte.
    Prefix([u8; 5]),
}

impl Draft {
    /// Whether it is the name of the VMAC or ipvlan that the instance makes for itself: what it sets there needs no other.
    pub(super) fn makes_interface(&self, name: &str, prefix: &str) -> bool {
        let link = &self.link.link;
        let wish = match (&link.vmac, &link.ipvlan) {
            (Some(vmac), _) => vmac.name.as_deref(),
            (None, Some(ipvlan)) => ipvlan.name.as_deref(),
            (None, None) => return false,
        };
        // Of IPv6 beside IPv4 it has another one: see `vrrp::overlay`.
        let is_made_up = |(vrid, _): (Vrid, Span)| {
            let end = name.strip_prefix(prefix).unwrap_or_default();
            [format!(".{vrid}"), format!("6.{vrid}")].iter().any(|made_up| made_up == end)
        };
        wish.map_or_else(|| self.vrid.is_some_and(is_made_up), |wish| wish == name)
    }

    /// `use_vmac [NAME] [MAC] [group GROUP] [netlink_notify_msg]`
    pub(super) fn use_vmac(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        self.link.vmac_at.get_or_insert(statement.span);
        let mut vmac = self.link.link.vmac.take().unwrap_or_default();
        let mut words = cx.words(statement).iter().skip(1);
        while let Some(word) = words.next() {
            match word.text.as_ref() {
                text if text.contains(':') => self.mac(cx, word),
                "netlink_notify_msg" => vmac.notify_neighbours = true,
                "group" => vmac.group = self.link_group(cx, word, words.next()).or(vmac.group),
                text => {
                    let name = if text == "name" { words.next() } else { Some(word) };
                    self.link_name(cx, word, name, &mut vmac.name);
                }
            }
        }
        self.link.link.vmac = Some(vmac);
    }

    /// `use_ipvlan [NAME] [ADDRESS] [bridge|private|vepa] [group GROUP]`
    pub(super) fn use_ipvlan(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        if let Some(first) = self.link.ipvlan_at {
            let message = format!("({}) use_ipvlan is given twice; this one has no effect", self.name);
            let diagnostic = Diagnostic::new(&codes::LINK_SETTING, statement.span, message);
            cx.sink.push(diagnostic.also(first, "first given here"));
            return;
        }
        self.link.ipvlan_at = Some(statement.span);
        let mut ipvlan = Ipvlan::default();
        let mut mode = None;
        let mut words = cx.words(statement).iter().skip(1);
        while let Some(word) = words.next() {
            let parts = match word.text.as_ref() {
                "bridge" => Some(IpvlanMode::Bridge),
                "private" => Some(IpvlanMode::Private),
                "vepa" => Some(IpvlanMode::Vepa),
                _ => None,
            };
            if let Some(parts) = parts {
                if mode.is_some() {
                    self.report(cx, &codes::LINK_SETTING, word.span, "a second mode; it has no effect");
                }
                mode = mode.or(Some(parts));
                continue;
            }
            match word.text.as_ref() {
                "group" => ipvlan.group = self.link_group(cx, word, words.next()).or(ipvlan.group),
                "name" => self.link_name(cx, word, words.next(), &mut ipvlan.name),
                text => match link_address(text) {
                    Some(net) => self.ipvlan_address(cx, word, net, &mut ipvlan),
                    None => self.link_name(cx, word, Some(word), &mut ipvlan.name),
                },
            }
        }
        ipvlan.mode = mode.unwrap_or_default();
        self.link.link.ipvlan = Some(ipvlan);
    }

    /// It is the source of the adverts, too.
    fn ipvlan_address(&mut self, cx: &mut Lower<'_, '_>, word: &Word<'_>, net: IpNet, ipvlan: &mut Ipvlan) {
        if ipvlan.address.is_some() {
            self.report(cx, &codes::LINK_SETTING, word.span, "a second address; it has no effect");
        } else if self.fits_family(cx, net.address, word.span) {
            ipvlan.address = Some(net);
            self.source.get_or_insert((net.address, word.span));
        }
    }

    fn link_name<'t, 's>(
        &mut self,
        cx: &mut Lower<'t, 's>,
        at: &Word<'_>,
        word: Option<&'t Word<'s>>,
        name: &mut Option<String>,
    ) {
        let Some(word) = word else {
            self.report(cx, &codes::BAD_NAME, at.span, "`name` needs the name of the link");
            return;
        };
        let text = word.text.as_ref();
        let forbidden = |c: char| c == '/' || c == ':' || c.is_ascii_whitespace();
        if text.is_empty() || text == "." || text == ".." || text.contains(forbidden) {
            let message = format!("`{text}` can't be the name of an interface");
            self.report(cx, &codes::BAD_NAME, word.span, &message);
        } else if let Some(first) = name {
            let message = format!("`{text}` is a second name; the link is called {first} already");
            self.report(cx, &codes::LINK_SETTING, word.span, &message);
        } else if cx.interface_word(word).is_none() {
            // Said.
        } else {
            *name = Some(text.to_owned());
            self.link.name_at = Some(word.span);
        }
    }

    fn link_group(&self, cx: &mut Lower<'_, '_>, at: &Word<'_>, word: Option<&Word<'_>>) -> Option<u32> {
        let Some(word) = word else {
            self.report(cx, &codes::LINK_SETTING, at.span, "`group` needs a number");
            return None;
        };
        cx.integer_word(word, 0, u64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok())
    }

    fn mac(&mut self, cx: &mut Lower<'_, '_>, word: &Word<'_>) {
        let text = word.text.as_ref();
        let parts = |mac: &Mac| match mac {
            Mac::Whole([first, second, third, fourth, fifth, _])
            | Mac::Prefix([first, second, third, fourth, fifth]) => {
                ([*first, *second, *third, *fourth], *fifth)
            }
        };
        let problem = match parse_mac(text) {
            _ if self.link.mac_at.is_some() => "is a second address; it has no effect",
            None => "is not a MAC address (six bytes, or five before the VRID)",
            Some(mac) => match parts(&mac) {
                ([first, ..], _) if first & 1 == 1 => "is a group's address, not one link's",
                (RFC, 1 | 2) => "is one that the RFC derives from the VRID; leave it out to have your own",
                _ => {
                    self.mac = Some(match mac {
                        Mac::Whole(bytes) => (bytes, false),
                        Mac::Prefix([a, b, c, d, e]) => ([a, b, c, d, e, 0], true),
                    });
                    self.link.mac_at = Some(word.span);
                    return;
                }
            },
        };
        self.report(cx, &codes::BAD_MAC, word.span, &format!("`{text}` {problem}"));
    }
}

/// Adds the VRID where only five bytes were given.
pub(super) fn whole_mac(parts: Option<([u8; 6], bool)>, vrid: u8) -> Option<MacAddr> {
    parts.map(|(mut bytes, with_vrid)| {
        if with_vrid {
            bytes[5] = vrid;
        }
        MacAddr(bytes)
    })
}

/// Bytes of one or two hexadecimal digits between colons; five may end with a colon.
fn parse_mac(text: &str) -> Option<Mac> {
    let digits = take_while_m_n(1, 2, |c: char| c.is_ascii_hexdigit());
    let byte = map_res(digits, |digits| u8::from_str_radix(digits, 16));
    let mut address = all_consuming((separated_list1(char(':'), byte), opt(char(':'))));
    let read: IResult<&str, (Vec<u8>, Option<char>)> = address.parse(text);
    let (bytes, colon) = read.ok()?.1;
    match (bytes.as_slice(), colon) {
        (&[a, b, c, d, e, f], None) => Some(Mac::Whole([a, b, c, d, e, f])),
        (&[a, b, c, d, e], _) => Some(Mac::Prefix([a, b, c, d, e])),
        _ => None,
    }
}

/// An address, with the prefix length of its own where none is given.
fn link_address(text: &str) -> Option<IpNet> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = Family::of(address).bits();
    let prefix_len = match prefix {
        Some(prefix) => prefix.parse().ok().filter(|n| *n <= bits)?,
        None => bits,
    };
    Some(IpNet { address, prefix_len })
}
