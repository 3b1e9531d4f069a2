//! Sockets, addresses and frames: carries out what the engine wants.

use super::log::Log;
use crate::net::Family;
use crate::netlink;
use crate::netlink::route::{self, AddressChange, AddressFlags, AddressProblem, Client, Monitor};
use crate::sys::{clock, packet, raw};
use crate::time::Instant;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::engine::Io;
use crate::vrrp::event::{
    Address, Change, Event, IfIndex, Link, Listen, Name, Packet, Received, Refusal, Report, Snapshot,
};
use crate::vrrp::garp::Frame;
use crate::vrrp::shared::Shared;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::Poll;
use tracing::{debug, warn};

/// The sockets of the worker.
#[derive(Debug)]
pub(super) struct Network {
    client: Client,
    monitor: Monitor,
    frames: packet::Sender,
    sockets: BTreeMap<(IfIndex, Family), Port>,
    log: Log,
    /// Why the worker can't go on.
    broken: Option<netlink::Error>,
}

#[derive(Debug)]
struct Port {
    socket: raw::Socket,
    joined: BTreeSet<IpAddr>,
}

impl Network {
    pub(super) fn open() -> Result<Network, super::Error> {
        Ok(Network {
            // Listening comes before asking: what changes in between is told.
            monitor: Monitor::open()?,
            client: Client::open()?,
            frames: packet::Sender::open()?,
            sockets: BTreeMap::new(),
            log: Log::default(),
            broken: None,
        })
    }

    /// All links and addresses.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot, netlink::Error> {
        let links = self.client.links()?.into_iter().map(link).collect();
        let addresses = self.client.addresses(None)?.iter().map(address).collect();
        Ok(Snapshot { links, addresses })
    }

    /// What made it useless, if something did.
    pub(super) fn check(&mut self) -> Result<(), netlink::Error> {
        self.broken.take().map_or(Ok(()), Err)
    }

    /// Waits until something may have come. Cancel-safe.
    pub(super) async fn ready(&self) -> io::Result<()> {
        type Wait<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;
        let mut waits: Vec<Wait<'_>> =
            self.sockets.values().map(|port| Box::pin(port.socket.ready()) as Wait<'_>).collect();
        waits.push(Box::pin(self.monitor.ready()));
        poll_fn(|context| {
            let mut outcome = Poll::Pending;
            for wait in &mut waits {
                if let Poll::Ready(ready) = wait.as_mut().poll(context) {
                    outcome = Poll::Ready(ready);
                }
            }
            outcome
        })
        .await
    }
}

impl Io for Network {
    fn now(&mut self) -> Instant {
        clock::now()
    }

    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool {
        let mut lost = false;
        let followed = self.monitor.drain(|event| {
            let event = match event {
                route::Event::Link(l) => Event::Link(link(l)),
                route::Event::LinkGone(l) => Event::LinkGone(IfIndex(l.index)),
                route::Event::Address(a) => Event::Address(address(&a)),
                route::Event::AddressGone(a) => {
                    Event::AddressGone { interface: IfIndex(a.interface), net: a.net }
                }
                route::Event::Resync => {
                    lost = true;
                    return;
                }
            };
            sink(clock::now(), event);
        });
        if let Err(error) = followed {
            self.broken = Some(error);
        } else if lost {
            match self.snapshot() {
                Ok(snapshot) => sink(clock::now(), Event::Snapshot(Box::new(snapshot))),
                Err(error) => self.broken = Some(error),
            }
        }
        for (&(interface, _), port) in &mut self.sockets {
            let drained = port.socket.drain(|packet| {
                let raw::Received { source, destination, ttl, at, payload } = packet;
                let payload = Cow::Borrowed(payload);
                sink(at, Event::Received(Received { interface, source, destination, ttl, payload }));
            });
            // An interface that goes down or away says so here too; the monitor tells the rest.
            if let Err(error) = drained {
                debug!(%error, "packets can't be read");
            }
        }
        false
    }

