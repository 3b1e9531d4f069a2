//! An interface below `Interfaces`.

use super::Text;
use crate::net::MacAddr;
use crate::state::settings::Settings;
use crate::state::vrrp::{Instance, Link, Vrrp};
use crate::vrrp::config::interface::Poll;
use std::net::IpAddr;
use std::time::Duration;

/// keepalived's weight of an interface that keeps nobody from running.
const NEVER: i16 = 255;

pub(super) fn put(text: &mut Text, vrrp: &Vrrp, settings: &Settings, link: &Link) {
    text.line(format_args!(" Name = {}", link.name));
    text.line(format_args!("   index = {}", link.index));
    // Those that adverts can come from.
    let is_source = |address: &&IpAddr| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let (v4, v6): (Vec<&IpAddr>, Vec<&IpAddr>) =
        link.addresses.iter().filter(is_source).partition(|address| address.is_ipv4());
    put_addresses(text, "IPv4", &v4);
    put_addresses(text, "IPv6", &v6);
    let is_loopback = link.name == "lo";
    if let Some(mac) = link.mac.filter(|_| !is_loopback) {
        text.line(format_args!("   MAC = {mac}"));
        text.line(format_args!("   MAC broadcast = {}", MacAddr::BROADCAST));
    }
    let state = if link.up { "UP, RUNNING" } else { "not UP, not RUNNING" };
    let what = if is_loopback { ", no broadcast, loopback, no multicast" } else { "" };
    text.line(format_args!("   State = {state}{what}"));
    let delay = settings.vrrp.link_delays.iter().find(|delay| delay.interface == link.name);
    let (up, down) = delay.map_or((Duration::ZERO, Duration::ZERO), |delay| (delay.up, delay.down));
    text.line(format_args!("   Up debounce timer = {}us", up.as_micros()));
    text.line(format_args!("   Down debounce timer = {}us", down.as_micros()));
    if let Some((kind, base)) = &link.overlay {
        let base = base.as_deref();
        let is_up = base.and_then(|name| vrrp.link(name)).is_some_and(|below| below.up);
        let state = if is_up { "UP, RUNNING" } else { "not UP, not RUNNING" };
        match base {
            Some(base) => {
                text.line(format_args!("   {kind}, underlying interface = {base}, state = {state}"));
            }
            None => text.line(format_args!("   {kind}, underlying interface in different namespace")),
        }
    }
    if link.ours {
        text.line(format_args!("   I/f created by keepalived"));
    }
    text.line(format_args!("   MTU = {}", link.mtu));
    let hardware = match (is_loopback, link.mac) {
        (true, _) => "LOOPBACK",
        (false, Some(_)) => "ETHERNET",
        (false, None) => "UNKNOWN",
    };
    text.line(format_args!("   HW Type = {hardware}"));
    let linkbeat = settings.vrrp.linkbeat.iter().find(|linkbeat| linkbeat.interface == link.name);
    let source = match linkbeat.map(|linkbeat| linkbeat.poll) {
        None => "NIC netlink status update",
        Some(Some(Poll::Mii)) => "NIC support MII regs",
        Some(Some(Poll::Ethtool)) => "NIC support ETHTOOL GLINK interface",
        Some(None | Some(Poll::Ioctl)) => "NIC ioctl refresh polling",
    };
    text.line(format_args!("   {source}"));
    if let Some(table) = link.vrf_table {
        text.line(format_args!("   VRF master table {table}"));
    }
    if let Some(group) = settings.vrrp.garp_groups.iter().find(|group| group.interfaces.contains(&link.name))
    {
        for (what, interval) in [("ARP", group.garp_interval), ("NA", group.gna_interval)] {
            if let Some(interval) = interval {
                text.line(format_args!("   Gratuitous {what} interval {}ms", interval.as_millis()));
            }
        }
    }
    text.line(format_args!("   arp_ignore {}", link.arp_ignore));
    text.line(format_args!("   arp_filter {}", link.arp_filter));
    text.line(format_args!("   promote_secondaries {}", link.promote_secondaries));
    let trackers: Vec<String> =
        vrrp.instances.iter().filter_map(|instance| follows(instance, &link.name)).collect();
    text.list("Tracking VRRP instances", &trackers);
}

fn put_addresses(text: &mut Text, family: &str, addresses: &[&IpAddr]) {
    match addresses.split_first() {
        None => text.line(format_args!("   {family} address = (none)")),
        Some((first, more)) => {
            text.line(format_args!("   {family} address = {first}"));
            let more: Vec<String> = more.iter().map(ToString::to_string).collect();
            text.list(&format!("Additional {family} addresses"), &more);
        }
    }
}

/// Its line, if the instance depends on the interface.
fn follows(instance: &Instance, name: &str) -> Option<String> {
    let config = &instance.config;
    let tracked = config.tracking.interfaces.iter().find(|tracked| tracked.name == name);
    let is_its_own = config.interface.as_deref() == Some(name) || config.link.own_name() == Some(name);
    let weight = match tracked {
        Some(tracked) => tracked.weight.value,
        None if !is_its_own => return None,
        None if config.link.ignore_faults => NEVER,
        None => 0,
    };
    let reverse = if tracked.is_some_and(|tracked| tracked.weight.reverse) { " reverse" } else { "" };
    Some(format!("{}, weight {weight}{reverse}", config.name))
}
