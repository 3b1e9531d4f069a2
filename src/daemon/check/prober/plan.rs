//! What is kept of a check between its probes: requests and compiled patterns, the settings of TLS, a password.

use super::service::{self, Passwords};
use crate::check::config::{Http, Probe};
use crate::check::probe::Failure;
use crate::check::probe::dialogue::Dialogue;
use crate::check::probe::http::{Exchange, Page};
use crate::check::target::Check;
use crate::daemon::check::tls::{Encryption, Expiry, Tls, looked_at};
use std::net::SocketAddr;
use std::sync::Arc;

/// A check that is ready to be run.
#[derive(Debug)]
pub(super) enum Plan {
    Pages(Vec<(Page, Option<Encryption>)>, Option<Arc<Expiry>>),
    /// A service's own protocol: with this password, or why it can't be read.
    Service(Result<Option<service::Secret>, Failure>),
}

impl Plan {
    pub(super) fn new(check: &Check, tls: &Tls, passwords: &mut Passwords) -> Plan {
        match &check.settings.probe {
            Probe::Http(http) => {
                let days = http.tls.as_ref().and_then(|tls| tls.certificate_expiry);
                Plan::Pages(pages(http, check.to, tls), days.map(|days| Arc::new(Expiry::within(days))))
            }
            probe => Plan::Service(passwords.of(probe)),
        }
    }

    /// What is said this time; `page` is the one to ask for, where there are several, and `number` another one each
    /// time, that nobody can guess.
    ///
    /// # Errors
    /// What keeps the check from running.
    pub(super) fn dialogue(
        &self,
        check: &Check,
        page: usize,
        number: u64,
    ) -> Result<Box<dyn Dialogue>, Failure> {
        match self {
            Plan::Pages(pages, expiry) => {
                let no_page = || Failure::Reason("there is no such page".into());
                let (page, encryption) = pages.get(page).ok_or_else(no_page)?;
                let exchange = Exchange::new(page);
                let Some(encryption) = encryption else { return Ok(Box::new(exchange)) };
                let encrypted = encryption.around(exchange)?;
                Ok(match expiry {
                    Some(expiry) => looked_at(encrypted, expiry, check.to),
                    None => Box::new(encrypted),
                })
            }
            Plan::Service(password) => {
                let password = password.as_ref().map_err(Clone::clone)?;
                service::dialogue(check, password.as_ref(), number)
            }
        }
    }
}

fn pages(http: &Http, to: SocketAddr, tls: &Tls) -> Vec<(Page, Option<Encryption>)> {
    let page = |url| {
        let encryption = http.tls.as_ref().map(|settings| tls.of(settings, http.protocol, url, to.ip()));
        (Page::new(http.protocol, url, to), encryption)
    };
    http.urls.iter().map(page).collect()
}
