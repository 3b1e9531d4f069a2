//! What the file says of interfaces as such: `garp_group`, `interface_up_down_delays`, `linkbeat_interfaces`.

use super::{Config, Instance};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A `garp_group`: a pace for gratuitous ARPs and neighbour advertisements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct GarpGroup {
    /// `garp_interval`: least time between two gratuitous ARPs; the global one where it is `None`.
    pub garp_interval: Option<Duration>,
    /// `gna_interval`: least time between two neighbour advertisements; the global one where it is `None`.
    pub gna_interval: Option<Duration>,
    /// `interface` and `interfaces`: an interface is in one group at most.
    pub interfaces: Vec<String>,
    /// `interfaces`: they share the pace, because one link carries them all.
    pub shared: bool,
}

/// A line of `interface_up_down_delays`: changes that last shorter are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct LinkDelay {
    /// The interface.
    pub interface: String,
    /// How long it must be down to count as down; up to 255 s.
    pub down: Duration,
    /// How long it must be up to count as up; up to 255 s.
    pub up: Duration,
}

impl Config {
    /// A delay as it counts: cut where an instance that speaks on the interface would take over before it knows that it hears
    /// nothing. keepalived's rule: less than all but one of the adverts that it waits for.
    #[must_use]
    pub fn effective_link_delay(&self, delay: &LinkDelay) -> LinkDelay {
        let mut effective = delay.clone();
        if let Some((instance, limit)) = self.link_delay_limit(&delay.interface) {
            for delay in [&mut effective.down, &mut effective.up].into_iter().filter(|delay| **delay >= limit)
            {
                *delay = limit.saturating_sub(instance.advert_int / 256);
            }
        }
        effective
    }

    /// The time below which delays of the interface have to be, and the instance that wants it: the least patient one there.
    #[must_use]
    pub fn link_delay_limit(&self, interface: &str) -> Option<(&Instance, Duration)> {
        let speakers = self.instances.iter().filter(|i| i.interface.as_deref() == Some(interface));
        let limit = |instance: &Instance| {
            instance.advert_int * u32::from(instance.policy.down_timer_adverts).saturating_sub(1)
        };
        speakers.map(|instance| (instance, limit(instance))).min_by_key(|(_, limit)| *limit)
    }
}

/// A line of `linkbeat_interfaces`: its state is asked for, since its driver does not tell of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Linkbeat {
    /// The interface.
    pub interface: String,
    /// How it is asked; `None` takes the first that the driver answers.
    pub poll: Option<Poll>,
}

/// How an interface's state is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Poll {
    /// `MII`: registers of its transceiver.
    Mii,
    /// `ETHTOOL`: the ethtool call.
    Ethtool,
    /// `IOCTL`: its flags.
    Ioctl,
}
