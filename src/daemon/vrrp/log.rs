//! What the router reports, in keepalived's words: people grep for them.
//!
//! Refused packets may come in any number, so of each kind only one a minute is told, with how many were left out.

use crate::sys::clock;
use crate::time::Instant;
use crate::vrrp::event::{AddressList, Discard, Fault, Name, Reloaded, Report, StateKind};
use crate::vrrp::packet::DecodeError;
use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::net::IpAddr;
use std::time::Duration;
use tracing::{debug, info, warn};

/// A refused packet is told so often.
const PAUSE: Duration = Duration::from_secs(60);

/// Kinds of refused packets remembered at once; a flood from many sources must not take the memory.
const REMEMBERED: usize = 256;

/// Puts reports into words.
#[derive(Debug, Default)]
pub(super) struct Log {
    refused: HashMap<Key, Refused>,
}

/// Refused packets of which one line is enough for a while.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    instance: Option<Name>,
    source: IpAddr,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Reason {
    Malformed(Discriminant<DecodeError>),
    Discarded(Discriminant<Discard>),
    Lower,
}

#[derive(Debug)]
struct Refused {
    told_at: Instant,
    untold: u64,
}

impl Log {
    /// Puts a report into words.
    pub(super) fn report(&mut self, instance: Option<&Name>, report: &Report) {
        let name = instance.map_or("vrrp", |n| n);
        match report {
            Report::Entered { from: StateKind::Init, to } => {
                info!("({name}) Entering {} STATE (init)", word(*to))
            }
            Report::Entered { to: StateKind::Init, .. } => info!("({name}) Stopped"),
            Report::Entered { to, .. } => info!("({name}) Entering {} STATE", word(*to)),
            Report::Faulty { fault, detail } => {
                let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
                warn!("({name}) {}{detail}", fault_text(fault));
            }
            Report::FaultGone(fault) => info!("({name}) no longer: {}", fault_text(fault)),
            Report::MastersVanish { times, interval } => warn!(
                "({name}) {times} masters with short advertisement intervals came and fell silent: waiting by our own \
                 interval of {interval:?} for a minute"
            ),
            Report::AdvertRefused { reason } => warn!("({name}) advert not sent: {reason}"),
            Report::AdvertTooLong { advertised, of, mtu } => warn!(
                "({name}) only {advertised} of {of} virtual addresses fit into an advert (MTU {mtu}): the others are set, \
                 but not advertised. Move them to virtual_ipaddress_excluded"
            ),
            Report::AddressesSet(list) => info!("({name}) set {}", addresses(list)),
            Report::AddressesRemoved(list) => info!("({name}) removed {}", addresses(list)),
            Report::LeftoversRemoved(list) => warn!(
                "({name}) removed {}, which was there before: another router may be the master",
                addresses(list)
            ),
            Report::AddressTaken { net, interface } => {
                warn!("({name}) somebody removed {net} from {interface}: setting it again");
            }
            Report::AddressRefused { add: true, net, interface, refusal } => {
                warn!("({name}) add {net} to {interface}: {refusal}; trying again while master");
            }
            Report::AddressRefused { add: false, net, interface, refusal } => {
                warn!("({name}) remove {net} from {interface}: {refusal}");
            }
            Report::Renamed { to } => info!("({name}) is called {to} from now on"),
            Report::Reloaded(Reloaded::Added) => info!("({name}) new in the configuration"),
            Report::Reloaded(Reloaded::Removed) => info!("({name}) no longer in the configuration"),
            Report::Reloaded(Reloaded::Changed) => info!("({name}) configuration changed"),
            Report::MasterDown => debug!("({name}) Receive advertisement timeout"),
            Report::PriorityZeroReceived => debug!("({name}) received priority 0 advertisement"),
            Report::PriorityZeroSent => debug!("({name}) sent 0 priority"),
            Report::HigherPriority { source, theirs, ours } if theirs == ours => info!(
                "({name}) Master received advert from {source} with same priority {theirs} but higher IP address than ours"
            ),
            Report::HigherPriority { source, theirs, ours } => {
                info!(
                    "({name}) Master received advert from {source} with higher priority {theirs}, ours {ours}"
                );
            }
            Report::LowerPriority { state, source, theirs, ours } => {
                let Some(more) = self.more(instance, *source, Reason::Lower) else { return };
                if *state == StateKind::Master {
                    info!(
                        "({name}) Received advert from {source} with lower priority {theirs}, ours {ours}, \
                           forcing new election{more}"
                    );
                } else {
                    info!(
                        "({name}) received lower priority ({theirs}) advert from {source} - discarding{more}"
                    );
                }
            }
            Report::OwnerConflict { source } => warn!(
                "({name}) CONFIGURATION ERROR: {source} is configured as address owner (priority 255) too: fix one of \
                 them; using priority 254 here"
            ),
            Report::IntervalLearnt { old, new } => {
                debug!("({name}) advertisement interval updated from {old:?} to {new:?} by master");
            }
            Report::PreemptDelayed(delay) => debug!("({name}) start preempt delay ({delay:?})"),
            Report::Stalled { late } => {
                warn!("({name}) this process did not run for {late:?}: is the machine overloaded?");
            }
            Report::Malformed { source, error } => {
                if let Some(more) = self.more(instance, *source, Reason::Malformed(discriminant(error))) {
                    warn!("packet from {source} is no VRRP advertisement: {error}{more}");
                }
            }
            Report::Discarded { source, reason } => {
                if let Some(more) = self.more(instance, *source, Reason::Discarded(discriminant(reason))) {
                    warn!("({name}) advert from {source} discarded: {reason}{more}");
                }
            }
        }
    }

    /// `Some` if one of this kind is to be told, with what to say of those that were not since the last.
    fn more(&mut self, instance: Option<&Name>, source: IpAddr, reason: Reason) -> Option<String> {
        let key = Key { instance: instance.cloned(), source, reason };
        let now = clock::now();
        if let Some(known) = self.refused.get_mut(&key) {
            if now - known.told_at < PAUSE {
                known.untold += 1;
                return None;
            }
            known.told_at = now;
            return Some(match std::mem::take(&mut known.untold) {
                0 => String::new(),
                untold => format!(" ({untold} more since the last such line)"),
            });
        }
        if self.refused.len() == REMEMBERED {
            self.refused.retain(|_, known| now - known.told_at < PAUSE);
            if self.refused.len() == REMEMBERED {
                return None;
            }
        }
        self.refused.insert(key, Refused { told_at: now, untold: 0 });
        Some(String::new())
    }
}

fn addresses(list: &AddressList) -> String {
    let AddressList { count, first, interface } = list;
    match count {
        1 => format!("{first} on {interface}"),
        _ => format!("{count} addresses, the first {first} on {interface}"),
    }
}

fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::NoInterface(name) => format!("interface {name} does not exist: waiting for it to appear"),
        Fault::InterfaceDown(name) => format!("interface {name} is down: waiting for it"),
        Fault::Deaf(name) => format!("adverts can't be heard on interface {name}"),
        Fault::NoAddress(name) => {
            format!("interface {name} has no address to send adverts from: waiting for one")
        }
        Fault::NoTable => "the addresses serve virtual servers, and their table can't be written".to_owned(),
    }
}

const fn word(state: StateKind) -> &'static str {
    match state {
        StateKind::Init => "INIT",
        StateKind::Fault => "FAULT",
        StateKind::Backup => "BACKUP",
        StateKind::Master => "MASTER",
    }
}
