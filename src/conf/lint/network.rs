//! Advice on where virtual addresses and adverts live, as far as the file shows it.

use super::places::{Places, all, body, span};
use crate::conf::config::Config;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;
use crate::net::{Family, IpNet};
use crate::vrrp::config::Instance;
use std::collections::HashMap;
use std::net::IpAddr;

/// What there is to say of them.
pub(super) struct Advisor<'c> {
    /// The addresses that the file sets, by their interface.
    networks: HashMap<&'c str, Vec<IpNet>>,
}

impl<'c> Advisor<'c> {
    pub(super) fn new(config: &'c Config) -> Advisor<'c> {
        let mut networks: HashMap<&str, Vec<IpNet>> = HashMap::new();
        for address in &config.vrrp.statics.addresses {
            networks.entry(&address.item.interface).or_default().push(address.item.net);
        }
        Advisor { networks }
    }

    pub(super) fn advise(
        &self,
        places: &Places<'_, '_>,
        instance: &Instance,
        block: &Statement,
        sink: &mut Sink,
    ) {
        foreign_subnet(places, instance, block, &self.networks, sink);
        if instance.unicast.is_some() && instance.source.is_none() {
            let message = format!("({}) unicast_peer without unicast_src_ip", instance.name);
            let help = "write the address that the other routers list as their peer";
            let place = span(block, "unicast_peer");
            sink.push(Diagnostic::new(&codes::LINT_NO_SOURCE, place, message).help(help));
        }
    }
}

/// The networks of an interface are known where the file itself sets its addresses.
fn foreign_subnet(
    places: &Places<'_, '_>,
    instance: &Instance,
    block: &Statement,
    networks: &HashMap<&str, Vec<IpNet>>,
    sink: &mut Sink,
) {
    for virtual_address in instance.addresses.iter().chain(instance.excluded.iter()) {
        let (net, interface) = (virtual_address.net, virtual_address.interface.as_str());
        let family = Family::of(net.address);
        let mut known = networks.get(interface).into_iter().flatten();
        let mut known =
            known.by_ref().filter(|n| Family::of(n.address) == family && n.prefix_len < family.bits());
        let Some(first) = known.next() else { continue };
        if is_link_local(net.address) || within(first, net.address) || known.any(|n| within(n, net.address)) {
            continue;
        }
        let lists = ["virtual_ipaddress", "virtual_ipaddress_excluded"];
        let entries = lists.into_iter().flat_map(|list| all(block, list)).flat_map(body);
        let words = entries.filter_map(|entry| places.words(entry).first());
        let of_it = |text: &str| text.split('/').next().and_then(|a| a.parse().ok()) == Some(net.address);
        let place = words.into_iter().find(|w| of_it(&w.text)).map_or(block.span, |w| w.span);
        let message = format!("({}) {net} is in no network of {interface}, which has {first}", instance.name);
        let help = "check the address; one outside needs a route to it on every router around";
        sink.push(Diagnostic::new(&codes::LINT_SUBNET, place, message).help(help));
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

fn within(net: &IpNet, address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let host = u32::from(Family::of(address).bits() - net.prefix_len);
    let differ = bits(net.address) ^ bits(address);
    differ.checked_shr(host).unwrap_or(0) == 0
}
