//! Files that others write, read whole: never waiting for a pipe that nobody fills, never without a bound, and never
//! half of one content and half of another.

use nix::libc;
use std::fmt;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// How often a file is read that changes meanwhile.
const ATTEMPTS: usize = 4;

/// Folders of this process's own descriptors: what a shell's `<(…)` and `/dev/stdin` are.
const DESCRIPTORS: [&str; 5] =
    ["/dev/stdin", "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", "/proc/curproc/fd/"];

/// The number of `/dev/null`, which stands for an empty file.
const NULL: u64 = libc::makedev(1, 3);

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("{}", reason(.0))]
    Io(#[from] io::Error),
    /// It is a directory.
    #[error("is a directory")]
    Directory,
    /// It is something else than a file.
    #[error("is {0}, not a file")]
    Special(Special),
    /// It is longer than the reader wants to read.
    #[error("is larger than {}", size(*.0))]
    TooLarge(u64),
    /// Somebody writes it, again and again.
    #[error("changes while it is read: write a new file, and rename it")]
    Changing,
}

/// What is no regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// A named pipe.
    Pipe,
    /// A device of either kind.
    Device,
    /// A socket.
    Socket,
    /// A symbolic link, where none is followed.
    Link,
    /// Something that this program does not know.
    Other,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Special::Pipe => "a named pipe",
            Special::Device => "a device",
            Special::Socket => "a socket",
            Special::Link => "a symbolic link",
            Special::Other => "something special",
        })
    }
}

/// The system's reason in words, without its number.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        n if n >= 1 << 30 && n % (1 << 30) == 0 => format!("{} GiB", n >> 30),
        n if n >= 1 << 20 && n % (1 << 20) == 0 => format!("{} MiB", n >> 20),
        n => format!("{n} bytes"),
    }
}

/// Reads a regular file of up to `max` bytes.
///
/// # Errors
/// [`Error`]: anything but a regular file is refused without opening it.
pub fn file(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    unchanged(path, max, || {})
}

/// Reads the file until nobody has written to it meanwhile; `then` is called after each attempt.
fn unchanged(path: &Path, max: u64, mut then: impl FnMut()) -> Result<Vec<u8>, Error> {
    for _ in 0..ATTEMPTS {
        let file = open_regular(path)?;
        let before = file.metadata()?;
        let bytes = bounded(&file, max, before.len())?;
        then();
        if stamp(&before) == stamp(&file.metadata()?) {
            return Ok(bytes);
        }
    }
    Err(Error::Changing)
}

/// As [`file()`], and for a name of one of this process's own descriptors (`/dev/stdin`, a shell's `<(…)`) whatever is
/// behind it, to its end.
///
/// # Errors
/// [`Error`].
pub fn file_or_descriptor(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let regular = fs::metadata(path)?.is_file();
    match is_descriptor(path) && !regular {
        // Who gave it waits for us to read it: so do we for what comes.
        true => bounded(&File::open(path)?, max, 0),
        false => file(path, max),
    }
}

/// What a file is that is not a regular one.
#[must_use]
pub fn special(kind: FileType) -> Special {
    if kind.is_fifo() {
        Special::Pipe
    } else if kind.is_char_device() || kind.is_block_device() {
        Special::Device
    } else if kind.is_socket() {
        Special::Socket
    } else if kind.is_symlink() {
        Special::Link
    } else {
        Special::Other
    }
}

/// A regular file, open for reading.
fn open_regular(path: &Path) -> Result<File, Error> {
    // Looked at first: to open a device may already do something.
    check_type(&fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    check_type(&file.metadata()?)?;
    Ok(file)
}

fn check_type(metadata: &Metadata) -> Result<(), Error> {
    let kind = metadata.file_type();
    if kind.is_char_device() && metadata.rdev() == NULL {
        return Ok(());
    }
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(Error::Directory),
        _ => Err(Error::Special(special(kind))),
    }
}

fn bounded(file: &File, max: u64, expected: u64) -> Result<Vec<u8>, Error> {
    if expected > max {
        return Err(Error::TooLarge(max));
    }
    stream(file, max)
}

/// Reads to the end of what is open already, for as long as that takes.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Io`].
pub fn stream(open: impl Read, max: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(Error::TooLarge(max)) } else { Ok(bytes) }
}

/// What changes when somebody writes to the file.
fn stamp(metadata: &Metadata) -> [i64; 5] {
    [
        metadata.len().cast_signed(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ]
}

fn is_descriptor(path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    DESCRIPTORS.iter().any(|name| match name.ends_with('/') {
        true => path.strip_prefix(name).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())),
        false => path == *name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use std::io::Write;

    #[test]
    fn only_regular_files_are_read_and_nothing_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (fifo, plain) = (dir.path().join("fifo"), dir.path().join("plain"));
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        fs::write(&plain, "text").unwrap();
        let said = |path: &Path| file(path, 100).unwrap_err().to_string();
        assert_eq!(file(&plain, 4).unwrap(), b"text");
        assert_eq!(said(&fifo), "is a named pipe, not a file");
        assert_eq!(said(Path::new("/dev/zero")), "is a device, not a file");
        assert_eq!(file(Path::new("/dev/null"), 100).unwrap(), b"");
        assert_eq!(said(dir.path()), "is a directory");
        assert_eq!(said(&dir.path().join("none")), "No such file or directory");
        let fifo = file_or_descriptor(&fifo, 100).unwrap_err();
        assert_eq!(fifo.to_string(), "is a named pipe, not a file", "it has a name of its own");
    }

    #[test]
    fn a_file_larger_than_the_bound_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        // Sparse: it would take its time to read.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = file(&path, 1 << 30).unwrap_err();
        assert_eq!(error.to_string(), "is larger than 1 GiB");
        // What says that it is empty is bounded too.
        assert!(matches!(file(Path::new("/proc/self/maps"), 10), Err(Error::TooLarge(10))));
    }

    #[test]
    fn a_pipe_behind_a_descriptor_is_read_to_its_end() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        let writes = std::thread::spawn(move || {
            let mut writer = File::from(writer);
            for _ in 0..3 {
                writer.write_all(b"piece ").unwrap();
                std::thread::yield_now();
            }
        });
        assert_eq!(file_or_descriptor(Path::new(&path), 100).unwrap(), b"piece piece piece ");
        writes.join().unwrap();
        assert!(matches!(file(Path::new(&path), 100), Err(Error::Special(Special::Pipe))));
    }

    #[test]
    fn what_changes_meanwhile_is_read_again_but_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("busy");
        fs::write(&path, "one").unwrap();
        let append = |text: &str| {
            OpenOptions::new().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        };
        let mut left = 2;
        let read = unchanged(&path, 100, || {
            if left > 0 {
                left -= 1;
                append(",more");
            }
        });
        assert_eq!(read.unwrap(), b"one,more,more");
        let error = unchanged(&path, 1000, || append(",more")).unwrap_err();
        assert_eq!(error.to_string(), "changes while it is read: write a new file, and rename it");
    }
}
