//! Two directors of one pair: what must be equal, and what must differ.

use super::places::{Places, span};
use super::script::weights;
use crate::check::config::VirtualServer;
use crate::conf::config::Config;
use crate::conf::diagnostic::{Code, Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::source::Span;
use crate::net::{Family, IpNet};
use crate::vrrp;
use crate::vrrp::config::{InitialState, Instance, Unicast, Vrid};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Compares one configuration (whose text is at hand) with the other director's.
pub(super) fn compare(places: &Places<'_, '_>, own: &Config, name: &str, other: &Config, sink: &mut Sink) {
    router_id(places, own, name, other, sink);
    instances(places, &own.vrrp, name, &other.vrrp, sink);
    virtual_servers(places, own, name, other, sink);
}

fn instances(places: &Places<'_, '_>, own: &vrrp::Config, name: &str, other: &vrrp::Config, sink: &mut Sink) {
    let by_name: HashMap<&str, &Instance> = other.instances.iter().map(|i| (i.name.as_str(), i)).collect();
    let by_vrid: HashMap<(Vrid, Option<Family>), &Instance> =
        other.instances.iter().map(|i| ((i.vrid, family(i)), i)).collect();
    let mut met: HashSet<&str> = HashSet::new();
    for instance in &own.instances {
        // Names are each machine's own; on the wire the VRID counts. The name helps where the VRID is the mistake.
        let partner =
            by_vrid.get(&(instance.vrid, family(instance))).or_else(|| by_name.get(instance.name.as_str()));
        let mut pair = Pair { places, instance, name, sink };
        match partner {
            Some(partner) => {
                met.insert(&partner.name);
                pair.compare(partner);
            }
            None => {
                let message =
                    format!("no instance of {name} has virtual_router_id {}, nor this name", instance.vrid);
                pair.report(&codes::PAIR_MISSING, "", message);
            }
        }
    }
    for missing in other.instances.iter().filter(|i| !met.contains(i.name.as_str())) {
        let start = Span { file: sink.file(), start: 0, end: 0 };
        let message = format!(
            "({}) of {name}, with virtual_router_id {}, has no partner in this file",
            missing.name, missing.vrid
        );
        sink.push(Diagnostic::new(&codes::PAIR_MISSING, start, message));
    }
}

fn family(instance: &Instance) -> Option<Family> {
    instance.addresses.first().map(|a| Family::of(a.net.address))
}

struct Pair<'a, 't, 's> {
    places: &'a Places<'t, 's>,
    instance: &'a Instance,
    name: &'a str,
    sink: &'a mut Sink,
}

