//! The kernel's IPVS through a netlink socket: operations pipelined, listings streamed.
//!
//! Everything here blocks, and not for long: the kernel carries a request out within the system call that sends it
//! (some microseconds each), its answer is there when the call returns, and every wait is bounded. A worker with a
//! current-thread runtime may therefore call it directly: a table of 100,000 destinations takes a few hundred
//! milliseconds, a usual one less than a millisecond.
//!
//! The services of a table are listed first, then the destinations of each: one dump at a time is all that the
//! kernel carries out on a socket.
//!
//! A long dump comes in parts, and the kernel holds no lock between them; it remembers how many objects it has
//! passed. Whoever adds at the wrong moment makes one appear twice, whoever removes hides one; for services that is
//! anyone on the machine, as all network namespaces share the table that is walked (seen with Linux 6.1).
//! `NLM_F_DUMP_INTR` would tell, but IPVS does not set it. So services in several parts are listed until two
//! lists are alike, and what the last one lacks is asked for by its key; a list of destinations is begun again when one is
//! there twice, and in several parts it is compared with the [`membership`](crate::ipvs::membership).

use crate::ipvs::attributes::FAMILY;
pub use crate::ipvs::attributes::decode::Counters;
use crate::ipvs::attributes::decode::{self, DecodeError};
use crate::ipvs::attributes::encode::{self, Query};
use crate::ipvs::membership::proc::Checksums;
use crate::ipvs::membership::{MembershipReader, compare};
use crate::ipvs::model::{
    Daemon, DaemonState, DestEntry, Info, Reading, ServiceEntry, ServiceKey, Table, Timeouts,
};
use crate::ipvs::operation::Operation;
use crate::netlink::genl::{self, ResolveError};
use crate::netlink::{self, Batch, Consistency, Failure, Protocol, Socket};
use crate::sys::kmod;
use nix::errno::Errno;
use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// The kernel's module.
const MODULE: &str = "ip_vs";

/// Operations that go to the kernel in one system call: what [`Client::execute`] takes at once.
pub const CHUNK: usize = 512;
/// How often a listing is begun again when others keep changing the table in between.
const ATTEMPTS: usize = 16;

/// Why the client could not do as it was told. The failure of one operation in a list is no such error: see
/// [`Failed`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No IPVS in this kernel, or its module is not loaded.
    #[error("this kernel has no IPVS: modprobe ip_vs (as root, on the host if this is a container)")]
    NoIpvs,
    /// The caller lacks the capability.
    #[error("IPVS needs CAP_NET_ADMIN: run as root")]
    NotPermitted,
    /// The socket.
    #[error("{what}")]
    Netlink {
        /// What was to be done.
        what: &'static str,
        /// What went wrong.
        #[source]
        source: netlink::Error,
    },
    /// The family could not be looked up.
    #[error("look up IPVS in this kernel")]
    Resolve(#[source] ResolveError),
    /// The kernel answered what this program does not understand.
    #[error("{what}: the kernel's answer makes no sense")]
    Decode {
        /// What was to be done.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The table changed during every attempt to read it.
    #[error("the IPVS table changes too fast to be read: {ATTEMPTS} attempts were interrupted")]
    KeepsChanging,
}

impl Error {
    /// The error number behind it, where there is one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Error::NoIpvs => Some(Errno::ENOPROTOOPT),
            Error::NotPermitted => Some(Errno::EPERM),
            Error::Netlink { source, .. } => source.errno(),
            Error::Resolve(_) | Error::Decode { .. } | Error::KeepsChanging => None,
        }
    }
}

/// An operation that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {}", self.reason())]
pub struct Failed {
    /// Its index in the list that was executed.
    pub index: usize,
    /// The operation.
    pub operation: Operation,
    /// Why: the kernel's refusal, or that it is not known whether it was carried out.
    pub failure: Failure,
}

