//! One page, fetched as a check would, for who asks for it on the command line (`genhash`).

use super::prober::talk;
use super::tls::Tls;
use crate::check::config::{self, Connect, HttpProtocol, Ssl, Url};
use crate::check::probe::http::{Answer, Fetch, Page};
use crate::check::probe::{Failure, Outcome};
use std::net::SocketAddr;

/// Which page, and how it is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where it is.
    pub to: SocketAddr,
    /// How to get there.
    pub connect: Connect,
    /// The page's `url`, of which `path` and `virtual_host` count.
    pub url: Url,
    /// The version of HTTP.
    pub protocol: HttpProtocol,
    /// Over TLS, if at all.
    pub tls: Option<config::Tls>,
    /// Whether the body is wanted, beyond its digest.
    pub keeps_body: bool,
}

/// Fetches it.
///
/// # Errors
/// What kept it from coming.
pub fn fetch(request: &Request) -> Result<Answer, Failure> {
    let Request { to, connect, url, protocol, tls, keeps_body } = request;
    let page = Page::new(*protocol, url, *to);
    let mut fetch = Fetch::new(page.request(), *keeps_body);
    let outcome = match tls {
        None => talk(*to, connect, &mut fetch),
        Some(settings) => {
            let tls = Tls::load(&Ssl::default(), settings.verify);
            let encryption = tls.of(settings, *protocol, url, to.ip());
            match encryption.around(&mut fetch) {
                Ok(mut encrypted) => talk(*to, connect, &mut encrypted),
                Err(failure) => return Err(failure),
            }
        }
    };
    match outcome {
        Outcome::Passed | Outcome::Weighed(_) => Ok(fetch.answer()),
        Outcome::Failed(failure) | Outcome::NotRun(failure) => Err(failure),
    }
}
