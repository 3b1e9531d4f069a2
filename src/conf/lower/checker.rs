//! The checks of a real server, and the schedule that virtual server, real server and check settle together.

use super::global::set;
use super::{Lower, body};
use crate::check::config::{Checker, Connect, Probe, Schedule};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What virtual server, real server and check can each say; what one leaves open the one around it decides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    delay_loop: Option<Duration>,
    retry: Option<u32>,
    delay_before_retry: Option<Duration>,
    warmup: Option<Duration>,
    connect_timeout: Option<Duration>,
}

impl Timing {
    /// Takes a statement that sets a timing; `false` if it is another one.
    pub(super) fn statement(&mut self, cx: &mut Lower<'_, '_>, name: &str, statement: &Statement) -> bool {
        match name {
            "delay_loop" => self.delay_loop = cx.timer(statement).or(self.delay_loop),
            "retry" => self.retry = cx.u32(statement).or(self.retry),
            "delay_before_retry" => {
                self.delay_before_retry = cx.timer(statement).or(self.delay_before_retry);
            }
            "warmup" => self.warmup = cx.timer(statement).or(self.warmup),
            "connect_timeout" => self.connect_timeout = cx.timer(statement).or(self.connect_timeout),
            _ => return false,
        }
        true
    }

    /// This, with `outer` deciding what it leaves open.
    pub(super) fn within(self, outer: Timing) -> Timing {
        Timing {
            delay_loop: self.delay_loop.or(outer.delay_loop),
            retry: self.retry.or(outer.retry),
            delay_before_retry: self.delay_before_retry.or(outer.delay_before_retry),
            warmup: self.warmup.or(outer.warmup),
            connect_timeout: self.connect_timeout.or(outer.connect_timeout),
        }
    }

    /// With the defaults of a check that connects.
    fn schedule(self, alpha: bool, log_all_failures: bool) -> Schedule {
        let delay_loop = self.delay_loop.unwrap_or(Duration::from_secs(60));
        Schedule {
            delay_loop,
            retry: self.retry.unwrap_or(1),
            delay_before_retry: self.delay_before_retry.unwrap_or(Duration::from_secs(1)),
            warmup: self.warmup.unwrap_or(delay_loop),
            alpha,
            log_all_failures,
        }
    }
}

/// A `TCP_CHECK` block; what it leaves open waits for the real server's own settings.
#[derive(Debug)]
pub(super) struct TcpCheck {
    timing: Timing,
    alpha: Option<bool>,
    log_all_failures: bool,
    connect_ip: Option<IpAddr>,
    connect_port: Option<u16>,
    bind_address: Option<(IpAddr, Span)>,
    bind_port: Option<u16>,
    fwmark: u32,
}

/// Reads a `TCP_CHECK` block.
pub(super) fn tcp_check(cx: &mut Lower<'_, '_>, statement: &Statement) -> TcpCheck {
    let mut check = TcpCheck {
        timing: Timing::default(),
        alpha: None,
        log_all_failures: false,
        connect_ip: None,
        connect_port: None,
        bind_address: None,
        bind_port: None,
        fwmark: 0,
    };
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        let name = keyword.canonical();
        if check.timing.statement(cx, name, statement) {
            continue;
        }
        match name {
            "alpha" => check.alpha = cx.flag(statement).or(check.alpha),
            "log_all_failures" => set(&mut check.log_all_failures, cx.flag(statement)),
            "connect_ip" => {
                let address = cx.address(statement).filter(|a| fits(cx, statement, *a, check.bind_address));
                check.connect_ip = address.or(check.connect_ip);
            }
            "bindto" => {
                let connect_ip = check.connect_ip.map(|a| (a, statement.span));
                let address = cx.address(statement).filter(|a| fits(cx, statement, *a, connect_ip));
                check.bind_address = address.map(|a| (a, statement.span)).or(check.bind_address);
            }
            "connect_port" => {
                check.connect_port = cx.integer(statement).map(|n| n as u16).or(check.connect_port)
            }
            "bind_port" => check.bind_port = cx.integer(statement).map(|n| n as u16).or(check.bind_port),
            "fwmark" => set(&mut check.fwmark, cx.u32(statement)),
            _ => {}
        }
    }
    check
}

/// `connect_ip` and `bindto` must be of one family.
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
    let message = format!("{address} and {other} differ in address family; it is passed over");
    let mut diagnostic = Diagnostic::new(&codes::BAD_ADDRESS, statement.span, message);
    if at != statement.span {
        diagnostic = diagnostic.also(at, "the other one");
    }
    cx.sink.push(diagnostic);
    false
}

impl TcpCheck {
    /// With what the real server decides.
    pub(super) fn checker(&self, server: SocketAddr, outer: Timing, alpha: bool) -> Checker {
        let timing = self.timing.within(outer);
        let to = SocketAddr::new(
            self.connect_ip.unwrap_or(server.ip()),
            self.connect_port.unwrap_or(server.port()),
        );
        let connect = Connect {
            to,
            bind_address: self.bind_address.map(|(a, _)| a),
            bind_port: self.bind_port,
            timeout: timing.connect_timeout.unwrap_or(Duration::from_secs(5)),
            fwmark: self.fwmark,
        };
        let schedule = timing.schedule(self.alpha.unwrap_or(alpha), self.log_all_failures);
        Checker { schedule, connect, probe: Probe::Tcp }
    }
}
