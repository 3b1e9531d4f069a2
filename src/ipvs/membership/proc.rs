//! `/proc/net/ip_vs`: the kernel writes each service with all its servers at one time. Pure.

use crate::ipvs::model::{DestEntry, DestKey, Protocol, ServiceKey};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{self, BufRead};
use std::net::{IpAddr, Ipv4Addr};

/// The name of a service there: of one by firewall mark, the family is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    Address(Protocol, IpAddr, u16),
    Mark(u32),
}

impl From<&ServiceKey> for Name {
    fn from(key: &ServiceKey) -> Name {
        match *key {
            ServiceKey::Address { protocol, address, port } => Name::Address(protocol, address, port),
            ServiceKey::Fwmark { mark, .. } => Name::Mark(mark),
        }
    }
}

/// A line of it.
enum Line {
    Service(Name),
    Server(DestKey),
}

impl Line {
    /// `None` for the titles, and for what this program does not understand.
    fn parse(line: &str) -> Option<Line> {
        let mut fields = line.split_ascii_whitespace();
        let (kind, name) = (fields.next()?, fields.next()?);
        let protocol = match kind {
            "->" => return endpoint(name).map(|(address, port)| Line::Server(DestKey { address, port })),
            "FWM" => return u32::from_str_radix(name, 16).ok().map(|mark| Line::Service(Name::Mark(mark))),
            "TCP" => Protocol::Tcp,
            "UDP" => Protocol::Udp,
            "SCTP" => Protocol::Sctp,
            _ => return None,
        };
        endpoint(name).map(|(address, port)| Line::Service(Name::Address(protocol, address, port)))
    }
}

/// `C0000201:0050`, `[2001:0db8:0000:0000:0000:0000:0000:0001]:0050`
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.rsplit_once(':')?;
    let address = match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => IpAddr::V6(v6.parse().ok()?),
        None => IpAddr::V4(Ipv4Addr::from_bits(u32::from_str_radix(address, 16).ok()?)),
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

/// Gives each line to `take`, until it has enough.
fn each_line(mut file: impl BufRead, mut take: impl FnMut(Line) -> bool) -> io::Result<()> {
    let mut text = String::new();
    while file.read_line(&mut text)? > 0 {
        if let Some(line) = Line::parse(&text)
            && !take(line)
        {
            break;
        }
        text.clear();
    }
    Ok(())
}

/// How many servers, and a sum over them: the same for the same servers in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Checksum {
    count: usize,
    sum: u64,
}

impl Checksum {
    fn add(&mut self, key: &DestKey) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(BuildHasherDefault::<DefaultHasher>::default().hash_one(key));
    }
}

/// Of each service in the text a checksum over its servers: all that a comparison with a listing needs.
#[derive(Debug, Default)]
pub struct Checksums {
    by_service: HashMap<Name, Checksum>,
}

impl Checksums {
    /// Reads the file.
    ///
    /// # Errors
    /// Reading fails.
    pub fn read(file: impl BufRead) -> io::Result<Checksums> {
        let mut checksums: HashMap<Name, Checksum> = HashMap::new();
        let mut current = None;
        each_line(file, |line| {
            match line {
                Line::Service(name) => current = Some(name),
                Line::Server(key) => {
                    if let Some(name) = current {
                        checksums.entry(name).or_default().add(&key);
                    }
                }
            }
            true
        })?;
        Ok(Checksums { by_service: checksums })
    }

    /// Whether these are the servers that the service has there.
    #[must_use]
    pub fn match_listing(&self, service: &ServiceKey, dests: &[DestEntry]) -> bool {
        let mut checksum = Checksum::default();
        for d in dests {
            checksum.add(&d.dest.key);
        }
        self.by_service.get(&Name::from(service)) == Some(&checksum)
    }
}

/// The servers of one service, in the kernel's order; two lists for an IPv4 and an IPv6 service with one
/// firewall mark, none where it is not there.
///
/// # Errors
/// Reading fails.
pub fn servers(file: impl BufRead, service: &ServiceKey) -> io::Result<Vec<Vec<DestKey>>> {
    let wanted = Name::from(service);
    let mut found: Vec<Vec<DestKey>> = Vec::new();
    let mut inside = false;
    each_line(file, |line| {
        match line {
            Line::Service(name) => {
                // Only marks come twice.
                if inside && matches!(wanted, Name::Address(..)) {
                    return false;
                }
                inside = name == wanted;
                if inside {
                    found.push(Vec::new());
                }
            }
            Line::Server(key) if inside => found.last_mut().into_iter().for_each(|list| list.push(key)),
            Line::Server(_) => {}
        }
        true
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::model::Stats;
    use crate::ipvs::testing::{dest, key, listed_dest};
    use crate::net::Family;

    /// Written by Linux 6.1.
    const TEXT: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 rr persistent 300 FFFFFFFF
  -> 0A000003:0050      Route   1      0          0         
  -> 0A000002:0051      Masq    1      0          0         
UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 wlc  ops
  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0035      Tunnel  1      0          0         
FWM  0000000A wlc 
  -> 0A000004:0000      Route   1      0          0         
SCTP C0000201:0050 rr 
FWM  0000000A rr 
  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0000      Tunnel  1      0          0         
";

    fn keys(of: &[(&str, u16)]) -> Vec<DestKey> {
        of.iter().map(|&(address, port)| DestKey { address: address.parse().unwrap(), port }).collect()
    }

    fn address(protocol: Protocol, address: &str, port: u16) -> ServiceKey {
        ServiceKey::Address { protocol, address: address.parse().unwrap(), port }
    }

    #[test]
    fn the_servers_of_a_service_are_found() {
        let of = |service: ServiceKey| servers(TEXT.as_bytes(), &service).unwrap();
        let tcp = keys(&[("10.0.0.3", 80), ("10.0.0.2", 81)]);
        assert_eq!(of(address(Protocol::Tcp, "192.0.2.1", 80)), [tcp]);
        assert_eq!(of(address(Protocol::Udp, "2001:db8::1", 53)), [keys(&[("2001:db8::2", 53)])]);
        assert_eq!(of(address(Protocol::Sctp, "192.0.2.1", 80)), [vec![]]);
        assert_eq!(of(address(Protocol::Udp, "192.0.2.1", 80)), Vec::<Vec<DestKey>>::new());
        let marked = [keys(&[("10.0.0.4", 0)]), keys(&[("2001:db8::5", 0)])];
        for family in [Family::V4, Family::V6] {
            assert_eq!(of(ServiceKey::Fwmark { mark: 10, family }), marked);
        }
    }

    #[test]
    fn a_list_agrees_in_any_order_or_not_at_all() {
        let checksums = Checksums::read(TEXT.as_bytes()).unwrap();
        let service = address(Protocol::Tcp, "192.0.2.1", 80);
        let entry = |key: DestKey| {
            let mut entry = listed_dest(dest(1, 1), Stats::default());
            entry.dest.key = key;
            entry
        };
        let list = |of: &[(&str, u16)]| -> Vec<DestEntry> { keys(of).into_iter().map(entry).collect() };
        assert!(checksums.match_listing(&service, &list(&[("10.0.0.2", 81), ("10.0.0.3", 80)])));
        assert!(!checksums.match_listing(&service, &list(&[("10.0.0.2", 81)])));
        assert!(!checksums.match_listing(&service, &list(&[("10.0.0.2", 80), ("10.0.0.3", 80)])));
        assert!(!checksums.match_listing(&key(2), &list(&[("10.0.0.2", 81)])), "it is not in the text");
    }
}
