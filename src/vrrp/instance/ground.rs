//! What an instance runs on: it comes up where its interface and source address are there, and fails where they go.

use super::{Instance, State};
use crate::time::Instant;
use crate::vrrp::event::{Actions, Fault, IfIndex, Report};
use crate::vrrp::packet::PRIORITY_STOP;
use crate::vrrp::shared::Shared;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Where the adverts of an instance leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The interface; the routes decide without one.
    pub interface: Option<IfIndex>,
    /// Their source address: it breaks ties between equal priorities.
    pub source: IpAddr,
    /// The longest IP packet that the interface carries, in bytes.
    pub mtu: u32,
    /// The source can be used: duplicate address detection is over. Until then nothing leaves, and all else goes on.
    pub ready: bool,
}

/// What an instance runs on: where its adverts leave, and what keeps it from running.
#[derive(Clone, Debug)]
pub(in crate::vrrp) struct Ground {
    pub(in crate::vrrp) origin: Option<Origin>,
    pub(in crate::vrrp) faults: BTreeSet<Fault>,
    /// The kernel holds addresses that a predecessor of this process set.
    pub(in crate::vrrp) inherits: bool,
    /// Its timers start then, `vrrp_startup_delay` after the start.
    pub(in crate::vrrp) begin: Instant,
    /// It starts as the master: the owner, or a new member of a sync group that is the master.
    pub(in crate::vrrp) leads: bool,
}

impl Instance {
    /// What it runs on, at start and whenever that changes. `detail` tells more of a fault, in words.
    pub(in crate::vrrp) fn set_ground(
        &mut self,
        now: Instant,
        ground: Ground,
        detail: impl Fn(&Fault) -> Option<Shared<str>>,
        out: &mut Actions,
    ) {
        let Ground { origin, faults, inherits, begin, leads } = ground;
        self.clock.now = now;
        let old_origin = std::mem::replace(&mut self.origin, origin);
        let old_faults = std::mem::replace(&mut self.faults, faults);
        if self.origin.map(|o| o.mtu) != old_origin.map(|o| o.mtu) {
            self.fit_advert(out);
        }
        match &self.state {
            State::Init | State::Fault if self.faults.is_empty() => {
                self.up_since = now;
                self.master_interval = self.config.advert_int;
                self.come_up(now.max(begin), inherits, leads, out);
            }
            State::Master { .. }
                if self.faults.is_empty()
                    && origin.is_some_and(|origin| origin.ready)
                    && old_origin.is_none_or(|origin| !origin.ready) =>
            {
                self.advertise_now(now, out);
            }
            State::Backup { .. } | State::Master { .. } if self.faults.is_empty() => {}
            State::Fault => {}
            State::Init | State::Backup { .. } | State::Master { .. } => self.fail(old_origin, out),
        }
        for fault in self.faults.difference(&old_faults) {
            out.push(self.report(Report::Faulty { fault: fault.clone(), detail: detail(fault) }));
        }
        if !self.faults.is_empty() {
            // One that does not exist any more is not up again.
            let is_worse = |fault: &Fault| match fault {
                Fault::InterfaceDown(name) => self.faults.contains(&Fault::NoInterface(name.clone())),
                _ => false,
            };
            let gone = old_faults.difference(&self.faults).filter(|fault| !is_worse(fault));
            out.extend(gone.map(|fault| self.report(Report::FaultGone(fault.clone()))));
        }
    }

    /// Its interface is being made anew: nothing leaves, and all else goes on.
    pub(in crate::vrrp) const fn lose_origin(&mut self) {
        self.origin = None;
    }

    /// RFC 9568 §6.4.1: the owner takes over at once, any other listens first.
    fn come_up(&mut self, begin: Instant, inherits: bool, leads: bool, out: &mut Actions) {
        if leads {
            self.become_master(begin, out);
        } else if inherits {
            // The neighbours don't know yet that the master died. Whoever took over is heard within an interval, and the
            // other backups wait for longer than that.
            let master_down_at = begin + self.master_interval + self.skew();
            let state = State::Backup { master_down_at, preempt_at: None, inherited: true, willing: false };
            self.enter(state, out);
        } else {
            self.become_backup(begin, out);
            // What a predecessor may have left behind is not ours: another router may be the master.
            self.apply_all(out);
        }
    }

    /// Its timers start at another moment: `vrrp_startup_delay` is over, or has changed.
    pub(in crate::vrrp) fn begin_at(&mut self, begin: Instant) {
        let down = self.master_down_interval();
        if let State::Backup { master_down_at, .. } = &mut self.state {
            *master_down_at = begin + down;
        }
    }

    /// It does not run yet: what a predecessor may have left in the kernel is not its own.
    pub(in crate::vrrp) fn give_back(&self, out: &mut Actions) {
        self.apply_all(out);
    }

    fn fail(&mut self, origin: Option<Origin>, out: &mut Actions) {
        let link = &self.config.link;
        let own = [self.config.interface.as_deref(), link.own_name().filter(|_| !link.transmit_on_base)];
        let mute = self.faults.iter().any(|fault| match fault {
            Fault::NoInterface(name) | Fault::InterfaceDown(name) => own.contains(&Some(&**name)),
            _ => false,
        });
        let had = matches!(self.state, State::Init) || self.wants_addresses();
        if matches!(self.state, State::Master { .. }) {
            if !mute {
                // The interface still works: let the next master know.
                self.advertise(origin, PRIORITY_STOP, out);
                out.push(self.report(Report::PriorityZeroSent));
            }
            self.stats.seldom.released_master += 1;
        }
        self.enter(State::Fault, out);
        if had {
            self.apply_all(out);
        }
    }
}
