//! Asking for links and addresses, and changing addresses.

use super::address::{self, Address, AddressChange, AddressProblem};
use super::link::{self, Link};
use crate::netlink::message::{Batch, Malformed, Message};
use crate::netlink::socket::{Consistency, Error, Protocol, Socket};
use nix::errno::Errno;

/// Dumps made again while the table changes under them. One that never stands still is taken as it is: the monitor
/// tells the rest.
const ATTEMPTS: usize = 10;

/// A connection to rtnetlink of one network namespace.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    batch: Batch,
}

impl Client {
    /// Connects to the calling thread's network namespace.
    ///
    /// # Errors
    /// [`Error::Open`]
    pub fn open() -> Result<Client, Error> {
        Ok(Client { socket: Socket::open(Protocol::Route)?, batch: Batch::new() })
    }

    /// Every link.
    ///
    /// # Errors
    /// Those of [`Socket::dump`].
    pub fn links(&mut self) -> Result<Vec<Link>, Error> {
        self.dump(link::dump, link::read)
    }

    /// The link of that name; `None` where there is none.
    ///
    /// # Errors
    /// Those of [`Socket::query`].
    pub fn link(&mut self, name: &str) -> Result<Option<Link>, Error> {
        // A name that is too long for the kernel (`ERANGE`, `EINVAL`) is none of its names.
        self.find(|batch| link::get(batch, name), &[Errno::ENODEV, Errno::ERANGE, Errno::EINVAL])
    }

    /// The link with that index; `None` where there is none.
    ///
    /// # Errors
    /// Those of [`Socket::query`].
    pub fn link_at(&mut self, index: u32) -> Result<Option<Link>, Error> {
        self.find(|batch| link::get_index(batch, index), &[Errno::ENODEV])
    }

    fn find(&mut self, ask: impl FnOnce(&mut Batch), none: &[Errno]) -> Result<Option<Link>, Error> {
        self.batch.clear();
        ask(&mut self.batch);
        let mut found = Ok(None);
        let failed = self.socket.query(&mut self.batch, |_, message| found = link::read(&message));
        match failed.into_iter().next().map(|f| Error::from(f.failure)) {
            Some(e) if e.errno().is_some_and(|errno| none.contains(&errno)) => Ok(None),
            Some(error) => Err(error),
            None => Ok(found?),
        }
    }

    /// The addresses of every interface, or of the one with that index (none, where there is no such interface).
    ///
    /// # Errors
    /// Those of [`Socket::dump`].
    pub fn addresses(&mut self, interface: Option<u32>) -> Result<Vec<Address>, Error> {
        let index = interface.unwrap_or(0);
        let listed = self.dump(|batch| address::dump(batch, index), address::read);
        match listed {
            // Kernels without strict checking give all of them whatever is asked for.
            Ok(mut all) => {
                all.retain(|a| interface.is_none_or(|i| i == a.interface));
                Ok(all)
            }
            Err(error) if interface.is_some() && error.errno() == Some(Errno::ENODEV) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Makes the changes in their order, in as few system calls as possible; `failed` gets the index of each that was
    /// not made, ascending, and why. The cost of one does not grow with the number of addresses there are.
    pub fn change_addresses(
        &mut self,
        changes: &[AddressChange],
        mut failed: impl FnMut(usize, AddressProblem),
    ) {
        self.batch.clear();
        for change in changes {
            address::change(&mut self.batch, change);
        }
        for failure in self.socket.execute(&mut self.batch) {
            if let Some(change) = changes.get(failure.index) {
                failed(failure.index, AddressProblem::of(change, failure.failure));
            }
        }
    }

    fn dump<T>(
        &mut self,
        request: impl Fn(&mut Batch),
        read: impl Fn(&Message<'_>) -> Result<Option<T>, Malformed>,
    ) -> Result<Vec<T>, Error> {
        let mut attempt = 1;
        loop {
            self.batch.clear();
            request(&mut self.batch);
            let (mut objects, mut malformed) = (Vec::new(), false);
            let consistency = self.socket.dump(&mut self.batch, |message| match read(&message) {
                Ok(object) => objects.extend(object),
                Err(Malformed) => malformed = true,
            })?;
            if malformed {
                return Err(Error::Malformed(Malformed));
            }
            if consistency != Consistency::Interrupted || attempt == ATTEMPTS {
                return Ok(objects);
            }
            attempt += 1;
        }
    }
}
