//! Signals as data: blocked from the first moment on, read from a file descriptor when there is time for them.
//!
//! A signal that comes while the program starts is not lost and does not kill it: it waits in the descriptor.
//! Real-time signals are numbers here, since `nix` has no names for them.

use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::signal::{SigHandler, SigSet, Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Signals of this process, readable once one has come.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// Blocks `signals` for the calling thread and all it starts, and collects them from now on. Signals that the
    /// launcher had set to be ignored (`nohup` does so) count again.
    ///
    /// # Errors
    /// The kernel's: a number that is no signal, or no file descriptor left.
    #[allow(unsafe_code)]
    pub fn new(signals: &[c_int]) -> io::Result<SignalFd> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set, the other calls only read it; SIG_DFL installs no code.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for &signal in signals {
                if libc::sigaddset(set.as_mut_ptr(), signal) != 0
                    || libc::signal(signal, libc::SIG_DFL) == libc::SIG_ERR
                {
                    return Err(io::Error::last_os_error());
                }
            }
            let blocked = libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            if blocked != 0 {
                return Err(io::Error::from_raw_os_error(blocked));
            }
            let fd = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(SignalFd(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// The next signal that has come, if any; several of one kind may have become one.
    ///
    /// # Errors
    /// The kernel's; none is expected.
    #[allow(unsafe_code)]
    pub fn read(&self) -> io::Result<Option<c_int>> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        loop {
            // SAFETY: the buffer is as long as the kernel is told, and any bytes make a valid signalfd_siginfo.
            let (read, signal) = unsafe {
                let read = libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size);
                (read, info.assume_init_ref().ssi_signo)
            };
            match (read, Errno::last()) {
                (-1, Errno::EINTR) => {}
                (-1, Errno::EAGAIN) => return Ok(None),
                (-1, error) => return Err(error.into()),
                _ => return Ok(c_int::try_from(signal).ok()),
            }
        }
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Has a hangup wait, from as early on as possible, until [`SignalFd`] collects it: one that comes while the program starts
/// ends it otherwise. That it fails is not expected.
pub fn hold_hangups() {
    let _ = SigSet::from(Signal::SIGHUP).thread_block();
}

/// Lets hangups through again, for what is no daemon.
pub fn let_hangups_through() {
    let _ = SigSet::from(Signal::SIGHUP).thread_unblock();
}

/// Whether the launcher has set `signal` to be ignored, as `nohup` does.
#[must_use]
#[allow(unsafe_code)]
pub fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no action is installed, the present one is written to a buffer of its size, and zeros are valid too.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init_ref().sa_sigaction == libc::SIG_IGN
    }
}

/// Signals that nobody sends a daemon with a purpose, and that would end it: keepalived, too, lives through them. Those of
/// [`SignalFd`] are collected all the same, if that is made later. A program that is executed inherits what is ignored.
#[allow(unsafe_code)]
pub fn ignore_strangers() {
    let named = [
        libc::SIGALRM,
        libc::SIGSTKFLT,
        libc::SIGXCPU,
        libc::SIGXFSZ,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGIO,
        libc::SIGPWR,
        libc::SIGSYS,
    ];
    for signal in named.into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX()) {
        // SAFETY: SIG_IGN installs no code.
        unsafe {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
}

/// Lets every signal through to the calling thread and all it starts: a program that was started by one that collects
/// its signals inherits that they are blocked. What has come meanwhile arrives now.
///
/// # Errors
/// None is expected.
pub fn unblock_all() -> io::Result<()> {
    Ok(SigSet::all().thread_unblock()?)
}

/// Ends the process as `signal` does where nobody caught it or had it ignored, so that who waits for it sees that. Comes
/// back where the signal would not end it.
#[allow(unsafe_code)]
pub fn die_of(signal: Signal) {
    // SAFETY: SIG_DFL installs no code.
    let default = unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) };
    if default.is_ok() && SigSet::from(signal).thread_unblock().is_ok() {
        let _ = nix::sys::signal::raise(signal);
    }
}

/// Stops all of the job, as a terminal's `^Z` does, until its shell continues it; whoever has started the job (sudo, a
/// script) waits in it too. Where nobody could continue it, this does nothing. `SIGTSTP` is among the signals that are
/// collected.
///
/// # Errors
/// None is expected.
pub fn stop_job() -> io::Result<()> {
    kill(Pid::from_raw(0), Signal::SIGTSTP)?;
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTSTP);
    // Here it takes effect.
    stop.thread_unblock()?;
    Ok(stop.thread_block()?)
}

/// `SIGTERM`, `SIGRTMIN+2`, …: a signal's name as `kill -l` knows it.
#[must_use]
pub fn name(signal: c_int) -> String {
    match Signal::try_from(signal) {
        Ok(known) => known.as_str().to_owned(),
        Err(_) => match signal - libc::SIGRTMIN() {
            offset @ 0..=15 => format!("SIGRTMIN+{offset}"),
            _ => match libc::SIGRTMAX() - signal {
                0 => "SIGRTMAX".to_owned(),
                offset @ 1..=15 => format!("SIGRTMAX-{offset}"),
                _ => format!("signal {signal}"),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[test]
    fn a_blocked_signal_waits_to_be_read() {
        // Test processes run one test each under nextest; cargo test's threads each have a mask of their own, and
        // `raise` aims at the calling thread.
        let signals = SignalFd::new(&[libc::SIGUSR1, libc::SIGRTMIN() + 2]).unwrap();
        assert_eq!(signals.read().unwrap(), None);
        raise(Signal::SIGUSR1).unwrap();
        assert_eq!(signals.read().unwrap(), Some(libc::SIGUSR1));
        assert_eq!(signals.read().unwrap(), None);
    }

    #[test]
    fn whether_a_signal_is_ignored_is_known() {
        // Rust's runtime ignores this one and leaves the other one alone.
        assert!(is_ignored(libc::SIGPIPE));
        assert!(!is_ignored(libc::SIGUSR2));
        assert!(!is_ignored(1000));
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        assert!(SignalFd::new(&[1000]).is_err());
    }

    #[test]
    fn names_are_those_of_kill() {
        assert_eq!(name(libc::SIGKILL), "SIGKILL");
        assert_eq!(name(libc::SIGRTMIN() + 2), "SIGRTMIN+2");
        assert_eq!(name(libc::SIGRTMAX()), "SIGRTMAX");
        assert_eq!(name(libc::SIGRTMAX() - 1), "SIGRTMAX-1");
        assert_eq!(name(1000), "signal 1000");
    }
}
