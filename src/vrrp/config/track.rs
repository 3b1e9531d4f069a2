//! What a priority or a state can depend on: scripts, files, processes, interfaces, BFD sessions.

use crate::command::Command;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// `weight N [reverse]`: what a tracked object adds to a priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Weight {
    /// −254 to 254. 0: no priority changes, the instance goes to fault while the object is down.
    pub value: i16,
    /// `reverse`: up counts as down.
    pub reverse: bool,
}

/// One `vrrp_script` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Script {
    /// The block's name.
    pub name: String,
    /// `script` and `user`.
    pub command: Command,
    /// `interval`: from one start to the next.
    pub interval: Duration,
    /// `timeout`: after this it has failed; the interval where none is given.
    pub timeout: Option<Duration>,
    /// `weight`, where `track_script` gives none.
    pub weight: Weight,
    /// `rise`: so many successes in a row make it up.
    pub rise: u32,
    /// `fall`: so many failures in a row make it down.
    pub fall: u32,
    /// `init_fail`: down until it first succeeds.
    pub init_fail: bool,
}

/// One `track_file` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct TrackFile {
    /// The block's name.
    pub name: String,
    /// `file`: what is read. The number in it, times the weight, is added to the priority.
    pub path: PathBuf,
    /// `weight`, where a reference gives none.
    pub weight: Weight,
    /// `init_file`: what is written at start.
    pub init: Option<InitFile>,
}

/// `init_file [VALUE] [overwrite]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct InitFile {
    /// The number to write.
    pub value: i32,
    /// Also where the file is there already.
    pub overwrite: bool,
}

/// One `vrrp_track_process` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct TrackProcess {
    /// The block's name.
    pub name: String,
    /// `process`: the name of the process, or its path with `full_command`.
    pub process: String,
    /// Its arguments, if they are to be compared.
    pub parameters: Option<Parameters>,
    /// `full_command`: `/proc/PID/cmdline` is compared, instead of the name.
    pub full_command: bool,
    /// `weight`, where `track_process` gives none.
    pub weight: Weight,
    /// `quorum`: so many processes are needed.
    pub quorum: u32,
    /// `quorum_max`: and not more than these.
    pub quorum_max: Option<u32>,
    /// `fork_delay`: wait so long until a gained quorum counts.
    pub fork_delay: Duration,
    /// `terminate_delay`: wait so long until a lost quorum counts.
    pub terminate_delay: Duration,
}

/// The arguments of a tracked process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Parameters {
    /// The arguments in their order.
    pub words: Vec<String>,
    /// `param_match`: how they are compared.
    pub compare: ParameterMatch,
}

/// `param_match`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum ParameterMatch {
    /// All of them, exactly.
    #[default]
    Exact,
    /// `partial`: the first ones, exactly.
    Partial,
    /// `initial`: as `partial`, and the last one may go on.
    Initial,
}
/// What an instance or a sync group depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Tracking {
    /// `track_interface`.
    pub interfaces: Vec<Tracked>,
    /// `track_script`, by the names of `vrrp_script`.
    pub scripts: Vec<Tracked>,
    /// `track_file`, by the names of `track_file` blocks.
    pub files: Vec<Tracked>,
    /// `track_process`, by the names of `vrrp_track_process`.
    pub processes: Vec<Tracked>,
    /// `track_bfd`, by the names of `bfd_instance`.
    pub bfds: Vec<Tracked>,
    /// `track_virtual_server`, by the names that logs give them.
    pub virtual_servers: Vec<Tracked>,
}

/// One line of a `track_*` block.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Tracked {
    /// What is tracked.
    pub name: String,
    /// The weight on this line, else that of what is tracked.
    pub weight: Weight,
}
