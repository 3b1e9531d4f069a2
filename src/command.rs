//! A command line as a configuration gives it, and the account that it runs under.
//!
//! Plain data: who runs it, and whether it may be run at all, is decided elsewhere.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Command {
    /// The program first: a path, or a name to be looked for in the path. `</FILE` stands for "can FILE be opened?".
    /// What is executed are the [`crate::raw::bytes`] of these.
    pub argv: Vec<String>,
    /// Who runs it; `None` where nothing is said: `keepalived_script` if there is such a user, else the daemon's own.
    pub run_as: Option<RunAs>,
}

/// `USER [GROUP]`, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RunAs {
    /// The user.
    pub user: String,
    /// The group; the user's own where none is named.
    pub group: Option<String>,
}

impl Command {
    /// What is executed: the first word.
    #[must_use]
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Whether it is only a question if a file can be opened, so that nothing is executed.
    #[must_use]
    pub fn only_opens_a_file(&self) -> bool {
        self.program()
            .strip_prefix('<')
            .is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with('/'))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.argv.join(" "))
    }
}
