//! `vrrp_instance`: settings, defaults that depend on each other, and what instances must not share.

use super::address;
use super::global::{Globals, repeat, set};
use super::{Lower, body};
use crate::conf::InterfaceKind;
use crate::conf::diagnostic::{Code, Diagnostic, codes};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::vrrp::config::{Auth, Config, Garp, InitialState, Instance, Version, VirtualAddress, Vrid};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The address count of an advert is one byte.
const MAX_ADDRESSES: usize = 255;

/// What tells virtual routers apart: interface, family, VRID, and where their adverts go.
type OnTheWire = (String, Family, u8, Option<IpAddr>);

/// Who was seen already.
#[derive(Debug, Default)]
struct Seen {
    names: HashMap<String, Span>,
    routers: HashMap<OnTheWire, (String, Span)>,
}

/// Reads every `vrrp_instance` block.
pub(super) fn lower(cx: &mut Lower<'_, '_>, globals: &Globals, config: &mut Config) {
    let mut seen = Seen::default();
    for statement in cx.top_level("vrrp_instance") {
        let Some(word) = cx.words(statement).get(1) else {
            cx.report(&codes::MISSING_NAME, statement.span, "`vrrp_instance` must have a name");
            continue;
        };
        let name = word.text.to_string();
        if let Some(first) = seen.names.get(&name) {
            let message = format!("vrrp_instance `{name}` is already defined; this one is left out");
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_INSTANCE, word.span, message);
            cx.sink.push(diagnostic.also(*first, "first defined here"));
            continue;
        }
        seen.names.insert(name.clone(), word.span);
        let mut draft = Draft::new(name, word.span, globals);
        for statement in body(statement) {
            draft.statement(cx, statement);
        }
        config.instances.extend(draft.finish(cx, globals, &mut seen));
    }
}

/// A value, and where it was given.
type Given<T> = Option<(T, Span)>;

/// An instance while its block is read.
#[derive(Debug)]
struct Draft {
    name: String,
    named_at: Span,
    family: Given<Family>,
    state: Given<InitialState>,
    interface: Given<String>,
    /// Interface and VRID can be given and wrong: then their absence needs no second report.
    interface_said: bool,
    vrid_said: bool,
    vrid: Given<Vrid>,
    priority: Given<u8>,
    version: Given<Version>,
    advert_int: Given<Duration>,
    auth_type: Given<&'static str>,
    auth_pass: Given<[u8; 8]>,
    addresses: Vec<(VirtualAddress, Span)>,
    excluded: Vec<(VirtualAddress, Span)>,
    set_addresses: HashMap<(IpAddr, Option<String>), Span>,
    garp: Garp,
    nopreempt: Given<()>,
    preempt_delay: Given<Duration>,
    mcast_src_ip: Option<IpAddr>,
    mcast_dst_ip: Option<IpAddr>,
    /// There are entries, or it is said that there are none: no second report if all of them are wrong.
    addresses_said: bool,
}

impl Draft {
    fn new(name: String, named_at: Span, globals: &Globals) -> Draft {
        Draft {
            name,
            named_at,
            family: None,
            state: None,
            interface: None,
            interface_said: false,
            vrid_said: false,
            vrid: None,
            priority: None,
            version: None,
            advert_int: None,
            auth_type: None,
            auth_pass: None,
            addresses: Vec::new(),
            excluded: Vec::new(),
            set_addresses: HashMap::new(),
            garp: globals.garp,
            nopreempt: None,
            preempt_delay: None,
            mcast_src_ip: None,
            mcast_dst_ip: None,
            addresses_said: false,
        }
    }

    fn report(&self, cx: &mut Lower<'_, '_>, code: &'static Code, span: Span, message: &str) {
        cx.report(code, span, format!("({}) {message}", self.name));
    }

