//! What a process does to itself to become a daemon or a worker.
//!
//! Everything here runs before the first thread: nothing forks later, workers are started by executing the program
//! again.

use nix::libc;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, chdir, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe2, setsid};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The two processes that [`daemonize`] leaves.
#[derive(Debug)]
pub enum Role {
    /// The process that was called: it only waits for the news of the other.
    Launcher(LauncherEnd),
    /// The process that goes on, in a session of its own, in `/`, its standard streams on `/dev/null`.
    Daemon(DaemonEnd),
}

/// Where the launching process hears how the start went.
#[derive(Debug)]
pub struct LauncherEnd(File);

/// Where the daemon tells the launching process how the start went.
#[derive(Debug)]
pub struct DaemonEnd(File);

impl LauncherEnd {
    /// Waits for the daemon's report: an exit status, and what to say on the terminal. `None` where the daemon
    /// died without one.
    #[must_use]
    pub fn wait(mut self) -> Option<(u8, String)> {
        let mut report = Vec::new();
        self.0.read_to_end(&mut report).ok()?;
        let (&status, text) = report.split_first()?;
        Some((status, String::from_utf8_lossy(text).into_owned()))
    }
}

impl DaemonEnd {
    /// Lets the launching process end with `status`, saying `text`. That it may be gone already does not matter.
    pub fn report(mut self, status: u8, text: &str) {
        let mut report = vec![status];
        report.extend_from_slice(text.as_bytes());
        let _ = self.0.write_all(&report);
    }
}

/// Splits into a launching process and a daemon. Call it before any thread is started.
///
/// # Errors
/// The kernel's: no process or file descriptor left.
#[allow(unsafe_code)]
pub fn daemonize() -> io::Result<Role> {
    let (reader, writer) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    // SAFETY: the process has a single thread (see the module's doc), so the child may do what it likes.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => Ok(Role::Launcher(LauncherEnd(reader.into()))),
        ForkResult::Child => {
            drop(reader);
            setsid()?;
            chdir("/")?;
            let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
            dup2_stdin(&null)?;
            dup2_stdout(&null)?;
            dup2_stderr(&null)?;
            Ok(Role::Daemon(DaemonEnd(writer.into())))
        }
    }
}

/// Marks every file descriptor but the standard streams to be closed on exec: what a careless launcher left open does
/// not reach the workers.
#[allow(unsafe_code)]
pub fn keep_inherited_files_to_ourselves() {
    // SAFETY: marks descriptors only; which of them are open does not matter to memory. Kernels before 5.11 lack
    // it and answer ENOSYS or EINVAL, which leaves things as the launcher made them.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}

/// Takes what standard input was into a descriptor of its own (closed on exec), and leaves `/dev/null` there.
///
/// # Errors
/// The kernel's: standard input is closed, no descriptor is left, or there is no `/dev/null`.
pub fn take_stdin() -> io::Result<OwnedFd> {
    let taken = io::stdin().as_fd().try_clone_to_owned()?;
    dup2_stdin(File::open("/dev/null")?)?;
    Ok(taken)
}

/// Sends standard error to the end of a file from now on.
///
/// # Errors
/// The file can't be opened or made.
pub fn append_stderr_to(path: &Path) -> io::Result<()> {
    let file = super::output::open_at_end(path)?;
    Ok(dup2_stderr(&file)?)
}

/// Asks for `SIGTERM` when the parent process dies.
///
/// # Errors
/// None is expected of a Linux kernel.
pub fn stop_with_parent() -> io::Result<()> {
    Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?)
}

/// Whatever this process executes from now on has no more privileges than it has itself (`no_new_privs`).
///
/// # Errors
/// None is expected of a Linux kernel.
pub fn gain_nothing_by_executing() -> io::Result<()> {
    Ok(nix::sys::prctl::set_no_new_privs()?)
}

/// Sets the name that `ps -o comm`, `pidof` and `top` show; the kernel cuts it to 15 bytes.
pub fn set_name(name: &str) {
    if let Ok(name) = CString::new(name) {
        // It can only fail for a bad address.
        let _ = nix::sys::prctl::set_name(&name);
    }
}

/// The name that [`set_name`] gave, or [`rename`].
#[must_use]
pub fn name() -> String {
    std::fs::read_to_string("/proc/self/comm").unwrap_or_default().trim_end().to_owned()
}

/// Sets the name of the process, as [`set_name`] does at start, from whatever thread.
pub fn rename(name: &str) {
    // It can only fail where there is no /proc.
    let _ = std::fs::write("/proc/self/comm", name);
}

/// Lets this process and those it starts write core files of any size (`-m`).
///
/// # Errors
/// `EPERM` where the hard limit is lower and `CAP_SYS_RESOURCE` is missing.
pub fn allow_core_dumps() -> io::Result<()> {
    Ok(setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY)?)
}

/// Lets this process have as many files open as it may: the limit that service managers set is low. Gives the number.
pub fn open_many_files() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 1024 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// Sets the file creation mask (`-u`).
pub fn set_umask(mask: u32) {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(mask));
}
