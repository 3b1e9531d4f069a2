//! Pid files: who runs, found by scripts and service managers; and that it runs once.
//!
//! What stands at the path is replaced or removed only where it is a file that holds a process number and nothing else, or
//! nothing at all: a mistyped path costs nobody his data.
//!
//! The file appears whole (it is written beside and linked into place) and stays locked by the process that made it,
//! with the same kind of lock that recent keepalived uses (`F_OFD_SETLK`): each notices the other. Older
//! keepalived does not lock, so a live process of that name counts as running too. A process number that some
//! stranger has been given since then does not.

use super::input::{reason, special};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A pid file of this process's making; removed when dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
    /// The disk was full.
    unwritten: Option<io::Error>,
}

/// Why there is no pid file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process that the file names is alive, or its lock is.
    #[error("daemon is already running (pid {pid}, {})", path.display())]
    Running {
        /// The file.
        path: PathBuf,
        /// What it says.
        pid: String,
    },
    /// What is there is no pid file.
    #[error("pid file {}: {what}; it is left as it is", path.display())]
    Foreign {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// The file can't be written or read.
    #[error("pid file {}: {}", path.display(), reason(source))]
    File {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl PidFile {
    /// Writes `pid` into a new file at `path`, replacing one that a dead process left. Its permissions are `mode`, less
    /// the process's file creation mask.
    ///
    /// # Errors
    /// [`Error::Running`] where another process owns the file; [`Error::Foreign`] where something else is there;
    /// [`Error::File`] where it can't be written.
    pub fn create(path: &Path, pid: u32, mode: u32) -> Result<PidFile, Error> {
        let mut name = OsString::from(path);
        name.push(format!(".{}", std::process::id()));
        let fresh = PathBuf::from(name);
        let placed = write(&fresh, pid, mode).and_then(|(file, unwritten)| {
            let placed = place(path, &fresh, file);
            let _ = fs::remove_file(&fresh);
            placed.map(|file| (file, unwritten))
        });
        let path = path.to_owned();
        match placed {
            Ok((file, unwritten)) => Ok(PidFile { path, file, unwritten }),
            Err(Refusal::Running(pid)) => {
                let pid = if pid.is_empty() { "unknown".to_owned() } else { pid };
                Err(Error::Running { path, pid })
            }
            Err(Refusal::Foreign(what)) => Err(Error::Foreign { path, what }),
            Err(Refusal::Io(source)) => Err(Error::File { path, source }),
        }
    }

    /// Why nothing stands in it, if nothing does: the disk is full. Its lock says all the same that somebody runs.
    #[must_use]
    pub fn is_empty_for(&self) -> Option<String> {
        let error = self.unwritten.as_ref()?;
        Some(format!("pid file {} is empty: {}", self.path.display(), reason(error)))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Only if it is still ours: someone may have removed it and started another daemon.
        if let (Ok(ours), Ok(there)) = (self.file.metadata(), fs::symlink_metadata(&self.path))
            && (ours.dev(), ours.ino()) == (there.dev(), there.ino())
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

enum Refusal {
    Running(String),
    Foreign(String),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Io(error)
    }
}

/// The new file, beside the place that it is for; empty where the disk is full, and why.
fn write(fresh: &Path, pid: u32, mode: u32) -> Result<(File, Option<io::Error>), Refusal> {
    let create = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode).custom_flags(libc::O_NOFOLLOW).open(fresh)
    };
    let mut file = match create() {
        // A crashed process of the same number may have left its piece.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            open(fresh)?;
            fs::remove_file(fresh)?;
            create()?
        }
        created => created?,
    };
    match lock(&file).and_then(|_| writeln!(file, "{pid}")) {
        Ok(()) => Ok((file, None)),
        Err(error) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            Ok((file, Some(error)))
        }
        Err(error) => {
            let _ = fs::remove_file(fresh);
            Err(error.into())
        }
    }
}

/// Puts the new file in its place, unless what is there belongs to somebody.
fn place(path: &Path, fresh: &Path, file: File) -> Result<File, Refusal> {
    loop {
        match fs::hard_link(fresh, path) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        // Whoever holds the lock of the file that stands there may replace it.
        let (old, number) = match open(path) {
            Ok(old) => old,
            Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(refusal) => return Err(refusal),
        };
        let is_running = |pid| pid != std::process::id() && is_daemon(pid);
        if !lock(&old)? || number.parse().is_ok_and(is_running) {
            return Err(Refusal::Running(number));
        }
        let (locked, there) = (old.metadata()?, fs::symlink_metadata(path));
        if there.is_ok_and(|there| (locked.dev(), locked.ino()) == (there.dev(), there.ino())) {
            fs::rename(fresh, path)?;
            return Ok(file);
        }
    }
}

/// Opens a file that holds a process number or nothing, and anything else not at all: to open a device may do something.
fn open(path: &Path) -> Result<(File, String), Refusal> {
    check_type(&fs::symlink_metadata(path)?)?;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    check_type(&file.metadata()?)?;
    let mut bytes = Vec::new();
    (&file).take(LONGEST + 1).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let number = text.trim();
    match bytes.len() as u64 <= LONGEST && number.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok((file, number.to_owned())),
        false => Err(Refusal::Foreign("holds something else than a process number".to_owned())),
    }
}

/// More than a process number and white space around it has.
const LONGEST: u64 = 32;

