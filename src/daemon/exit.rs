//! Exit statuses of the daemon and its workers: keepalived's numbers, since unit files and scripts know them.

use std::process::ExitCode;

/// Why a process of the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It was told to.
    Ok = 0,
    /// Something failed that will fail again: no worker is restarted after it.
    Fatal = 1,
    /// The configuration can't be run.
    Config = 2,
    /// The process lacks capabilities.
    Permission = 4,
    /// There is no configuration file.
    NoConfig = 6,
    /// Something failed that a fresh start may mend: a worker is restarted after it.
    Software = 70,
}

impl Exit {
    /// The status as the system has it.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The end that a status stands for; what is not known is taken as an error of the program.
    #[must_use]
    pub fn from_code(code: u8) -> Exit {
        [Exit::Ok, Exit::Fatal, Exit::Config, Exit::Permission, Exit::NoConfig]
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Exit::Software)
    }

    /// What a worker's exit status says that a restart would not change.
    #[must_use]
    pub fn permanent(status: i32) -> Option<Exit> {
        [Exit::Fatal, Exit::Config, Exit::Permission, Exit::NoConfig]
            .into_iter()
            .find(|exit| i32::from(exit.code()) == status)
    }

    /// keepalived's word for it in `pid N exited with permanent error …`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Exit::Ok => "OK",
            Exit::Fatal => "FATAL",
            Exit::Config => "CONFIG",
            Exit::Permission => "missing permission",
            Exit::NoConfig => "NO CONFIG",
            Exit::Software => "program error",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
