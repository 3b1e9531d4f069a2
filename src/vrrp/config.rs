//! What a configuration says of VRRP: the `vrrp_instance` blocks, every default resolved.
//!
//! `conf::lower` writes it, the VRRP worker reads it. It holds nothing of the text it came from.

pub mod address;
mod defaults;
mod group;
pub mod hmac;
pub mod interface;
mod link;
mod notify;
mod policy;
pub mod route;
pub mod rule;
mod settings;
pub mod statics;
mod text;
mod track;
mod unicast;

pub use address::VirtualAddress;
pub use defaults::{Defaults, GarpExtraIf};
pub use group::{SyncGroup, TrackGroup};
pub use hmac::Hmac;
pub use link::{Ipvlan, IpvlanMode, Link, Vmac};
pub use notify::Notify;
pub use policy::Policy;
pub use settings::{DynamicInterfaces, RxBuffers, Settings};
pub use track::{
    InitFile, ParameterMatch, Parameters, Script, TrackFile, TrackProcess, Tracked, Tracking, Weight,
};
pub use unicast::{OldChecksum, Peer, Unicast};

use super::rare::{Rare, usual};
use super::shared::Shared;
use crate::net::Family;
use interface::{GarpGroup, LinkDelay, Linkbeat};
use route::Route;
use rule::Rule;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statics::Statics;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A name that many share: of an instance, of an interface.
pub type Name = Shared<str>;

usual!(Garp);
usual!(Link);
usual!(Notify);
usual!(Tracking);
usual!(Vec<VirtualAddress>);
usual!(Vec<Route>);
usual!(Vec<Rule>);

/// Everything the VRRP worker runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Config {
    /// The `vrrp_instance` blocks in the order of the file; names are unique.
    pub instances: Vec<Instance>,
    /// What instances take that say nothing themselves.
    pub defaults: Defaults,
    /// What belongs to no instance.
    pub settings: Settings,
    /// The `vrrp_sync_group` blocks in the order of the file; names are unique.
    pub sync_groups: Vec<SyncGroup>,
    /// The `track_group` blocks in the order of the file; names are unique.
    pub track_groups: Vec<TrackGroup>,
    /// The `vrrp_script` blocks that can run, in the order of the file; names are unique.
    pub scripts: Vec<Script>,
    /// The `track_file` blocks in the order of the file; names are unique.
    pub track_files: Vec<TrackFile>,
    /// The `vrrp_track_process` blocks in the order of the file; names are unique.
    pub track_processes: Vec<TrackProcess>,
    /// `static_ipaddress`, `static_routes`, `static_rules`.
    pub statics: Statics,
    /// `garp_group` blocks.
    pub garp_groups: Vec<GarpGroup>,
    /// `interface_up_down_delays`, each interface once.
    pub link_delays: Vec<LinkDelay>,
    /// `linkbeat_interfaces`, each interface once.
    pub linkbeat: Vec<Linkbeat>,
    /// The addresses of virtual servers: an instance that holds one of them is of no use while their table can't be
    /// written.
    #[serde(default)]
    pub serving: BTreeSet<IpAddr>,
}

impl Config {
    /// The protocol numbers of its routes: by them they are told apart from those of other programs.
    #[must_use]
    pub fn route_protocols(&self) -> BTreeSet<u8> {
        let of_instances = self.instances.iter().flat_map(|instance| instance.routes.iter());
        let all = of_instances.chain(self.statics.routes.iter().map(|route| &route.item));
        all.map(|route| route.protocol.unwrap_or(route::PROTOCOL_KEEPALIVED)).collect()
    }

    /// Whether it has rules.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        !self.statics.rules.is_empty() || self.instances.iter().any(|instance| !instance.rules.is_empty())
    }
}

