//! The IPsec authentication header of `auth_type AH`, as keepalived writes it (RFC 2402, RFC 2403): IPv4 only.
//!
//! ```text
//! | Next header   | Length (4)    |           Reserved            |
//! |            SPI: the source address                            |
//! |                      Sequence number                          |
//! |              Digest (12): HMAC-MD5, cut to 96 bits            |
//! ```
//!
//! The digest covers the IP header, this header and the advert, with what changes on the way read as zero: type of
//! service, fragmentation, checksum and, over unicast, the TTL. What a number is worth is the business of
//! [`crate::vrrp::instance`].

use super::PROTOCOL;
use crate::wire::Reader;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Bytes of the header before VRRP's.
pub const HEADER_LEN: usize = 24;
/// The IP protocol number of the header itself.
const PROTOCOL_AH: u8 = 51;
/// The header's length in words, less two.
const LENGTH: u8 = 4;
const IPV4_LEN: usize = 20;
const DIGEST_AT: usize = 12;
const DIGEST_LEN: usize = 12;

/// Why a packet with this header is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unsealed {
    /// The packet ends before its digest.
    Short,
    /// The digest is another one: the password differs, or a field was changed on the way.
    Digest,
    /// The SPI is not the source address.
    Spi,
}

/// Which fields a packet's way may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To a group on one network: nobody lowers the TTL.
    Multicast,
    /// To a peer, maybe through routers.
    Unicast,
}

/// Whether VRRP stands behind the header that these bytes begin with.
#[must_use]
pub fn is_vrrp(payload: &[u8]) -> bool {
    payload.first() == Some(&PROTOCOL)
}

/// The IPv4 header that the receiver will see in front of `payload_len` bytes, as far as the digest covers it.
#[must_use]
pub fn ip_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    id: u16,
    payload_len: usize,
) -> [u8; IPV4_LEN] {
    let mut header = [0; IPV4_LEN];
    header[0] = 0x45;
    let len = u16::try_from(IPV4_LEN + payload_len).unwrap_or(u16::MAX);
    header[2..4].copy_from_slice(&len.to_be_bytes());
    header[4..6].copy_from_slice(&id.to_be_bytes());
    header[8] = ttl;
    header[9] = PROTOCOL_AH;
    header[12..16].copy_from_slice(&source.octets());
    header[16..20].copy_from_slice(&destination.octets());
    header
}

/// Writes the header into the first bytes of `payload`, which has the advert behind them. Nothing where it is too short.
pub fn seal(key: &[u8; 8], way: Way, sequence: u32, ip: &[u8; IPV4_LEN], payload: &mut [u8]) {
    let Some(header) = payload.first_chunk_mut::<HEADER_LEN>() else { return };
    let [_, _, _, _, _, _, _, _, _, _, _, _, s0, s1, s2, s3, ..] = *ip;
    header[..4].copy_from_slice(&[PROTOCOL, LENGTH, 0, 0]);
    header[4..8].copy_from_slice(&[s0, s1, s2, s3]);
    header[8..12].copy_from_slice(&sequence.to_be_bytes());
    header[DIGEST_AT..].fill(0);
    let Some(mac) = mac(key, way, ip, payload) else { return };
    let digest = mac.finalize().into_bytes();
    if let Some(place) = payload.get_mut(DIGEST_AT..DIGEST_AT + DIGEST_LEN) {
        place.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    }
}

/// The sequence number of a packet whose digest is right.
///
/// # Errors
/// See [`Unsealed`].
pub fn open(key: &[u8; 8], way: Way, ip: &[u8], payload: &[u8]) -> Result<u32, Unsealed> {
    let mut r = Reader::new(payload);
    let _next_and_length: [u8; 4] = r.array().ok_or(Unsealed::Short)?;
    let spi: [u8; 4] = r.array().ok_or(Unsealed::Short)?;
    let sequence: [u8; 4] = r.array().ok_or(Unsealed::Short)?;
    let digest: [u8; DIGEST_LEN] = r.array().ok_or(Unsealed::Short)?;
    let source = ip.get(12..16).ok_or(Unsealed::Short)?;
    let mac = mac(key, way, ip, payload).ok_or(Unsealed::Short)?;
    // In constant time.
    mac.verify_truncated_left(&digest).map_err(|_| Unsealed::Digest)?;
    if spi != source {
        return Err(Unsealed::Spi);
    }
    Ok(u32::from_be_bytes(sequence))
}

fn mac(key: &[u8; 8], way: Way, ip: &[u8], payload: &[u8]) -> Option<Hmac<Md5>> {
    let mut header: [u8; IPV4_LEN] = *ip.first_chunk()?;
    let options = ip.get(IPV4_LEN..)?;
    header[1] = 0;
    header[6..8].fill(0);
    header[10..12].fill(0);
    if way == Way::Unicast {
        header[8] = 0;
    }
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    mac.update(&header);
    mac.update(options);
    mac.update(payload.get(..DIGEST_AT)?);
    mac.update(&[0; DIGEST_LEN]);
    mac.update(payload.get(DIGEST_AT + DIGEST_LEN..)?);
    Some(mac)
}

#[cfg(test)]
mod tests;