    fn statement(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(keyword) = statement.keyword else { return };
        let span = statement.span;
        match keyword.canonical() {
            "state" => self.state(cx, statement),
            "interface" => self.interface(cx, statement),
            "virtual_router_id" => {
                self.vrid_said = true;
                let vrid = cx.integer(statement).and_then(|n| Vrid::new(n as u8));
                self.vrid = vrid.map(|v| (v, span)).or(self.vrid);
            }
            "priority" => {
                let priority = cx.integer(statement).map(|n| n as u8);
                self.priority = Some((priority.unwrap_or(100), span));
            }
            "advert_int" => self.advert_int = cx.timer(statement).map(|t| (t, span)).or(self.advert_int),
            "version" => self.version(cx, statement),
            "authentication" => self.authentication(cx, statement),
            "virtual_ipaddress" => self.virtual_addresses(cx, statement, true),
            "virtual_ipaddress_excluded" => self.virtual_addresses(cx, statement, false),
            "no_virtual_ipaddress" => self.addresses_said = true,
            "garp_master_delay" => set(&mut self.garp.master_delay, cx.seconds(statement)),
            "garp_master_repeat" => set(&mut self.garp.master_repeat, repeat(cx, statement)),
            "garp_master_refresh" => set(&mut self.garp.refresh, cx.seconds(statement)),
            "garp_master_refresh_repeat" => set(&mut self.garp.refresh_repeat, repeat(cx, statement)),
            "garp_lower_prio_delay" => set(&mut self.garp.lower_prio_delay, cx.seconds(statement)),
            "garp_lower_prio_repeat" => set(&mut self.garp.lower_prio_repeat, cx.u32(statement)),
            "nopreempt" => {
                cx.no_more_arguments(statement);
                self.nopreempt = Some(((), span));
            }
            "preempt" => {
                cx.no_more_arguments(statement);
                self.nopreempt = None;
            }
            "preempt_delay" => self.preempt_delay = cx.timer(statement).map(|t| (t, span)),
            "mcast_src_ip" => {
                let address = cx.address(statement).filter(|a| self.fits_family(cx, *a, span));
                self.mcast_src_ip = address.or(self.mcast_src_ip);
            }
            "mcast_dst_ip" => self.mcast_dst_ip(cx, statement),
            "debug" => drop(cx.integer(statement)),
            _ => {}
        }
    }

    fn state(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let span = statement.span;
        let state = match cx.choice(statement) {
            Some("MASTER") => InitialState::Master,
            Some(_) if matches!(self.state, Some((InitialState::Master, _))) => {
                self.report(
                    cx,
                    &codes::STATE_CONFLICT,
                    span,
                    "state is already MASTER; BACKUP is passed over",
                );
                return;
            }
            _ => InitialState::Backup,
        };
        self.state = Some((state, span));
    }

    fn interface(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        self.interface_said = true;
        let Some(word) = cx.interface(statement) else { return };
        match cx.options.interfaces.and_then(|ask| ask(&word.text)) {
            Some(InterfaceKind::Missing) => {
                let message =
                    format!("interface {} for vrrp_instance {} doesn't exist", word.text, self.name);
                cx.report(&codes::NO_SUCH_INTERFACE, word.span, message);
            }
            Some(InterfaceKind::Loopback) => {
                let message = format!("a loopback interface ({}) can't be used for VRRP", word.text);
                self.report(cx, &codes::LOOPBACK, word.span, &message);
                return;
            }
            Some(InterfaceKind::Usable) | None => {}
        }
        self.interface = Some((word.text.to_string(), word.span));
    }

    fn version(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(n) = cx.integer(statement) else { return };
        let version = if n == 3 { Version::V3 } else { Version::V2 };
        let ipv6 = matches!(self.family, Some((Family::V6, _)));
        if self.version.is_some_and(|(v, _)| v != version) || (version == Version::V2 && ipv6) {
            let message = format!("version {n} conflicts with what was said before; it is passed over");
            self.report(cx, &codes::VERSION_CONFLICT, statement.span, &message);
            return;
        }
        self.version = Some((version, statement.span));
    }

