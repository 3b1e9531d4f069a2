//! The adverts of an instance: what stands in them, and when one leaves out of turn.

use super::{Instance, Origin, State};
use crate::net::Family;
use crate::time::Instant;
use crate::vrrp::config::{self, Auth, OldChecksum, Version};
use crate::vrrp::event::{Action, Actions, Datagram, Packet, Report};
use crate::vrrp::packet::{Advert, Authentication, Body, Centis, PRIORITY_STOP, Secs, Sum, TTL};
use std::net::IpAddr;

/// The checksum of an instance's adverts, as long as no peer was seen to make another one.
pub(super) fn first_sum(config: &config::Instance) -> Sum {
    if config.family == Family::V6 {
        return Sum::Rfc;
    }
    match &config.unicast {
        _ if config.policy.v3_checksum_as_v2 => Sum::AsV2,
        Some(unicast) if unicast.old_checksum == OldChecksum::Always => old_sum(config),
        _ => Sum::Rfc,
    }
}

/// The checksum over unicast as keepalived made it up to 1.3.6.
pub(super) fn old_sum(config: &config::Instance) -> Sum {
    match config.group() {
        IpAddr::V4(group) => Sum::Group(group),
        IpAddr::V6(_) => Sum::Rfc,
    }
}

impl Instance {
    /// Advertises out of turn; the next regular advert follows one interval later.
    pub(super) fn advertise_now(&mut self, now: Instant, out: &mut Actions) {
        self.advertise(self.origin, self.priority.effective(), out);
        if let State::Master { advert_at, .. } = &mut self.state {
            *advert_at = now + self.config.advert_int;
        }
        self.warn_owner(now);
    }

    pub(super) fn advertise(&mut self, origin: Option<Origin>, priority: u8, out: &mut Actions) {
        let Some(origin) = origin else { return };
        self.stats.adverts_sent += 1;
        if priority == PRIORITY_STOP {
            self.stats.priority_zero_sent += 1;
        }
        let packet = match &self.encoded {
            Some((o, p, packet)) if (*o, *p) == (origin, priority) => packet.clone(),
            _ => {
                let packet = self.packet_of(origin, priority);
                self.encoded = Some((origin, priority, packet.clone()));
                packet
            }
        };
        out.push(Action::Advertise { instance: self.name.clone(), packet });
    }

    fn packet_of(&self, origin: Origin, priority: u8) -> Packet {
        let advert = self.own_advert(priority);
        let to = |destination| Datagram {
            destination,
            bytes: advert.encode_with(self.sum, origin.source, destination).into(),
        };
        let (copies, ttl) = match &self.config.unicast {
            None => ([to(self.config.group())].into(), Some(TTL)),
            Some(unicast) => {
                // Only the pseudo-header knows the destination.
                let mut copies: Vec<Datagram> = Vec::with_capacity(unicast.peers.len());
                for peer in &unicast.peers {
                    let copy = match (&advert.body, copies.first()) {
                        (Body::V2 { .. }, Some(first)) => {
                            Datagram { destination: peer.address, bytes: first.bytes.clone() }
                        }
                        _ => to(peer.address),
                    };
                    copies.push(copy);
                }
                (copies.into(), unicast.ttl)
            }
        };
        Packet {
            interface: origin.interface,
            source: origin.source,
            ttl,
            protocol: self.protocol(),
            id: 0,
            copies,
        }
    }

    /// Takes as many addresses into the advert as the interface carries.
    pub(super) fn fit_advert(&mut self, out: &mut Actions) {
        let Some(origin) = self.origin else { return };
        let room = Advert::room(self.config.version, self.config.family, origin.mtu);
        let all = self.in_adverts;
        let advertised = room.min(*self.fits.get_or_insert(all.min(room)));
        self.advertised = self.addresses.iter().take(advertised).map(|a| a.net.address).collect();
        self.encoded = None;
        if all > room {
            out.push(self.report(Report::AdvertTooLong { advertised, of: all, mtu: origin.mtu }));
        }
    }

    pub(super) fn own_advert(&self, priority: u8) -> Advert {
        let interval = self.config.advert_int;
        let body = match self.config.version {
            Version::V2 => Body::V2 {
                interval: Secs::from(interval),
                auth: match self.config.auth {
                    None => Authentication::None,
                    Some(Auth::Pass(pass)) => Authentication::Pass(pass),
                },
            },
            Version::V3 => Body::V3 { interval: Centis::from(interval) },
        };
        Advert { vrid: self.config.vrid, priority, addresses: self.advertised.clone(), body }
    }
}
