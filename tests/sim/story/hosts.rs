//! Other hosts that have an address of a virtual router: they say so, and answer who asks. What a master announces reaches
//! the other nodes, too, and itself once in a while.

use super::{Event, Story, Trouble};
use crate::random::Random;
use std::net::IpAddr;
use std::time::Duration;
use vipd::net::MacAddr;
use vipd::time::Instant;

/// A host goes on to say whose its address is.
const AGAIN: Duration = Duration::from_secs(7);

/// A host with an address that it should not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Host {
    link: usize,
    router: usize,
    address: IpAddr,
    mac: MacAddr,
    is_there: bool,
}

/// What a node said of an address, or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) at: Instant,
    pub(crate) link: usize,
    pub(crate) address: IpAddr,
    /// Whose it says that it is; none if it asks.
    pub(crate) mac: Option<MacAddr>,
}

impl Story {
    /// Some hosts come and go, others stay.
    pub(super) fn plan_hosts(&mut self, length: u64) {
        let mut random = Random::new(self.seed ^ 0xa_1105);
        for n in 0..self.options.hosts {
            let router = random.within(0, self.options.routers.len() as u64 - 1) as usize;
            let link = self.options.routers[router].link;
            let address = self.nodes[0].instance(router).addresses[0].net.address;
            let mac = MacAddr([6, 0, 0, 0, 0, n as u8]);
            self.hosts.push(Host { link, router, address, mac, is_there: false });
            let begin = random.within(0, length);
            self.push(self.now + Duration::from_nanos(begin), Event::Trouble(Trouble::Host(n, true)));
            if random.percent(60) {
                // Until then all is told again in the end.
                let latest = length + 15_000_000_000;
                let end = Duration::from_nanos(random.within(begin, latest));
                self.push(self.now + end, Event::Trouble(Trouble::Host(n, false)));
            }
        }
    }

    /// It comes, is still there, or goes.
    pub(super) fn host(&mut self, n: usize, is_there: bool) {
        let Some(host) = self.hosts.get_mut(n) else { return };
        // It was told to go while it was about to speak once more.
        if is_there && !host.is_there && self.gone.contains(&n) {
            return;
        }
        host.is_there = is_there;
        let Host { link, address, mac, .. } = *host;
        if !is_there {
            self.gone.insert(n);
            return;
        }
        self.push(self.now + AGAIN, Event::Trouble(Trouble::Host(n, true)));
        for to in 0..self.nodes.len() {
            self.claim(to, self.now, link, address, mac);
        }
    }

    /// What a node has said to the neighbourhood is heard.
    pub(super) fn neighbourhood(&mut self, from: usize) {
        for Said { at, link, address, mac } in std::mem::take(&mut self.nodes[from].world.said) {
            let Some(mac) = mac else {
                let has = |host: &&Host| host.is_there && (host.link, host.address) == (link, address);
                let answers: Vec<MacAddr> = self.hosts.iter().filter(has).map(|host| host.mac).collect();
                answers.into_iter().for_each(|mac| self.claim(from, at, link, address, mac));
                continue;
            };
            for to in 0..self.nodes.len() {
                // A loop in the network.
                if to != from && !self.net.is_cut(from, to) || to == from && self.entries.is_multiple_of(16) {
                    self.claim(to, at, link, address, mac);
                }
            }
        }
    }

    fn claim(&mut self, to: usize, at: Instant, link: usize, address: IpAddr, mac: MacAddr) {
        self.push(at + self.options.max_delay / 2, Event::Claim(to, link, address, mac));
    }

    /// The master has told of each host that has an address of his, and of nobody else any more.
    pub(super) fn check_hosts(&self) -> Result<(), String> {
        if self.hosts.is_empty() {
            return Ok(());
        }
        for (at, node) in self.nodes.iter().enumerate() {
            for router in 0..self.options.routers.len() {
                let is_master = node.state(router) == vipd::vrrp::event::StateKind::Master;
                let told = |mac: MacAddr| node.world.watch.claims.contains(&(router, mac));
                for host in self.hosts.iter().filter(|host| host.router == router && is_master) {
                    if host.is_there != told(host.mac) {
                        let Host { mac, address, is_there, .. } = host;
                        return Err(self.wrong(&format!(
                            "node {at} is the master, {mac} has {address}: {is_there}, that was told: {}",
                            told(*mac)
                        )));
                    }
                }
                let counted = node.foreign_claims(router);
                if counted == Some(0) && node.world.watch.claims.iter().any(|(of, _)| *of == router) {
                    return Err(self.wrong(&format!("node {at} has told of a host, and counted none")));
                }
                let is_host = |mac: &MacAddr| self.hosts.iter().any(|host| host.mac == *mac);
                let others = node.world.watch.claims.iter().find(|(_, mac)| !is_host(mac));
                if let Some((router, mac)) = others {
                    return Err(self.wrong(&format!(
                        "node {at} still takes {mac} for a host with addresses of {router}"
                    )));
                }
            }
        }
        Ok(())
    }
}
