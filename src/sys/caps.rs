//! Capabilities: a worker gives up for good all that it does not need.
//!
//! The bounding set shrinks too, so a program that a worker starts can't get back what the worker gave up. Scripts, which
//! may need more, are another process's.

pub use caps::Capability;
use caps::{CapSet, CapsHashSet};
use std::io;

/// Why a worker can't work with what the process was given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Some of what is needed is not there: not root, or a container that was given less.
    #[error(
        "missing {} (run as root; in a container: --cap-add {})",
        list(.0, "CAP_", ", "),
        list(.0, "", " --cap-add ")
    )]
    Missing(Vec<Capability>),
    /// The kernel refused to read or change the sets.
    #[error("capabilities: {0}")]
    System(io::Error),
}

fn list(capabilities: &[Capability], prefix: &str, separator: &str) -> String {
    let name = |c: &Capability| format!("{prefix}{}", c.to_string().trim_start_matches("CAP_"));
    capabilities.iter().map(name).collect::<Vec<_>>().join(separator)
}

fn system(error: caps::errors::CapsError) -> Error {
    Error::System(io::Error::other(error.to_string()))
}

/// Whether the process has all of these.
///
/// # Errors
/// [`Error::Missing`] where it hasn't.
pub fn check(needed: &[Capability]) -> Result<(), Error> {
    let permitted = caps::read(None, CapSet::Permitted).map_err(system)?;
    let mut missing: Vec<Capability> = Vec::new();
    for capability in needed.iter().filter(|c| !permitted.contains(c)) {
        if !missing.contains(capability) {
            missing.push(*capability);
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Error::Missing(missing)) }
}

/// Gives up every capability but those in `needed` and, where the process has them, those in `useful`; in the calling
/// thread (there must be no other), for good.
///
/// # Errors
/// [`Error::Missing`] where `needed` holds more than the process has: nothing has been given up then.
pub fn keep_only(needed: &[Capability], useful: &[Capability]) -> Result<(), Error> {
    check(needed)?;
    let permitted = caps::read(None, CapSet::Permitted).map_err(system)?;
    let useful = useful.iter().filter(|c| permitted.contains(c));
    let keep: CapsHashSet = needed.iter().chain(useful).copied().collect();
    if permitted.contains(&Capability::CAP_SETPCAP) {
        for capability in caps::read(None, CapSet::Bounding).map_err(system)?.difference(&keep) {
            caps::drop(None, CapSet::Bounding, *capability).map_err(system)?;
        }
    }
    // Kernels before 4.3 have no ambient set.
    if caps::runtime::ambient_set_supported().is_ok() {
        caps::clear(None, CapSet::Ambient).map_err(system)?;
    }
    caps::clear(None, CapSet::Inheritable).map_err(system)?;
    caps::set(None, CapSet::Effective, &keep).map_err(system)?;
    caps::set(None, CapSet::Permitted, &keep).map_err(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_needed_and_nothing_else() {
        crate::sys::testing::as_root(gives_up);
    }

    fn gives_up() {
        // Capabilities belong to the thread.
        std::thread::spawn(|| {
            keep_only(&[Capability::CAP_NET_ADMIN], &[Capability::CAP_NET_BIND_SERVICE]).unwrap();
            let both: CapsHashSet = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_BIND_SERVICE].into();
            assert_eq!(caps::read(None, CapSet::Effective).unwrap(), both);
            keep_only(&[Capability::CAP_NET_ADMIN], &[]).unwrap();
            let only: CapsHashSet = [Capability::CAP_NET_ADMIN].into();
            for set in [CapSet::Permitted, CapSet::Effective] {
                assert_eq!(caps::read(None, set).unwrap(), only, "{set:?}");
            }
            // Who has given SETPCAP up can't shrink this one again.
            assert_eq!(caps::read(None, CapSet::Bounding).unwrap(), both);
            // What would be useful and is not there is not missed.
            keep_only(&[Capability::CAP_NET_ADMIN], &[Capability::CAP_NET_RAW]).unwrap();
            assert!(caps::read(None, CapSet::Inheritable).unwrap().is_empty());
            let error = keep_only(&[Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW], &[]).unwrap_err();
            assert_eq!(
                error.to_string(),
                "missing CAP_NET_RAW (run as root; in a container: --cap-add NET_RAW)"
            );
            assert_eq!(caps::read(None, CapSet::Effective).unwrap(), only);
        })
        .join()
        .unwrap();
    }
}
