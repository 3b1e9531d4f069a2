//! Virtual routers, sync groups, and what they track.

use super::Moment;
use crate::vrrp::config::{self, Auth};
use crate::vrrp::event::{Entry, StateKind};
use crate::vrrp::priority::Cause;
use crate::vrrp::router::{ShownInstance, ShownRest};
use crate::vrrp::stats::Stats;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;
use std::time::Duration;

/// What stands for a secret.
const MASKED: [u8; 8] = *b"********";

/// Everything that the VRRP worker knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Vrrp {
    /// In the order of the configuration.
    pub instances: Vec<Instance>,
    /// The sync groups.
    pub groups: Vec<Group>,
    /// Tracked scripts.
    pub scripts: Vec<Script>,
    /// Tracked processes.
    pub processes: Vec<Process>,
    /// Tracked files.
    pub files: Vec<File>,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Instance {
    /// What was asked for. Secrets are masked.
    pub config: config::Instance,
    /// Its sync group.
    pub group: Option<String>,
    /// The state it is in.
    pub state: State,
    /// The state it would be in without its sync group.
    pub wanted: State,
    /// Since when it is in that state.
    pub since: Moment,
    /// When the master counts as gone, or when the next advert leaves.
    pub deadline: Option<Moment>,
    /// Its priority, and why it is that.
    pub priority: Priority,
    /// The router that it takes for the master.
    pub master: Option<Master>,
    /// After this silence it takes over.
    pub master_down_interval: Duration,
    /// Where its adverts come from.
    pub source: Option<IpAddr>,
    /// What keeps it from running, in words.
    pub faults: Vec<String>,
    /// So many things that it tracks have shown nothing yet.
    pub awaited: usize,
    /// Which of its addresses, routes and rules the kernel holds: in the order of `config`.
    pub held: Held,
    /// What it has counted.
    pub counters: Counters,
}

/// The states of RFC 9568, and those around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has not begun.
    Init,
    /// It waits for the master's end.
    Backup,
    /// It has the addresses.
    Master,
    /// It can't run.
    Fault,
}

impl From<StateKind> for State {
    fn from(kind: StateKind) -> State {
        match kind {
            StateKind::Init => State::Init,
            StateKind::Backup => State::Backup,
            StateKind::Master => State::Master,
            StateKind::Fault => State::Fault,
        }
    }
}

/// A priority, and why it is that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Priority {
    /// The configured one.
    pub configured: u8,
    /// The one in force: what adverts say.
    pub effective: u8,
    /// The configured one and all weights, before it is cut to what an advert can say.
    pub total: i32,
    /// What changes it.
    pub because: Vec<Because>,
}

/// Something that changes a priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Because {
    /// What, in words.
    pub what: String,
    /// By how much.
    pub weight: i16,
}

/// The router that an instance takes for the master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Master {
    /// Where its adverts come from.
    pub address: IpAddr,
    /// What the last one of them said.
    pub priority: u8,
    /// How often they come.
    pub advert_int: Duration,
}

/// What the kernel holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Held {
    /// Of `virtual_ipaddress`.
    pub addresses: Vec<bool>,
    /// Of `virtual_ipaddress_excluded`.
    pub excluded: Vec<bool>,
    /// Of `virtual_routes`.
    pub routes: Vec<bool>,
    /// Of `virtual_rules`.
    pub rules: Vec<bool>,
}

/// What an instance has counted, in keepalived's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[allow(missing_docs, reason = "keepalived's own names")]
pub struct Counters {
    pub advert_rcvd: u64,
    pub advert_sent: u64,
    pub become_master: u64,
    pub release_master: u64,
    pub packet_len_err: u64,
    pub advert_interval_err: u64,
    pub ip_ttl_err: u64,
    pub invalid_type_rcvd: u64,
    pub addr_list_err: u64,
    pub invalid_authtype: u64,
    pub authtype_mismatch: u64,
    pub auth_failure: u64,
    pub auth_ext_missing: u64,
    pub auth_ext_malformed: u64,
    pub auth_ext_unknown_key: u64,
    pub auth_ext_invalid_hmac: u64,
    pub auth_ext_stale: u64,
    pub auth_ext_replay: u64,
    pub pri_zero_rcvd: u64,
    pub pri_zero_sent: u64,
}

impl From<&Stats> for Counters {
    fn from(stats: &Stats) -> Counters {
        let (refused, malformed) = (&*stats.discarded, &*stats.malformed);
        Counters {
            // keepalived counts an advert before it looks at where it came from.
            advert_rcvd: stats.adverts_received + refused.unknown_peer + refused.ttl_range,
            advert_sent: stats.adverts_sent,
            become_master: stats.became_master,
            release_master: stats.seldom.released_master,
            packet_len_err: malformed.length,
            advert_interval_err: refused.interval + malformed.interval,
            ip_ttl_err: refused.ttl + refused.ttl_range,
            invalid_type_rcvd: malformed.r#type,
            addr_list_err: refused.addresses + refused.destination,
            // One that this program does not know is told as another one than the configured.
            invalid_authtype: 0,
            authtype_mismatch: refused.auth_type,
            auth_failure: refused.auth_failure + refused.ah + refused.ah_replayed,
            auth_ext_missing: refused.hmac_missing,
            auth_ext_malformed: refused.hmac_malformed,
            auth_ext_unknown_key: refused.hmac_unknown_key,
            auth_ext_invalid_hmac: refused.hmac_invalid,
            auth_ext_stale: refused.hmac_stale,
            auth_ext_replay: refused.hmac_replayed,
            pri_zero_rcvd: stats.seldom.priority_zero_received,
            pri_zero_sent: stats.seldom.priority_zero_sent,
        }
    }
}

