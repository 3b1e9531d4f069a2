//! The checks of a real server, and the schedule that virtual server, real server and check settle together.

mod connect;
mod dns;
mod http;
mod misc;
mod scope;
mod service;
mod smtp;
mod tracked;
mod udp;

#[cfg(test)]
mod tests;

use super::{Lower, end_of};
use crate::check::config::{Checker, Probe, Schedule};
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
pub(super) use scope::Scope;

use connect::Common;
use http::HttpDraft;
use misc::MiscDraft;
use smtp::SmtpDraft;
use std::net::SocketAddr;
use std::time::Duration;

/// What virtual server, real server and check can each say; what one leaves open the one around it decides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timing {
    delay_loop: Option<Duration>,
    retry: Option<u32>,
    rise: Option<u32>,
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
            "fall" => self.retry = cx.u32(statement).map(|tries| tries - 1).or(self.retry),
            "rise" => self.rise = cx.u32(statement).or(self.rise),
            "delay_before_retry" => {
                self.delay_before_retry = cx.timer(statement).or(self.delay_before_retry);
            }
            "warmup" => self.warmup = cx.timer(statement).or(self.warmup),
            "connect_timeout" => self.connect_timeout = cx.timer(statement).or(self.connect_timeout),
            _ => return false,
        }
        true
    }

    /// These settings, with those of `outer` where one is missing.
    pub(super) fn within(self, outer: Timing) -> Timing {
        Timing {
            delay_loop: self.delay_loop.or(outer.delay_loop),
            retry: self.retry.or(outer.retry),
            rise: self.rise.or(outer.rise),
            delay_before_retry: self.delay_before_retry.or(outer.delay_before_retry),
            warmup: self.warmup.or(outer.warmup),
            connect_timeout: self.connect_timeout.or(outer.connect_timeout),
        }
    }

    /// The time between two checks.
    fn delay_loop(self) -> Duration {
        self.delay_loop.unwrap_or(Schedule::DEFAULT.delay_loop)
    }

    /// With the defaults that a kind of check has.
    fn schedule(self, kind: Defaults, alpha: bool, log_all_failures: bool) -> Schedule {
        let delay_loop = self.delay_loop();
        Schedule {
            delay_loop,
            retry: self.retry.unwrap_or(kind.retry),
            rise: self.rise.unwrap_or(Schedule::DEFAULT.rise),
            delay_before_retry: self.delay_before_retry.or(kind.delay_before_retry).unwrap_or(delay_loop),
            warmup: self.warmup.unwrap_or(delay_loop),
            alpha,
            log_all_failures,
        }
    }
}

/// The defaults of retries for a kind of check.
#[derive(Clone, Copy, Debug)]
struct Defaults {
    retry: u32,
    /// `None`: as long as `delay_loop`.
    delay_before_retry: Option<Duration>,
}

/// One retry a second later.
const USUAL: Defaults = Defaults { retry: 1, delay_before_retry: Some(Duration::from_secs(1)) };

/// A check while its real server is not known whole.
#[derive(Debug)]
pub(super) struct Draft {
    common: Common,
    defaults: Defaults,
    what: What,
    /// Where the block begins, and where it ends.
    span: (Span, Span),
}

#[derive(Debug)]
enum What {
    /// All of it is known.
    Probe(Probe),
    /// Waits for the virtual host.
    Http(HttpDraft),
    /// Waits for the time that it has.
    Misc(MiscDraft),
    /// May stand for many.
    Smtp(SmtpDraft),
}

/// What a real server decides for its checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer<'a> {
    /// Address and port that checks go to, where they say nothing else.
    pub(super) server: SocketAddr,
    /// Timings of real and virtual server.
    pub(super) timing: Timing,
    /// Those of the virtual server alone.
    pub(super) service_timing: Timing,
    /// `alpha`
    pub(super) alpha: bool,
    /// `virtualhost`
    pub(super) virtual_host: Option<&'a str>,
}

