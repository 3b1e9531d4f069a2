//! `keepalived.stats`: what SIGUSR2 writes.

use crate::state::vrrp::{Counters, Instance};
use std::fmt::Write as _;

/// The counters of all instances.
#[must_use]
pub fn text(instances: &[Instance]) -> String {
    let mut text = String::new();
    for instance in instances {
        let Counters {
            advert_rcvd,
            advert_sent,
            become_master,
            release_master,
            packet_len_err,
            advert_interval_err,
            ip_ttl_err,
            invalid_type_rcvd,
            addr_list_err,
            invalid_authtype,
            authtype_mismatch,
            auth_failure,
            auth_ext_missing,
            auth_ext_malformed,
            auth_ext_unknown_key,
            auth_ext_invalid_hmac,
            auth_ext_stale,
            auth_ext_replay,
            pri_zero_rcvd,
            pri_zero_sent,
        } = instance.counters;
        let _ = write!(
            text,
            "VRRP Instance: {}
  Advertisements:
    Received: {advert_rcvd}
    Sent: {advert_sent}
  Became master: {become_master}
  Released master: {release_master}
  Packet Errors:
    Length: {packet_len_err}
    TTL: {ip_ttl_err}
    Invalid Type: {invalid_type_rcvd}
    Advertisement Interval: {advert_interval_err}
    Address List: {addr_list_err}
  Authentication Errors:
    Invalid Type: {invalid_authtype}
    Type Mismatch: {authtype_mismatch}
    Failure: {auth_failure}
  Authentication Extension Errors:
    Missing: {auth_ext_missing}
    Malformed: {auth_ext_malformed}
    Unknown Key: {auth_ext_unknown_key}
    Invalid HMAC: {auth_ext_invalid_hmac}
    Stale: {auth_ext_stale}
    Replay: {auth_ext_replay}
  Priority Zero:
    Received: {pri_zero_rcvd}
    Sent: {pri_zero_sent}
",
            instance.config.name
        );
    }
    text
}
