//! The kernel's links and addresses, as far as instances care, and what has changed of them since they were told.

use crate::net::MacAddr;
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

    /// What the router does not know yet. An interface on which nothing can be heard counts as down.
    pub(super) fn changes(&mut self, usable: impl Fn(&str) -> bool) -> Vec<Event> {
        let mut changes = Vec::new();
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
