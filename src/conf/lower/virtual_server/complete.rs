//! The checks across a whole `virtual_server` block, as keepalived does them, and its defaults.

use super::super::Lower;
use super::super::real_server::Defaults;
use super::{Block, PERSISTENCE_TIMEOUT, Service};
use crate::check::config::{Endpoint, RealServer, SorryServer, VirtualServer};
use crate::conf::diagnostic::{Code, Diagnostic, KeepalivedLine, codes};
use crate::conf::source::Span;
use crate::ipvs::model::{Forward, Protocol, ServiceFlags};
use crate::net::Family;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

impl Block<'_> {
    /// keepalived's name of it; `number` tells the blocks of one group apart.
    fn name(&self, protocol: Protocol, number: u32) -> String {
        match &self.service {
            Service::Address(address) => {
                let protocol = match protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                    Protocol::Sctp => "sctp",
                };
                format!("[{}]:{protocol}:{}", address.ip(), address.port())
            }
            Service::Fwmark(mark) => format!("FWM {mark}"),
            Service::Group(name, _) => format!("[{name}]:{number}"),
        }
    }

    fn report(&self, cx: &mut Lower<'_, '_>, code: &'static Code, at: Option<Span>, message: String) {
        cx.report(code, at.unwrap_or(self.span), message);
    }

    fn by_address(&self) -> bool {
        match &self.service {
            Service::Address(_) => true,
            Service::Fwmark(_) => false,
            Service::Group(_, group) => !group.addresses.is_empty(),
        }
    }

    /// keepalived's checks across the block, in its order; `None` if nothing is left to run.
    /// `smtp_alert` is what `global_defs` says of mails, `marks_groups` that `nftables_ipvs` is used; `blocks_of_group` counts the blocks of each group.
    pub(super) fn finish(
        mut self,
        cx: &mut Lower<'_, '_>,
        smtp_alert: Option<bool>,
        marks_groups: bool,
        blocks_of_group: &mut HashMap<String, u32>,
    ) -> Option<VirtualServer> {
        let number = match &self.service {
            Service::Group(name, _) => blocks_of_group.get(name).copied().unwrap_or(0),
            _ => 0,
        };
        let name = self.name(self.protocol.map_or(Protocol::Udp, |(p, _)| p), number);
        if self.servers.is_empty() {
            let message = format!("virtual server {name} has no real servers; it is left out");
            self.report(cx, &codes::NO_REAL_SERVER, None, message);
            return None;
        }
        self.check_sorry_family(cx);
        if !self.group_fits(cx, &name) {
            return None;
        }
        if let Service::Group(name, _) = &self.service {
            blocks_of_group.insert(name.clone(), number + 1);
        }
        let family = self.family.unwrap_or_else(|| self.tunnelled_family());
        self.check_suspension(cx, &name);
        let protocol = self.protocol(cx, &name);
        self.flags(cx, protocol);
        self.port_zero(cx, &name);
        if self.scheduler.is_none() {
            self.report(
                cx,
                &codes::NO_SCHEDULER,
                None,
                format!("virtual server {name}: no scheduler; wlc is taken"),
            );
        }
        self.drop_duplicates(cx, &name);
        let forward = self.method(cx, &name);
        self.check_sorry_inhibition(cx, &name);
        self.ports(cx, forward);
        let persistence_granularity =
            self.persistence_granularity.filter(|(_, of)| *of == family).map(|(mask, _)| mask);
        let endpoints = match &self.service {
            Service::Address(address) => vec![Endpoint::Address(*address)],
            Service::Fwmark(mark) => vec![Endpoint::Fwmark { mark: *mark, family }],
            Service::Group(_, group) => group.endpoints(family),
        };
        let defaults = Defaults {
            forward,
            weight: self.weight,
            inhibit: self.inhibit,
            alpha: self.alpha,
            timing: self.timing,
            transition: self.transition,
            virtual_host: self.virtual_host.as_deref(),
            // Only here keepalived's default is yes.
            smtp_alert: smtp_alert.unwrap_or(true),
        };
        let servers = std::mem::take(&mut self.servers);
        let mut real_servers: Vec<RealServer> = servers.into_iter().map(|s| s.finish(cx, defaults)).collect();
        // `collect` keeps the room of the drafts, which are many times larger.
        real_servers.shrink_to_fit();
        let (quorum, hysteresis) = self.quorum(cx, &name, &real_servers);
        let sorry_server = self.sorry.take().map(|s| SorryServer {
            address: s.address,
            forward: s.forward.unwrap_or(forward),
            inhibit: s.inhibit,
        });
        Some(VirtualServer {
            name,
            by_mark: marks_groups && matches!(self.service, Service::Group(..)) && self.by_address(),
            marked: Vec::new(),
            endpoints,
            protocol,
            scheduler: self.scheduler.unwrap_or("wlc").to_owned(),
            flags: self.flags,
            persistence_timeout: self.persistence_timeout,
            persistence_granularity,
            persistence_engine: self.persistence_engine,
            quorum,
            hysteresis,
            alpha: self.alpha,
            omega: self.omega,
            ha_suspend: self.ha_suspend.is_some(),
            quorum_up: self.quorum_up,
            quorum_down: self.quorum_down,
            smtp_alert: self.smtp_alert.or(smtp_alert).unwrap_or(false),
            snmp_name: self.snmp_name,
            is_tracked: false,
            sorry_server,
            real_servers,
        })
    }

    /// With tunnels only, their common family, else IPv4.
    fn tunnelled_family(&self) -> Family {
        let mut families = self.servers.iter().map(|s| Family::of(s.address.ip()));
        let first = families.next().unwrap_or(Family::V4);
        if families.all(|f| f == first) { first } else { Family::V4 }
    }

    fn check_sorry_family(&mut self, cx: &mut Lower<'_, '_>) {
        let Some(sorry) = &self.sorry else { return };
        let family = Family::of(sorry.address.ip());
        let tunnelled = matches!(sorry.forward, Some(Forward::Tunnel(_)));
        if tunnelled {
            return;
        }
        if *self.family.get_or_insert(family) != family {
            let message =
                "the sorry server is of another address family than the virtual server; it is left out";
            let diagnostic = Diagnostic::new(&codes::SERVER_FAMILY, self.end, message);
            cx.sink.push(diagnostic.also(sorry.span, "this sorry server"));
            self.sorry = None;
        }
    }

    /// Whether the addresses of the group are of the family that the servers have; it settles an open family.
    fn group_fits(&mut self, cx: &mut Lower<'_, '_>, name: &str) -> bool {
        let Service::Group(_, group) = &self.service else { return true };
        let (v4, v6) = (group.has(Family::V4), group.has(Family::V6));
        let wrong = match self.family {
            Some(_) if v4 && v6 => "holds IPv4 and IPv6, and not all servers are reached by tunnels",
            Some(Family::V6) if v4 => "holds IPv4, and the servers are IPv6",
            Some(Family::V4) if v6 => "holds IPv6, and the servers are IPv4",
            Some(_) => return true,
            None => {
                self.family = if v4 == v6 {
                    None
                } else if v4 {
                    Some(Family::V4)
                } else {
                    Some(Family::V6)
                };
                return true;
            }
        };
        let message = format!("virtual server {name} is left out: its group {wrong}");
        let diagnostic = Diagnostic::new(&codes::GROUP_FAMILY, self.span, message);
        cx.sink.push(diagnostic.also(group.named_at, "this group"));
        false
    }

    /// Only addresses can be missing on this machine.
    fn check_suspension(&mut self, cx: &mut Lower<'_, '_>, name: &str) {
        let marked = match &self.service {
            Service::Address(_) => false,
            Service::Fwmark(_) => true,
            Service::Group(_, group) => !group.marks.is_empty(),
        };
        if let (Some(span), true) = (self.ha_suspend, marked) {
            let message = format!("virtual server {name}: `ha_suspend` has no effect on firewall marks");
            cx.report(&codes::HA_SUSPEND, span, message);
            self.ha_suspend = None;
        }
    }

    fn protocol(&self, cx: &mut Lower<'_, '_>, name: &str) -> Protocol {
        match (self.protocol, self.by_address()) {
            (Some((protocol, _)), true) => protocol,
            (None, true) => {
                let message = format!("virtual server {name}: no protocol set; UDP is taken");
                let diagnostic = Diagnostic::new(&codes::NO_PROTOCOL, self.span, message);
                cx.sink.push(diagnostic.help("add `protocol TCP`, or `protocol UDP`"));
                Protocol::Udp
            }
            (Some((protocol, span)), false) => {
                let message =
                    format!("virtual server {name}: a firewall mark has no protocol; this has no effect");
                cx.report(&codes::PROTOCOL_IGNORED, span, message);
                protocol
            }
            (None, false) => Protocol::Tcp,
        }
    }

    fn flags(&mut self, cx: &mut Lower<'_, '_>, protocol: Protocol) {
        for (scheduler, span) in std::mem::take(&mut self.lost_flags) {
            let message = format!("only scheduler {scheduler} knows this flag; it has no effect");
            let mut diagnostic = Diagnostic::new(&codes::SCHEDULER_FLAG, span, message);
            if self.scheduler == Some(scheduler) {
                diagnostic = diagnostic.help(format!("write it below `lvs_sched {scheduler}`"));
            }
            cx.sink.push(diagnostic);
        }
        if let Some(span) = self.ops {
            if self.by_address() && protocol != Protocol::Udp {
                let message = "one packet scheduling needs protocol UDP; `ops` has no effect";
                let diagnostic = Diagnostic::new(&codes::SCHEDULER_FLAG, span, message);
                cx.sink.push(diagnostic.keepalived_line(KeepalivedLine::Nowhere));
            } else {
                self.flags |= ServiceFlags::ONE_PACKET;
            }
        }
    }

    fn port_zero(&mut self, cx: &mut Lower<'_, '_>, name: &str) {
        let has_zero = match &self.service {
            Service::Address(address) => address.port() == 0,
            Service::Fwmark(_) => false,
            Service::Group(_, group) => group.addresses.iter().any(|a| a.port() == 0),
        };
        if has_zero && self.persistence_timeout == 0 {
            let message =
                format!("virtual server {name}: every port needs persistence; 360 seconds are taken");
            self.report(cx, &codes::PORT_ZERO, None, message);
            self.persistence_timeout = PERSISTENCE_TIMEOUT;
        }
    }

    fn drop_duplicates(&mut self, cx: &mut Lower<'_, '_>, name: &str) {
        let mut first_at: HashMap<SocketAddr, Span> = HashMap::with_capacity(self.servers.len());
        self.servers.retain(|server| {
            let Some(first) = first_at.get(&server.address) else {
                first_at.insert(server.address, server.span);
                return true;
            };
            let message = format!("virtual server {name}: real server {} is listed twice", server.address);
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_REAL_SERVER, server.span, message);
            cx.sink.push(diagnostic.also(*first, "first listed here").label("this one is left out"));
            false
        });
    }

    fn method(&self, cx: &mut Lower<'_, '_>, name: &str) -> Forward {
        let sorry_needs_it = self.sorry.as_ref().is_some_and(|s| s.forward.is_none());
        let needed = sorry_needs_it || self.servers.iter().any(|s| s.forward.is_none());
        if self.forward.is_none() && needed {
            let message = format!("virtual server {name}: no forwarding method; NAT is taken");
            let diagnostic = Diagnostic::new(&codes::NO_METHOD, self.span, message);
            cx.sink.push(diagnostic.help("add `lvs_method NAT`, `lvs_method DR` or `lvs_method TUN`"));
        }
        self.forward.unwrap_or(Forward::Masq)
    }

    /// Only NAT rewrites ports: with the other methods, the kernel has a real server at the service's port. Checks go
    /// to the port that the real server names all the same; where it names none, to the only one of the service.
    fn ports(&mut self, cx: &mut Lower<'_, '_>, method: Forward) {
        let only = self.only_port();
        for server in self.servers.iter_mut().filter(|s| s.checked.port() == 0) {
            server.checked.set_port(only);
        }
        let sorry = self.sorry.as_mut().map(|s| (&mut s.address, s.forward, s.span, false));
        let servers = self.servers.iter_mut();
        let servers = servers.map(|s| {
            let is_checked = s.has_checks();
            (&mut s.address, s.forward, s.span, is_checked)
        });
        for (address, forward, span, is_checked) in servers.chain(sorry) {
            let nat = forward.unwrap_or(method) == Forward::Masq;
            let port = address.port();
            match &self.service {
                Service::Address(service) if port == 0 => address.set_port(service.port()),
                Service::Address(service) if !nat && port != service.port() => {
                    let checks = if is_checked { "; checks go to the server's own" } else { "" };
                    let message = format!(
                        "port {port} differs from the service's; {} is taken{checks}",
                        service.port()
                    );
                    let help = "only `lvs_method NAT` can translate ports";
                    cx.sink.push(Diagnostic::new(&codes::PORT_MISMATCH, span, message).help(help));
                    address.set_port(service.port());
                }
                Service::Fwmark(_) if !nat && port != 0 => {
                    let message = if is_checked {
                        format!(
                            "a service by firewall mark keeps the port of each packet; only checks go to {port}"
                        )
                    } else {
                        "a service by firewall mark keeps the port of each packet; this one has no effect"
                            .into()
                    };
                    cx.report(&codes::PORT_MISMATCH, span, message);
                    address.set_port(0);
                }
                Service::Group(_, group) if !nat && port != 0 => {
                    let other = group.addresses.iter().any(|a| a.port() != port);
                    if other || !group.marks.is_empty() {
                        let message = format!("port {port} differs from one of the group's services");
                        let help = "only `lvs_method NAT` can translate ports";
                        cx.sink.push(Diagnostic::new(&codes::PORT_MISMATCH, span, message).help(help));
                    }
                }
                _ => {}
            }
        }
        self.one_destination(cx, method);
    }

    /// Servers that are two to their checks, and one to the kernel.
    fn one_destination(&self, cx: &mut Lower<'_, '_>, method: Forward) {
        let mut first_at: HashMap<IpAddr, Span> = HashMap::with_capacity(self.servers.len());
        for server in self.servers.iter().filter(|s| s.forward.unwrap_or(method) != Forward::Masq) {
            let Some(first) = first_at.get(&server.address.ip()) else {
                first_at.insert(server.address.ip(), server.span);
                continue;
            };
            let message = format!(
                "real server {} is there twice: the kernel has one entry for both, with the weight of the first one that is up",
                server.address
            );
            let diagnostic = Diagnostic::new(&codes::PORT_MISMATCH, server.span, message);
            let help =
                "write one real server with two checks, or use `lvs_method NAT`, which can translate ports";
            let diagnostic = diagnostic.also(*first, "the same one").help(help);
            cx.sink.push(diagnostic.keepalived_line(KeepalivedLine::Nowhere));
        }
    }

    /// The port of the service; 0 where it has none, or several.
    fn only_port(&self) -> u16 {
        match &self.service {
            Service::Address(address) => address.port(),
            Service::Fwmark(_) => 0,
            Service::Group(_, group) => {
                let mut ports = group.addresses.iter().map(SocketAddr::port);
                let first = ports.next().unwrap_or(0);
                if ports.all(|port| port == first) { first } else { 0 }
            }
        }
    }

    /// A sorry server that does work besides has one entry in the kernel: its block decides what a failure means.
    fn check_sorry_inhibition(&mut self, cx: &mut Lower<'_, '_>, name: &str) {
        let Some(sorry) = &mut self.sorry else { return };
        let Some(twin) = self.servers.iter().find(|s| s.address == sorry.address) else { return };
        let inhibit = twin.inhibit.unwrap_or(self.inhibit);
        if inhibit != sorry.inhibit {
            let holds = if inhibit { "inhibited" } else { "removed" };
            let message = format!(
                "virtual server {name}: the sorry server is a real server too, which is {holds} on failure; so is this"
            );
            cx.report(&codes::SORRY_IS_REAL, sorry.span, message);
            sorry.inhibit = inhibit;
        }
    }

    fn quorum(&self, cx: &mut Lower<'_, '_>, name: &str, servers: &[RealServer]) -> (u32, u32) {
        let total = servers.iter().fold(0_u32, |sum, s| sum.saturating_add(s.weight));
        let (mut quorum, at) = self.quorum;
        if quorum > total {
            let message = format!(
                "virtual server {name}: quorum {quorum} exceeds the total weight {total}, which is taken"
            );
            self.report(cx, &codes::QUORUM, at, message);
            quorum = total;
        }
        let (mut hysteresis, at) = self.hysteresis;
        if hysteresis >= quorum && hysteresis > 0 {
            let most = quorum.saturating_sub(1);
            let message = format!(
                "virtual server {name}: hysteresis {hysteresis} is not below quorum {quorum}; {most} is taken"
            );
            self.report(cx, &codes::QUORUM, at, message);
            hysteresis = most;
        }
        (quorum, hysteresis)
    }
}
