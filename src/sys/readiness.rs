//! Telling the service manager how far this program is, as sd_notify(3) describes: lines in a datagram, to the socket
//! that the environment names.

use super::clock;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The variable of the environment that names the socket. It is meant for the program that the manager has started alone:
/// those that this one starts don't get it.
pub const VARIABLE: &str = "NOTIFY_SOCKET";

/// How long a manager that does not read may hold us up.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has started, or has done a reload.
    Ready,
    /// It has begun a reload.
    Reloading,
    /// It has begun to stop.
    Stopping,
}

/// Who has started this program and waits for news of it.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Manager {
    /// The manager that the environment names. Abstract names are those of the network namespace that the process is in now.
    ///
    /// # Errors
    /// The name is of a kind that is not known, or the kernel has no socket.
    pub fn of_environment() -> io::Result<Option<Manager>> {
        match env::var_os(VARIABLE) {
            Some(name) if !name.is_empty() => Manager::at(&name).map(Some),
            _ => Ok(None),
        }
    }

    /// The manager at a socket: a path from the root on, or an abstract name with an `@` in front.
    fn at(name: &OsStr) -> io::Result<Manager> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "neither a path nor an abstract name",
                ));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Manager { socket, address })
    }

    /// Tells it.
    ///
    /// # Errors
    /// The kernel's: nobody is there, or does not read.
    pub fn tell(&self, stage: Stage) -> io::Result<()> {
        self.socket.send_to_addr(text(stage).as_bytes(), &self.address).map(drop)
    }
}

fn text(stage: Stage) -> String {
    match stage {
        // The process that was called may be another one, which has ended or is about to.
        Stage::Ready => format!("READY=1\nMAINPID={}\n", std::process::id()),
        // By the time, the manager tells this reload from one that began before it has asked for it.
        Stage::Reloading => {
            format!("RELOADING=1\nMONOTONIC_USEC={}\n", clock::now().as_nanos() / 1000)
        }
        Stage::Stopping => "STOPPING=1\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::time::{ClockId, clock_gettime};

    /// What arrives when all of it is told.
    fn heard(manager: &UnixDatagram, name: &OsStr) -> Vec<String> {
        let told = Manager::at(name).unwrap();
        let stages = [Stage::Ready, Stage::Reloading, Stage::Stopping];
        let receive = |stage| {
            told.tell(stage).unwrap();
            let mut buffer = [0; 200];
            let length = manager.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        stages.map(receive).to_vec()
    }

    fn micros() -> i64 {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
        now.tv_sec() * 1_000_000 + now.tv_nsec() / 1000
    }

    fn check(manager: &UnixDatagram, name: &OsStr) {
        let before = micros();
        let [ready, reloading, stopping] = &heard(manager, name)[..] else { panic!("three datagrams") };
        assert_eq!(*ready, format!("READY=1\nMAINPID={}\n", std::process::id()));
        assert_eq!(stopping, "STOPPING=1\n");
        let time =
            reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.trim().parse().ok());
        assert!(time.is_some_and(|time| (before..=micros()).contains(&time)), "{reloading}");
    }

    #[test]
    fn a_manager_at_a_path_hears_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        check(&UnixDatagram::bind(&path).unwrap(), path.as_os_str());
    }

    #[test]
    fn a_manager_at_an_abstract_name_hears_all() {
        let name = format!("vipd-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        check(&UnixDatagram::bind_addr(&address).unwrap(), OsStr::new(&format!("@{name}")));
    }

    #[test]
    fn a_manager_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = Manager::at(folder.path().join("notify").as_os_str()).unwrap();
        assert_eq!(nobody.tell(Stage::Ready).unwrap_err().kind(), io::ErrorKind::NotFound);
        for name in ["notify", "vsock:2:1234", &format!("/{}", "long".repeat(50))] {
            assert!(Manager::at(OsStr::new(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_manager_that_does_not_read_holds_nobody_up_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _asleep = UnixDatagram::bind(&path).unwrap();
        let manager = Manager::at(path.as_os_str()).unwrap();
        manager.socket.set_write_timeout(Some(Duration::from_millis(1))).unwrap();
        let failed = (0..100_000).find_map(|_| manager.tell(Stage::Ready).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::WouldBlock);
    }
}
