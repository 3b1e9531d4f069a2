//! `IP_VS_SO_GET_DESTS`: the kernel gives all servers of a service at one time, of IPv4 only; `IP_VS_SO_GET_SERVICE`:
//! and their number. Parts of the interface that generic netlink has replaced. Pure: bytes to ask with, and what they
//! come back as.

use crate::ipvs::model::{DestKey, ServiceKey};
use crate::net::Family;
use std::mem::offset_of;
use std::net::{IpAddr, Ipv4Addr};

/// `IP_VS_BASE_CTL`
const BASE: i32 = 64 + 1024 + 64;
/// `IP_VS_SO_GET_SERVICE`, of level `IPPROTO_IP`
pub const GET_SERVICE: i32 = BASE + 3;
/// `IP_VS_SO_GET_DESTS`, likewise
pub const GET_DESTS: i32 = BASE + 4;

/// `struct ip_vs_get_dests` (`linux/ip_vs.h`): only where its fields are counts.
#[repr(C)]
struct Header {
    protocol: u16,
    address: u32,
    port: u16,
    mark: u32,
    room: u32,
    entries: [Entry; 0],
}

/// `struct ip_vs_service_entry`, which begins as the other does.
#[repr(C)]
struct Service {
    protocol: u16,
    address: u32,
    port: u16,
    mark: u32,
    scheduler: [u8; 16],
    flags: u32,
    timeout: u32,
    netmask: u32,
    count: u32,
    statistics: Statistics,
}

/// `struct ip_vs_dest_entry`, likewise.
#[repr(C)]
struct Entry {
    address: u32,
    port: u16,
    flags: u32,
    weight: i32,
    thresholds: [u32; 2],
    connections: [u32; 3],
    statistics: Statistics,
}

/// `struct ip_vs_stats_user`, likewise.
#[repr(C)]
struct Statistics {
    counted: [u32; 3],
    bytes: [u64; 2],
    rates: [u32; 5],
}

/// Whether this can be asked of a service.
#[must_use]
pub const fn is_possible(service: &ServiceKey) -> bool {
    matches!(service.family(), Family::V4)
}

/// Makes `bytes` the question for the servers of a service, with room for so many. Other room that was there stays.
///
/// What [`is_possible`] denies asks for a service that does not exist.
pub fn question<'b>(bytes: &'b mut Vec<u8>, service: &ServiceKey, room: usize) -> &'b mut [u8] {
    let len = size_of::<Header>() + room * size_of::<Entry>();
    if bytes.len() < len {
        bytes.resize(len, 0);
    }
    let bytes = &mut bytes[..len];
    let (header, entries) = bytes.split_at_mut(offset_of!(Header, entries));
    name(header, service);
    header[offset_of!(Header, room)..][..4]
        .copy_from_slice(&u32::try_from(room).unwrap_or(u32::MAX).to_ne_bytes());
    // The kernel takes no server without an address: where it writes none is the end. No more than that is cleared, as
    // the room may be large.
    for entry in entries.chunks_exact_mut(size_of::<Entry>()) {
        entry[offset_of!(Entry, address)..][..4].fill(0);
    }
    bytes
}

/// The question for a service and the number of its servers.
#[must_use]
pub fn service(service: &ServiceKey) -> [u8; size_of::<Service>()] {
    let mut bytes = [0; size_of::<Service>()];
    name(&mut bytes, service);
    bytes
}

/// The number of servers in what came back.
#[must_use]
pub fn count(answer: &[u8; size_of::<Service>()]) -> usize {
    let field = answer[offset_of!(Service, count)..].first_chunk().copied().unwrap_or_default();
    usize::try_from(u32::from_ne_bytes(field)).unwrap_or(usize::MAX)
}

