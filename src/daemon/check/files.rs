//! The files of `FILE_CHECK`: read when they are first wanted, and again whenever somebody writes, replaces or removes
//! them. What a content means is decided in [`crate::check::probe::file`].

use super::prober::Finished;
use crate::check::config::FileCheck;
use crate::check::event::ProbeId;
use crate::check::probe::file;
use crate::sys::input;
use crate::sys::ready::Ready;
use crate::sys::watch::{Directory, Heard, Watcher};
use crate::time::Instant;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::warn;

/// More than any number needs; a longer file holds none.
const MAX_SIZE: u64 = 4096;

/// How often a directory that could not be watched is tried again, and its files read meanwhile.
const RETRY: Duration = Duration::from_secs(2);

/// All watched files.
#[derive(Default)]
pub(super) struct Files {
    watcher: Option<Ready<Watcher>>,
    checks: HashMap<ProbeId, FileCheck>,
    probes: HashMap<PathBuf, Vec<ProbeId>>,
    directories: HashMap<Directory, PathBuf>,
    /// Directories that can't be watched.
    unwatched: HashSet<PathBuf>,
    retry_at: Option<Instant>,
    /// What was found and not asked for yet.
    found: VecDeque<Finished>,
}

impl Files {
    /// Watches a file for a check, and reads it.
    pub(super) fn start(&mut self, now: Instant, probe: ProbeId, check: &FileCheck) {
        self.checks.insert(probe, check.clone());
        let probes = self.probes.entry(check.path.clone()).or_default();
        probes.push(probe);
        if probes.len() == 1 {
            self.watch(now, directory_of(&check.path));
        }
        // Watched first: what is written from here on is heard of.
        self.look(&check.path, Some(probe));
    }

    pub(super) fn cancel(&mut self, probe: ProbeId) {
        let Some(check) = self.checks.remove(&probe) else { return };
        if let Some(probes) = self.probes.get_mut(&check.path) {
            probes.retain(|p| *p != probe);
            if probes.is_empty() {
                self.probes.remove(&check.path);
            }
        }
    }

    /// What a file said; never, while nothing is watched. Dropping the future loses nothing.
    pub(super) async fn changed(&self) {
        match &self.watcher {
            _ if !self.found.is_empty() => {}
            Some(watcher) if watcher.wait().await.is_ok() => {}
            _ => std::future::pending().await,
        }
    }

    /// When to call [`Files::handle_timeout`].
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Tries again to watch what could not be watched.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.retry_at.is_none_or(|at| at > now) {
            return;
        }
        self.retry_at = None;
        for directory in std::mem::take(&mut self.unwatched) {
            self.watch(now, &directory);
            let paths: Vec<PathBuf> =
                self.probes.keys().filter(|path| directory_of(path) == directory).cloned().collect();
            for path in paths {
                self.look(&path, None);
            }
        }
    }

    /// What a file said.
    pub(super) fn try_found(&mut self, now: Instant) -> Option<Finished> {
        if self.found.is_empty() {
            self.listen(now);
        }
        self.found.pop_front()
    }

    fn listen(&mut self, now: Instant) {
        let heard = match self.watcher.as_ref().map(|watcher| (watcher, watcher.get().read())) {
            Some((watcher, Ok(heard))) => {
                if !heard.is_empty() {
                    watcher.more();
                }
                heard
            }
            _ => return,
        };
        let mut changed: HashSet<PathBuf> = HashSet::new();
        for heard in heard {
            match heard {
                Heard::Changed(directory, name) => {
                    let Some(directory) = self.directories.get(&directory) else { continue };
                    let path = directory.join(name);
                    if self.probes.contains_key(&path) {
                        changed.insert(path);
                    }
                }
                Heard::Gone(directory) => {
                    if let Some(path) = self.directories.remove(&directory) {
                        changed.extend(self.probes.keys().filter(|p| directory_of(p) == path).cloned());
                        self.watch(now, &path);
                    }
                }
                Heard::Lost => changed.extend(self.probes.keys().cloned()),
            }
        }
        for path in changed {
            self.look(&path, None);
        }
    }

    fn watch(&mut self, now: Instant, directory: &Path) {
        match self.add(directory) {
            Ok(id) => {
                self.directories.insert(id, directory.to_owned());
            }
            Err(error) => {
                if self.unwatched.insert(directory.to_owned()) && self.retry_at.is_none() {
                    warn!(%error, "{} can't be watched: its files are read every {} s", directory.display(), RETRY.as_secs());
                }
                self.retry_at.get_or_insert(now + RETRY);
            }
        }
    }

    fn add(&mut self, directory: &Path) -> io::Result<Directory> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => none.insert(Ready::new(Watcher::new()?)?),
        };
        watcher.get().add(directory)
    }

    /// Reads a file, for one check or for all of them.
    fn look(&mut self, path: &Path, only: Option<ProbeId>) {
        let content = input::file(path, MAX_SIZE).ok();
        let probes = self.probes.get(path).into_iter().flatten();
        for &probe in probes.filter(|&&p| only.is_none_or(|only| only == p)) {
            if let Some(check) = self.checks.get(&probe) {
                let outcome = file::outcome(check, content.as_deref());
                self.found.push_back(Finished { probe, outcome });
            }
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
