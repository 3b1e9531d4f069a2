//! The kernel's links and addresses, as far as instances care, and what has changed of them since they were told.

use crate::net::{IpNet, MacAddr};
use crate::netlink;
use crate::netlink::route::{self, AddressFlags, Client, Monitor};
use crate::vrrp::config;
use crate::vrrp::event::{Event, IfIndex, Link};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is known of the kernel's links.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: BTreeMap<u32, route::Link>,
    addresses: HashMap<u32, Vec<route::Address>>,
    index: HashMap<String, u32>,
    /// Names that the configuration speaks of.
    wanted: BTreeSet<String>,
    /// What the router was told last.
    told: BTreeMap<String, Link>,
    /// Addresses that went since then.
    gone: Vec<(u32, IpNet)>,
}

impl Links {
    /// Everything as it is now.
    pub(super) fn read(client: &mut Client) -> Result<Links, netlink::Error> {
        let mut links = Links::default();
        links.refresh(client)?;
        Ok(links)
    }

    /// Asks for everything anew.
    pub(super) fn refresh(&mut self, client: &mut Client) -> Result<(), netlink::Error> {
        self.links = client.links()?.into_iter().map(|link| (link.index, link)).collect();
        self.addresses.clear();
        for address in client.addresses(None)? {
            self.addresses.entry(address.interface).or_default().push(address);
        }
        self.index_names();
        Ok(())
    }

    /// From now on these interfaces matter.
    pub(super) fn want(&mut self, config: &config::Config) {
        self.wanted = config
            .instances
            .iter()
            .flat_map(|i| {
                let addresses = i.addresses.iter().chain(&i.excluded).map(|a| a.interface.clone());
                addresses.chain(i.interface.clone())
            })
            .collect();
        self.told.retain(|name, _| self.wanted.contains(name));
    }

    /// Takes in what the kernel tells; whether all has to be asked for again.
    pub(super) fn follow(&mut self, monitor: &mut Monitor) -> Result<bool, netlink::Error> {
        let mut lost = false;
        monitor.drain(|event| lost |= self.apply(event))?;
        self.index_names();
        Ok(lost)
    }

    fn apply(&mut self, event: route::Event) -> bool {
        match event {
            route::Event::Link(link) => {
                self.links.insert(link.index, link);
            }
            route::Event::LinkGone(link) => {
                self.links.remove(&link.index);
                self.addresses.remove(&link.index);
            }
            route::Event::Address(address) => {
                let known = self.addresses.entry(address.interface).or_default();
                match known.iter_mut().find(|a| a.net == address.net) {
                    Some(old) => *old = address,
                    None => known.push(address),
                }
            }
            route::Event::AddressGone(address) => {
                if let Some(known) = self.addresses.get_mut(&address.interface) {
                    known.retain(|a| a.net != address.net);
                }
                self.gone.push((address.interface, address.net));
            }
            route::Event::Resync => return true,
        }
        false
    }

    fn index_names(&mut self) {
        self.index = self.links.values().map(|link| (link.name.clone(), link.index)).collect();
    }

    /// The index of the interface `name`.
    pub(super) fn index(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    /// The name of the interface with that index.
    pub(super) fn name(&self, index: u32) -> Option<&str> {
        self.links.get(&index).map(|link| link.name.as_str())
    }

    /// Index and hardware address of the interface `name`.
    pub(super) fn mac(&self, name: &str) -> Option<(u32, MacAddr)> {
        let index = self.index(name)?;
        Some((index, self.links.get(&index)?.mac?))
    }

    /// What the router does not know yet. An interface on which nothing can be heard counts as down. An address that
    /// came and went in between is told, too: else a master would not miss what was taken as soon as it was set.
    pub(super) fn changes(&mut self, usable: impl Fn(&str) -> bool) -> Vec<Event> {
        let mut changes = Vec::new();
        let gone = std::mem::take(&mut self.gone);
        for name in &self.wanted {
            let now = self.index.get(name).and_then(|index| {
                let link = self.links.get(index)?;
                let addresses = self.addresses.get(index).into_iter().flatten();
                let settled = |a: &&route::Address| {
                    !a.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DADFAILED)
                };
                Some(Link {
                    name: name.as_str().into(),
                    index: IfIndex(*index),
                    up: link.is_up() && usable(name),
                    addresses: addresses.filter(settled).map(|a| a.net).collect(),
                })
            });
            if let (Some(now), Some(told)) = (&now, self.told.get_mut(name))
                && now.index == told.index
            {
                let passing =
                    gone.iter().filter(|(index, _)| IfIndex(*index) == now.index).map(|(_, net)| *net);
                let passing: Vec<IpNet> = passing
                    .filter(|net| !told.addresses.contains(net) && !now.addresses.contains(net))
                    .collect();
                if !passing.is_empty() {
                    told.addresses.extend(passing);
                    changes.push(Event::Link(told.clone()));
                }
            }
            match (now, self.told.get(name)) {
                (Some(now), told) if told != Some(&now) => {
                    self.told.insert(name.clone(), now.clone());
                    changes.push(Event::Link(now));
                }
                (None, Some(_)) => {
                    self.told.remove(name);
                    changes.push(Event::LinkGone { name: name.as_str().into() });
                }
                _ => {}
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::route::LinkFlags;

    fn links() -> Links {
        let mut links = Links::default();
        let mut wanted = config::Config::default();
        let vrid = config::Vrid::new(51).unwrap();
        wanted.instances.push(config::Instance {
            interface: Some("eth0".into()),
            ..config::Instance::new("VI", "eth0", vrid)
        });
        links.want(&wanted);
        let link = route::Link {
            index: 7,
            name: "eth0".into(),
            mac: None,
            flags: LinkFlags::UP | LinkFlags::RUNNING,
            mtu: 1500,
            kind: None,
            lower: None,
            controller: None,
        };
        links.apply(route::Event::Link(link));
        links.apply(route::Event::Address(address("10.9.0.1/24")));
        links.index_names();
        links
    }

    fn address(net: &str) -> route::Address {
        route::Address::new(7, net.parse().unwrap())
    }

    fn told(events: &[Event]) -> Vec<Vec<String>> {
        let addresses = |event: &Event| match event {
            Event::Link(link) => link.addresses.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        };
        events.iter().map(addresses).collect()
    }

    #[test]
    fn an_address_that_came_and_went_at_once_is_told_both_times() {
        let mut links = links();
        assert_eq!(told(&links.changes(|_| true)), [["10.9.0.1/24"]]);
        links.apply(route::Event::Address(address("10.9.0.100/24")));
        links.apply(route::Event::AddressGone(address("10.9.0.100/24")));
        let changes = told(&links.changes(|_| true));
        assert_eq!(changes, [vec!["10.9.0.1/24", "10.9.0.100/24"], vec!["10.9.0.1/24"]]);
        assert_eq!(links.changes(|_| true), [], "and that is all");
    }

    #[test]
    fn an_address_that_went_and_came_back_is_no_news() {
        let mut links = links();
        let _ = links.changes(|_| true);
        links.apply(route::Event::AddressGone(address("10.9.0.1/24")));
        links.apply(route::Event::Address(address("10.9.0.1/24")));
        assert_eq!(links.changes(|_| true), []);
    }
}
