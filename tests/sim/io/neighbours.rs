//! What is said of addresses on a link (ARP, neighbour discovery), by a node and to it.

use super::World;
use crate::story::Said;
use std::net::IpAddr;
use vipd::net::MacAddr;
use vipd::time::Instant;
use vipd::vrrp::event::{Event, IfIndex, StateKind};
use vipd::vrrp::garp::{Frame, claim};

impl World {
    /// Somebody says whose an address is.
    pub(crate) fn hear_claim(&mut self, now: Instant, link: usize, address: IpAddr, mac: MacAddr) -> bool {
        let indexes = self.kernel.indexes(link).into_iter().filter(|index| self.kernel.is_up(*index));
        let before = self.claims.len();
        self.claims.extend(indexes.map(|index| (now, index, address, mac)));
        self.watch.macs.insert(mac);
        self.claims.len() > before
    }

    pub(super) fn announce(&mut self, frames: &[Frame]) {
        for frame in frames {
            self.cost(self.costs.frame);
            self.say_to_neighbours(frame);
            if asks(frame.bytes()) {
                continue;
            }
            let Some(address) = announced(frame.bytes()) else {
                self.watch.wrong("announces nothing".into());
                continue;
            };
            self.unannounced.remove(&(frame.interface, address));
            self.say(|| format!("announces {address}"));
            if !self.kernel.holds_address(frame.interface, address)
                && !self.may_be_gone(frame.interface, address)
            {
                self.watch.wrong(format!("announces {address}, which it does not hold"));
            }
        }
    }

    /// Somebody may have taken an address a moment ago, which is not known yet.
    fn may_be_gone(&self, on: IfIndex, address: IpAddr) -> bool {
        let says_so = |event: &Event<'_>| match event {
            Event::AddressGone { interface, net } => (*interface, net.address) == (on, address),
            Event::LinkGone(interface) => *interface == on,
            _ => false,
        };
        self.kernel.overrun || self.kernel.news.iter().any(says_so)
    }

    /// The neighbours have believed another host: a master's addresses are to be announced.
    pub(super) fn expect_announcements(&mut self, router: usize) {
        let World { watch, kernel, unannounced, .. } = self;
        let router = &watch.routers[router];
        let Some(index) = kernel.place(router).filter(|_| router.state == StateKind::Master) else {
            return;
        };
        let held = router.promised().filter(|net| kernel.holds(index, *net));
        unannounced.extend(held.map(|net| (index, net.address)));
    }

    fn say_to_neighbours(&mut self, frame: &Frame) {
        let Some(link) = self.kernel.slot(frame.interface).filter(|_| self.says) else { return };
        let (bytes, at) = (frame.bytes(), self.now);
        let said = match claim(bytes) {
            Some((address, mac)) => Some(Said { at, link, address, mac: Some(mac) }),
            None => asked(bytes).map(|address| Said { at, link, address, mac: None }),
        };
        self.said.extend(said);
    }
}

/// Which address a frame asks for.
fn asked(frame: &[u8]) -> Option<IpAddr> {
    match frame.get(12..14)? {
        [0x08, 0x06] => Some(IpAddr::from(<[u8; 4]>::try_from(frame.get(38..42)?).ok()?)),
        _ => Some(IpAddr::from(<[u8; 16]>::try_from(frame.get(62..78)?).ok()?)),
    }
}

/// Whether it announces nothing, but asks who has an address: from no IPv4 address, or a neighbour solicitation.
fn asks(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x06]) => frame.get(28..32) == Some(&[0; 4]),
        _ => frame.get(54) == Some(&135),
    }
}

/// Whose address a frame announces.
fn announced(frame: &[u8]) -> Option<IpAddr> {
    match frame.get(12..14)? {
        [0x08, 0x06] => Some(IpAddr::from(<[u8; 4]>::try_from(frame.get(28..32)?).ok()?)),
        _ => Some(IpAddr::from(<[u8; 16]>::try_from(frame.get(62..78)?).ok()?)),
    }
}
