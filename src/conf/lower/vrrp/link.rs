//! What the instance does with its interface: VRF, tracking, secondary addresses, links on top of it.

use super::super::Lower;
use super::draft::Draft;
use super::unique::Unique;
use super::vmac::whole_mac;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::vrrp::config::{GarpExtraIf, Link, Unicast};
use std::time::Duration;

/// A day: the longest interval of `garp_extra_if`.
const MAX_GARP_EXTRA: u64 = 86_400;

impl Draft {
    /// Takes a statement, if its keyword is one of these.
    pub(super) fn link(&mut self, cx: &mut Lower<'_, '_>, keyword: &str, statement: &Statement) -> bool {
        match keyword {
            "use_vmac" => self.use_vmac(cx, statement),
            "use_ipvlan" => self.use_ipvlan(cx, statement),
            "garp_extra_if" => self.garp_extra(cx, statement),
            "vrf" => self.vrf(cx, statement),
            "lvs_sync_daemon_interface" => {
                self.deprecated(cx, statement, "use `lvs_sync_daemon` in global_defs");
                let name = cx.interface(statement).map(|word| word.text.to_string());
                self.link.link.lvs_sync_interface = name.or(self.link.link.lvs_sync_interface.take());
            }
            "kernel_rx_buf_size" => {
                let size = self.receive_buffer(cx, statement);
                self.link.link.receive_buffer = size.or(self.link.link.receive_buffer);
            }
            _ => return self.link_flag(cx, keyword, statement),
        }
        true
    }

    /// The same for keywords that stand alone.
    fn link_flag(&mut self, cx: &mut Lower<'_, '_>, keyword: &str, statement: &Statement) -> bool {
        let span = statement.span;
        let link = &mut self.link;
        match keyword {
            "use_vmac_addr" => link.link.vmac_for_addresses = true,
            "vmac_xmit_base" => {
                link.link.transmit_on_base = true;
                link.transmit_at = Some(span);
            }
            "dont_track_primary" => link.link.ignore_faults = true,
            "track_src_ip" => {
                link.link.track_source = true;
                link.track_source_at = Some(span);
            }
            "promote_secondaries" => {
                link.link.promote_secondaries = true;
                link.promote_at = Some(span);
            }
            "linkbeat_use_polling" => {
                link.link.linkbeat_polling = true;
                self.deprecated(cx, statement, "list the interface in `linkbeat_interfaces`");
            }
            _ => return false,
        }
        cx.no_more_arguments(statement);
        true
    }

    pub(super) fn deprecated(&self, cx: &mut Lower<'_, '_>, statement: &Statement, help: &str) {
        let name = statement.keyword.map_or("", |k| k.name);
        let message = format!("({}) `{name}` is deprecated", self.name);
        cx.sink.push(Diagnostic::new(&codes::DEPRECATED, statement.span, message).help(help));
    }

    fn vrf(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(word) = cx.interface(statement) else { return };
        if let Some(first) = self.link.vrf_at {
            let message = format!("({}) a second VRF; it has no effect", self.name);
            let diagnostic = Diagnostic::new(&codes::VRF, statement.span, message);
            cx.sink.push(diagnostic.also(first, "the first one"));
        } else if cx.interface_exists(word) {
            self.link.link.vrf = Some(word.text.to_string());
            self.link.vrf_at = Some(statement.span);
        }
    }

    /// `garp_extra_if [all] SECONDS`; 0 turns it off.
    fn garp_extra(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        if statement.keyword.is_some_and(|k| k.synonym_of.is_some()) {
            self.deprecated(cx, statement, "write `garp_extra_if`");
        }
        let mut all = self.link.link.garp_extra.is_some_and(|extra| extra.all);
        let mut interval = None;
        for word in cx.words(statement).iter().skip(1) {
            if word.text == "all" {
                all = true;
                continue;
            }
            let Some(seconds) = cx.integer_word(word, 0, MAX_GARP_EXTRA) else { return };
            interval = Some(Duration::from_secs(seconds));
        }
        let Some(interval) = interval else {
            let message = "an interval in seconds is missing; it has no effect";
            self.report(cx, &codes::BAD_NUMBER, statement.span, message);
            return;
        };
        self.link.link.garp_extra = (!interval.is_zero()).then_some(GarpExtraIf { interval, all });
    }

