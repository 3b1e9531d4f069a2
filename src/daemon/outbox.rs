//! What the parent still has to say to one worker: nothing is lost because the worker is too busy to read.
//!
//! A reload that another one overtakes is not sent any more, so the last one always arrives and a worker that does not
//! read for hours keeps little waiting. The socket is the caller's, and so is knowing when it can be written again.

use super::message::{self, Order};
use std::collections::VecDeque;
use std::io;
use std::mem::discriminant;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// Messages in their order, with what is attached to them.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(Order, Option<Rc<OwnedFd>>)>,
}

impl Outbox {
    /// Puts a message behind the others. One that it makes pointless goes.
    pub(super) fn push(&mut self, order: Order, config: Option<Rc<OwnedFd>>) {
        let replaces = |old: &Order| match order {
            Order::Reload | Order::Table(_) | Order::Quorums(_) => discriminant(old) == discriminant(&order),
            Order::Stop => matches!(old, Order::Reload | Order::Table(_) | Order::Quorums(_)),
            Order::Start(_)
            | Order::Dump(_)
            | Order::Fifo(_)
            | Order::Former
            | Order::NoFifo(_)
            | Order::RunEnded { .. }
            | Order::Runner { .. }
            | Order::Load { .. }
            | Order::Run { .. }
            | Order::CancelRun(_) => false,
        };
        self.waiting.retain(|(old, _)| !replaces(old));
        self.waiting.push_back((order, config));
    }

    /// Sends what the socket takes.
    ///
    /// # Errors
    /// [`message::send_order`]'s, but for a full socket: the rest goes on waiting then. After any other nothing waits any
    /// more.
    pub(super) fn flush(&mut self, socket: BorrowedFd<'_>) -> Result<(), message::Error> {
        while let Some((order, config)) = self.waiting.front() {
            match message::send_order(socket, order, config.as_deref().map(AsFd::as_fd)) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(message::Error::Socket(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(());
                }
                Err(error) => {
                    self.waiting.clear();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Whether all has been sent.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a reload is among what waits.
    #[must_use]
    pub(super) fn has_reload(&self) -> bool {
        self.waiting.iter().any(|(order, _)| *order == Order::Reload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Config;
    use crate::daemon::worker::{Kind, TableState};
    use crate::sys::channel;

    fn config(number: usize) -> Rc<OwnedFd> {
        let mut config = Config::default();
        config.global.router_id = Some(number.to_string());
        Rc::new(message::share(&config, Kind::Vrrp).unwrap())
    }

    #[test]
    fn the_last_of_many_reloads_arrives() {
        let (parent, worker) = channel::pair().unwrap();
        let mut outbox = Outbox::default();
        for number in 0..2_000 {
            outbox.push(Order::Reload, Some(config(number)));
            outbox.flush(parent.as_fd()).unwrap();
            assert!(outbox.waiting.len() <= 1);
        }
        assert!(outbox.has_reload(), "the socket never was full");
        let mut last = None;
        while last.as_deref() != Some("1999") {
            outbox.flush(parent.as_fd()).unwrap();
            let (_, attached) = message::receive_order(worker.as_fd()).unwrap().unwrap();
            last = message::read_config(attached).unwrap().global.router_id;
        }
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_stop_overtakes_what_has_become_pointless() {
        let mut outbox = Outbox::default();
        outbox.push(Order::Reload, Some(config(1)));
        outbox.push(Order::Table(TableState::Writable), None);
        outbox.push(Order::Stop, None);
        assert_eq!(outbox.waiting.len(), 1);
        assert!(!outbox.has_reload());
    }

    #[test]
    fn a_worker_that_is_gone_is_an_error() {
        let (parent, worker) = channel::pair().unwrap();
        drop(worker);
        let mut outbox = Outbox::default();
        outbox.push(Order::Stop, None);
        assert!(outbox.flush(parent.as_fd()).is_err());
        assert!(outbox.is_empty(), "nobody will read it");
    }
}