impl Pair<'_, '_, '_> {
    /// Says something at a keyword of the instance, or at its block.
    fn report(&mut self, code: &'static Code, keyword: &'static str, message: String) {
        let start = Span { file: self.sink.file(), start: 0, end: 0 };
        let block = self.places.instance(&self.instance.name);
        let place = block.map_or(start, |b| self.places.with_block(b, |_, block| span(block, keyword)));
        let message = format!("({}) {message}", self.instance.name);
        self.sink.push(Diagnostic::new(code, place, message));
    }

    fn compare(&mut self, other: &Instance) {
        let (own, name) = (self.instance, self.name);
        if own.vrid != other.vrid {
            let message = format!("virtual_router_id {} is {} in {name}", own.vrid, other.vrid);
            self.report(&codes::PAIR_VRID, "virtual_router_id", message);
        }
        if own.version != other.version {
            let message = format!("VRRP version {:?} is {:?} in {name}", own.version, other.version);
            self.report(&codes::PAIR_VERSION, "version", message);
        }
        if own.advert_int != other.advert_int {
            let seconds = |i: &Instance| i.advert_int.as_secs_f64();
            let message = format!("advert_int {} is {} in {name}", seconds(own), seconds(other));
            self.report(&codes::PAIR_ADVERT_INT, "advert_int", message);
        }
        if own.auth != other.auth {
            // What differs is a secret.
            self.report(&codes::PAIR_AUTH, "authentication", format!("authentication differs from {name}"));
        }
        let addresses = |i: &Instance| i.addresses.iter().map(|a| a.net).collect::<HashSet<IpNet>>();
        self.addresses("virtual_ipaddress", &addresses(own), &addresses(other));
        let excluded = |i: &Instance| i.excluded.iter().map(|a| a.net).collect::<HashSet<IpNet>>();
        self.addresses("virtual_ipaddress_excluded", &excluded(own), &excluded(other));
        if own.priority == other.priority {
            let message = format!("priority {} is the same in {name}", own.priority);
            self.report(&codes::PAIR_PRIORITY, "priority", message);
        }
        self.peers(other);
        self.preemption(other);
        self.weights(other);
        if own.source.is_some() && own.source == other.source {
            let message = format!("the source address of the adverts is the same in {name}");
            self.report(&codes::PAIR_SOURCE, "mcast_src_ip", message);
        }
    }

    /// Each must send to the other's address, from which the other sends: else it hears nothing, and becomes master.
    fn peers(&mut self, other: &Instance) {
        let (own, name) = (self.instance, self.name);
        let (here, there) = match (&own.unicast, &other.unicast) {
            (None, None) => return,
            (Some(here), Some(there)) => (here, there),
            (here, _) => {
                let (how, others) = match here {
                    Some(_) => ("unicast", "multicast"),
                    None => ("multicast", "unicast"),
                };
                let message = format!("adverts go by {how} here, by {others} in {name}");
                return self.report(&codes::PAIR_PEER, "unicast_peer", message);
            }
        };
        self.third(here, there, [own.source, other.source]);
        let lists = |peers: &Unicast, address: IpAddr| peers.peers.iter().any(|p| p.address == address);
        if let Some(address) = other.source.filter(|a| !lists(here, *a)) {
            let message = format!("{address}, from which {name} sends, is no unicast_peer");
            self.report(&codes::PAIR_PEER, "unicast_peer", message);
        }
        if let Some(address) = own.source.filter(|a| !lists(there, *a)) {
            let message = format!("{address}, from which this sends, is no unicast_peer in {name}");
            self.report(&codes::PAIR_PEER, "unicast_src_ip", message);
        }
    }

    /// Further routers as peers: both directors must list them.
    fn third(&mut self, here: &Unicast, there: &Unicast, [own, other]: [Option<IpAddr>; 2]) {
        let [Some(own), Some(other)] = [own, other] else { return };
        let rest = |peers: &Unicast, known: &Unicast| {
            let third = peers.peers.iter().map(|p| p.address).filter(|a| *a != own && *a != other);
            third.filter(|a| known.peers.iter().all(|p| p.address != *a)).collect::<Vec<_>>()
        };
        let name = self.name;
        for address in rest(here, there) {
            self.report(
                &codes::PAIR_PEER,
                "unicast_peer",
                format!("unicast_peer {address} is not in {name}"),
            );
        }
        for address in rest(there, here) {
            let message = format!("unicast_peer {address} of {name} is not here");
            self.report(&codes::PAIR_PEER, "unicast_peer", message);
        }
    }

    fn preemption(&mut self, other: &Instance) {
        let (own, name) = (self.instance, self.name);
        if own.state == InitialState::Master && other.state == InitialState::Master {
            self.report(&codes::PAIR_STATE, "state", format!("state MASTER here and in {name}"));
        }
        if own.nopreempt != other.nopreempt
            && own.priority != other.priority
            && (own.priority > other.priority) != own.nopreempt
        {
            let which = if own.nopreempt { "here".to_owned() } else { format!("in {name}") };
            let message =
                format!("nopreempt stands only {which}, where the priority is lower: it has no effect there");
            self.report(&codes::PAIR_PREEMPTION, "nopreempt", message);
        }
    }

    /// The script whose failure should make the other one master must take away more than the priorities differ by.
    fn weights(&mut self, other: &Instance) {
        let own = self.instance;
        let gap = i64::from(own.priority) - i64::from(other.priority);
        let Some(block) = self.places.instance(&own.name).filter(|_| gap > 0 && own.priority != 255) else {
            return;
        };
        let swing = |w: i64| w.unsigned_abs();
        let weak: Vec<(String, i64)> = self.places.with_block(block, |places, block| {
            let weak = weights(places, block).filter(|(_, w)| *w != 0 && swing(*w) <= gap.unsigned_abs());
            weak.map(|(script, weight)| (script.to_owned(), weight)).collect()
        });
        if let [(script, weight)] = &weak[..] {
            let message = format!(
                "weight {weight} of `{script}` is no more than the priorities differ by ({} and {} in {}): \
                 when it fails, this router stays master",
                own.priority, other.priority, self.name
            );
            self.report(&codes::PAIR_WEIGHT, "track_script", message);
        }
    }

    fn addresses(&mut self, keyword: &'static str, own: &HashSet<IpNet>, other: &HashSet<IpNet>) {
        let list = |a: &HashSet<IpNet>, b: &HashSet<IpNet>| {
            let mut only: Vec<String> =
                a.iter().filter(|n| !b.contains(*n)).map(ToString::to_string).collect();
            only.sort();
            only.join(", ")
        };
        let name = self.name;
        let message = match (list(own, other), list(other, own)) {
            (here, there) if here.is_empty() && there.is_empty() => return,
            (here, there) if there.is_empty() => format!("{keyword}: {name} lacks {here}"),
            (here, there) if here.is_empty() => format!("{keyword}: {there} of {name} is not here"),
            (here, there) => format!("{keyword}: {here} here, {there} in {name}"),
        };
        self.report(&codes::PAIR_ADDRESSES, keyword, message);
    }
}