fn check_type(metadata: &Metadata) -> Result<(), Refusal> {
    let kind = metadata.file_type();
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(Refusal::Foreign("is a directory".to_owned())),
        _ => Err(Refusal::Foreign(format!("is {}, not a file", special(kind)))),
    }
}

/// Takes the lock of the whole file; `false` where another process has it.
fn lock(file: &File) -> io::Result<bool> {
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole)) {
        Ok(_) => Ok(true),
        Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether process `pid` is alive and goes by the name of keepalived.
fn is_daemon(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // `PID (NAME) STATE …`; the name may hold anything, parentheses too.
    let (Some(open), Some(close)) = (stat.find('('), stat.rfind(')')) else { return false };
    let (name, state) = (stat.get(open + 1..close), stat.get(close + 2..close + 3));
    name.is_some_and(|name| name.starts_with("keepalived")) && !matches!(state, Some("Z" | "X"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileTypeExt;
    use std::process::{Command, Stdio};

    fn content(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn one_owner_at_a_time_and_nothing_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pid");
        let first = PidFile::create(&path, 4711, 0o644).unwrap();
        assert_eq!(content(&path), "4711\n");
        let refused = PidFile::create(&path, 4712, 0o644).unwrap_err();
        assert!(matches!(&refused, Error::Running { pid, .. } if pid == "4711"), "{refused}");
        assert!(refused.to_string().starts_with("daemon is already running"), "{refused}");
        assert_eq!(content(&path), "4711\n");
        drop(first);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_dead_process_or_a_stranger_with_its_number_does_not_stand_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pid");
        for left in ["999999999\n", "1\n", " 1 ", "", &format!("{}\n", std::process::id())] {
            fs::write(&path, left).unwrap();
            let file = PidFile::create(&path, 5, 0o644).unwrap();
            assert_eq!(content(&path), "5\n", "after {left:?}");
            drop(file);
        }
    }

    #[test]
    fn a_keepalived_that_does_not_lock_counts_as_running() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pid");
        let program = dir.path().join("keepalived");
        // A link, not a copy: another test that forks while a copy is being written would keep it from starting.
        std::os::unix::fs::symlink("/bin/cat", &program).unwrap();
        let mut child = Command::new(&program).stdin(Stdio::piped()).spawn().unwrap();
        fs::write(&path, format!("{}\n", child.id())).unwrap();
        assert!(matches!(PidFile::create(&path, 5, 0o644), Err(Error::Running { .. })));
        drop(child.stdin.take());
        child.wait().unwrap();
        PidFile::create(&path, 5, 0o644).unwrap();
    }

    #[test]
    fn a_successors_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pid");
        let first = PidFile::create(&path, 1, 0o644).unwrap();
        fs::remove_file(&path).unwrap();
        let second = PidFile::create(&path, 2, 0o644).unwrap();
        drop(first);
        assert_eq!(content(&path), "2\n");
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_can_not_be_written_says_which_file() {
        let error = PidFile::create(Path::new("/nonexistent/a.pid"), 1, 0o644).unwrap_err();
        assert_eq!(error.to_string(), "pid file /nonexistent/a.pid: No such file or directory");
    }

    #[test]
    fn nothing_but_a_pid_file_is_replaced_or_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let data = "a diary\n".repeat(1000);
        let digits = "12345678".repeat(10);
        for (name, content) in [("data", data.as_str()), ("word", "rubbish\n"), ("digits", &digits)] {
            fs::write(path(name), content).unwrap();
        }
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("target"), "").unwrap();
        std::os::unix::fs::symlink(path("target"), path("link")).unwrap();
        std::os::unix::fs::symlink("/nowhere", path("dangling")).unwrap();
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let before = fs::read_dir(dir.path()).unwrap().count();
        let said = |path: &Path| match PidFile::create(path, 5, 0o644) {
            Err(Error::Foreign { what, .. }) => what,
            other => panic!("{}: {other:?}", path.display()),
        };
        for name in ["data", "word", "digits"] {
            assert_eq!(said(&path(name)), "holds something else than a process number");
        }
        assert_eq!(said(&path("folder")), "is a directory");
        assert_eq!(said(&path("link")), "is a symbolic link, not a file");
        assert_eq!(said(&path("dangling")), "is a symbolic link, not a file");
        assert_eq!(said(&path("fifo")), "is a named pipe, not a file");
        assert_eq!(content(&path("data")), data);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before, "nothing is left beside them");
        // Nor what has the name of the piece that is written beside.
        let piece = path(&format!("a.pid.{}", std::process::id()));
        fs::write(&piece, "a diary\n").unwrap();
        assert!(matches!(PidFile::create(&path("a.pid"), 5, 0o644), Err(Error::Foreign { .. })));
        assert_eq!(content(&piece), "a diary\n");
        // A device: as root it could be replaced.
        if nix::unistd::geteuid().is_root() {
            assert_eq!(said(Path::new("/dev/null")), "is a device, not a file");
            assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        }
    }

    #[test]
    fn the_mask_counts() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |name: &str, mode| {
            let path = dir.path().join(name);
            let _file = PidFile::create(&path, 5, mode).unwrap();
            fs::metadata(&path).unwrap().mode() & 0o777
        };
        let old = nix::sys::stat::umask(nix::sys::stat::Mode::empty());
        assert_eq!((mode("a", 0o666), mode("b", 0o644)), (0o666, 0o644));
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        assert_eq!(mode("c", 0o666), 0o600);
        nix::sys::stat::umask(old);
    }
}
