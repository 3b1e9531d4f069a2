//! The virtual server: which of its servers take traffic, whether that is enough, and what the kernel should hold.
//!
//! | real server | quorum, or no sorry server | no quorum, sorry server |
//! |---|---|---|
//! | up | its weight | inhibited: weight 0; else absent |
//! | down, `inhibit_on_failure` | weight 0 | weight 0 |
//! | down | absent | absent |
//! | the sorry server | inhibited: weight 0; else absent | weight 1 |
//!
//! Its weight is that of the configuration, and what its checks add to it; never below 0.
//!
//! A real server is up while none of its checks is down. The quorum is gained at `quorum + hysteresis` of live weight
//! and lost below `quorum - hysteresis`, or when nothing is alive. Without a sorry server, it is only told of: what
//! is alive keeps its traffic. All this is keepalived's behaviour.
//!
//! Beyond it, a `backup` server serves while the others have not enough weight, by the same two thresholds; its weight
//! counts for the quorum while it serves. A server that went down too often counts as down while it is held back. What
//! takes time is in `terms`.
//!
//! When checks run is decided in [`super::checker`]; how the kernel gets from one table to the next in `ipvs::plan`.

mod reload;
mod rows;
mod substitutes;
mod tell;
mod terms;

use super::checker::Status;
use super::config::{self, Endpoint};
use super::event::{Action, Alert, Report, ServerName};
use crate::ipvs::model::Forward;
use crate::time::Instant;
use rows::{Identity, identities};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use substitutes::{backups, is_called};
use terms::{Term, Terms};

/// What is known of a virtual server when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// Nothing.
    Fresh,
    /// The kernel holds it already.
    Adopted {
        /// Its sorry server was found at work: the quorum had been lost.
        sorry: bool,
    },
}

/// Whether programs hear of servers that begin to take traffic without a check having said so (`rs_init_notifies`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AtStart {
    /// They do.
    Told,
    /// They hear of changes alone.
    Silent,
}

/// What the checks of a real server say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// How many of them fail.
    pub failed: u32,
    /// What they add to its weight.
    pub more: i64,
    /// One of them has been carried out for another virtual server, and failed.
    pub is_known_down: bool,
    /// It is held back, whatever they say (`flap_damping`).
    pub held: bool,
    /// It counts as down because nobody knows: nothing is told if it proves to be up.
    pub is_unclear: bool,
    /// The weight of its entry in the kernel's table, where that was there before this process.
    pub found: Option<u32>,
}

impl Server {
    const fn is_up(self) -> bool {
        self.failed == 0 && !self.held
    }

    /// Its weight in the kernel while it is up.
    fn weight(self, configured: u32) -> u32 {
        u32::try_from(i64::from(configured).saturating_add(self.more).max(0))
            .unwrap_or(u32::MAX)
            .min(MAX_WEIGHT)
    }
}

/// The greatest weight of a server in the kernel.
const MAX_WEIGHT: u32 = i32::MAX as u32;

/// A `virtual_server` block at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualServer {
    config: config::VirtualServer,
    /// What its checks say of each real server.
    servers: Vec<Server>,
    /// The real servers by what the kernel knows them as: sorted, with their places in the configuration.
    identities: Vec<(Identity, u32)>,
    /// The weight of the servers that are up, without backup servers.
    weight: u64,
    /// The weight of the backup servers that are up.
    backup_weight: u64,
    /// Whether there are backup servers, and whether they serve.
    backups: Option<bool>,
    terms: Terms,
    quorum: Status,
    /// Whether the sorry server has the traffic.
    sorry: bool,
}

impl VirtualServer {
    /// A virtual server that begins, with what the checks say of each of its real servers.
    #[must_use]
    pub fn new(
        now: Instant,
        config: config::VirtualServer,
        servers: Vec<Server>,
        start: Start,
        at_start: AtStart,
        actions: &mut Vec<Action>,
    ) -> VirtualServer {
        let (quorum, sorry) = match start {
            Start::Fresh => (Status::Down, false),
            Start::Adopted { sorry: true } => (Status::Down, config.sorry_server.is_some()),
            Start::Adopted { sorry: false } => (Status::Up, false),
        };
        let identities = identities(&config);
        let mut vs = VirtualServer {
            backups: backups(&config, false),
            config,
            servers,
            identities,
            weight: 0,
            backup_weight: 0,
            terms: Terms::default(),
            quorum,
            sorry,
        };
        vs.weigh();
        vs.resume_terms(now);
        vs.tell_beginning(at_start, |_| true, actions);
        vs.evaluate(now, true, actions);
        vs
    }

