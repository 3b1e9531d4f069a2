//! The whole interface of the VRRP machines: what they are told ([`Event`]) and what they want done ([`Action`]).
//!
//! Closed enums of plain data: they can be asserted, recorded, replayed and refused. Names, kernel interface indexes
//! and VRIDs identify things; nothing is a position in a list.

mod change;
mod fault;
mod link;
mod list;
mod report;
pub mod routing;
mod split;
mod tracked;

pub use change::{Change, NewLink, Refusal};
pub use fault::Fault;
pub use link::{Link, LinkKind, Make, OwnAddress, OwnKind, OwnLink, Setting, Settings};
pub use list::AddressList;
pub use report::{Discard, Reloaded, Report};
pub use routing::{Entry, EntryList, FoundRoute, RoutePlace, Way};
pub use split::Sign;
pub use tracked::{Kind, Object, ScriptReport, Watched};

use super::config::rule::Rule;
use super::config::{self, VirtualAddress};
use super::notice::{self, Notice};
use super::packet::ah;
use super::shared::Shared;
use crate::net::{Family, IpNet, MacAddr};
use crate::run::{Run, RunId, RunOutcome};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The name of an instance or of an interface.
pub use super::config::Name;

/// The kernel's number of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IfIndex(pub u32);

/// What the router is told. The time beside it is when it happened: for a packet, when the kernel received it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event<'a> {
    /// From now on this is what is wanted: the first one starts the instances, later ones are reloads. It is carried
    /// out in steps, see [`super::Router::step`].
    Config(Box<config::Config>),
    /// All links and addresses of the kernel: at start, and after its news were lost. What is not in it is gone. It is
    /// taken in by steps, see [`super::Router::step`].
    Snapshot(Box<Snapshot>),
    /// An interface as it is now.
    Link(Link),
    /// An interface is gone, with its addresses.
    LinkGone(IfIndex),
    /// An address of an interface as it is now.
    Address(Address),
    /// An address was removed.
    AddressGone {
        /// From which interface.
        interface: IfIndex,
        /// Which one.
        net: IpNet,
    },
    /// A route is there, with a protocol number that the configuration names.
    Route(FoundRoute),
    /// A route was removed.
    RouteGone(FoundRoute),
    /// A rule is there.
    Rule(Box<Rule>),
    /// A rule was removed.
    RuleGone(Box<Rule>),
    /// A packet of VRRP's protocol number arrived.
    Received(Received<'a>),
    /// What the wall clock showed when the monotonic one began: at start, and after it was set.
    Clock {
        /// Since 1970.
        epoch: Duration,
    },
    /// An advert of [`Action::Advertise`] did not leave.
    AdvertRefused {
        /// Whose it was.
        instance: Name,
    },
    /// [`Action::Listen`] failed: nothing can be heard there.
    ListenRefused {
        /// Where.
        listen: Listen,
        /// Why, in words.
        reason: Shared<str>,
    },
    /// Whether the table of virtual servers can be written. Instances whose addresses serve virtual servers need it.
    Table(Table),
    /// Of all virtual servers that are tracked, whether they have their quorum.
    Quorums(HashMap<Name, bool>),
    /// The driver of an interface was asked for the state of its link (`linkbeat_interfaces`).
    Linkbeat {
        /// Which interface.
        interface: Name,
        /// It is up.
        up: bool,
    },
    /// A run of [`Action::Run`] has ended, or will not be run. Once for each.
    RunEnded {
        /// Which.
        id: RunId,
        /// How.
        outcome: RunOutcome,
    },
    /// A tracked file holds this number; 0 where it holds none, or is not there.
    File {
        /// The block that names it.
        name: Name,
        /// The number.
        number: i64,
    },
    /// So many processes run of those that are tracked.
    Processes {
        /// The block that names them.
        name: Name,
        /// How many.
        count: u32,
    },
    /// A host said that an address is its own: an ARP packet, or a neighbour advertisement.
    Claimed {
        /// Where that was heard.
        interface: IfIndex,
        /// The address.
        address: IpAddr,
        /// The Ethernet address that it is said to have.
        mac: MacAddr,
    },
    /// A BFD session came up or went down.
    Bfd {
        /// Which.
        name: Name,
        /// It is up.
        up: bool,
    },
    /// The end: masters say so and give their addresses back.
    Stop,
}