    /// Exactly one argument; keepalived goes on where it is missing.
    fn receive_buffer(&self, cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<u32> {
        let words = cx.words(statement);
        if let [_, word] = words {
            return cx.integer_word(word, 0, u64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok());
        }
        let at = match words {
            [_, _, extra, ..] => extra.span,
            _ => statement.span,
        };
        self.report(
            cx,
            &codes::BAD_NUMBER,
            at,
            "`kernel_rx_buf_size` takes one number of bytes; it has no effect",
        );
        None
    }

    /// What the keywords come to.
    pub(super) fn finish_link(
        &mut self,
        cx: &mut Lower<'_, '_>,
        family: Family,
        unicast: Option<&Unicast>,
        strict: bool,
        unique: &mut Unique,
    ) -> Link {
        let mut given = std::mem::take(&mut self.link);
        let mut link = std::mem::take(&mut given.link);
        if let Some(at) = given.vrf_at
            && (self.interface.is_some() || unicast.is_none())
        {
            let why = if self.interface.is_some() { "without an interface" } else { "with unicast" };
            self.report(cx, &codes::VRF, at, &format!("a VRF can only be given {why}; it has no effect"));
            link.vrf = None;
        }
        if let Some(at) = given.vmac_at.or(given.ipvlan_at)
            && self.interface.is_none()
        {
            if self.interface_given || unicast.is_some() {
                let message = "a link on top of no interface; it has no effect";
                self.report(cx, &codes::LINK_SETTING, at, message);
            }
            (link.vmac, link.ipvlan) = (None, None);
        }
        let has_link = link.vmac.is_some() || link.ipvlan.is_some();
        if has_link && unicast.is_some() && !link.transmit_on_base {
            let at = given.vmac_at.or(given.ipvlan_at).unwrap_or(self.named_at);
            // For the adverts of an ipvlan, vmac_xmit_base means nothing.
            let (consequence, help) = match link.vmac {
                Some(_) => ("vmac_xmit_base is set", "add `vmac_xmit_base`"),
                None => ("they leave by the interface", "remove `use_ipvlan`, or the peers"),
            };
            let message =
                format!("({}) unicast adverts can't use the link of their own; {consequence}", self.name);
            let diagnostic = Diagnostic::new(&codes::LINK_SETTING, at, message);
            cx.sink.push(diagnostic.help(help));
            link.transmit_on_base = true;
        }
        if let Some(at) = given.transmit_at {
            if strict && link.vmac.is_some() {
                self.against_strict(cx, at, "adverts must come from the VMAC; vmac_xmit_base has no effect");
                link.transmit_on_base = false;
            } else if link.vmac.is_none() {
                let message = "vmac_xmit_base has no effect without use_vmac";
                self.report(cx, &codes::LINK_SETTING, at, message);
                link.transmit_on_base = false;
            }
        }
        if let (true, Some(at)) = (has_link, given.promote_at) {
            let message = "promote_secondaries is always set for links of their own; leave it out";
            self.report(cx, &codes::LINK_SETTING, at, message);
            link.promote_secondaries = false;
        }
        if let (Some(at), None) = (given.track_source_at, self.source) {
            let message = "track_src_ip has no effect without mcast_src_ip or unicast_src_ip";
            self.report(cx, &codes::NO_EFFECT, at, message);
            link.track_source = false;
        }
        if let Some(vmac) = &mut link.vmac {
            match (given.mac_at, strict) {
                (Some(at), true) => {
                    self.against_strict(
                        cx,
                        at,
                        "the MAC address follows from the VRID; this one has no effect",
                    );
                }
                _ => vmac.mac = whole_mac(self.mac, self.vrid.map_or(0, |(vrid, _)| vrid.get())),
            }
        }
        if let (Some(ipvlan), Family::V4) = (&link.ipvlan, family)
            && ipvlan.address.is_none()
        {
            let at = given.ipvlan_at.unwrap_or(self.named_at);
            let message = "an IPv4 ipvlan needs an address of its own; the instance stays in FAULT";
            self.report(cx, &codes::IPVLAN_ADDRESS, at, message);
        }
        if let Some(at) = given.name_at {
            let names = [link.vmac.as_mut().map(|v| &mut v.name), link.ipvlan.as_mut().map(|i| &mut i.name)];
            for name in names.into_iter().flatten() {
                if name.as_deref().is_some_and(|n| !unique.is_new_link(cx, &self.name, n, at)) {
                    *name = None;
                }
            }
        }
        link
    }
}
