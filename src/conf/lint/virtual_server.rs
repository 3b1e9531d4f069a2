//! Advice on virtual servers.

use super::places::{Places, all, body, span, value};
use crate::check::config::{Endpoint, Probe, VirtualServer};
use crate::conf::config::Config;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::ipvs::model::{Forward, Protocol};
use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

/// What `delay_loop` is where nothing says it.
const DEFAULT_DELAY_LOOP: Duration = Duration::from_secs(60);

/// Clients that come back after a day are new ones: seconds.
const LONG_PERSISTENCE: u32 = 86_400;

/// Schedulers that give each server the same share, whatever its weight.
const WITHOUT_WEIGHTS: &[&str] = &["rr", "lc", "dh"];

/// What there is to say of virtual servers.
pub(super) struct Advisor<'c> {
    servers: &'c [VirtualServer],
    /// The next one.
    next: usize,
    virtual_addresses: HashSet<IpAddr>,
    told_nat: bool,
}

impl<'c> Advisor<'c> {
    pub(super) fn new(config: &'c Config) -> Advisor<'c> {
        let instances = config.vrrp.instances.iter();
        let addresses = instances.flat_map(|i| i.addresses.iter().chain(i.excluded.iter()));
        Advisor {
            servers: &config.check.virtual_servers,
            next: 0,
            virtual_addresses: addresses.map(|a| a.net.address).collect(),
            told_nat: false,
        }
    }

    /// The virtual server that the block at this place of the top level became. Places are asked for in their order.
    pub(super) fn next_at(&mut self, places: &Places<'_, '_>, place: usize) -> Option<&'c VirtualServer> {
        let server = self.servers.get(self.next).filter(|_| places.is_virtual_server(self.next, place))?;
        self.next += 1;
        Some(server)
    }

    pub(super) fn advise(
        &mut self,
        places: &Places<'_, '_>,
        server: &VirtualServer,
        block: &Statement,
        sink: &mut Sink,
    ) {
        unchecked(places, server, block, sink);
        delay_loop(server, block, sink);
        quorum(server, block, sink);
        sorry_server(places, server, block, sink);
        nat(server, block, &mut self.told_nat, sink);
        persistence(server, block, sink);
        timeouts(places, server, block, sink);
        weights(places, server, block, sink);
        real_servers(places, server, block, sink);
        wrong_protocol(places, server, block, sink);
        if !self.virtual_addresses.is_empty() {
            unserved(server, block, &self.virtual_addresses, sink);
        }
    }
}

/// One hint a service.
fn unchecked(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let mut without = server.real_servers.iter().filter(|r| r.checkers.is_empty());
    let Some(first) = without.next() else { return };
    let place = places.real_server(block, first);
    // A checker that is not carried out yet was reported already.
    if place.is_some_and(|p| p.body.as_ref().is_some_and(|b| b.statements.iter().any(|s| s.body.is_some()))) {
        return;
    }
    let others = match without.count() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let message =
        format!("real server {}{others} has no checker: it gets clients even when it is down", first.address);
    let diagnostic = Diagnostic::new(&codes::LINT_UNCHECKED, place.map_or(block.span, |p| p.span), message);
    sink.push(diagnostic.help("add a TCP_CHECK at least"));
}

fn delay_loop(server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let mut checkers = server.real_servers.iter().flat_map(|r| &r.checkers);
    let slow = checkers.any(|c| c.schedule.delay_loop == DEFAULT_DELAY_LOOP);
    if slow && !says(block, "delay_loop") {
        let message =
            format!("virtual server {} has no delay_loop: checks run every 60 seconds", server.name);
        let help = "add `delay_loop 6`, or what a client can bear";
        sink.push(Diagnostic::new(&codes::LINT_DELAY_LOOP, block.span, message).help(help));
    }
}

/// Whether a block, or one within it, has this keyword.
fn says(block: &Statement, name: &'static str) -> bool {
    all(block, name).next().is_some() || body(block).iter().any(|inner| says(inner, name))
}

