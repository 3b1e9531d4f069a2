//! Checks that speak a service's own protocol: what each has for itself. keepalived has none of them.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Who logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Login {
    /// `user`
    pub user: Option<Box<str>>,
    /// `password`
    pub password: Option<Password>,
}

/// Where a password is.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Password {
    /// In the configuration.
    Text(Box<str>),
    /// Behind `file:`: the first line of a file.
    File(PathBuf),
}

/// Without the password.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Password::Text(_) => f.write_str("Text(***)"),
            Password::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// `AGENT_CHECK`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Agent {
    /// `send`: what is said first, as a line.
    pub send: Option<Box<str>>,
}

/// `GRPC_CHECK`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Grpc {
    /// `service`: which one is asked about; the server as a whole without.
    pub service: Option<Box<str>>,
    /// `virtualhost`: the `:authority` of the request; address and port without.
    pub virtual_host: Option<Box<str>>,
}

/// `LDAP_CHECK`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Ldap {
    /// `user`, which is a distinguished name, and `password`; anonymous without.
    pub login: Login,
    /// `base`: an entry that must be there.
    pub base: Option<Box<str>>,
}

/// `MYSQL_CHECK`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Mysql {
    /// `user` and `password`; without a user nobody logs in, and nothing below is asked.
    pub login: Login,
    /// `database`
    pub database: Option<Box<str>>,
    /// `max_lag`: so many seconds a replica may be behind.
    pub max_lag: Option<u32>,
    /// `read_only`: whether the server must be.
    pub read_only: Option<bool>,
}

/// `PGSQL_CHECK`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Pgsql {
    /// `user` and `password`; without a user nobody logs in, and nothing below is asked.
    pub login: Login,
    /// `database`; that of the user's name without.
    pub database: Option<Box<str>>,
    /// `role`: the one that the server must have.
    pub role: Option<PgsqlRole>,
}

/// `role` of `PGSQL_CHECK`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum PgsqlRole {
    /// `primary`: it takes writes.
    Primary,
    /// `standby`: it follows another one.
    Standby,
}

/// `REDIS_CHECK`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Redis {
    /// `user` and `password`
    pub login: Login,
    /// `role`: the one that the server must have.
    pub role: Option<RedisRole>,
}

/// `role` of `REDIS_CHECK`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum RedisRole {
    /// `master`: it takes writes.
    Master,
    /// `replica`: it follows another one.
    Replica,
}