impl<'a> Event<'a> {
    /// The kernel's news of one link, address, route or rule; any other event as it came.
    pub(super) fn into_news(self) -> Result<Event<'static>, Event<'a>> {
        match self {
            Event::Link(link) => Ok(Event::Link(link)),
            Event::LinkGone(index) => Ok(Event::LinkGone(index)),
            Event::Address(address) => Ok(Event::Address(address)),
            Event::AddressGone { interface, net } => Ok(Event::AddressGone { interface, net }),
            Event::Route(route) => Ok(Event::Route(route)),
            Event::RouteGone(route) => Ok(Event::RouteGone(route)),
            Event::Rule(rule) => Ok(Event::Rule(rule)),
            Event::RuleGone(rule) => Ok(Event::RuleGone(rule)),
            other => Err(other),
        }
    }
}

/// The kernel's links and addresses at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Every interface.
    pub links: Vec<Link>,
    /// Every address of both families, in the kernel's order.
    pub addresses: Vec<Address>,
    /// Every route with a protocol number that the configuration names, or keepalived's.
    #[serde(default)]
    pub routes: Vec<FoundRoute>,
    /// Every rule.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Where it is.
    pub interface: IfIndex,
    /// The address with its prefix length.
    pub net: IpNet,
    /// The other end of a point-to-point link.
    #[serde(default)]
    pub peer: Option<IpAddr>,
    /// Whether it can be used.
    pub state: AddressState,
    /// It carries our mark (`IFA_PROTO`): this program set it, now or before it was restarted.
    pub ours: bool,
}

/// Whether an address can be used, as far as duplicate address detection (RFC 4862 §5.4) has found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressState {
    /// It can.
    #[default]
    Usable,
    /// It can be heard at, and nothing can leave from it yet.
    Tentative,
    /// It was found twice: never.
    Duplicate,
}

/// Whether the kernel's table of virtual servers can be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Table {
    /// It can, or nobody has said otherwise.
    #[default]
    Writable,
    /// Nobody knows yet: instances whose addresses serve virtual servers wait before they start.
    Pending,
    /// It can't, for this reason in words.
    Unavailable(Shared<str>),
}

/// What adverts travel in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// VRRP itself, 112.
    #[default]
    Vrrp,
    /// An IPsec authentication header, 51, with VRRP in it: IPv4 only.
    Ah,
}

/// A packet as it came from the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received<'a> {
    /// The interface of the socket that heard it; none for one that hears whatever is sent to this host.
    pub interface: Option<IfIndex>,
    /// The IP header's source.
    pub source: IpAddr,
    /// The IP header's destination.
    pub destination: IpAddr,
    /// The IP header's TTL or hop limit.
    pub ttl: u8,
    /// The IP header's protocol.
    pub protocol: Protocol,
    /// The IP header itself, for what is signed with it; empty in IPv6.
    pub header: Cow<'a, [u8]>,
    /// What follows the IP header.
    pub payload: Cow<'a, [u8]>,
}

impl<'a> Received<'a> {
    /// A packet of VRRP itself, heard on an interface.
    #[must_use]
    pub fn on(
        interface: IfIndex,
        source: IpAddr,
        destination: IpAddr,
        ttl: u8,
        payload: impl Into<Cow<'a, [u8]>>,
    ) -> Received<'a> {
        Received {
            interface: Some(interface),
            source,
            destination,
            ttl,
            protocol: Protocol::Vrrp,
            header: Cow::Borrowed(&[]),
            payload: payload.into(),
        }
    }

    /// Whether VRRP is in it: an authentication header may protect something else.
    #[must_use]
    pub fn is_vrrp(&self) -> bool {
        self.protocol == Protocol::Vrrp || ah::is_vrrp(&self.payload)
    }

    /// From the VRRP header on; none where the packet ends before it.
    #[must_use]
    pub fn advert(&self) -> Option<&[u8]> {
        match self.protocol {
            Protocol::Vrrp => Some(&self.payload),
            Protocol::Ah => self.payload.get(ah::HEADER_LEN..),
        }
    }
}

/// Where adverts are to be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listen {
    /// On which interface; a VRF hears for those in it. None hears on all.
    pub interface: Option<IfIndex>,
    /// Which protocol below.
    pub family: Family,
    /// In what they come.
    pub protocol: Protocol,
    /// In which multicast group; none for what is sent to this host alone.
    pub group: Option<IpAddr>,
}

