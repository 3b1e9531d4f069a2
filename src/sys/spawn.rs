//! Starting programs of others: as another user, with nothing of ours but the environment.

use nix::libc;
use nix::unistd::{Gid, Pid, Uid, setgroups, setpgid, setresgid, setresuid};
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What no program of others gets of our environment: it would change how it is loaded, or how a shell reads it.
const KEPT_BACK: [&str; 3] = ["IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"];

/// Who runs a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub uid: Uid,
    /// The group.
    pub gid: Gid,
    /// All groups besides.
    pub groups: Vec<Gid>,
}

/// What is executed.
#[derive(Debug)]
pub enum Executable {
    /// What is at this path.
    Path(PathBuf),
    /// This file.
    File(OwnedFd),
}

/// What is started.
#[derive(Debug)]
pub enum Program {
    /// This one, with its arguments; the first is what it is called.
    Execute(Executable, Vec<Vec<u8>>),
    /// Nothing is executed: the status is 0 where this file can be opened for reading, 1 otherwise.
    OpenFile(Vec<u8>),
}

/// Starts a program in a process group of its own, its streams on `/dev/null`, its signals as a fresh login has them,
/// without any descriptor of ours. It gets `SIGTERM` when this process dies. The caller waits for its end.
///
/// # Errors
/// It can't be executed, or not as this account; the kernel has no process left.
#[allow(unsafe_code)]
pub fn spawn(program: &Program, account: Option<&Account>) -> io::Result<Pid> {
    let none = Path::new("/");
    let (words, path, image, file) = match program {
        Program::Execute(Executable::Path(path), words) => (words.as_slice(), path.as_path(), None, None),
        Program::Execute(Executable::File(file), words) => {
            (words.as_slice(), none, Some(Image::new(file, words)?), None)
        }
        Program::OpenFile(path) => (&[][..], none, None, Some(CString::new(path.clone())?)),
    };
    let mut words = words.iter().map(|word| OsStr::from_bytes(word));
    let mut command = Command::new(path);
    command
        .arg0(words.next().unwrap_or_default())
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for name in KEPT_BACK {
        command.env_remove(name);
    }
    let account = account.cloned();
    let prepare = move || {
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        default_signals();
        // What this process collects it has blocked, and a program would inherit that.
        crate::sys::signal::unblock_all()?;
        crate::sys::process::keep_inherited_files_to_ourselves();
        if let Some(account) = &account {
            setgroups(&account.groups)?;
            setresgid(account.gid, account.gid, account.gid)?;
            setresuid(account.uid, account.uid, account.uid)?;
        }
        // Behind the change of user, which takes it back.
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM)?;
        if let Some(file) = &file {
            // SAFETY: opens a path that ends in NUL, and ends this process without running anything of its maker.
            unsafe {
                let opened = libc::open(file.as_ptr(), libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC);
                libc::_exit(i32::from(opened < 0));
            }
        }
        // Does not come back, unless it fails.
        image.as_ref().map_or(Ok(()), |image| Err(image.execute()))
    };
    // SAFETY: the closure makes system calls only, and allocates nothing.
    unsafe { command.pre_exec(prepare) };
    let child = command.spawn()?;
    Ok(Pid::from_raw(libc::pid_t::try_from(child.id()).unwrap_or(libc::pid_t::MAX)))
}

/// A file to be executed by its descriptor, with all that the call needs: nothing may be allocated between fork and exec.
struct Image {
    file: RawFd,
    /// What the pointers point to.
    _words: Vec<CString>,
    arguments: Vec<*const libc::c_char>,
    environment: Vec<*const libc::c_char>,
}

// SAFETY: the pointers lead to strings that the same value owns, and nobody changes.
#[allow(unsafe_code)]
unsafe impl Send for Image {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Image {}

impl Image {
    fn new(file: &OwnedFd, arguments: &[Vec<u8>]) -> io::Result<Image> {
        let variable = |(name, value): (OsString, OsString)| {
            let kept_back = KEPT_BACK.iter().any(|other| name == *other);
            (!kept_back).then(|| [name.as_bytes(), b"=", value.as_bytes()].concat())
        };
        let mut words = Vec::new();
        let mut list = |all: &mut dyn Iterator<Item = Vec<u8>>| -> io::Result<Vec<*const libc::c_char>> {
            let mut pointers = Vec::new();
            for word in all {
                let word = CString::new(word)?;
                // What it points to stays where it is when the string itself is moved.
                pointers.push(word.as_ptr());
                words.push(word);
            }
            pointers.push(std::ptr::null());
            Ok(pointers)
        };
        let arguments = list(&mut arguments.iter().cloned())?;
        let environment = list(&mut std::env::vars_os().filter_map(variable))?;
        Ok(Image { file: file.as_raw_fd(), _words: words, arguments, environment })
    }

