//! `virtual_server`: the service, its real servers, and what both must agree on.

mod complete;

use super::checker::{Scope, Timing};
use super::global::set;
use super::group::Group;
use super::iproute::mask_length;
use super::notify::Named;
use super::real_server::{self, Draft, method, snmp_name};
use super::trackable::Trackable;
use super::{Lower, body, end_of, transition};
use crate::check::config::{Config, Endpoint, VirtualServer};
use crate::command::Command;
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::ipvs::model::{Forward, Netmask, Protocol, ServiceFlags};
use crate::net::{Family, aton};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

/// `IPVS_SVC_PERSISTENT_TIMEOUT`: what `persistence_timeout` means without a number.
const PERSISTENCE_TIMEOUT: u32 = 360;

/// The longest name of a persistence engine (`IP_VS_PENAME_MAXLEN` without its NUL).
const MAX_ENGINE_NAME: usize = 15;

/// Reads every `virtual_server` block. Of each service that is left, the place of its block in the file.
pub(super) fn lower(
    cx: &mut Lower<'_, '_>,
    groups: &HashMap<String, Group>,
    trackable: &Trackable,
    marks_groups: bool,
    config: &mut Config,
) -> Vec<usize> {
    let mut reader = Reader {
        groups,
        trackable,
        smtp_alert: config.settings.smtp_alert,
        marks_groups,
        defined_at: HashMap::new(),
        blocks_of_group: HashMap::new(),
    };
    let mut places = Vec::new();
    let mut blocks = cx.blocks();
    for (place, statement) in cx.top_level_places("virtual_server") {
        cx.with_block(&mut blocks, statement, |cx, statement| {
            if let Some(server) = reader.server(cx, place, statement) {
                config.virtual_servers.push(server);
                places.push(place);
            }
        });
    }
    config.virtual_servers.shrink_to_fit();
    places
}

/// What all services are read with.
struct Reader<'a> {
    groups: &'a HashMap<String, Group>,
    trackable: &'a Trackable,
    /// What `global_defs` says of mails.
    smtp_alert: Option<bool>,
    /// `nftables_ipvs`
    marks_groups: bool,
    /// Where each service was defined first.
    defined_at: HashMap<(Option<Protocol>, Endpoint), Span>,
    blocks_of_group: HashMap<String, u32>,
}

impl Reader<'_> {
    fn server(
        &mut self,
        cx: &mut Lower<'_, '_>,
        place: usize,
        statement: &Statement,
    ) -> Option<VirtualServer> {
        let service = service(cx, statement, self.groups)?;
        let mut block = Block::new(service, statement, Scope { trackable: self.trackable, place });
        for statement in body(statement) {
            block.statement(cx, statement);
        }
        let server = block.finish(cx, self.smtp_alert, self.marks_groups, &mut self.blocks_of_group)?;
        let first = server.endpoints.iter().find_map(|e| {
            match self.defined_at.insert(identity(&server, e), statement.span) {
                Some(first) if first != statement.span => Some((e, first)),
                _ => None,
            }
        });
        if let Some((entry, first)) = first {
            let message = match server.endpoints.len() - 1 {
                0 => format!("virtual server {} is already defined; this one is left out", server.name),
                others => format!(
                    "virtual server {}: its entry {} is already defined; this one is left out, with its {others} \
                     other entries",
                    server.name,
                    entry.key(server.protocol)
                ),
            };
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_VIRTUAL_SERVER, statement.span, message)
                .also(first, "first defined here");
            cx.sink.push(match server.endpoints.len() {
                1 => diagnostic,
                _ => diagnostic.help("take the entry out of one of the two: what they say of it may differ"),
            });
            return None;
        }
        Some(server)
    }
}

fn identity(server: &VirtualServer, endpoint: &Endpoint) -> (Option<Protocol>, Endpoint) {
    let protocol = matches!(endpoint, Endpoint::Address(_)).then_some(server.protocol);
    (protocol, *endpoint)
}

/// What the block's own line says.
#[derive(Debug)]
enum Service<'g> {
    Address(SocketAddr),
    Fwmark(u32),
    Group(String, &'g Group),
}

