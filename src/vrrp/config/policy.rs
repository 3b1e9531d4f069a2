//! How an instance deals with other routers' adverts, and where it departs from the RFC.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Deviations from RFC 9568, and from keepalived's usual ones. Each keyword but `accept` and `timer_expired_backup` has a
/// global one, `vrrp_…`, for the instances that don't say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Policy {
    /// `strict_mode` or global `vrrp_strict`: keep to the RFC. What that rules out is switched off here already.
    pub strict: bool,
    /// `accept`, `no_accept`: take packets to the virtual addresses without owning them.
    pub accept: bool,
    /// `down_timer_adverts`: so many adverts missed, and the master counts as down; 1 to 100.
    pub down_timer_adverts: u8,
    /// `lower_prio_no_advert`: an advert of lower priority is not answered.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: an advert of higher priority is answered with a last one of our own.
    pub higher_prio_send_advert: bool,
    /// `owner_ignore_adverts`: with priority 255, adverts of others are not even read.
    pub owner_ignore_adverts: bool,
    /// `skip_check_adv_addr`: the addresses in an advert of the same master are compared once.
    pub skip_check_adv_addr: bool,
    /// `v3_checksum_as_v2`: IPv4 checksums of version 3 leave the pseudo header out.
    pub v3_checksum_as_v2: bool,
    /// `timer_expired_backup`: a master that was held up for so long that a router of this priority would have taken
    /// over becomes backup. 1 to 254.
    pub timer_expired_backup: Option<u8>,
}

impl Default for Policy {
    /// keepalived's defaults.
    fn default() -> Self {
        Policy {
            strict: false,
            accept: true,
            down_timer_adverts: 3,
            lower_prio_no_advert: false,
            higher_prio_send_advert: false,
            owner_ignore_adverts: false,
            skip_check_adv_addr: false,
            v3_checksum_as_v2: false,
            timer_expired_backup: None,
        }
    }
}
