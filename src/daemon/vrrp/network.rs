//! Sockets, addresses and frames: performs what the router wants.
//!
//! What is wanted at one moment goes out together: all adverts, then all changes of addresses in one batch, then all
//! announcements. For each instance that keeps the order that the router gave: advert, addresses, announcement.

use super::links::Links;
use crate::net::Family;
use crate::netlink::route::{Address, AddressChange, AddressFlags, AddressProblem, Client};
use crate::sys::{packet, raw};
use crate::time::Instant;
use crate::vrrp::config::{self, VirtualAddress};
use crate::vrrp::event::{Action, Event, IfIndex, Name, Received};
use crate::vrrp::garp::{self, Forwarding};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::Poll;
use tracing::{debug, error, warn};

/// A socket's place: interface and family.
type Place = (u32, Family);

/// The sockets of the worker.
#[derive(Debug)]
pub(super) struct Network {
    client: Client,
    frames: packet::Sender,
    sockets: BTreeMap<Place, Port>,
    /// Which groups are wanted on which interface.
    wanted: BTreeMap<(String, Family), BTreeSet<IpAddr>>,
    /// Interfaces on which nothing can be heard, and what was said of it.
    unusable: HashMap<String, String>,
    /// Instances whose last advert did not leave: said once until one does.
    mute: HashSet<Name>,
}

#[derive(Debug)]
struct Port {
    socket: raw::Socket,
    joined: BTreeSet<IpAddr>,
}

impl Network {
    pub(super) fn open() -> Result<Network, super::Error> {
        Ok(Network {
            client: Client::open()?,
            frames: packet::Sender::open()?,
            sockets: BTreeMap::new(),
            wanted: BTreeMap::new(),
            unusable: HashMap::new(),
            mute: HashSet::new(),
        })
    }

    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// From now on adverts are wanted on these interfaces.
    pub(super) fn want(&mut self, config: &config::Config) {
        self.wanted.clear();
        for instance in &config.instances {
            let Some(interface) = &instance.interface else { continue };
            let family = instance.family;
            let group = instance.group();
            self.wanted.entry((interface.clone(), family)).or_default().insert(group);
        }
    }

    /// Opens the sockets that are wanted and possible, closes those that are not.
    pub(super) fn match_sockets(&mut self, links: &Links) {
        let mut places = BTreeSet::new();
        let mut unusable = HashMap::new();
        for ((name, family), groups) in &self.wanted {
            let Some(index) = links.index(name) else { continue };
            let place = (index, *family);
            places.insert(place);
            if let Err(error) = listen(&mut self.sockets, place, groups) {
                let text = error.to_string();
                if self.unusable.get(name) != Some(&text) {
                    error!("{name} counts as down: {text}");
                }
                unusable.insert(name.clone(), text);
                self.sockets.remove(&place);
            }
        }
        self.unusable = unusable;
        self.sockets.retain(|place, _| places.contains(place));
    }

    /// Whether everything that is wanted of the interface `name` can be heard.
    pub(super) fn is_usable(&self, name: &str) -> bool {
        !self.unusable.contains_key(name)
    }

