//! Being told when links and addresses change.

use super::address::{self, Address};
use super::link::{self, Link};
use crate::netlink::message::{Malformed, Messages};
use crate::netlink::socket::{DATAGRAM, Error, Protocol, Read, open, read};
use crate::sys::ready::Ready;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::OwnedFd;

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// A change of the kernel's links or addresses. It may repeat what is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A link is there: new, or changed in whatever way.
    Link(Link),
    /// A link has gone: deleted, or moved to another namespace.
    LinkGone(Link),
    /// An address is there: new, or changed.
    Address(Address),
    /// An address has gone.
    AddressGone(Address),
    /// Events were lost. The state has to be asked for again.
    Resync,
}

/// A subscription to the changes in one network namespace.
#[derive(Debug)]
pub struct Monitor {
    pub(super) fd: Ready<OwnedFd>,
    datagram: Vec<u8>,
}

impl Monitor {
    /// Subscribes in the calling thread's network namespace. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Open`]
    pub fn open() -> Result<Monitor, Error> {
        let failed = |errno| Error::Open { protocol: Protocol::Route, errno };
        let (fd, _) = open(Protocol::Route, GROUPS).map_err(failed)?;
        let fd = Ready::new(fd)
            .map_err(|e| failed(e.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)))?;
        Ok(Monitor { fd, datagram: vec![0; DATAGRAM] })
    }

    /// Waits until there may be events; [`Monitor::drain`] must follow. Cancel-safe.
    ///
    /// # Errors
    /// The runtime is being shut down.
    pub async fn ready(&self) -> io::Result<()> {
        self.fd.wait().await
    }

    /// Gives every event that has come to `event`, without waiting. After a loss what is still queued is older than
    /// the state that a [`Event::Resync`] makes the caller ask for, so it is left out and the resync comes last.
    ///
    /// # Errors
    /// [`Error::Receive`]
    pub fn drain(&mut self, mut event: impl FnMut(Event)) -> Result<(), Error> {
        let mut lost = false;
        loop {
            match read(self.fd.get(), &mut self.datagram).map_err(Error::Receive)? {
                Read::Empty => break,
                Read::Lost => lost = true,
                Read::Datagram(_) if lost => {}
                // What can't be read may have been anything.
                Read::Datagram(len) => lost = events(&self.datagram[..len], &mut event).is_err(),
            }
        }
        if lost {
            event(Event::Resync);
        }
        Ok(())
    }
}

/// Gives the events in a datagram, up to one that can't be read.
fn events(datagram: &[u8], event: &mut impl FnMut(Event)) -> Result<(), Malformed> {
    for message in Messages::new(datagram) {
        let message = message?;
        let read = match message.kind {
            link::NEW => link::read(&message)?.map(Event::Link),
            link::DELETE => link::read(&message)?.map(Event::LinkGone),
            address::NEW => address::read(&message)?.map(Event::Address),
            address::DELETE => address::read(&message)?.map(Event::AddressGone),
            _ => None,
        };
        if let Some(read) = read {
            event(read);
        }
    }
    Ok(())
}