/// A quorum above the total weight is keepalived's own finding; one that equals it stands no failure.
fn quorum(server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let weights = server.real_servers.iter().map(|r| u64::from(r.weight));
    let weighty = weights.clone().filter(|w| *w > 0).count();
    if weighty > 1 && u64::from(server.quorum) == weights.sum::<u64>() {
        let message = format!(
            "virtual server {}: quorum {} is the weight of all real servers: it is lost with the first that fails",
            server.name, server.quorum
        );
        sink.push(Diagnostic::new(&codes::LINT_QUORUM, span(block, "quorum"), message));
    }
}

fn sorry_server(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let Some(sorry) = &server.sorry_server else { return };
    let Some(real) = server.real_servers.iter().find(|r| r.address == sorry.address) else { return };
    let message = format!("the sorry server {} is a real server of the same service", sorry.address);
    let place: Span = span(block, "sorry_server");
    let mut diagnostic = Diagnostic::new(&codes::LINT_SORRY, place, message);
    if let Some(real) = places.real_server(block, real) {
        diagnostic = diagnostic.also(real.span, "this one");
    }
    sink.push(diagnostic.help("name a server that is up when all real servers are down"));
}

/// Said once: it is about the machines around, not about one service.
fn nat(server: &VirtualServer, block: &Statement, is_known: &mut bool, sink: &mut Sink) {
    if *is_known || !server.real_servers.iter().any(|r| r.forward == Forward::Masq) {
        return;
    }
    *is_known = true;
    let message =
        format!("virtual server {} uses NAT: answers must come back through this director", server.name);
    let help = "make it the real servers' default gateway, and set net.ipv4.ip_forward (IPv6: \
                net.ipv6.conf.all.forwarding) to 1; clients in the servers' own network need more than that";
    sink.push(Diagnostic::new(&codes::LINT_NAT, span(block, "lvs_method"), message).help(help));
}

fn persistence(server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    if server.persistence_timeout >= LONG_PERSISTENCE {
        let message = format!(
            "virtual server {} remembers each client for {} hours",
            server.name,
            server.persistence_timeout / 3600
        );
        let help =
            "clients stay at a server for so long, however loaded it is; a few minutes are usual (360 s)";
        let place = span(block, "persistence_timeout");
        sink.push(Diagnostic::new(&codes::LINT_PERSISTENCE, place, message).help(help));
    }
}

/// One hint a service: a check that outlasts the time to the next one.
fn timeouts(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let slow = server.real_servers.iter().find_map(|real| {
        let slow = |c: &&crate::check::config::Checker| c.connect.timeout > c.schedule.delay_loop;
        Some((real, real.checkers.iter().find(slow)?))
    });
    let Some((real, checker)) = slow else { return };
    let inner = places.real_server(block, real).unwrap_or(block);
    let checks = body(inner).iter().find_map(|s| all(s, "connect_timeout").last());
    let place = checks.map_or(inner.span, |s| s.span);
    let message = format!(
        "a check of real server {} may wait {} s for an answer, and should run every {} s",
        real.address,
        checker.connect.timeout.as_secs_f64(),
        checker.schedule.delay_loop.as_secs_f64()
    );
    let help = "give it a connect_timeout of at most delay_loop";
    sink.push(Diagnostic::new(&codes::LINT_TIMEOUT, place, message).help(help));
}

