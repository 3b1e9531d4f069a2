//! Checks that speak a service's own protocol, with their passwords.

use crate::check::config::{Login, Password, Probe};
use crate::check::probe::Failure;
use crate::check::probe::agent::Agent;
use crate::check::probe::dialogue::Dialogue;
use crate::check::probe::grpc::Grpc;
use crate::check::probe::ldap::Ldap;
use crate::check::probe::mysql::Mysql;
use crate::check::probe::pgsql::Pgsql;
use crate::check::probe::redis::Redis;
use crate::check::target::Check;
use crate::raw;
use crate::sys::input;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No file of a password is longer.
const LONGEST_PASSWORD: u64 = 64 * 1024;

/// A password that no log shows.
#[derive(Clone)]
pub(super) struct Secret(Arc<str>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The passwords that stand in files. Each file is read once for all checks of a configuration, which know the same then.
#[derive(Debug, Default)]
pub(super) struct Passwords(HashMap<PathBuf, Result<Secret, Failure>>);

impl Passwords {
    /// The password of a check, if it has one.
    ///
    /// # Errors
    /// Why it can't be read.
    pub(super) fn of(&mut self, probe: &Probe) -> Result<Option<Secret>, Failure> {
        match login(probe).and_then(|login| login.password.as_ref()) {
            None => Ok(None),
            Some(Password::Text(text)) => Ok(Some(Secret((&**text).into()))),
            Some(Password::File(path)) => {
                self.0.entry(path.clone()).or_insert_with(|| secret(path)).clone().map(Some)
            }
        }
    }
}

fn secret(path: &Path) -> Result<Secret, Failure> {
    first_line(path).map(|line| Secret(line.into())).map_err(|what| {
        let reason = format!("the password can't be read from {}: {what}", path.display());
        Failure::Reason(reason.into())
    })
}

/// What is said this time; `number` is another one each time, that nobody can guess.
///
/// # Errors
/// It is no such check.
pub(super) fn dialogue(
    check: &Check,
    password: Option<&Secret>,
    number: u64,
) -> Result<Box<dyn Dialogue>, Failure> {
    let (to, password) = (check.to, password.map(|Secret(text)| &**text));
    Ok(match &check.settings.probe {
        Probe::Grpc(grpc) => Box::new(Grpc::new(grpc, to)),
        Probe::Ldap(ldap) => Box::new(Ldap::new(ldap, password)),
        Probe::Mysql(mysql) => Box::new(Mysql::new(mysql, password)),
        Probe::Pgsql(pgsql) => Box::new(Pgsql::new(pgsql, password, number)),
        Probe::Redis(redis) => Box::new(Redis::new(redis, password)),
        Probe::Agent(agent) => Box::new(Agent::new(agent)),
        _ => return Err(Failure::Reason("this is no check of a service".into())),
    })
}

/// Who logs in, of the checks that do.
fn login(probe: &Probe) -> Option<&Login> {
    match probe {
        Probe::Ldap(ldap) => Some(&ldap.login),
        Probe::Mysql(mysql) => Some(&mysql.login),
        Probe::Pgsql(pgsql) => Some(&pgsql.login),
        Probe::Redis(redis) => Some(&redis.login),
        _ => None,
    }
}

fn first_line(path: &Path) -> Result<Box<str>, String> {
    let bytes = input::file(path, LONGEST_PASSWORD).map_err(|error| error.to_string())?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match line.strip_suffix(b"\r").unwrap_or(line) {
        [] => Err("its first line is empty".to_owned()),
        line => Ok(raw::text(line.to_vec()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn all_checks_of_a_configuration_know_the_same_password() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let login = Login { user: None, password: Some(Password::File(path.clone())) };
        let probe = Probe::Redis(Box::new(crate::check::config::Redis { login, role: None }));
        let of = |passwords: &mut Passwords| match passwords.of(&probe) {
            Ok(secret) => secret.map(|Secret(text)| text.to_string()),
            Err(failure) => Some(failure.to_string()),
        };
        let mut passwords = Passwords::default();
        let missing = of(&mut passwords).unwrap();
        assert!(missing.contains(path.to_str().unwrap()) && missing.contains("No such file"), "{missing}");
        fs::write(&path, "old\r\nnot this\n").unwrap();
        assert_eq!(of(&mut passwords), Some(missing));
        // Another configuration.
        passwords = Passwords::default();
        assert_eq!(of(&mut passwords).as_deref(), Some("old"));
        fs::write(&path, "new\n").unwrap();
        assert_eq!(of(&mut passwords).as_deref(), Some("old"));
        assert!(!format!("{passwords:?}").contains("old"), "no log shows it");
    }
}