    /// One of the checks of a real server, given by its place in the configuration, changed its status; `mail` is what a
    /// mail says of that.
    pub fn check_changed(
        &mut self,
        now: Instant,
        server: usize,
        status: Status,
        mail: Option<&str>,
        actions: &mut Vec<Action>,
    ) {
        let Some((rs, checks)) = self.config.real_servers.get(server).zip(self.servers.get_mut(server))
        else {
            return;
        };
        let (was_up, had_failed) = (checks.is_up(), checks.failed > 0);
        checks.failed = match status {
            Status::Down => checks.failed.saturating_add(1),
            Status::Up => checks.failed.saturating_sub(1),
        };
        if let Some(damping) = rs.transition.as_ref().and_then(|transition| transition.damping) {
            let (place, has_failed) = (server as u32, checks.failed > 0);
            if has_failed && !had_failed {
                self.terms.went_down(now, place, &damping);
            } else if had_failed && !has_failed {
                checks.held = self.terms.hold_back(now, place, &damping);
                if checks.held {
                    actions.push(self.held_report(rs.address, &damping));
                }
            }
        }
        let up = self.server_status(server) == Status::Up;
        if up != was_up {
            self.server_changed(now, server, up, actions);
        }
        if let Some(rs) = self.config.real_servers.get(server).filter(|rs| rs.smtp_alert)
            && let Some(text) = mail
        {
            let alert = Alert::of_server(self.server_name(rs.address), &self.config.name, up, text);
            actions.push(Action::Mail(Alert { is_of_check_alone: up == was_up, ..alert }));
        }
    }

    /// One of the checks of a real server, given by its place in the configuration, was taken to fail, and does: whoever is
    /// told of servers hears of it for the first time.
    pub fn found_down(&mut self, server: usize, actions: &mut Vec<Action>) {
        if let Some(checks) = self.servers.get_mut(server) {
            checks.is_unclear = false;
        }
        actions.extend(self.config.real_servers.get(server).map(|rs| self.server_notice(rs, false, None)));
    }

    /// One of the checks of a real server, given by its place in the configuration, adds so much more to its weight
    /// than before.
    pub fn weighed(&mut self, now: Instant, server: usize, more: i64, actions: &mut Vec<Action>) {
        let Some((rs, checks)) = self.config.real_servers.get(server).zip(self.servers.get_mut(server))
        else {
            return;
        };
        let from = checks.weight(rs.weight);
        checks.more = checks.more.saturating_add(more);
        let (to, up) = (checks.weight(rs.weight), checks.is_up());
        if from == to {
            return;
        }
        if up {
            let weight = if rs.backup { &mut self.backup_weight } else { &mut self.weight };
            *weight = *weight - u64::from(from) + u64::from(to);
        }
        let (address, vs) = (rs.address, self.config.name.clone());
        let server_name = self.server_name(address);
        actions.push(Action::Report(Report::WeightChanged { server: server_name, vs, from, to, up }));
        if up {
            self.dest_changed(server, actions);
            self.evaluate(now, false, actions);
        }
    }

    /// The worker ends. With `omega`, whoever is told of the quorum hears that it is gone; of servers, where these go one
    /// by one.
    pub fn shut_down(&self, one_by_one: bool, actions: &mut Vec<Action>) {
        let report = |server, vs, inhibited, _| Some(Report::ServerShutDown { server, vs, inhibited });
        if one_by_one {
            self.tell_end(self.config.omega, "Shutting down", report, actions);
        }
        if self.config.omega && self.quorum == Status::Up {
            actions.push(self.quorum_notice(false, Some("Shutting down")));
        }
    }

    /// A reload no longer names it: whoever is told of servers and of the quorum hears that they are gone.
    pub fn remove(&self, actions: &mut Vec<Action>) {
        actions.push(Action::Report(Report::VirtualServerGone { vs: self.config.name.clone() }));
        let report = |server, vs, inhibited, up: bool| {
            (up || inhibited).then_some(Report::ServerRemoved { server, vs, inhibited })
        };
        self.tell_end(true, "Removing", report, actions);
        if self.quorum == Status::Up {
            actions.push(self.quorum_notice(false, None));
        }
    }

    fn tell_end(
        &self,
        are_others_told: bool,
        mail: &str,
        report: impl Fn(ServerName, String, bool, bool) -> Option<Report>,
        actions: &mut Vec<Action>,
    ) {
        for (rs, checks) in self.config.real_servers.iter().zip(&self.servers) {
            let up = checks.is_up();
            let inhibited = rs.inhibit_on_failure && !up;
            let (server, vs) = (self.server_name(rs.address), self.config.name.clone());
            actions.extend(report(server, vs, inhibited, up).map(Action::Report));
            if are_others_told && up {
                actions.push(self.server_notice(rs, false, Some(mail)));
            }
        }
    }

    /// What it was told to be. The checkers of its real servers may have been moved elsewhere.
    #[must_use]
    pub const fn config(&self) -> &config::VirtualServer {
        &self.config
    }

    /// Whether the quorum is there.
    #[must_use]
    pub const fn quorum(&self) -> Status {
        self.quorum
    }

    /// Whether the sorry server has the traffic.
    #[must_use]
    pub const fn sorry_active(&self) -> bool {
        self.sorry
    }

    /// The total weight of the servers that are up.
    #[must_use]
    pub fn live_weight(&self) -> u64 {
        self.weight + if self.backups == Some(true) { self.backup_weight } else { 0 }
    }