    fn authentication(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        for statement in body(statement) {
            match statement.keyword.map(|k| k.name) {
                Some("auth_type") => {
                    self.auth_type = cx.choice(statement).map(|t| (t, statement.span)).or(self.auth_type);
                }
                Some("auth_pass") => self.password(cx, statement),
                _ => {}
            }
        }
    }

    fn password(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(word) = cx.text(statement) else { return };
        let bytes = word.text.as_bytes();
        if bytes.len() > 8 {
            let kept = String::from_utf8_lossy(&bytes[..8]);
            let diagnostic = Diagnostic::new(
                &codes::PASSWORD_TRUNCATED,
                word.span,
                format!("({}) auth_pass is truncated to 8 characters", self.name),
            );
            cx.sink.push(diagnostic.help(format!("only `{kept}` is sent; write that, on every router")));
        }
        let mut password = [0; 8];
        let length = bytes.len().min(8);
        password[..length].copy_from_slice(&bytes[..length]);
        self.auth_pass = Some((password, word.span));
    }

    /// The first address settles the instance's family; one of the other family is left out.
    fn fits_family(&mut self, cx: &mut Lower<'_, '_>, address: IpAddr, span: Span) -> bool {
        let family = Family::of(address);
        match self.family {
            None => {
                self.family = Some((family, span));
                true
            }
            Some((first, _)) if first == family => true,
            Some((first, settled)) => {
                let (is, not) = match first {
                    Family::V4 => ("IPv4", "IPv6"),
                    Family::V6 => ("IPv6", "IPv4"),
                };
                let message =
                    format!("({}) {address} is {not} in an {is} instance; it is left out", self.name);
                let help = "use a second vrrp_instance for the other family, or virtual_ipaddress_excluded";
                let diagnostic = Diagnostic::new(&codes::MIXED_FAMILIES, span, message);
                cx.sink.push(diagnostic.also(settled, format!("this makes it {is}")).help(help));
                false
            }
        }
    }

    fn virtual_addresses(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement, listed: bool) {
        for line in body(statement) {
            self.addresses_said = true;
            // The device is filled in once the instance's own is known.
            let Some(address) = address::lower(cx, line, "") else { continue };
            if listed && !self.fits_family(cx, address.net.address, line.span) {
                continue;
            }
            let device = Some(address.interface.clone()).filter(|d| !d.is_empty());
            let key = (address.net.address, device);
            if let Some(first) = self.set_addresses.get(&key) {
                let message = format!("({}) {} is listed twice", self.name, address.net.address);
                let diagnostic = Diagnostic::new(&codes::DUPLICATE_ADDRESS, line.span, message);
                cx.sink.push(diagnostic.also(*first, "first listed here"));
                continue;
            }
            self.set_addresses.insert(key, line.span);
            let list = if listed { &mut self.addresses } else { &mut self.excluded };
            list.push((address, line.span));
        }
    }

    fn mcast_dst_ip(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(address) = cx.address(statement) else { return };
        if !self.fits_family(cx, address, statement.span) {
            return;
        }
        let fits = match address {
            IpAddr::V4(v4) => v4.is_multicast(),
            IpAddr::V6(v6) => v6.is_multicast() && v6.octets()[1] & 0x0f == 2,
        };
        if fits {
            self.mcast_dst_ip = Some(address);
        } else {
            let message = format!("{address} is not a multicast address (IPv6: a link-local one)");
            self.report(cx, &codes::BAD_ADDRESS, statement.span, &message);
        }
    }

