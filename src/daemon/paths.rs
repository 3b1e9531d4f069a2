//! Files whose content somebody else decides: heard of through the directories they are in, whoever writes, replaces or
//! removes them. What they say is read by others.
//!
//! A directory that can't be watched (it is not there, the limit of watches) is tried again every [`RETRY`], and its files
//! are read each time.

use crate::sys::watch::{Directory, Heard, Watcher};
use crate::time::Instant;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::warn;

/// How often a directory that could not be watched is tried again, and its files read meanwhile.
const RETRY: Duration = Duration::from_secs(2);

/// Who holds the watcher: itself, or something that waits for it.
pub(super) trait Holder: Sized {
    /// Takes a watcher.
    fn hold(watcher: Watcher) -> io::Result<Self>;
    /// What it holds.
    fn watcher(&self) -> &Watcher;
}

impl Holder for Watcher {
    fn hold(watcher: Watcher) -> io::Result<Watcher> {
        Ok(watcher)
    }

    fn watcher(&self) -> &Watcher {
        self
    }
}

/// All watched files.
#[derive(Debug)]
pub(super) struct Paths<W> {
    holder: Option<W>,
    /// How often each is wanted.
    paths: HashMap<PathBuf, usize>,
    directories: HashMap<Directory, PathBuf>,
    /// Directories that can't be watched.
    unwatched: HashSet<PathBuf>,
    retry_at: Option<Instant>,
}

impl<W> Default for Paths<W> {
    fn default() -> Self {
        Paths {
            holder: None,
            paths: HashMap::new(),
            directories: HashMap::new(),
            unwatched: HashSet::new(),
            retry_at: None,
        }
    }
}

impl<W: Holder> Paths<W> {
    /// Watches a file. What is written from here on is heard of: it is to be read after this.
    pub(super) fn watch(&mut self, now: Instant, path: &Path) {
        let count = self.paths.entry(path.to_owned()).or_default();
        *count += 1;
        if *count == 1 {
            self.watch_directory(now, directory_of(path));
        }
    }

    /// One less wants the file.
    pub(super) fn unwatch(&mut self, path: &Path) {
        if let Some(count) = self.paths.get_mut(path) {
            *count -= 1;
            if *count == 0 {
                self.paths.remove(path);
            }
        }
    }

    /// Who holds the watcher; nobody before the first file is watched.
    pub(super) const fn holder(&self) -> Option<&W> {
        self.holder.as_ref()
    }

    /// When [`Paths::handle_timeout`] has something to do.
    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Tries again to watch what could not be watched. Gives the files that are to be read.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<PathBuf> {
        if self.retry_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.retry_at = None;
        let mut changed = Vec::new();
        for directory in std::mem::take(&mut self.unwatched) {
            self.watch_directory(now, &directory);
            changed.extend(self.paths.keys().filter(|path| directory_of(path) == directory).cloned());
        }
        changed
    }

    /// Some of the files that have changed; and whether there may be more.
    pub(super) fn heard(&mut self, now: Instant) -> (HashSet<PathBuf>, bool) {
        let mut changed = HashSet::new();
        let heard = self.holder.as_ref().and_then(|holder| holder.watcher().read().ok()).unwrap_or_default();
        let more = !heard.is_empty();
        for heard in heard {
            match heard {
                Heard::Changed(directory, name) => {
                    let Some(directory) = self.directories.get(&directory) else { continue };
                    let path = directory.join(name);
                    if self.paths.contains_key(&path) {
                        changed.insert(path);
                    }
                }
                Heard::Gone(directory) => {
                    if let Some(path) = self.directories.remove(&directory) {
                        changed.extend(self.paths.keys().filter(|p| directory_of(p) == path).cloned());
                        self.watch_directory(now, &path);
                    }
                }
                Heard::Lost => changed.extend(self.paths.keys().cloned()),
            }
        }
        (changed, more)
    }

    fn watch_directory(&mut self, now: Instant, directory: &Path) {
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
        let holder = match &mut self.holder {
            Some(holder) => holder,
            none => none.insert(W::hold(Watcher::new()?)?),
        };
        holder.watcher().add(directory)
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
