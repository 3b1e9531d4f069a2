//! Messages to the local syslog, in a datagram each: libc's `syslog()` would say nothing of what is lost.

use super::text;
use serde::{Deserialize, Serialize};
use std::io;
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

    /// What comes before the message (RFC 3164 §4.1): priority, date and tag.
    pub(super) fn head(self, level: Level, seconds: i64, tag: &str) -> String {
        let severity = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            // As with keepalived, what `-D` adds is information: many a syslog drops what is below.
            Level::INFO | Level::DEBUG => 6,
            Level::TRACE => 7,
        };
        format!("<{}>{} {tag}: ", self.code() * 8 + severity, text::syslog_date(seconds))
    }
}

/// The connection to syslog, if there is one at the moment.
pub(super) struct Syslog {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    pub(super) fn new(path: PathBuf) -> Syslog {
        Syslog { path, socket: None }
    }

    /// Sends each of the lines, for as long as it takes. A syslog that is missing takes none.
    ///
    /// # Errors
    /// How many of the lines have not gone, and why the last of them has not.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), (u64, io::Error)> {
        let mut outcome = Ok(());
        let mut lost = 0;
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if let Err(error) = self.send(line.strip_suffix(b"\n").unwrap_or(line)) {
                lost += 1;
                outcome = Err((lost, error));
            }
        }
        outcome
    }

    /// A syslog that was restarted is found again.
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if self.socket.as_ref().is_some_and(|socket| socket.send(message).is_ok()) {
            return Ok(());
        }
        let socket = UnixDatagram::unbound()?;
        socket.connect(&self.path)?;
        self.socket.insert(socket).send(message).map(drop)
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
        // Local1 is 17: 17 * 8 + 4.
        let head = Facility::Local(1).head(Level::WARN, 0, "Keepalived_vrrp[7]");
        assert!(head.starts_with("<140>"), "{head}");
        assert!(head.ends_with(" Keepalived_vrrp[7]: "), "{head}");
        assert_eq!(Facility::Daemon.code(), 3);
        let detail = Facility::Daemon.head(Level::DEBUG, 0, "Keepalived_vrrp[7]");
        assert!(detail.starts_with("<30>"), "{detail}");
    }

    #[test]
    fn a_syslog_that_was_missing_or_restarted_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut syslog = Syslog::new(path.clone());
        let (lost, error) = syslog.write(b"one\ntwo\n").unwrap_err();
        assert_eq!((lost, error.kind()), (2, io::ErrorKind::NotFound));
        let server = UnixDatagram::bind(&path).unwrap();
        syslog.write(b"three\nfour\n").unwrap();
        assert_eq!(received(&server), "three");
        assert_eq!(received(&server), "four");
        // It goes, and another comes.
        drop(server);
        std::fs::remove_file(&path).unwrap();
        let server = UnixDatagram::bind(&path).unwrap();
        syslog.write(b"five\n").unwrap();
        assert_eq!(received(&server), "five");
    }
}
