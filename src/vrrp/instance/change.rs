//! What a reload changes of a running instance: its schedule goes on, and only what differs is done.

use super::{Instance, State, extra, first_sum, kernel};
use crate::net::IpNet;
use crate::time::Instant;
use crate::vrrp::config::{self, Version, VirtualAddress};
use crate::vrrp::event::{Actions, Reloaded, Report};
use crate::vrrp::packet::PRIORITY_OWNER;
use crate::vrrp::shared::Shared;
use std::collections::HashSet;

impl Instance {
    /// Whether `config` describes the same virtual router, as the network sees it: a reload then changes this one instead
    /// of replacing it. Its name does not matter.
    #[must_use]
    pub fn same_router(&self, config: &config::Instance) -> bool {
        identity(&self.config) == identity(config)
    }

    /// A reload that leaves it the same virtual router. A master stays master, and tells at once what changed. Gives the
    /// addresses that stay, but with another label, scope or the like.
    pub(in crate::vrrp) fn reconfigure(
        &mut self,
        now: Instant,
        mut config: config::Instance,
        out: &mut Actions,
    ) -> Vec<VirtualAddress> {
        if self.is_configured_as(&mut config) {
            return Vec::new();
        }
        self.clock.now = now;
        let new = Instance::new(config);
        let changes = changes(self, &new);
        if !changes.is_empty() {
            out.push(self.report(Report::Reloaded(Reloaded::Changed(changes.into()))));
        }
        if new.name() != self.name() {
            out.push(self.report(Report::Renamed { to: new.name().clone() }));
        }
        let old_down = self.master_down_interval();
        let old_config = std::mem::replace(&mut self.config, new.config);
        self.in_adverts = new.in_adverts;
        let (old_interval, old_refresh) = (old_config.advert_int, old_config.garp.refresh);
        let old_extra = (old_config.link.garp_extra, self.extra.is_empty());
        self.extra = new.extra;
        let old_priority = self.priority.effective();
        self.priority.configure(new.priority.base());
        let old_addresses = std::mem::replace(&mut self.addresses, new.addresses);
        if new.sum != first_sum(&old_config) {
            self.sum = new.sum;
        }
        self.encoded = None;
        self.advertised = new.advertised;
        self.fits = None;
        self.fit_advert(out);
        let own_interval = self.master_interval == old_interval || self.config.version == Version::V2;
        if own_interval {
            self.master_interval = self.config.advert_int;
        }
        let old_routes = std::mem::replace(&mut self.routes, new.routes);
        let old_rules = std::mem::replace(&mut self.rules, new.rules);
        self.apply_entries(&kernel::missing(&old_rules, &self.rules), out);
        self.apply_entries(&kernel::missing(&old_routes, &self.routes), out);
        let gone = misplaced(&old_addresses, &self.addresses);
        let added = missing(&self.addresses, &old_addresses);
        let known: HashSet<_> = old_addresses.iter().map(place).collect();
        let outdated = added.iter().filter(|address| known.contains(&place(address))).cloned().collect();
        if !gone.is_empty() {
            out.push(self.apply(&gone));
        }
        let master_down_interval = self.master_down_interval();
        match &mut self.state {
            State::Init | State::Fault => {}
            State::Backup { master_down_at, willing, preempt_at, .. } => {
                if let Some(at) = preempt_at {
                    *at = *at - old_config.preempt_delay + self.config.preempt_delay;
                }
                if self.priority.effective() == PRIORITY_OWNER && old_priority != PRIORITY_OWNER {
                    if self.in_group {
                        *willing = true;
                    } else {
                        self.become_master(now, out);
                        return outdated;
                    }
                }
                if own_interval && old_interval != self.config.advert_int {
                    // While the start is delayed, it does not listen yet.
                    let listens_since = now.max(*master_down_at - old_down);
                    *master_down_at = listens_since + master_down_interval;
                }
            }
            State::Master { refresh_at, extra_at, .. } => {
                let refresh = self.config.garp.refresh;
                if refresh != old_refresh {
                    *refresh_at = (!refresh.is_zero()).then(|| now + refresh);
                }
                if old_extra != (self.config.link.garp_extra, self.extra.is_empty()) {
                    *extra_at = extra::next(now, &self.config, &self.extra);
                }
                self.advertise_now(now, out);
                // The other may believe this advert, and leave without a word to the neighbours.
                self.announce_in_split(out);
            }
        }
        let new_routes = kernel::missing(&self.routes, &old_routes);
        let new_rules = kernel::missing(&self.rules, &old_rules);
        if added.is_empty() {
            self.apply_entries(&new_routes, out);
            self.apply_entries(&new_rules, out);
        } else {
            out.push(self.apply(&added));
            self.apply_entries(&new_routes, out);
            self.apply_entries(&new_rules, out);
            if matches!(self.state, State::Master { .. }) {
                out.push(self.announce(&added, self.config.garp.master_repeat));
            }
        }
        outdated
    }
}

