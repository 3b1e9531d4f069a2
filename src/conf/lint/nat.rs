//! Advice on NAT where clients and real servers share a network: the answers go past the director.

use super::places::{Places, span};
use crate::check::config::{Endpoint, VirtualServer};
use crate::conf::config::Config;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;
use crate::ipvs::model::Forward;
use crate::net::{Family, IpNet};
use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks that the file knows of: those of the addresses that it sets.
#[derive(Default)]
pub(super) struct Advisor {
    networks: HashSet<IpNet>,
    /// The prefix lengths among them, so that looking one up does not grow with their number.
    lengths: BTreeSet<u8>,
    /// This machine's own addresses. It sees the answers of a server that is itself.
    own: HashSet<IpAddr>,
}

impl Advisor {
    pub(super) fn new(config: &Config) -> Advisor {
        let mut advisor = Advisor::default();
        let instances = config.vrrp.instances.iter();
        let virtual_ones = instances.flat_map(|i| i.addresses.iter().chain(i.excluded.iter())).map(|a| a.net);
        for net in virtual_ones.chain(config.vrrp.statics.addresses.iter().map(|a| a.item.net)) {
            advisor.own.insert(net.address);
            // An address alone says nothing of the network around it, and every address is in a /0.
            if (1..Family::of(net.address).bits()).contains(&net.prefix_len) {
                advisor.networks.insert(network(net.address, net.prefix_len));
                advisor.lengths.insert(net.prefix_len);
            }
        }
        advisor
    }

    /// One hint a service, on the first of its addresses and servers that share a network.
    pub(super) fn advise(
        &self,
        places: &Places<'_, '_>,
        server: &VirtualServer,
        block: &Statement,
        sink: &mut Sink,
    ) {
        if self.networks.is_empty() {
            return;
        }
        let endpoints = server.endpoints.iter().filter_map(|endpoint| match endpoint {
            Endpoint::Address(address) => Some(address.ip()),
            Endpoint::Fwmark { .. } => None,
        });
        let addresses = endpoints.chain(server.marked.iter().map(|address| address.ip()));
        let mut clients: Vec<(IpNet, IpAddr)> =
            addresses.filter_map(|address| Some((self.around(address)?, address))).collect();
        // The first address of each network.
        clients.sort_by_key(|(net, _)| *net);
        clients.dedup_by_key(|(net, _)| *net);
        let shared = |address: IpAddr| {
            let net = self.around(address).filter(|_| !self.own.contains(&address))?;
            let index = clients.binary_search_by_key(&net, |(net, _)| *net).ok()?;
            clients.get(index).copied()
        };
        let by_nat = server.real_servers.iter().filter(|r| r.forward == Forward::Masq);
        let mut found = by_nat.filter_map(|real| Some((real, shared(real.address.ip())?)));
        let Some((real, (net, address))) = found.next() else { return };
        let others = match found.count() {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        let message = format!(
            "NAT: the virtual address {address} and the real server {}{others} are in one network, {net}: clients \
             in it get answers directly from the real server, past the director, and refuse them",
            real.address
        );
        let method = "lvs_method";
        // Where the real server says its own, it is there.
        let place = match places.real_server(block, real).map(|real| (real.span, span(real, method))) {
            Some((whole, own)) if own != whole => own,
            _ => span(block, method),
        };
        let help = "use `lvs_method DR`, or put the real servers into another network, behind the director";
        sink.push(Diagnostic::new(&codes::LINT_NAT_SUBNET, place, message).help(help));
    }

    /// The network that an address is in: the longest prefix, as a router decides.
    fn around(&self, address: IpAddr) -> Option<IpNet> {
        let bits = Family::of(address).bits();
        let fitting = self.lengths.iter().rev().filter(|length| **length < bits);
        fitting.map(|length| network(address, *length)).find(|net| self.networks.contains(net))
    }
}

/// The network of an address: its host bits are 0.
fn network(address: IpAddr, prefix_len: u8) -> IpNet {
    let host = u32::from(Family::of(address).bits().saturating_sub(prefix_len));
    let address = match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(host).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(host).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    };
    IpNet { address, prefix_len }
}

#[cfg(test)]
mod tests {
    use super::super::tests::linted;
    use crate::conf::Lints;

