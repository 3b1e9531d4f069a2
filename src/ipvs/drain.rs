//! Takes a server out of a service without cutting connections: weight 0, wait, remove. The machine: it decides,
//! and leaves reading the table, changing it, signals and the clock to its driver.
//!
//! ```text
//!   begin --- set weight 0 ---> waiting --- none left ------------------> removed, or kept with weight 0
//!                                  |------- deadline -------------------> restored, kept or removed
//!                                  |------- interrupted ----------------> restored
//!                                  '------- weight or server changed ---> left as others want it
//! ```
//!
//! What the kernel does meanwhile (`net/netfilter/ipvs`):
//!
//! - A server of weight 0 gets no new connections, and keeps those that it has. One that is removed while it has
//!   connections has their packets dropped from then on: hence the wait.
//! - A persistent service remembers where a client belongs in a *template*, and follows it to a server of weight 0
//!   too, unless the sysctl `net.ipv4.vs.expire_quiescent_template` is 1. Each new connection of such a client
//!   renews the template. Once the server is removed, its templates count for nothing.
//! - A connection is active while it is established, in TCP and SCTP. Those of UDP are all counted as inactive, and
//!   go when no packet has come for the UDP timeout (300 s by default). Which protocols go to a service by firewall
//!   mark is not known: where UDP does, [`WaitFor::All`] has to be asked for.

use crate::ipvs::model::{Dest, DestEntry, DestKey, Protocol, ServiceEntry, ServiceFlags, ServiceKey};
use crate::ipvs::operation::Operation;
use crate::time::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// How a server is to be drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What becomes of the server once no connection is left.
    pub then: Then,
    /// How long to wait for that; without it, for ever.
    pub timeout: Option<Duration>,
    /// What becomes of the server when that was not long enough.
    pub on_timeout: OnTimeout,
    /// How long after one reading the next one is due.
    pub interval: Duration,
    /// Which connections have to end.
    pub wait_for: WaitFor,
    /// Drain the last server with a weight, too.
    pub force: bool,
}

/// What becomes of a server without connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is removed from the service.
    Remove,
    /// It stays, with weight 0.
    Keep,
}

/// What becomes of a server that still has connections when the time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// It gets its former weight again.
    Restore,
    /// It stays, with weight 0.
    Keep,
    /// It is removed; packets of its connections are dropped from then on.
    Remove,
}

/// Which connections have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// Active ones; with a UDP service all, as none of its are counted as active.
    Active,
    /// Also those that are being opened or closed (half a minute to two minutes each), and those of UDP.
    All,
}

/// Why a server is not drained at all; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such server, or no such service.
    #[error("service {service} has no server {server}")]
    NoServer {
        /// The service.
        service: ServiceKey,
        /// The server.
        server: DestKey,
    },
    /// Nobody would take new connections.
    #[error(
        "{server} is the only server of {service} with a weight above 0: new connections would be refused; \
         --force drains it all the same"
    )]
    LastServer {
        /// The service.
        service: ServiceKey,
        /// The server.
        server: DestKey,
    },
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Have the kernel do this.
    Execute(Operation),
    /// Tell the user how far it is.
    Report(Progress),
    /// Tell the user how it ended, and end.
    End(Outcome),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Since the weight became 0.
    pub elapsed: Duration,
    /// Connections that have to end.
    pub left: u32,
    /// The most of them that there were at once.
    pub most: u32,
    /// Active connections.
    pub active: u32,
    /// Inactive connections.
    pub inactive: u32,
    /// Persistence templates.
    pub persistent: u32,
    /// By how many connections a second `left` sinks, of late; 0 where it does not.
    pub rate: f64,
    /// When the last one ends if they go on ending so; `None` where they do not.
    pub eta: Option<Duration>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No connection is left.
    Drained(Then),
    /// Connections were left when the time was up.
    TimedOut {
        /// So many.
        left: u32,
        /// What was done about it.
        then: OnTimeout,
        /// The weight before.
        weight: u32,
    },
    /// The driver was told to stop; the server has its former weight, this one, again.
    Interrupted {
        /// The weight before.
        weight: u32,
    },
    /// Someone else gave the server a weight: it keeps that.
    WeightChanged {
        /// The weight now.
        weight: u32,
    },
    /// Someone else removed the server, or its service.
    Gone,
}

/// What the driver has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server as the kernel has it now, or `None` where it has no such server.
    Reading(Option<DestEntry>),
    /// The same, read because the user wants to stop.
    Interrupted(Option<DestEntry>),
}

/// A server that is being drained.
#[derive(Debug)]
pub struct Drain {
    service: ServiceKey,
    former: Dest,
    options: Options,
    began: Instant,
    read_at: Instant,
    most: u32,
    /// When there were how many, for the rate: the newest last.
    history: VecDeque<(Instant, u32)>,
}

impl Drain {
    /// A connection that was being opened when the weight became 0 is counted as inactive and about to be active: so
    /// long it has to be quiet.
    const SETTLE: Duration = Duration::from_secs(1);
    /// The rate is that of so long.
    const RATE_OVER: Duration = Duration::from_secs(30);