/// One `vrrp_instance` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Instance {
    /// The block's name: the instance's identity across reloads.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Name,
    /// `state`: which state it asks for at start.
    pub state: InitialState,
    /// `interface`: where its adverts go out. `None` only with unicast: then the routes decide.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub interface: Option<Name>,
    /// The family of its adverts: that of its addresses.
    pub family: Family,
    /// `virtual_router_id`.
    pub vrid: Vrid,
    /// `priority`: 1 to 255; 255 is the address owner.
    pub priority: u8,
    /// `version` (or global `vrrp_version`): 2 unless an IPv6 address is managed.
    pub version: Version,
    /// `advert_int`: whole seconds in version 2, hundredths of a second in version 3.
    pub advert_int: Duration,
    /// `authentication`: version 2 only.
    pub auth: Option<Auth>,
    /// `virtual_ipaddress`: in the advert, set while master. All of one family.
    pub addresses: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: set while master, but not in the advert. Any family.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<VirtualAddress>"))]
    pub excluded: Rare<Vec<VirtualAddress>>,
    /// `virtual_routes`: set while master.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Route>"))]
    pub routes: Rare<Vec<Route>>,
    /// `virtual_rules`: set while master.
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Rule>"))]
    pub rules: Rare<Vec<Rule>>,
    /// Gratuitous ARP (or neighbour advertisement) counts and delays.
    #[cfg_attr(feature = "schema", schemars(with = "Garp"))]
    pub garp: Rare<Garp>,
    /// `nopreempt`: leave a working master of lower priority alone.
    pub nopreempt: bool,
    /// `preempt_delay`: wait so long after start before a master of lower priority is replaced.
    pub preempt_delay: Duration,
    /// `mcast_src_ip` or `unicast_src_ip`: source address of the adverts; the interface's first address otherwise.
    pub source: Option<IpAddr>,
    /// `mcast_dst_ip` or global `vrrp_mcast_group4`/`6`; 224.0.0.18 or ff02::12 otherwise.
    pub mcast_dst_ip: Option<IpAddr>,
    /// `track_*`: what the state or the priority depends on.
    #[cfg_attr(feature = "schema", schemars(with = "Tracking"))]
    pub tracking: Rare<Tracking>,
    /// `notify*` and `smtp_alert`: who is told of its transitions.
    #[cfg_attr(feature = "schema", schemars(with = "Notify"))]
    pub notify: Rare<Notify>,
    /// `unicast_*`: adverts to named routers instead of a group.
    pub unicast: Option<Box<Unicast>>,
    /// What it does with its interface, and the links made on top of it.
    #[cfg_attr(feature = "schema", schemars(with = "Link"))]
    pub link: Rare<Link>,
    /// How it deals with other routers' adverts.
    pub policy: Policy,
    /// `auth_hmac`: signed adverts.
    pub hmac: Option<Box<Hmac>>,
}

impl Instance {
    /// An instance for IPv4 with keepalived's defaults and no addresses.
    #[must_use]
    pub fn new(name: impl Into<Name>, interface: impl Into<Name>, vrid: Vrid) -> Instance {
        Instance {
            name: name.into(),
            state: InitialState::Backup,
            interface: Some(interface.into()),
            family: Family::V4,
            vrid,
            priority: 100,
            version: Version::V2,
            advert_int: Duration::from_secs(1),
            auth: None,
            addresses: Vec::new(),
            excluded: Rare::default(),
            routes: Rare::default(),
            rules: Rare::default(),
            garp: Rare::default(),
            nopreempt: false,
            preempt_delay: Duration::ZERO,
            source: None,
            mcast_dst_ip: None,
            tracking: Rare::default(),
            notify: Rare::default(),
            unicast: None,
            link: Rare::default(),
            policy: Policy::default(),
            hmac: None,
        }
    }
}

impl Instance {
    /// The group that its adverts go to without unicast.
    #[must_use]
    pub fn group(&self) -> IpAddr {
        self.mcast_dst_ip.unwrap_or(match self.family {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
            Family::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
        })
    }
}

/// A virtual router identifier, 1 to 255: with family and interface, the virtual router's identity on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Vrid(u8);

impl Vrid {
    /// `None` for 0, which RFC 9568 §5.2.3 excludes.
    #[must_use]
    pub const fn new(id: u8) -> Option<Vrid> {
        if id == 0 { None } else { Some(Vrid(id)) }
    }

    /// The identifier as it stands in the packet.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The value of `state`. As in keepalived 2, the owner of the addresses (priority 255) takes over at once and any
/// other waits for the master-down timer, whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum InitialState {
    /// `state MASTER`: usual on the router of the highest priority.
    Master,
    /// `state BACKUP`, the default; `nopreempt` needs it.
    #[default]
    Backup,
}

/// The protocol version an instance speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Version {
    /// RFC 3768: IPv4, seconds, optional authentication.
    #[default]
    V2,
    /// RFC 9568 (and 5798): IPv4 and IPv6, hundredths of a second.
    V3,
}

impl Version {
    /// The number on the wire: 2 or 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }
}

/// The `authentication` block.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Auth {
    /// `auth_type PASS`: up to eight bytes in clear text, zero-padded, as they stand in the packet.
    Pass([u8; 8]),
    /// `auth_type AH`: the key of the digest, zero-padded.
    Ah([u8; 8]),
}

/// Without the password.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::Pass(_) => "Pass(***)",
            Auth::Ah(_) => "Ah(***)",
        })
    }
}

/// How often and when gratuitous ARPs (IPv4) and unsolicited neighbour advertisements (IPv6) go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Garp {
    /// `garp_master_delay`: when the second set follows the transition to master; zero sends none.
    pub master_delay: Duration,
    /// `garp_master_repeat`: how many make a set.
    pub master_repeat: u32,
    /// `garp_master_refresh`: a master repeats them so often; zero never does.
    pub refresh: Duration,
    /// `garp_master_refresh_repeat`: how many a refresh sends.
    pub refresh_repeat: u32,
    /// `garp_lower_prio_delay`: delay of the set after a lower-priority advert was seen.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`: how many that set has; zero sends none.
    pub lower_prio_repeat: u32,
}

impl Default for Garp {
    /// keepalived's defaults: five at the transition, five more after five seconds.
    fn default() -> Self {
        Garp {
            master_delay: Duration::from_secs(5),
            master_repeat: 5,
            refresh: Duration::ZERO,
            refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
        }
    }
}
