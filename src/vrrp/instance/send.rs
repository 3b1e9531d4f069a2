//! The adverts of an instance: what stands in them, and when one leaves out of turn.

use super::{Instance, Origin, State};
use crate::time::Instant;
use crate::vrrp::config::{Auth, Version};
use crate::vrrp::event::{Action, Actions, Packet, Report};
use crate::vrrp::packet::{Advert, Authentication, Body, Centis, PRIORITY_STOP, Secs, TTL};

impl Instance {
    /// Advertises out of turn; the next regular advert follows one interval later.
    pub(super) fn advertise_now(&mut self, now: Instant, out: &mut Actions) {
        self.advertise(self.origin, self.priority.effective(), out);
        if let State::Master { advert_at, .. } = &mut self.state {
            *advert_at = now + self.config.advert_int;
        }
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
                let packet = Packet {
                    interface: Some(origin.interface),
                    source: origin.source,
                    destinations: self.destinations.clone(),
                    ttl: TTL,
                    bytes: self.own_advert(priority).encode(origin.source, self.destination()).into(),
                };
                self.encoded = Some((origin, priority, packet.clone()));
                packet
            }
        };
        out.push(Action::Advertise { instance: self.name.clone(), packet });
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
