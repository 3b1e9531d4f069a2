//! Asking for links, addresses, routes and rules, and changing them.

use super::address::{self, Address};
use super::change::{Change, Problem};
use super::fib::{self, Route};
use super::link::{self, Link};
use super::make_link::{self, NewLink, V4Setting};
use super::rule::{self, Rule};
use crate::net::Family;
use crate::netlink::message::{Batch, Malformed, Message};
use crate::netlink::socket::{Consistency, Error, Protocol, Socket};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};

/// Dumps made again while the table changes under them. One that never stands still is taken as it is: the monitor
/// tells the rest.
const ATTEMPTS: usize = 10;

/// A connection to rtnetlink of one network namespace.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    batch: Batch,
}

/// For its options.
impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
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

    /// The routes with these protocol numbers, of both families.
    ///
    /// # Errors
    /// Those of [`Socket::dump`].
    pub fn routes(&mut self, protocols: &BTreeSet<u8>) -> Result<Vec<Route>, Error> {
        let mut all = Vec::new();
        for family in [Family::V4, Family::V6] {
            for &protocol in protocols {
                let found = self.dump(|batch| fib::dump(batch, family, protocol), fib::read);
                // Kernels before 4.20 give all routes whatever is asked for.
                all.extend(supported(found)?.into_iter().filter(|route| route.protocol == protocol));
            }
        }
        Ok(all)
    }

    /// The rules of both families.
    ///
    /// # Errors
    /// Those of [`Socket::dump`].
    pub fn rules(&mut self) -> Result<Vec<Rule>, Error> {
        let mut all = Vec::new();
        for family in [Family::V4, Family::V6] {
            let found = self.dump(|batch| rule::dump(batch, family), rule::read);
            all.extend(supported(found)?);
        }
        Ok(all)
    }

    /// Makes the changes in their order, in as few system calls as possible; `failed` gets the index of each that was
    /// not made, ascending, and why. The cost of one does not grow with the number of addresses there are.
    pub fn change(&mut self, changes: &[Change], mut failed: impl FnMut(usize, Problem)) {
        self.batch.clear();
        for change in changes {
            change.write(&mut self.batch);
        }
        for failure in self.socket.execute(&mut self.batch) {
            if let Some(change) = changes.get(failure.index) {
                failed(failure.index, Problem::of(change, failure.failure));
            }
        }
    }

    /// Makes a link on top of another. `between` is done once it is made, before it is up.
    ///
    /// # Errors
    /// Why it was not made, or not set up; then there is none.
    pub fn make_link(&mut self, new: &NewLink, between: impl FnOnce()) -> Result<(), Error> {
        self.batch.clear();
        make_link::make(&mut self.batch, new);
        let failed = self.socket.execute(&mut self.batch);
        if let Some(first) = failed.into_iter().next() {
            if first.index > 0 {
                self.remove_named(&new.name);
            }
            return Err(first.failure.into());
        }
        between();
        self.carry_out(|batch| make_link::up(batch, &new.name)).inspect_err(|_| self.remove_named(&new.name))
    }

    fn remove_named(&mut self, name: &str) {
        if let Ok(Some(link)) = self.link(name) {
            let _ = self.remove_link(link.index);
        }
    }

    /// Removes a link, with its addresses.
    ///
    /// # Errors
    /// Why not.
    pub fn remove_link(&mut self, index: u32) -> Result<(), Error> {
        self.carry_out(|batch| make_link::delete(batch, index))
    }

    /// Sets settings of IPv4 on a link.
    ///
    /// # Errors
    /// Why not.
    pub fn set_v4(&mut self, index: u32, settings: &[(V4Setting, u32)]) -> Result<(), Error> {
        self.carry_out(|batch| make_link::set_v4(batch, index, settings))
    }

    /// Sets a link's group to what it is, which makes the kernel tell of the link.
    ///
    /// # Errors
    /// Why not.
    pub fn tell_of(&mut self, index: u32) -> Result<(), Error> {
        let Some(link) = self.link_at(index)? else { return Ok(()) };
        self.carry_out(|batch| make_link::set_group(batch, index, link.group))
    }

    fn carry_out(&mut self, ask: impl FnOnce(&mut Batch)) -> Result<(), Error> {
        self.batch.clear();
        ask(&mut self.batch);
        match self.socket.execute(&mut self.batch).into_iter().next() {
            Some(failed) => Err(failed.failure.into()),
            None => Ok(()),
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

/// A kernel without a family, or without policy routing, has nothing of it.
fn supported<T>(found: Result<Vec<T>, Error>) -> Result<Vec<T>, Error> {
    match found {
        Err(error) if matches!(error.errno(), Some(Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT)) => {
            Ok(Vec::new())
        }
        found => found,
    }
}
