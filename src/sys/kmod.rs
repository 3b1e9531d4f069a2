//! Kernel modules: loading one through modprobe.

use std::path::Path;
use std::process::{Command, Stdio};

/// Where modprobe is; `PATH` is not asked, since a privileged program calls it.
const MODPROBE: [&str; 2] = ["/sbin/modprobe", "/usr/sbin/modprobe"];

/// Loads `module` with what it depends on, and waits for it; false where that failed for whatever reason (no such
/// module, no modprobe, no permission).
#[must_use]
pub fn load(module: &str) -> bool {
    modprobe(module).is_some_and(|mut modprobe| modprobe.status().is_ok_and(|status| status.success()))
}

/// Begins to load `module`, and does not wait for it: the caller collects the process with its others.
pub fn begin(module: &str) {
    // A failure shows where the module is needed.
    let _ = modprobe(module).map(|mut modprobe| modprobe.spawn());
}

fn modprobe(module: &str) -> Option<Command> {
    let mut modprobe = Command::new(MODPROBE.into_iter().find(|p| Path::new(p).exists())?);
    modprobe.args(["-q", "--", module]).env_remove(super::readiness::VARIABLE);
    modprobe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Some(modprobe)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_module_that_does_not_exist_is_not_loaded() {
        assert!(!super::load("vipd_no_such_module"));
    }
}
