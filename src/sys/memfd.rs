//! Sealed memory files: how a configuration of any size is handed to a worker.
//!
//! Sealed means that nobody can change or shrink what the reader is about to read.

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

fn seals() -> SealFlag {
    SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE
}

/// A sealed memory file that holds `bytes`, closed on exec; `name` is what `/proc/PID/fd` shows.
///
/// # Errors
/// The kernel's, where it has no memory or no file descriptor left.
pub fn sealed(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let fd = memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals()))?;
    Ok(file.into())
}

/// The content of a sealed memory file, from its start wherever the shared file position is.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for a file that could still change; else the kernel's.
pub fn read(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let found = fcntl(fd, FcntlArg::F_GET_SEALS).map(SealFlag::from_bits_retain).unwrap_or(SealFlag::empty());
    if !found.contains(seals()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the memory file is not sealed"));
    }
    let file = File::from(fd.as_fd().try_clone_to_owned()?);
    let length = file.metadata()?.len();
    let length = usize::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_written_for_each_of_its_readers() {
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
        let fd = sealed("test", &content).unwrap();
        let other = fd.try_clone().unwrap();
        assert!(read(fd.as_fd()).unwrap() == content);
        assert!(read(other.as_fd()).unwrap() == content);
    }

    #[test]
    fn nobody_can_change_it_afterwards() {
        let file = File::from(sealed("test", b"final").unwrap());
        assert!(file.write_at(b"other", 0).is_err());
        assert!(file.set_len(0).is_err());
        assert!(file.set_len(10).is_err());
    }

    #[test]
    fn a_file_that_could_still_change_is_refused() {
        let open = memfd_create("test", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
        assert_eq!(read(open.as_fd()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let plain = tempfile::tempfile().unwrap();
        assert_eq!(read(plain.as_fd()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
