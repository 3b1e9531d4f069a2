//! What checks do: the settings that each kind has for itself.

use super::service::{Agent, Grpc, Ldap, Mysql, Pgsql, Redis};
use crate::command::Command;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What a check does once it may start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Probe {
    /// `TCP_CHECK`: the connection opens in time.
    Tcp,
    /// `HTTP_GET`, `SSL_GET`: every page is as it should be.
    Http(Box<Http>),
    /// `SMTP_CHECK`: the server greets, and takes a `HELO` of this name.
    Smtp {
        /// `helo_name`
        helo_name: Box<str>,
    },
    /// `DNS_CHECK`: a query is answered.
    Dns(Box<Dns>),
    /// `UDP_CHECK`: nobody says that the port is closed, or the answer is as it should be.
    Udp(Box<Udp>),
    /// `PING_CHECK`: an echo request is answered.
    Ping,
    /// `MISC_CHECK`: a program says so.
    Misc(Box<Misc>),
    /// `FILE_CHECK`: the number in a file changes the weight, or is the failure itself. It has no schedule.
    File(FileCheck),
    /// `BFD_CHECK`: the session of this `bfd_instance` is up. It has no schedule.
    Bfd {
        /// `name`
        name: Box<str>,
    },
    /// `AGENT_CHECK`: an agent says how the server is.
    Agent(Box<Agent>),
    /// `MYSQL_CHECK`: MySQL or MariaDB greets, and is as it should be.
    Mysql(Box<Mysql>),
    /// `PGSQL_CHECK`: PostgreSQL takes a connection, and has a role.
    Pgsql(Box<Pgsql>),
    /// `LDAP_CHECK`: a directory takes a bind, and has an entry.
    Ldap(Box<Ldap>),
    /// `GRPC_CHECK`: a gRPC server says that it serves.
    Grpc(Box<Grpc>),
    /// `REDIS_CHECK`: Redis answers, and has a role.
    Redis(Box<Redis>),
}

impl Probe {
    /// Whether it goes to a port of its server.
    #[must_use]
    pub const fn needs_port(&self) -> bool {
        match self {
            Probe::Tcp | Probe::Http(_) | Probe::Smtp { .. } | Probe::Dns(_) | Probe::Udp(_) => true,
            Probe::Agent(_)
            | Probe::Mysql(_)
            | Probe::Pgsql(_)
            | Probe::Ldap(_)
            | Probe::Grpc(_)
            | Probe::Redis(_) => true,
            Probe::Ping | Probe::Misc(_) | Probe::File(_) | Probe::Bfd { .. } => false,
        }
    }

    /// Whether its answers change the weight of its server, each time that it is asked.
    #[must_use]
    pub const fn weighs(&self) -> bool {
        match self {
            Probe::Misc(misc) => misc.dynamic,
            Probe::Agent(_) => true,
            _ => false,
        }
    }

    /// Whether it can be run. A check that can't is left out when a configuration takes effect: its real server is
    /// treated as if it had no such check, and a server without any counts as up, as in keepalived. Whoever reads the
    /// configuration is told so.
    #[must_use]
    pub const fn is_carried_out(&self) -> bool {
        match self {
            Probe::Http(http) => cfg!(feature = "tls") || http.tls.is_none(),
            Probe::Bfd { .. } => false,
            _ => true,
        }
    }

    /// The keyword of a check that speaks a service's own protocol, over TCP.
    #[must_use]
    pub const fn service(&self) -> Option<&'static str> {
        match self {
            Probe::Agent(_) => Some("AGENT_CHECK"),
            Probe::Mysql(_) => Some("MYSQL_CHECK"),
            Probe::Pgsql(_) => Some("PGSQL_CHECK"),
            Probe::Ldap(_) => Some("LDAP_CHECK"),
            Probe::Grpc(_) => Some("GRPC_CHECK"),
            Probe::Redis(_) => Some("REDIS_CHECK"),
            _ => None,
        }
    }

    /// How many steps it has, which are taken one at a time: a page each, of `HTTP_GET` and `SSL_GET`.
    #[must_use]
    pub const fn pages(&self) -> usize {
        match self {
            Probe::Http(http) => http.urls.len(),
            _ => 1,
        }
    }

    /// Whether it is watched all the time instead of being asked now and then.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        matches!(self, Probe::File(_) | Probe::Bfd { .. })
    }
}