impl Failed {
    /// The kernel's error number, where it refused.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match &self.failure {
            Failure::Refused(refusal) => Some(refusal.errno),
            Failure::Unknown | Failure::NotSent(_) => None,
        }
    }

    fn reason(&self) -> String {
        match self.errno() {
            Some(errno) => self.operation.reason(errno).to_owned(),
            None => self.failure.to_string(),
        }
    }
}

/// A connection to the kernel's IPVS, in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct Client {
    socket: Socket,
    family: u16,
    batch: Batch,
    membership: MembershipReader,
    /// The last list of destinations came in parts.
    in_parts: bool,
}

impl Client {
    /// Opens a socket and looks the family up; the kernel loads its module by itself where it can.
    ///
    /// # Errors
    /// [`Error::NoIpvs`] where there is none.
    pub fn open() -> Result<Client, Error> {
        let mut socket = Socket::open(Protocol::Generic)
            .map_err(|source| Error::Netlink { what: "reach the kernel's IPVS", source })?;
        let family = genl::resolve(&mut socket, FAMILY).map_err(|error| match error {
            ResolveError::NoSuchFamily(_) => Error::NoIpvs,
            other => Error::Resolve(other),
        })?;
        Ok(Client {
            socket,
            family: family.id,
            batch: Batch::new(),
            membership: MembershipReader::open(),
            in_parts: false,
        })
    }

    /// With a test at the other end.
    #[cfg(test)]
    pub(crate) fn over(fd: std::os::fd::OwnedFd, family: u16) -> Client {
        let (socket, membership) = (Socket::over(fd, 0), MembershipReader::open());
        Client { socket, family, batch: Batch::new(), membership, in_parts: false }
    }

    /// Begins to load the kernel's IPVS where it is missing, for another process that can't: kernels before 5.14 don't load
    /// it by themselves for whoever asks for it.
    pub fn begin_to_load() {
        if !Path::new("/proc/net/ip_vs").exists() {
            kmod::begin(MODULE);
        }
    }

    /// Like [`Client::open`], and runs `modprobe ip_vs` where there is no IPVS.
    ///
    /// # Errors
    /// [`Error::NoIpvs`] where there is still none.
    pub fn open_or_load() -> Result<Client, Error> {
        match Client::open() {
            Err(Error::NoIpvs) if kmod::load(MODULE) => Client::open(),
            result => result,
        }
    }

