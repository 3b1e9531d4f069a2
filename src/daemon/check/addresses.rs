//! Which addresses of services are set on this machine: `ha_suspend`. Looked at only where somebody asks.

use crate::conf::config::Buffer;
use crate::daemon::buffers;
use crate::netlink;
use crate::netlink::route::{Client, Event, Monitor};
use crate::sys::ready::Ready;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use tracing::warn;

/// So many changes are taken in before anything else is done.
const NEWS: usize = 512;

/// The addresses of this machine.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    kernel: Option<Kernel>,
    /// The addresses that are asked for.
    awaited: HashSet<IpAddr>,
    /// On which interfaces each of them is: a link-local one may be on several.
    interfaces: HashMap<IpAddr, BTreeSet<u32>>,
    /// What was told last.
    told: HashSet<IpAddr>,
    /// `lvs_netlink_monitor_rcv_bufs`
    buffer: Buffer,
}

#[derive(Debug)]
struct Kernel {
    monitor: Monitor,
    /// The same socket, to be waited for.
    ready: Ready<OwnedFd>,
    client: Client,
}

impl Addresses {
    /// From now on these are asked for; gives those that are here, if that is news.
    pub(super) fn ask_for(&mut self, awaited: HashSet<IpAddr>) -> Option<HashSet<IpAddr>> {
        if awaited == self.awaited {
            return None;
        }
        self.awaited = awaited;
        if self.awaited.is_empty() {
            self.kernel = None;
            self.interfaces.clear();
        } else {
            self.look();
        }
        self.news()
    }

    /// How much news may wait.
    pub(super) fn set_buffer(&mut self, buffer: Buffer) {
        self.buffer = buffer;
        self.grow();
    }

    fn grow(&self) {
        if let Some(kernel) = &self.kernel {
            buffers::grow("lvs_netlink_monitor_rcv_bufs", self.buffer, &kernel.monitor);
        }
    }

    /// Reads all of them anew.
    fn look(&mut self) {
        let looked = match &mut self.kernel {
            Some(kernel) => kernel.addresses(),
            none => Kernel::open().and_then(|kernel| none.insert(kernel).addresses()),
        };
        self.grow();
        self.interfaces.clear();
        match looked {
            Ok(all) => all.into_iter().for_each(|(address, interface)| self.set(address, interface)),
            Err(error) => {
                warn!("ha_suspend: {error}. Checks run as if all addresses were here");
                self.kernel = None;
                for address in self.awaited.clone() {
                    self.set(address, 0);
                }
            }
        }
    }

    fn set(&mut self, address: IpAddr, interface: u32) {
        if self.awaited.contains(&address) {
            self.interfaces.entry(address).or_default().insert(interface);
        }
    }

    fn news(&mut self) -> Option<HashSet<IpAddr>> {
        let here: HashSet<IpAddr> = self.interfaces.keys().copied().collect();
        (here != self.told).then(|| {
            self.told.clone_from(&here);
            here
        })
    }

    /// Some address came or went; never, while none is asked for.
    pub(super) async fn changed(&self) {
        match &self.kernel {
            Some(kernel) if kernel.ready.wait().await.is_ok() => {}
            _ => std::future::pending().await,
        }
    }

    /// Takes in what has changed; gives the addresses that are here, if that is news.
    pub(super) fn try_news(&mut self) -> Option<HashSet<IpAddr>> {
        let Kernel { monitor, ready, .. } = self.kernel.as_mut()?;
        let mut events = Vec::new();
        let drained = monitor.drain(NEWS, |event| events.push(event));
        let mut lost = drained.is_err();
        if drained.is_ok_and(|more| more) {
            ready.more();
        }
        for event in events {
            match event {
                Event::Address(address) => self.set(address.net.address, address.interface),
                Event::AddressGone(address) => {
                    if let Some(interfaces) = self.interfaces.get_mut(&address.net.address) {
                        interfaces.remove(&address.interface);
                        if interfaces.is_empty() {
                            self.interfaces.remove(&address.net.address);
                        }
                    }
                }
                Event::Resync => lost = true,
                _ => {}
            }
        }
        if lost {
            self.look();
        }
        self.news()
    }
}

impl Kernel {
    fn open() -> Result<Kernel, Error> {
        // Listening comes before asking: what changes in between is told.
        let monitor = Monitor::open()?;
        let ready = Ready::new(monitor.as_fd().try_clone_to_owned()?)?;
        Ok(Kernel { monitor, ready, client: Client::open()? })
    }

    fn addresses(&mut self) -> Result<Vec<(IpAddr, u32)>, Error> {
        let all = self.client.addresses(None)?;
        Ok(all.into_iter().map(|address| (address.net.address, address.interface)).collect())
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Netlink(#[from] netlink::Error),
    #[error(transparent)]
    Wait(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::{in_namespace_async, ip};

    /// The kernel tells of an IPv6 address later than of an IPv4 one.
    async fn next_news(addresses: &mut Addresses) -> HashSet<IpAddr> {
        loop {
            addresses.changed().await;
            if let Some(news) = addresses.try_news() {
                return news;
            }
        }
    }

    #[test]
    fn addresses_are_heard_of_as_they_come_and_go() {
        in_namespace_async(|| async {
            let set = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<HashSet<IpAddr>>();
            let mut addresses = Addresses::default();
            ip("address add 10.0.0.1/24 dev lo");
            assert_eq!(addresses.ask_for(HashSet::new()), None);
            assert_eq!(addresses.ask_for(set(&["10.0.0.1", "2001:db8::1"])), Some(set(&["10.0.0.1"])));
            ip("address add 2001:db8::1/64 dev lo nodad");
            ip("address add 10.0.0.2/24 dev lo");
            assert_eq!(next_news(&mut addresses).await, set(&["10.0.0.1", "2001:db8::1"]));
            ip("address del 10.0.0.1/24 dev lo");
            assert_eq!(next_news(&mut addresses).await, set(&["2001:db8::1"]));
            assert_eq!(addresses.try_news(), None);
            assert_eq!(addresses.ask_for(HashSet::new()), Some(HashSet::new()));
        });
    }
}
