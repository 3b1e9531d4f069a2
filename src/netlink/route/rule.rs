//! Rules of policy routing: listing, adding, deleting. Names follow `include/uapi/linux/fib_rules.h`.

use super::fib::{address, any, family, ip, number};
use crate::net::{Family, IpNet};
use crate::netlink::message::{Attribute, Batch, CREATE, DUMP, EXCLUSIVE, Malformed, Message, Request};
use serde::{Deserialize, Serialize};

/// `RTM_NEWRULE`, `RTM_DELRULE`, `RTM_GETRULE`
pub(super) const NEW: u16 = 32;
pub(super) const DELETE: u16 = 33;
const GET: u16 = 34;
/// Length of `fib_rule_hdr`.
const HEADER: usize = 12;
/// `FIB_RULE_INVERT`
const INVERT: u32 = 2;

/// `FRA_*`
const DST: u16 = 1;
const SRC: u16 = 2;
const IIF: u16 = 3;
const GOTO: u16 = 4;
const PRIORITY: u16 = 6;
const MARK: u16 = 10;
const FLOW: u16 = 11;
const TUNNEL: u16 = 12;
const SUPPRESS_GROUP: u16 = 13;
const SUPPRESS_PREFIX: u16 = 14;
const TABLE: u16 = 15;
const MASK: u16 = 16;
const OIF: u16 = 17;
const L3MDEV: u16 = 19;
const USERS: u16 = 20;
const PROTOCOL: u16 = 21;
const IP_PROTOCOL: u16 = 22;
const SOURCE_PORTS: u16 = 23;
const DESTINATION_PORTS: u16 = 24;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Of its packets.
    pub family: Family,
    /// The least is tried first.
    pub priority: u32,
    /// For packets that do not match.
    pub inverted: bool,
    /// Where from; `None` is everywhere.
    pub source: Option<IpNet>,
    /// Where to; `None` is everywhere.
    pub destination: Option<IpNet>,
    /// Interface it came in by.
    pub input: Option<String>,
    /// Interface that the socket is bound to.
    pub output: Option<String>,
    /// Type of service.
    pub tos: u8,
    /// Firewall mark.
    pub mark: u32,
    /// The bits of the mark that count; `None` is all of one that is not 0.
    pub mask: Option<u32>,
    /// Protocol of the packet; 0 is any.
    pub ip_protocol: u8,
    /// Ports it comes from.
    pub source_ports: Option<(u16, u16)>,
    /// Ports it goes to.
    pub destination_ports: Option<(u16, u16)>,
    /// Who owns the socket.
    pub users: Option<(u32, u32)>,
    /// Key of the tunnel; 0 is any.
    pub tunnel: u64,
    /// `FR_ACT_*`
    pub action: u8,
    /// Where to look for a route; 0 is nowhere.
    pub table: u32,
    /// Look in the table of the packet's VRF.
    pub l3mdev: bool,
    /// Where to go on.
    pub goto: Option<u32>,
    /// Routes of this prefix length or a shorter one are not taken.
    pub suppress_prefix: Option<u32>,
    /// Routes to interfaces of this group are not taken.
    pub suppress_group: Option<u32>,
    /// Realms (IPv4): the source's above, the destination's below.
    pub realms: u32,
    /// `RTPROT_*`: who set it; `None` with kernels before 4.17, which don't remember.
    pub protocol: Option<u8>,
}

impl Rule {
    /// A rule for everything that looks nowhere.
    #[must_use]
    pub const fn new(family: Family, priority: u32) -> Rule {
        Rule {
            family,
            priority,
            inverted: false,
            source: None,
            destination: None,
            input: None,
            output: None,
            tos: 0,
            mark: 0,
            mask: None,
            ip_protocol: 0,
            source_ports: None,
            destination_ports: None,
            users: None,
            tunnel: 0,
            action: 0,
            table: 0,
            l3mdev: false,
            goto: None,
            suppress_prefix: None,
            suppress_group: None,
            realms: 0,
            protocol: None,
        }
    }
}

/// Asks for the rules of a family.
pub(super) fn dump(batch: &mut Batch, family: Family) {
    let mut header = [0; HEADER];
    header[0] = number(family);
    batch.begin(GET, DUMP).bytes(&header);
}

/// Asks that the rule be added, if there is none like it.
pub(super) fn add(batch: &mut Batch, rule: &Rule) {
    write(&mut batch.begin(NEW, CREATE | EXCLUSIVE), rule);
}

/// Asks that a rule be deleted: the first that has everything that this one has.
pub(super) fn delete(batch: &mut Batch, rule: &Rule) {
    write(&mut batch.begin(DELETE, 0), rule);
}

