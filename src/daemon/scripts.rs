//! What this machine says of scripts: whether their users exist, whether they may be executed, and who could replace
//! them; when a configuration is read, and once more when one is to be run. Nothing is run here.

use crate::command::RunAs;
use crate::conf::config::Global;
use crate::conf::script::{Examined, ScriptHost, UnknownAccount};
use crate::raw;
use nix::libc;
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid};
use serde::{Deserialize, Serialize};
use std::env;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where programs are looked for when the environment does not say (`_PATH_DEFPATH` of the C library).
const DEFAULT_PATH: &str = "/usr/bin:/bin";
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// `set_supplementary_groups`, `enable_script_security`, `use_symlink_paths`: under which conditions scripts run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Conditions {
    /// They get the other groups of their user, too.
    pub(super) supplementary_groups: bool,
    /// What would run as root, and others can write to, does not run.
    pub(super) security: bool,
    /// They are executed by the path that is written, not by the one that it leads to.
    pub(super) symlinks: bool,
}

impl Conditions {
    pub(super) const fn of(global: &Global) -> Conditions {
        Conditions {
            supplementary_groups: global.scripts.supplementary_groups,
            security: global.scripts.security,
            symlinks: global.files.use_symlink_paths,
        }
    }
}

/// A program that has been found good for running a moment ago.
#[derive(Debug)]
pub(super) enum Found {
    /// By this path.
    Path(PathBuf),
    /// This file itself: what is at its path by now does not matter.
    File(OwnedFd),
}

/// Looks at a program that `account` is to run now. With script security, who it was that the configuration's reader
/// looked at is looked at again; what the kernel executes itself is executed by its descriptor. What has an interpreter
/// is not: it would lose its name.
///
/// # Errors
/// Why it is not to be run.
pub(super) fn find_to_run(
    program: &str,
    account: (Uid, Gid),
    conditions: Conditions,
) -> Result<Found, String> {
    let missing = || format!("{program} is not there, or its interpreter");
    let path = find(program).ok_or_else(missing)?;
    let real = fs::canonicalize(&path).map_err(|_| missing())?;
    if conditions.security {
        let open =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(&real);
        if let Examined::Script { insecure: true, .. } = examine(&real, account) {
            return Err(format!(
                "{program} is not run: it would run as root, and others than root can write to it or to a directory above it"
            ));
        }
        let mut start = [0; 2];
        if let Ok(mut file) = open
            && file.read_exact(&mut start).is_ok()
            && start != *b"#!"
            && is_same(&file, &real)
        {
            return Ok(Found::File(file.into()));
        }
    }
    Ok(Found::Path(if conditions.symlinks { path } else { real }))
}

/// Whether what was looked at by its path is what was opened before.
fn is_same(file: &File, path: &Path) -> bool {
    let id = |meta: Metadata| (meta.dev(), meta.ino());
    file.metadata().is_ok_and(|ours| fs::symlink_metadata(path).is_ok_and(|there| id(ours) == id(there)))
}

/// This machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine;

impl ScriptHost for Machine {
    fn account(&self, run_as: &RunAs) -> Result<(), UnknownAccount> {
        resolve(run_as).map(|_| ())
    }

    fn examine(&self, program: &str, run_as: Option<&RunAs>) -> Examined {
        let own = (geteuid(), getegid());
        let Ok(account) = run_as.map_or(Ok(own), resolve) else { return Examined::Missing };
        match find(program) {
            Some(path) => examine(&path, account),
            None => Examined::Missing,
        }
    }
}

fn resolve(run_as: &RunAs) -> Result<(Uid, Gid), UnknownAccount> {
    let user = User::from_name(&run_as.user).ok().flatten().ok_or(UnknownAccount::User)?;
    let gid = match &run_as.group {
        None => user.gid,
        Some(name) => Group::from_name(name).ok().flatten().ok_or(UnknownAccount::Group)?.gid,
    };
    Ok((user.uid, gid))
}

/// A path as it is, a name by the search path.
fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(raw::path(program));
    }
    let path = env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned());
    env::split_paths(&path).map(|dir| dir.join(raw::path(program))).find(|p| p.is_file())
}

