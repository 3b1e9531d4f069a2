//! Interfaces of our own, in the kernel's words: made, with the settings that a VMAC needs, and removed.

use super::kernel::{ALIAS, PRIVATE, VEPA};
use crate::netlink;
use crate::netlink::route::{self, Client, Mode, NewKind, V4Setting};
use crate::sys::settings;
use crate::vrrp::config::IpvlanMode;
use crate::vrrp::event::{Change, NewLink, OwnKind, Refusal, Setting};
use nix::errno::Errno;
use std::collections::HashMap;
use tracing::{debug, info, warn};

/// What IPv4 needs on a VMAC, as keepalived sets it: it answers for its own addresses alone, takes packets from
/// addresses of this host (the adverts of another VMAC), and whatever way the answer would take, and does not lose
/// all addresses of a network with the first of them.
const VMAC: [(V4Setting, u32); 4] = [
    (V4Setting::ArpIgnore, 1),
    (V4Setting::AcceptLocal, 1),
    (V4Setting::RpFilter, 0),
    (V4Setting::PromoteSecondaries, 1),
];
/// And where IPv6 alone is on it.
const VMAC_OF_V6: [(V4Setting, u32); 1] = [(V4Setting::ArpIgnore, 1)];

/// Carries out a change of a link or its settings.
pub(super) fn change(client: &mut Client, paths: &mut ReversePaths, change: &Change) -> Result<(), Refusal> {
    match change {
        Change::Set { interface, name, settings } => {
            let settings: Vec<(V4Setting, u32)> = settings
                .iter()
                .map(|&(setting, value)| {
                    let setting = match setting {
                        Setting::ArpIgnore => V4Setting::ArpIgnore,
                        Setting::ArpFilter => V4Setting::ArpFilter,
                        Setting::ArpAnnounce => V4Setting::ArpAnnounce,
                        Setting::PromoteSecondaries => V4Setting::PromoteSecondaries,
                    };
                    (setting, value)
                })
                .collect();
            client.set_v4(interface.0, &settings).map_err(|error| {
                warn!("Unable to set parameters for {name}: {error}");
                refusal(&error)
            })
        }
        Change::CheckReversePaths(false) => {
            paths.stop_checking(client);
            Ok(())
        }
        Change::CheckReversePaths(true) => {
            paths.check_again(client);
            Ok(())
        }
        Change::AddLink(new) => add(client, new).map_err(|error| refusal(&error)),
        Change::RemoveLink { interface, notify, .. } => {
            client.remove_link(interface.0).map_err(|error| refusal(&error))?;
            if let Some(below) = notify {
                tell_of(client, below.0);
            }
            Ok(())
        }
        Change::Add { .. }
        | Change::Remove { .. }
        | Change::AddRoute { .. }
        | Change::RemoveRoute { .. }
        | Change::AddRule { .. }
        | Change::RemoveRule { .. }
        | Change::Muzzle { .. }
        | Change::Shut { .. } => Ok(()),
    }
}

fn add(client: &mut Client, new: &NewLink) -> Result<(), netlink::Error> {
    let NewLink { link, base, vrf, group } = new;
    let (kind, v4) = match link.kind {
        OwnKind::Macvlan(mac) if link.v4 => (NewKind::PrivateMacvlan(mac), VMAC.to_vec()),
        OwnKind::Macvlan(mac) => (NewKind::PrivateMacvlan(mac), VMAC_OF_V6.to_vec()),
        OwnKind::Ipvlan(mode) => (NewKind::IpvlanL2(flags(mode)), Vec::new()),
    };
    let name = link.name.to_string();
    let request = route::NewLink {
        name: name.clone(),
        below: base.0,
        kind,
        controller: vrf.map(|index| index.0),
        group: *group,
        alias: ALIAS,
        v4,
    };
    client.make_link(&request, || {
        // Without IPv6 addresses there is nothing for IPv6 to do there.
        let value = if link.v6 { "0" } else { "1" };
        if let Err(error) = settings::write_v6(&name, "disable_ipv6", value) {
            match link.v6 {
                true => warn!("IPv6 may be switched off on {name}: {error}"),
                false => debug!("IPv6 stays switched on on {name}: {error}"),
            }
        }
        // RFC 9568 §7.4: of the virtual router's Ethernet address no others are made. The backups have the same one.
        let is_vmac = matches!(link.kind, OwnKind::Macvlan(_));
        if is_vmac
            && link.v6
            && let Err(error) = settings::write_v6(&name, "accept_ra", "0")
        {
            warn!("{name} may take addresses from router advertisements: {error}");
        }
    })?;
    if link.notify {
        tell_of(client, base.0);
    }
    Ok(())
}

