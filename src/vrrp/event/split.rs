//! Signs that another router is the master of a virtual router, too, or is about to be.

use super::{Discard, Name};
use crate::net::MacAddr;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// What shows that this router is not alone, or will not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// This router is the master, and another one that should have yielded long ago goes on to advertise.
    Rival {
        /// The other.
        source: IpAddr,
        /// Its priority.
        theirs: u8,
        /// This router's.
        ours: u8,
    },
    /// Another one advertises, and is not believed: it can't be heard as a master, nor as a backup.
    Unbelieved {
        /// The other.
        source: IpAddr,
        /// Why not.
        reason: Discard,
        /// This router is a master, too, or was one since: as a backup it will be.
        beside: bool,
    },
    /// This router is the master, and another host says that it has one of its addresses.
    Claim {
        /// The address.
        address: IpAddr,
        /// The other host's Ethernet address.
        mac: MacAddr,
        /// Where it was heard.
        interface: Name,
    },
}

impl fmt::Display for Sign {
    /// As in `192.0.2.2 keeps advertising …`: names who is meant, and what is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sign::Rival { source, theirs, ours } => write!(
                f,
                "{source} keeps advertising as master with priority {theirs} (ours {ours}): it does not hear this router, \
                 or does not believe it"
            ),
            Sign::Unbelieved { source, reason, beside: true } => {
                write!(f, "{source} advertises as master too, and is not believed: {reason}")
            }
            Sign::Unbelieved { source, reason, beside: false } => {
                write!(
                    f,
                    "{source} advertises as master, and is not believed: this router will become master beside it: \
                     {reason}"
                )
            }
            Sign::Claim { address, mac, interface } => {
                write!(f, "{mac} on {interface} answers for {address}, and is none of this host's interfaces")
            }
        }
    }
}

impl Sign {
    /// Whether there are two, and not only will be.
    #[must_use]
    pub const fn is_split(&self) -> bool {
        !matches!(self, Sign::Unbelieved { beside: false, .. })
    }

    /// Who it is about.
    #[must_use]
    pub fn who(&self) -> String {
        match self {
            Sign::Rival { source, .. } | Sign::Unbelieved { source, .. } => source.to_string(),
            Sign::Claim { mac, .. } => mac.to_string(),
        }
    }
}

impl Discard {
    /// Whether it says that the other router is configured otherwise: one advert is enough to know that.
    #[must_use]
    pub const fn is_difference(self) -> bool {
        matches!(
            self,
            Discard::Version { .. }
                | Discard::Interval { .. }
                | Discard::Addresses { .. }
                | Discard::AuthType { .. }
        )
    }

    /// Whether its sender is a router of the same link and VRID that means to be the master. What comes from afar, from
    /// this host, or for the second time says nothing of that kind.
    #[must_use]
    pub const fn is_of_master(self) -> bool {
        match self {
            Discard::Ttl(_)
            | Discard::TtlRange { .. }
            | Discard::UnknownVrid(_)
            | Discard::NotRunning
            | Discard::OwnPacket
            | Discard::Destination { .. }
            | Discard::AhReplayed { .. }
            | Discard::HmacReplayed => false,
            Discard::UnknownPeer
            | Discard::Checksum
            | Discard::Version { .. }
            | Discard::AuthType { .. }
            | Discard::OwnerIgnores
            | Discard::AuthFailure
            | Discard::Ah(_)
            | Discard::HmacMissing
            | Discard::HmacMalformed
            | Discard::HmacUnknownKey(_)
            | Discard::HmacInvalid
            | Discard::HmacStale { .. }
            | Discard::Interval { .. }
            | Discard::Addresses { .. } => true,
        }
    }
}