fn service<'g>(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    groups: &'g HashMap<String, Group>,
) -> Option<Service<'g>> {
    let words = cx.words(statement);
    let (first, second) = (words.get(1), words.get(2));
    let kind = first.map(|w| w.text.as_ref());
    if let (Some("group" | "fwmark"), None) | (None, _) = (kind, second) {
        let message = match kind {
            Some("group") => "`virtual_server group` needs the name of a virtual_server_group",
            Some(_) => "`virtual_server fwmark` needs a number",
            None => "`virtual_server` needs an address and a port, `fwmark N`, or `group NAME`",
        };
        cx.report(&codes::MISSING_ARGUMENT, statement.span, message);
        return None;
    }
    match (kind, second) {
        (Some("group"), Some(name)) => {
            if let Some(group) = groups.get(name.text.as_ref()) {
                if !group.is_usable {
                    return None;
                }
                return Some(Service::Group(name.text.to_string(), group));
            }
            let message = format!("virtual_server_group `{}` is not defined", name.text);
            let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_GROUP, name.span, message);
            if let Some(close) = did_you_mean(&name.text, groups.keys().map(String::as_str)) {
                diagnostic = diagnostic.did_you_mean(close);
            }
            cx.sink.push(diagnostic);
            None
        }
        (Some("fwmark"), Some(number)) => {
            cx.integer_word(number, 1, u64::from(u32::MAX)).map(|mark| Service::Fwmark(mark as u32))
        }
        _ => real_server::address(cx, statement, 1).map(Service::Address),
    }
}

#[derive(Debug)]
struct Sorry {
    address: SocketAddr,
    span: Span,
    forward: Option<Forward>,
    inhibit: bool,
}

#[derive(Debug)]
struct Block<'g> {
    service: Service<'g>,
    scope: Scope<'g>,
    span: Span,
    end: Span,
    family: Option<Family>,
    protocol: Option<(Protocol, Span)>,
    scheduler: Option<&'static str>,
    flags: ServiceFlags,
    /// Flags that had no effect where they stand, with the scheduler that they belong to.
    lost_flags: Vec<(&'static str, Span)>,
    ops: Option<Span>,
    persistence_timeout: u32,
    persistence_granularity: Option<(Netmask, Family)>,
    persistence_engine: Option<String>,
    quorum: (u32, Option<Span>),
    hysteresis: (u32, Option<Span>),
    alpha: bool,
    omega: bool,
    ha_suspend: Option<Span>,
    quorum_up: Option<Box<Command>>,
    quorum_down: Option<Box<Command>>,
    /// The commands that were named.
    named: Named,
    smtp_alert: Option<bool>,
    snmp_name: Option<Box<str>>,
    inhibit: bool,
    weight: u32,
    forward: Option<Forward>,
    timing: Timing,
    transition: transition::Draft,
    virtual_host: Option<Box<str>>,
    sorry: Option<Sorry>,
    servers: Vec<Draft>,
}

