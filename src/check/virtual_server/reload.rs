//! From a virtual server to the one that follows it after a reload: the same name, another configuration.

use super::rows::identities;
use super::terms::Terms;
use super::{AtStart, Server, VirtualServer, backups};
use crate::check::checker::Status;
use crate::check::config;
use crate::check::event::Action;
use crate::time::Instant;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

impl VirtualServer {
    /// The virtual server that follows this one after a reload: the same name, another configuration.
    #[must_use]
    pub fn reload(
        mut self,
        now: Instant,
        config: config::VirtualServer,
        servers: Vec<Server>,
        at_start: AtStart,
        actions: &mut Vec<Action>,
    ) -> VirtualServer {
        let are_alike = |(a, b): (&Server, &Server)| (a.failed, a.more) == (b.failed, b.more);
        if self.config == config && self.servers.iter().zip(&servers).all(are_alike) {
            self.evaluate(now, true, actions);
            return self;
        }
        self.follow(now, config, servers, at_start, actions)
    }

    /// Looks at each server, whether anything has changed or not.
    pub(super) fn follow(
        self,
        now: Instant,
        config: config::VirtualServer,
        servers: Vec<Server>,
        at_start: AtStart,
        actions: &mut Vec<Action>,
    ) -> VirtualServer {
        let identities = identities(&config);
        let mut next = VirtualServer {
            backups: backups(&config, self.backups == Some(true)),
            config,
            servers,
            identities,
            weight: 0,
            backup_weight: 0,
            terms: Terms::default(),
            quorum: self.quorum,
            sorry: self.sorry,
        };
        next.take_over_terms(&self);
        next.weigh();
        next.tell_server_changes(now, &self, actions);
        let before: HashSet<SocketAddr> = self.config.real_servers.iter().map(|rs| rs.address).collect();
        next.tell_beginning(at_start, |rs| !before.contains(&rs.address), actions);
        if self.sorry && next.config.sorry_server.map(|s| s.address) != self.sorry_address() {
            // The old sorry server goes; `evaluate` brings in the new one if it is still needed.
            next.sorry = false;
            actions.extend(self.sorry_report(Status::Down));
        }
        next.evaluate(now, true, actions);
        next.service_changed(actions);
        next
    }

    /// Takes over what was pending for those of the servers that are still there.
    fn take_over_terms(&mut self, old: &VirtualServer) {
        if old.terms.is_empty() {
            return;
        }
        let servers = self.config.real_servers.iter().zip(0u32..);
        let places: HashMap<SocketAddr, u32> = servers.map(|(rs, place)| (rs.address, place)).collect();
        let place = |old_place| {
            let rs = old.config.real_servers.get(old_place as usize)?;
            places.get(&rs.address).copied()
        };
        self.terms = old.terms.reload(place, |address| places.contains_key(&address));
        for (checks, place) in self.servers.iter_mut().zip(0u32..) {
            checks.held = self.terms.is_held(place);
        }
    }
}
