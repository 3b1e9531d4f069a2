//! Sockets, addresses and frames: carries out what the engine wants, and hears for it.
//!
//! All descriptors are in one [`Poll`]: a wake-up costs the same with one socket and with a thousand. One inbox serves
//! all sockets. Nothing is allocated for an advert that comes or leaves.

use super::log::Log;
use crate::net::Family;
use crate::netlink;
use crate::netlink::route::{self, AddressChange, AddressFlags, AddressProblem, Client, Monitor};
use crate::sys::poll::Poll;
use crate::sys::raw::{Inbox, SendProblem};
use crate::sys::timer::Timer;
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
use std::collections::hash_map::{Entry, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use tracing::debug;

/// By this number (`IFA_PROTO`) addresses that we set are known as ours: VRRP's protocol number.
const OURS: u8 = raw::PROTOCOL;
/// The kernel's news of so many links and addresses are heard in one go.
const NEWS: usize = 256;
/// Tokens of what is no VRRP socket.
const MONITOR: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// Where a socket is.
type Place = (IfIndex, Family);

/// The sockets of the worker.
#[derive(Debug)]
pub(super) struct Network {
    poll: Poll,
    timer: Timer,
    client: Client,
    monitor: Monitor,
    frames: packet::Sender,
    sockets: HashMap<Place, Listener>,
    inbox: Inbox,
    log: Log,
    /// Why the worker can't go on.
    broken: Option<super::Error>,
    // Emptied after each use; kept for their memory.
    order: Vec<usize>,
    unsent: Vec<(usize, SendProblem)>,
    changes: Vec<AddressChange>,
}

#[derive(Debug)]
struct Listener {
    socket: raw::Socket,
    joined: BTreeSet<IpAddr>,
}

impl Network {
    /// Must be called within a tokio runtime.
    pub(super) fn open() -> Result<Network, super::Error> {
        let mut network = Network {
            poll: Poll::new()?,
            timer: Timer::new()?,
            // Listening comes before asking: what changes in between is told.
            monitor: Monitor::open()?,
            client: Client::open()?,
            frames: packet::Sender::open()?,
            sockets: HashMap::new(),
            inbox: Inbox::new(),
            log: Log::default(),
            broken: None,
            order: Vec::new(),
            unsent: Vec::new(),
            changes: Vec::new(),
        };
        network.poll.add(&network.timer, TIMER)?;
        network.poll.add(&network.monitor, MONITOR)?;
        Ok(network)
    }

    /// All links and addresses.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot, netlink::Error> {
        snapshot(&mut self.client)
    }

    /// What made it useless, if something did.
    pub(super) fn check(&mut self) -> Result<(), super::Error> {
        self.broken.take().map_or(Ok(()), Err)
    }

    /// Waits until something may have come, or until then. Cancel-safe.
    pub(super) async fn ready(&mut self, until: Option<Instant>) -> io::Result<()> {
        self.timer.set(until)?;
        self.poll.ready().await
    }
}

impl Io for Network {
    fn now(&mut self) -> Instant {
        clock::now()
    }

    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool {
        self.log.tick(clock::now());
        let Network { poll, timer, client, monitor, sockets, inbox, broken, .. } = self;
        let ready = match poll.ready_now() {
            Ok(ready) => ready,
            Err(error) => {
                *broken = Some(error.into());
                return false;
            }
        };
        let mut more = false;
        for token in ready.iter() {
            match token {
                // It only wakes: who asked for it looks at the clock.
                TIMER => {
                    if let Err(error) = timer.take_expiry() {
                        *broken = Some(error.into());
                    }
                }
                MONITOR => match follow(monitor, client, sink) {
                    Ok(left) => more |= left,
                    Err(error) => *broken = Some(error.into()),
                },
                _ => {
                    let place = place_of(token);
                    let Some(listener) = sockets.get_mut(&place) else { continue };
                    let drained = listener.socket.drain(inbox, |packet| {
                        let raw::Received { source, destination, ttl, at, payload } = packet;
                        let (interface, payload) = (place.0, Cow::Borrowed(payload));
                        sink(at, Event::Received(Received { interface, source, destination, ttl, payload }));
                    });
                    match drained {
                        Ok(left) => more |= left,
                        // An interface that goes down or away says so here too; the monitor tells the rest.
                        Err(error) => debug!(%error, "packets can't be read"),
                    }
                }
            }
        }
        more
    }