/// Names the service at the beginning of a structure, the rest of which becomes 0.
fn name(bytes: &mut [u8], service: &ServiceKey) {
    bytes.fill(0);
    let mut put = |offset: usize, field: &[u8]| bytes[offset..][..field.len()].copy_from_slice(field);
    match *service {
        ServiceKey::Address { protocol, address: IpAddr::V4(address), port } => {
            put(offset_of!(Header, protocol), &protocol.number().to_ne_bytes());
            put(offset_of!(Header, address), &address.octets());
            put(offset_of!(Header, port), &port.to_be_bytes());
        }
        ServiceKey::Fwmark { mark, family: Family::V4 } => {
            put(offset_of!(Header, mark), &mark.to_ne_bytes());
        }
        _ => {}
    }
}

/// The servers in what came back, in the kernel's order; `None` where the room has not been larger than needed: there
/// may be more.
#[must_use]
pub fn servers(answer: &[u8]) -> Option<Vec<DestKey>> {
    let mut list = Vec::new();
    for entry in entries(answer) {
        match server(entry) {
            Some(key) => list.push(key),
            None => return Some(list),
        }
    }
    None
}

/// The newest server in what came back.
#[must_use]
pub fn first(answer: &[u8]) -> Option<DestKey> {
    entries(answer).next().and_then(server)
}

fn entries(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    answer.get(offset_of!(Header, entries)..).unwrap_or_default().chunks_exact(size_of::<Entry>())
}

/// `None` where the kernel has written nothing.
fn server(entry: &[u8]) -> Option<DestKey> {
    let address = *entry.get(offset_of!(Entry, address)..)?.first_chunk::<4>()?;
    let port = *entry.get(offset_of!(Entry, port)..)?.first_chunk()?;
    let address = IpAddr::V4(Ipv4Addr::from_octets(address));
    (!address.is_unspecified()).then(|| DestKey { address, port: u16::from_be_bytes(port) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::model::Protocol;

    #[test]
    fn the_question_is_the_kernels_structure() {
        let mut bytes = Vec::new();
        let address = |address: &str| ServiceKey::Address {
            protocol: Protocol::Udp,
            address: address.parse().unwrap(),
            port: 53,
        };
        // Offsets and sizes that a C compiler gives for 64-bit machines.
        let asked = question(&mut bytes, &address("192.0.2.1"), 3);
        assert_eq!(asked.len(), 24 + 3 * 96);
        assert_eq!(asked[..24], [17, 0, 0, 0, 192, 0, 2, 1, 0, 53, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        let mark = |family| ServiceKey::Fwmark { mark: 5, family };
        let asked = question(&mut bytes, &mark(Family::V4), 0);
        assert_eq!(asked, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let possible = [address("192.0.2.1"), mark(Family::V4), address("2001:db8::1"), mark(Family::V6)];
        assert_eq!(possible.map(|service| is_possible(&service)), [true, true, false, false]);
    }

    #[test]
    fn a_service_tells_the_number_of_its_servers() {
        let mut bytes = service(&ServiceKey::Fwmark { mark: 5, family: Family::V4 });
        assert_eq!((bytes.len(), bytes[12]), (104, 5));
        assert_eq!(count(&bytes), 0);
        bytes[44..48].copy_from_slice(&7_u32.to_ne_bytes());
        assert_eq!(count(&bytes), 7);
    }

    #[test]
    fn servers_end_where_the_kernel_has_written_nothing() {
        let service = ServiceKey::Fwmark { mark: 5, family: Family::V4 };
        let mut bytes = Vec::new();
        let answer = question(&mut bytes, &service, 3);
        assert_eq!(servers(answer), Some(vec![]));
        answer[24..30].copy_from_slice(&[10, 0, 0, 1, 0, 80]);
        answer[120..126].copy_from_slice(&[10, 0, 0, 2, 31, 144]);
        let key = |n, port| DestKey { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)), port };
        assert_eq!(servers(answer), Some(vec![key(1, 80), key(2, 8080)]));
        assert_eq!(first(answer), Some(key(1, 80)));
        answer[216..222].copy_from_slice(&[10, 0, 0, 3, 0, 80]);
        assert_eq!(servers(answer), None, "there may be more");
        assert_eq!(servers(&answer[..8]), None);
        assert_eq!(servers(question(&mut bytes, &service, 2)), Some(vec![]), "what stood there is gone");
    }
}
