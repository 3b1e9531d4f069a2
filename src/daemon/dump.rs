//! Files that signals ask for, with what is going on: which there are, where they go, and how they are written.
//!
//! What stands in them is [`crate::state::keepalived`]'s.

mod host;

use crate::conf::Config;
use crate::conf::config::{Files, Instancing};
use crate::state::keepalived::data::Process;
use crate::sys::input::reason;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tracing::{error, warn};

pub(super) use host::Machine;

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
    instancing: Instancing,
    temporary: PathBuf,
}

impl Names {
    /// As this configuration says, and the environment of this process.
    pub(super) fn of(config: &Config) -> Names {
        let temporary = std::env::var_os("TMPDIR").filter(|path| !path.is_empty());
        let temporary = temporary.map_or_else(|| "/tmp".into(), PathBuf::from);
        let (files, instancing) = (config.global.files.clone(), config.global.instancing.clone());
        Names { files, instancing, temporary }
    }

    /// `keepalived.data` and its like: each process has a name of its own, made of the configured one.
    pub(super) fn data(&self, process: Process) -> PathBuf {
        let configured = self.files.state_dump_file.as_deref();
        let mut path = self.path(configured, "keepalived.data");
        // Only of a path from the root, keepalived takes the directory.
        if configured.is_some_and(|configured| !configured.starts_with('/'))
            && let Some(name) = path.file_name()
        {
            path = self.temporary.join(name);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (stem, extension) = name.rfind('.').map_or((&*name, ""), |dot| name.split_at(dot));
        let suffix = match process {
            Process::Vrrp => "",
            Process::Check => "_check",
            Process::Parent => "_parent",
        };
        path.with_file_name(format!("{stem}{suffix}{}{extension}", self.place()))
    }

    /// `data_use_instance`: the network namespace and the instance.
    fn place(&self) -> String {
        let Instancing { instance, net_namespace, .. } = &self.instancing;
        let names: Vec<&str> = [net_namespace, instance].into_iter().flatten().map(String::as_str).collect();
        match self.files.data_use_instance && !names.is_empty() {
            true => format!(".{}", names.join("_")),
            false => String::new(),
        }
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

/// A thread that makes texts and writes them, one after another: whoever copies for them need not wait.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Made with the first file; the thread ends with it.
    files: Option<Sender<File>>,
}

struct File {
    path: PathBuf,
    text: Box<dyn FnOnce() -> String + Send>,
}

impl Writer {
    /// Writes what `text` gives there.
    pub(super) fn write(&mut self, path: PathBuf, text: impl FnOnce() -> String + Send + 'static) {
        if self.files.is_none() {
            let (sender, files) = channel::<File>();
            let started = thread::Builder::new().name("dumps".to_owned()).spawn(move || {
                for File { path, text } in files {
                    write(&path, &text());
                }
            });
            match started {
                Ok(_) => self.files = Some(sender),
                Err(error) => {
                    let reason = reason(&error);
                    return error!("{} is not written, no thread for it: {reason}", path.display());
                }
            }
        }
        if let Some(files) = &self.files {
            // It takes files as long as there is somebody who could send one.
            let _ = files.send(File { path, text: Box::new(text) });
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
            let names = Names { files, instancing: Instancing::default(), temporary: "/tmp".into() };
            [names.stats(), names.json()].map(|path| path.display().to_string())
        };
        assert_eq!(names(None), ["/tmp/keepalived.stats", "/tmp/keepalived.json"]);
        assert_eq!(names(Some("/run/x/")), ["/run/x/keepalived.stats", "/run/x/keepalived.json"]);
        assert_eq!(names(Some("/run/x.txt"))[0], "/run/x.txt");
        assert_eq!(names(Some("x.txt"))[0], "/tmp/x.txt");
    }

    #[test]
    fn each_process_has_a_file_of_its_own_and_each_instance_if_that_is_asked_for() {
        let data = |path: Option<&str>, place: Option<(Option<&str>, Option<&str>)>| {
            let (net_namespace, instance) = place.unwrap_or_default();
            let names = Names {
                files: Files {
                    state_dump_file: path.map(str::to_owned),
                    data_use_instance: place.is_some(),
                    ..Files::default()
                },
                instancing: Instancing {
                    net_namespace: net_namespace.map(str::to_owned),
                    instance: instance.map(str::to_owned),
                    ..Instancing::default()
                },
                temporary: "/tmp".into(),
            };
            let of = [Process::Vrrp, Process::Check, Process::Parent];
            of.map(|process| names.data(process).display().to_string())
        };
        let usual = ["/tmp/keepalived.data", "/tmp/keepalived_check.data", "/tmp/keepalived_parent.data"];
        assert_eq!(data(None, None), usual);
        assert_eq!(data(None, Some((None, None))), usual);
        assert_eq!(data(Some("/run/x/"), None)[1], "/run/x/keepalived_check.data");
        assert_eq!(data(Some("/run/x.state"), None)[2], "/run/x_parent.state");
        assert_eq!(data(Some("state"), None)[1], "/tmp/state_check");
        assert_eq!(data(Some("folder/state.txt"), None)[0], "/tmp/state.txt");
        assert_eq!(data(None, Some((Some("ns"), Some("one"))))[1], "/tmp/keepalived_check.ns_one.data");
        assert_eq!(data(None, Some((None, Some("one"))))[0], "/tmp/keepalived.one.data");
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
