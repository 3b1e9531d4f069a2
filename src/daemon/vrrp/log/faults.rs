//! Faults and their ends, in words: keepalived's where it has some.

use crate::vrrp::event::{Fault, Kind, Object};

/// What keeps an instance from running.
pub(super) fn text(fault: &Fault) -> String {
    match fault {
        // keepalived's words.
        Fault::Tracked(object) => format!("entering FAULT state due to {object}"),
        fault => fault.to_string(),
    }
}

/// A line of which people grep the beginning.
pub(super) fn text_of_tracked(name: &str, object: &Object, status: Option<&str>) -> String {
    let thing = &object.name;
    match object.kind {
        Kind::Interface => {
            format!("({name}): entering FAULT state (interface {thing} up, and tracked in reverse)")
        }
        Kind::Script => format!("({name}): entering FAULT state due to script {thing}"),
        Kind::File => {
            let status = status.unwrap_or_default();
            format!("({name}): entering FAULT state (tracked file {thing} has status {status})")
        }
        Kind::Process => {
            format!("({name}) entering FAULT state (tracked process {thing} quorum not achieved)")
        }
        Kind::Bfd => format!("({name}) entering FAULT state (tracked BFD instance {thing})"),
        Kind::VirtualServer => {
            format!("({name}) entering FAULT state (virtual server {thing} has lost its quorum)")
        }
    }
}

/// It does not any more.
pub(super) fn text_of_end(fault: &Fault) -> String {
    match fault {
        Fault::NoInterface(name) => format!("interface {name} exists again"),
        Fault::InterfaceDown(name) => format!("interface {name} is up again"),
        Fault::Deaf(name) => format!("adverts can be heard on interface {name} again"),
        Fault::NoAddress(name) => format!("interface {name} has an address to send adverts from again"),
        Fault::NotSet(thing) => format!("{thing} is tried again"),
        Fault::NoTable => "the table of virtual servers can be written".to_owned(),
        Fault::NoSource(source) => format!("the source address {source} is there again"),
        Fault::NoPeer => "there is a unicast peer".to_owned(),
        Fault::SameVrid(other) => format!("({other}) does not have the same VRID on its network any more"),
        Fault::Group(name) => format!("the other members of sync group {name} can run again"),
        Fault::NoKey(id) => format!("key {id} of auth_hmac is there"),
        Fault::Tracked(object) => format!("{object} is no fault any more"),
        Fault::Awaited(object) => format!("the first word of {object} has come"),
    }
}
