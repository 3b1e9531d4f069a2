//! Where the daemon's configuration comes from, at the start and at each reload, and what the log hears of it.

use super::exit::Exit;
use super::scripts::Machine;
use crate::conf::diagnostic::{Severity, codes, render};
use crate::conf::{self, Config, Diagnostic, InterfaceKind, LoadOptions, NameFolders};
use crate::netlink::route::{Client, Link};
use crate::sys::iproute2::Names;
use crate::sys::mtu;
use nix::net::if_::if_nametoindex;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::PathBuf;

/// What the command line says of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `-f`: from the root on, since a reload must find it from anywhere.
    pub file: PathBuf,
    /// `-i`: decides the lines that begin with `@id`.
    pub config_id: Option<String>,
    /// `-e`: a file that an include does not find is an error.
    pub all_files: bool,
    /// `-s`: the network namespace to run in, whatever the configuration says.
    pub namespace: Option<String>,
}

/// A configuration that can be run.
#[derive(Debug)]
pub struct Loaded {
    /// It.
    pub config: Config,
    /// What was found in it all the same, a line each.
    pub findings: Vec<String>,
    /// The errors of the text, whatever this machine has of interfaces, scripts and users: those of `vipd check`. Without
    /// their places, so that they can be compared with those of another reading.
    pub errors: Vec<String>,
    /// The file says nothing at all.
    pub is_empty: bool,
}

/// A configuration that can't.
#[derive(Debug)]
pub struct Refused {
    /// The status to end with, at start.
    pub exit: Exit,
    /// What was found, a line each.
    pub findings: Vec<String>,
}

impl Source {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Refused`] where nothing can be run of it.
    pub fn load(&self) -> Result<Loaded, Refused> {
        let loaded = self.with_options(|options| {
            // A reload reads it again.
            conf::load(&self.file, &LoadOptions { only_files: true, ..*options })
        });
        let told = loaded.diagnostics.iter().filter(|d| d.code.severity > Severity::Hint);
        let findings: Vec<String> = told.map(|d| render::line(d, &loaded.sources)).collect();
        let errors = self.errors(&loaded);
        let is_empty = loaded.diagnostics.iter().any(|d| std::ptr::eq(d.code, &codes::EMPTY));
        let exit = if loaded.is_unread() { Exit::NoConfig } else { Exit::Config };
        match loaded.config {
            Some(mut config) => {
                if let Some(name) = &self.namespace {
                    config.global.instancing.net_namespace = Some(name.clone());
                    config.global.instancing.use_pid_dir = true;
                }
                Ok(Loaded { config, findings, errors, is_empty })
            }
            None => Err(Refused { exit, findings }),
        }
    }

    /// What is wrong with the text. What this machine lacks may hide some of it, or lead to more: a script without its user
    /// takes the line with it that tracks it. Then the text is read once more, as on a machine that has it all.
    fn errors(&self, loaded: &conf::Loaded) -> Vec<String> {
        let depends =
            |d: &Diagnostic| codes::is_of_the_machine(d.code) || std::ptr::eq(d.code, &codes::TOO_MANY);
        if !loaded.diagnostics.iter().any(depends) {
            return errors_of(loaded);
        }
        let text = self.with_options(|options| {
            let options = LoadOptions { interfaces: None, bases: None, scripts: None, ..*options };
            conf::load(&self.file, &LoadOptions { only_files: true, ..options })
        });
        errors_of(&text)
    }

    /// Calls `read` with what reading depends on: the command line, and this machine's interfaces.
    pub fn with_options<T>(&self, read: impl FnOnce(&LoadOptions<'_>) -> T) -> T {
        let interfaces = |name: &str| Some(interface(name));
        let bases = Bases::default();
        let base = |name: &str| bases.of(name);
        let config_id = self.config_id.as_deref();
        let names = Names::new();
        let number =
            |folders: NameFolders<'_>, table, name: &str| names.number(folders.etc, folders.usr, table, name);
        read(&LoadOptions {
            config_id,
            interfaces: Some(&interfaces),
            bases: Some(&base),
            scripts: Some(&Machine),
            names: Some(&number),
            all_files: self.all_files,
            ..LoadOptions::default()
        })
    }
}

/// The errors, without their places: all that makes `vipd check` fail.
fn errors_of(loaded: &conf::Loaded) -> Vec<String> {
    let errors = loaded.diagnostics.iter().filter(|d| d.code.severity == Severity::Error);
    errors.map(|d| format!("{} {}", d.code.id, d.message)).collect()
}

/// Macvlans and ipvlans of this network namespace, and the interfaces below; asked for once, when somebody wants to know.
#[derive(Default)]
struct Bases(OnceCell<HashMap<String, String>>);

impl Bases {
    fn of(&self, name: &str) -> Option<String> {
        // Where the kernel does not answer, nothing is said against the file.
        let bases = self.0.get_or_init(|| match Client::open().and_then(|mut client| client.links()) {
            Ok(links) => bases(&links),
            Err(_) => HashMap::new(),
        });
        bases.get(name).cloned()
    }
}

/// An index of another network namespace may be that of an unrelated interface here.
fn bases(links: &[Link]) -> HashMap<String, String> {
    let names: HashMap<u32, &str> = links.iter().map(|link| (link.index, link.name.as_str())).collect();
    let shares = |link: &&Link| matches!(link.kind.as_deref(), Some("macvlan" | "macvtap" | "ipvlan"));
    let here = links.iter().filter(shares).filter(|link| !link.lower_is_elsewhere);
    here.filter_map(|link| Some((link.name.clone(), (*names.get(&link.lower?)?).to_owned()))).collect()
}

/// What this machine (this network namespace) knows of an interface.
fn interface(name: &str) -> InterfaceKind {
    match if_nametoindex(name) {
        // To the kernel, a label of addresses (`eth0:1`) names the interface before the colon.
        Ok(_) if name.contains(':') => InterfaceKind::Missing,
        Err(_) => InterfaceKind::Missing,
        // The loopback interface is the first of every network namespace.
        Ok(1) => InterfaceKind::Loopback,
        // One that went away in between has the usual one.
        Ok(_) => InterfaceKind::Usable { mtu: mtu::of(name).unwrap_or(1500) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_and_a_bad_one_end_differently() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k.conf");
        let source = Source { file: file.clone(), config_id: None, all_files: false, namespace: None };
        let refused = source.load().unwrap_err();
        assert_eq!(refused.exit, Exit::NoConfig);
        assert!(refused.findings[0].contains("k.conf"), "{:?}", refused.findings);
        std::fs::write(&file, "vrrp_instance VI {\n interface eth0\n").unwrap();
        assert_eq!(source.load().unwrap_err().exit, Exit::Config);
    }

    #[test]
    fn every_network_namespace_has_its_loopback() {
        assert_eq!(interface("lo"), InterfaceKind::Loopback);
        assert_eq!(interface("no-such-if"), InterfaceKind::Missing);
        assert_eq!(interface("lo:1"), InterfaceKind::Missing, "a label");
    }
}
