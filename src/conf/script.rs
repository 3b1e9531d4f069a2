//! What the caller's machine says of scripts and of the accounts they run under.

use crate::command::RunAs;

/// Asked about scripts while a configuration is read.
pub trait ScriptHost {
    /// Whether user and group exist.
    ///
    /// # Errors
    /// Which of the two does not.
    fn account(&self, run_as: &RunAs) -> Result<(), UnknownAccount>;

    /// How a script looks that `run_as` would run; the process's own user for `None`.
    fn examine(&self, program: &str, run_as: Option<&RunAs>) -> Examined;
}

/// What an account lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownAccount {
    /// There is no such user.
    User,
    /// There is no such group.
    Group,
}

/// How a script looks on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Examined {
    /// It can't be reached, by its path or by the search path.
    Missing,
    /// It is a directory, a device …
    NotAFile,
    /// It is a file.
    Script {
        /// The account may execute it.
        executable: bool,
        /// It would run as root, and others than root can write to it or to a directory above it.
        insecure: bool,
    },
}
