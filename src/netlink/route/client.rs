//! Asking for links and addresses, and changing addresses.

use super::address::{self, Address, AddressChange, AddressFailure, AddressProblem};
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
        self.batch.clear();
        link::get(&mut self.batch, name);
        let mut found = Ok(None);
        let failed = self.socket.query(&mut self.batch, |_, message| found = link::read(&message));
        match failed.into_iter().next().map(|f| Error::from(f.failure)) {
            // A name that is too long for the kernel (`ERANGE`, `EINVAL`) is none of its names.
            Some(e) if matches!(e.errno(), Some(Errno::ENODEV | Errno::ERANGE | Errno::EINVAL)) => Ok(None),
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

    /// Makes the changes in their order, in as few system calls as possible, and tells which were not made.
    pub fn change_addresses(&mut self, changes: &[AddressChange]) -> Vec<AddressFailure> {
        self.batch.clear();
        for change in changes {
            address::change(&mut self.batch, change);
        }
        let failed = self.socket.execute(&mut self.batch);
        let failures = failed.into_iter().filter_map(|f| {
            let change = changes.get(f.index)?.clone();
            let problem = AddressProblem::of(&change, f.failure);
            Some(AddressFailure { index: f.index, change, problem })
        });
        failures.collect()
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