/// Mails and logs of both would bear one name.
fn router_id(places: &Places<'_, '_>, own: &Config, name: &str, other: &Config, sink: &mut Sink) {
    let (Some(id), true) = (&own.global.router_id, own.global.router_id == other.global.router_id) else {
        return;
    };
    let block = places.top_level("global_defs").find(|b| super::places::all(b, "router_id").next().is_some());
    let Some(block) = block else { return };
    let message = format!("router_id {id} is the same in {name}");
    sink.push(Diagnostic::new(&codes::PAIR_ROUTER_ID, span(block, "router_id"), message));
}

/// Services by their identity in the kernel: what clients lose when the other director takes over.
fn virtual_servers(places: &Places<'_, '_>, own: &Config, name: &str, other: &Config, sink: &mut Sink) {
    let keys = |s: &VirtualServer| {
        let protocol = s.protocol;
        s.endpoints.iter().map(|e| e.key(protocol)).collect::<Vec<_>>()
    };
    let theirs: HashSet<_> = other.check.virtual_servers.iter().flat_map(keys).collect();
    let ours: HashSet<_> = own.check.virtual_servers.iter().flat_map(keys).collect();
    let start = Span { file: sink.file(), start: 0, end: 0 };
    for (index, server) in own.check.virtual_servers.iter().enumerate() {
        if !keys(server).iter().all(|key| theirs.contains(key)) {
            let place = places.virtual_server(index).map_or(start, |block| block.span);
            let message = format!("virtual server {} is not in {name}", server.name);
            sink.push(Diagnostic::new(&codes::PAIR_SERVICE, place, message));
        }
    }
    for server in &other.check.virtual_servers {
        if !keys(server).iter().all(|key| ours.contains(key)) {
            let message = format!("virtual server {} of {name} is not in this file", server.name);
            sink.push(Diagnostic::new(&codes::PAIR_SERVICE, start, message));
        }
    }
}
