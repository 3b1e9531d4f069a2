//! Whether another process of this program moves virtual addresses in the same network namespace: what one has set must
//! not be taken by the other for what a run that was killed has left.
//!
//! Each daemon shows itself by a socket with an abstract name (unix(7)), which belongs to a network namespace and goes with
//! the process, however it ends. The parent has it: a worker may die and be started again.

use super::clock;
use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;

/// Sockets of this network namespace, with the names of those that have one (proc(5)).
const SOCKETS: &str = "/proc/thread-self/net/unix";
const PREFIX: &str = "vipd/vrrp/";

/// This process is seen by others until this is dropped.
#[derive(Debug)]
pub struct Presence {
    name: String,
    _socket: UnixDatagram,
}

impl Presence {
    /// Shows that this process is there.
    ///
    /// # Errors
    /// The kernel gives no socket.
    pub fn show() -> io::Result<Presence> {
        // Processes of containers that share a network namespace may have the same number.
        let name = format!("{PREFIX}{}-{}", process::id(), clock::wall().as_nanos());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        Ok(Presence { name, _socket: socket })
    }

    /// By which others see it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Whether there are others than the one of that name.
///
/// # Errors
/// The kernel does not tell: without `/proc`.
pub fn others_than(name: &str) -> io::Result<bool> {
    let sockets = fs::read_to_string(SOCKETS)?;
    let names = sockets.lines().filter_map(|line| line.rsplit_once(" @")).map(|(_, name)| name);
    Ok(names.filter(|name| name.starts_with(PREFIX)).any(|other| other != name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::in_namespace;

    #[test]
    fn each_sees_the_other_as_long_as_it_is_there() {
        in_namespace(|| {
            let one = Presence::show().unwrap();
            let sees_others = |one: &Presence| others_than(one.name()).unwrap();
            assert!(!sees_others(&one));
            let other = Presence::show().unwrap();
            assert!(sees_others(&one) && sees_others(&other));
            drop(one);
            assert!(!sees_others(&other));
        });
    }
}
