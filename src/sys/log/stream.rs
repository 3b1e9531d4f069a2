//! Standard error and log files: bytes in a row, of which an unfinished line may be left behind.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Where the bytes go.
pub(super) enum Target {
    /// What descriptor 2 is at the time.
    Stderr(io::Stderr),
    /// A file that was opened for the log.
    File(File),
}

/// An output for lines in a row.
pub(super) struct Stream {
    target: Target,
    /// The last write ended within a line.
    within_line: bool,
}

impl Stream {
    pub(super) fn new(target: Target) -> Stream {
        Stream { target, within_line: false }
    }

    /// Writes whole lines, for as long as it takes.
    ///
    /// # Errors
    /// How many of the lines have not gone, and why.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), (u64, io::Error)> {
        let outcome = self.end_line().and_then(|()| self.write_all(lines));
        let Err((written, error)) = outcome else { return Ok(()) };
        if let Some(last) = written.checked_sub(1) {
            self.within_line = lines[last] != b'\n';
        }
        let lost = memchr::memchr_iter(b'\n', &lines[written..]).count();
        Err((lost as u64, error))
    }

    /// Ends a line that was begun and broke off.
    fn end_line(&mut self) -> Result<(), (usize, io::Error)> {
        if self.within_line {
            self.write_all(b"\n").map_err(|(_, error)| (0, error))?;
            self.within_line = false;
        }
        Ok(())
    }

    /// An error comes with the number of bytes that went before.
    fn write_all(&self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < bytes.len() {
            match nix::unistd::write(self.fd(), &bytes[written..]) {
                Ok(more) => written += more,
                Err(Errno::EINTR) => {}
                // Somebody made the open file non-blocking: it is shared with others.
                Err(Errno::EAGAIN) => {
                    let mut ready = [PollFd::new(self.fd(), PollFlags::POLLOUT)];
                    match poll(&mut ready, PollTimeout::NONE) {
                        Ok(_) | Err(Errno::EINTR) => {}
                        Err(error) => return Err((written, error.into())),
                    }
                }
                Err(error) => return Err((written, error.into())),
            }
        }
        Ok(())
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.target {
            // Not through its lock, which others need who have a last word to say.
            Target::Stderr(stderr) => stderr.as_fd(),
            Target::File(file) => file.as_fd(),
        }
    }
}

/// Opens a log file for appending, and makes it if it is not there. A FIFO is opened whether somebody reads it or not.
///
/// # Errors
/// It is something else: a device, a link; the kernel's.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let is_fifo = |metadata: &Metadata| metadata.file_type().is_fifo();
    if !path.symlink_metadata().is_ok_and(|metadata| is_fifo(&metadata)) {
        return crate::sys::output::open_at_end(path);
    }
    // Open for reading as well, it needs nobody at the other end.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new().append(true).read(true).custom_flags(flags.bits()).open(path)?;
    match is_fifo(&file.metadata()?) {
        true => Ok(file),
        false => Err(io::Error::other("changes while it is opened")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_full_disk_costs_the_lines_and_an_error_says_how_many() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut stream = Stream::new(Target::File(full));
        let (lost, error) = stream.write(b"one\ntwo\n").unwrap_err();
        assert_eq!((lost, error.kind()), (2, io::ErrorKind::StorageFull));
    }

    #[test]
    fn a_line_that_broke_off_is_ended_before_the_next() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut stream = Stream::new(Target::File(std::os::fd::OwnedFd::from(writer).into()));
        stream.within_line = true;
        stream.write(b"one\n").unwrap();
        stream.write(b"two\n").unwrap();
        drop(stream);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "\none\ntwo\n");
    }

    #[test]
    fn a_fifo_that_nobody_reads_is_opened_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut stream = Stream::new(Target::File(open(&path).unwrap()));
        stream.write(b"kept for who comes\n").unwrap();
        let mut reader = File::open(&path).unwrap();
        drop(stream);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "kept for who comes\n");
    }

    #[test]
    fn nothing_else_is_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        open(&path("new")).unwrap();
        std::os::unix::fs::symlink(path("new"), path("link")).unwrap();
        let refused = |path: &Path| open(path).unwrap_err().to_string();
        assert_eq!(refused(&path("link")), "is a symbolic link, not a file");
        assert_eq!(refused(Path::new("/dev/full")), "is a device, not a file");
        assert_eq!(refused(dir.path()), "is a directory");
    }
}