fn examine(path: &Path, (uid, gid): (Uid, Gid)) -> Examined {
    let Ok(real) = fs::canonicalize(path) else { return Examined::Missing };
    let reachable = |dir: &Path| fs::metadata(dir).is_ok_and(|m| may_execute(&m, uid, gid));
    if !real.ancestors().skip(1).all(reachable) {
        return Examined::Missing;
    }
    let Ok(meta) = fs::metadata(&real) else { return Examined::Missing };
    if !meta.is_file() {
        return Examined::NotAFile;
    }
    let executable = meta.mode() & 0o111 != 0 && may_execute(&meta, uid, gid);
    let set_root =
        (meta.uid() == 0 && meta.mode() & SETUID != 0) || (meta.gid() == 0 && meta.mode() & SETGID != 0);
    let as_root = uid.is_root() || gid.as_raw() == 0 || set_root;
    Examined::Script { executable, insecure: executable && as_root && others_can_replace(&real) }
}

fn may_execute(meta: &Metadata, uid: Uid, gid: Gid) -> bool {
    let bit = if uid.is_root() {
        0o111
    } else if meta.uid() == uid.as_raw() {
        0o100
    } else if meta.gid() == gid.as_raw() {
        0o010
    } else {
        0o001
    };
    meta.mode() & bit != 0
}

/// Whether someone else than root owns or can write to the file, or to a directory above it.
fn others_can_replace(file: &Path) -> bool {
    file.ancestors().any(|part| match fs::symlink_metadata(part) {
        Err(_) => true,
        Ok(meta) => {
            let protected = meta.is_dir() && meta.mode() & STICKY != 0;
            let by_group = meta.gid() != 0 && meta.mode() & GROUP_WRITES != 0;
            meta.uid() != 0 || (!protected && (by_group || meta.mode() & OTHERS_WRITE != 0))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn run_as(user: &str, group: Option<&str>) -> RunAs {
        RunAs { user: user.into(), group: group.map(Into::into) }
    }

    #[test]
    fn accounts_are_those_of_the_machine() {
        assert_eq!(Machine.account(&run_as("root", None)), Ok(()));
        assert_eq!(Machine.account(&run_as("no-such-user", None)), Err(UnknownAccount::User));
        assert_eq!(Machine.account(&run_as("root", Some("no-such-group"))), Err(UnknownAccount::Group));
    }

    #[test]
    fn a_program_is_found_by_path_or_by_name() {
        let safe = Examined::Script { executable: true, insecure: false };
        let root = run_as("root", None);
        assert_eq!(Machine.examine("/bin/sh", Some(&root)), safe);
        assert_eq!(Machine.examine("sh", Some(&root)), safe);
        assert_eq!(Machine.examine("no-such-program", None), Examined::Missing);
        assert_eq!(Machine.examine("/no/such", None), Examined::Missing);
        assert_eq!(Machine.examine("/bin", Some(&root)), Examined::NotAFile);
    }

    #[test]
    fn what_is_to_be_run_is_looked_at_once_more() {
        let root = (Uid::from_raw(0), Gid::from_raw(0));
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("script"), "#!/bin/sh\n").unwrap();
        fs::copy("/bin/true", path("binary")).unwrap();
        std::os::unix::fs::symlink(path("script"), path("link")).unwrap();
        for name in ["script", "binary"] {
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let found = |name: &str, conditions| find_to_run(path(name).to_str().unwrap(), root, conditions);
        let plain = Conditions::default();
        let real = fs::canonicalize(path("script")).unwrap();
        assert!(matches!(found("link", plain), Ok(Found::Path(found)) if found == real));
        let symlinks = Conditions { symlinks: true, ..plain };
        assert!(matches!(found("link", symlinks), Ok(Found::Path(found)) if found == path("link")));
        let security = Conditions { security: true, ..plain };
        // Below /tmp, which others can write to, but not to what is in it.
        assert!(matches!(found("binary", security), Ok(Found::File(_))));
        assert!(matches!(found("script", security), Ok(Found::Path(_))));
        for name in ["script", "binary"] {
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o757)).unwrap();
            assert!(found(name, plain).is_ok());
            let refused = found(name, security).unwrap_err();
            assert!(refused.contains("is not run: it would run as root"), "{refused}");
        }
        assert!(found("none", plain).unwrap_err().ends_with("none is not there, or its interpreter"));
    }

    #[test]
    fn what_others_can_write_to_is_insecure_for_root() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("check");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let mode = |mode| {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            Machine.examine(file.to_str().unwrap(), Some(&run_as("root", None)))
        };
        assert_eq!(mode(0o644), Examined::Script { executable: false, insecure: false });
        assert_eq!(mode(0o757), Examined::Script { executable: true, insecure: true });
    }
}
