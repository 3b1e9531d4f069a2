//! Reads the keys of `auth_hmac` that stand in files of their own (`file:`), when a configuration is taken over.
//!
//! The worker does it, as keepalived's does: only it needs them, and they are in no message and no dump. One that can't be
//! read is said, and stays a path: nothing is believed by it, and who should sign with it is in FAULT.

use crate::sys::input;
use crate::vrrp::config::Config;
use crate::vrrp::config::hmac::{Hmac, Key, LENGTH, Secret, decode};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tracing::{error, warn};

/// `hex:`, two digits for each byte, and the end of a line or two.
const MOST: u64 = 4 + 2 * 64 + 8;

/// Puts the keys in the place of their paths.
pub(super) fn read(config: &mut Config) {
    for instance in &mut config.instances {
        let Some(Hmac { keys, .. }) = instance.hmac.as_deref_mut() else { continue };
        for Key { id, secret } in keys {
            let Secret::File(path) = secret else { continue };
            match key(path) {
                Ok(bytes) => {
                    if is_open(path) {
                        warn!(
                            "({}) auth_hmac key file '{}' is readable by group or others",
                            instance.name,
                            path.display()
                        );
                    }
                    *secret = Secret::Bytes(bytes);
                }
                Err(reason) => error!(
                    "({}) auth_hmac key {id} in file '{}' can't be used: {reason}",
                    instance.name,
                    path.display()
                ),
            }
        }
    }
}

fn is_open(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

fn key(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = input::file(path, MOST).map_err(|error| error.to_string())?;
    let in_key = |byte: &u8| !matches!(byte, b'\n' | b'\r');
    let end = bytes.iter().rposition(in_key).map_or(0, |last| last + 1);
    let key = decode(bytes.get(..end).unwrap_or_default())
        .ok_or("`hex:` is followed by pairs of hexadecimal digits")?;
    if LENGTH.contains(&key.len()) {
        return Ok(key);
    }
    Err(format!("a key has {} to {} bytes; this one has {}", LENGTH.start(), LENGTH.end(), key.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrrp::config::hmac::{AntiReplay, Mode};
    use crate::vrrp::config::{Instance, Vrid};

    #[test]
    fn keys_are_read_as_the_configuration_would_have_them() {
        let folder = tempfile::tempdir().unwrap();
        let text = "a_key_of_at_least_32_bytes_of_ascii_text";
        let hex = format!("hex:{}", "0a".repeat(32));
        let files = [
            ("text", format!("{text}\n"), Some(text.as_bytes().to_vec())),
            ("hex", format!("{hex}\r\n"), Some(vec![10; 32])),
            ("odd", format!("{hex}a"), None),
            ("short", "short".to_owned(), None),
            ("long", "x".repeat(200), None),
            ("missing", String::new(), None),
        ];
        for (name, content, expected) in files {
            let path = folder.path().join(name);
            if name != "missing" {
                std::fs::write(&path, content).unwrap();
            }
            let keys = vec![Key { id: 1, secret: Secret::File(path.clone()) }];
            let anti_replay = AntiReplay::Monotonic;
            let hmac = Hmac { keys, active_key: 1, anti_replay, mode: Mode::Enforce };
            let mut instance = Instance::new("VI", "eth0", Vrid::new(1).unwrap());
            instance.hmac = Some(Box::new(hmac));
            let mut config = Config { instances: vec![instance], ..Config::default() };
            read(&mut config);
            let secret = &config.instances[0].hmac.as_ref().unwrap().keys[0].secret;
            let expected = expected.map_or(Secret::File(path), Secret::Bytes);
            assert!(*secret == expected, "{name}");
        }
    }
}
