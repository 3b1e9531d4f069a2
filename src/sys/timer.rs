//! A timer that fires when it should: `timerfd` on `CLOCK_MONOTONIC`.
//!
//! tokio's own timers round up to whole milliseconds; this one is armed with the absolute nanosecond. It says when
//! to look at the clock, nothing more: a driver compares its deadlines with [`super::clock::now`] itself.

use crate::time::Instant;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// One deadline, as a descriptor that can be read from then on: [`super::poll::Poll`] waits for it among others.
///
/// It is never late, but it may fire early: a deadline that moves away leaves the kernel's timer as it is. A backup
/// puts its deadline off at every advert; it pays for arming about once in three.
#[derive(Debug)]
pub struct Timer {
    fd: TimerFd,
    /// When the kernel's timer fires: never after the deadline.
    armed: Option<Instant>,
}

impl Timer {
    /// A timer that is not armed.
    ///
    /// # Errors
    /// Those of `timerfd_create(2)`: descriptors or memory exhausted.
    pub fn new() -> io::Result<Timer> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        Ok(Timer { fd: TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?, armed: None })
    }

    /// Sets the deadline, or none. One that has passed already fires at once. Putting off the deadline costs nothing.
    ///
    /// # Errors
    /// Those of `timerfd_settime(2)`; none is expected.
    pub fn set(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let Some(at) = deadline else { return Ok(()) };
        if self.armed.is_some_and(|armed| armed <= at) {
            return Ok(());
        }
        // All zeros would disarm: the clock's very start is as past as its first nanosecond.
        self.fd.set(
            Expiration::OneShot(TimeSpec::from(Duration::from_nanos(at.as_nanos().max(1)))),
            TimerSetTimeFlags::TFD_TIMER_ABSTIME,
        )?;
        self.armed = deadline;
        Ok(())
    }

    /// Takes note that it fired: it can't be read any more, and is not armed, until the deadline is set again (which
    /// must follow: it may have fired early). False if it had not fired.
    ///
    /// # Errors
    /// Those of `read(2)`; none is expected.
    pub fn take_expiry(&mut self) -> io::Result<bool> {
        match self.fd.wait() {
            Ok(()) => {
                self.armed = None;
                Ok(true)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
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
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    /// Waits as a driver does: whenever the timer fires, the clock is looked at and the deadline set anew. Gives how
    /// often it fired.
    fn wait(timer: &mut Timer, deadline: Instant) -> u32 {
        let mut fired = 0;
        while now() < deadline {
            timer.set(Some(deadline)).unwrap();
            poll(&mut [PollFd::new(timer.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
            assert!(timer.take_expiry().unwrap());
            fired += 1;
        }
        fired
    }

    fn is_readable(timer: &Timer) -> bool {
        poll(&mut [PollFd::new(timer.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn fires_at_its_deadline_and_again_when_set_again() {
        let mut timer = Timer::new().unwrap();
        for _ in 0..3 {
            assert_eq!(wait(&mut timer, now() + Duration::from_millis(2)), 1);
            assert!(!timer.take_expiry().unwrap());
        }
    }

    #[test]
    fn a_past_deadline_fires_at_once_even_the_same_one_twice() {
        let mut timer = Timer::new().unwrap();
        for at in [Instant::ZERO, Instant::ZERO, Instant::from_nanos(5)] {
            timer.set(Some(at)).unwrap();
            assert!(is_readable(&timer));
            assert!(timer.take_expiry().unwrap());
        }
    }

    #[test]
    fn a_deadline_that_is_put_off_is_armed_anew_only_once_the_old_one_fires() {
        let mut timer = Timer::new().unwrap();
        let start = now();
        timer.set(Some(start + Duration::from_millis(2))).unwrap();
        for more in 0..100 {
            timer.set(Some(start + Duration::from_millis(3) + Duration::from_micros(more))).unwrap();
            assert_eq!(timer.armed, Some(start + Duration::from_millis(2)));
        }
        let deadline = start + Duration::from_millis(4);
        assert!(wait(&mut timer, deadline) <= 2);
        assert!(now() >= deadline);
    }

    #[test]
    fn a_deadline_that_comes_nearer_is_armed_at_once_and_none_can_only_wake_in_vain() {
        let mut timer = Timer::new().unwrap();
        timer.set(Some(now() + Duration::from_secs(3600))).unwrap();
        timer.set(None).unwrap();
        assert!(!is_readable(&timer));
        timer.set(Some(Instant::ZERO)).unwrap();
        assert!(is_readable(&timer));
        timer.set(None).unwrap();
        assert!(timer.take_expiry().unwrap());
        assert!(!is_readable(&timer));
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
        let mut timer = Timer::new().unwrap();
        let mut late = Vec::new();
        for _ in 0..500 {
            let deadline = now() + Duration::from_micros(3_300);
            wait(&mut timer, deadline);
            late.push(now() - deadline);
        }
        late.sort();
        eprintln!("lateness: median {:?}, 99 % {:?}, worst {:?}", late[250], late[495], late[499]);
    }
}
