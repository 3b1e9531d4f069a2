//! Checks that speak a service's own protocol: each with its password, which is read once.

use super::stream::talk;
use crate::check::config::{Connect, Login, Password, Probe};
use crate::check::probe::agent::Agent;
use crate::check::probe::grpc::Grpc;
use crate::check::probe::ldap::Ldap;
use crate::check::probe::mysql::Mysql;
use crate::check::probe::pgsql::Pgsql;
use crate::check::probe::redis::Redis;
use crate::check::probe::{Failure, Outcome};
use crate::raw;
use crate::sys::input;
use std::path::Path;

/// No file of a password is longer.
const LONGEST_PASSWORD: u64 = 64 * 1024;

/// Such a check, ready to be run.
#[derive(Debug)]
pub(super) struct Service {
    probe: Probe,
    /// Or why it can't be read.
    password: Result<Option<Secret>, Failure>,
}

/// A password that no log shows.
struct Secret(Box<str>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Service {
    pub(super) fn new(probe: &Probe) -> Service {
        let password = match login(probe).and_then(|login| login.password.as_ref()) {
            None => Ok(None),
            Some(Password::Text(text)) => Ok(Some(Secret(text.clone()))),
            Some(Password::File(path)) => first_line(path).map(|line| Some(Secret(line))).map_err(|what| {
                let reason = format!("the password can't be read from {}: {what}", path.display());
                Failure::Reason(reason.into())
            }),
        };
        Service { probe: probe.clone(), password }
    }

    /// Runs it once; `number` is another one each time, that nobody can guess.
    pub(super) async fn run(&self, connect: &Connect, number: u64) -> Outcome {
        let password = match &self.password {
            Ok(password) => password.as_ref().map(|Secret(text)| &**text),
            Err(failure) => return Outcome::NotRun(failure.clone()),
        };
        match &self.probe {
            Probe::Grpc(grpc) => talk(connect, &mut Grpc::new(grpc, connect.to)).await,
            Probe::Ldap(ldap) => talk(connect, &mut Ldap::new(ldap, password)).await,
            Probe::Mysql(mysql) => talk(connect, &mut Mysql::new(mysql, password)).await,
            Probe::Pgsql(pgsql) => talk(connect, &mut Pgsql::new(pgsql, password, number)).await,
            Probe::Redis(redis) => talk(connect, &mut Redis::new(redis, password)).await,
            Probe::Agent(agent) => {
                let mut agent = Agent::new(agent);
                match talk(connect, &mut agent).await {
                    Outcome::Passed => agent.outcome(),
                    other => other,
                }
            }
            // Each of the others has an arm of its own in the plan.
            _ => Outcome::Passed,
        }
    }
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
