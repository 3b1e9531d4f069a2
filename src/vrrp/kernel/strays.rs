//! What this program has set and made, and nobody wants where it is: an interface has another name now, or an earlier run
//! has left it.

use super::{Id, Kernel};
use crate::net::IpNet;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Entry, IfIndex, Link, Name};

impl Kernel {
    /// Whether there was no configuration yet.
    pub(in crate::vrrp) const fn is_new(&self) -> bool {
        !self.is_reloaded
    }

    /// What an earlier run has left, and no line of the configuration names: addresses, and interfaces that it made, which
    /// are to be removed from now on. An address that is there with another prefix length than configured is its instance's
    /// matter.
    pub(in crate::vrrp) fn abandon(&mut self) -> (Vec<VirtualAddress>, Vec<Name>) {
        let (mut addresses, mut links) = (Vec::new(), Vec::new());
        for known in self.links.iter() {
            let Link { name, index, make, .. } = &known.link;
            let is_own = self.wanted.links.contains_key(name);
            // What else is on it is somebody's who uses it now.
            let mut held = known.addresses.values().flatten();
            if make.ours && make.kind.is_overlay() && !is_own && held.all(|held| held.ours) {
                self.own.abandoned.insert(*index);
                links.push(name.clone());
            }
            for (&address, all) in &known.addresses {
                // Where adverts come from: one that is not that any more goes when it is made right.
                if is_own && self.is_speaking_address(name, address) {
                    continue;
                }
                // Statics and what owners have are never removed.
                if self.wanted.has(name, address) || self.wanted.is_owned(name, address) {
                    continue;
                }
                for held in all.iter().filter(|held| held.ours) {
                    let net = IpNet { address, prefix_len: held.prefix_len };
                    addresses.push(VirtualAddress::new(net, &**name));
                }
            }
        }
        addresses.sort_by(|a, b| (&a.interface, a.net).cmp(&(&b.interface, b.net)));
        links.sort();
        (addresses, links)
    }

    /// Routes of this program that an interface had under another name. See [`Kernel::stranded`].
    pub(in crate::vrrp) fn stranded_routes(&self, index: IfIndex) -> Vec<Entry> {
        self.routing.stranded(index, &self.links)
    }

    /// What this program has set on an interface, and nobody wants there: it had another name then. With whoever is
    /// configured with it under that name.
    pub(in crate::vrrp) fn stranded(
        &self,
        index: IfIndex,
        former: &str,
    ) -> Vec<(Option<Id>, VirtualAddress)> {
        let Some(known) = self.links.get(index) else { return Vec::new() };
        let name = &known.link.name;
        let mut stranded = Vec::new();
        for (&address, all) in &known.addresses {
            for held in all.iter().filter(|held| held.ours && !held.foreign) {
                let net = IpNet { address, prefix_len: held.prefix_len };
                // What nobody wants under the former name is another daemon's.
                if self.wanted.by(name, &net).is_empty() && self.wanted.has(former, address) {
                    let owner = self.wanted.by(former, &net).first().map(|(id, _)| *id);
                    stranded.push((owner, VirtualAddress::new(net, &**name)));
                }
            }
        }
        stranded
    }
}
