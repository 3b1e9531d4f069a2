//! `real_server`, and the values that it shares with `sorry_server`: addresses, forwarding methods.

use super::checker::{self, Outer, Scope, Timing};
use super::notify::Named;
use super::{Lower, body, end_of, group, transition};
use crate::check::config::RealServer;
use crate::command::Command;
use crate::conf::diagnostic::codes;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::ipvs::model::{Forward, Tunnel, TunnelFlags, TunnelKind};
use std::net::SocketAddr;

/// A `real_server` block while its virtual server is not known whole.
#[derive(Debug)]
pub(super) struct Draft {
    /// Address and port; port 0 where none is given.
    pub(super) address: SocketAddr,
    /// Where its checks go: to the port of its block, which need not be the one in the kernel's table.
    pub(super) checked: SocketAddr,
    /// Where the block begins.
    pub(super) span: Span,
    /// Where it ends.
    pub(super) end: Span,
    /// Its own `lvs_method`.
    pub(super) forward: Option<Forward>,
    weight: Option<u32>,
    upper_threshold: u32,
    lower_threshold: u32,
    /// Its own `inhibit_on_failure`.
    pub(super) inhibit: Option<bool>,
    alpha: Option<bool>,
    timing: Timing,
    backup: bool,
    transition: transition::Draft,
    virtual_host: Option<Box<str>>,
    notify_up: Option<Box<Command>>,
    notify_down: Option<Box<Command>>,
    smtp_alert: Option<bool>,
    snmp_name: Option<Box<str>>,
    checks: Vec<checker::Draft>,
}

/// What a virtual server decides for real servers that leave it open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults<'a> {
    pub(super) forward: Forward,
    pub(super) weight: u32,
    pub(super) inhibit: bool,
    pub(super) alpha: bool,
    pub(super) timing: Timing,
    pub(super) transition: transition::Draft,
    pub(super) virtual_host: Option<&'a str>,
    pub(super) smtp_alert: bool,
}

/// Reads a `real_server` block; `None` where keepalived passes over it.
pub(super) fn lower(cx: &mut Lower<'_, '_>, statement: &Statement, scope: Scope<'_>) -> Option<Draft> {
    let mut bfd_instances = Vec::new();
    let mut named = Named::default();
    let address = address(cx, statement, 1)?;
    let mut draft = Draft {
        address,
        checked: address,
        span: statement.span,
        end: end_of(statement),
        forward: None,
        weight: None,
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit: None,
        alpha: None,
        timing: Timing::default(),
        backup: false,
        transition: transition::Draft::default(),
        virtual_host: None,
        notify_up: None,
        notify_down: None,
        smtp_alert: None,
        snmp_name: None,
        checks: Vec::new(),
    };
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        let name = keyword.canonical();
        if draft.timing.statement(cx, name, statement) || draft.transition.statement(cx, name, statement) {
            continue;
        }
        match name {
            "weight" => draft.weight = cx.u32(statement).or(draft.weight),
            "lvs_method" => draft.forward = method(cx, statement).or(draft.forward),
            "uthreshold" => draft.upper_threshold = cx.u32(statement).unwrap_or(draft.upper_threshold),
            "lthreshold" => draft.lower_threshold = cx.u32(statement).unwrap_or(draft.lower_threshold),
            "inhibit_on_failure" => draft.inhibit = cx.flag(statement).or(draft.inhibit),
            "backup" => draft.backup = cx.flag(statement).unwrap_or(draft.backup),
            "alpha" => draft.alpha = cx.flag(statement).or(draft.alpha),
            "virtualhost" => {
                if let Some(word) = cx.text(statement) {
                    draft.virtual_host = Some(word.text.as_ref().into());
                }
            }
            "notify_up" => cx.first_command(statement, &mut draft.notify_up, &mut named),
            "notify_down" => cx.first_command(statement, &mut draft.notify_down, &mut named),
            "smtp_alert" => draft.smtp_alert = cx.flag(statement).or(draft.smtp_alert),
            "snmp_name" => draft.snmp_name = snmp_name(cx, statement).or(draft.snmp_name),
            check => {
                let check = checker::lower(cx, check, statement, draft.address, scope, &mut bfd_instances);
                if draft.checks.is_empty() {
                    // Most servers have one checker, and checkers are large.
                    draft.checks.reserve_exact(1);
                }
                draft.checks.extend(check);
            }
        }
    }
    Some(draft)
}

impl Draft {
    /// Whether anything is asked of it.
    pub(super) fn has_checks(&self) -> bool {
        !self.checks.is_empty()
    }