/// `rp_filter`: what a VMAC must not have, all interfaces together would impose on it.
///
/// The setting of all is moved to each interface that has a smaller one, as keepalived does: for no interface anything
/// changes by it but for those that come later and say otherwise.
#[derive(Debug, Default)]
pub(super) struct ReversePaths {
    all: Option<u32>,
    default: Option<u32>,
    /// What interfaces had, by index.
    each: HashMap<u32, u32>,
}

const RP_FILTER: &str = "rp_filter";

impl ReversePaths {
    fn stop_checking(&mut self, client: &mut Client) {
        let all = match settings::read_v4("all", RP_FILTER) {
            Ok(0) => return,
            Ok(all) => all,
            Err(error) => {
                warn!("Unable to read sysctl net.ipv4.conf.all.rp_filter: {error}");
                return;
            }
        };
        let default = settings::read_v4("default", RP_FILTER).unwrap_or(all);
        if default < all {
            info!("NOTICE: setting sysctl net.ipv4.conf.default.rp_filter from {default} to {all}");
            if write("default", all) {
                self.default = Some(default);
            }
        }
        for link in client.links().unwrap_or_default() {
            // A VMAC that an earlier run has left.
            if link.mode == Some(Mode::PrivateMacvlan) {
                continue;
            }
            let Ok(own) = settings::read_v4(&link.name, RP_FILTER) else { continue };
            if own < all && client.set_v4(link.index, &[(V4Setting::RpFilter, all)]).is_ok() {
                self.each.insert(link.index, own);
            }
        }
        info!("NOTICE: setting sysctl net.ipv4.conf.all.rp_filter from {all} to 0");
        if write("all", 0) {
            self.all = Some(all);
        }
    }

    /// Puts back what nobody has changed meanwhile.
    fn check_again(&mut self, client: &mut Client) {
        let Some(all) = self.all.take() else { return };
        if settings::read_v4("all", RP_FILTER).is_ok_and(|now| now == 0) {
            info!("NOTICE: resetting sysctl net.ipv4.conf.all.rp_filter to {all}");
            write("all", all);
        }
        if let Some(default) = self.default.take()
            && settings::read_v4("default", RP_FILTER).is_ok_and(|now| now == all)
        {
            info!("NOTICE: resetting sysctl net.ipv4.conf.default.rp_filter to {default}");
            write("default", default);
        }
        for link in client.links().unwrap_or_default() {
            let Some(before) = self.each.get(&link.index) else { continue };
            if settings::read_v4(&link.name, RP_FILTER).is_ok_and(|now| now == all) {
                let _ = client.set_v4(link.index, &[(V4Setting::RpFilter, *before)]);
            }
        }
        self.each.clear();
    }
}

fn write(interface: &str, value: u32) -> bool {
    match settings::write_v4(interface, RP_FILTER, &value.to_string()) {
        Ok(()) => true,
        Err(error) => {
            let why = if error.is_read_only() { ": settings can't be written here" } else { "" };
            warn!("packets to VMACs may be dropped{why}: {error}");
            false
        }
    }
}

/// `netlink_notify_msg`
fn tell_of(client: &mut Client, index: u32) {
    if let Err(error) = client.tell_of(index) {
        debug!("nobody was told that the interface below has changed: {error}");
    }
}

fn flags(mode: IpvlanMode) -> u16 {
    match mode {
        IpvlanMode::Bridge => 0,
        IpvlanMode::Private => PRIVATE,
        IpvlanMode::Vepa => VEPA,
    }
}

fn refusal(error: &netlink::Error) -> Refusal {
    match error.errno() {
        Some(Errno::EEXIST) => Refusal::Exists,
        Some(Errno::ENODEV) => Refusal::NoInterface,
        _ => Refusal::Other(error.to_string().into()),
    }
}
