//! Named pipes that others read: made, opened without waiting for a reader, and taken away again.
//!
//! As keepalived makes them: read and written by the owner alone, since a line that somebody reads is lost to all others;
//! what is there already is used if it is a FIFO of ours or of that owner, and left at the end. It is opened for reading
//! too, so that it stays open while nobody reads.

use super::input::reason;
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, fchown, mkfifo};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A FIFO that is open. Dropping it removes it, if it was made here.
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
    file: File,
    made: bool,
}

/// Why a FIFO can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be made.
    #[error("can't be made: {}", reason(.0))]
    Make(io::Error),
    /// It can't be opened.
    #[error("can't be opened: {}", reason(.0))]
    Open(io::Error),
    /// What is there is something else.
    #[error("is not a FIFO")]
    NoFifo,
    /// It can't be given to its owner.
    #[error("can't be given to its owner: {}", reason(.0))]
    Owner(io::Error),
}

impl Fifo {
    /// Makes it, if it is not there, for `owner`, and opens it.
    ///
    /// # Errors
    /// See [`Error`]: what was made is removed again.
    pub fn open(path: &Path, owner: Option<(Uid, Gid)>) -> Result<Fifo, Error> {
        let made = match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(()) => true,
            Err(Errno::EEXIST) => false,
            Err(error) => return Err(Error::Make(error.into())),
        };
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
        let file = opened.map_err(|error| {
            if made {
                let _ = fs::remove_file(path);
            }
            Error::Open(error)
        })?;
        // From here on dropping it removes what was made.
        let fifo = Fifo { path: path.to_owned(), file, made };
        let meta = fifo.file.metadata().map_err(Error::Open)?;
        if !meta.file_type().is_fifo() {
            return Err(Error::NoFifo);
        }
        if let (true, Some((uid, gid))) = (made, owner)
            && (meta.uid(), meta.gid()) != (uid.as_raw(), gid.as_raw())
        {
            fchown(&fifo.file, Some(uid), Some(gid)).map_err(|error| Error::Owner(error.into()))?;
        }
        Ok(fifo)
    }

    /// Whether its path still leads to it.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        let id = |meta: &Metadata| (meta.dev(), meta.ino());
        let (ours, there) = (self.file.metadata(), fs::symlink_metadata(&self.path));
        ours.is_ok_and(|ours| there.is_ok_and(|there| id(&ours) == id(&there)))
    }
}

impl AsFd for Fifo {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        // Before it is closed: a reader that opens it again at its end finds nothing.
        if self.made && self.is_in_place() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn it_is_made_written_read_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        let fifo = Fifo::open(&path, None).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        (&fifo.file).write_all(b"a line\n").unwrap();
        let mut reader = File::open(&path).unwrap();
        let mut line = [0; 7];
        reader.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"a line\n");
        assert!(fifo.is_in_place());
        // One that is there is used, and stays.
        drop(Fifo::open(&path, None).unwrap());
        assert!(path.exists());
        drop(fifo);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_somebody_made_for_himself_is_written_and_stays() {
        crate::sys::testing::as_root(|| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("fifo");
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            let fifo = Fifo::open(&path, None).unwrap();
            (&fifo.file).write_all(b"a line\n").unwrap();
            drop(fifo);
            assert_eq!(fs::metadata(&path).unwrap().uid(), 65534);
        });
    }

    #[test]
    fn what_is_no_fifo_of_ours_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "data").unwrap();
        assert!(matches!(Fifo::open(&path("file"), None), Err(Error::NoFifo)));
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "data");
        mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
        symlink(path("fifo"), path("link")).unwrap();
        assert!(matches!(Fifo::open(&path("link"), None), Err(Error::Open(_))));
        assert!(matches!(Fifo::open(&path("no/such"), None), Err(Error::Make(_))));
        // Somebody has put another one in its place: that is his.
        let fifo = Fifo::open(&path("ours"), None).unwrap();
        fs::remove_file(path("ours")).unwrap();
        mkfifo(&path("ours"), Mode::S_IRWXU).unwrap();
        assert!(!fifo.is_in_place());
        drop(fifo);
        assert!(path("ours").exists());
    }
}
