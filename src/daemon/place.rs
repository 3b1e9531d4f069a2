//! Where a daemon lives beside others of its machine: its network namespace, its pid files, its name in the log.
//!
//! As keepalived has it, but for the mount namespace that it makes for a network namespace: there `/run/keepalived` is what
//! is `/run/keepalived/NAMESPACE` for all others. Here it is that for everybody.

use super::options::Options;
use super::worker::Kind;
use crate::conf::config::Instancing;
use crate::sys::log;
use crate::sys::namespace;
use std::fs;
use std::path::{Path, PathBuf};
use tracing::info;

/// The folder of pid files, where one is wanted.
const FOLDER: &str = "/run/keepalived";

/// Folders that are there for pid files. Dropping it removes them, if nothing is left in them.
#[derive(Debug, Default)]
pub(super) struct Folders(Vec<PathBuf>);

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Others may have files there.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Options {
    /// Moves this process into the network namespace of the command line, so that the configuration is read there.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn enter(&self) -> Result<(), String> {
        self.source.namespace.as_deref().map_or(Ok(()), namespace::enter)
    }

    /// Does what a configuration says: enters its network namespace, moves the pid files that the command line does not
    /// name, and adds to the name in the log.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn take_place(&mut self, instancing: &Instancing) -> Result<Folders, String> {
        let Instancing { instance, use_pid_dir, net_namespace, .. } = instancing;
        if let Some(name) = net_namespace.as_deref().filter(|_| self.source.namespace.is_none()) {
            namespace::enter(name)?;
        }
        let names = [net_namespace, instance].into_iter().flatten();
        self.log_suffix = names.map(|name| format!("_{name}")).collect();
        if !self.log_suffix.is_empty() {
            let tag = format!("{}{}", self.log.tag, self.log_suffix);
            info!("Changing syslog ident to {tag}");
            log::rename(&tag);
        }
        if !use_pid_dir {
            return Ok(Folders::default());
        }
        self.move_pid_files(instancing);
        let folders = self.folders();
        // Where one can't be made, the pid file in it says so.
        folders.0.iter().for_each(|folder| drop(fs::create_dir(folder)));
        Ok(folders)
    }

    fn move_pid_files(&mut self, instancing: &Instancing) {
        let folder = match &instancing.net_namespace {
            Some(name) => Path::new(FOLDER).join(name),
            None => PathBuf::from(FOLDER),
        };
        let suffix = instancing.instance.as_deref().map(|name| format!("_{name}")).unwrap_or_default();
        let file = |name: &str| folder.join(format!("{name}{suffix}.pid"));
        let named = |kind| self.named_pid_files.contains(&kind);
        if !named(None) {
            self.pid_file = file("keepalived");
        }
        for (kind, name) in [(Kind::Vrrp, "vrrp"), (Kind::Check, "checkers")] {
            if !named(Some(kind)) {
                self.worker_pid_files.insert(kind, file(name));
            }
        }
    }

    /// Those that the pid files are in, the outermost first.
    fn folders(&self) -> Folders {
        let files = std::iter::once(&self.pid_file).chain(self.worker_pid_files.values());
        let inner = files.filter_map(|file| file.parent()).filter(|folder| folder.starts_with(FOLDER));
        let mut folders: Vec<PathBuf> = Vec::new();
        if let Some(inner) = inner.max_by_key(|folder| folder.components().count()) {
            folders.push(FOLDER.into());
            folders.extend((inner != Path::new(FOLDER)).then(|| inner.to_owned()));
        }
        Folders(folders)
    }
}

/// Why a configuration can't take the place of the one that runs, where it says something else of this.
pub(super) fn moved(running: &Instancing, read: &Instancing) -> Option<String> {
    let what = if running.net_namespace != read.net_namespace {
        "the network namespace"
    } else if running.instance != read.instance {
        "the instance's name"
    } else {
        return None;
    };
    Some(format!("{what} can't be changed by a reload: a restart is needed"))
}
