//! The roll: which servers a service has at one time. Tells what others' removals have hidden from a list that came in
//! parts. It has not all that a list has, so it replaces none.
//!
//! | file | what it is for |
//! |---|---|
//! | [`sockopt`] | the roll of an IPv4 service: it takes a tenth of the time of the list |
//! | [`proc`] | of the others, by reading the whole table as text |
//!
//! Of a list that is to come in parts, [`Caller::before`] takes less time still.

pub mod proc;
pub mod sockopt;

use crate::ipvs::model::{DestEntry, DestKey, ServiceKey};
use crate::sys::sockopt as system;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::Mode;
use proc::Tallies;
use std::collections::{HashMap, HashSet};
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
        let mut bytes = sockopt::service(service);
        system::exchange(socket, libc::IPPROTO_IP, sockopt::GET_SERVICE, &mut bytes).ok()?;
        Some(Before { first, count: sockopt::count(&bytes) })
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
        if self.is_quick(service, list)
            && let Some(there) = self.ask(service, list.len())
        {
            return Some(there);
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
        match system::exchange(self.socket.as_ref()?, libc::IPPROTO_IP, sockopt::GET_DESTS, bytes) {
            Ok(()) => sockopt::servers(bytes),
            Err(Errno::ESRCH) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    fn table(&self) -> io::Result<BufReader<File>> {
        let directory = self.directory.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let file = openat(directory, FILE, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        Ok(BufReader::with_capacity(READ, file.into()))
    }
}

/// A service before its list is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// The newest server.
    first: DestKey,
    /// How many there are, a moment later.
    count: usize,
}

impl Before {
    /// Whether nothing is hidden from a list that was made after this, and has none twice.
    ///
    /// What is added comes to the front. So where the same server is still there, nothing was added before the list
    /// began, and there were at most so many then; what is added later is not listed. A list that has so many lacks none.
    #[must_use]
    pub fn holds(&self, list: &[DestEntry]) -> bool {
        list.len() == self.count && list.first().is_some_and(|d| d.dest.key == self.first)
    }
}

/// Who is `there` by the roll, and not in the list.
#[must_use]
pub fn missing(list: &[DestEntry], there: &[DestKey]) -> HashSet<DestKey> {
    // Mostly nobody removes anything.
    if list.iter().map(|d| &d.dest.key).eq(there) {
        return HashSet::new();
    }
    let present: HashSet<DestKey> = list.iter().map(|d| d.dest.key).collect();
    there.iter().copied().filter(|key| !present.contains(key)).collect()
}

/// Puts a list that was completed in the order of the roll; what is not there any more comes last.
pub fn put_in_order(list: &mut [DestEntry], there: &[DestKey]) {
    let places: HashMap<DestKey, usize> = there.iter().copied().zip(0..).collect();
    list.sort_by_key(|d| places.get(&d.dest.key).copied().unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::model::Stats;
    use crate::ipvs::testing::{dest, listed_dest};

    fn list(servers: &[u8]) -> Vec<DestEntry> {
        servers.iter().map(|&n| listed_dest(dest(n, 1), Stats::default())).collect()
    }

    fn keys(servers: &[u8]) -> Vec<DestKey> {
        list(servers).iter().map(|d| d.dest.key).collect()
    }

    #[test]
    fn who_was_hidden_is_missing_and_who_is_gone_is_not() {
        assert_eq!(missing(&list(&[3, 2, 1]), &keys(&[3, 2, 1])), HashSet::new());
        assert_eq!(missing(&list(&[3, 2, 1]), &keys(&[3, 1])), HashSet::new());
        assert_eq!(missing(&list(&[4, 1]), &keys(&[4, 3, 2, 1])), keys(&[2, 3]).into_iter().collect());
        assert_eq!(missing(&list(&[2, 1]), &keys(&[])), HashSet::new());
    }

    #[test]
    fn a_list_is_whole_where_nothing_was_added_before_it_and_the_number_is_right() {
        let before = Before { first: dest(3, 1).key, count: 3 };
        assert!(before.holds(&list(&[3, 2, 1])));
        assert!(!before.holds(&list(&[3, 1])), "one is gone, or hidden");
        assert!(!before.holds(&list(&[4, 3, 1])), "one is new, another hidden");
        assert!(!before.holds(&list(&[])));
    }

    #[test]
    fn what_was_found_later_gets_its_place() {
        let mut completed = list(&[5, 4, 1, 3]);
        put_in_order(&mut completed, &keys(&[5, 3, 1]));
        assert_eq!(completed, list(&[5, 3, 1, 4]));
    }
}