/// Reads a check's block; `None` if the statement is no check, or keepalived leaves it out.
/// `bfd_instances` are those that the real server watches already.
pub(super) fn lower(
    cx: &mut Lower<'_, '_>,
    name: &str,
    statement: &Statement,
    server: SocketAddr,
    scope: Scope<'_>,
    bfd_instances: &mut Vec<Box<str>>,
) -> Option<Draft> {
    let mut common = Common::new(server.ip());
    let span = (statement.span, end_of(statement));
    let (defaults, what) = match name {
        "TCP_CHECK" => {
            common.only(cx, statement);
            (USUAL, What::Probe(Probe::Tcp))
        }
        "PING_CHECK" => {
            common.only(cx, statement);
            (USUAL, What::Probe(Probe::Ping))
        }
        "HTTP_GET" | "SSL_GET" => {
            let http = http::lower(cx, statement, &mut common, name == "SSL_GET")?;
            (Defaults { delay_before_retry: Some(Duration::from_secs(3)), ..USUAL }, What::Http(http))
        }
        "SMTP_CHECK" => (USUAL, What::Smtp(smtp::lower(cx, statement, &mut common, server.ip()))),
        "DNS_CHECK" => {
            let dns = dns::lower(cx, statement, &mut common);
            (Defaults { retry: 3, delay_before_retry: None }, What::Probe(Probe::Dns(Box::new(dns))))
        }
        "AGENT_CHECK" => {
            (USUAL, What::Probe(Probe::Agent(Box::new(service::agent(cx, statement, &mut common)))))
        }
        "GRPC_CHECK" => {
            (USUAL, What::Probe(Probe::Grpc(Box::new(service::grpc(cx, statement, &mut common)))))
        }
        "LDAP_CHECK" => {
            (USUAL, What::Probe(Probe::Ldap(Box::new(service::ldap(cx, statement, &mut common)))))
        }
        "MYSQL_CHECK" => {
            (USUAL, What::Probe(Probe::Mysql(Box::new(service::mysql(cx, statement, &mut common)))))
        }
        "PGSQL_CHECK" => {
            (USUAL, What::Probe(Probe::Pgsql(Box::new(service::pgsql(cx, statement, &mut common)))))
        }
        "REDIS_CHECK" => {
            (USUAL, What::Probe(Probe::Redis(Box::new(service::redis(cx, statement, &mut common)))))
        }
        "UDP_CHECK" => (USUAL, What::Probe(Probe::Udp(Box::new(udp::lower(cx, statement, &mut common))))),
        "MISC_CHECK" => {
            let what = What::Misc(misc::lower(cx, statement, &mut common)?);
            return Some(Draft { common, defaults: Defaults { retry: 0, ..USUAL }, what, span });
        }
        "FILE_CHECK" => {
            let file = tracked::file(cx, statement, scope)?;
            return Some(Draft { common, defaults: USUAL, what: What::Probe(Probe::File(file)), span });
        }
        "BFD_CHECK" => {
            let name = tracked::bfd(cx, statement, &mut common, scope, bfd_instances)?;
            return Some(Draft { common, defaults: USUAL, what: What::Probe(Probe::Bfd { name }), span });
        }
        _ => return None,
    };
    common.reaches_link_local(cx, statement).then_some(Draft { common, defaults, what, span })
}

impl Draft {
    /// With what the real server decides. A check that has no port to go to is left out: it would be refused at once,
    /// and take its server away.
    pub(super) fn finish(self, cx: &mut Lower<'_, '_>, outer: Outer<'_>, checkers: &mut Vec<Checker>) {
        let Draft { common, defaults, what, span } = self;
        let before = checkers.len();
        let probe = match what {
            What::Probe(probe) => probe,
            What::Http(http) => Probe::Http(Box::new(http.finish(outer.virtual_host))),
            What::Misc(misc) => Probe::Misc(Box::new(misc.finish(outer.service_timing.delay_loop()))),
            What::Smtp(smtp) => {
                smtp.finish(common, defaults, outer, checkers);
                return drop_without_port(cx, span, before, checkers);
            }
        };
        checkers.push(common.checker(outer, defaults, probe));
        drop_without_port(cx, span, before, checkers);
    }
}

/// Of the checks behind the first `before`, all of one block, drops those that have no port to go to.
fn drop_without_port(cx: &mut Lower<'_, '_>, span: (Span, Span), before: usize, checkers: &mut Vec<Checker>) {
    let goes = |checker: &Checker| checker.to.port() != 0 || !checker.probe.needs_port();
    if checkers.iter().skip(before).all(goes) {
        return;
    }
    let mut place = 0;
    checkers.retain(|checker| {
        place += 1;
        place <= before || goes(checker)
    });
    without_port(cx, span);
}

fn without_port(cx: &mut Lower<'_, '_>, (block, end): (Span, Span)) {
    let message = "this check has no port to go to: it is left out, and its server counts as up";
    let diagnostic =
        Diagnostic::new(&codes::NO_PORT, block, message).keepalived_line(KeepalivedLine::At(end));
    cx.sink.push(
        diagnostic
            .label("neither its real_server nor the virtual_server has a port, or the group has several")
            .help("add `connect_port`, or the port behind the address of the `real_server`"),
    );
}
