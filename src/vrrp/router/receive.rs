//! Finds the instance that a packet is for.
//!
//! Socket, family and VRID say it in most cases. Where several instances share them, the destination tells groups and
//! unicast sources apart, and the sender tells unicast peers apart, as in keepalived.

use super::{Key, Router, Slot};
use crate::net::{Family, MacAddr};
use crate::time::Instant;
use crate::vrrp::event::{Action, Actions, Discard, IfIndex, Received, Report};
use crate::vrrp::instance::Refused;
use crate::vrrp::kernel::Id;
use crate::vrrp::packet::Advert;
use std::net::IpAddr;

impl Router {
    pub(super) fn received(&mut self, now: Instant, received: &Received<'_>, out: &mut Actions) {
        if self.startup.is_delayed(now) || !received.is_vrrp() {
            return;
        }
        let Some((id, slot)) = self.listener(received) else {
            return self.received_of_stranger(received, out);
        };
        let outcome = slot.instance.packet(now, received, out);
        let source = received.source;
        if let Err(refused) = outcome {
            let instance = Some(slot.instance.name().clone());
            let report = match refused {
                Refused::Malformed(error) => Some(Report::Malformed { source, error }),
                // Once is enough.
                Refused::Discarded(reason) if slot.instance.has_told_of(source, reason) => None,
                Refused::Discarded(reason) => {
                    Some(Report::Discarded { source, is_known: slot.instance.knows(source), reason })
                }
            };
            out.extend(report.map(|report| Action::Report { instance, report }));
        }
        self.reschedule(id);
        match outcome {
            Ok(true) => self.announce_group(now, id, out),
            Ok(false) => self.synchronise(now, id, out),
            Err(_) => {}
        }
    }

    /// A host says that it has an address. Only that of a master counts, and no host but another one.
    pub(super) fn claimed(
        &mut self,
        now: Instant,
        interface: IfIndex,
        address: IpAddr,
        mac: MacAddr,
        out: &mut Actions,
    ) {
        if self.kernel.is_own_mac(mac) {
            return;
        }
        let Some(name) = self.kernel.name_of(interface) else { return };
        for id in self.kernel.holders(interface, address) {
            if let Some(slot) = self.instances.get_mut(&id) {
                slot.instance.hear_claim(now, &name, address, mac, out);
            }
            self.reschedule(id);
        }
    }

    /// Whom a packet is for, as far as can be told before it is read.
    fn listener(&mut self, received: &Received<'_>) -> Option<(Id, &mut Slot)> {
        let vrid = Advert::vrid_of(received.advert()?)?;
        let key: Key = (received.interface, Family::of(received.source), received.protocol, vrid);
        let ids = self.by_vrid.of(&key, &self.instances);
        let instance = |id: &Id| self.instances.get(id).map(|slot| &slot.instance);
        let hears = |id: &&Id| instance(id).is_some_and(|i| i.hears(received.destination));
        let id = match ids.as_slice() {
            [] => return None,
            [only] if hears(&only) => *only,
            // It may be for an instance that has an interface.
            several if received.interface.is_none() && !several.iter().any(|id| hears(&id)) => return None,
            [only] => *only,
            several => {
                let mut candidates = several.iter().filter(hears);
                match (candidates.next(), candidates.next()) {
                    (Some(only), None) => *only,
                    // Not sent to any of them: the first says so.
                    (None, _) => *several.first()?,
                    (Some(_), Some(_)) => {
                        let source = received.source;
                        let of_peer = |id: &&Id| instance(id).is_some_and(|i| i.has_peer(source));
                        let known = |id: &&Id| instance(id).is_some_and(|i| i.knows(source));
                        let hearing = || several.iter().filter(hears);
                        *hearing().filter(of_peer).find(known).or_else(|| hearing().find(of_peer))?
                    }
                }
            }
        };
        Some((id, self.instances.get_mut(&id)?))
    }

    /// It is counted, and told if `log_unknown_vrids` says so.
    fn received_of_stranger(&mut self, received: &Received<'_>, out: &mut Actions) {
        // What is sent to an interface with a socket of its own is heard there, too.
        if received.interface.is_none()
            && self.listening.keys().any(|l| l.interface.is_some() && l.group.is_none())
        {
            return;
        }
        let Received { source, destination, .. } = *received;
        let report = match Advert::parse(received.advert().unwrap_or_default(), source, destination) {
            Err(error) => {
                self.stats.malformed.count(error);
                Report::Malformed { source, error }
            }
            Ok(advert) => {
                let reason = Discard::UnknownVrid(advert.vrid.get());
                self.stats.discarded.count(reason);
                if !self.tells_strangers {
                    return;
                }
                Report::Discarded { source, is_known: false, reason }
            }
        };
        out.push(Action::Report { instance: None, report });
    }
}
