//! A machine in the simulation: the router under test, and the kernel that carries out what it wants.

use crate::options::Options;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use vipd::net::{IpNet, MacAddr};
use vipd::time::Instant;
use vipd::vrrp::Router;
use vipd::vrrp::config::{Auth, Config, Instance, Version, VirtualAddress, Vrid};
use vipd::vrrp::event::{
    Action, Actions, Address, Change, Event, IfIndex, Link, Received, Snapshot, StateKind,
};
use vipd::vrrp::packet::TTL;

pub(crate) const NAME: &str = "VI";
const INTERFACE: &str = "eth0";

/// What became of a node's wishes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) payload: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Node {
    config: Config,
    address: IpAddr,
    /// None while it is crashed or stopped.
    router: Option<Router>,
    link_up: bool,
    /// It does not run until then; packets wait in its socket.
    pub(crate) stalled_until: Option<Instant>,
    socket: Vec<(Instant, Packet)>,
    /// What its kernel holds: it survives a crash of the process.
    pub(crate) kernel: BTreeSet<IpAddr>,
    pub(crate) became_master: u64,
}

pub(crate) fn virtual_addresses() -> BTreeSet<IpAddr> {
    [IpAddr::from([10, 0, 0, 100]), IpAddr::from([10, 0, 0, 101])].into()
}