/// An advert ready to leave: bytes, and where they go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Where it leaves; the routes decide without one (unicast).
    pub interface: Option<IfIndex>,
    /// The IP header's source.
    pub source: IpAddr,
    /// The IP header's TTL or hop limit; the kernel's own default without one.
    pub ttl: Option<u8>,
    /// The IP header's protocol.
    pub protocol: Protocol,
    /// IPv4's identification; 0 leaves it to the kernel.
    pub id: u16,
    /// One for the group, or for each peer.
    pub copies: Shared<[Datagram]>,
}

impl Packet {
    /// The bytes that the first of its receivers gets.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.copies.first().map_or(&[], |copy| &copy.bytes)
    }
}

/// What one of its receivers gets of an advert: checksums cover the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datagram {
    /// The IP header's destination.
    pub destination: IpAddr,
    /// What follows the IP header.
    pub bytes: Shared<[u8]>,
}

/// What a machine wants done, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Listen there, from now on.
    Listen(Listen),
    /// Don't listen there any more.
    Unlisten(Listen),
    /// So many bytes of adverts may wait on the socket that listens there; 0 leaves it to the driver.
    Buffer {
        /// Where.
        listen: Listen,
        /// How many.
        bytes: u32,
    },
    /// Send an advertisement.
    Advertise {
        /// Who speaks.
        instance: Name,
        /// What, and where to.
        packet: Packet,
    },
    /// Make of these addresses in the kernel what is wanted by the time when it is done (`vrrp::kernel`).
    Apply {
        /// Whose they are, or were.
        instance: Name,
        /// Which.
        addresses: Shared<[VirtualAddress]>,
    },
    /// Make of these interfaces of our own what is wanted by the time when it is done: made, made anew, or removed.
    ApplyLinks {
        /// Whose they are, or were.
        instance: Name,
        /// Their names.
        links: Shared<[Name]>,
    },
    /// The same for routes and rules.
    ApplyEntries {
        /// Whose they are, or were.
        instance: Name,
        /// Which.
        entries: Shared<[Entry]>,
    },
    /// Tell the neighbourhood that these addresses live here: gratuitous ARP, neighbour advertisement. One round over all
    /// addresses after the other.
    Announce {
        /// Whose they are.
        instance: Name,
        /// Which.
        addresses: Shared<[VirtualAddress]>,
        /// How many rounds.
        rounds: u32,
    },
    /// Ask the neighbourhood whether others have these addresses: ARP probe, neighbour solicitation. Who does is heard of
    /// by [`Event::Claimed`].
    Probe {
        /// Whose they are.
        instance: Name,
        /// Which.
        addresses: Shared<[VirtualAddress]>,
    },
    /// Run a program, and tell how it ended ([`Event::RunEnded`]).
    Run(Run),
    /// End a run; its end is told all the same.
    CancelRun(RunId),
    /// From now on look at these, and tell what is seen: at once, and whenever it changes.
    Watch(Box<Watched>),
    /// Tell scripts, FIFOs and mail readers: once what was decided together with it is done with the instance's addresses;
    /// of a group, once what was to be told of its members before it has been.
    Notify(Notice),
    /// Something that a person wants to know.
    Report {
        /// Whom it concerns; none where a packet belongs to no instance.
        instance: Option<Name>,
        /// What happened.
        report: Report,
    },
}

/// An ordered list of actions; drivers empty it.
pub type Actions = Vec<Action>;

/// The state of an instance, without its deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StateKind {
    /// Not started, or stopped.
    Init,
    /// It can't run; see [`Fault`].
    Fault,
    /// It watches the master (RFC 9568 §6.4.2).
    Backup,
    /// It is the master (RFC 9568 §6.4.3: Active).
    Master,
}

impl StateKind {
    /// As others are told of it: of an instance that has not started, nothing.
    #[must_use]
    pub const fn told(self) -> Option<notice::State> {
        match self {
            StateKind::Init => None,
            StateKind::Fault => Some(notice::State::Fault),
            StateKind::Backup => Some(notice::State::Backup),
            StateKind::Master => Some(notice::State::Master),
        }
    }
}