    /// Waits until a packet may be there; [`Network::drain`] must follow. Cancel-safe.
    pub(super) async fn ready(&self) -> io::Result<()> {
        type Wait<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;
        let mut waits: Vec<Wait<'_>> =
            self.sockets.values().map(|port| Box::pin(port.socket.ready()) as Wait<'_>).collect();
        poll_fn(|context| {
            // All are asked, so that each that is ready knows that it will be drained.
            let mut outcome = Poll::Pending;
            for wait in &mut waits {
                if let Poll::Ready(ready) = wait.as_mut().poll(context) {
                    outcome = match outcome {
                        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                        _ => Poll::Ready(ready),
                    };
                }
            }
            outcome
        })
        .await
    }

    /// Gives every packet that is there, with the time when the kernel received it.
    pub(super) fn drain(&mut self, mut each: impl FnMut(Received, Instant)) {
        for (&(interface, _), port) in &mut self.sockets {
            let drained = port.socket.drain(|packet| {
                let received = Received {
                    interface: IfIndex(interface),
                    source: packet.source,
                    destination: packet.destination,
                    ttl: packet.ttl,
                    payload: packet.payload.to_vec(),
                };
                each(received, packet.at);
            });
            // An interface that goes down or away says so here too; the monitor tells the rest.
            if let Err(error) = drained {
                debug!(%error, "packets can't be read");
            }
        }
    }

    /// Performs the actions; what failed comes back.
    pub(super) fn perform(&mut self, actions: &[Action], links: &Links) -> Vec<Event> {
        let mut failures = Vec::new();
        self.advertise(actions, links, &mut failures);
        self.change_addresses(actions, links, &mut failures);
        self.announce(actions, links);
        failures
    }

    fn advertise(&mut self, actions: &[Action], links: &Links, failures: &mut Vec<Event>) {
        struct Outgoing<'a> {
            instance: &'a Name,
            source: IpAddr,
            destination: IpAddr,
            payload: Vec<u8>,
        }
        let mut by_place: BTreeMap<Place, Vec<Outgoing<'_>>> = BTreeMap::new();
        for action in actions {
            if let Action::Advertise { instance, interface, source, destination, advert } = action {
                let (source, destination) = (*source, *destination);
                let payload = advert.encode(source, destination);
                let place = (interface.0, Family::of(source));
                by_place.entry(place).or_default().push(Outgoing { instance, source, destination, payload });
            }
        }
        for (place, outgoing) in by_place {
            let packets: Vec<_> = outgoing
                .iter()
                .map(|o| raw::Packet { source: o.source, destination: o.destination, payload: &o.payload })
                .collect();
            let failed = match self.sockets.get(&place) {
                Some(port) => port.socket.send_many(&packets),
                None => (0..packets.len())
                    .map(|index| raw::SendFailure { index, problem: raw::SendProblem::Gone })
                    .collect(),
            };
            let problems: HashMap<usize, _> = failed.iter().map(|f| (f.index, f.problem)).collect();
            for (at, Outgoing { instance, .. }) in outgoing.iter().enumerate() {
                match problems.get(&at) {
                    None => {
                        self.mute.remove(*instance);
                    }
                    Some(problem) => {
                        if self.mute.insert((*instance).clone()) {
                            let name = links.name(place.0).unwrap_or("its interface");
                            warn!("({instance}) send advert on {name}: {problem}");
                        }
                        failures.push(Event::AdvertRefused { instance: (*instance).clone() });
                    }
                }
            }
        }
    }

    fn change_addresses(&mut self, actions: &[Action], links: &Links, failures: &mut Vec<Event>) {
        let mut changes = Vec::new();
        let mut owners: Vec<(&Name, &VirtualAddress)> = Vec::new();
        let mut refused: Vec<(&Name, &VirtualAddress)> = Vec::new();
        for action in actions {
            let (instance, addresses, add) = match action {
                Action::SetAddresses { instance, addresses } => (instance, addresses, true),
                Action::RemoveAddresses { instance, addresses } => (instance, addresses, false),
                _ => continue,
            };
            for address in addresses.iter() {
                match links.index(&address.interface) {
                    Some(index) => {
                        let kernel = kernel_address(index, address);
                        changes.push(if add {
                            AddressChange::Add(kernel)
                        } else {
                            AddressChange::Delete(kernel)
                        });
                        owners.push((instance, address));
                    }
                    None if add => {
                        warn!("({instance}) add {} to {}: no such interface", address.net, address.interface);
                        refused.push((instance, address));
                    }
                    None => {}
                }
            }
        }
        if !changes.is_empty() {
            for failure in self.client.change_addresses(&changes) {
                let Some(&(instance, address)) = owners.get(failure.index) else { continue };
                match (&failure.change, &failure.problem) {
                    (_, AddressProblem::Exists | AddressProblem::NotThere) => {}
                    (AddressChange::Delete(_), AddressProblem::NoInterface) => {}
                    (AddressChange::Delete(_), problem) => {
                        warn!("({instance}) remove {} from {}: {problem}", address.net, address.interface);
                    }
                    (AddressChange::Add(_), problem) => {
                        warn!(
                            "({instance}) add {} to {}: {problem}; trying again while master",
                            address.net, address.interface
                        );
                        refused.push((instance, address));
                    }
                }
            }
        }
        let mut by_instance: BTreeMap<&Name, Vec<VirtualAddress>> = BTreeMap::new();
        for (instance, address) in refused {
            by_instance.entry(instance).or_default().push(address.clone());
        }
        failures.extend(
            by_instance.into_iter().map(|(instance, addresses)| Event::AddressesRefused {
                instance: instance.clone(),
                addresses,
            }),
        );
    }

