//! What the command line says of the daemon: keepalived's flags, resolved.

use super::worker::{self, Kind};
use crate::sys::log;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Everything the parent needs to know before it reads the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name the program was called by: what process lists show of the workers too.
    pub program: String,
    /// `-f`, `-i`, `-e`: the configuration.
    pub source: super::source::Source,
    /// `-n`: stay in the foreground.
    pub foreground: bool,
    /// `-p`: the parent's pid file.
    pub pid_file: PathBuf,
    /// `-r`, `-c`: the workers' pid files.
    pub worker_pid_files: BTreeMap<Kind, PathBuf>,
    /// Those of the pid files that the command line names, the parent's is that of `None`: the configuration moves the others.
    pub named_pid_files: BTreeSet<Option<Kind>>,
    /// What tells this daemon from others in the log: `_NAMESPACE_INSTANCE`.
    pub log_suffix: String,
    /// `-P`, `-C`: the workers that may run.
    pub workers: BTreeSet<Kind>,
    /// `--all`: they run even with nothing to do.
    pub all: bool,
    /// Not `-R`: workers that die are started again.
    pub respawn: bool,
    /// `-u`: the file creation mask.
    pub umask: Option<u32>,
    /// `-m`: core dumps of any size.
    pub core_dumps: bool,
    /// `-d`: the configuration goes to the log.
    pub dump_config: bool,
    /// `-l`, `-D`, `-S`, `-G`, `-g`: the parent's log.
    pub log: log::Settings,
    /// What concerns the workers.
    pub worker: worker::Options,
}

impl Options {
    /// The workers to run for a configuration that has work for these.
    #[must_use]
    pub fn wanted(&self, work: &BTreeSet<Kind>) -> BTreeSet<Kind> {
        self.workers.iter().copied().filter(|kind| self.all || work.contains(kind)).collect()
    }

    /// The workers that take away at the end what they have made.
    #[must_use]
    pub fn released(&self) -> BTreeSet<Kind> {
        let kept =
            [(Kind::Vrrp, self.worker.dont_release_vrrp), (Kind::Check, self.worker.dont_release_ipvs)];
        kept.into_iter().filter(|(_, kept)| !kept).map(|(kind, _)| kind).collect()
    }

    /// The permissions of pid files, which the mask lessens: those of `-u` are exactly what it asks for.
    #[must_use]
    pub fn pid_file_mode(&self) -> u32 {
        if self.umask.is_some() { 0o666 } else { 0o644 }
    }

    /// A worker's log: a tag and a file of its own.
    #[must_use]
    pub fn worker_log(&self, kind: Kind) -> log::Settings {
        log::Settings {
            tag: format!("{}_{}{}", self.log.tag, log_suffix(kind), self.log_suffix),
            file: self.log.file.as_deref().map(|file| insert(file, log_suffix(kind))),
            ..self.log.clone()
        }
    }
}

/// keepalived's word in syslog tags and log files.
fn log_suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Vrrp => "vrrp",
        Kind::Check => "healthcheckers",
    }
}

/// `dir/name.log` becomes `dir/name_suffix.log`.
fn insert(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push("_");
    name.push(suffix);
    if let Some(extension) = file.extension() {
        name.push(OsStr::new("."));
        name.push(extension);
    }
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_its_own_log_file() {
        assert_eq!(insert(Path::new("/var/log/k.log"), "vrrp"), Path::new("/var/log/k_vrrp.log"));
        assert_eq!(insert(Path::new("/v.d/a.b.log"), "vrrp"), Path::new("/v.d/a.b_vrrp.log"));
        assert_eq!(insert(Path::new("/v.d/log"), "vrrp"), Path::new("/v.d/log_vrrp"));
    }
}
