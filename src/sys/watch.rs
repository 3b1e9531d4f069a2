//! Watching files by their directories (`inotify(7)`): who writes, replaces or removes one is heard of.

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

/// A set of watched directories.
#[derive(Debug)]
pub(crate) struct Watcher(Inotify);

/// Names a watched directory.
pub(crate) type Directory = WatchDescriptor;

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A file of this name may have another content, or be gone.
    Changed(Directory, OsString),
    /// The directory is gone, or can't be watched any more.
    Gone(Directory),
    /// More happened than the kernel has kept: anything may be otherwise.
    Lost,
}

impl Watcher {
    /// # Errors
    /// The kernel's, where it has no memory or no descriptor left.
    pub(crate) fn new() -> io::Result<Watcher> {
        Ok(Watcher(Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?))
    }

    /// Watches a directory; one that is watched already keeps its name.
    ///
    /// # Errors
    /// The kernel's: it is not there, or may not be read.
    pub(crate) fn add(&self, directory: &Path) -> io::Result<Directory> {
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        Ok(self.0.add_watch(directory, flags)?)
    }

    /// Some of what has happened; empty once nothing is left.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn read(&self) -> io::Result<Vec<Heard>> {
        let events = match self.0.read_events() {
            Ok(events) => events,
            Err(Errno::EAGAIN) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let gone = AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
        let heard = events.into_iter().filter_map(|event| match event.name {
            _ if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) => Some(Heard::Lost),
            _ if event.mask.intersects(gone) => Some(Heard::Gone(event.wd)),
            name => Some(Heard::Changed(event.wd, name?)),
        });
        Ok(heard.collect())
    }
}

impl AsFd for Watcher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Watcher {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl From<Watcher> for OwnedFd {
    fn from(watcher: Watcher) -> OwnedFd {
        watcher.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_write_a_replacement_and_a_removal_are_heard_of() {
        let directory = tempfile::tempdir().unwrap();
        let watcher = Watcher::new().unwrap();
        let at = watcher.add(directory.path()).unwrap();
        assert_eq!(watcher.read().unwrap(), []);
        let [file, other] = ["f", "g"].map(|name| directory.path().join(name));
        let f = Heard::Changed(at, "f".into());
        fs::write(&file, "1").unwrap();
        assert_eq!(watcher.read().unwrap(), std::slice::from_ref(&f));
        fs::write(&other, "2").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(watcher.read().unwrap().contains(&f));
        fs::remove_file(&file).unwrap();
        assert_eq!(watcher.read().unwrap(), [f]);
        directory.close().unwrap();
        assert!(watcher.read().unwrap().contains(&Heard::Gone(at)));
    }
}
