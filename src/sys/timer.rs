//! A timer that fires when it should: `timerfd` on `CLOCK_MONOTONIC`, for a tokio runtime.
//!
//! tokio's own timers round up to whole milliseconds; this one is armed with the absolute nanosecond. It says when
//! to look at the clock, nothing more: a driver compares its deadlines with [`super::clock::now`] itself.

use super::ready::Ready;
use crate::time::Instant;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// One deadline to wait for.
#[derive(Debug)]
pub struct Timer {
    fd: Ready<Raw>,
    armed: Option<Instant>,
}

/// `TimerFd` gives `AsFd`; tokio asks for `AsRawFd`.
#[derive(Debug)]
struct Raw(TimerFd);

impl AsRawFd for Raw {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl From<Raw> for OwnedFd {
    fn from(raw: Raw) -> OwnedFd {
        raw.0.into()
    }
}

impl Timer {
    /// A timer that is not armed. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of `timerfd_create(2)`: descriptors or memory exhausted.
    pub fn new() -> io::Result<Timer> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let fd = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        Ok(Timer { fd: Ready::new(Raw(fd))?, armed: None })
    }

    /// Sets the deadline, or none. One that has passed already fires at once. Setting what is set costs nothing.
    ///
    /// # Errors
    /// Those of `timerfd_settime(2)`; none is expected.
    pub fn set(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if deadline == self.armed {
            return Ok(());
        }
        let timer = &self.fd.get().0;
        match deadline {
            // All zeros would disarm: the clock's very start is as past as its first nanosecond.
            Some(at) => timer.set(
                Expiration::OneShot(TimeSpec::from(Duration::from_nanos(at.as_nanos().max(1)))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            )?,
            None => timer.unset()?,
        }
        self.armed = deadline;
        Ok(())
    }

    /// Waits until the deadline has passed, then is disarmed. Without a deadline it waits for ever. Cancel-safe: a
    /// dropped wait loses nothing.
    ///
    /// # Errors
    /// Those of `read(2)`; none is expected.
    pub async fn wait(&mut self) -> io::Result<()> {
        loop {
            self.fd.wait().await?;
            match self.fd.get().0.wait() {
                Ok(()) => {
                    self.armed = None;
                    return Ok(());
                }
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Asks the kernel to delay the calling thread's other waits (poll, sleep) by at most `slack` (at least 1 ns; the
/// default is 50 µs). Timers of this module have none.
///
/// # Errors
/// Those of `prctl(2)`; none is expected.
pub fn set_slack(slack: Duration) -> io::Result<()> {
    // 0 would mean the default.
    let nanos = u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX).max(1);
    Ok(prctl::set_timerslack(nanos)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::now;

    fn run<F: Future>(f: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(f)
    }

    #[test]
    fn never_fires_before_its_deadline_and_fires_again_when_set_again() {
        run(async {
            let mut timer = Timer::new().unwrap();
            for _ in 0..3 {
                let deadline = now() + Duration::from_millis(2);
                timer.set(Some(deadline)).unwrap();
                timer.wait().await.unwrap();
                assert!(now() >= deadline);
            }
        });
    }

    #[test]
    fn a_past_deadline_fires_at_once_even_the_same_one_twice() {
        run(async {
            let mut timer = Timer::new().unwrap();
            for at in [Instant::ZERO, Instant::ZERO, Instant::from_nanos(5)] {
                timer.set(Some(at)).unwrap();
                timer.wait().await.unwrap();
            }
        });
    }

    #[test]
    fn moving_or_clearing_the_deadline_takes_back_an_expiry_nobody_has_read() {
        run(async {
            let mut timer = Timer::new().unwrap();
            timer.set(Some(Instant::ZERO)).unwrap();
            timer.set(None).unwrap();
            let waited = tokio::time::timeout(Duration::from_millis(20), timer.wait()).await;
            assert!(waited.is_err(), "a cleared timer fired");
            let deadline = now() + Duration::from_millis(3);
            timer.set(Some(Instant::ZERO)).unwrap();
            timer.set(Some(deadline)).unwrap();
            timer.wait().await.unwrap();
            assert!(now() >= deadline);
        });
    }

    #[test]
    fn slack_is_what_was_asked_for() {
        set_slack(Duration::from_nanos(0)).unwrap();
        assert_eq!(prctl::get_timerslack(), Ok(1));
        set_slack(Duration::from_micros(50)).unwrap();
        assert_eq!(prctl::get_timerslack(), Ok(50_000));
    }

    /// A measurement, not an assertion about this machine: `cargo nextest run --run-ignored all timer_lateness`.
    #[test]
    #[ignore = "measures, and wants an idle machine"]
    fn timer_lateness() {
        run(async {
            let mut timer = Timer::new().unwrap();
            let mut late = Vec::new();
            for _ in 0..500 {
                let deadline = now() + Duration::from_micros(3_300);
                timer.set(Some(deadline)).unwrap();
                timer.wait().await.unwrap();
                late.push(now() - deadline);
            }
            late.sort();
            eprintln!("lateness: median {:?}, 99 % {:?}, worst {:?}", late[250], late[495], late[499]);
        });
    }
}
