//! ipvsadm's order of services and servers.
//!
//! It compares addresses by the sign of their 32-bit difference, which is no order: 10.0.0.1 < 100.0.0.1 <
//! 200.0.0.1 < 10.0.0.1. What comes out depends on how one sorts, so this is the merge sort of the C library, whose
//! steps are fixed, and its result on the kernel's order is the same.

use crate::ipvs::model::{DestEntry, DestKey, Reading, ServiceEntry, ServiceKey};
use crate::net::Family;
use std::net::IpAddr;

/// Sorts by firewall mark, family, protocol, address, port.
pub fn sort_services(services: &mut Vec<ServiceEntry>) {
    merge_sort(services, &|a, b| service_difference(&a.service.key, &b.service.key));
}

/// Sorts by address and port.
pub fn sort_dests(dests: &mut Vec<DestEntry>) {
    if in_one_half(dests) {
        // There it is an order, so any way of sorting gives the same.
        return dests.sort_unstable_by_key(|d| d.dest.key);
    }
    merge_sort(dests, &|a, b| dest_difference(&a.dest.key, &b.dest.key));
}

/// Sorts services, and the servers of each.
pub fn sort_reading(reading: &mut Reading) {
    merge_sort(&mut reading.services, &|a, b| service_difference(&a.0.service.key, &b.0.service.key));
    for (_, dests) in &mut reading.services {
        sort_dests(dests);
    }
}

/// Whether all addresses are IPv4 and less than 2³¹ apart.
fn in_one_half(dests: &[DestEntry]) -> bool {
    let (mut min, mut max) = (u32::MAX, 0);
    for d in dests {
        let IpAddr::V4(address) = d.dest.key.address else { return false };
        (min, max) = (min.min(address.to_bits()), max.max(address.to_bits()));
    }
    max.saturating_sub(min) < 1 << 31
}

fn service_difference(a: &ServiceKey, b: &ServiceKey) -> i32 {
    let (x, y) = (Parts::of(a), Parts::of(b));
    let mut difference = x.mark.wrapping_sub(y.mark).cast_signed();
    if difference == 0 {
        difference = x.family - y.family;
    }
    if difference == 0 {
        difference = x.protocol - y.protocol;
    }
    if difference == 0 {
        let words = if x.family == FAMILY_V6 { 4 } else { 1 };
        difference = words_difference(&x.words[..words], &y.words[..words]);
    }
    if difference == 0 {
        difference = i32::from(x.port) - i32::from(y.port);
    }
    difference
}

fn dest_difference(a: &DestKey, b: &DestKey) -> i32 {
    let words = if a.address.is_ipv6() { 4 } else { 1 };
    match words_difference(&words_of(a.address)[..words], &words_of(b.address)[..words]) {
        0 => i32::from(a.port) - i32::from(b.port),
        difference => difference,
    }
}

/// `AF_INET` and `AF_INET6` on Linux.
const FAMILY_V4: i32 = 2;
const FAMILY_V6: i32 = 10;

struct Parts {
    mark: u32,
    family: i32,
    protocol: i32,
    words: [u32; 4],
    port: u16,
}

impl Parts {
    fn of(key: &ServiceKey) -> Parts {
        let family = match key.family() {
            Family::V4 => FAMILY_V4,
            Family::V6 => FAMILY_V6,
        };
        match *key {
            ServiceKey::Address { protocol, address, port } => Parts {
                mark: 0,
                family,
                protocol: i32::from(protocol.number()),
                words: words_of(address),
                port,
            },
            ServiceKey::Fwmark { mark, .. } => Parts { mark, family, protocol: 0, words: [0; 4], port: 0 },
        }
    }
}

fn words_of(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(a) => [a.to_bits(), 0, 0, 0],
        IpAddr::V6(a) => {
            let bits = a.to_bits();
            [96, 64, 32, 0].map(|shift| (bits >> shift) as u32)
        }
    }
}

fn words_difference(a: &[u32], b: &[u32]) -> i32 {
    a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b).cast_signed()).find(|d| *d != 0).unwrap_or(0)
}

/// Top-down merge sort, the smaller half first; equal elements keep their order.
fn merge_sort<T: Clone>(items: &mut Vec<T>, difference: &impl Fn(&T, &T) -> i32) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    let mut space = Vec::with_capacity(items.len());
    merge_sort_order(&mut order, &mut space, &|a, b| match (items.get(a), items.get(b)) {
        (Some(a), Some(b)) => difference(a, b),
        _ => 0,
    });
    *items = order.iter().filter_map(|&n| items.get(n).cloned()).collect();
}

fn merge_sort_order(order: &mut [usize], space: &mut Vec<usize>, difference: &impl Fn(usize, usize) -> i32) {
    if order.len() <= 1 {
        return;
    }
    let (left, right) = order.split_at_mut(order.len() / 2);
    merge_sort_order(left, space, difference);
    merge_sort_order(right, space, difference);
    space.clear();
    let (mut l, mut r) = (left.iter().copied().peekable(), right.iter().copied().peekable());
    while let (Some(&a), Some(&b)) = (l.peek(), r.peek()) {
        space.extend(if difference(a, b) <= 0 { l.next() } else { r.next() });
    }
    space.extend(l);
    // What is left of the right half is in its place already.
    order[..space.len()].copy_from_slice(space);
}