    /// Begins with the service and all its servers as the kernel has them now.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn begin(
        now: Instant,
        service: &ServiceEntry,
        dests: &[DestEntry],
        server: DestKey,
        mut options: Options,
    ) -> Result<(Drain, Vec<Action>), Refusal> {
        let key = service.service.key;
        let entry = dests.iter().find(|entry| entry.dest.key == server);
        let entry = *entry.ok_or(Refusal::NoServer { service: key, server })?;
        let takes_over = |other: &DestEntry| other.dest.key != server && other.dest.weight > 0;
        if entry.dest.weight > 0 && !options.force && !dests.iter().any(takes_over) {
            return Err(Refusal::LastServer { service: key, server });
        }
        if matches!(key, ServiceKey::Address { protocol: Protocol::Udp, .. }) {
            options.wait_for = WaitFor::All;
        }
        let mut drain = Drain {
            service: key,
            former: entry.dest,
            options,
            began: now,
            read_at: now,
            most: 0,
            history: VecDeque::new(),
        };
        let mut actions = Vec::new();
        if entry.dest.weight > 0 {
            actions.push(drain.set_weight(entry.dest, 0));
        }
        actions.push(Action::Report(drain.progress(now, &entry)));
        Ok((drain, actions))
    }

    /// When the driver is to read the server next.
    #[must_use]
    pub fn next_timeout(&self) -> Instant {
        let next = self.read_at + self.options.interval;
        self.deadline().map_or(next, |deadline| next.min(deadline))
    }

    /// Takes a reading.
    pub fn handle(&mut self, now: Instant, event: Event) -> Vec<Action> {
        let (Event::Reading(reading) | Event::Interrupted(reading)) = event;
        let Some(entry) = reading else { return vec![Action::End(Outcome::Gone)] };
        if entry.dest.weight > 0 {
            return vec![Action::End(Outcome::WeightChanged { weight: entry.dest.weight })];
        }
        if matches!(event, Event::Interrupted(_)) {
            return self.restore(entry.dest, Outcome::Interrupted { weight: self.former.weight });
        }
        self.read_at = now;
        let progress = self.progress(now, &entry);
        let late = self.deadline().is_some_and(|deadline| now >= deadline);
        if progress.left == 0 && (late || progress.elapsed >= Self::SETTLE) {
            let mut actions = vec![Action::Report(progress)];
            if self.options.then == Then::Remove {
                actions.push(self.remove());
            }
            actions.push(Action::End(Outcome::Drained(self.options.then)));
            return actions;
        }
        if late {
            let (left, then) = (progress.left, self.options.on_timeout);
            let outcome = Outcome::TimedOut { left, then, weight: self.former.weight };
            return match then {
                OnTimeout::Restore => self.restore(entry.dest, outcome),
                OnTimeout::Keep => vec![Action::End(outcome)],
                OnTimeout::Remove => vec![self.remove(), Action::End(outcome)],
            };
        }
        vec![Action::Report(progress)]
    }

    fn deadline(&self) -> Option<Instant> {
        self.options.timeout.map(|timeout| self.began + timeout)
    }

    fn restore(&self, dest: Dest, outcome: Outcome) -> Vec<Action> {
        let weight = self.former.weight;
        let set = (weight > 0).then(|| self.set_weight(dest, weight));
        set.into_iter().chain([Action::End(outcome)]).collect()
    }

    /// Everything else stays as it is now.
    fn set_weight(&self, dest: Dest, weight: u32) -> Action {
        Action::Execute(Operation::EditDest(self.service, Dest { weight, ..dest }))
    }

    fn remove(&self) -> Action {
        Action::Execute(Operation::DeleteDest(self.service, self.former.key))
    }

    fn progress(&mut self, now: Instant, entry: &DestEntry) -> Progress {
        let left = match self.options.wait_for {
            WaitFor::Active => entry.active_conns,
            WaitFor::All => entry.active_conns.saturating_add(entry.inactive_conns),
        };
        self.most = self.most.max(left);
        while self.history.front().is_some_and(|(at, _)| now - *at > Self::RATE_OVER) {
            self.history.pop_front();
        }
        self.history.push_back((now, left));
        let (at, then) = self.history.front().copied().unwrap_or((now, left));
        let over = (now - at).as_secs_f64();
        let rate = if over > 0.0 { f64::from(then.saturating_sub(left)) / over } else { 0.0 };
        let eta = (rate > 0.0).then(|| Duration::try_from_secs_f64(f64::from(left) / rate).ok()).flatten();
        Progress {
            elapsed: now - self.began,
            left,
            most: self.most,
            active: entry.active_conns,
            inactive: entry.inactive_conns,
            persistent: entry.persistent_conns,
            rate,
            eta,
        }
    }
}

/// Whether clients of this service come back to a server of weight 0, where the kernel lets templates live
/// (`expire_quiescent_template` is 0).
#[must_use]
pub fn clients_return(service: &ServiceEntry, entry: &DestEntry) -> bool {
    service.service.flags.contains(ServiceFlags::PERSISTENT) && entry.persistent_conns > 0
}

/// Whether the server has connections that are not waited for, and may be of UDP: which protocols go to a service by
/// firewall mark is not known.
#[must_use]
pub fn may_cut_udp(service: &ServiceKey, wait_for: WaitFor, entry: &DestEntry) -> bool {
    matches!(service, ServiceKey::Fwmark { .. }) && wait_for == WaitFor::Active && entry.inactive_conns > 0
}

#[cfg(test)]
mod tests;
