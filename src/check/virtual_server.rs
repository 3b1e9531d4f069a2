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
//! When checks run is decided in [`super::checker`]; how the kernel gets from one table to the next in `ipvs::plan`.

mod rows;

use super::checker::Status;
use super::config::{self, Endpoint};
use super::event::{Action, Alert, Notice, Report, ServerName, Subject};
use rows::{Identity, identities};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

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
}

impl Server {
    const fn is_up(self) -> bool {
        self.failed == 0
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
    /// The weight of the servers that are up.
    weight: u64,
    quorum: Status,
    /// Whether the sorry server has the traffic.
    sorry: bool,
}

impl VirtualServer {
    /// A virtual server that begins, with what the checks say of each of its real servers.
    #[must_use]
    pub fn new(
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
        let mut vs = VirtualServer { config, servers, identities, weight: 0, quorum, sorry };
        vs.weigh();
        vs.tell_beginning(at_start, |_| true, actions);
        vs.evaluate(true, actions);
        vs
    }

    /// The virtual server that follows this one after a reload: the same name, another configuration.
    #[must_use]
    pub fn reload(
        self,
        config: config::VirtualServer,
        servers: Vec<Server>,
        at_start: AtStart,
        actions: &mut Vec<Action>,
    ) -> VirtualServer {
        let identities = identities(&config);
        let (quorum, sorry) = (self.quorum, self.sorry);
        let mut next = VirtualServer { config, servers, identities, weight: 0, quorum, sorry };
        next.weigh();
        next.tell_server_changes(&self, actions);
        let before: HashSet<SocketAddr> = self.config.real_servers.iter().map(|rs| rs.address).collect();
        next.tell_beginning(at_start, |rs| !before.contains(&rs.address), actions);
        if self.sorry && next.config.sorry_server.map(|s| s.address) != self.sorry_address() {
            // The old sorry server goes; `evaluate` brings in the new one if it is still needed.
            next.sorry = false;
            actions.extend(self.sorry_report(Status::Down));
        }
        next.evaluate(true, actions);
        next.service_changed(actions);
        next
    }