impl Node {
    pub(crate) fn new(at: usize, options: &Options) -> Node {
        let node = &options.nodes[at];
        let addresses = virtual_addresses()
            .into_iter()
            .map(|address| VirtualAddress::new(IpNet { address, prefix_len: 24 }, INTERFACE))
            .collect();
        let instance = Instance {
            priority: node.priority,
            version: options.version,
            advert_int: options.advert_int,
            auth: (options.version == Version::V2).then_some(Auth::Pass(*b"himitsu\0")),
            addresses,
            nopreempt: node.nopreempt,
            preempt_delay: node.preempt_delay,
            ..Instance::new(NAME, INTERFACE, Vrid::new(51).unwrap())
        };
        Node {
            config: Config { instances: vec![instance], ..Config::default() },
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, at as u8 + 1)),
            router: None,
            link_up: true,
            stalled_until: None,
            socket: vec![],
            kernel: BTreeSet::new(),
            became_master: 0,
        }
    }

    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    pub(crate) fn priority(&self) -> u8 {
        self.config.instances[0].priority
    }

    pub(crate) fn nopreempt(&self) -> bool {
        self.config.instances[0].nopreempt
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.router.is_some()
    }

    pub(crate) fn state(&self) -> StateKind {
        let instance = self.router.as_ref().and_then(|router| router.instance(NAME));
        instance.map_or(StateKind::Init, |i| i.state())
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let due = self.router.as_ref()?.next_timeout()?;
        Some(self.stalled_until.map_or(due, |until| until.max(due)))
    }

    fn link(&self) -> Link {
        let (index, mac) = (IfIndex(2), Some(MacAddr([2; 6])));
        Link { name: INTERFACE.into(), index, up: self.link_up, mtu: 1500, mac, forwards: false }
    }

    fn snapshot(&self) -> Event<'static> {
        let interface = IfIndex(2);
        let all = [self.address].into_iter().chain(self.kernel.iter().copied());
        let net = |address| IpNet { address, prefix_len: 24 };
        let addresses = all.map(|a| Address { interface, net: net(a), usable: true, ours: false }).collect();
        Event::Snapshot(Box::new(Snapshot { links: vec![self.link()], addresses }))
    }

    pub(crate) fn start(&mut self, now: Instant) -> Vec<Packet> {
        self.router = Some(Router::default());
        self.socket.clear();
        let mut sent = self.feed(now, self.snapshot());
        sent.extend(self.feed(now, Event::Config(Box::new(self.config.clone()))));
        sent
    }

    /// The process dies; the kernel keeps the addresses.
    pub(crate) fn crash(&mut self) {
        self.router = None;
        self.stalled_until = None;
    }

    /// The whole machine dies.
    pub(crate) fn lose_power(&mut self) {
        self.crash();
        self.kernel.clear();
    }

    pub(crate) fn stop(&mut self, now: Instant) -> Vec<Packet> {
        let sent = self.feed(now, Event::Stop);
        self.crash();
        sent
    }

    pub(crate) fn reload(&mut self, now: Instant, priority: u8) -> Vec<Packet> {
        self.config.instances[0].priority = priority;
        self.feed(now, Event::Config(Box::new(self.config.clone())))
    }

    pub(crate) fn set_link(&mut self, now: Instant, up: bool) -> Vec<Packet> {
        self.link_up = up;
        self.feed(now, Event::Link(self.link()))
    }

    pub(crate) const fn link_is_up(&self) -> bool {
        self.link_up
    }

    pub(crate) fn receive(&mut self, now: Instant, packet: Packet) -> Vec<Packet> {
        if self.router.is_none() || !self.link_up {
            return vec![];
        }
        if self.stalled_until.is_some_and(|until| now < until) {
            self.socket.push((now, packet));
            return vec![];
        }
        self.feed(now, received(packet))
    }

    /// As the driver does: the socket is read empty before the clock is looked at.
    pub(crate) fn wake(&mut self, now: Instant) -> Vec<Packet> {
        if self.stalled_until.is_some_and(|until| now < until) {
            return vec![];
        }
        self.stalled_until = None;
        let mut sent = vec![];
        for (at, packet) in std::mem::take(&mut self.socket) {
            sent.extend(self.feed(at, received(packet)));
        }
        let mut out = Actions::new();
        if let Some(router) = &mut self.router {
            router.handle_timeout(now, now, &mut out);
        }
        sent.extend(self.perform(out));
        sent
    }

    fn feed(&mut self, now: Instant, event: Event<'_>) -> Vec<Packet> {
        let mut out = Actions::new();
        if let Some(router) = &mut self.router {
            router.handle(now, event, &mut out);
            while router.step(now, &mut out) {}
        }
        self.perform(out)
    }

    fn perform(&mut self, actions: Actions) -> Vec<Packet> {
        let mut sent = vec![];
        for action in actions {
            match action {
                Action::Listen(_) | Action::Unlisten(_) => {}
                Action::Advertise { packet, .. } => {
                    if self.link_up {
                        let (source, destination) = (packet.source, packet.destinations[0]);
                        sent.push(Packet { source, destination, payload: packet.bytes.to_vec() });
                    }
                }
                Action::Apply { addresses, .. } => self.apply(&addresses),
                Action::Announce { addresses, .. } => {
                    assert!(
                        addresses.iter().all(|a| self.kernel.contains(&a.net.address)),
                        "announced, not set"
                    );
                }
                Action::Report { .. } => {}
            }
        }
        sent
    }

    /// Makes the changes that are planned, and tells of them as the kernel does.
    fn apply(&mut self, addresses: &[VirtualAddress]) {
        let Some(router) = &mut self.router else { return };
        let mut changes = vec![];
        for address in addresses {
            router.plan(address, &mut changes);
        }
        let (interface, now) = (IfIndex(2), Instant::ZERO);
        let mut out = Actions::new();
        let mut set = false;
        for change in changes {
            match change {
                Change::Add { address, .. } => {
                    let net = address.net;
                    self.kernel.insert(net.address);
                    let address = Address { interface, net, usable: true, ours: true };
                    router.handle(now, Event::Address(address), &mut out);
                    set = true;
                }
                Change::Remove { net, .. } => {
                    self.kernel.remove(&net.address);
                    let event = Event::AddressGone { interface, net };
                    router.handle(now, event, &mut out);
                }
            }
        }
        self.became_master += u64::from(set);
        assert_eq!(out, [], "news of its own changes are no news");
    }

    /// The time that this node waits for a silent master, at most.
    pub(crate) fn master_down(&self) -> Duration {
        let config = &self.config.instances[0];
        let skew = match config.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => config.advert_int,
        };
        config.advert_int * 3 + skew
    }
}

fn received(packet: Packet) -> Event<'static> {
    let Packet { source, destination, payload } = packet;
    Event::Received(Received {
        interface: IfIndex(2),
        source,
        destination,
        ttl: TTL,
        payload: payload.into(),
    })
}
