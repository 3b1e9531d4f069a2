//! Messages to the local syslog, in a datagram each: libc's `syslog()` would say nothing of what is lost.
//!
//! At the machine's start the daemon may be there before syslog is. While there is none, the first lines are kept, each
//! with its own date.

use super::text;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
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

/// So many lines are kept while there is no syslog.
const MOST_KEPT: usize = 256;

/// The connection to syslog, if there is one at the moment.
pub(super) struct Syslog {
    path: PathBuf,
    socket: Option<UnixDatagram>,
    /// Lines that wait for a syslog.
    kept: VecDeque<Box<[u8]>>,
}

/// Why a line has not gone.
enum Problem {
    /// There is no syslog.
    Missing(io::Error),
    /// It did not take the line.
    Refused(io::Error),
}

impl Syslog {
    pub(super) fn new(path: PathBuf) -> Syslog {
        Syslog { path, socket: None, kept: VecDeque::new() }
    }

    /// Whether lines wait for a syslog: it is to be looked for now and then.
    pub(super) fn keeps_any(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Sends what was kept and then each of the lines, for as long as it takes. Those that find no syslog are kept, while
    /// there is room.
    ///
    /// # Errors
    /// How many of the lines are lost, and why the last of them is.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), (u64, io::Error)> {
        let mut lost = 0;
        let mut last = None;
        while let Some(line) = self.kept.pop_front() {
            match self.send(&line) {
                Ok(()) => {}
                Err(Problem::Missing(error)) => {
                    self.kept.push_front(line);
                    last = Some(error);
                    break;
                }
                Err(Problem::Refused(error)) => {
                    lost += 1;
                    last = Some(error);
                }
            }
        }
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            // Where there was none a moment ago, each line would look for it again.
            if self.kept.is_empty() {
                match self.send(line) {
                    Ok(()) => continue,
                    Err(Problem::Missing(error)) => last = Some(error),
                    Err(Problem::Refused(error)) => {
                        lost += 1;
                        last = Some(error);
                        continue;
                    }
                }
            }
            if self.kept.len() < MOST_KEPT {
                self.kept.push_back(line.into());
            } else {
                lost += 1;
            }
        }
        match last {
            Some(error) if lost > 0 => Err((lost, error)),
            _ => Ok(()),
        }
    }

    /// A syslog that was restarted is found again.
    fn send(&mut self, message: &[u8]) -> Result<(), Problem> {
        if self.socket.as_ref().is_some_and(|socket| socket.send(message).is_ok()) {
            return Ok(());
        }
        let connect = || {
            let socket = UnixDatagram::unbound()?;
            socket.connect(&self.path).map(|()| socket)
        };
        let socket = connect().map_err(Problem::Missing)?;
        self.socket.insert(socket).send(message).map(drop).map_err(Problem::Refused)
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
        syslog.write(b"one\ntwo\n").unwrap();
        assert!(syslog.keeps_any());
        let server = UnixDatagram::bind(&path).unwrap();
        syslog.write(b"three\n").unwrap();
        assert!(!syslog.keeps_any());
        assert_eq!([(); 3].map(|()| received(&server)), ["one", "two", "three"]);
        // It goes, and another comes.
        drop(server);
        std::fs::remove_file(&path).unwrap();
        let server = UnixDatagram::bind(&path).unwrap();
        syslog.write(b"five\n").unwrap();
        assert_eq!(received(&server), "five");
    }

    #[test]
    fn the_first_lines_are_kept_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut syslog = Syslog::new(path.clone());
        let lines: String = (0..MOST_KEPT + 3).map(|number| format!("{number}\n")).collect();
        let (lost, error) = syslog.write(lines.as_bytes()).unwrap_err();
        assert_eq!((lost, error.kind()), (3, io::ErrorKind::NotFound));
        let (lost, _) = syslog.write(b"later\n").unwrap_err();
        assert_eq!(lost, 1);
        // A server takes a few, and more once those are read.
        let server = UnixDatagram::bind(&path).unwrap();
        let read = std::thread::spawn(move || (0..=MOST_KEPT).map(|_| received(&server)).collect::<Vec<_>>());
        syslog.write(b"last\n").unwrap();
        let read = read.join().unwrap();
        assert_eq!(read[..2], ["0", "1"]);
        assert_eq!(read[MOST_KEPT - 1..], [(MOST_KEPT - 1).to_string(), "last".to_owned()]);
    }

    #[test]
    fn a_line_that_is_refused_holds_up_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut syslog = Syslog::new(path.clone());
        let long = "x".repeat(1 << 20);
        syslog.write(format!("{long}\ntwo\n").as_bytes()).unwrap();
        let server = UnixDatagram::bind(&path).unwrap();
        let (lost, _) = syslog.write(b"").unwrap_err();
        assert_eq!((lost, received(&server).as_str()), (1, "two"));
    }
}