impl<'g> Block<'g> {
    fn new(service: Service<'g>, statement: &Statement, scope: Scope<'g>) -> Block<'g> {
        let family = match service {
            Service::Address(address) => Some(Family::of(address.ip())),
            Service::Fwmark(_) | Service::Group(..) => None,
        };
        Block {
            service,
            scope,
            span: statement.span,
            end: end_of(statement),
            family,
            protocol: None,
            scheduler: None,
            flags: ServiceFlags::empty(),
            lost_flags: Vec::new(),
            ops: None,
            persistence_timeout: 0,
            persistence_granularity: None,
            persistence_engine: None,
            quorum: (1, None),
            hysteresis: (0, None),
            alpha: false,
            omega: false,
            ha_suspend: None,
            quorum_up: None,
            quorum_down: None,
            named: Named::default(),
            smtp_alert: None,
            snmp_name: None,
            inhibit: false,
            weight: 1,
            forward: None,
            timing: Timing::default(),
            transition: transition::Draft::default(),
            virtual_host: None,
            sorry: None,
            servers: Vec::new(),
        }
    }

    fn statement(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(keyword) = statement.keyword else { return };
        let (name, span) = (keyword.canonical(), statement.span);
        if keyword.args.is_empty() {
            cx.no_more_arguments(statement);
        }
        if self.timing.statement(cx, name, statement) || self.transition.statement(cx, name, statement) {
            return;
        }
        match name {
            "ip_family" => self.ip_family(cx, statement),
            "lvs_sched" => self.scheduler = cx.choice(statement).or(self.scheduler),
            "lvs_method" => self.forward = method(cx, statement).or(self.forward),
            "persistence_timeout" => {
                let seconds = match cx.words(statement).get(1) {
                    None => Some(PERSISTENCE_TIMEOUT),
                    Some(word) if word.text == "0" => {
                        let message = "`0` is outside the range 1 to 2678400";
                        let diagnostic = Diagnostic::new(&codes::OUT_OF_RANGE, word.span, message);
                        cx.sink.push(diagnostic.help("remove the line: without it there is no persistence"));
                        None
                    }
                    Some(_) => cx.u32(statement),
                };
                set(&mut self.persistence_timeout, seconds);
            }
            "persistence_granularity" => self.granularity(cx, statement),
            "persistence_engine" => self.engine(cx, statement),
            "protocol" => {
                let protocol = match cx.choice(statement) {
                    Some("TCP") => Protocol::Tcp,
                    Some("UDP") => Protocol::Udp,
                    Some(_) => Protocol::Sctp,
                    None => return,
                };
                self.protocol = Some((protocol, span));
            }
            "virtualhost" => {
                if let Some(word) = cx.text(statement) {
                    self.virtual_host = Some(word.text.as_ref().into());
                }
            }
            "ops" => self.ops = Some(span),
            "flag-1" => self.flags |= ServiceFlags::SCHED1,
            "flag-2" => self.flags |= ServiceFlags::SCHED2,
            "flag-3" => self.flags |= ServiceFlags::SCHED3,
            "sh-fallback" => self.scheduler_flag(cx, "sh", ServiceFlags::SCHED1, statement),
            "sh-port" => self.scheduler_flag(cx, "sh", ServiceFlags::SCHED2, statement),
            "hashed" => self.scheduler_flag(cx, "sh", ServiceFlags::empty(), statement),
            "mh-fallback" => self.scheduler_flag(cx, "mh", ServiceFlags::SCHED1, statement),
            "mh-port" => self.scheduler_flag(cx, "mh", ServiceFlags::SCHED2, statement),
            "alpha" => self.alpha = true,
            "omega" => self.omega = true,
            "ha_suspend" => self.ha_suspend = Some(span),
            "quorum_up" => cx.first_command(statement, &mut self.quorum_up, &mut self.named),
            "quorum_down" => cx.first_command(statement, &mut self.quorum_down, &mut self.named),
            "smtp_alert" => self.smtp_alert = cx.flag(statement).or(self.smtp_alert),
            "snmp_name" => self.snmp_name = snmp_name(cx, statement).or(self.snmp_name.take()),
            "inhibit_on_failure" => self.inhibit = true,
            "quorum" => self.quorum = (cx.u32(statement).unwrap_or(1), Some(span)),
            "hysteresis" => self.hysteresis = (cx.u32(statement).unwrap_or(self.hysteresis.0), Some(span)),
            "weight" => set(&mut self.weight, cx.u32(statement)),
            "sorry_server" => {
                let address = real_server::address(cx, statement, 1);
                let forward = self.forward;
                self.sorry = address.map(|address| Sorry { address, span, forward, inhibit: false });
            }
            "sorry_server_inhibit" => match &mut self.sorry {
                Some(sorry) => sorry.inhibit = true,
                None => without_sorry_server(cx, statement),
            },
            "sorry_server_lvs_method" => {
                let forward = method(cx, statement);
                match &mut self.sorry {
                    Some(sorry) => sorry.forward = forward.or(sorry.forward),
                    None => without_sorry_server(cx, statement),
                }
            }
            "real_server" => {
                if let Some(server) = real_server::lower(cx, statement, self.scope) {
                    self.real_server(cx, server);
                }
            }
            _ => {}
        }
    }

    /// A flag of one scheduler, which must be named before it.
    fn scheduler_flag(
        &mut self,
        cx: &mut Lower<'_, '_>,
        scheduler: &'static str,
        flag: ServiceFlags,
        statement: &Statement,
    ) {
        cx.no_more_arguments(statement);
        if self.scheduler == Some(scheduler) {
            self.flags |= flag;
        } else {
            self.lost_flags.push((scheduler, statement.span));
        }
    }

    fn ip_family(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let family = match cx.choice(statement) {
            Some("inet") => Family::V4,
            Some(_) => Family::V6,
            None => return,
        };
        if self.family.is_some_and(|f| f != family) {
            let message = "this family conflicts with that of the service; it is passed over";
            cx.report(&codes::SERVER_FAMILY, statement.span, message);
            return;
        }
        self.family = Some(family);
    }

    fn granularity(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(word) = cx.words(statement).get(1) else {
            let message = "`persistence_granularity` needs a netmask (IPv4) or a prefix length (IPv6)";
            cx.report(&codes::MISSING_ARGUMENT, statement.span, message);
            return;
        };
        let guess = if word.text.contains('.') { Family::V4 } else { Family::V6 };
        let family = self.family.unwrap_or(guess);
        let mask = match family {
            Family::V6 => cx.integer_word(word, 1, 128).map(|n| Netmask::Prefix(n as u8)),
            Family::V4 => mask(cx, word).map(Netmask::Mask),
        };
        let Some(mask) = mask else { return };
        self.family = Some(family);
        self.persistence_granularity = Some((mask, family));
        if self.persistence_timeout == 0 {
            self.persistence_timeout = PERSISTENCE_TIMEOUT;
        }
    }

    fn engine(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(word) = cx.text(statement) else { return };
        let mut name = word.text.to_string();
        if name.len() > MAX_ENGINE_NAME {
            while name.len() > MAX_ENGINE_NAME {
                name.pop();
            }
            let message = format!("a name has at most {MAX_ENGINE_NAME} characters; `{name}` is taken");
            let diagnostic = Diagnostic::new(&codes::ADJUSTED, word.span, message);
            cx.sink.push(diagnostic.help("the kernel has one engine: `sip`"));
        }
        self.persistence_engine = Some(name);
    }

    /// Takes a real server of the right family; the first one settles it where nothing else did.
    fn real_server(&mut self, cx: &mut Lower<'_, '_>, server: Draft) {
        let family = Family::of(server.address.ip());
        let tunnelled = matches!(server.forward.or(self.forward), Some(Forward::Tunnel(_)));
        // A group may have both families; a tunnel carries either in either.
        if !tunnelled {
            match self.family {
                None => self.family = Some(family),
                Some(own) if own != family => {
                    let ip = server.address.ip();
                    let message = format!(
                        "real server {ip} is of another address family than the virtual server; it is left out"
                    );
                    let diagnostic = Diagnostic::new(&codes::SERVER_FAMILY, server.end, message);
                    cx.sink.push(diagnostic.also(server.span, "of this real server"));
                    return;
                }
                Some(_) => {}
            }
        }
        self.servers.push(server);
    }
}