    fn listen(&mut self, listen: Listen) -> Result<(), Shared<str>> {
        let Listen { interface, family, group } = listen;
        let place = (interface, family);
        let port = match self.sockets.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let socket =
                    raw::Socket::open(family, interface.0).map_err(|e| Shared::from(e.to_string()))?;
                free.insert(Port { socket, joined: BTreeSet::new() })
            }
        };
        match port.socket.join(group) {
            Ok(()) => {
                port.joined.insert(group);
                Ok(())
            }
            Err(error) => {
                if port.joined.is_empty() {
                    self.sockets.remove(&place);
                }
                Err(error.to_string().into())
            }
        }
    }

    fn unlisten(&mut self, listen: Listen) {
        let place = (listen.interface, listen.family);
        if let Some(port) = self.sockets.get_mut(&place) {
            port.socket.leave(listen.group);
            port.joined.remove(&listen.group);
            if port.joined.is_empty() {
                self.sockets.remove(&place);
            }
        }
    }

    fn send(&mut self, adverts: &[(Name, Packet)], failed: &mut dyn FnMut(usize, Shared<str>)) {
        for (at, (_, packet)) in adverts.iter().enumerate() {
            let port = packet.interface.and_then(|i| self.sockets.get(&(i, Family::of(packet.source))));
            let Some(port) = port else {
                failed(at, raw::SendProblem::Gone.to_string().into());
                continue;
            };
            for &destination in packet.destinations.iter() {
                let packet = raw::Packet { source: packet.source, destination, payload: &packet.bytes };
                if let Err(problem) = port.socket.send(packet) {
                    failed(at, problem.to_string().into());
                }
            }
        }
    }

    fn change(&mut self, changes: &[Change], refused: &mut dyn FnMut(usize, Refusal)) {
        let changes: Vec<AddressChange> = changes
            .iter()
            .map(|change| match change {
                Change::Add { interface, address } => {
                    AddressChange::Add(kernel_address(interface.0, address))
                }
                Change::Remove { interface, net, .. } => {
                    AddressChange::Delete(route::Address::new(interface.0, *net))
                }
            })
            .collect();
        for failure in self.client.change_addresses(&changes) {
            let refusal = match &failure.problem {
                AddressProblem::Exists => Refusal::Exists,
                AddressProblem::NotThere => Refusal::NotThere,
                AddressProblem::NoInterface => Refusal::NoInterface,
                other => Refusal::Other(other.to_string().into()),
            };
            refused(failure.index, refusal);
        }
    }

    fn announce(&mut self, frames: &[Frame]) {
        let frames: Vec<_> =
            frames.iter().map(|f| packet::Frame { interface: f.interface.0, bytes: f.bytes() }).collect();
        if let Some(failure) = self.frames.send_many(&frames).first() {
            warn!("some announcements were not sent: {}", failure.problem);
        }
    }

    fn report(&mut self, instance: Option<&Name>, report: &Report) {
        self.log.report(instance, report);
    }
}

fn link(link: route::Link) -> Link {
    let forwards = std::fs::read_to_string(format!("/proc/sys/net/ipv6/conf/{}/forwarding", link.name))
        .is_ok_and(|text| text.trim() != "0");
    Link {
        index: IfIndex(link.index),
        up: link.is_up(),
        mtu: link.mtu,
        mac: link.mac,
        forwards,
        name: link.name.into(),
    }
}

fn address(address: &route::Address) -> Address {
    Address {
        interface: IfIndex(address.interface),
        net: address.net,
        usable: !address.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DADFAILED),
        ours: false,
    }
}

/// As keepalived sets them: no duplicate address detection (the old master may still have the address), and an
/// IPv6 /128 is not for the host's own connections.
fn kernel_address(index: u32, address: &VirtualAddress) -> route::Address {
    let mut kernel = route::Address::new(index, address.net);
    kernel.scope = address.scope;
    match address.net.address {
        IpAddr::V4(_) => {
            kernel.broadcast = address.broadcast.and_then(|b| match b {
                IpAddr::V4(b) => Some(b),
                IpAddr::V6(_) => None::<Ipv4Addr>,
            });
            kernel.label.clone_from(&address.label);
        }
        IpAddr::V6(_) => {
            kernel.flags = AddressFlags::NODAD;
            if address.net.prefix_len == 128 {
                kernel.preferred_lifetime = Some(0);
            }
        }
    }
    kernel
}