    fn listen(&mut self, listen: Listen) -> Result<(), Shared<str>> {
        let place = (listen.interface, listen.family);
        self.join(place, listen.group).map_err(|error| {
            self.close_unused(place);
            Shared::from(error)
        })
    }

    fn unlisten(&mut self, listen: Listen) {
        let place = (listen.interface, listen.family);
        if let Some(listener) = self.sockets.get_mut(&place) {
            listener.socket.leave(listen.group);
            listener.joined.remove(&listen.group);
            self.close_unused(place);
        }
    }

    /// An advert counts as sent if one of its destinations gets it.
    fn send(&mut self, adverts: &[(Name, Packet)], failed: &mut dyn FnMut(usize, Shared<str>)) {
        let Network { sockets, order, unsent, .. } = self;
        let place =
            |at: &usize| adverts.get(*at).map(|(_, packet)| (packet.interface, Family::of(packet.source)));
        // Those of a socket leave together, in their order.
        order.clear();
        order.extend(0..adverts.len());
        order.sort_unstable_by_key(|at| (place(at), *at));
        for run in order.chunk_by(|a, b| place(a) == place(b)) {
            let Some(Some((interface, family))) = run.first().map(place) else { continue };
            let listener = interface.and_then(|interface| sockets.get(&(interface, family)));
            let Some(Listener { socket, .. }) = listener else {
                let reason = match interface {
                    Some(_) => SendProblem::Gone.to_string(),
                    None => "no interface to send it on".to_owned(),
                };
                run.iter().for_each(|at| failed(*at, reason.as_str().into()));
                continue;
            };
            let of_run = || run.iter().filter_map(|at| Some((*at, &adverts.get(*at)?.1)));
            let packets = of_run().flat_map(|(_, packet)| {
                packet.destinations.iter().map(|&destination| raw::Packet {
                    source: packet.source,
                    destination,
                    ttl: packet.ttl,
                    payload: &packet.bytes,
                })
            });
            unsent.clear();
            socket.send_many(packets, |index, problem| unsent.push((index, problem)));
            if unsent.is_empty() {
                continue;
            }
            let mut first = 0;
            for (at, packet) in of_run() {
                let end = first + packet.destinations.len();
                let mut problems = unsent.iter().filter(|(n, _)| (first..end).contains(n)).map(|(_, p)| *p);
                let problem = problems.next();
                let others = problems.count();
                match problem {
                    Some(problem) if first + others + 1 == end => failed(at, problem.to_string().into()),
                    Some(problem) => debug!("an advert did not reach {} of its peers: {problem}", others + 1),
                    None => {}
                }
                first = end;
            }
        }
    }

    fn change(&mut self, changes: &[Change], refused: &mut dyn FnMut(usize, Refusal)) {
        self.changes.clear();
        self.changes.extend(changes.iter().map(|change| match change {
            Change::Add { interface, address } => AddressChange::Add(kernel_address(interface.0, address)),
            Change::Remove { interface, net, .. } => {
                AddressChange::Delete(route::Address::new(interface.0, *net))
            }
        }));
        self.client.change_addresses(&self.changes, |index, problem| {
            let refusal = match problem {
                AddressProblem::Exists => Refusal::Exists,
                AddressProblem::NotThere => Refusal::NotThere,
                AddressProblem::NoInterface => Refusal::NoInterface,
                other @ AddressProblem::Other(_) => Refusal::Other(other.to_string().into()),
            };
            refused(index, refusal);
        });
    }

    fn announce(&mut self, frames: &[Frame]) {
        let Network { log, frames: sender, .. } = self;
        let outgoing = frames.iter().map(|f| packet::Frame { interface: f.interface.0, bytes: f.bytes() });
        let mut problem = None;
        let mut unsent = 0;
        sender.send_many(outgoing, |_, p| {
            problem = Some(p);
            unsent += 1;
        });
        log.announced(frames);
        if let Some(problem) = problem {
            log.announcements_not_sent(unsent, problem, clock::now());
        }
    }

