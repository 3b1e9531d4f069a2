//! Mail.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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
}

/// `smtp_server HOST [PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SmtpServer {
    /// An address, or a name to be looked up.
    pub host: String,
    /// 25 without.
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
        }
    }
}
