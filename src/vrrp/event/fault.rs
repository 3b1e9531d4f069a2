//! What keeps an instance from running.

use super::{Name, Object};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// Why an instance can't run. It runs when no fault is left.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fault {
    /// There is no interface of this name: the instance's own, or that of one of its addresses.
    NoInterface(Name),
    /// The interface is down or has no carrier.
    InterfaceDown(Name),
    /// Adverts can't be heard on the interface.
    Deaf(Name),
    /// The interface has no address that an advert could come from: any IPv4 address that is not virtual, or an IPv6
    /// link-local one.
    NoAddress(Name),
    /// Somebody removed this address, route or rule, and the kernel does not take it again.
    NotSet(Name),
    /// The instance's addresses serve virtual servers, and their table can't be written.
    NoTable,
    /// The configured source address is missing: that of unicast, or with `track_src_ip`.
    NoSource(IpAddr),
    /// There is no unicast peer: `unicast_fault_no_peer`.
    NoPeer,
    /// This other instance has the same VRID, and its interface sends to the same network: one of the two is on top of the
    /// other's.
    SameVrid(Name),
    /// Another member of its sync group can't run.
    Group(Name),
    /// The key that signs its adverts can't be read: `auth_hmac`.
    NoKey(u8),
    /// What it tracks without a weight is down; with `reverse`, up. An interface that is tracked and down is not here,
    /// but above.
    Tracked(Object),
    /// It tracks something of which nothing is known yet.
    Awaited(Object),
}

/// In words: why it can't run, and what is waited for.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NoInterface(name) => {
                write!(f, "interface {name} does not exist: waiting for it to appear")
            }
            Fault::InterfaceDown(name) => write!(f, "interface {name} is down: waiting for it"),
            Fault::Deaf(name) => write!(f, "adverts can't be heard on interface {name}"),
            Fault::NoAddress(name) => {
                write!(f, "interface {name} has no address to send adverts from: waiting for one")
            }
            Fault::NotSet(thing) => write!(f, "{thing} was removed and can't be set again"),
            Fault::NoTable => {
                f.write_str("the addresses serve virtual servers, and their table can't be written")
            }
            Fault::NoSource(source) => {
                write!(f, "this host does not have the source address {source}: waiting for it")
            }
            Fault::NoPeer => f.write_str("there is no unicast peer (unicast_fault_no_peer)"),
            // keepalived's first words.
            Fault::SameVrid(other) => write!(
                f,
                "VRID conflict with ({other}): both interfaces send to one network. Give one of them another \
                 virtual_router_id"
            ),
            Fault::Group(name) => {
                write!(f, "another member of sync group {name} can't run: waiting for it")
            }
            Fault::NoKey(id) => {
                write!(f, "key {id} of auth_hmac, which is to sign the adverts, can't be had")
            }
            Fault::Tracked(object) => write!(f, "{object} is not as it should be: waiting for it"),
            Fault::Awaited(object) => write!(f, "waiting for the first word of {object}"),
        }
    }
}

impl Fault {
    /// It tracks something of which nothing is known yet.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        matches!(self, Fault::Awaited(_))
    }

    /// It tracks something that is about to be read.
    #[must_use]
    pub const fn is_reading(&self) -> bool {
        matches!(self, Fault::Awaited(object) if object.is_read())
    }
}
