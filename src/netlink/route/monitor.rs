//! Being told when links, addresses, routes and rules change.

use super::address::{self, Address};
use super::fib::{self, Route};
use super::filter;
use super::link::{self, Link};
use super::netconf;
use super::rule::{self, Rule};
use crate::netlink::message::{Malformed, Messages};
use crate::netlink::socket::{DATAGRAM, Error, Protocol, Read, open, read};
use crate::sys::sockopt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`, and that of `RTNLGRP_IPV6_NETCONF`
const GROUPS: u32 = 0x1 | 0x10 | 0x100 | 1 << 24;
/// `RTNLGRP_IPV4_ROUTE`, `RTNLGRP_IPV6_ROUTE`, `RTNLGRP_IPV4_RULE`, `RTNLGRP_IPV6_RULE`
const ROUTES: [libc::c_int; 2] = [7, 11];
const RULES: [libc::c_int; 2] = [8, 19];
/// After a loss so many messages that came before it are thrown away at most: when they never end, what the kernel
/// holds is asked for all the same.
const STALE: usize = 1 << 17;

/// A change of what the kernel holds. It may repeat what is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A link is there: new, or changed in whatever way.
    Link(Link),
    /// A link has gone: deleted, or moved to another namespace.
    LinkGone(Link),
    /// This host forwards IPv6 packets that arrive on a link, or does not. Nothing else of the link is told.
    Forwarding {
        /// The link's index.
        interface: u32,
        /// Whether it does.
        forwards_v6: bool,
    },
    /// An address is there: new, or changed.
    Address(Address),
    /// An address has gone.
    AddressGone(Address),
    /// A route is there: new, or changed.
    Route(Route),
    /// A route has gone. The kernel does not tell of IPv4 routes that go with their interface or address.
    RouteGone(Route),
    /// A rule is there.
    Rule(Rule),
    /// A rule has gone.
    RuleGone(Rule),
    /// Events were lost. The state has to be asked for again.
    Resync,
}

/// A subscription to the changes in one network namespace: a descriptor to be waited for, and [`Monitor::drain`].
#[derive(Debug)]
pub struct Monitor {
    pub(super) fd: OwnedFd,
    datagram: Vec<u8>,
    /// Something was lost: what is queued is of no use. So many datagrams were thrown away since then.
    lost: Option<usize>,
}

impl Monitor {
    /// Subscribes in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`Error::Open`]
    pub fn open() -> Result<Monitor, Error> {
        let (fd, _) = open(Protocol::Route, GROUPS)
            .map_err(|errno| Error::Open { protocol: Protocol::Route, errno })?;
        Ok(Monitor { fd, datagram: vec![0; DATAGRAM], lost: None })
    }

    /// From now on it also tells of routes with these protocol numbers, and of rules. The kernel sends no others: those of
    /// a routing daemon change by the hundred thousand.
    ///
    /// # Errors
    /// [`Error::Open`]
    pub fn follow_routing(&self, protocols: &BTreeSet<u8>, rules: bool) -> Result<(), Error> {
        let failed = |errno| Error::Open { protocol: Protocol::Route, errno };
        // The filter first: it keeps back what the groups would bring.
        sockopt::attach_filter(&self.fd, &filter::routes_of(protocols)).map_err(failed)?;
        for (groups, wanted) in [(ROUTES, !protocols.is_empty()), (RULES, rules)] {
            let option = if wanted { libc::NETLINK_ADD_MEMBERSHIP } else { libc::NETLINK_DROP_MEMBERSHIP };
            for group in groups {
                sockopt::set(&self.fd, libc::SOL_NETLINK, option, group).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Gives events that have come to `event`, without waiting: those of at most `most` datagrams (the kernel mostly
    /// sends one event in each). True if there may be more. After a loss what is still queued is older than the state
    /// that a [`Event::Resync`] makes the caller ask for, so it is left out and the resync comes last.
    ///
    /// # Errors
    /// [`Error::Receive`]
    pub fn drain(&mut self, most: usize, mut event: impl FnMut(Event)) -> Result<bool, Error> {
        for _ in 0..most {
            match read(&self.fd, &mut self.datagram).map_err(Error::Receive)? {
                Read::Empty => {
                    if self.lost.take().is_some() {
                        event(Event::Resync);
                    }
                    return Ok(false);
                }
                Read::Lost => self.lost = Some(self.lost.unwrap_or(0)),
                Read::Datagram(len) => match &mut self.lost {
                    Some(stale) if *stale < STALE => *stale += 1,
                    Some(_) => {
                        self.lost = None;
                        event(Event::Resync);
                        return Ok(true);
                    }
                    None => {
                        // What can't be read may have been anything.
                        if events(self.datagram.get(..len).unwrap_or_default(), &mut event).is_err() {
                            self.lost = Some(0);
                        }
                    }
                },
            }
        }
        Ok(true)
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Gives the events in a datagram, up to one that can't be read.
fn events(datagram: &[u8], event: &mut impl FnMut(Event)) -> Result<(), Malformed> {
    for message in Messages::new(datagram) {
        let message = message?;
        let read = match message.kind {
            link::NEW => link::read(&message)?.map(Event::Link),
            link::DELETE => link::read(&message)?.map(Event::LinkGone),
            netconf::NEW => netconf::read(&message)?
                .map(|(interface, forwards_v6)| Event::Forwarding { interface, forwards_v6 }),
            address::NEW => address::read(&message)?.map(Event::Address),
            address::DELETE => address::read(&message)?.map(Event::AddressGone),
            fib::NEW => fib::read(&message)?.map(Event::Route),
            fib::DELETE => fib::read(&message)?.map(Event::RouteGone),
            rule::NEW => rule::read(&message)?.map(Event::Rule),
            rule::DELETE => rule::read(&message)?.map(Event::RuleGone),
            _ => None,
        };
        if let Some(read) = read {
            event(read);
        }
    }
    Ok(())
}