/// A sync group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Its instances.
    pub members: Vec<String>,
    /// So many of them can't run.
    pub faulty: usize,
    /// Of so many it is not known yet whether they can.
    pub awaited: usize,
}

/// A tracked script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Script {
    /// What was asked for.
    pub config: config::Script,
    /// Whether it says that all is well; nothing is known before its first run has ended.
    pub is_up: Option<bool>,
    /// keepalived's count of successes and failures: up from `rise` on.
    pub counter: u32,
    /// It runs now.
    pub runs: bool,
    /// The last exit status.
    pub status: u8,
}

/// Tracked processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Process {
    /// What was asked for.
    pub config: config::TrackProcess,
    /// How many run.
    pub count: Option<u32>,
    /// Whether that is enough, as everybody knows it.
    pub has_quorum: Option<bool>,
    /// The opposite will be known soon, if it lasts.
    pub waits: bool,
}

/// A tracked file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct File {
    /// Its name in the configuration.
    pub name: String,
    /// The number in it.
    pub number: Option<i64>,
}

impl From<ShownInstance> for Instance {
    fn from(shown: ShownInstance) -> Instance {
        let ShownInstance { instance, group, held_addresses, held_routes, held_rules } = shown;
        let mut config = instance.config().clone();
        let (addresses, excluded) =
            instance.addresses().split_at(instance.in_adverts().min(instance.addresses().len()));
        config.addresses = addresses.to_vec();
        config.excluded = excluded.to_vec().into();
        let routes = instance.routes().iter().filter_map(|entry| match entry {
            Entry::Route(route) => Some((**route).clone()),
            Entry::Rule(_) => None,
        });
        config.routes = routes.collect();
        let rules = instance.rules().iter().filter_map(|entry| match entry {
            Entry::Rule(rule) => Some((**rule).clone()),
            Entry::Route(_) => None,
        });
        config.rules = rules.collect();
        mask(&mut config);
        let mut held = held_addresses;
        let excluded = held.split_off(config.addresses.len().min(held.len()));
        let state = State::from(instance.state());
        let master = instance.master().filter(|_| state == State::Backup).map(|master| Master {
            address: master.address,
            priority: master.priority,
            advert_int: instance.master_interval(),
        });
        Instance {
            group: group.map(|name| name.to_string()),
            state,
            wanted: instance.wanted_state().into(),
            since: Moment(instance.last_transition()),
            deadline: instance.deadline().map(Moment),
            priority: Priority::from(instance.priority()),
            master,
            master_down_interval: instance.master_down_interval(),
            source: instance.source_address(),
            faults: instance.faults().iter().filter(|f| !f.is_awaited()).map(ToString::to_string).collect(),
            awaited: instance.faults().iter().filter(|fault| fault.is_awaited()).count(),
            held: Held { addresses: held, excluded, routes: held_routes, rules: held_rules },
            counters: Counters::from(instance.stats()),
            config,
        }
    }
}

impl From<&crate::vrrp::priority::Priority> for Priority {
    fn from(priority: &crate::vrrp::priority::Priority) -> Priority {
        let because: Vec<Because> = priority
            .causes()
            .map(|(cause, weight)| {
                let what = match cause {
                    Cause::OwnersConflict => "another router owns the addresses, too".to_owned(),
                    Cause::Tracked(object) => object.to_string(),
                };
                Because { what, weight }
            })
            .collect();
        let sum: i32 = because.iter().map(|because| i32::from(because.weight)).sum();
        let (configured, effective) = (priority.base(), priority.effective());
        Priority { configured, effective, total: i32::from(configured) + sum, because }
    }
}

/// Nothing that anybody could sign or answer with leaves.
fn mask(config: &mut config::Instance) {
    match &mut config.auth {
        Some(Auth::Pass(secret) | Auth::Ah(secret)) => *secret = MASKED,
        None => {}
    }
    for key in config.hmac.iter_mut().flat_map(|hmac| &mut hmac.keys) {
        if let config::hmac::Secret::Bytes(bytes) = &mut key.secret {
            *bytes = MASKED.to_vec();
        }
    }
}

impl Vrrp {
    /// Of what the worker has copied.
    #[must_use]
    pub fn of(instances: Vec<ShownInstance>, rest: ShownRest) -> Vrrp {
        let groups = rest.groups.into_iter().map(|group| Group {
            name: group.name.to_string(),
            state: group.state.into(),
            members: group.members.iter().map(ToString::to_string).collect(),
            faulty: group.faulty,
            awaited: group.awaited,
        });
        let scripts = rest.scripts.into_iter().map(|script| Script {
            is_up: script.standing.is_up(),
            counter: script.counter,
            runs: script.runs,
            status: script.status,
            config: script.config,
        });
        let processes = rest.processes.into_iter().map(|process| Process {
            count: process.count,
            has_quorum: process.has_quorum,
            waits: process.waits,
            config: process.config,
        });
        let files = rest.files.into_iter().map(|(name, number)| File { name: name.to_string(), number });
        Vrrp {
            instances: instances.into_iter().map(Instance::from).collect(),
            groups: groups.collect(),
            scripts: scripts.collect(),
            processes: processes.collect(),
            files: files.collect(),
        }
    }
}
