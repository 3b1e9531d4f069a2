//! Pid files: who runs, found by scripts and service managers; and that it runs once.
//!
//! The file appears whole (it is written beside and linked into place) and stays locked by the process that made it,
//! with the same kind of lock that recent keepalived uses (`F_OFD_SETLK`): each notices the other. Older
//! keepalived does not lock, so a live process of that name counts as running too. A process number that some
//! stranger has been given since then does not.

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A pid file of this process's making; removed when dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
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
    /// The file can't be written or read.
    #[error("pid file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
}

impl PidFile {
    /// Writes `pid` into a new file at `path`, replacing one that a dead process left.
    ///
    /// # Errors
    /// [`Error::Running`] where another process owns the file; [`Error::File`] where it can't be written.
    pub fn create(path: &Path, pid: u32) -> Result<PidFile, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut name = OsString::from(path);
        name.push(format!(".{}", std::process::id()));
        let fresh = PathBuf::from(name);
        let result = place(path, &fresh, pid);
        let _ = fs::remove_file(&fresh);
        match result {
            Ok(file) => Ok(PidFile { path: path.to_owned(), file }),
            Err(Place::Running(pid)) => Err(Error::Running { path: path.to_owned(), pid }),
            Err(Place::Io(source)) => Err(failed(source)),
        }
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
        if let (Ok(ours), Ok(there)) = (self.file.metadata(), fs::metadata(&self.path))
            && (ours.dev(), ours.ino()) == (there.dev(), there.ino())
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

enum Place {
    Running(String),
    Io(io::Error),
}

impl From<io::Error> for Place {
    fn from(error: io::Error) -> Place {
        Place::Io(error)
    }
}

fn place(path: &Path, fresh: &Path, pid: u32) -> Result<File, Place> {
    // A crashed process of the same number may have left its piece.
    let _ = fs::remove_file(fresh);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW)
        .open(fresh)?;
    lock(&file)?;
    writeln!(file, "{pid}")?;
    loop {
        match fs::hard_link(fresh, path) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
        // Whoever holds the lock of the file that stands there may replace it.
        let old = match OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(path) {
            Ok(old) => old,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        let mut text = String::new();
        (&old).take(32).read_to_string(&mut text)?;
        let text: String = text.trim().chars().filter(char::is_ascii_digit).collect();
        if !lock(&old)? || text.parse().is_ok_and(|pid| pid != std::process::id() && is_daemon(pid)) {
            return Err(Place::Running(text));
        }
        let (locked, there) = (old.metadata()?, fs::metadata(path));
        if there.is_ok_and(|there| (locked.dev(), locked.ino()) == (there.dev(), there.ino())) {
            fs::rename(fresh, path)?;
            return Ok(file);
        }
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
    use std::process::{Command, Stdio};

    fn content(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn one_owner_at_a_time_and_nothing_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pid");
        let first = PidFile::create(&path, 4711).unwrap();
        assert_eq!(content(&path), "4711\n");
        let refused = PidFile::create(&path, 4712).unwrap_err();
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
        for left in ["999999999\n", "1\n", "", "rubbish\n", &format!("{}\n", std::process::id())] {
            fs::write(&path, left).unwrap();
            let file = PidFile::create(&path, 5).unwrap();
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
        assert!(matches!(PidFile::create(&path, 5), Err(Error::Running { .. })));
        drop(child.stdin.take());
        child.wait().unwrap();
        PidFile::create(&path, 5).unwrap();
    }

    #[test]
    fn a_successors_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pid");
        let first = PidFile::create(&path, 1).unwrap();
        fs::remove_file(&path).unwrap();
        let second = PidFile::create(&path, 2).unwrap();
        drop(first);
        assert_eq!(content(&path), "2\n");
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_can_not_be_written_says_which_file() {
        let error = PidFile::create(Path::new("/nonexistent/a.pid"), 1).unwrap_err();
        assert_eq!(error.to_string(), "pid file /nonexistent/a.pid: No such file or directory (os error 2)");
    }
}
