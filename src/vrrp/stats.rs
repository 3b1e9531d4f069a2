//! What the VRRP machines count. A refused packet is counted once, by the rule it broke.

use super::event::Discard;
use super::packet::DecodeError;
use super::rare::{Rare, usual};
use serde::{Deserialize, Serialize};

usual!(Seldom);
usual!(Malformed);
usual!(Discarded);

/// The counters of one instance, since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Adverts believed.
    pub adverts_received: u64,
    /// Adverts handed to the network, those of priority 0 too.
    pub adverts_sent: u64,
    /// Transitions to master.
    pub became_master: u64,
    /// What most instances never count.
    pub seldom: Rare<Seldom>,
    /// Packets for it that are no adverts.
    pub malformed: Rare<Malformed>,
    /// Adverts refused.
    pub discarded: Rare<Discarded>,
}

/// What happens to few instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seldom {
    /// Adverts that the network refused.
    pub adverts_refused: u64,
    /// Transitions away from master.
    pub released_master: u64,
    /// Adverts of priority 0 believed.
    pub priority_zero_received: u64,
    /// Adverts of priority 0 sent.
    pub priority_zero_sent: u64,
    /// Times that masters with a short interval were found to come and go.
    pub masters_vanished: u64,
    /// Signs of a split brain that were told of.
    pub splits: u64,
    /// ARP packets and neighbour advertisements of other hosts that claimed an address of this master.
    pub foreign_claims: u64,
}

/// Refused adverts of one instance, by [`Discard`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "a field is the variant of Discard of that name")]
pub struct Discarded {
    pub ttl: u64,
    pub ttl_range: u64,
    pub unknown_peer: u64,
    pub unknown_vrid: u64,
    pub not_running: u64,
    pub own_packet: u64,
    pub destination: u64,
    pub checksum: u64,
    pub version: u64,
    pub auth_type: u64,
    pub auth_failure: u64,
    pub ah: u64,
    pub ah_replayed: u64,
    pub hmac_missing: u64,
    pub hmac_malformed: u64,
    pub hmac_unknown_key: u64,
    pub hmac_invalid: u64,
    pub hmac_stale: u64,
    pub hmac_replayed: u64,
    pub owner_ignores: u64,
    pub interval: u64,
    pub addresses: u64,
}

impl Discarded {
    /// Counts one.
    pub(super) fn count(&mut self, reason: Discard) {
        let counter = match reason {
            Discard::Ttl(_) => &mut self.ttl,
            Discard::TtlRange { .. } => &mut self.ttl_range,
            Discard::UnknownPeer => &mut self.unknown_peer,
            Discard::UnknownVrid(_) => &mut self.unknown_vrid,
            Discard::NotRunning => &mut self.not_running,
            Discard::OwnPacket => &mut self.own_packet,
            Discard::Destination { .. } => &mut self.destination,
            Discard::Checksum => &mut self.checksum,
            Discard::Version { .. } => &mut self.version,
            Discard::AuthType { .. } => &mut self.auth_type,
            Discard::AuthFailure => &mut self.auth_failure,
            Discard::Ah(_) => &mut self.ah,
            Discard::AhReplayed { .. } => &mut self.ah_replayed,
            Discard::HmacMissing => &mut self.hmac_missing,
            Discard::HmacMalformed => &mut self.hmac_malformed,
            Discard::HmacUnknownKey(_) => &mut self.hmac_unknown_key,
            Discard::HmacInvalid => &mut self.hmac_invalid,
            Discard::HmacStale { .. } => &mut self.hmac_stale,
            Discard::HmacReplayed => &mut self.hmac_replayed,
            Discard::OwnerIgnores => &mut self.owner_ignores,
            Discard::Interval { .. } => &mut self.interval,
            Discard::Addresses { .. } => &mut self.addresses,
        };
        *counter += 1;
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.ttl
            + self.ttl_range
            + self.unknown_peer
            + self.unknown_vrid
            + self.not_running
            + self.own_packet
            + self.destination
            + self.checksum
            + self.version
            + self.auth_type
            + self.auth_failure
            + self.ah
            + self.ah_replayed
            + self.hmac_missing
            + self.hmac_malformed
            + self.hmac_unknown_key
            + self.hmac_invalid
            + self.hmac_stale
            + self.hmac_replayed
            + self.owner_ignores
            + self.interval
            + self.addresses
    }
}

/// What belongs to no instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStats {
    /// Packets that are no adverts, of no instance that is here.
    pub malformed: Malformed,
    /// Adverts that no instance is there for.
    pub discarded: Discarded,
}

/// Malformed packets, by [`DecodeError`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "a field is the variant of DecodeError of that name")]
pub struct Malformed {
    pub length: u64,
    pub version: u64,
    pub r#type: u64,
    pub vrid: u64,
    pub interval: u64,
    pub checksum: u64,
}

impl Malformed {
    /// Counts one.
    pub(super) fn count(&mut self, error: DecodeError) {
        let counter = match error {
            DecodeError::Length { .. } => &mut self.length,
            DecodeError::Version(_) => &mut self.version,
            DecodeError::Type(_) => &mut self.r#type,
            DecodeError::Vrid => &mut self.vrid,
            DecodeError::Interval => &mut self.interval,
            DecodeError::Checksum => &mut self.checksum,
        };
        *counter += 1;
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.length + self.version + self.r#type + self.vrid + self.interval + self.checksum
    }
}