fn weights(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let place = |real| places.real_server(block, real).map_or(block.span, |b| span(b, "weight"));
    let mut idle = server.real_servers.iter().filter(|r| r.weight == 0);
    if let Some(first) = idle.next() {
        let others = match idle.count() {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        let message = format!("real server {}{others} has weight 0: it gets no new clients", first.address);
        let help = "it stays so for ever; give it a weight, or remove it once its connections are done";
        sink.push(Diagnostic::new(&codes::LINT_WEIGHT_ZERO, place(first), message).help(help));
    }
    let mut weights = server.real_servers.iter().filter(|r| r.weight > 0);
    let Some(first) = weights.next() else { return };
    if let Some(other) = weights.find(|r| r.weight != first.weight)
        && WITHOUT_WEIGHTS.contains(&server.scheduler.as_str())
    {
        let message = format!(
            "virtual server {}: scheduler {} passes over weights, and they differ ({} and {})",
            server.name, server.scheduler, first.weight, other.weight
        );
        let help = match server.scheduler.as_str() {
            "rr" => "`lvs_sched wrr` heeds them",
            "lc" => "`lvs_sched wlc` heeds them",
            _ => "`lvs_sched sh` heeds them",
        };
        sink.push(Diagnostic::new(&codes::LINT_WEIGHTS, span(block, "lvs_sched"), message).help(help));
    }
}

fn real_servers(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let own: HashSet<IpAddr> = server.endpoints.iter().filter_map(|e| address(*e)).collect();
    if let Some(real) = server.real_servers.iter().find(|r| own.contains(&r.address.ip())) {
        let place = places.real_server(block, real).map_or(block.span, |b| b.span);
        let message = format!("real server {} is the virtual server's own address", real.address);
        let help = "name the address that the server has by itself, also where it is this machine";
        sink.push(Diagnostic::new(&codes::LINT_LOOP, place, message).help(help));
    }
    for inner in all(block, "real_server") {
        let port = places.words(inner).get(2).and_then(|w| w.text.parse::<u16>().ok()).filter(|p| *p > 0);
        let checks = all(inner, "TCP_CHECK").filter_map(|check| value(places, check, "connect_port"));
        let Some(word) = checks.last() else { continue };
        if let (Some(port), Ok(checked)) = (port, word.text.parse::<u16>())
            && port != checked
        {
            let message = format!("clients go to port {port} of this server, and port {checked} is checked");
            let help = "leave connect_port out, unless another port tells better whether the service works";
            sink.push(Diagnostic::new(&codes::LINT_OTHER_PORT, word.span, message).help(help));
        }
    }
}

/// Checks that speak another protocol than what they ask: one hint of each kind a service.
fn wrong_protocol(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let checkers = server.real_servers.iter().flat_map(|r| r.checkers.iter().map(move |c| (r, c)));
    let tls = |probe: &Probe| if let Probe::Http(http) = probe { Some(http.tls.is_some()) } else { None };
    let wrong = checkers.clone().find_map(|(real, checker)| match (tls(&checker.probe), checker.to.port()) {
        (Some(false), 443) => Some((real, "HTTP_GET", "SSL_GET", 443)),
        (Some(true), 80) => Some((real, "SSL_GET", "HTTP_GET", 80)),
        _ => None,
    });
    if let Some((real, here, other, port)) = wrong {
        let inner = places.real_server(block, real).unwrap_or(block);
        let message = format!("{here} asks port {port} of real server {}", real.address);
        let help = format!("`{other}` is for that port");
        sink.push(Diagnostic::new(&codes::LINT_TLS_PORT, span(inner, here), message).help(help));
    }
    let by_tcp =
        |p: &Probe| matches!(p, Probe::Tcp | Probe::Http(_) | Probe::Smtp { .. }) || p.service().is_some();
    let marks = server.endpoints.iter().all(|e| matches!(e, Endpoint::Fwmark { .. }));
    if server.protocol == Protocol::Udp && !marks && checkers.clone().all(|(_, c)| by_tcp(&c.probe)) {
        let Some((real, _)) = checkers.clone().next() else { return };
        let inner = places.real_server(block, real).unwrap_or(block);
        let check = body(inner).iter().find(|s| s.body.is_some()).map_or(inner.span, |s| s.span);
        let message = format!("virtual server {} is for UDP, and checked by TCP", server.name);
        let help = "write a UDP_CHECK, or for name servers a DNS_CHECK";
        sink.push(Diagnostic::new(&codes::LINT_UDP_BY_TCP, check, message).help(help));
    }
}

fn address(endpoint: Endpoint) -> Option<IpAddr> {
    match endpoint {
        Endpoint::Address(address) => Some(address.ip()),
        Endpoint::Fwmark { .. } => None,
    }
}

/// A service at an address of no vrrp_instance: both directors of a pair would have the address, or neither.
fn unserved(server: &VirtualServer, block: &Statement, known: &HashSet<IpAddr>, sink: &mut Sink) {
    let mut foreign = server
        .endpoints
        .iter()
        .filter_map(|e| address(*e))
        .filter(|a| !known.contains(a) && !a.is_unspecified());
    if let Some(first) = foreign.next() {
        let others = match foreign.count() {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        let message = format!("{first}{others} is not among the virtual addresses of any vrrp_instance");
        let help = "add it to one, unless something else brings it to the active director";
        sink.push(Diagnostic::new(&codes::LINT_UNSERVED, block.span, message).help(help));
    }
}