    /// One of the checks of a real server, given by its place in the configuration, changed its status; `mail` is what a
    /// mail says of that.
    pub fn check_changed(
        &mut self,
        server: usize,
        status: Status,
        mail: Option<&str>,
        actions: &mut Vec<Action>,
    ) {
        let Some((rs, checks)) = self.config.real_servers.get(server).zip(self.servers.get_mut(server))
        else {
            return;
        };
        let was_up = checks.is_up();
        checks.failed = match status {
            Status::Down => checks.failed.saturating_add(1),
            Status::Up => checks.failed.saturating_sub(1),
        };
        let up = checks.is_up();
        if up != was_up {
            let weight = u64::from(checks.weight(rs.weight));
            if up {
                self.weight += weight;
            } else {
                self.weight -= weight;
            }
            self.tell_server(rs, if up { Status::Up } else { Status::Down }, actions);
            self.dest_changed(server, actions);
            self.evaluate(false, actions);
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
    pub fn found_down(&self, server: usize, actions: &mut Vec<Action>) {
        actions.extend(self.config.real_servers.get(server).map(|rs| self.server_notice(rs, false, None)));
    }

    /// One of the checks of a real server, given by its place in the configuration, adds so much more to its weight
    /// than before.
    pub fn weighed(&mut self, server: usize, more: i64, actions: &mut Vec<Action>) {
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
            self.weight = self.weight - u64::from(from) + u64::from(to);
        }
        let (address, vs) = (rs.address, self.config.name.clone());
        let server_name = self.server_name(address);
        actions.push(Action::Report(Report::WeightChanged { server: server_name, vs, from, to, up }));
        if up {
            self.dest_changed(server, actions);
            self.evaluate(false, actions);
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
    pub const fn live_weight(&self) -> u64 {
        self.weight
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

    /// A real server as logs name it.
    #[must_use]
    pub fn server_name(&self, address: SocketAddr) -> ServerName {
        let by_address = self.config.endpoints.iter().any(|e| matches!(e, Endpoint::Address(_)));
        ServerName { address, protocol: by_address.then_some(self.config.protocol) }
    }

    fn weigh(&mut self) {
        let servers = self.config.real_servers.iter().zip(&self.servers);
        self.weight = servers.filter(|(_, s)| s.is_up()).map(|(rs, s)| u64::from(s.weight(rs.weight))).sum();
    }

    /// Compares live weight and quorum, and hands the traffic to or from the sorry server.
    fn evaluate(&mut self, starting: bool, actions: &mut Vec<Action>) {
        let c = &self.config;
        let (quorum, hysteresis, weight) = (c.quorum, c.hysteresis, self.weight);
        let enough = weight > 0 && weight >= u64::from(quorum) + u64::from(hysteresis);
        let too_little = weight == 0 || weight < u64::from(quorum.saturating_sub(hysteresis));
        let lacks_sorry = starting && c.sorry_server.is_some() && !self.sorry;
        let vs = c.name.clone();
        match self.quorum {
            Status::Down if enough => {
                self.quorum = Status::Up;
                actions.push(Action::Report(Report::QuorumGained { vs, quorum, hysteresis, weight }));
                actions.push(self.quorum_notice(true, Some(&self.quorum_words(starting))));
                if self.sorry {
                    self.sorry = false;
                    actions.extend(self.sorry_report(Status::Down));
                    self.service_changed(actions);
                }
            }
            Status::Up if too_little => self.lose(starting, actions),
            Status::Down if lacks_sorry => self.lose(starting, actions),
            _ => {}
        }
    }

    fn lose(&mut self, starting: bool, actions: &mut Vec<Action>) {
        self.quorum = Status::Down;
        let c = &self.config;
        actions.push(Action::Report(Report::QuorumLost {
            vs: c.name.clone(),
            quorum: c.quorum,
            hysteresis: c.hysteresis,
            weight: self.weight,
            starting,
        }));
        actions.push(self.quorum_notice(false, Some(&self.quorum_words(starting))));
        if c.sorry_server.is_some() && !self.sorry {
            self.sorry = true;
            actions.extend(self.sorry_report(Status::Up));
            self.service_changed(actions);
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
        let endpoints = self.config.endpoints.iter();
        actions.extend(
            endpoints.map(|e| {
                Action::DestChanged(e.key(self.config.protocol), e.dest_key(rs.forward, rs.address))
            }),
        );
    }

    /// Tells that the quorum is there, or not; by mail in these words.
    fn quorum_notice(&self, up: bool, words: Option<&str>) -> Action {
        let c = &self.config;
        let program = if up { &c.quorum_up } else { &c.quorum_down }.clone();
        let mail = words.filter(|_| c.smtp_alert).map(|words| Box::new(Alert::of_quorum(&c.name, up, words)));
        Action::Notify(Notice { vs: c.name.clone(), subject: Subject::VirtualServer, up, program, mail })
    }

    /// Tells that a real server takes traffic, or does not; by mail in these words.
    fn server_notice(&self, rs: &config::RealServer, up: bool, words: Option<&str>) -> Action {
        let (server, vs) = (self.server_name(rs.address), &self.config.name);
        let program = if up { &rs.notify_up } else { &rs.notify_down }.clone();
        let words = words.filter(|_| rs.smtp_alert);
        let mail = words.map(|words| Box::new(Alert::of_server(server, vs, up, words)));
        Action::Notify(Notice { vs: vs.clone(), subject: Subject::RealServer(server), up, program, mail })
    }

    /// What a mail says of the quorum; keepalived writes a plus, whatever was compared.
    fn quorum_words(&self, starting: bool) -> String {
        let c = &self.config;
        let (state, what, threshold) = match self.quorum {
            Status::Up => ("up", "Gained quorum", u64::from(c.quorum) + u64::from(c.hysteresis)),
            Status::Down => ("down", "Lost quorum", u64::from(c.quorum.saturating_sub(c.hysteresis))),
        };
        let what = if starting { format!("Starting with quorum {state}") } else { what.to_owned() };
        format!("{what} {}+{}={threshold} <= {}", c.quorum, c.hysteresis, self.weight)
    }

    fn sorry_address(&self) -> Option<SocketAddr> {
        self.config.sorry_server.map(|s| s.address)
    }

    fn sorry_report(&self, status: Status) -> Option<Action> {
        let s = self.config.sorry_server?;
        let (server, vs, inhibit) = (self.server_name(s.address), self.config.name.clone(), s.inhibit);
        Some(Action::Report(match status {
            Status::Up => Report::SorryUp { server, vs, inhibit },
            Status::Down => Report::SorryDown { server, vs, inhibit },
        }))
    }

    fn tell_server(&self, rs: &config::RealServer, status: Status, actions: &mut Vec<Action>) {
        actions.push(Action::Report(self.server_report(rs, status)));
        // The mail about it is the check's.
        actions.push(self.server_notice(rs, status == Status::Up, None));
    }

    fn server_report(&self, rs: &config::RealServer, status: Status) -> Report {
        let (server, vs, inhibit) =
            (self.server_name(rs.address), self.config.name.clone(), rs.inhibit_on_failure);
        match status {
            Status::Up => Report::ServerUp { server, vs, inhibit },
            Status::Down => Report::ServerDown { server, vs, inhibit },
        }
    }

    /// Others hear of these servers, as far as they take traffic from the start.
    fn tell_beginning(
        &self,
        at_start: AtStart,
        is_new: impl Fn(&config::RealServer) -> bool,
        actions: &mut Vec<Action>,
    ) {
        if at_start == AtStart::Told {
            let servers = self.config.real_servers.iter().zip(&self.servers);
            let begin = servers.filter(|(rs, checks)| checks.is_up() && is_new(rs));
            actions.extend(begin.map(|(rs, _)| self.server_notice(rs, true, None)));
        }
    }

    /// Tells what a reload changed of the real servers.
    fn tell_server_changes(&self, old: &VirtualServer, actions: &mut Vec<Action>) {
        let servers = self.config.real_servers.iter().enumerate();
        let places: HashMap<SocketAddr, usize> = servers.map(|(i, rs)| (rs.address, i)).collect();
        for (i, was) in old.config.real_servers.iter().enumerate() {
            let now = places.get(&was.address).and_then(|&j| Some((j, self.config.real_servers.get(j)?)));
            let Some((j, rs)) = now else {
                let (server, vs) = (self.server_name(was.address), self.config.name.clone());
                actions.push(Action::Report(Report::ServerGone { server, vs }));
                if old.server_status(i) == Status::Up {
                    actions.push(self.server_notice(was, false, Some("Removing")));
                }
                continue;
            };
            let status = self.server_status(j);
            if status != old.server_status(i) {
                self.tell_server(rs, status, actions);
            }
            let (from, to) = (old.server_weight(i), self.server_weight(j));
            if from != to {
                actions.push(Action::Report(Report::WeightChanged {
                    server: self.server_name(rs.address),
                    vs: self.config.name.clone(),
                    from,
                    to,
                    up: status == Status::Up,
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