    /// With what the virtual server decides, its `address` and `checked` settled by it as well.
    pub(super) fn finish(self, cx: &mut Lower<'_, '_>, defaults: Defaults<'_>) -> RealServer {
        let timing = self.timing.within(defaults.timing);
        let alpha = self.alpha.unwrap_or(defaults.alpha);
        let address = self.address;
        let virtual_host = self.virtual_host.as_deref().or(defaults.virtual_host);
        let service_timing = defaults.timing;
        let outer = Outer { server: self.checked, timing, service_timing, alpha, virtual_host };
        let mut checkers = Vec::with_capacity(self.checks.len());
        for check in self.checks {
            check.finish(cx, outer, &mut checkers);
        }
        RealServer {
            forward: self.forward.unwrap_or(defaults.forward),
            weight: self.weight.unwrap_or(defaults.weight),
            upper_threshold: self.upper_threshold,
            lower_threshold: self.lower_threshold,
            inhibit_on_failure: self.inhibit.unwrap_or(defaults.inhibit),
            alpha,
            backup: self.backup,
            transition: self.transition.within(defaults.transition),
            notify_up: self.notify_up,
            notify_down: self.notify_down,
            smtp_alert: self.smtp_alert.unwrap_or(defaults.smtp_alert),
            snmp_name: self.snmp_name,
            checkers,
            ..RealServer::new(address)
        }
    }
}

/// One name, and no word more.
pub(super) fn snmp_name(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Box<str>> {
    let [_, name] = cx.words(statement) else {
        cx.report(&codes::MISSING_VALUE, statement.span, "`snmp_name` needs one name");
        return None;
    };
    Some(name.text.as_ref().into())
}

/// `ADDRESS [PORT]` from the statement's word `index` on; port 0 where none is given.
pub(super) fn address(cx: &mut Lower<'_, '_>, statement: &Statement, index: usize) -> Option<SocketAddr> {
    let words = cx.words(statement);
    let Some(word) = words.get(index) else {
        let name = statement.keyword.map_or("", |k| k.name);
        cx.report(&codes::MISSING_ARGUMENT, statement.span, format!("`{name}` needs an address"));
        return None;
    };
    let address = cx.address_word(word, None)?;
    let port = match words.get(index + 1) {
        Some(word) => group::port(cx, word)?,
        None => 0,
    };
    if let Some(extra) = words.get(index + 2) {
        let message = format!("`{}` has no effect here", extra.text);
        cx.report(&codes::EXTRA_ARGUMENT, extra.span, message);
    }
    Some(SocketAddr::new(address, port))
}

/// `NAT`, `DR`, or `TUN [type ipip|gue|gre [port N]] [nocsum|csum|remcsum]`.
pub(super) fn method(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Forward> {
    let forward = match cx.choice(statement)? {
        "NAT" => Forward::Masq,
        "DR" => Forward::DirectRoute,
        _ => Forward::Tunnel(Tunnel::default()),
    };
    let words = cx.words(statement);
    let mut tunnel = Tunnel::default();
    let mut rest = words.iter().skip(2);
    while let Some(option) = rest.next() {
        match option.text.as_ref() {
            name @ ("type" | "port") => {
                let Some(value) = rest.next() else {
                    cx.report(&codes::BAD_CHOICE, option.span, format!("`{name}` needs a value"));
                    return None;
                };
                match (name, value.text.as_ref()) {
                    ("port", _) => tunnel.port = cx.integer_word(value, 1, 65_535)? as u16,
                    (_, "ipip") => tunnel.kind = TunnelKind::Ipip,
                    (_, "gue") => tunnel.kind = TunnelKind::Gue,
                    (_, "gre") => tunnel.kind = TunnelKind::Gre,
                    _ => {
                        cx.bad_choice(value, "tunnel type", &["ipip", "gue", "gre"]);
                        return None;
                    }
                }
            }
            "nocsum" => tunnel.flags = TunnelFlags::empty(),
            "csum" => tunnel.flags = TunnelFlags::CSUM,
            "remcsum" => tunnel.flags = TunnelFlags::REMCSUM,
            _ => {
                cx.bad_choice(option, "tunnel option", &["type", "port", "nocsum", "csum", "remcsum"]);
                return None;
            }
        }
    }
    let wrong = match tunnel.kind {
        TunnelKind::Gue if tunnel.port == 0 => Some("a gue tunnel needs a port"),
        TunnelKind::Ipip | TunnelKind::Gre if tunnel.port != 0 => Some("only gue tunnels have a port"),
        TunnelKind::Ipip if !tunnel.flags.is_empty() => Some("ipip tunnels have no checksum"),
        TunnelKind::Gre if tunnel.flags == TunnelFlags::REMCSUM => {
            Some("gre tunnels have no remote checksum")
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        cx.report(&codes::BAD_CHOICE, statement.span, wrong);
        return None;
    }
    Some(match forward {
        Forward::Tunnel(_) => Forward::Tunnel(tunnel),
        other => other,
    })
}
