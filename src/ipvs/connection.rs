//! A line of `/proc/net/ip_vs_conn`: a connection as the kernel lists it. Pure.

use std::net::{IpAddr, Ipv4Addr};

/// Where the kernel lists connections, behind a line of titles.
pub const FILE: &str = "/proc/net/ip_vs_conn";

/// A connection, or a persistence template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `TCP`, `UDP`, `SCTP`, or `IP` for a template of a service by firewall mark.
    pub protocol: &'a str,
    /// Where it comes from.
    pub client: (IpAddr, u16),
    /// The service's address; of a template by firewall mark, the mark as an IPv4 address.
    pub service: (IpAddr, u16),
    /// The server's.
    pub server: (IpAddr, u16),
    /// The kernel's name for its state.
    pub state: &'a str,
    /// Seconds until it is forgotten.
    pub expires: u32,
    /// Name of the persistence engine, and what it knows the client by.
    pub engine: Option<(&'a str, &'a str)>,
}

impl<'a> Connection<'a> {
    /// Reads a line; `None` where it has too few fields. What is no number counts as 0, as with ipvsadm.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Connection<'a>> {
        let mut fields = line.split_ascii_whitespace();
        let mut next = || fields.next();
        let protocol = next()?;
        let [client, service, server] = [(next()?, next()?), (next()?, next()?), (next()?, next()?)]
            .map(|(host, port)| (address(host), u16::from_str_radix(port, 16).unwrap_or_default()));
        let (state, expires) = (next()?, next()?.parse().unwrap_or_default());
        let engine = next().zip(next());
        Some(Connection { protocol, client, service, server, state, expires, engine })
    }
}

/// IPv6 as text, IPv4 as text or as eight hexadecimal digits.
fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| {
        IpAddr::V4(Ipv4Addr::from_bits(u32::from_str_radix(text, 16).unwrap_or_default()))
    })
}
