//! What happens to a node's interfaces and addresses behind the daemon's back.

use super::Node;
use super::setting::source;
use vipd::net::{Family, IpNet};
use vipd::time::Instant;
use vipd::vrrp::event::IfIndex;

impl Node {
    /// What the system sets on an interface at boot.
    pub(super) fn system_addresses(&self, slot: usize) -> Vec<IpNet> {
        let real = [Family::V4, Family::V6]
            .map(|family| IpNet { address: source(self.at, slot, family), prefix_len: 24 });
        let owned = self.settings.iter().filter(|s| s.instance.priority == 255 && s.link == slot);
        real.into_iter().chain(owned.map(|s| s.instance.addresses[0].net)).collect()
    }

    pub(crate) fn set_link(&mut self, now: Instant, slot: usize, up: bool, by_hand: bool) {
        let system = self.system_addresses(slot);
        if self.world.kernel.index(slot).is_none() && up {
            self.world.kernel.add_link(slot, &system);
        } else {
            self.world.kernel.set_link(slot, up, by_hand, &system);
        }
        self.wake(now);
    }

    pub(crate) fn remove_link(&mut self, now: Instant, slot: usize) {
        if let Some(index) = self.world.kernel.index(slot) {
            self.world.kernel.remove_link(slot);
            self.forget_link(index);
        }
        self.wake(now);
    }

    /// Somebody deletes an interface that the daemon has made; the news may be lost.
    pub(crate) fn take_own_link(&mut self, now: Instant, nth: usize, lost: bool) {
        let own = self.world.kernel.own_links().map(|(index, _)| index).collect::<Vec<_>>();
        if let Some(index) = own.get(nth % own.len().max(1)) {
            self.world.kernel.take_link(*index);
            self.forget_link(*index);
        }
        if lost {
            self.world.kernel.news.clear();
            self.world.kernel.overrun = true;
        }
        self.wake(now);
    }

    /// Somebody removes an address that the node holds; its news may be lost.
    pub(crate) fn take_address(&mut self, now: Instant, nth: usize, lost: bool) {
        if nth.is_multiple_of(3) {
            self.world.kernel.take_entry(nth);
        }
        let all: Vec<_> = self.world.kernel.not_systems().collect();
        if let Some((index, net)) = all.get(nth % all.len().max(1)) {
            self.world.kernel.take(*index, *net);
            self.world.unannounced.remove(&(*index, net.address));
        }
        if lost {
            self.world.kernel.news.clear();
            self.world.kernel.overrun = true;
        }
        self.wake(now);
    }

    fn forget_link(&mut self, index: IfIndex) {
        self.world.listens.retain(|listen| listen.interface != Some(index));
        self.world.refused.retain(|(at, _)| *at != index);
        self.world.unannounced.retain(|(at, _)| *at != index);
    }
}
