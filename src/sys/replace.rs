//! A file's contents replaced as a whole: whoever reads it meanwhile, or after a crash, sees the old or the new.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Writes a new file beside the old one and puts it in its place, with the owner and the permissions of the old one.
/// Where the path is a symbolic link, the file that it leads to is replaced. A file of several names (hard links) is
/// written over instead, so that all of them keep naming one file; a crash meanwhile may leave it half written.
///
/// # Errors
/// The folder can't be written to, or the owner can't be kept; the old file is untouched then.
pub fn contents(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    if fs::metadata(&path)?.nlink() > 1 {
        return write_over(&path, bytes);
    }
    let beside = beside(&path);
    let result = write(&path, &beside, bytes);
    if result.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    result
}

/// Writes first and cuts then: a disk that is full leaves the old end, not an empty file.
fn write_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write(path: &Path, beside: &Path, bytes: &[u8]) -> io::Result<()> {
    let old = fs::metadata(path)?;
    // It may hold secrets: nobody else reads it before it has its permissions.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    file.write_all(bytes)?;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        fchown(&file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(old.permissions())?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn permissions_and_links_stay_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.conf"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        contents(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn all_names_of_a_file_keep_naming_one() {
        let folder = tempfile::tempdir().unwrap();
        let (file, name) = (folder.path().join("a.conf"), folder.path().join("b.conf"));
        fs::write(&file, "a long old text").unwrap();
        fs::hard_link(&file, &name).unwrap();
        contents(&file, b"new").unwrap();
        assert_eq!(fs::read(&name).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().ino(), fs::metadata(&name).unwrap().ino());
    }

    #[test]
    fn a_file_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        assert!(contents(&folder.path().join("a.conf"), b"new").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