/// What makes a virtual router on the wire: interface, family, VRID, whether it speaks to a group or to peers, and whether
/// it has an Ethernet address of its own.
fn identity(config: &config::Instance) -> (Option<&str>, crate::net::Family, config::Vrid, [bool; 3]) {
    let multicast = config.unicast.is_none();
    let own = [multicast, multicast && config.link.vmac.is_some(), multicast && config.link.ipvlan.is_some()];
    (config.interface.as_deref(), config.family, config.vrid, own)
}

/// What a reload changes, in words; nothing where it is the name alone.
fn changes(old: &Instance, new: &Instance) -> String {
    let mut all = Vec::new();
    let (old_config, new_config) = (&old.config, &new.config);
    if old_config.priority != new_config.priority {
        all.push(format!("priority {} to {}", old_config.priority, new_config.priority));
    }
    if old_config.advert_int != new_config.advert_int {
        all.push(format!("advert_int {:?} to {:?}", old_config.advert_int, new_config.advert_int));
    }
    if old_config.version != new_config.version {
        all.push(format!("version {} to {}", old_config.version.number(), new_config.version.number()));
    }
    if old_config.auth != new_config.auth || old_config.hmac != new_config.hmac {
        all.push("authentication".to_owned());
    }
    if old_config.source != new_config.source {
        all.push("source address".to_owned());
    }
    let (gone, added) =
        (misplaced(&old.addresses, &new.addresses), misplaced(&new.addresses, &old.addresses));
    let known: HashSet<_> = old.addresses.iter().map(place).collect();
    let anew = missing(&new.addresses, &old.addresses);
    let anew = anew.iter().filter(|address| known.contains(&place(address))).cloned().collect();
    for (what, list) in [("without", &gone), ("with", &added), ("other options of", &anew)] {
        match &**list {
            [] => {}
            [one] => all.push(format!("{what} {}", one.net)),
            [first, ..] => all.push(format!("{what} {} addresses, the first {}", list.len(), first.net)),
        }
    }
    for (what, differ) in
        [("virtual_routes", old.routes != new.routes), ("virtual_rules", old.rules != new.rules)]
    {
        if differ {
            all.push(what.to_owned());
        }
    }
    let mut others = old_config.clone();
    others.name.clone_from(&new_config.name);
    others.auth.clone_from(&new_config.auth);
    others.hmac.clone_from(&new_config.hmac);
    (others.priority, others.advert_int) = (new_config.priority, new_config.advert_int);
    (others.version, others.source) = (new_config.version, new_config.source);
    if others != *new_config {
        all.push("other settings".to_owned());
    }
    all.join(", ")
}

fn place(address: &VirtualAddress) -> (&str, IpNet) {
    (&address.interface, address.net)
}

/// Those of `from` that are not in `other`.
fn missing(from: &[VirtualAddress], other: &[VirtualAddress]) -> Shared<[VirtualAddress]> {
    let other: HashSet<&VirtualAddress> = other.iter().collect();
    from.iter().filter(|a| !other.contains(a)).cloned().collect()
}

/// Those of `from` that are not in `other`, whatever their labels and the like.
fn misplaced(from: &[VirtualAddress], other: &[VirtualAddress]) -> Shared<[VirtualAddress]> {
    let other: HashSet<_> = other.iter().map(place).collect();
    from.iter().filter(|address| !other.contains(&place(address))).cloned().collect()
}
