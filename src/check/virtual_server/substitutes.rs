//! Who serves instead of the real servers: backup servers while the others have too little weight, and the sorry server while
//! all together have.

use super::VirtualServer;
use crate::check::checker::Status;
use crate::check::config;
use crate::check::event::{Action, Report};
use crate::time::Instant;

/// Whether there are backup servers, and then whether they serve.
pub(super) fn backups(config: &config::VirtualServer, serve: bool) -> Option<bool> {
    config.real_servers.iter().any(|rs| rs.backup).then_some(serve)
}

/// Whether a real server serves if it is up, and no sorry server does.
pub(super) fn is_called(rs: &config::RealServer, backups: Option<bool>) -> bool {
    !rs.backup || backups == Some(true)
}

impl VirtualServer {
    /// The two thresholds of the quorum: whether this weight is enough to gain it, and too little to keep it.
    fn compare(&self, weight: u64) -> (bool, bool) {
        let (quorum, hysteresis) = (self.config.quorum, self.config.hysteresis);
        let enough = weight > 0 && weight >= u64::from(quorum) + u64::from(hysteresis);
        (enough, weight == 0 || weight < u64::from(quorum.saturating_sub(hysteresis)))
    }

    /// Hands traffic to the backup servers, or takes it from them.
    fn evaluate_backups(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let Some(serve) = self.backups else { return };
        let (enough, too_little) = self.compare(self.weight);
        let should = if serve { !enough } else { too_little };
        if should != serve {
            self.backups = Some(should);
            for ((rs, checks), place) in self.config.real_servers.iter().zip(&self.servers).zip(0u32..) {
                if let Some(transition) = rs.transition.as_ref().filter(|_| rs.backup && checks.is_up()) {
                    match should {
                        true => self.terms.end_drain(place),
                        false => self.terms.begin_drain(now, place, transition.drain_time),
                    }
                }
            }
            let (vs, weight) = (self.config.name.clone(), self.weight);
            actions.push(Action::Report(Report::Backups { vs, serve: should, weight }));
            self.service_changed(actions);
        }
    }

    /// Compares live weight and quorum, and hands the traffic to or from the sorry server.
    pub(super) fn evaluate(&mut self, now: Instant, starting: bool, actions: &mut Vec<Action>) {
        self.evaluate_backups(now, actions);
        let c = &self.config;
        let (quorum, hysteresis, weight) = (c.quorum, c.hysteresis, self.live_weight());
        let (enough, too_little) = self.compare(weight);
        let lacks_sorry = starting && c.sorry_server.is_some() && !self.sorry;
        let vs = c.name.clone();
        match self.quorum {
            Status::Down if enough => {
                self.quorum = Status::Up;
                actions.push(Action::Report(Report::QuorumGained { vs, quorum, hysteresis, weight }));
                actions.push(self.quorum_notice(true, Some(&self.quorum_words(starting))));
                if self.sorry {
                    self.sorry = false;
                    self.displace(now, false);
                    actions.extend(self.sorry_report(Status::Down));
                    self.service_changed(actions);
                }
            }
            Status::Up if too_little => self.lose(now, starting, actions),
            Status::Down if lacks_sorry => self.lose(now, starting, actions),
            _ => {}
        }
    }

    /// The sorry server takes the traffic from servers that are up, or gives it back: the connections that they have need time.
    fn displace(&mut self, now: Instant, by_sorry: bool) {
        let servers = self.config.real_servers.iter().zip(&self.servers).zip(0u32..);
        for ((rs, checks), place) in servers {
            let is_meant = checks.is_up() && is_called(rs, self.backups);
            let Some(transition) = rs.transition.as_ref().filter(|_| is_meant) else { continue };
            match by_sorry {
                true => self.terms.begin_drain(now, place, transition.drain_time),
                false => self.terms.end_drain(place),
            }
        }
    }

    fn lose(&mut self, now: Instant, starting: bool, actions: &mut Vec<Action>) {
        self.quorum = Status::Down;
        let c = &self.config;
        actions.push(Action::Report(Report::QuorumLost {
            vs: c.name.clone(),
            quorum: c.quorum,
            hysteresis: c.hysteresis,
            weight: self.live_weight(),
            starting,
        }));
        actions.push(self.quorum_notice(false, Some(&self.quorum_words(starting))));
        if c.sorry_server.is_some() && !self.sorry {
            self.sorry = true;
            // At the start nobody has connections yet.
            if !starting {
                self.displace(now, true);
            }
            actions.extend(self.sorry_report(Status::Up));
            self.service_changed(actions);
        }
    }
}
