//! `garp_extra_if`: announcements that are repeated where no adverts leave, so that switches there remember the MAC address.

use crate::time::Instant;
use crate::vrrp::config::{self, VirtualAddress};
use crate::vrrp::shared::Shared;
use std::collections::BTreeSet;

/// One address of each interface that is to be announced from time to time: without `all`, of VMACs alone. Where adverts
/// leave they do the same service.
pub(super) fn addresses(config: &config::Instance, addresses: &[VirtualAddress]) -> Shared<[VirtualAddress]> {
    let Some(extra) = config.link.garp_extra else { return [].into() };
    let link = &config.link;
    let base = config.interface.as_deref();
    let own = link.own_name().or(base);
    // By now an address on a VMAC names that as its interface, see `vrrp::overlay`.
    let is_ours = |address: &VirtualAddress| {
        let interface = Some(address.interface.as_str());
        let elsewhere = interface != base;
        address.use_vmac || elsewhere && (interface == link.own_name() || link.vmac_for_addresses)
    };
    let is_wanted = |address: &VirtualAddress| {
        let adverts_leave = Some(address.interface.as_str()) == own && !link.transmit_on_base;
        (extra.all || is_ours(address)) && !adverts_leave
    };
    let mut seen = BTreeSet::new();
    let wanted = addresses.iter().filter(|address| is_wanted(address));
    wanted.filter(|address| seen.insert(address.interface.as_str())).cloned().collect()
}

/// When the next ones are due.
pub(super) fn next(now: Instant, config: &config::Instance, addresses: &[VirtualAddress]) -> Option<Instant> {
    let extra = config.link.garp_extra.filter(|_| !addresses.is_empty())?;
    Some(now + extra.interval)
}
