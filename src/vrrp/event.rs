//! The whole interface of the VRRP machines: what they are told ([`Event`]) and what they want done ([`Action`]).
//!
//! Closed enums of plain data: they can be asserted, recorded, replayed and refused. Names, kernel interface indexes
//! and VRIDs identify things; nothing is a position in a list.

use super::config::{self, VirtualAddress};
use super::packet::{Advert, DecodeError};
use super::shared::Shared;
use crate::net::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// The name of an instance or of an interface.
pub type Name = Shared<str>;

/// The kernel's number of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IfIndex(pub u32);

/// What the router is told. The time beside it is when it happened: for a packet, when the kernel received it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// From now on this is what is wanted: the first one starts the instances, later ones are reloads.
    Config(Box<config::Config>),
    /// An interface as it is now: at start, and whenever anything of it changes.
    Link(Link),
    /// An interface is gone.
    LinkGone {
        /// Which one.
        name: Name,
    },
    /// A packet of VRRP's protocol number arrived.
    Received(Received),
    /// Addresses of [`Action::SetAddresses`] that the kernel refused.
    AddressesRefused {
        /// Whose they are.
        instance: Name,
        /// Those that are not set.
        addresses: Vec<VirtualAddress>,
    },
    /// An advert of [`Action::Advertise`] did not leave.
    AdvertRefused {
        /// Whose it was.
        instance: Name,
    },
    /// The end: masters say so and give their addresses back.
    Stop,
}

/// An interface as far as VRRP cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its name: what a configuration calls it.
    pub name: Name,
    /// Its number.
    pub index: IfIndex,
    /// Up, with carrier.
    pub up: bool,
    /// All its addresses of both families, in the kernel's order. Tentative ones don't count.
    pub addresses: Vec<IpNet>,
}

/// A packet as it came from the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Where it arrived.
    pub interface: IfIndex,
    /// The IP header's source.
    pub source: IpAddr,
    /// The IP header's destination.
    pub destination: IpAddr,
    /// The IP header's TTL or hop limit.
    pub ttl: u8,
    /// From the VRRP header on.
    pub payload: Vec<u8>,
}

/// What a machine wants done, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Send an advertisement.
    Advertise {
        /// Who speaks.
        instance: Name,
        /// Where it leaves.
        interface: IfIndex,
        /// The IP header's source.
        source: IpAddr,
        /// The IP header's destination.
        destination: IpAddr,
        /// What it says.
        advert: Advert,
    },
    /// Set these addresses; one that is there already is fine.
    SetAddresses {
        /// Whose they are.
        instance: Name,
        /// Which.
        addresses: Shared<[VirtualAddress]>,
    },
    /// Remove these addresses; one that is not there is fine.
    RemoveAddresses {
        /// Whose they were.
        instance: Name,
        /// Which.
        addresses: Shared<[VirtualAddress]>,
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
    /// Something that a person or a notify script wants to know.
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

/// Why an instance can't run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// There is no interface of this name.
    NoInterface,
    /// The interface is down or has no carrier.
    InterfaceDown,
    /// The interface has no address that an advert could come from: any IPv4 address that is not virtual, or an IPv6
    /// link-local one.
    NoAddress,
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// The instance changed its state.
    Entered {
        /// Where it was.
        from: StateKind,
        /// Where it is.
        to: StateKind,
    },
    /// It can't run, for this reason.
    Faulty(Fault),
    /// The master has been silent for too long.
    MasterDown,
    /// Another router leaves.
    PriorityZeroReceived,
    /// This router told the others that it leaves.
    PriorityZeroSent,
    /// As master, it heard one that beats it.
    HigherPriority {
        /// Who.
        source: IpAddr,
        /// The other's priority; when equal, the other's address is higher.
        theirs: u8,
        /// This router's.
        ours: u8,
    },
    /// It heard one that it beats: as master it insists, as backup it lets the master's time run out.
    LowerPriority {
        /// Who.
        source: IpAddr,
        /// The other's priority; when equal, the other's address is lower.
        theirs: u8,
        /// This router's.
        ours: u8,
    },
    /// Two routers say that they own the addresses: this one steps down to 254.
    OwnerConflict {
        /// The other.
        source: IpAddr,
    },
    /// The master's interval as its adverts tell it (version 3).
    IntervalLearnt {
        /// Until now.
        old: Duration,
        /// From now on.
        new: Duration,
    },
    /// A master of lower priority is left alone for so long.
    PreemptDelayed(Duration),
    /// The process did not run for longer than a master may be silent.
    Stalled {
        /// How late a deadline was seen.
        late: Duration,
    },
    /// A packet that is no advert.
    Malformed {
        /// Who sent it.
        source: IpAddr,
        /// What is wrong.
        error: DecodeError,
    },
    /// A valid advert that is not believed.
    Discarded {
        /// Who sent it.
        source: IpAddr,
        /// Why.
        reason: Discard,
    },
}

/// Why a well-formed advert is refused. One variant is one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Discard {
    /// "MUST verify that the IPv4 TTL or IPv6 Hop Limit is 255" (RFC 9568 §7.1): it came through a router.
    #[error("invalid TTL/HL: received {0}, expected 255")]
    Ttl(u8),
    /// "MUST verify that the VRID is configured on the receiving interface" (RFC 9568 §7.1).
    #[error("virtual router {0} is not configured here")]
    UnknownVrid(u8),
    /// The instance can't run now.
    #[error("the instance is in FAULT state")]
    NotRunning,
    /// It came from the address this instance sends from.
    #[error("it came from our own address")]
    OwnPacket,
    /// It was not sent to the instance's group.
    #[error("it was not sent to the instance's multicast group")]
    Destination,
    /// The instance speaks another version of the protocol.
    #[error("wrong version of the protocol")]
    Version,
    /// Version 2: another kind of authentication than configured.
    #[error("authentication type mismatch")]
    AuthType,
    /// Version 2: the wrong password.
    #[error("received an invalid passwd!")]
    AuthFailure,
    /// Version 2: "MUST verify that the Adver Interval in the packet is the same as the locally configured" (RFC
    /// 3768 §7.1).
    #[error("advertisement interval mismatch: ours {ours:?}, received {theirs:?}")]
    Interval {
        /// Configured here.
        ours: Duration,
        /// Configured there.
        theirs: Duration,
    },
    /// The addresses differ (RFC 9568 §7.1: "MAY verify"; keepalived does, so both ends stay honest).
    #[error("the addresses differ from those configured here")]
    Addresses,
}
