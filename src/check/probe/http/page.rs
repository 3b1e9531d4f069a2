//! What is asked for, and what must come back: a `url` block, made ready once for all its checks.

use crate::check::config::{self, HttpProtocol, Url};
use crate::check::probe::Failure;
use crate::check::probe::http2::{self, Window};
use crate::sys::pattern::{self, Pattern};
use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

/// One page of a check. Its copies are one and the same.
#[derive(Clone, Debug)]
pub struct Page(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    request: Box<[u8]>,
    is_http2: bool,
    status_codes: Box<[(u16, u16)]>,
    digest: Option<[u8; 16]>,
    regex: Option<Arc<Regex>>,
}

/// A pattern, and where it may match.
#[derive(Debug)]
pub(super) struct Regex {
    pub(super) pattern: Pattern,
    pub(super) no_match: bool,
    pub(super) min_offset: u64,
    pub(super) max_offset: Option<u64>,
}

impl Page {
    /// The page of a check of `to`.
    #[must_use]
    pub fn new(protocol: HttpProtocol, url: &Url, to: SocketAddr) -> Page {
        Page(Arc::new(Parts {
            request: request(protocol, url, to).into(),
            is_http2: protocol == HttpProtocol::V2,
            status_codes: url.status_codes.as_slice().into(),
            digest: url.digest,
            regex: url.regex.as_deref().and_then(Regex::new).map(Arc::new),
        }))
    }

    /// What is sent.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.0.request
    }

    pub(super) fn is_http2(&self) -> bool {
        self.0.is_http2
    }

    /// The MD5 sum that the body must have.
    pub(super) fn digest(&self) -> Option<[u8; 16]> {
        self.0.digest
    }

    /// What the body must match.
    pub(super) fn regex(&self) -> Option<&Arc<Regex>> {
        self.0.regex.as_ref()
    }

    pub(super) fn expects_status(&self, status: Option<u16>) -> Result<(), Failure> {
        let Some(status) = status else {
            return Err(Failure::Reason("the answer has no HTTP status code".into()));
        };
        match self.0.status_codes.iter().any(|(first, last)| (*first..=*last).contains(&status)) {
            true => Ok(()),
            false => Err(Failure::Reason(format!("HTTP status code {status}").into())),
        }
    }
}

impl Regex {
    /// `None` for what PCRE2 refuses, which the reading of the configuration has told already.
    fn new(config: &config::Regex) -> Option<Regex> {
        let is_set = |(name, _): &&(&str, u32)| config.options.iter().any(|option| option == name);
        let options = pattern::OPTIONS.iter().filter(is_set).fold(0, |bits, (_, bit)| bits | bit);
        let pattern = Pattern::new(&crate::raw::bytes(&config.pattern), options, config.stack).ok()?;
        let (min_offset, max_offset) = (config.min_offset, config.max_offset);
        Some(Regex { pattern, no_match: config.no_match, min_offset, max_offset })
    }
}

/// In keepalived's words: servers know them, and let them through.
fn request(protocol: HttpProtocol, url: &Url, to: SocketAddr) -> Vec<u8> {
    // An IPv6 address without its zone, which means nothing there.
    let address = SocketAddr::new(to.ip(), to.port());
    let host = url.virtual_host.as_deref().map_or_else(|| address.to_string().into(), Cow::Borrowed);
    let (minor, close) = match protocol {
        HttpProtocol::V2 => return http2_request(&url.path, &host),
        HttpProtocol::V10 => (0, ""),
        HttpProtocol::V10Close => (0, "Connection: close\r\n"),
        HttpProtocol::V11 => (1, "Connection: close\r\n"),
    };
    let mut text = String::new();
    // A String takes everything.
    let _ = write!(
        text,
        "GET {} HTTP/1.{minor}\r\nUser-Agent: KeepAliveClient\r\n{close}Host: {host}\r\n\r\n",
        url.path
    );
    crate::raw::bytes(&text).into_owned()
}

fn http2_request(path: &str, host: &str) -> Vec<u8> {
    let (path, host) = (crate::raw::bytes(path), crate::raw::bytes(host));
    let fields: [(&[u8], &[u8]); 5] = [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", &host),
        (b":path", &path),
        (b"user-agent", b"KeepAliveClient"),
    ];
    http2::request(Window::Unlimited, &fields, true)
}