    /// When to call [`VirtualServer::handle_timeout`].
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.terms.next_timeout()
    }

    /// Does what is due by time alone.
    pub fn handle_timeout(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while let Some(term) = self.terms.next_due(now) {
            match term {
                Term::Ramp(place) | Term::Drain(place) => self.dest_changed(place as usize, actions),
                Term::Hold(place) => {
                    let server = place as usize;
                    let Some(checks) = self.servers.get_mut(server) else { continue };
                    checks.held = false;
                    if checks.is_up() {
                        self.server_changed(now, server, true, actions);
                    }
                }
                Term::Leave => {
                    for server in self.terms.left(now) {
                        self.dests_changed(server.forward, server.address, actions);
                    }
                }
            }
        }
    }

    /// The status of a real server, by its place in the configuration.
    #[must_use]
    pub fn server_status(&self, server: usize) -> Status {
        if self.servers.get(server).is_none_or(|s| s.is_up()) { Status::Up } else { Status::Down }
    }

    /// The weight that a real server has while it is up, by its place in the configuration.
    #[must_use]
    pub fn server_weight(&self, server: usize) -> u32 {
        let configured = self.config.real_servers.get(server).map_or(0, |rs| rs.weight);
        self.servers.get(server).map_or(configured, |s| s.weight(configured))
    }

    fn sorry_address(&self) -> Option<SocketAddr> {
        self.config.sorry_server.map(|s| s.address)
    }

    /// A real server as logs name it.
    #[must_use]
    pub fn server_name(&self, address: SocketAddr) -> ServerName {
        let endpoints = &self.config.endpoints;
        let by_address = self.config.by_mark || endpoints.iter().any(|e| matches!(e, Endpoint::Address(_)));
        ServerName { address, protocol: by_address.then_some(self.config.protocol) }
    }

    fn weigh(&mut self) {
        (self.weight, self.backup_weight) = (0, 0);
        for (rs, checks) in self.config.real_servers.iter().zip(&self.servers).filter(|(_, s)| s.is_up()) {
            let weight = if rs.backup { &mut self.backup_weight } else { &mut self.weight };
            *weight += u64::from(checks.weight(rs.weight));
        }
    }

    /// What the table shows to have been under way goes on: a weight that was being raised from where it was, a server that
    /// drains for as long as it is given.
    fn resume_terms(&mut self, now: Instant) {
        let servers = self.config.real_servers.iter().zip(&self.servers).zip(0u32..);
        for ((rs, checks), place) in servers {
            let (Some(transition), Some(found)) = (&rs.transition, checks.found) else { continue };
            match checks.is_up() {
                true => {
                    self.terms.resume_ramp(now, place, transition.slow_start, found, checks.weight(rs.weight))
                }
                false if found == 0 && !rs.inhibit_on_failure => {
                    self.terms.begin_drain(now, place, transition.drain_time);
                }
                false => {}
            }
        }
    }

    /// A real server, given by its place in the configuration, came or went.
    fn server_changed(&mut self, now: Instant, server: usize, up: bool, actions: &mut Vec<Action>) {
        let Some((rs, checks)) = self.config.real_servers.get(server).zip(self.servers.get(server)) else {
            return;
        };
        let weight = u64::from(checks.weight(rs.weight));
        let total = if rs.backup { &mut self.backup_weight } else { &mut self.weight };
        *total = if up { *total + weight } else { *total - weight };
        let place = server as u32;
        match &rs.transition {
            // It may have been up all the time.
            Some(_) if up && checks.is_unclear => {}
            Some(transition) if up => self.terms.begin_ramp(now, place, transition.slow_start),
            Some(transition) => {
                self.terms.end_ramp(place);
                self.terms.begin_drain(now, place, transition.drain_time);
            }
            None => {}
        }
        if !(up && checks.is_unclear) {
            self.tell_server(rs, if up { Status::Up } else { Status::Down }, actions);
        }
        if let Some(checks) = self.servers.get_mut(server) {
            checks.is_unclear = false;
        }
        self.dest_changed(server, actions);
        self.evaluate(now, false, actions);
        // While others serve instead, its connections still have their time.
        let is_called = self.config.real_servers.get(server).is_none_or(|rs| is_called(rs, self.backups));
        if up && !self.sorry && is_called {
            self.terms.end_drain(place);
        }
    }

    /// What the kernel should hold of it may be another thing now.
    fn service_changed(&self, actions: &mut Vec<Action>) {
        let keys = self.config.endpoints.iter().map(|e| e.key(self.config.protocol));
        actions.extend(keys.map(Action::ServiceChanged));
    }

    /// As [`VirtualServer::service_changed`], of this real server alone, given by its place in the configuration.
    fn dest_changed(&self, server: usize, actions: &mut Vec<Action>) {
        let Some(rs) = self.config.real_servers.get(server) else { return };
        self.dests_changed(rs.forward, rs.address, actions);
    }

    fn dests_changed(&self, forward: Forward, address: SocketAddr, actions: &mut Vec<Action>) {
        let endpoints = self.config.endpoints.iter();
        actions.extend(
            endpoints.map(|e| Action::DestChanged(e.key(self.config.protocol), e.dest_key(forward, address))),
        );
    }
}

#[cfg(test)]
mod tests;
