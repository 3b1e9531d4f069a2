//! The trailer of `auth_hmac`, keepalived's extension of 2.4, behind an advert of either version.
//!
//! ```text
//! | Type (1)      | Key id        |         Reserved (0)          |
//! |                    Seconds since 1970                         |
//! |      Fraction of a second     |            Counter            |
//! |            HMAC-SHA256, cut to 128 bits (16)                  |
//! ```
//!
//! The HMAC covers a header of its own (family, version, VRID, source), the advert with its checksum read as zero, and
//! the trailer up to the HMAC, which is read as zero, too. So copies for several peers have the same one. What a number
//! is worth is the business of [`crate::vrrp::instance`].

use crate::wire::Reader;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::IpAddr;

/// Bytes of the trailer.
pub const LEN: usize = 28;
const TYPE_SHA256: u8 = 1;
const MAC_LEN: usize = 16;
/// Where the advert has its checksum.
const SUM: std::ops::Range<usize> = 6..8;

/// What a trailer says, before it is known whether that is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// Which key it is signed with.
    pub key: u8,
    /// Seconds, fraction and counter: of a sender, each is greater than the one before.
    pub sequence: u64,
}

impl Trailer {
    /// Reads a trailer; none if it is of a type that is not known.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Trailer> {
        let mut r = Reader::new(bytes);
        let [kind, key, 0, 0] = r.array()? else { return None };
        let sequence = u64::from_be_bytes(r.array()?);
        let _mac: [u8; MAC_LEN] = r.array()?;
        (kind == TYPE_SHA256 && bytes.len() == LEN).then_some(Trailer { key, sequence })
    }

    /// Writes it to the end of `bytes`, which has an advert and [`LEN`] bytes behind it. Nothing where it is too short.
    pub fn write(self, secret: &[u8], source: IpAddr, bytes: &mut [u8]) {
        let Some(trailer) = bytes.last_chunk_mut::<LEN>() else { return };
        trailer[..4].copy_from_slice(&[TYPE_SHA256, self.key, 0, 0]);
        trailer[4..12].copy_from_slice(&self.sequence.to_be_bytes());
        let Some(mac) = mac(secret, source, bytes) else { return };
        let mac = mac.finalize().into_bytes();
        if let Some(place) = bytes.last_chunk_mut::<MAC_LEN>() {
            place.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        }
    }
}

/// Whether an advert and its trailer are signed with this key, for adverts from `source`.
#[must_use]
pub fn is_signed(secret: &[u8], source: IpAddr, bytes: &[u8]) -> bool {
    let (Some(mac), Some(theirs)) = (mac(secret, source, bytes), bytes.last_chunk::<MAC_LEN>()) else {
        return false;
    };
    // In constant time.
    mac.verify_truncated_left(theirs).is_ok()
}

fn mac(secret: &[u8], source: IpAddr, bytes: &[u8]) -> Option<Hmac<Sha256>> {
    let [version_type, vrid, ..] = *bytes else { return None };
    let mut pseudo = [0; 20];
    pseudo[1] = version_type >> 4;
    pseudo[2] = vrid;
    match source {
        IpAddr::V4(source) => {
            pseudo[0] = 4;
            pseudo[4..8].copy_from_slice(&source.octets());
        }
        IpAddr::V6(source) => {
            pseudo[0] = 6;
            pseudo[4..].copy_from_slice(&source.octets());
        }
    }
    let signed = bytes.len().checked_sub(MAC_LEN)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(&pseudo);
    mac.update(bytes.get(..SUM.start)?);
    mac.update(&[0; 2]);
    mac.update(bytes.get(SUM.end..signed)?);
    mac.update(&[0; MAC_LEN]);
    Some(mac)
}

#[cfg(test)]
mod tests;