    /// Becomes the file; why not, if that fails.
    #[allow(unsafe_code)]
    fn execute(&self) -> io::Error {
        // SAFETY: both lists end with a null pointer, and what they point to lives as long as this.
        unsafe {
            libc::syscall(
                libc::SYS_execveat,
                self.file,
                c"".as_ptr(),
                self.arguments.as_ptr(),
                self.environment.as_ptr(),
                libc::AT_EMPTY_PATH,
            );
        }
        io::Error::last_os_error()
    }
}

#[allow(unsafe_code)]
fn default_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL installs no code. Numbers that can't be set (SIGKILL, the library's own) are refused.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::{WaitStatus, waitpid};
    use std::fs;
    use std::path::Path;

    fn sh(script: &str, account: Option<&Account>) -> WaitStatus {
        let words = ["/bin/sh", "-c", script].map(|word| word.as_bytes().to_vec());
        let program = Program::Execute(Executable::Path("/bin/sh".into()), words.to_vec());
        waitpid(spawn(&program, account).unwrap(), None).unwrap()
    }

    fn status(status: WaitStatus) -> i32 {
        match status {
            WaitStatus::Exited(_, status) => status,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_has_a_group_of_its_own_and_nothing_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        // The shell itself reads its signals: while it starts a program it has all blocked.
        let script = format!(
            "{{ ls -l /proc/$$/fd | grep -c /dev/null; ls /proc/$$/fd; \
             while read -r word rest; do case $word in SigBlk:|SigIgn:) echo $word $rest;; esac; done < /proc/$$/status; \
             ps -o pgid= -p $$; echo $$; }} > {}",
            out.display()
        );
        // Not closed on exec: as if a library had left it open.
        // Blocked, as a process that collects its signals has them.
        let _signals = crate::sys::signal::SignalFd::new(&[libc::SIGTERM, libc::SIGCHLD]).unwrap();
        let left_open =
            nix::fcntl::open("/", nix::fcntl::OFlag::O_RDONLY, nix::sys::stat::Mode::empty()).unwrap();
        assert_eq!(status(sh(&script, None)), 0);
        drop(left_open);
        let text = fs::read_to_string(out).unwrap();
        let lines: Vec<&str> = text.split_whitespace().collect();
        // Some shells hold the redirected stream at 10 or above meanwhile.
        let files: Vec<&str> =
            lines[1..].iter().take_while(|word| word.parse::<u32>().is_ok()).copied().collect();
        assert!(
            files.starts_with(&["0", "1"])
                && files.iter().all(|fd| ["0", "1", "2", "3", "10", "11"].contains(fd)),
            "{text}"
        );
        // The C library keeps signals 32 and 33 to itself: nobody can set them back.
        let mask = |name: &str| {
            let word = lines[lines.iter().position(|word| *word == name).unwrap() + 1];
            u64::from_str_radix(word, 16).unwrap() & !(0b11 << 31)
        };
        assert_eq!((mask("SigBlk:"), mask("SigIgn:")), (0, 0), "{text}");
        assert_eq!(lines[lines.len() - 2], lines[lines.len() - 1], "leader of its group: {text}");
    }

    #[test]
    fn a_file_is_executed_by_its_descriptor_whatever_has_become_of_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let (path, out) = (dir.path().join("shell"), dir.path().join("out"));
        fs::copy("/bin/sh", &path).unwrap();
        let file = fs::File::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let script = format!("echo $0 $1 ${{PATH:+set}} > {}", out.display());
        let words = ["shell", "-c", &script, "name", "word"].map(|word| word.as_bytes().to_vec());
        let program = Program::Execute(Executable::File(file.into()), words.to_vec());
        assert_eq!(status(waitpid(spawn(&program, None).unwrap(), None).unwrap()), 0);
        assert_eq!(fs::read_to_string(out).unwrap(), "name word set\n");
    }

    #[test]
    fn what_can_not_be_executed_is_an_error() {
        let path = PathBuf::from("/no/such/program");
        let missing = Program::Execute(Executable::Path(path), vec![b"program".to_vec()]);
        assert_eq!(spawn(&missing, None).unwrap_err().kind(), io::ErrorKind::NotFound);
        let text = std::fs::File::open("/etc/passwd").unwrap();
        let no_program = Program::Execute(Executable::File(text.into()), vec![b"program".to_vec()]);
        assert_eq!(spawn(&no_program, None).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn whether_a_file_can_be_opened_is_asked_without_executing_anything() {
        let ask = |path: &Path| {
            let program = Program::OpenFile(path.as_os_str().as_encoded_bytes().to_vec());
            status(waitpid(spawn(&program, None).unwrap(), None).unwrap())
        };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        assert_eq!(ask(&file), 1);
        fs::write(&file, "").unwrap();
        assert_eq!(ask(&file), 0);
    }
}
