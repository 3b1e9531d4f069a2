//! An instance while its block is read: the settings that are given, and where.

use super::super::Lower;
use super::garp;
use super::settings::{self, Given};
use crate::conf::diagnostic::Code;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::vrrp::config::Name;
use crate::vrrp::config::route::Route;
use crate::vrrp::config::rule::Rule;
use crate::vrrp::config::{Defaults, Garp, InitialState, Version, VirtualAddress, Vrid};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) named_at: Span,
    pub(super) family: Given<Family>,
    pub(super) state: Given<InitialState>,
    pub(super) interface: Given<String>,
    /// Interface and VRID can be given and wrong: then their absence needs no second report.
    pub(super) interface_given: bool,
    pub(super) vrid_given: bool,
    pub(super) vrid: Given<Vrid>,
    pub(super) priority: Given<u8>,
    pub(super) version: Given<Version>,
    pub(super) advert_int: Given<Duration>,
    pub(super) auth_type: Given<&'static str>,
    pub(super) auth_pass: Given<[u8; 8]>,
    pub(super) addresses: Vec<(VirtualAddress, Span)>,
    pub(super) excluded: Vec<(VirtualAddress, Span)>,
    pub(super) routes: Vec<Route>,
    pub(super) rules: Vec<Rule>,
    pub(super) set_addresses: HashMap<(IpAddr, Option<Name>), Span>,
    pub(super) garp: Garp,
    pub(super) nopreempt: Given<()>,
    pub(super) preempt_delay: Given<Duration>,
    pub(super) garp_lower_delay: Given<Duration>,
    pub(super) garp_lower_repeat: Given<u32>,
    pub(super) source: Given<IpAddr>,
    pub(super) mcast_dst_ip: Given<IpAddr>,
    pub(super) unicast: settings::Unicast,
    pub(super) link: settings::Link,
    /// The MAC address of `use_vmac`, and whether its last byte is the VRID.
    pub(super) mac: Option<([u8; 6], bool)>,
    pub(super) policy: settings::Policy,
    pub(super) hmac: Option<settings::Hmac>,
    /// There are entries, or `no_virtual_ipaddress`: no second report if all entries are wrong.
    pub(super) addresses_given: bool,
    /// `no_virtual_ipaddress`
    pub(super) no_addresses: Given<()>,
}

impl Draft {
    pub(super) fn new(name: String, named_at: Span, globals: &Defaults) -> Draft {
        Draft {
            name,
            named_at,
            family: None,
            state: None,
            interface: None,
            interface_given: false,
            vrid_given: false,
            vrid: None,
            priority: None,
            version: None,
            advert_int: None,
            auth_type: None,
            auth_pass: None,
            addresses: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            set_addresses: HashMap::new(),
            garp: globals.garp,
            nopreempt: None,
            preempt_delay: None,
            garp_lower_delay: None,
            garp_lower_repeat: None,
            source: None,
            mcast_dst_ip: None,
            unicast: settings::Unicast::default(),
            link: settings::Link::inherited(globals),
            mac: None,
            policy: settings::Policy::default(),
            hmac: None,
            addresses_given: false,
            no_addresses: None,
        }
    }

    pub(super) fn report(&self, cx: &mut Lower<'_, '_>, code: &'static Code, span: Span, message: &str) {
        cx.report(code, span, format!("({}) {message}", self.name));
    }

    pub(super) fn statement(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(keyword) = statement.keyword else { return };
        let span = statement.span;
        match keyword.canonical() {
            "state" => self.state(cx, statement),
            "interface" => self.interface(cx, statement),
            "virtual_router_id" => {
                self.vrid_given = true;
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
            "virtual_routes" => self.virtual_routes(cx, statement),
            "virtual_rules" => self.virtual_rules(cx, statement),
            "no_virtual_ipaddress" => {
                cx.no_more_arguments(statement);
                self.no_addresses = Some(((), span));
            }
            "garp_lower_prio_delay" => {
                let delay = cx.seconds(statement).map(|d| (d, span));
                self.garp_lower_delay = delay.or(self.garp_lower_delay);
            }
            "garp_lower_prio_repeat" => {
                let count = cx.u32(statement).map(|n| (n, span));
                self.garp_lower_repeat = count.or(self.garp_lower_repeat);
            }
            name if name.starts_with("garp_master_") => {
                garp::statement(cx, name, statement, &mut self.garp);
            }
            "nopreempt" => {
                cx.no_more_arguments(statement);
                self.nopreempt = Some(((), span));
            }
            "preempt" => {
                cx.no_more_arguments(statement);
                self.nopreempt = None;
            }
            "preempt_delay" => self.preempt_delay = cx.timer(statement).map(|t| (t, span)),
            "mcast_src_ip" => self.source(cx, statement),
            "mcast_dst_ip" => self.mcast_dst_ip(cx, statement),
            "native_ipv6" => self.native_ipv6(cx, statement),
            "debug" => drop(cx.integer(statement)),
            "auth_hmac" => self.auth_hmac(cx, statement),
            // Each takes its own.
            name => {
                let _ = self.unicast(cx, name, statement)
                    || self.policy(cx, name, statement)
                    || self.link(cx, name, statement);
            }
        }
    }
}
