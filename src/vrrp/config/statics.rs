//! `static_ipaddress`, `static_routes`, `static_rules`: set at start, whatever the state of any instance.

use super::address::VirtualAddress;
use super::route::Route;
use super::rule::Rule;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is set at start and stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Statics {
    /// `static_ipaddress`
    pub addresses: Vec<Static<VirtualAddress>>,
    /// `static_routes`
    pub routes: Vec<Static<Route>>,
    /// `static_rules`
    pub rules: Vec<Static<Rule>>,
}

/// One of them, and who depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Static<T> {
    /// What is set.
    pub item: T,
    /// `track_group`: the instances of this group go into fault state when it is deleted and can't be set again.
    pub track_group: Option<String>,
}