/// The netmask of `persistence_granularity`: the kernel takes one with gaps, too.
fn mask(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<Ipv4Addr> {
    // keepalived has getaddrinfo(3) read it, which takes the short forms of inet_aton(3): a number alone, too.
    let Some(mask) = aton(&word.text).filter(|_| !word.text.contains(char::is_whitespace)) else {
        let message = format!("`{}` is not a netmask", word.text);
        let diagnostic = Diagnostic::new(&codes::BAD_PREFIX, word.span, message);
        cx.sink.push(diagnostic.label("expected a netmask as 255.255.255.0"));
        return None;
    };
    if word.text.bytes().all(|b| b.is_ascii_digit()) && mask_length(mask).is_none() {
        let message = format!("`{}` is the netmask {mask}", word.text);
        let mut diagnostic = Diagnostic::new(&codes::MASK_IS_NUMBER, word.span, message);
        if let Some(length) = word.text.parse().ok().filter(|n| *n <= Family::V4.bits())
            && let Netmask::Mask(meant) = Netmask::from_prefix(Family::V4, length)
        {
            diagnostic =
                diagnostic.help(format!("that of a /{length} is {meant}")).instead(meant.to_string());
        }
        cx.sink.push(diagnostic);
    } else if mask_length(mask).is_none() {
        let message = format!("the netmask {mask} has gaps");
        let diagnostic = Diagnostic::new(&codes::MASK_GAPS, word.span, message);
        cx.sink.push(diagnostic.help("write one as 255.255.255.0, unless this is meant"));
    }
    Some(mask)
}

fn without_sorry_server(cx: &mut Lower<'_, '_>, statement: &Statement) {
    let message = "there is no sorry_server before this; it has no effect";
    cx.report(&codes::SORRY_ORDER, statement.span, message);
}
