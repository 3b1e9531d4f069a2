//! Settings of the kernel's network under `/proc/sys/net` (`sysctl`).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Where they are.
const ROOT: &str = "/proc/sys/net";

/// Why a setting was not read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct Error {
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl Error {
    /// Whether there is no such interface or setting.
    #[must_use]
    pub fn is_not_there(&self) -> bool {
        self.error.kind() == io::ErrorKind::NotFound
    }

    /// Whether settings can't be written here at all, as in most containers.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self.error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
    }
}

/// Writes `net.ipv6.conf.INTERFACE.NAME`.
///
/// # Errors
/// [`Error`]
pub fn write_v6(interface: &str, name: &str, value: &str) -> Result<(), Error> {
    write(&path("ipv6", interface, name), value)
}

/// Writes `net.ipv4.conf.INTERFACE.NAME`.
///
/// # Errors
/// [`Error`]
pub fn write_v4(interface: &str, name: &str, value: &str) -> Result<(), Error> {
    write(&path("ipv4", interface, name), value)
}

/// Writes `net.ipv4.NAME`.
///
/// # Errors
/// [`Error`]
pub fn write_v4_whole(name: &str, value: &str) -> Result<(), Error> {
    write(&Path::new(ROOT).join("ipv4").join(name), value)
}

/// Reads `net.ipv4.NAME`.
///
/// # Errors
/// [`Error`]
pub fn read_v4_whole(name: &str) -> Result<u32, Error> {
    read(Path::new(ROOT).join("ipv4").join(name))
}

/// Reads `net.ipv4.conf.INTERFACE.NAME`.
///
/// # Errors
/// [`Error`]
pub fn read_v4(interface: &str, name: &str) -> Result<u32, Error> {
    read(path("ipv4", interface, name))
}

/// Reads `net.ipv4.NAME`, where that is two numbers.
///
/// # Errors
/// [`Error`]
pub fn read_v4_range(name: &str) -> Result<RangeInclusive<u16>, Error> {
    let path = Path::new(ROOT).join("ipv4").join(name);
    let range = fs::read_to_string(&path).and_then(|text| {
        let mut numbers = text.split_whitespace().map(|number| number.parse().map_err(io::Error::other));
        let mut next = || numbers.next().unwrap_or(Err(io::ErrorKind::InvalidData.into()));
        Ok(next()?..=next()?)
    });
    range.map_err(|error| Error { path, error })
}

fn read(path: PathBuf) -> Result<u32, Error> {
    let text = fs::read_to_string(&path).and_then(|text| text.trim().parse().map_err(io::Error::other));
    text.map_err(|error| Error { path, error })
}

fn write(path: &Path, value: &str) -> Result<(), Error> {
    // Never made: without such a file there is no such setting.
    let written =
        OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes()));
    written.map_err(|error| Error { path: path.to_owned(), error })
}

/// Not by `sysctl`'s dots: names of interfaces have dots themselves.
fn path(family: &str, interface: &str, name: &str) -> PathBuf {
    [ROOT, family, "conf", interface, name].iter().collect()
}