fn write(request: &mut Request<'_>, rule: &Rule) {
    let table = u8::try_from(rule.table).unwrap_or(0);
    let len = |net: Option<IpNet>| net.map_or(0, |net| net.prefix_len);
    let mut header = [
        number(rule.family),
        len(rule.destination),
        len(rule.source),
        rule.tos,
        table,
        0,
        0,
        rule.action,
        0,
        0,
        0,
        0,
    ];
    header[8..].copy_from_slice(&(if rule.inverted { INVERT } else { 0 }).to_ne_bytes());
    request.bytes(&header);
    for (kind, net) in [(SRC, rule.source), (DST, rule.destination)] {
        if let Some(net) = net.filter(|net| net.prefix_len > 0) {
            address(request, kind, net.address);
        }
    }
    request.attr_u32(PRIORITY, rule.priority);
    for (kind, name) in [(IIF, &rule.input), (OIF, &rule.output)] {
        if let Some(name) = name {
            request.attr_str(kind, name);
        }
    }
    let numbers = [
        (MARK, Some(rule.mark).filter(|mark| *mark != 0)),
        (MASK, rule.mask),
        (FLOW, Some(rule.realms).filter(|realms| *realms != 0)),
        (SUPPRESS_PREFIX, rule.suppress_prefix),
        (SUPPRESS_GROUP, rule.suppress_group),
        (TABLE, Some(rule.table).filter(|_| rule.table != 0 && table == 0)),
        (GOTO, rule.goto),
    ];
    for (kind, value) in numbers {
        if let Some(value) = value {
            request.attr_u32(kind, value);
        }
    }
    if rule.tunnel != 0 {
        request.attr(TUNNEL, &rule.tunnel.to_be_bytes());
    }
    if let Some((first, last)) = rule.users {
        let [a, b] = [first.to_ne_bytes(), last.to_ne_bytes()];
        request.attr(USERS, &[a, b].concat());
    }
    if rule.l3mdev {
        request.attr_u8(L3MDEV, 1);
    }
    if let Some(protocol) = rule.protocol {
        request.attr_u8(PROTOCOL, protocol);
    }
    if rule.ip_protocol != 0 {
        request.attr_u8(IP_PROTOCOL, rule.ip_protocol);
    }
    for (kind, ports) in [(SOURCE_PORTS, rule.source_ports), (DESTINATION_PORTS, rule.destination_ports)] {
        if let Some((first, last)) = ports {
            request.attr(kind, &[first.to_ne_bytes(), last.to_ne_bytes()].concat());
        }
    }
}

/// Reads an `RTM_NEWRULE` or `RTM_DELRULE`; `None` for another family than IPv4 and IPv6.
pub(super) fn read(message: &Message<'_>) -> Result<Option<Rule>, Malformed> {
    let header: &[u8; HEADER] = message.payload.first_chunk().ok_or(Malformed)?;
    let [of, to_len, from_len, tos, table, _, _, action, flags @ ..] = *header;
    let Some(family) = family(of) else { return Ok(None) };
    let net = |prefix_len| (prefix_len > 0).then_some(IpNet { address: any(family), prefix_len });
    let mut rule = Rule::new(family, 0);
    (rule.tos, rule.table, rule.action) = (tos, table.into(), action);
    (rule.source, rule.destination) = (net(from_len), net(to_len));
    rule.inverted = u32::from_ne_bytes(flags) & INVERT != 0;
    for attribute in message.attributes(HEADER)? {
        let attribute = attribute?;
        let number = || attribute.u32().ok_or(Malformed);
        match attribute.kind {
            DST => set(&mut rule.destination, &attribute)?,
            SRC => set(&mut rule.source, &attribute)?,
            IIF => rule.input = attribute.str().map(str::to_owned),
            OIF => rule.output = attribute.str().map(str::to_owned),
            GOTO => rule.goto = Some(number()?),
            PRIORITY => rule.priority = number()?,
            MARK => rule.mark = number()?,
            MASK => rule.mask = Some(number()?),
            FLOW => rule.realms = number()?,
            TUNNEL => rule.tunnel = u64::from_be_bytes(attribute.array().ok_or(Malformed)?),
            // -1 is none.
            SUPPRESS_GROUP => rule.suppress_group = Some(number()?).filter(|n| *n != u32::MAX),
            SUPPRESS_PREFIX => rule.suppress_prefix = Some(number()?).filter(|n| *n != u32::MAX),
            TABLE => rule.table = number()?,
            L3MDEV => rule.l3mdev = attribute.u8() == Some(1),
            USERS => {
                let [a, b, c, d, e, f, g, h] = attribute.array().ok_or(Malformed)?;
                rule.users = Some((u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])));
            }
            PROTOCOL => rule.protocol = attribute.u8(),
            IP_PROTOCOL => rule.ip_protocol = attribute.u8().ok_or(Malformed)?,
            SOURCE_PORTS => rule.source_ports = Some(ports(&attribute)?),
            DESTINATION_PORTS => rule.destination_ports = Some(ports(&attribute)?),
            _ => {}
        }
    }
    Ok(Some(rule))
}

fn set(net: &mut Option<IpNet>, attribute: &Attribute<'_>) -> Result<(), Malformed> {
    if let Some(net) = net {
        net.address = ip(attribute).ok_or(Malformed)?;
    }
    Ok(())
}

fn ports(attribute: &Attribute<'_>) -> Result<(u16, u16), Malformed> {
    let [a, b, c, d] = attribute.array().ok_or(Malformed)?;
    Ok((u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d])))
}