    fn report(&mut self, instance: Option<&Name>, report: &Report) {
        self.log.report(instance, report, clock::now());
    }
}

impl Network {
    /// Joins the group, with a socket that is opened where there is none; or why not.
    fn join(&mut self, place: Place, group: IpAddr) -> Result<(), String> {
        let listener = match self.sockets.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let socket = raw::Socket::open(place.1, place.0.0).map_err(|e| e.to_string())?;
                self.poll.add(&socket, token_of(place)).map_err(|e| format!("wait for packets: {e}"))?;
                free.insert(Listener { socket, joined: BTreeSet::new() })
            }
        };
        listener.socket.join(group).map_err(|e| e.to_string())?;
        listener.joined.insert(group);
        Ok(())
    }

    fn close_unused(&mut self, place: Place) {
        if self.sockets.get(&place).is_some_and(|listener| listener.joined.is_empty())
            && let Some(listener) = self.sockets.remove(&place)
        {
            // Closing it would do; this keeps the count right.
            let _ = self.poll.remove(&listener.socket);
        }
    }
}

const fn token_of((interface, family): Place) -> u64 {
    // An index is 32 bits long: never one of the two others.
    (interface.0 as u64) << 1
        | match family {
            Family::V4 => 0,
            Family::V6 => 1,
        }
}

fn place_of(token: u64) -> Place {
    let family = if token & 1 == 0 { Family::V4 } else { Family::V6 };
    (IfIndex(u32::try_from(token >> 1).unwrap_or_default()), family)
}

/// Gives the kernel's news; true if there are more.
fn follow(
    monitor: &mut Monitor,
    client: &mut Client,
    sink: &mut dyn FnMut(Instant, Event<'_>),
) -> Result<bool, netlink::Error> {
    let mut failed = Ok(());
    let more = monitor.drain(NEWS, |event| {
        let event = match event {
            route::Event::Link(l) => Ok(Some(Event::Link(link(l)))),
            route::Event::LinkGone(l) => Ok(Some(Event::LinkGone(IfIndex(l.index)))),
            // A rare event, and the engine takes links as a whole.
            route::Event::Forwarding { interface, .. } => {
                client.link_at(interface).map(|found| found.map(|l| Event::Link(link(l))))
            }
            route::Event::Address(a) => Ok(Some(Event::Address(address(&a)))),
            route::Event::AddressGone(a) => {
                Ok(Some(Event::AddressGone { interface: IfIndex(a.interface), net: a.net }))
            }
            route::Event::Resync => snapshot(client).map(|all| Some(Event::Snapshot(Box::new(all)))),
        };
        match event {
            Ok(Some(event)) => sink(clock::now(), event),
            Ok(None) => {}
            Err(error) => failed = Err(error),
        }
    })?;
    failed.map(|()| more)
}

fn snapshot(client: &mut Client) -> Result<Snapshot, netlink::Error> {
    let links = client.links()?.into_iter().map(link).collect();
    let addresses = client.addresses(None)?.iter().map(address).collect();
    Ok(Snapshot { links, addresses })
}

fn link(link: route::Link) -> Link {
    Link {
        index: IfIndex(link.index),
        up: link.is_up(),
        mtu: link.mtu,
        mac: link.mac,
        forwards: link.forwards_v6,
        name: link.name.into(),
    }
}

fn address(address: &route::Address) -> Address {
    Address {
        interface: IfIndex(address.interface),
        net: address.net,
        usable: !address.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DADFAILED),
        ours: address.protocol == OURS,
    }
}

/// As keepalived sets them: no duplicate address detection (the old master may still have the address), and an
/// IPv6 /128 is not for the host's own connections.
fn kernel_address(index: u32, address: &VirtualAddress) -> route::Address {
    let mut kernel = route::Address::new(index, address.net);
    kernel.scope = address.scope;
    kernel.protocol = OURS;
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
