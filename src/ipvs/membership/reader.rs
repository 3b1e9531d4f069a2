//! Asks the kernel for the members of a service.

use super::compare::{BeforeListing, missing};
use super::proc::{self, Checksums};
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

/// Reads memberships in the network namespace of the thread that opened it.
#[derive(Debug)]
pub struct MembershipReader {
    socket: Option<OwnedFd>,
    directory: Option<File>,
    /// What the kernel was asked with, and has answered, for the next time.
    bytes: Vec<u8>,
}

impl MembershipReader {
    /// Where one interface is closed, the other one is used; without either, no membership can be read.
    #[must_use]
    pub fn open() -> MembershipReader {
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).ok();
        MembershipReader { socket, directory: File::open(DIRECTORY).ok(), bytes: Vec::new() }
    }

    /// What shows later that a listing made after this is complete; `None` where the kernel does not give it.
    pub fn before_listing(&mut self, service: &ServiceKey) -> Option<BeforeListing> {
        if !sockopt::is_possible(service) {
            return None;
        }
        let socket = self.socket.as_ref()?;
        let first = sockopt::question(&mut self.bytes, service, 1);
        system::exchange(socket, libc::IPPROTO_IP, sockopt::GET_DESTS, first).ok()?;
        let first = sockopt::first(first)?;
        Some(BeforeListing { first, count: self.count(service)? })
    }

    /// How many servers an IPv4 service has, of either family.
    fn count(&self, service: &ServiceKey) -> Option<usize> {
        let mut bytes = sockopt::service(service);
        system::exchange(self.socket.as_ref()?, libc::IPPROTO_IP, sockopt::GET_SERVICE, &mut bytes).ok()?;
        Some(sockopt::count(&bytes))
    }

    /// Whether the whole table's text has the same servers for the service as this listing. The first call reads the
    /// text into `checksums`.
    ///
    /// Always false where [`MembershipReader::read`] takes less time than that.
    pub fn matches(
        &self,
        service: &ServiceKey,
        list: &[DestEntry],
        checksums: &mut Option<Checksums>,
    ) -> bool {
        if self.is_quick(service, list) {
            return false;
        }
        let checksums =
            checksums.get_or_insert_with(|| self.table().and_then(Checksums::read).unwrap_or_default());
        checksums.match_listing(service, list)
    }

    /// The servers that the service has now, in the kernel's order; `None` where they can't be read. `list` is the listing
    /// that they are for.
    #[must_use]
    pub fn read(&mut self, service: &ServiceKey, list: &[DestEntry]) -> Option<Vec<DestKey>> {
        if self.is_quick(service, list) {
            // The listing may have missed servers of IPv6, which this interface does not give. The count has them. It is
            // read first: if a server is removed in between, the numbers differ and the text is read instead.
            let count = self.count(service);
            if let Some(members) = self.ask(service, list.len())
                && count == Some(members.len())
            {
                return Some(members);
            }
        }
        let found = proc::servers(self.table().ok()?, service).ok()?;
        // The text does not tell two services with the same mark apart: the one that is more like the listing is meant.
        found.into_iter().min_by_key(|members| missing(list, members).len())
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
