//! Calls the roll by system calls.

use super::compare::{Before, missing};
use super::proc::{self, Tallies};
use super::sockopt;
use crate::ipvs::model::{DestEntry, DestKey, ServiceKey};
use crate::sys::sockopt as system;
use nix::fcntl::{OFlag, openat};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::OwnedFd;

/// The files of a network namespace.
const DIRECTORY: &str = "/proc/thread-self/net";
const FILE: &str = "ip_vs";
/// Bytes of a read: the kernel gives a page, or a service.
const READ: usize = 64 << 10;

/// Calls rolls, in the network namespace of the thread that has opened it.
#[derive(Debug)]
pub struct Caller {
    socket: Option<OwnedFd>,
    directory: Option<File>,
    /// What the kernel was asked with, and has answered, for the next time.
    bytes: Vec<u8>,
}

impl Caller {
    /// Where a way is closed, the other one is taken; without either there are no rolls.
    #[must_use]
    pub fn open() -> Caller {
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).ok();
        Caller { socket, directory: File::open(DIRECTORY).ok(), bytes: Vec::new() }
    }

    /// What tells later that a list made after this has all; `None` where the kernel does not give it.
    pub fn before(&mut self, service: &ServiceKey) -> Option<Before> {
        if !sockopt::is_possible(service) {
            return None;
        }
        let socket = self.socket.as_ref()?;
        let first = sockopt::question(&mut self.bytes, service, 1);
        system::exchange(socket, libc::IPPROTO_IP, sockopt::GET_DESTS, first).ok()?;
        let first = sockopt::first(first)?;
        Some(Before { first, count: self.count(service)? })
    }

    /// How many servers an IPv4 service has, of either family.
    fn count(&self, service: &ServiceKey) -> Option<usize> {
        let mut bytes = sockopt::service(service);
        system::exchange(self.socket.as_ref()?, libc::IPPROTO_IP, sockopt::GET_SERVICE, &mut bytes).ok()?;
        Some(sockopt::count(&bytes))
    }

    /// Whether the service, whose list this is, has been called with the same servers in `tallies`, for which the whole
    /// table is called where that has not been done.
    ///
    /// Never where [`Caller::call`] takes less time than that.
    pub fn agrees(&self, service: &ServiceKey, list: &[DestEntry], tallies: &mut Option<Tallies>) -> bool {
        if self.is_quick(service, list) {
            return false;
        }
        let tallies = tallies.get_or_insert_with(|| self.table().and_then(Tallies::read).unwrap_or_default());
        tallies.agree(service, list)
    }

    /// The servers that the service, whose list this is, has now, in the kernel's order; `None` where nothing tells.
    #[must_use]
    pub fn call(&mut self, service: &ServiceKey, list: &[DestEntry]) -> Option<Vec<DestKey>> {
        if self.is_quick(service, list) {
            // Some of IPv6 may have been hidden from the list. They are counted first: what is removed in between then
            // makes the other way be taken, which has all.
            let count = self.count(service);
            if let Some(there) = self.ask(service, list.len())
                && count == Some(there.len())
            {
                return Some(there);
            }
        }
        let found = proc::servers(self.table().ok()?, service).ok()?;
        // Of two services with one mark, the one that is more like the list is meant.
        found.into_iter().min_by_key(|there| missing(list, there).len())
    }

    /// The kernel hides servers of IPv6 from those who ask for a service of IPv4 like this.
    fn is_quick(&self, service: &ServiceKey, list: &[DestEntry]) -> bool {
        self.socket.is_some()
            && sockopt::is_possible(service)
            && list.iter().all(|d| d.dest.key.address.is_ipv4())
    }

    fn ask(&mut self, service: &ServiceKey, listed: usize) -> Option<Vec<DestKey>> {
        let bytes = sockopt::question(&mut self.bytes, service, listed + listed / 8 + 16);
        system::exchange(self.socket.as_ref()?, libc::IPPROTO_IP, sockopt::GET_DESTS, bytes).ok()?;
        sockopt::servers(bytes)
    }

    fn table(&self) -> io::Result<BufReader<File>> {
        let directory = self.directory.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let file = openat(directory, FILE, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(BufReader::with_capacity(READ, file.into()))
    }
}
