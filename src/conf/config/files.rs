//! Files: where they are read and written, and how.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Paths, and how files are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Files {
    /// `umask` for files that are made; `None` leaves the program's default or `--umask`.
    pub umask: Option<u32>,
    /// `use_symlink_paths`: keep symbolic links in the paths of scripts as they are.
    pub use_symlink_paths: bool,
    /// `tmp_config_directory`: where a copy of the configuration is held; in memory without.
    pub tmp_config_directory: Option<String>,
    /// `config_save_dir`: what was configured is saved here around each reload.
    pub config_save_dir: Option<String>,
    /// `data_use_instance`: the names of dumps hold the instance's and the namespace's.
    pub data_use_instance: bool,
    /// `state_dump_file`: what SIGUSR1 writes; a path that ends in `/` is a directory.
    pub state_dump_file: Option<String>,
    /// `stats_dump_file`: what SIGUSR2 writes.
    pub stats_dump_file: Option<String>,
    /// `json_dump_file`.
    pub json_dump_file: Option<String>,
    /// `json_version`.
    pub json_version: JsonVersion,
    /// `iproute_usr_dir`: names of tables, protocols and scopes as iproute2 delivers them.
    pub iproute_usr_dir: Option<String>,
    /// `iproute_etc_dir`: the same, as the administrator changed them.
    pub iproute_etc_dir: Option<String>,
}

/// `json_version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum JsonVersion {
    /// A list of instances.
    #[default]
    V1,
    /// An object with the instances and the tracked processes.
    V2,
}
