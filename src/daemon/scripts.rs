//! What this machine says of scripts: whether their users exist, whether they may be executed, and who could replace
//! them. Nothing is run here.

use crate::command::RunAs;
use crate::conf::script::{Examined, ScriptHost, UnknownAccount};
use crate::raw;
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid};
use std::env;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where programs are looked for when the environment does not say (`_PATH_DEFPATH` of the C library).
const DEFAULT_PATH: &str = "/usr/bin:/bin";
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

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
