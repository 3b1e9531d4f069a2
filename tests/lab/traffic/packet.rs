//! What a frame carries, layer by layer, in words: how a director sent a packet to its server.
//!
//! Decoded here, and not with the code under test. Times of life, lengths and the numbers of connections are left
//! out: they are not the director's choice.

use crate::support::Frame;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the lab's servers expect GUE.
pub(super) const GUE_PORT: u16 = 6080;

/// The layers, outermost first, as `10.7.2.1 > 10.7.2.11 | gre csum | 10.7.16.1 > 10.7.3.1 | tcp 80`; `None` if it
/// is no IP packet.
pub(crate) fn layers(frame: &Frame) -> Option<String> {
    let ethertype = u16::from_be_bytes(frame.bytes.get(12..14)?.try_into().ok()?);
    let mut text = String::new();
    match ethertype {
        0x0800 | 0x86dd => ip(frame.bytes.get(14..)?, &mut text)?,
        _ => return None,
    }
    Some(text)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn ip(bytes: &[u8], text: &mut String) -> Option<()> {
    let (source, target, protocol, rest): (IpAddr, IpAddr, u8, &[u8]) = match bytes.first()? >> 4 {
        4 => {
            let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?));
            let header = usize::from(bytes[0] & 15) * 4;
            (address(12)?.into(), address(16)?.into(), *bytes.get(9)?, bytes.get(header..)?)
        }
        6 => {
            let address =
                |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?));
            (address(8)?.into(), address(24)?.into(), *bytes.get(6)?, bytes.get(40..)?)
        }
        _ => return None,
    };
    let _ = write!(text, "{source} > {target}");
    match protocol {
        4 | 41 => {
            text.push_str(" | ");
            ip(rest, text)
        }
        47 => gre(rest, text),
        6 | 132 => {
            let name = if protocol == 6 { "tcp" } else { "sctp" };
            let _ = write!(text, " | {name} {}", word(rest, 2)?);
            Some(())
        }
        17 => {
            let port = word(rest, 2)?;
            if port == GUE_PORT {
                let checksum = if word(rest, 6)? == 0 { "" } else { " csum" };
                let _ = write!(text, " | udp {port}{checksum}");
                gue(rest.get(8..)?, text)
            } else {
                let _ = write!(text, " | udp {port}");
                Some(())
            }
        }
        other => {
            let _ = write!(text, " | protocol {other}");
            Some(())
        }
    }
}

/// RFC 2784.
fn gre(bytes: &[u8], text: &mut String) -> Option<()> {
    let flags = word(bytes, 0)?;
    text.push_str(" | gre");
    let header = match flags {
        0 => 4,
        0x8000 => {
            text.push_str(" csum");
            8
        }
        other => {
            let _ = write!(text, " with flags {other:#x}");
            return Some(());
        }
    };
    text.push_str(" | ");
    ip(bytes.get(header..)?, text)
}

/// `include/net/gue.h`: version and length of the options, protocol, flags, options.
fn gue(bytes: &[u8], text: &mut String) -> Option<()> {
    let first = *bytes.first()?;
    let options = usize::from(first & 0x1f) * 4;
    text.push_str(" | gue");
    if first & 0xe0 != 0 {
        let _ = write!(text, " of another kind: {first:#x}");
        return Some(());
    }
    // The flag that private flags follow, and among these the one of remote checksum offload.
    if word(bytes, 2)? & 1 != 0 && bytes.get(4)? & 0x80 != 0 {
        text.push_str(" remcsum");
    }
    text.push_str(" | ");
    ip(bytes.get(4 + options..)?, text)
}
