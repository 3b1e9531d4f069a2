//! What runs on this machine, as `/proc` shows it: names and command lines.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// Command lines are compared up to here.
const LONGEST: u64 = 64 << 10;

/// A process that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its name, at most 15 bytes: `comm`.
    pub(crate) name: Vec<u8>,
    /// Its words, each with a zero byte behind it; empty where nobody wanted to know, and of the kernel's own threads.
    pub(crate) command_line: Vec<u8>,
}

/// Gives every process. `with_command_lines`: reading one may wait for the disk, where the process is swapped out.
///
/// # Errors
/// `/proc` can't be read.
pub(crate) fn all(with_command_lines: bool, mut each: impl FnMut(u32, Process)) -> io::Result<()> {
    for entry in fs::read_dir("/proc")? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(process) = one(pid, with_command_lines) {
            each(pid, process);
        }
    }
    Ok(())
}

/// One process; none if it has ended, or is not to be seen.
pub(crate) fn one(pid: u32, with_command_line: bool) -> Option<Process> {
    let folder = Path::new("/proc").join(pid.to_string());
    let name = name(&fs::read(folder.join("stat")).ok()?)?;
    let mut command_line = Vec::new();
    if with_command_line {
        let file = fs::File::open(folder.join("cmdline")).ok()?;
        file.take(LONGEST).read_to_end(&mut command_line).ok()?;
    }
    Some(Process { name, command_line })
}

/// The name in `/proc/PID/stat`: `PID (NAME) STATE ...`, where the name may hold anything. None of one that has ended.
fn name(stat: &[u8]) -> Option<Vec<u8>> {
    let begin = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    match stat.get(end..)? {
        [_, b' ', b'Z' | b'X' | b'x', ..] => None,
        _ => Some(stat.get(begin..end)?.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_whatever_it_holds() {
        assert_eq!(name(b"12 (nginx) S 1 2"), Some(b"nginx".to_vec()));
        assert_eq!(name(b"12 (a) Z (b) R 1 2"), Some(b"a) Z (b".to_vec()));
        assert_eq!(name(b"12 (nginx) Z 1 2"), None);
        for broken in [&b""[..], b"12", b"12 (nginx", b"12 )nginx( S"] {
            assert_eq!(name(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn this_process_is_among_those_that_run() {
        let own = std::process::id();
        let mut found = None;
        all(true, |pid, process| {
            if pid == own {
                found = Some(process);
            }
        })
        .unwrap();
        let found = found.unwrap();
        assert!(!found.name.is_empty() && found.command_line.ends_with(&[0]), "{found:?}");
        assert_eq!(one(own, false).unwrap().command_line, b"");
    }
}
