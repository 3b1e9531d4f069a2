//! What is known of a virtual router on a node, seen from outside.

use crate::seal::Ledger;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;
use vipd::net::{Family, IpNet, MacAddr};
use vipd::time::Instant;
use vipd::vrrp::config::{Instance, Version};
use vipd::vrrp::event::{Name, StateKind};
use vipd::vrrp::notice::State;

/// A virtual router on this node.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) config: Instance,
    /// The priority in force.
    pub(super) effective: u8,
    /// By so much another priority has brought its deadline forward in this turn.
    pub(super) brought_forward: Duration,
    pub(crate) source: IpAddr,
    pub(crate) link: usize,
    /// The configuration has it.
    pub(crate) present: bool,
    /// The configuration makes another virtual router of it, and it is not there yet.
    pub(super) replaced: bool,
    pub(crate) state: StateKind,
    pub(super) patience: Option<Patience>,
    pub(super) spoke_at: Option<Instant>,
    pub(crate) said_zero: bool,
    pub(crate) became_master: u64,
    /// It had been master when the process was told to stop.
    pub(super) was_master: bool,
    /// What others are to be told, in this order.
    pub(super) untold: VecDeque<State>,
    /// The same of one that leaves: another one of another name takes its place.
    pub(super) leaving: Option<(Name, VecDeque<State>)>,
    /// Its addresses when it became master: a reload adds others later.
    pub(super) promised: Vec<IpNet>,
    /// Those before the configuration that is being carried out.
    pub(super) former: Option<Vec<IpNet>>,
    /// In a sync group, by the configuration.
    pub(super) grouped: bool,
    pub(super) ledger: Ledger,
    /// Since it became master, somebody else's advert has come that counts.
    pub(super) challenged: bool,
}

/// It may not become master so soon: somebody better was heard, or it has just begun to listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) since: Instant,
    pub(super) until: Instant,
    /// The master's interval.
    pub(super) interval: Duration,
    /// It has run out, and was said to: a member of a sync group waits for the others, whatever its priority becomes.
    pub(super) over: bool,
}

impl Patience {
    pub(super) const fn new(since: Instant, until: Instant, interval: Duration) -> Patience {
        Patience { since, until, interval, over: false }
    }
}

/// A configured priority and what is added to it. Nothing changes an owner's.
pub(super) fn in_force(priority: u8, weights: i64) -> u8 {
    match weights {
        0 => priority,
        weights => u8::try_from((i64::from(priority) + weights).clamp(1, 254)).unwrap_or(1),
    }
}

impl Router {
    /// What is to be told of the one of that name.
    pub(super) fn untold_of(&mut self, name: &str) -> &mut VecDeque<State> {
        match &mut self.leaving {
            Some((leaving, untold)) if **leaving == *name => untold,
            _ => &mut self.untold,
        }
    }

    /// The name of the interface of its own, if it has one.
    pub(crate) fn own_link(&self) -> Option<String> {
        self.config.link.vmac.as_ref().map(|_| format!("vrrp.{}", self.config.vrid))
    }

    /// Its Ethernet address (RFC 9568 §7.3).
    pub(super) fn own_mac(&self) -> Option<MacAddr> {
        let family = if self.config.family == Family::V6 { 2 } else { 1 };
        self.config.link.vmac.as_ref().map(|_| MacAddr([0, 0, 0x5e, 0, family, self.config.vrid.get()]))
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = IpNet> {
        self.config.addresses.iter().chain(self.config.excluded.iter()).map(|address| address.net)
    }

    /// What it had when it became master, and still has.
    pub(crate) fn promised(&self) -> impl Iterator<Item = IpNet> {
        self.addresses().filter(|net| self.promised.contains(net))
    }

    pub(crate) fn new(config: Instance, source: IpAddr, link: usize) -> Router {
        Router {
            effective: config.priority,
            brought_forward: Duration::ZERO,
            config,
            source,
            link,
            present: true,
            replaced: false,
            state: StateKind::Init,
            patience: None,
            spoke_at: None,
            said_zero: false,
            became_master: 0,
            was_master: false,
            untold: VecDeque::new(),
            leaving: None,
            promised: Vec::new(),
            former: None,
            grouped: false,
            ledger: Ledger::default(),
            challenged: false,
        }
    }

    /// RFC 9568 §6.1, RFC 3768 §6.1.
    pub(super) fn skew(&self, interval: Duration) -> Duration {
        let whole = match self.config.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => interval,
        };
        whole * (256 - u32::from(self.effective)) / 256
    }

    /// Another priority is in force: what is waited for moves by what the skew time changes.
    pub(super) fn set_effective(&mut self, priority: u8) {
        let interval = self.patience.map_or(self.config.advert_int, |patience| patience.interval);
        let before = self.skew(interval);
        self.effective = priority;
        let after = self.skew(interval);
        self.brought_forward += before.saturating_sub(after);
        if let Some(patience) = self.patience.as_mut().filter(|patience| !patience.over) {
            patience.until = patience.until + after.saturating_sub(before) - before.saturating_sub(after);
        }
    }
}
