//! `file:` addresses and paths.

use super::protocol::Uri;
use std::path::{Path, PathBuf};

/// The path that an address names; `None` for what is no file.
pub(super) fn to_path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    // A host may stand before the path.
    let path = &rest[rest.find('/')?..];
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| byte == b'%').and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

/// The address of a file; `None` if the path is not absolute.
pub(super) fn from_path(path: &Path) -> Option<Uri> {
    if !path.is_absolute() {
        return None;
    }
    let mut text = String::from("file://");
    for &byte in path.to_str()?.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(Uri(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_path_and_back() {
        let path = Path::new("/etc/keep alived/z\u{fc}rich%.conf");
        let uri = from_path(path).unwrap();
        assert_eq!(uri.as_str(), "file:///etc/keep%20alived/z%C3%BCrich%25.conf");
        assert_eq!(to_path(&uri).as_deref(), Some(path));
        let host = Uri("file://localhost/etc/a.conf".to_owned());
        assert_eq!(to_path(&host).as_deref(), Some(Path::new("/etc/a.conf")));
        assert_eq!(to_path(&Uri("untitled:Untitled-1".to_owned())), None);
        assert_eq!(from_path(Path::new("a.conf")), None);
    }
}
