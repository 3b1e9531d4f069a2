//! The adverts of an instance: what stands in them, and when one leaves out of turn.

use super::{Instance, Origin, State};
use crate::net::Family;
use crate::time::Instant;
use crate::vrrp::config::{self, Auth, OldChecksum, RxBuffers, Version};
use crate::vrrp::event::{Action, Actions, Datagram, Packet, Report};
use crate::vrrp::packet::{Advert, Authentication, Body, Centis, PRIORITY_STOP, Secs, Sum, TTL};
use std::net::IpAddr;

/// Bytes of an IPv4 header, which comes with a packet.
const IPV4_HEADER: usize = 20;

/// The checksum of an instance's adverts, as long as no peer was seen to make another one.
pub(super) fn first_sum(config: &config::Instance) -> Sum {
    if config.family == Family::V6 {
        return Sum::PseudoHeader;
    }
    match &config.unicast {
        _ if config.policy.v3_checksum_as_v2 => Sum::AsV2,
        Some(unicast) if unicast.old_checksum == OldChecksum::Always => old_sum(config),
        _ => Sum::PseudoHeader,
    }
}

/// The checksum over unicast as keepalived made it up to 1.3.6.
pub(super) fn old_sum(config: &config::Instance) -> Sum {
    match config.group() {
        IpAddr::V4(group) => Sum::Group(group),
        IpAddr::V6(_) => Sum::PseudoHeader,
    }
}

impl config::Instance {
    /// The interface that its adverts leave by: its own, or the VRF of unicast without one. `None`: the routes decide.
    #[must_use]
    pub fn way(&self) -> Option<&str> {
        self.interface.as_deref().or(self.link.vrf.as_deref())
    }

    /// The source address without which it can't run: that of unicast, where peers send their adverts, and with
    /// `track_src_ip` any.
    #[must_use]
    pub fn needed_source(&self) -> Option<IpAddr> {
        self.source.filter(|_| self.link.track_source || self.unicast.is_some())
    }
}

impl Instance {
    /// Advertises out of turn; the next regular advert follows one interval later.
    pub(super) fn advertise_now(&mut self, now: Instant, out: &mut Actions) {
        self.advertise(self.origin, self.priority.effective(), out);
        if let State::Master { advert_at, .. } = &mut self.state {
            *advert_at = self.spread.next(now, self.config.advert_int);
        }
        self.warn_owner(now);
    }

    pub(super) fn advertise(&mut self, origin: Option<Origin>, priority: u8, out: &mut Actions) {
        let Some(origin) = origin.filter(|origin| origin.ready) else { return };
        self.stats.adverts_sent += 1;
        if priority == PRIORITY_STOP {
            self.stats.seldom.priority_zero_sent += 1;
        }
        let is_same = |(was, packet): &(u8, Packet)| {
            (*was, packet.interface, packet.source) == (priority, origin.interface, origin.source)
        };
        if !self.encoded.as_ref().is_some_and(is_same) {
            self.encoded = Some((priority, self.packet_of(origin, priority)));
        }
        self.seal();
        let Some((_, packet)) = &self.encoded else { return };
        let packet = packet.clone();
        out.push(Action::Advertise { instance: self.config.name.clone(), packet });
    }

    fn packet_of(&self, origin: Origin, priority: u8) -> Packet {
        let advert = self.own_advert(priority);
        // Room for what it is signed with.
        let (before, behind) = self.extra();
        let to = |destination| {
            let advert = advert.encode_with(self.sum, origin.source, destination);
            let parts = [&vec![0; before][..], &advert, &vec![0; behind]];
            Datagram { destination, bytes: parts.concat().into() }
        };
        let (copies, ttl) = match &self.config.unicast {
            None => ([to(self.config.group())].into(), Some(TTL)),
            Some(unicast) => {
                // Only the pseudo-header knows the destination.
                let mut copies: Vec<Datagram> = Vec::with_capacity(unicast.peers.len());
                for peer in &unicast.peers {
                    let copy = match (&advert.body, copies.first()) {
                        (Body::V2 { .. }, Some(first)) if (before, behind) == (0, 0) => {
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
        let (before, behind) = self.extra();
        let mtu = origin.mtu.saturating_sub(u32::try_from(before + behind).unwrap_or(u32::MAX));
        let room = Advert::room(self.config.version, self.config.family, mtu);
        let all = self.in_adverts;
        let advertised = room.min(*self.fits.get_or_insert(all.min(room)));
        self.advertised = self.addresses.iter().take(advertised).map(|a| a.net.address).collect();
        self.encoded = None;
        if all > room {
            out.push(self.report(Report::AdvertTooLong { advertised, of: all, mtu: origin.mtu }));
        }
    }

    /// Bytes of a receive buffer that its adverts ask for: `kernel_rx_buf_size`, or what the policy says of all.
    pub(in crate::vrrp) fn receive_buffer(&self, policy: RxBuffers, multiplier: u32) -> u32 {
        if let Some(bytes) = self.config.link.receive_buffer.filter(|bytes| *bytes > 0) {
            return bytes;
        }
        match policy {
            RxBuffers::System => 0,
            RxBuffers::Bytes(bytes) => bytes,
            RxBuffers::Mtu => self.origin.map_or(0, |origin| origin.mtu).saturating_mul(multiplier),
            RxBuffers::Advert => {
                let (before, behind) = self.extra();
                let header = if self.config.family == Family::V4 { IPV4_HEADER } else { 0 };
                let advert = self.own_advert(0).encode(IpAddr::from([0; 4]), IpAddr::from([0; 4])).len();
                let len = header + before + advert + behind;
                u32::try_from(len).unwrap_or(u32::MAX).saturating_mul(multiplier)
            }
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
                    Some(Auth::Ah(_)) => Authentication::Ah,
                },
            },
            Version::V3 => Body::V3 { interval: Centis::from(interval) },
        };
        Advert { vrid: self.config.vrid, priority, addresses: self.advertised.clone(), body }
    }
}
