//! Virtual routers, sync groups, and what they track.

use super::Moment;
use crate::net::{Family, MacAddr};
use crate::vrrp::config::{self, Auth, IpvlanMode};
use crate::vrrp::event::{self, Entry, IfIndex, LinkKind, Name, Protocol, StateKind};
use crate::vrrp::priority::Cause;
use crate::vrrp::router::{ShownInstance, ShownLink, ShownRest};
use crate::vrrp::stats::Stats;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The numbers of sockets, by what they hear.
pub type Descriptors = HashMap<(Option<IfIndex>, Family, Protocol), i32>;

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
    /// The interfaces of this machine, by their numbers.
    pub links: Vec<Link>,
    /// Which of the static addresses the kernel holds.
    pub held_statics: Vec<bool>,
}

impl Vrrp {
    /// The interface of that name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }
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
    /// Where its adverts come and go.
    pub socket: Option<Socket>,
    /// What it has counted.
    pub counters: Counters,
}

/// A socket that adverts leave by and arrive at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Socket {
    /// Its number within the process.
    pub descriptor: i32,
    /// Where it hears; everywhere without one.
    pub interface: Option<String>,
    /// Within an IPsec authentication header.
    pub is_ah: bool,
    /// Adverts are sent to each peer.
    pub is_unicast: bool,
}

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Up, with carrier.
    pub up: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its Ethernet address.
    pub mac: Option<MacAddr>,
    /// Bytes of the longest packet.
    pub mtu: u32,
    /// It lies on another one: its kind, and the name of that one where it is in this namespace.
    pub overlay: Option<(String, Option<String>)>,
    /// This program made it.
    pub ours: bool,
    /// The routing table of a VRF.
    pub vrf_table: Option<u32>,
    /// `net.ipv4.conf.NAME.arp_ignore`
    pub arp_ignore: u32,
    /// `net.ipv4.conf.NAME.arp_filter`
    pub arp_filter: u32,
    /// `net.ipv4.conf.NAME.promote_secondaries`
    pub promote_secondaries: u32,
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

/// Without its socket, whose number only the worker knows.
impl From<ShownInstance> for Instance {
    fn from(shown: ShownInstance) -> Instance {
        let ShownInstance { instance, group, held_addresses, held_routes, held_rules, listen: _ } = shown;
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
            socket: None,
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

fn link(shown: &ShownLink, names: &HashMap<IfIndex, Name>) -> Link {
    let event::Link { name, index, up, mtu, mac, table, make, v4, forwards: _ } = &shown.link;
    let kind = match make.kind {
        LinkKind::PrivateMacvlan => Some("VMAC type private"),
        LinkKind::Macvlan => Some("VMAC type unknown"),
        LinkKind::IpvlanL2(IpvlanMode::Bridge) => Some("IPVLAN type L2 bridge"),
        LinkKind::IpvlanL2(IpvlanMode::Private) => Some("IPVLAN type L2 private"),
        LinkKind::IpvlanL2(IpvlanMode::Vepa) => Some("IPVLAN type L2 vepa"),
        LinkKind::Ipvlan => Some("IPVLAN type unknown mode"),
        LinkKind::Other | LinkKind::Vrf => None,
    };
    let base = make.below.and_then(|below| names.get(&below)).map(ToString::to_string);
    Link {
        name: name.to_string(),
        index: index.0,
        up: *up,
        addresses: shown.addresses.clone(),
        mac: *mac,
        mtu: *mtu,
        overlay: kind.map(|kind| (kind.to_owned(), base)),
        ours: make.ours,
        vrf_table: *table,
        arp_ignore: v4.arp_ignore,
        arp_filter: v4.arp_filter,
        promote_secondaries: v4.promote_secondaries,
    }
}

impl Vrrp {
    /// Of what the worker has copied, and the numbers of its sockets.
    #[must_use]
    pub fn of(instances: Vec<ShownInstance>, rest: ShownRest, descriptors: &Descriptors) -> Vrrp {
        let names: HashMap<IfIndex, Name> =
            rest.links.iter().map(|shown| (shown.link.index, shown.link.name.clone())).collect();
        let socket = |shown: &ShownInstance| {
            let listen = shown.listen?;
            let place = (listen.interface, listen.family, listen.protocol);
            Some(Socket {
                descriptor: *descriptors.get(&place)?,
                interface: listen.interface.and_then(|index| names.get(&index)).map(ToString::to_string),
                is_ah: listen.protocol == Protocol::Ah,
                is_unicast: listen.group.is_none(),
            })
        };
        let instances = instances.into_iter().map(|shown| {
            let socket = socket(&shown);
            Instance { socket, ..Instance::from(shown) }
        });
        let links = rest.links.iter().map(|shown| link(shown, &names));
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
            instances: instances.collect(),
            links: links.collect(),
            held_statics: rest.held_statics,
            groups: groups.collect(),
            scripts: scripts.collect(),
            processes: processes.collect(),
            files: files.collect(),
        }
    }
}