/// `MISC_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Misc {
    /// `misc_path` and `user`. Status 0 is success, 1 a failure; what the others mean, `dynamic` decides.
    pub command: Command,
    /// `misc_dynamic`: a status of 2 or more is success, and two less than it the server's weight.
    pub dynamic: bool,
    /// `misc_timeout`, else the virtual server's `delay_loop`: after this the program is ended, and has failed.
    pub timeout: Duration,
}

/// `FILE_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct FileCheck {
    /// `track_file`: the name of the block that says which file it is.
    pub track_file: Box<str>,
    /// The `file` of that block.
    pub path: PathBuf,
    /// `weight`, else that of the block: by what the number in the file is multiplied.
    pub weight: TrackWeight,
}

/// `weight N [reverse]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct TrackWeight {
    /// From −2147483647 to 2147483647; 0: any number but 0 is a failure.
    pub weight: i32,
    /// `reverse`: the sign of the product changes.
    pub reverse: bool,
}

/// `HTTP_GET` and `SSL_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Http {
    /// `SSL_GET`; `None` for `HTTP_GET`.
    pub tls: Option<Tls>,
    /// `http_protocol`
    pub protocol: HttpProtocol,
    /// `fast_recovery`: a server that comes back has all its pages asked for at once.
    pub fast_recovery: bool,
    /// `url`; at least one.
    pub urls: Vec<Url>,
}

/// What `SSL_GET` says of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Tls {
    /// `enable_sni`: the virtual host is named in the handshake.
    pub sni: bool,
    /// `sni_name`: the name to give there instead of the virtual host.
    pub sni_name: Option<Box<str>>,
    /// `verify_certificate`: it has to be for that name, and from somebody who is trusted.
    pub verify: bool,
    /// `certificate_expiry`: it is told of one that ends within so many days.
    pub certificate_expiry: Option<u32>,
}

/// `http_protocol`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum HttpProtocol {
    /// `1.0`
    #[default]
    V10,
    /// `1.0C`: with `Connection: close`.
    V10Close,
    /// `1.1`
    V11,
    /// `2`: only over TLS, where the server has to choose it (ALPN).
    V2,
}

/// `url`: a page, and what must come back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Url {
    /// `path`
    pub path: Box<str>,
    /// `virtualhost`, else that of the check, of the real server, of the virtual server.
    pub virtual_host: Option<Box<str>>,
    /// `status_code`: first and last of each range; 200 to 299 where nothing is said.
    pub status_codes: Vec<(u16, u16)>,
    /// `digest`: the MD5 sum of the body.
    pub digest: Option<[u8; 16]>,
    /// `regex`: what the body must match.
    pub regex: Option<Box<Regex>>,
    /// `tls_compliant` of the page, else of the check: a connection that ends without TLS's own goodbye has failed.
    pub tls_compliant: bool,
}

/// `regex` and its options.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Regex {
    /// The pattern, in the language of PCRE2.
    pub pattern: String,
    /// `regex_no_match`: a match is a failure.
    pub no_match: bool,
    /// `regex_options`: PCRE2's names in small letters.
    pub options: Vec<String>,
    /// `regex_min_offset`: how many bytes are passed over before the search.
    pub min_offset: u64,
    /// `regex_max_offset`: the last byte at which a match may begin.
    pub max_offset: Option<u64>,
    /// `regex_stack`: first and greatest size of the matcher's stack in bytes.
    pub stack: Option<(u64, u64)>,
}

/// `DNS_CHECK`
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Dns {
    /// `type`
    pub record: DnsRecord,
    /// `name`
    pub name: Box<str>,
}

/// A type of DNS record (RFC 1035 §3.2.2 and later), with its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum DnsRecord {
    /// An IPv4 address.
    A = 1,
    /// A name server.
    Ns = 2,
    /// Another name.
    Cname = 5,
    /// The start of a zone.
    #[default]
    Soa = 6,
    /// A mail server.
    Mx = 15,
    /// Text.
    Txt = 16,
    /// An IPv6 address.
    Aaaa = 28,
    /// A signature.
    Rrsig = 46,
    /// A key of a zone.
    Dnskey = 48,
}

/// `UDP_CHECK`
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Udp {
    /// `payload`: what is sent; random bytes where nothing is said.
    pub payload: Option<Vec<u8>>,
    /// `require_reply`: an answer must come.
    pub reply: Option<Reply>,
}

/// What an answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Reply {
    /// What it must begin with, as far as both go; empty for anything.
    pub data: Vec<u8>,
    /// The bits of `data` that count; as long as `data`.
    pub mask: Vec<u8>,
    /// `min_reply_length` in bytes.
    pub min_length: u16,
    /// `max_reply_length` in bytes.
    pub max_length: u16,
}
