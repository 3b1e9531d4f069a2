//! What no two instances may share: a name; interface, family, VRID and group (or peers); the name of a link.

use super::super::Lower;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::net::Family;
use crate::vrrp::config::Instance;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

/// Family and VRID.
type Router = (Family, u8);

/// Whose adverts go from where to whom.
type Way = (Router, Option<IpAddr>, IpAddr);

/// An instance, and where it gives its VRID or its link's name.
type User = (String, Span);

/// What the instances so far have taken.
#[derive(Debug, Default)]
pub(super) struct Unique {
    names: HashMap<String, Span>,
    links: HashMap<String, User>,
    groups: Groups,
    peers: Peers,
}

impl Unique {
    /// Whether the name is a new one; reported if not.
    pub(super) fn is_new_name(&mut self, cx: &mut Lower<'_, '_>, word: &Word<'_>) -> bool {
        if let Some(first) = self.names.get(word.text.as_ref()) {
            let message = format!("vrrp_instance `{}` is already defined; this one is left out", word.text);
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_INSTANCE, word.span, message);
            cx.sink.push(diagnostic.also(*first, "first defined here"));
            return false;
        }
        self.names.insert(word.text.to_string(), word.span);
        true
    }

    /// Whether no other instance has a link of this name; reported if one does.
    pub(super) fn is_new_link(
        &mut self,
        cx: &mut Lower<'_, '_>,
        instance: &str,
        name: &str,
        at: Span,
    ) -> bool {
        if let Some((other, first)) = self.links.get(name) {
            let message =
                format!("({instance}) the link {name} is that of ({other}) already; this name has no effect");
            let diagnostic = Diagnostic::new(&codes::LINK_NAME_TAKEN, at, message);
            cx.sink.push(diagnostic.also(*first, "first used here"));
            return false;
        }
        self.links.insert(name.to_owned(), (instance.to_owned(), at));
        true
    }

    /// Whether the virtual router is a new one; reported if not.
    pub(super) fn is_new_router(
        &mut self,
        cx: &mut Lower<'_, '_>,
        instance: &Instance,
        vrid_at: Span,
    ) -> bool {
        let Instance { name, vrid, family, interface, .. } = instance;
        let key = (*family, vrid.get());
        let taken = match &instance.unicast {
            None => {
                let base = interface.as_deref().map(|interface| base_of(cx, interface));
                self.groups.take((base, key, instance.group()), name, vrid_at)
            }
            Some(unicast) => {
                let mut taken = None;
                for peer in &unicast.peers {
                    let place = (key, instance.source, peer.address);
                    taken = taken.or(self.peers.take(place, interface.as_deref(), name, vrid_at));
                }
                taken
            }
        };
        let Some((other, first)) = taken else { return true };
        let place = match (&instance.unicast, interface) {
            (None, Some(interface)) => match base_of(cx, interface) {
                base if *base == **interface => format!("on {interface}"),
                base => format!("on {base}, which {interface} is on top of"),
            },
            (None, None) => String::from("on one interface"),
            (Some(_), _) => String::from("with the same peer"),
        };
        let message = format!("({name}) and ({other}) both use virtual_router_id {vrid} {place}");
        let diagnostic = Diagnostic::new(&codes::DUPLICATE_VRID, vrid_at, message);
        cx.sink.push(diagnostic.also(first, "first used here"));
        false
    }
}

/// Virtual routers of multicast: the interface and the group tell them apart.
#[derive(Debug, Default)]
struct Groups(HashMap<(Option<String>, Router, IpAddr), User>);

impl Groups {
    /// Who has it already.
    fn take(&mut self, place: (Option<String>, Router, IpAddr), name: &str, at: Span) -> Option<User> {
        match self.0.entry(place) {
            Entry::Occupied(user) => Some(user.get().clone()),
            Entry::Vacant(new) => {
                new.insert((name.to_owned(), at));
                None
            }
        }
    }
}

/// Virtual routers of unicast: source, peer, and the interface where both have one. A table of its own, as an
/// instance without an interface is in the way of every other one.
#[derive(Debug, Default)]
struct Peers {
    all: HashMap<Way, User>,
    by_interface: HashMap<Way, HashMap<Option<String>, User>>,
}

impl Peers {
    /// Who has it already.
    fn take(&mut self, way: Way, interface: Option<&str>, name: &str, at: Span) -> Option<User> {
        let user = || (name.to_owned(), at);
        let users = self.by_interface.entry(way).or_default();
        let taken = match interface {
            None => self.all.get(&way),
            Some(_) => users.get(&interface.map(str::to_owned)).or_else(|| users.get(&None)),
        };
        let taken = taken.cloned();
        users.entry(interface.map(str::to_owned)).or_insert_with(user);
        self.all.entry(way).or_insert_with(user);
        taken
    }
}

/// The interface whose network this one sends to: most often itself.
fn base_of(cx: &Lower<'_, '_>, interface: &str) -> String {
    cx.base_of(interface).unwrap_or_else(|| interface.to_owned())
}
