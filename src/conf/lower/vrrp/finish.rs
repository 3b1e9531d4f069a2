//! The instance that a block makes: defaults that depend on each other, and what must be there.

use super::super::Lower;
use super::addresses;
use super::draft::Draft;
use super::seen::Seen;
use crate::conf::diagnostic::codes;
use crate::net::Family;

use crate::vrrp::config::{Defaults, Instance, Version};
use std::net::IpAddr;
use std::time::Duration;

impl Draft {
    /// Defaults that depend on each other, in keepalived's order; `None` if this can't be run.
    pub(super) fn finish(
        mut self,
        cx: &mut Lower<'_, '_>,
        globals: &Defaults,
        seen: &mut Seen,
    ) -> Option<Instance> {
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
        let group = match family {
            Family::V4 => globals.mcast_group4.map(IpAddr::from),
            Family::V6 => globals.mcast_group6.map(IpAddr::from),
        };
        let mcast_dst_ip = self.mcast_dst_ip.or(group);
        if !seen.is_new_router(cx, &self.name, &interface, family, (vrid, vrid_at), mcast_dst_ip) {
            return None;
        }
        Some(Instance {
            addresses: addresses::on(&interface, self.addresses),
            excluded: addresses::on(&interface, self.excluded),
            routes: self.routes,
            rules: self.rules,
            state,
            priority,
            version,
            advert_int,
            auth,
            garp: self.garp,
            nopreempt: self.nopreempt.is_some(),
            preempt_delay: self.preempt_delay.map_or(Duration::ZERO, |(d, _)| d),
            mcast_src_ip: self.mcast_src_ip,
            mcast_dst_ip,
            ..Instance::new(self.name, interface, vrid)
        })
    }
}
