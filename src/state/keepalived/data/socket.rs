//! `VRRP Sockpool`: the sockets that adverts leave by and arrive at.

use super::Text;
use crate::net::Family;
use crate::state::vrrp::{Instance, Socket, Vrrp};
use std::collections::HashMap;

pub(super) fn put(text: &mut Text, vrrp: &Vrrp) {
    // In the order of the instances, and those of each by their number.
    let mut order: Vec<&Socket> = Vec::new();
    let mut users: HashMap<i32, Vec<&Instance>> = HashMap::new();
    for instance in &vrrp.instances {
        let Some(socket) = &instance.socket else { continue };
        let users = users.entry(socket.descriptor).or_default();
        if users.is_empty() {
            order.push(socket);
        }
        users.push(instance);
    }
    text.section("VRRP Sockpool", &order, |text, socket| {
        let Socket { descriptor, interface, is_ah, is_unicast } = socket;
        let mut users = users.remove(descriptor).unwrap_or_default();
        users.sort_by_key(|user| user.config.vrid);
        text.line(format_args!(" fd_in {descriptor} fd_out = {descriptor}"));
        text.line(format_args!("   Interface = {}", interface.as_deref().unwrap_or("(any)")));
        let family = users.first().map_or(Family::V4, |user| user.config.family);
        text.line(format_args!("   Family = {}", if family == Family::V4 { "IPv4" } else { "IPv6" }));
        text.line(format_args!("   Protocol = {}", if *is_ah { "AH" } else { "VRRP" }));
        text.line(format_args!("   Type = {}", if *is_unicast { "Unicast" } else { "Multicast" }));
        if *is_unicast && let Some(source) = users.first().and_then(|user| user.source) {
            text.line(format_args!("   Address = {source}"));
        }
        let bytes = users.iter().filter_map(|user| user.config.link.receive_buffer).max();
        text.line(format_args!("   Rx buf size = {}", bytes.unwrap_or(0)));
        text.line(format_args!("   VRRP instances"));
        users.iter().for_each(|user| text.item(&format!("{} vrid {}", user.config.name, user.config.vrid)));
    });
}
