//! Files that signals ask for, with what is going on: which there are, where they go, and how they are written.
//!
//! What stands in them is [`crate::state::keepalived`]'s.

use crate::conf::Config;
use crate::conf::config::Files;
use crate::sys::input::reason;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tracing::warn;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dump {
    /// SIGUSR1: everything, of each process in a file of its own.
    Data,
    /// SIGUSR2: the counters.
    Stats,
    /// SIGRTMAX-1: the counters, which begin again from nothing.
    StatsClear,
    /// SIGRTMIN+2: the instances as JSON.
    Json,
}

/// Where the files go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    files: Files,
    temporary: PathBuf,
}

impl Names {
    /// As this configuration says, and the environment of this process.
    pub(super) fn of(config: &Config) -> Names {
        let temporary = std::env::var_os("TMPDIR").filter(|path| !path.is_empty());
        let temporary = temporary.map_or_else(|| "/tmp".into(), PathBuf::from);
        Names { files: config.global.files.clone(), temporary }
    }

    /// `keepalived.stats`
    pub(super) fn stats(&self) -> PathBuf {
        self.path(self.files.stats_dump_file.as_deref(), "keepalived.stats")
    }

    /// `keepalived.json`
    pub(super) fn json(&self) -> PathBuf {
        self.path(self.files.json_dump_file.as_deref(), "keepalived.json")
    }

    /// A path that ends in `/` is a directory, and one that does not begin there is below the temporary one.
    fn path(&self, configured: Option<&str>, usual: &str) -> PathBuf {
        match configured {
            None => self.temporary.join(usual),
            Some(folder) if folder.ends_with('/') => self.temporary.join(folder).join(usual),
            Some(file) => self.temporary.join(file),
        }
    }
}

/// Writes a file of this name, for its owner alone. Whoever reads it meanwhile sees the old one or all of the new one; who
/// watches the directory hears of the name once it is there, and again when it is closed. Never through a link: that would be
/// replaced.
pub(super) fn write(path: &Path, text: &str) {
    if let Err(error) = replace(path, text.as_bytes()) {
        warn!("{} is not written, an older one stays: {}", path.display(), reason(&error));
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    // One that a process of this number has left behind.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn names_are_those_of_the_configuration_and_else_keepalived_s() {
        let names = |path: Option<&str>| {
            let path = path.map(str::to_owned);
            let files = Files { stats_dump_file: path.clone(), json_dump_file: path, ..Files::default() };
            let names = Names { files, temporary: "/tmp".into() };
            [names.stats(), names.json()].map(|path| path.display().to_string())
        };
        assert_eq!(names(None), ["/tmp/keepalived.stats", "/tmp/keepalived.json"]);
        assert_eq!(names(Some("/run/x/")), ["/run/x/keepalived.stats", "/run/x/keepalived.json"]);
        assert_eq!(names(Some("/run/x.txt"))[0], "/run/x.txt");
        assert_eq!(names(Some("x.txt"))[0], "/tmp/x.txt");
    }

    #[test]
    fn a_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, link) = (folder.path().join("victim"), folder.path().join("keepalived.data"));
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, &link).unwrap();
        write(&link, "new");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        let written = fs::symlink_metadata(&link).unwrap();
        assert!(written.is_file() && written.mode() & 0o777 == 0o600);
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
        write(&folder.path().join("nowhere/keepalived.data"), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "and nothing is left behind");
    }
}