    /// Carries the operations out in their order, pipelined, and tells which ones failed, by ascending index. One
    /// that fails stops none of the others.
    pub fn execute<'a>(&mut self, operations: impl IntoIterator<Item = &'a Operation>) -> Vec<Failed> {
        let operations = operations.into_iter();
        let mut failed = Vec::new();
        let mut chunk: Vec<&Operation> = Vec::with_capacity(CHUNK);
        let mut done = 0;
        let mut operations = operations.peekable();
        while operations.peek().is_some() {
            chunk.clear();
            chunk.extend(operations.by_ref().take(CHUNK));
            self.batch.clear();
            for operation in &chunk {
                encode::operation(&mut self.batch, self.family, operation);
            }
            for f in self.socket.execute(&mut self.batch) {
                if let Some(&operation) = chunk.get(f.index) {
                    let index = done + f.index;
                    failed.push(Failed { index, operation: operation.clone(), failure: f.failure });
                }
            }
            done += chunk.len();
        }
        failed
    }

    /// Version and size of the connection table.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn info(&mut self) -> Result<Info, Error> {
        self.ask("read IPVS's version", &Query::Info, decode::info)
    }

    /// Connection timeouts.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn timeouts(&mut self) -> Result<Timeouts, Error> {
        self.ask("read the IPVS timeouts", &Query::Timeouts, decode::timeouts)
    }

    /// The synchronisation daemons that run: at most a master and a backup.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn daemons(&mut self) -> Result<Vec<Daemon>, Error> {
        let mut list = Vec::new();
        // Two of them come in one part.
        let _ = self.list("list the sync daemons", &Query::Daemons, decode::daemon, &mut list, |list| {
            is_unique(list, |d| d.state == DaemonState::Master)
        })?;
        Ok(list)
    }

    /// All services, in the kernel's order.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn services(&mut self) -> Result<Vec<ServiceEntry>, Error> {
        let mut list = Vec::new();
        let (mut known, mut last) = (HashSet::new(), HashSet::new());
        for _ in 0..ATTEMPTS {
            if self.list_services(&mut list)? == Consistency::Whole {
                return Ok(list);
            }
            let keys: HashSet<_> = list.iter().map(|entry| entry.service.key).collect();
            known.extend(&keys);
            if keys == last {
                break;
            }
            last = keys;
        }
        // What the last list has not is gone, or was hidden from it.
        for key in known.difference(&last) {
            list.extend(self.find_service(key)?);
        }
        Ok(list)
    }

    fn list_services(&mut self, list: &mut Vec<ServiceEntry>) -> Result<Consistency, Error> {
        self.list("list the IPVS services", &Query::Services, decode::service, list, |list| {
            // Of one that is there twice, either is as good as the other.
            let mut seen = HashSet::with_capacity(list.len());
            list.retain(|entry: &ServiceEntry| seen.insert(entry.service.key));
            true
        })
    }

    fn find_service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, Error> {
        match self.service(key) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.errno() == Some(Errno::ESRCH) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One service; the error's `errno` is `ESRCH` where it does not exist.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn service(&mut self, key: &ServiceKey) -> Result<ServiceEntry, Error> {
        self.ask("read an IPVS service", &Query::Service(*key), decode::service)
    }

    /// The destinations of a service, in the kernel's order (the newest first); none where there is no such
    /// service, as the kernel's dump does not tell the two apart.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn dests(&mut self, service: &ServiceKey) -> Result<Vec<DestEntry>, Error> {
        let mut list = Vec::new();
        if self.list_dests(service, Counters::Read, &mut list)? != Consistency::Whole {
            self.complete(service, Counters::Read, &mut list)?;
        }
        Ok(list)
    }

    /// Like [`Client::dests`] for one service after the other, with the room of `list`, whose content is replaced; the
    /// counters where they are wanted. `checksums` begin as `None`.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn dests_into(
        &mut self,
        service: &ServiceKey,
        counters: Counters,
        list: &mut Vec<DestEntry>,
        checksums: &mut Option<Checksums>,
    ) -> Result<(), Error> {
        // The services of a table are often much alike.
        let before = if self.in_parts { self.membership.before_listing(service) } else { None };
        self.in_parts = self.list_dests(service, counters, list)? != Consistency::Whole;
        let is_whole = !self.in_parts
            || before.is_some_and(|before| before.shows_complete(list))
            || self.membership.matches(service, list, checksums);
        if is_whole { Ok(()) } else { self.complete(service, counters, list) }
    }

    fn list_dests(
        &mut self,
        service: &ServiceKey,
        counters: Counters,
        list: &mut Vec<DestEntry>,
    ) -> Result<Consistency, Error> {
        let family = service.family();
        let decode = |payload: &[u8]| decode::dest(payload, family, counters);
        self.list("list an IPVS service's servers", &Query::Dests(*service), decode, list, |list| {
            is_unique(list, |d| d.dest.key)
        })
    }

    /// Adds the destinations that were hidden from a list in several parts.
    fn complete(
        &mut self,
        service: &ServiceKey,
        counters: Counters,
        list: &mut Vec<DestEntry>,
    ) -> Result<(), Error> {
        let mut again = Vec::new();
        for attempt in 0..ATTEMPTS {
            let Some(members) = self.membership.read(service, list) else { return Ok(()) };
            let missing = compare::missing(list, &members);
            if missing.is_empty() {
                if attempt > 0 {
                    compare::put_in_order(list, &members);
                }
                return Ok(());
            }
            let _ = self.list_dests(service, counters, &mut again)?;
            list.extend(again.drain(..).filter(|d| missing.contains(&d.dest.key)));
        }
        Err(Error::KeepsChanging)
    }

    /// The whole table, the destinations of each service in the order they were made in.
    ///
    /// A service that another program removes while the table is read may appear without destinations.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn table(&mut self) -> Result<Table, Error> {
        self.table_of(|_| true)
    }

    /// Like [`Client::table`], for the services whose keys are `wanted`.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn table_of(&mut self, wanted: impl Fn(&ServiceKey) -> bool) -> Result<Table, Error> {
        let mut table = Table::default();
        let (mut dests, mut checksums) = (Vec::new(), None);
        for entry in self.services()? {
            if !wanted(&entry.service.key) {
                continue;
            }
            self.dests_into(&entry.service.key, Counters::Leave, &mut dests, &mut checksums)?;
            table.services.push((entry.service, dests.iter().rev().map(|d| d.dest).collect()));
        }
        Ok(table)
    }

    /// The whole table with its counters, in the kernel's order (of destinations, the newest first).
    ///
    /// A service that another program removes while the table is read may appear without destinations.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn reading(&mut self) -> Result<Reading, Error> {
        let mut reading = Reading::default();
        let mut checksums = None;
        for entry in self.services()? {
            let mut dests = Vec::new();
            self.dests_into(&entry.service.key, Counters::Read, &mut dests, &mut checksums)?;
            reading.services.push((entry, dests));
        }
        Ok(reading)
    }

    /// A request answered with one object.
    fn ask<T>(
        &mut self,
        what: &'static str,
        query: &Query,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, Error> {
        self.batch.clear();
        encode::query(&mut self.batch, self.family, query);
        let mut answer = Err(DecodeError::Missing("answer"));
        let failed = self.socket.query(&mut self.batch, |_, message| answer = decode(message.payload));
        match failed.into_iter().next() {
            Some(failed) => Err(refused(what, failed.failure.into())),
            None => answer.map_err(|source| Error::Decode { what, source }),
        }
    }

    /// A dump, begun again while others interrupt it, or `settle` says that it is not whole.
    fn list<T>(
        &mut self,
        what: &'static str,
        query: &Query,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
        list: &mut Vec<T>,
        settle: impl Fn(&mut Vec<T>) -> bool,
    ) -> Result<Consistency, Error> {
        for _ in 0..ATTEMPTS {
            list.clear();
            self.batch.clear();
            encode::query(&mut self.batch, self.family, query);
            let mut broken = None;
            let consistency = self
                .socket
                .dump(&mut self.batch, |message| match decode(message.payload) {
                    Ok(object) => list.push(object),
                    Err(error) => broken = broken.or(Some(error)),
                })
                .map_err(|source| refused(what, source))?;
            match (consistency, broken) {
                (Consistency::Interrupted, _) => {}
                (_, Some(source)) => return Err(Error::Decode { what, source }),
                (_, None) if settle(list) => return Ok(consistency),
                (_, None) => {}
            }
        }
        Err(Error::KeepsChanging)
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether no two have the same key.
fn is_unique<T, K: Ord>(list: &[T], key: impl Fn(&T) -> K) -> bool {
    // Mostly they come in the order in which somebody counted them up, the newest first.
    if list.is_sorted_by(|a, b| key(a) > key(b)) {
        return true;
    }
    let mut keys: Vec<K> = list.iter().map(key).collect();
    keys.sort_unstable();
    keys.is_sorted_by(|a, b| a < b)
}

fn refused(what: &'static str, source: netlink::Error) -> Error {
    match source.errno() {
        Some(Errno::EPERM) => Error::NotPermitted,
        _ => Error::Netlink { what, source },
    }
}
