//! Messages to the local syslog, without libc's `syslog()`: that one blocks when the daemon is slow.

use super::text;
use serde::{Deserialize, Serialize};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use tracing::Level;

/// Syslog's facilities that `-S` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facility {
    /// `LOG_USER`
    User,
    /// `LOG_DAEMON`
    Daemon,
    /// `LOG_LOCAL0` to `LOG_LOCAL7`
    Local(u8),
}

impl Facility {
    fn code(self) -> u8 {
        match self {
            Facility::User => 1,
            Facility::Daemon => 3,
            Facility::Local(n) => 16 + (n & 7),
        }
    }
}

/// The connection to syslog, if there is one at the moment.
pub(super) struct Syslog {
    facility: Facility,
    path: PathBuf,
    socket: Option<UnixDatagram>,
    lost: u64,
}

impl Syslog {
    pub(super) fn new(facility: Facility) -> Syslog {
        Syslog { facility, path: PathBuf::from("/dev/log"), socket: None, lost: 0 }
    }

    /// Sends one message, or counts it as lost.
    pub(super) fn write(&mut self, level: Level, seconds: i64, tag: &str, message: &str) {
        let severity = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        let head = |severity: u8| {
            format!("<{}>{} {tag}: ", self.facility.code() * 8 + severity, text::syslog_date(seconds))
        };
        let line = format!("{}{message}", head(severity));
        let notice = (self.lost > 0).then(|| format!("{}{} messages lost", head(4), self.lost));
        if notice.is_some_and(|notice| !self.send(notice.as_bytes())) || !self.send(line.as_bytes()) {
            self.lost += 1;
        } else {
            self.lost = 0;
        }
    }

    /// Whether the message has gone. A syslog that was restarted is found again.
    fn send(&mut self, line: &[u8]) -> bool {
        if self.socket.as_ref().is_some_and(|socket| socket.send(line).is_ok()) {
            return true;
        }
        self.socket = UnixDatagram::unbound()
            .and_then(|socket| {
                socket.set_nonblocking(true)?;
                socket.connect(&self.path)?;
                Ok(socket)
            })
            .ok();
        self.socket.as_ref().is_some_and(|socket| socket.send(line).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(server: &UnixDatagram) -> String {
        let mut buffer = [0; 2000];
        let length = server.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_message_has_priority_date_and_tag() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let server = UnixDatagram::bind(&path).unwrap();
        let mut syslog = Syslog { path, ..Syslog::new(Facility::Local(1)) };
        syslog.write(Level::WARN, 0, "Keepalived_vrrp[7]", "hello");
        let message = received(&server);
        // Local1 is 17: 17 * 8 + 4.
        assert!(message.starts_with("<140>"), "{message}");
        assert!(message.ends_with(" Keepalived_vrrp[7]: hello"), "{message}");
        assert_eq!(Facility::Daemon.code(), 3);
    }

    #[test]
    fn what_a_missing_syslog_lost_is_counted_and_told_when_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut syslog = Syslog { path: path.clone(), ..Syslog::new(Facility::Daemon) };
        syslog.write(Level::INFO, 0, "t[1]", "one");
        syslog.write(Level::INFO, 0, "t[1]", "two");
        let server = UnixDatagram::bind(&path).unwrap();
        syslog.write(Level::INFO, 0, "t[1]", "three");
        assert!(received(&server).ends_with(" t[1]: 2 messages lost"));
        assert!(received(&server).ends_with(" t[1]: three"));
        // It goes, and another comes.
        drop(server);
        std::fs::remove_file(&path).unwrap();
        let server = UnixDatagram::bind(&path).unwrap();
        syslog.write(Level::INFO, 0, "t[1]", "four");
        assert!(received(&server).ends_with(" t[1]: four"));
    }
}
