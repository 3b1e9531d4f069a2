//! What a virtual server tells of itself and its servers: reports for the log, notices for programs, FIFOs and mails.

use super::{AtStart, VirtualServer};
use crate::check::checker::Status;
use crate::check::config;
use crate::check::event::{Action, Alert, Notice, Report, Subject};
use crate::time::Instant;
use std::collections::HashMap;
use std::net::SocketAddr;

impl VirtualServer {
    /// Tells that the quorum is there, or not; by mail in these words.
    pub(super) fn quorum_notice(&self, up: bool, words: Option<&str>) -> Action {
        let c = &self.config;
        let program = if up { &c.quorum_up } else { &c.quorum_down }.clone();
        let mail = words.filter(|_| c.smtp_alert).map(|words| Box::new(Alert::of_quorum(&c.name, up, words)));
        Action::Notify(Notice { vs: c.name.clone(), subject: Subject::VirtualServer, up, program, mail })
    }

    /// Tells that a real server takes traffic, or does not; by mail in these words.
    pub(super) fn server_notice(&self, rs: &config::RealServer, up: bool, words: Option<&str>) -> Action {
        let (server, vs) = (self.server_name(rs.address), &self.config.name);
        let program = if up { &rs.notify_up } else { &rs.notify_down }.clone();
        let words = words.filter(|_| rs.smtp_alert);
        let mail = words.map(|words| Box::new(Alert::of_server(server, vs, up, words)));
        Action::Notify(Notice { vs: vs.clone(), subject: Subject::RealServer(server), up, program, mail })
    }

    /// What a mail says of the quorum; keepalived writes a plus, whatever was compared.
    pub(super) fn quorum_words(&self, starting: bool) -> String {
        let c = &self.config;
        let (state, what, threshold) = match self.quorum {
            Status::Up => ("up", "Gained quorum", u64::from(c.quorum) + u64::from(c.hysteresis)),
            Status::Down => ("down", "Lost quorum", u64::from(c.quorum.saturating_sub(c.hysteresis))),
        };
        let what = if starting { format!("Starting with quorum {state}") } else { what.to_owned() };
        format!("{what} {}+{}={threshold} <= {}", c.quorum, c.hysteresis, self.live_weight())
    }

    pub(super) fn sorry_report(&self, status: Status) -> Option<Action> {
        let s = self.config.sorry_server?;
        let (server, vs, inhibit) = (self.server_name(s.address), self.config.name.clone(), s.inhibit);
        Some(Action::Report(match status {
            Status::Up => Report::SorryUp { server, vs, inhibit },
            Status::Down => Report::SorryDown { server, vs, inhibit },
        }))
    }

    pub(super) fn tell_server(&self, rs: &config::RealServer, status: Status, actions: &mut Vec<Action>) {
        actions.push(Action::Report(self.server_report(rs, status)));
        // The mail about it is the check's.
        actions.push(self.server_notice(rs, status == Status::Up, None));
    }

    pub(super) fn server_report(&self, rs: &config::RealServer, status: Status) -> Report {
        let (server, vs, inhibit) =
            (self.server_name(rs.address), self.config.name.clone(), rs.inhibit_on_failure);
        match status {
            Status::Up => Report::ServerUp { server, vs, inhibit },
            Status::Down => Report::ServerDown { server, vs, inhibit },
        }
    }

    /// Others hear of these servers, as far as they take traffic from the start and that is asked for, or are known not to:
    /// their checks say nothing more, then.
    pub(super) fn tell_beginning(
        &self,
        at_start: AtStart,
        is_new: impl Fn(&config::RealServer) -> bool,
        actions: &mut Vec<Action>,
    ) {
        let servers = self.config.real_servers.iter().zip(&self.servers);
        for (rs, checks) in servers.filter(|(rs, _)| is_new(rs)) {
            if checks.is_up() && at_start == AtStart::Told {
                actions.push(self.server_notice(rs, true, None));
            } else if checks.is_known_down {
                self.tell_server(rs, Status::Down, actions);
            }
        }
    }

    /// Tells what a reload changed of the real servers.
    pub(super) fn tell_server_changes(
        &mut self,
        now: Instant,
        old: &VirtualServer,
        actions: &mut Vec<Action>,
    ) {
        let servers = self.config.real_servers.iter().enumerate();
        let places: HashMap<SocketAddr, usize> = servers.map(|(i, rs)| (rs.address, i)).collect();
        for (i, was) in old.config.real_servers.iter().enumerate() {
            let here = places.get(&was.address).and_then(|&j| Some((j, self.config.real_servers.get(j)?)));
            let Some((j, rs)) = here else {
                let (server, vs) = (self.server_name(was.address), self.config.name.clone());
                actions.push(Action::Report(Report::ServerGone { server, vs }));
                if old.server_status(i) == Status::Up {
                    actions.push(self.server_notice(was, false, Some("Removing")));
                    let drain_time = was.transition.as_ref().map(|transition| transition.drain_time);
                    if let Some(time) = drain_time.filter(|time| !time.is_zero()) {
                        self.terms.leave(was, now + time);
                    }
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

    /// Tells that a server whose checks pass is held back.
    pub(super) fn held_report(&self, address: SocketAddr, damping: &config::Damping) -> Action {
        let server = self.server_name(address);
        let (vs, &config::Damping { count, within, hold }) = (self.config.name.clone(), damping);
        Action::Report(Report::ServerHeld { server, vs, count, within, hold })
    }
}
