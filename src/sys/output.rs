//! Files that are written to on somebody's word: nothing but a regular file is, and nothing is waited for.

use nix::libc;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a file for writing at its end; makes it where there is none. `/dev/null` will do as well.
///
/// # Errors
/// It is something else than a file, a link among that; the system's.
pub fn open_at_end(path: &Path) -> io::Result<File> {
    let refused = |metadata: &std::fs::Metadata| {
        let kind = metadata.file_type();
        let what = match (kind.is_file(), kind.is_dir()) {
            (true, _) => return None,
            (_, true) => "is a directory".to_owned(),
            _ if path == Path::new("/dev/null") => return None,
            _ => format!("is {}, not a file", super::input::special(kind)),
        };
        Some(io::Error::other(what))
    };
    // Looked at first: to open a device may already do something.
    if let Ok(metadata) = path.symlink_metadata()
        && let Some(error) = refused(&metadata)
    {
        return Err(error);
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(flags).open(path)?;
    match refused(&file.metadata()?) {
        Some(error) => Err(error),
        None => Ok(file),
    }
}

/// Writes a text, and the end of a line, at the end of a file.
///
/// # Errors
/// As [`open_at_end`].
pub fn append(path: &Path, text: &str) -> io::Result<()> {
    open_at_end(path)?.write_all(format!("{text}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_files_are_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        append(&path("new"), "one").unwrap();
        append(&path("new"), "two").unwrap();
        assert_eq!(fs::read_to_string(path("new")).unwrap(), "one\ntwo\n");
        append(Path::new("/dev/null"), "nothing").unwrap();
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink(path("new"), path("link")).unwrap();
        let said = |path: &Path| append(path, "x").unwrap_err().to_string();
        assert_eq!(said(&path("fifo")), "is a named pipe, not a file");
        assert_eq!(said(&path("link")), "is a symbolic link, not a file");
        assert_eq!(said(Path::new("/dev/zero")), "is a device, not a file");
        assert_eq!(said(dir.path()), "is a directory");
        assert_eq!(fs::read_to_string(path("new")).unwrap(), "one\ntwo\n");
    }
}
