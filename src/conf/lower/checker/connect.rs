//! What all checks have in common: their timings, where they connect to, and from where.

use super::{Defaults, Outer, Timing};
use crate::check::config::{Checker, Connect, Probe};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lower::global::set;
use crate::conf::lower::{Lower, body, end_of};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The default of `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings of every check; what it leaves open waits for the real server's own.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) timing: Timing,
    alpha: Option<bool>,
    log_all_failures: bool,
    /// The real server's address.
    server: IpAddr,
    connect_ip: Option<(IpAddr, Span)>,
    connect_port: Option<u16>,
    bind_address: Option<(IpAddr, Span)>,
    bind_port: Option<u16>,
    bind_if: Option<Box<str>>,
    fwmark: u32,
    half_open: bool,
}

impl Common {
    pub(super) fn new(server: IpAddr) -> Common {
        Common {
            timing: Timing::default(),
            alpha: None,
            log_all_failures: false,
            server,
            connect_ip: None,
            connect_port: None,
            bind_address: None,
            bind_port: None,
            bind_if: None,
            fwmark: 0,
            half_open: false,
        }
    }

    /// The real server's address.
    pub(super) fn server(&self) -> IpAddr {
        self.server
    }

    /// Reads a block that has no settings but these.
    pub(super) fn only(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        for statement in body(statement) {
            if let Some(keyword) = statement.keyword {
                self.statement(cx, keyword.canonical(), statement);
            }
        }
    }

    /// Takes a statement that every check may have; `false` if it is another one.
    pub(super) fn statement(&mut self, cx: &mut Lower<'_, '_>, name: &str, statement: &Statement) -> bool {
        if self.timing.statement(cx, name, statement) {
            return true;
        }
        match name {
            "alpha" => self.alpha = cx.flag(statement).or(self.alpha),
            "log_all_failures" => set(&mut self.log_all_failures, cx.flag(statement)),
            "connect_ip" => {
                let address = cx.address(statement).filter(|a| fits(cx, statement, *a, self.bind_address));
                self.connect_ip = address.map(|a| (a, statement.span)).or(self.connect_ip);
            }
            "bindto" => {
                let connect_ip = self.connect_ip.unwrap_or((self.server, statement.span));
                let address = cx.address(statement).filter(|a| fits(cx, statement, *a, Some(connect_ip)));
                self.bind_address = address.map(|a| (a, statement.span)).or(self.bind_address);
            }
            "connect_port" => {
                self.connect_port = cx.integer(statement).map(|n| n as u16).or(self.connect_port);
            }
            "bind_port" => self.bind_port = cx.integer(statement).map(|n| n as u16).or(self.bind_port),
            "bind_if" => {
                if let Some(word) = cx.interface(statement) {
                    self.bind_if = Some(word.text.as_ref().into());
                }
            }
            "fwmark" => set(&mut self.fwmark, cx.u32(statement)),
            "half_open" => set(&mut self.half_open, cx.flag(statement)),
            _ => return false,
        }
        true
    }

    /// Whether any setting of the connection is given.
    pub(super) fn says_where(&self) -> bool {
        self.connect_ip.is_some()
            || self.connect_port.is_some()
            || self.bind_address.is_some()
            || self.bind_port.is_some()
            || self.bind_if.is_some()
            || self.fwmark != 0
            || self.timing.connect_timeout.is_some()
    }

    /// An IPv6 link-local address needs `bind_if`; without it keepalived leaves the check out.
    pub(super) fn reaches_link_local(&self, cx: &mut Lower<'_, '_>, block: &Statement) -> bool {
        let (to, at) = self.connect_ip.unwrap_or((self.server, block.span));
        let link_local = matches!(to, IpAddr::V6(a) if a.is_unicast_link_local());
        if link_local && self.bind_if.is_none() {
            let message = format!("link-local address {to} needs `bind_if`: the check is left out");
            let diagnostic = Diagnostic::new(&codes::INCOMPLETE, end_of(block), message);
            cx.sink.push(diagnostic.also(at, "of this").help("add `bind_if` with the interface's name"));
            return false;
        }
        true
    }

    /// What this leaves open of its timings and of its reports, `outer` decides, but not where to connect to.
    pub(super) fn takes_schedule_from(&mut self, outer: &Common) {
        let timing = Timing { connect_timeout: None, ..outer.timing };
        self.timing = self.timing.within(timing);
        self.alpha = self.alpha.or(outer.alpha);
        self.log_all_failures |= outer.log_all_failures;
    }

    /// With what the real server decides.
    pub(super) fn checker(self, outer: Outer<'_>, defaults: Defaults, probe: Probe) -> Checker {
        let timing = self.timing.within(outer.timing);
        let to = SocketAddr::new(
            self.connect_ip.map_or(outer.server.ip(), |(a, _)| a),
            self.connect_port.unwrap_or(outer.server.port()),
        );
        let connect = Connect {
            bind_address: self.bind_address.map(|(a, _)| a),
            bind_port: self.bind_port,
            bind_if: self.bind_if,
            timeout: timing.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            fwmark: self.fwmark,
            half_open: self.half_open,
        };
        let alpha = self.alpha.unwrap_or(outer.alpha);
        Checker { to, schedule: timing.schedule(defaults, alpha, self.log_all_failures), connect, probe }
    }
}

/// `connect_ip`, or the real server's address, and `bindto` must be of one family.
fn fits(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    address: IpAddr,
    other: Option<(IpAddr, Span)>,
) -> bool {
    let Some((other, at)) = other else { return true };
    if Family::of(address) == Family::of(other) {
        return true;
    }
    let message = format!("address families differ: {address} and {other}; this line is passed over");
    let mut diagnostic = Diagnostic::new(&codes::BAD_ADDRESS, statement.span, message);
    if at != statement.span {
        diagnostic = diagnostic.also(at, "the other one");
    }
    cx.sink.push(diagnostic);
    false
}
