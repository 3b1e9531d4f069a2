//! Network namespaces by their names, as `ip netns` knows them.

use super::input::reason;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::path::Path;

/// Where `ip netns` keeps them.
const NAMES: &str = "/run/netns";

/// Moves this process, and all that it starts from now on, into a network namespace. Call it before any thread is started.
///
/// # Errors
/// Why not, in words: there is none of that name, or this process may not.
pub fn enter(name: &str) -> Result<(), String> {
    let refused = |why: &str| format!("unable to set network namespace {name}: {why}");
    // It is a part of paths.
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(refused("this can't be the name of one"));
    }
    let path = Path::new(NAMES).join(name);
    let file =
        File::open(&path).map_err(|error| refused(&format!("{}: {}", path.display(), reason(&error))))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| refused(&reason(&error.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_or_nobodys_is_refused() {
        for name in ["", ".", "..", "a/b", "../netns/a"] {
            assert!(enter(name).unwrap_err().ends_with("this can't be the name of one"), "{name}");
        }
        let missing = enter("vipd-no-such-namespace").unwrap_err();
        let expected =
            "unable to set network namespace vipd-no-such-namespace: /run/netns/vipd-no-such-namespace: ";
        assert!(missing.starts_with(expected), "{missing}");
    }
}