    /// Defaults that depend on each other, in keepalived's order; `None` if this can't be run.
    fn finish(mut self, cx: &mut Lower<'_, '_>, globals: &Globals, seen: &mut Seen) -> Option<Instance> {
        let family = self.family.map_or(Family::V4, |(f, _)| f);
        if self.addresses.is_empty() && self.excluded.is_empty() && !self.addresses_said {
            let at = self.named_at;
            self.report(cx, &codes::NO_ADDRESS, at, "no virtual address; at least one is sensible");
        }
        let version = match (self.version, family) {
            (Some((version, _)), _) => version,
            (None, Family::V6) => Version::V3,
            (None, Family::V4) => globals.version,
        };
        let (state, priority) = self.state_and_priority();
        self.preemption(cx, state, priority);
        let advert_int = self.checked_advert_int(cx, version);
        let auth = self.auth(cx, version, family);
        self.limit_addresses(cx);
        let interface = self.required_interface(cx);
        let vrid = self.required_vrid(cx);
        let (interface, (vrid, vrid_at)) = (interface?, vrid?);
        let group = if family == Family::V4 { globals.group4 } else { globals.group6 };
        let mcast_dst_ip = self.mcast_dst_ip.or(group);
        let key = (interface.clone(), family, vrid.get(), mcast_dst_ip);
        if let Some((name, first)) = seen.routers.get(&key) {
            let message =
                format!("({}) and ({name}) both use virtual_router_id {vrid} on {interface}", self.name);
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_VRID, vrid_at, message);
            cx.sink.push(diagnostic.also(*first, "first used here"));
            return None;
        }
        seen.routers.insert(key, (self.name.clone(), vrid_at));
        let on = |list: Vec<(VirtualAddress, Span)>| {
            let with_device = |(mut a, _): (VirtualAddress, Span)| {
                if a.interface.is_empty() {
                    a.interface.clone_from(&interface);
                }
                a
            };
            list.into_iter().map(with_device).collect()
        };
        Some(Instance {
            addresses: on(self.addresses),
            excluded: on(self.excluded),
            name: self.name,
            state,
            interface: interface.clone(),
            vrid,
            priority,
            version,
            advert_int,
            auth,
            garp: self.garp,
            nopreempt: self.nopreempt.is_some(),
            preempt_delay: self.preempt_delay.map_or(Duration::ZERO, |(d, _)| d),
            mcast_src_ip: self.mcast_src_ip,
            mcast_dst_ip,
        })
    }

    fn required_interface(&self, cx: &mut Lower<'_, '_>) -> Option<String> {
        if self.interface.is_none() && !self.interface_said {
            self.report(cx, &codes::NO_INTERFACE, self.named_at, "the interface must be set");
        }
        self.interface.clone().map(|(name, _)| name)
    }

    fn required_vrid(&self, cx: &mut Lower<'_, '_>) -> Given<Vrid> {
        if self.vrid.is_none() && !self.vrid_said {
            self.report(cx, &codes::NO_VRID, self.named_at, "the virtual router id must be set");
        }
        self.vrid
    }

    /// Each follows from the other where only one is given.
    fn state_and_priority(&self) -> (InitialState, u8) {
        let owner_is_master = |priority| match priority {
            255 => InitialState::Master,
            _ => InitialState::Backup,
        };
        match (self.state, self.priority) {
            (Some((state, _)), Some((priority, _))) => (state, priority),
            (Some((InitialState::Master, _)), None) => (InitialState::Master, 255),
            (Some((InitialState::Backup, _)), None) => (InitialState::Backup, 100),
            (None, priority) => {
                let priority = priority.map_or(100, |(p, _)| p);
                (owner_is_master(priority), priority)
            }
        }
    }

    fn preemption(&mut self, cx: &mut Lower<'_, '_>, state: InitialState, priority: u8) {
        if state == InitialState::Master {
            self.drop_nopreempt(cx, "nopreempt does not work with initial state MASTER");
            self.drop_preempt_delay(cx, "preempt_delay does not work with initial state MASTER");
        }
        if priority == 255 {
            self.drop_nopreempt(cx, "nopreempt does not go with priority 255");
        }
        if self.nopreempt.is_some() {
            self.drop_preempt_delay(cx, "preempt_delay does not go with nopreempt");
        }
    }

    fn drop_nopreempt(&mut self, cx: &mut Lower<'_, '_>, why: &str) {
        let Some(((), span)) = self.nopreempt.take() else { return };
        self.drop_setting(cx, span, why, "use `state BACKUP`, on every router of this VRID");
    }

    fn drop_preempt_delay(&mut self, cx: &mut Lower<'_, '_>, why: &str) {
        if let Some((delay, span)) = self.preempt_delay.take()
            && !delay.is_zero()
        {
            self.drop_setting(cx, span, why, "remove one of the two");
        }
    }

    fn drop_setting(&self, cx: &mut Lower<'_, '_>, span: Span, why: &str, help: &str) {
        let message = format!("({}) {why}; it has no effect", self.name);
        let mut diagnostic = Diagnostic::new(&codes::STATE_CONFLICT, span, message).help(help);
        if let Some((_, at)) = self.state {
            diagnostic = diagnostic.also(at, "the initial state");
        }
        cx.sink.push(diagnostic);
    }

    /// Rounded to what a packet can say.
    fn checked_advert_int(&self, cx: &mut Lower<'_, '_>, version: Version) -> Duration {
        let Some((asked, span)) = self.advert_int else { return Duration::from_secs(1) };
        let (unit, greatest, unit_name) = match version {
            Version::V2 => (1_000_000, 255_000_000, "whole seconds"),
            Version::V3 => (10_000, 40_950_000, "hundredths of a second"),
        };
        let us = asked.as_micros() as u64;
        let rounded = ((us + unit / 2) / unit * unit).clamp(unit, greatest);
        let taken = Duration::from_micros(rounded);
        if rounded != us {
            let number = if version == Version::V2 { "2" } else { "3" };
            let message = format!("({}) VRRP version {number} counts advert_int in {unit_name}", self.name);
            let help = format!("{} is taken as {}", asked.as_secs_f64(), taken.as_secs_f64());
            cx.sink.push(Diagnostic::new(&codes::ADJUSTED, span, message).help(help));
        }
        taken
    }

    fn auth(&self, cx: &mut Lower<'_, '_>, version: Version, family: Family) -> Option<Auth> {
        let (kind, span) = self.auth_type?;
        let ignored = |cx: &mut Lower<'_, '_>, why: &str| {
            self.report(cx, &codes::AUTH_IGNORED, span, &format!("{why}; the adverts carry none"));
        };
        let password = self.auth_pass.filter(|(p, _)| *p != [0; 8]);
        match (version, password, kind) {
            (Version::V3, _, _) => ignored(cx, "VRRP version 3 has no authentication"),
            (Version::V2, None, _) => ignored(cx, "authentication has no password"),
            (Version::V2, Some((password, _)), "PASS") => return Some(Auth::Pass(password)),
            (Version::V2, Some(_), _) if family == Family::V6 => ignored(cx, "AH does not exist for IPv6"),
            (Version::V2, Some(_), _) => {
                let message = "`auth_type AH` is known but not carried out yet by this version of vipd";
                cx.report(&codes::NOT_CARRIED_OUT, span, format!("{message}; the adverts carry none"));
            }
        }
        None
    }

    /// What an advert has no room for is set all the same, but not listed.
    fn limit_addresses(&mut self, cx: &mut Lower<'_, '_>) {
        if self.addresses.len() > MAX_ADDRESSES {
            let rest = self.addresses.split_off(MAX_ADDRESSES);
            let at = rest.first().map_or(self.named_at, |(_, span)| *span);
            let message =
                format!("an advert lists at most {MAX_ADDRESSES} addresses; the others are not listed");
            self.report(cx, &codes::TOO_MANY_ADDRESSES, at, &message);
            self.excluded.splice(0..0, rest);
        }
    }
}
