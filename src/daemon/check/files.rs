//! The files of `FILE_CHECK`: read when they are first wanted, and again whenever somebody writes, replaces or removes
//! them. What a content means is decided in [`crate::check::probe::file`].

use super::prober::Finished;
use crate::check::config::FileCheck;
use crate::check::event::ProbeId;
use crate::check::probe::file;
use crate::daemon::paths::{Holder, Paths};
use crate::sys::input;
use crate::sys::ready::Ready;
use crate::sys::watch::Watcher;
use crate::time::Instant;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

/// More than any number needs; a longer file holds none.
const MAX_SIZE: u64 = 4096;

/// All watched files.
#[derive(Default)]
pub(super) struct Files {
    paths: Paths<Ready<Watcher>>,
    checks: HashMap<ProbeId, FileCheck>,
    probes: HashMap<PathBuf, Vec<ProbeId>>,
    /// What was found and not asked for yet.
    found: VecDeque<Finished>,
}

impl Holder for Ready<Watcher> {
    fn hold(watcher: Watcher) -> io::Result<Ready<Watcher>> {
        Ready::new(watcher)
    }

    fn watcher(&self) -> &Watcher {
        self.get()
    }
}

impl Files {
    /// Watches a file for a check, and reads it.
    pub(super) fn start(&mut self, now: Instant, probe: ProbeId, check: &FileCheck) {
        self.checks.insert(probe, check.clone());
        self.probes.entry(check.path.clone()).or_default().push(probe);
        self.paths.watch(now, &check.path);
        // Watched first: what is written from here on is heard of.
        self.look(&check.path, Some(probe));
    }

    pub(super) fn cancel(&mut self, probe: ProbeId) {
        let Some(check) = self.checks.remove(&probe) else { return };
        self.paths.unwatch(&check.path);
        if let Some(probes) = self.probes.get_mut(&check.path) {
            probes.retain(|p| *p != probe);
            if probes.is_empty() {
                self.probes.remove(&check.path);
            }
        }
    }

    /// What a file said; never, while nothing is watched. Dropping the future loses nothing.
    pub(super) async fn changed(&self) {
        match self.paths.holder() {
            _ if !self.found.is_empty() => {}
            Some(watcher) if watcher.wait().await.is_ok() => {}
            _ => std::future::pending().await,
        }
    }

    /// When to call [`Files::handle_timeout`].
    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.paths.next_timeout()
    }

    /// Tries again to watch what could not be watched.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for path in self.paths.handle_timeout(now) {
            self.look(&path, None);
        }
    }

    /// What a file said.
    pub(super) fn try_found(&mut self, now: Instant) -> Option<Finished> {
        if self.found.is_empty() {
            let (changed, more) = self.paths.heard(now);
            if let Some(watcher) = self.paths.holder().filter(|_| more) {
                watcher.more();
            }
            for path in changed {
                self.look(&path, None);
            }
        }
        self.found.pop_front()
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
