//! The instance that a block makes: defaults that depend on each other, and what must be there.

use super::super::Lower;
use super::draft::Draft;
use super::unique::Unique;
use super::{addresses, garp};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::net::Family;
use crate::vrrp::config::Name;
use crate::vrrp::config::{Defaults, Instance, Version};
use std::net::IpAddr;
use std::time::Duration;

impl Draft {
    /// Defaults that depend on each other, in keepalived's order; `None` if this can't be run.
    pub(super) fn finish(
        mut self,
        cx: &mut Lower<'_, '_>,
        globals: &Defaults,
        unique: &mut Unique,
    ) -> Option<Instance> {
        let strict = self.policy.strict.unwrap_or(globals.policy.strict);
        let family = self.family.map_or(Family::V4, |(f, _)| f);
        let version = self.checked_version(cx, family, globals.version, strict);
        let has_addresses = self.has_addresses(cx, version, strict);
        let (state, priority) = self.state_and_priority();
        let mut state = self.strict_state(cx, state, priority, strict);
        let advert_int = self.checked_advert_int(cx, version);
        let mut auth = self.auth(cx, version, family, strict, &mut state, priority);
        let hmac_at = self.hmac.as_ref().map(|given| given.at);
        let hmac = self.finish_hmac(cx, strict, advert_int);
        if let (Some(hmac_at), Some(_), Some((_, at))) = (hmac_at, &auth, self.auth_type) {
            let message = format!("({}) auth_hmac takes the place of this authentication", self.name);
            let diagnostic = Diagnostic::new(&codes::HMAC_AND_PASSWORD, at, message);
            cx.sink.push(diagnostic.also(hmac_at, "this holds"));
            auth = None;
        }
        let unicast_at = self.unicast.asked;
        let unicast = self.finish_unicast(cx, globals.check_unicast_src);
        if let (true, Some(_), Some(at), Some(_)) = (strict, &unicast, unicast_at, &self.interface) {
            let message = format!("({}) strict mode knows no unicast where multicast can be had", self.name);
            let diagnostic = Diagnostic::new(&codes::STRICT_UNICAST, at, message);
            cx.sink
                .push(diagnostic.help("remove the peers, or turn `strict_mode` (global `vrrp_strict`) off"));
        }
        let interface = self.required_interface(cx, unicast.is_some());
        let link = self.finish_link(cx, family, unicast.as_ref(), strict, unique);
        if unicast.is_none() {
            self.first_is_link_local(cx, strict);
        }
        self.limit_addresses(cx, version, family);
        self.preemption(cx, state, priority, strict);
        let policy = self.finish_policy(cx, version, priority, &globals.policy);
        let (garp, against) = garp::finish(self.garp, self.garp_lower_delay, self.garp_lower_repeat, strict);
        for at in against {
            self.against_strict(cx, at, "adverts of lower priority are not answered; this has no effect");
        }
        let (vrid, vrid_at) = self.required_vrid(cx)?;
        let interface = interface.ok().filter(|_| has_addresses)?;
        let group = match family {
            Family::V4 => globals.mcast_group4.map(IpAddr::from),
            Family::V6 => globals.mcast_group6.map(IpAddr::from),
        };
        let mcast_dst_ip = match unicast {
            Some(_) => None,
            None => self.mcast_dst_ip.map(|(group, _)| group).or(group),
        };
        let interface: Option<Name> = interface.map(Name::from);
        let device = interface.clone().unwrap_or_else(|| globals.interface.as_str().into());
        let instance = Instance {
            addresses: addresses::on(&device, self.addresses),
            excluded: addresses::on(&device, self.excluded).into(),
            routes: self.routes.into(),
            rules: self.rules.into(),
            state,
            interface,
            family,
            priority,
            version,
            advert_int,
            auth,
            garp: garp.into(),
            nopreempt: self.nopreempt.is_some(),
            preempt_delay: self.preempt_delay.map_or(Duration::ZERO, |(d, _)| d),
            source: self.source.map(|(source, _)| source),
            mcast_dst_ip,
            unicast: unicast.map(Box::new),
            link: link.into(),
            policy,
            hmac: hmac.map(Box::new),
            ..Instance::new(self.name, "", vrid)
        };
        unique.is_new_router(cx, &instance, vrid_at).then_some(instance)
    }

    /// Whether it has the addresses that it can't be without. Version 3 sends no advert without one.
    fn has_addresses(&self, cx: &mut Lower<'_, '_>, version: Version, strict: bool) -> bool {
        if !self.addresses.is_empty() {
            return true;
        }
        let at = self.named_at;
        match self.no_addresses {
            Some(((), at)) if strict => {
                self.against_strict(cx, at, "at least one virtual address is needed");
            }
            Some(_) => return true,
            None => {}
        }
        if strict || version == Version::V3 {
            // What is wrong with those that are there is said already.
            if !self.addresses_given || !self.excluded.is_empty() {
                let message = "no virtual address; at least one is required";
                self.report(cx, &codes::ADDRESS_REQUIRED, at, message);
            }
            return false;
        }
        if self.excluded.is_empty() && !self.addresses_given {
            self.report(cx, &codes::NO_ADDRESS, at, "no virtual address; at least one is sensible");
        }
        true
    }

    /// IPv6 came with version 3; keepalived uses it in version 2 if `version 2` is given, except in strict mode.
    fn checked_version(
        &self,
        cx: &mut Lower<'_, '_>,
        family: Family,
        global: Version,
        strict: bool,
    ) -> Version {
        match (self.version, family) {
            (Some((Version::V2, at)), Family::V6) if strict => {
                self.against_strict(cx, at, "version 2 knows no IPv6; version 3 is spoken");
                Version::V3
            }
            (Some((version, _)), _) => version,
            (None, Family::V6) => Version::V3,
            (None, Family::V4) => global,
        }
    }
}
