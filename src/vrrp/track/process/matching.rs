//! Which processes a `vrrp_track_process` means: by name, or by command line.

use crate::raw;
use crate::vrrp::config::{ParameterMatch, Parameters, TrackProcess};

/// The kernel keeps so many bytes of a name.
const NAME: usize = 15;

/// Whether the name alone decides: `/proc/PID/comm`; else the command line does.
#[must_use]
pub fn by_name(tracked: &TrackProcess) -> bool {
    !tracked.full_command && tracked.parameters.is_none()
}

/// Whether both mean the same processes.
#[must_use]
pub fn same(one: &TrackProcess, other: &TrackProcess) -> bool {
    (&one.process, &one.parameters, one.full_command)
        == (&other.process, &other.parameters, other.full_command)
}

/// Whether a process of this name (without the newline) and this command line (`/proc/PID/cmdline`: each word ends with a
/// zero byte) is meant. A process that has ended and was not waited for has no command line.
#[must_use]
pub fn matches(tracked: &TrackProcess, name: &[u8], command_line: &[u8]) -> bool {
    let wanted = raw::bytes(&tracked.process);
    if by_name(tracked) {
        return name == wanted.get(..NAME).unwrap_or(&wanted);
    }
    let mut words = command_line.strip_suffix(b"\0").unwrap_or(command_line).split(|byte| *byte == 0);
    if command_line.is_empty() || words.next() != Some(&*wanted) {
        return false;
    }
    let Some(Parameters { words: parameters, compare }) = &tracked.parameters else { return true };
    let mut left = parameters.len();
    for parameter in parameters {
        let Some(word) = words.next() else { return false };
        let parameter = raw::bytes(parameter);
        left -= 1;
        let fits = match compare {
            ParameterMatch::Initial if left == 0 => word.starts_with(&parameter),
            ParameterMatch::Exact | ParameterMatch::Partial | ParameterMatch::Initial => word == &*parameter,
        };
        if !fits {
            return false;
        }
    }
    *compare != ParameterMatch::Exact || words.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrrp::config::Weight;
    use std::time::Duration;

    fn tracked(process: &str, parameters: Option<(&[&str], ParameterMatch)>) -> TrackProcess {
        TrackProcess {
            name: "P".to_owned(),
            process: process.to_owned(),
            parameters: parameters.map(|(words, compare)| Parameters {
                words: words.iter().map(|word| (*word).to_owned()).collect(),
                compare,
            }),
            full_command: true,
            weight: Weight::default(),
            quorum: 1,
            quorum_max: None,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
        }
    }

    #[test]
    fn a_name_is_compared_as_the_kernel_keeps_it() {
        let named = |process: &str| TrackProcess { full_command: false, ..tracked(process, None) };
        assert!(matches(&named("nginx"), b"nginx", b""));
        assert!(!matches(&named("nginx"), b"nginx-debug", b"nginx\0"));
        assert!(!matches(&named("ssh"), b"sshd", b"ssh\0"));
        assert!(matches(&named("a-very-long-name"), b"a-very-long-nam", b""));
    }

    #[test]
    fn parameters_are_compared_in_each_way() {
        use ParameterMatch::{Exact, Initial, Partial};
        let line = b"/usr/sbin/haproxy\0-f\0/etc/haproxy.cfg\0";
        let fits = |parameters| matches(&tracked("/usr/sbin/haproxy", parameters), b"", line);
        assert!(fits(None), "they do not count");
        assert!(!fits(Some((&[], Exact))), "there must be none");
        assert!(fits(Some((&["-f", "/etc/haproxy.cfg"], Exact))));
        assert!(!fits(Some((&["-f"], Exact))));
        assert!(!fits(Some((&["-f", "/etc/haproxy"], Exact))));
        assert!(fits(Some((&["-f"], Partial))) && fits(Some((&[], Partial))));
        assert!(!fits(Some((&["-f", "/etc/haproxy"], Partial))));
        assert!(fits(Some((&["-f", "/etc/haproxy"], Initial))));
        assert!(fits(Some((&["-"], Initial))));
        assert!(!fits(Some((&["-f", "/etc/haproxy.cfg", "-D"], Initial))));
        assert!(!matches(&tracked("/usr/sbin/haproxy", None), b"haproxy", b""), "it has ended");
        let empty = b"a\0\0";
        assert!(matches(&tracked("a", Some((&[""], Exact))), b"", empty));
        assert!(!matches(&tracked("a", Some((&[], Exact))), b"", empty));
    }
}