    /// The first round of every announcement goes out before the second round of any.
    fn announce(&mut self, actions: &[Action], links: &Links) {
        struct Announcement<'a> {
            interface: u32,
            bytes: Vec<u8>,
            rounds: u32,
            address: &'a VirtualAddress,
        }
        let mut announcements = Vec::new();
        let mut forwarding: HashMap<&str, Forwarding> = HashMap::new();
        for action in actions {
            let Action::Announce { addresses, rounds, .. } = action else { continue };
            for address in addresses.iter() {
                // An interface without an Ethernet address has nobody to tell.
                let Some((interface, mac)) = links.mac(&address.interface) else { continue };
                let ip = address.net.address;
                let role = match ip {
                    IpAddr::V4(_) => Forwarding::Host,
                    IpAddr::V6(_) => {
                        *forwarding.entry(&address.interface).or_insert_with(|| role(&address.interface))
                    }
                };
                let bytes = garp::frame(ip, mac, role);
                announcements.push(Announcement { interface, bytes, rounds: *rounds, address });
            }
        }
        let most = announcements.iter().map(|a| a.rounds).max().unwrap_or(0);
        let mut problem = None;
        for round in 0..most {
            let frames: Vec<_> = announcements
                .iter()
                .filter(|a| round < a.rounds)
                .map(|a| packet::Frame { interface: a.interface, bytes: &a.bytes })
                .collect();
            problem = self.frames.send_many(&frames).first().map(|f| f.problem).or(problem);
        }
        for Announcement { address: VirtualAddress { net, interface, .. }, rounds, .. } in announcements {
            match net.address {
                IpAddr::V4(ip) => debug!(rounds, "Sending gratuitous ARP on {interface} for {ip}"),
                IpAddr::V6(ip) => {
                    debug!(rounds, "Sending unsolicited Neighbour Advert on {interface} for {ip}");
                }
            }
        }
        if let Some(problem) = problem {
            warn!("some announcements were not sent: {problem}");
        }
    }
}

fn listen(
    sockets: &mut BTreeMap<Place, Port>,
    place: Place,
    groups: &BTreeSet<IpAddr>,
) -> Result<(), raw::Error> {
    let port = match sockets.entry(place) {
        std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
        std::collections::btree_map::Entry::Vacant(free) => {
            let socket = raw::Socket::open(place.1, place.0)?;
            free.insert(Port { socket, joined: BTreeSet::new() })
        }
    };
    for group in groups.difference(&port.joined) {
        port.socket.join(*group)?;
    }
    for group in port.joined.difference(groups) {
        port.socket.leave(*group);
    }
    port.joined.clone_from(groups);
    Ok(())
}

/// As keepalived sets them: no duplicate address detection (the old master may still have the address), and an
/// IPv6 /128 is not for the host's own connections.
fn kernel_address(index: u32, address: &VirtualAddress) -> Address {
    let mut kernel = Address::new(index, address.net);
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

/// Whether this host forwards IPv6 that arrives on the interface.
fn role(interface: &str) -> Forwarding {
    let file = format!("/proc/sys/net/ipv6/conf/{interface}/forwarding");
    match std::fs::read_to_string(file) {
        Ok(text) if text.trim() != "0" => Forwarding::Router,
        _ => Forwarding::Host,
    }
}