    /// What is said of a service at 10.0.0.1 with a real server, behind virtual addresses; and where.
    fn said(addresses: &str, service: &str, lines: &str) -> Vec<(String, String)> {
        let text = format!(
            "vrrp_instance A {{\n interface eth0\n virtual_router_id 7\n priority 101\n virtual_ipaddress {{\n \
             {addresses}\n }}\n}}\nvirtual_server_group G {{\n 10.0.0.1 80\n}}\nvirtual_server {service} {{\n delay_loop 6\n \
             lvs_sched rr\n {lines}\n}}\n"
        );
        let loaded = linted(&text, Lints::default());
        let found = loaded.diagnostics.iter().filter(|d| d.code.id == "V0861");
        found.map(|d| (d.message.clone(), loaded.sources.text(d.primary.span).to_owned())).collect()
    }

    fn real(address: &str, lines: &str) -> String {
        format!("real_server {address} 80 {{\n {lines}\n TCP_CHECK {{\n }}\n }}\n")
    }

    #[test]
    fn clients_and_servers_of_one_network_are_told_of() {
        let servers = "lvs_method NAT\n".to_owned()
            + &real("10.0.1.2", "")
            + &real("10.0.0.2", "")
            + &real("10.0.0.3", "");
        for service in ["10.0.0.1 80", "group G"] {
            let found = said("10.0.0.1/24", service, &servers);
            assert_eq!(found.len(), 1, "{service}");
            let (message, place) = &found[0];
            assert_eq!(
                message,
                "NAT: the virtual address 10.0.0.1 and the real server 10.0.0.2:80 (and 1 more) are in one network, \
                 10.0.0.0/24: clients in it get answers directly from the real server, past the director, and \
                 refuse them"
            );
            assert_eq!(place, "lvs_method NAT");
        }
        // It is keepalived's default, and may be one server's own.
        let found = said("10.0.0.1/24", "10.0.0.1 80", &real("10.0.0.2", ""));
        assert_eq!(found[0].1, "virtual_server 10.0.0.1 80");
        let one = "lvs_method DR\n".to_owned() + &real("10.0.0.2", "") + &real("10.0.0.3", "lvs_method NAT");
        let found = said("10.0.0.1/24", "10.0.0.1 80", &one);
        assert!(found[0].0.contains("the real server 10.0.0.3:80 are"), "{found:?}");
        assert_eq!(found[0].1, "lvs_method NAT");
        let v6 = "lvs_method NAT\n".to_owned() + &real("2001:db8::2", "");
        assert!(said("2001:db8::1/64", "2001:db8::1 80", &v6)[0].0.contains("2001:db8::/64"));
    }

    #[test]
    fn nothing_is_said_where_the_answers_pass_the_director_or_it_is_not_known() {
        let servers = |address: &str| "lvs_method NAT\n".to_owned() + &real(address, "");
        let none: [(String, String); 0] = [];
        for (addresses, service, address, why) in [
            ("10.0.0.1/24", "10.0.0.1 80", "10.0.1.2", "another network"),
            ("10.0.0.1", "10.0.0.1 80", "10.0.0.2", "its network is not known"),
            ("10.0.0.1/0", "10.0.0.1 80", "10.9.0.2", "the whole world is no network"),
            ("10.0.0.1/8\n10.0.1.1/24", "10.0.0.1 80", "10.0.1.2", "a network within the other"),
            ("10.0.0.1/24\n10.0.0.9/24", "10.0.0.1 80", "10.0.0.9", "the director itself"),
            ("10.0.0.1/24", "fwmark 3", "10.0.0.2", "nobody knows the clients of a mark"),
            ("10.0.0.1/24", "192.0.2.7 80", "10.0.0.2", "a service elsewhere"),
        ] {
            assert_eq!(said(addresses, service, &servers(address)), none, "{why}");
        }
        let direct = servers("10.0.0.2").replace("NAT", "DR");
        assert_eq!(said("10.0.0.1/24", "10.0.0.1 80", &direct), none, "DR");
        // With a bare address, a second one of the network tells of it.
        assert_eq!(said("10.0.0.1\n10.0.0.8/24", "10.0.0.1 80", &servers("10.0.0.2")).len(), 1);
    }
}
