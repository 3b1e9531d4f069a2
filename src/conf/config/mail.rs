//! Mail.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Whom mails go to, and through whom. Which events cause one stands with the domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Mail {
    /// `notification_email`: the addresses, as they are to stand behind `To:`.
    pub to: Vec<String>,
    /// `notification_email_from`; `root@` and the host name without.
    pub from: Option<String>,
    /// `smtp_server`: without one no mail is sent.
    pub server: Option<SmtpServer>,
    /// `smtp_helo_name`; the host name without.
    pub helo_name: Option<String>,
    /// `smtp_connect_timeout`.
    pub connect_timeout: Duration,
    /// `smtp_alert_digest`: mails that come within so long of the first one are sent as one.
    pub digest: Option<Duration>,
    /// `smtp_tls`.
    pub tls: SmtpTls,
    /// `smtp_user` and `smtp_password`: only with TLS.
    pub login: Option<SmtpLogin>,
    /// `smtp_ca_file`: whom the server's certificate has to be from; the system's authorities without.
    pub ca_file: Option<PathBuf>,
}

/// `smtp_tls`: whether mails are encrypted on their way to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum SmtpTls {
    /// `off`.
    #[default]
    Off,
    /// `starttls`: the server is asked for it (RFC 3207); one that does not offer it gets no mail.
    StartTls,
    /// `tls`: from the first byte on (RFC 8314).
    Implicit,
}

/// An account at the mail server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SmtpLogin {
    /// `smtp_user`.
    pub user: String,
    /// `smtp_password`.
    pub password: SmtpPassword,
}

/// Where the password is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum SmtpPassword {
    /// In the configuration.
    Text(String),
    /// Behind `file:`: the first line of a file.
    File(PathBuf),
}

/// Without the password.
impl fmt::Debug for SmtpPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SmtpPassword::Text(_) => f.write_str("Text(***)"),
            SmtpPassword::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// `smtp_server HOST [PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SmtpServer {
    /// An address, or a name to be looked up.
    pub host: String,
    /// Without, 25, and 465 with `smtp_tls tls`.
    pub port: u16,
}

impl Default for Mail {
    /// keepalived's defaults.
    fn default() -> Self {
        Mail {
            to: Vec::new(),
            from: None,
            server: None,
            helo_name: None,
            connect_timeout: Duration::from_secs(30),
            digest: None,
            tls: SmtpTls::Off,
            login: None,
            ca_file: None,
        }
    }
}
