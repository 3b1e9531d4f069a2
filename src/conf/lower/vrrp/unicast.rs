//! `unicast_*`: adverts to named routers.

use super::super::{Lower, body};
use super::draft::Draft;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::tree::Statement;
use crate::vrrp::config::{OldChecksum, Peer, Unicast};
use std::collections::hash_map::Entry;

/// Options of a peer.
const OPTIONS: &[&str] = &["max_ttl", "min_ttl"];

impl Draft {
    /// Takes a statement, if its keyword is one of these.
    pub(super) fn unicast(&mut self, cx: &mut Lower<'_, '_>, keyword: &str, statement: &Statement) -> bool {
        match keyword {
            "unicast_peer" => {
                // A missing block is reported already.
                self.unicast.bad_peer |= statement.body.is_none();
                for line in body(statement) {
                    self.peer(cx, line);
                }
            }
            "unicast_src_ip" => self.source(cx, statement),
            "unicast_ttl" => {
                let ttl = cx.integer(statement).and_then(|n| u8::try_from(n).ok());
                self.unicast.ttl = ttl.map(|n| (n, statement.span)).or(self.unicast.ttl);
            }
            "unicast_fault_no_peer" => {
                cx.no_more_arguments(statement);
                self.unicast.fault_without_peers = true;
            }
            "check_unicast_src" => {
                cx.no_more_arguments(statement);
                self.unicast.check_source = true;
            }
            "old_unicast_checksum" => {
                if cx.words(statement).len() < 2 {
                    self.unicast.old_checksum = OldChecksum::Always;
                } else if cx.choice(statement).is_some() {
                    self.unicast.old_checksum = OldChecksum::Never;
                }
            }
            _ => return false,
        }
        if keyword != "unicast_ttl" {
            self.unicast.asked.get_or_insert(statement.span);
        }
        true
    }

    /// `mcast_src_ip` and `unicast_src_ip`: the later one holds.
    pub(super) fn source(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let address = cx.address(statement).filter(|a| self.fits_family(cx, *a, statement.span));
        self.source = address.map(|a| (a, statement.span)).or(self.source);
    }

    /// `ADDRESS [min_ttl N] [max_ttl N]`
    fn peer(&mut self, cx: &mut Lower<'_, '_>, line: &Statement) {
        let words = cx.words(line);
        let Some(first) = words.first() else { return };
        let address = cx.address_word(first, None).filter(|a| self.fits_family(cx, *a, first.span));
        let Some(address) = address else {
            self.unicast.bad_peer = true;
            return;
        };
        let mut peer = Peer { address, min_ttl: 0, max_ttl: u8::MAX };
        for option in words[1..].chunks(2) {
            let (name, value) = match option {
                [name, value] => (name, value),
                [name, ..] => {
                    let message = format!("`{}` needs a value; it has no effect", name.text);
                    self.report(cx, &codes::BAD_PEER, name.span, &message);
                    break;
                }
                [] => break,
            };
            let limit = match name.text.as_ref() {
                "min_ttl" => &mut peer.min_ttl,
                "max_ttl" => &mut peer.max_ttl,
                _ => {
                    cx.bad_choice(name, "option of a peer", OPTIONS);
                    break;
                }
            };
            if let Some(ttl) = cx.integer_word(value, 0, 255) {
                *limit = ttl as u8;
                self.unicast.check_source = true;
            }
        }
        match self.unicast.peers_at.entry(address) {
            Entry::Occupied(first_at) => {
                let message = format!("({}) peer {address} is listed twice", self.name);
                let diagnostic = Diagnostic::new(&codes::DUPLICATE_PEER, first.span, message);
                cx.sink.push(diagnostic.also(*first_at.get(), "first listed here"));
                return;
            }
            Entry::Vacant(new) => {
                new.insert(first.span);
            }
        }
        if peer.min_ttl > peer.max_ttl {
            let (least, most) = (peer.min_ttl, peer.max_ttl);
            let message =
                format!("min_ttl {least} is greater than max_ttl {most}: no advert of {address} is believed");
            self.report(cx, &codes::TTL_RANGE, line.span, &message);
        }
        self.unicast.peers.push(peer);
    }

    /// What the keywords come to: `None` is multicast.
    pub(super) fn finish_unicast(&mut self, cx: &mut Lower<'_, '_>, check_source: bool) -> Option<Unicast> {
        let given = std::mem::take(&mut self.unicast);
        if given.peers.is_empty()
            && given.asked.is_none()
            && let Some((_, at)) = given.ttl
        {
            self.report(cx, &codes::NO_PEER, at, "unicast_ttl has no effect without unicast_peer");
        }
        let asked = given.asked?;
        if given.peers.is_empty() {
            if given.fault_without_peers {
                let message = "no unicast peer: the instance stays in FAULT";
                self.report(cx, &codes::FAULT_WITHOUT_PEER, asked, message);
            } else if !given.bad_peer {
                let message = format!("({}) unicast settings without unicast_peer", self.name);
                let diagnostic = Diagnostic::new(&codes::NO_PEER, asked, message);
                cx.sink.push(
                    diagnostic
                        .help("list the other routers in `unicast_peer`; until then adverts are multicast"),
                );
            }
            if !given.fault_without_peers {
                return None;
            }
        }
        if let Some((group, at)) = self.mcast_dst_ip.take() {
            let message = format!("adverts go to unicast peers: the group {group} has no effect");
            self.report(cx, &codes::GROUP_IGNORED, at, &message);
        }
        Some(Unicast {
            peers: given.peers,
            fault_without_peers: given.fault_without_peers,
            ttl: given.ttl.map(|(ttl, _)| ttl),
            check_source: given.check_source || check_source,
            old_checksum: given.old_checksum,
        })
    }
}
