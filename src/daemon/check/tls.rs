//! What `SSL_GET` shows and trusts: the files of the `SSL` block, read when a configuration takes effect.

use crate::check::config::{self, HttpProtocol, Ssl, Url};
use crate::check::probe::Failure;
use crate::check::probe::dialogue::{Dialogue, Heard, Step};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

#[cfg(feature = "tls")]
pub(super) use with::{Encryption, Expiry, Tls, looked_at};
#[cfg(not(feature = "tls"))]
pub(super) use without::{Encryption, Expiry, Tls, looked_at};

#[cfg(feature = "tls")]
mod with {
    use super::*;
    use crate::check::probe::certificate;
    use crate::check::probe::http::Exchange;
    use crate::check::probe::tls::{Encrypted, TakesAll};
    use crate::daemon::certificates::{Verifier, certificates, private_key};
    use crate::sys::clock;
    use rustls::ClientConfig;
    use rustls::client::Resumption;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::ServerName;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;
    use tracing::{error, warn};

    /// The settings of all checks.
    #[derive(Debug, Default)]
    pub(in super::super) struct Tls {
        trusting: Option<Settings>,
        verifying: Option<Settings>,
    }

    /// For each version of HTTP that is asked with; or why not.
    type Settings = Result<Versions, String>;

    #[derive(Debug)]
    struct Versions {
        http1: Names,
        http2: Names,
    }

    /// With the server's name in the handshake, and without.
    type Names = [Arc<ClientConfig>; 2];

    /// The settings of one page.
    #[derive(Debug)]
    pub(in super::super) struct Encryption {
        config: Result<Arc<ClientConfig>, String>,
        name: ServerName<'static>,
        needs_goodbye: bool,
    }

    impl Tls {
        /// Reads the files. Where that fails, it is said, and the checks that need them do not run until a reload finds
        /// them.
        pub(in super::super) fn load(ssl: &Ssl, verify: bool) -> Tls {
            let trusting = settings(ssl, false);
            let verifying = verify.then(|| settings(ssl, true));
            match (&trusting, &verifying) {
                (Err(reason), _) => error!("SSL: {reason}. SSL_GET checks do not run"),
                (_, Some(Err(reason))) => {
                    error!("SSL: {reason}. SSL_GET checks with verify_certificate do not run");
                }
                _ => {}
            }
            Tls { trusting: Some(trusting), verifying }
        }

        pub(in super::super) fn of(
            &self,
            tls: &config::Tls,
            protocol: HttpProtocol,
            url: &Url,
            to: IpAddr,
        ) -> Encryption {
            let host = tls.sni_name.as_ref().or(url.virtual_host.as_ref()).and_then(|host| server_name(host));
            let settings = if tls.verify { &self.verifying } else { &self.trusting };
            let [named, nameless] = match settings {
                Some(Ok(Versions { http2: configs, .. })) if protocol == HttpProtocol::V2 => {
                    configs.each_ref().map(|config| Ok(Arc::clone(config)))
                }
                Some(Ok(Versions { http1: configs, .. })) => {
                    configs.each_ref().map(|config| Ok(Arc::clone(config)))
                }
                Some(Err(reason)) => [Err(reason.clone()), Err(reason.clone())],
                None => ["named", "nameless"].map(|_| Err("TLS is not set up".to_owned())),
            };
            let config = if tls.sni && host.is_some() { named } else { nameless };
            let name = host.unwrap_or_else(|| ServerName::IpAddress(to.into()));
            // An answer over HTTP/2 says itself where it ends, and its server keeps the connection.
            let needs_goodbye = url.tls_compliant && protocol != HttpProtocol::V2;
            Encryption { config, name, needs_goodbye }
        }
    }

    /// `certificate_expiry`: who is told that a certificate ends, and when he was told last.
    #[derive(Debug)]
    pub(in super::super) struct Expiry {
        days: u32,
        /// On the wall clock, in seconds since 1970; 0: never.
        told: AtomicU64,
    }

    impl Expiry {
        pub(in super::super) const fn within(days: u32) -> Expiry {
            Expiry { days, told: AtomicU64::new(0) }
        }

        /// Warns of a server's certificate, if it ends soon, unless that was said within the last day.
        pub(in super::super) fn look_at(&self, certificate: &[u8], of: SocketAddr) {
            let now = clock::wall();
            let last = Duration::from_secs(self.told.load(Ordering::Relaxed));
            let warning = certificate::end_of(certificate)
                .and_then(|end| certificate::warning(end, now, self.days))
                .filter(|_| now.saturating_sub(last) >= A_DAY);
            if let Some(warning) = warning {
                self.told.store(now.as_secs(), Ordering::Relaxed);
                warn!(
                    "SSL_GET: the certificate of [{}]:{} {warning} (certificate_expiry)",
                    of.ip(),
                    of.port()
                );
            }
        }
    }

    const A_DAY: Duration = Duration::from_secs(86_400);

    /// A dialogue whose certificate is looked at as soon as it has come.
    #[derive(Debug)]
    struct LookedAt {
        dialogue: Encrypted<Exchange>,
        expiry: Option<Arc<Expiry>>,
        of: SocketAddr,
    }

    /// The dialogue with the server `of`, of whose certificate `expiry` tells.
    pub(in super::super) fn looked_at(
        dialogue: Encrypted<Exchange>,
        expiry: &Arc<Expiry>,
        of: SocketAddr,
    ) -> Box<dyn Dialogue> {
        Box::new(LookedAt { dialogue, expiry: Some(Arc::clone(expiry)), of })
    }

    impl Dialogue for LookedAt {
        fn begin(&mut self) -> Step {
            self.dialogue.begin()
        }

        fn hear(&mut self, heard: Heard<'_>) -> Step {
            let step = self.dialogue.hear(heard);
            if let Some(certificate) = self.dialogue.certificate()
                && let Some(expiry) = self.expiry.take()
            {
                expiry.look_at(certificate, self.of);
            }
            step
        }
    }

    impl Encryption {
        /// The dialogue within TLS.
        pub(in super::super) fn around<D: Dialogue>(&self, inner: D) -> Result<Encrypted<D>, Failure> {
            let config = self.config.clone().map_err(|reason| Failure::Reason(reason.into()))?;
            Encrypted::new(config, self.name.clone(), self.needs_goodbye, inner)
        }
    }

    /// The host of `host`, `host:port`; an address is no name.
    fn server_name(host: &str) -> Option<ServerName<'static>> {
        let host =
            host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(h, _)| h);
        match ServerName::try_from(host.to_owned()) {
            Ok(name @ ServerName::DnsName(_)) => Some(name),
            _ => None,
        }
    }

    fn settings(ssl: &Ssl, verify: bool) -> Settings {
        // Of all that rustls could use, ring: no other one has to be built.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let path = |file: &Option<String>| file.as_ref().map(|file| crate::raw::path(file));
        let verifier: Arc<dyn ServerCertVerifier> = match verify {
            true => Arc::new(Verifier::new(path(&ssl.ca).as_deref(), "ca", Arc::clone(&provider))?),
            false => Arc::new(TakesAll),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut named = match (path(&ssl.certificate), path(&ssl.key)) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), key) => {
                let chain = certificates(&certificate)?;
                let key = private_key(key.as_ref().unwrap_or(&certificate), ssl.password.as_deref())?;
                let failed = |error| format!("{}: {error}", certificate.display());
                builder.with_client_auth_cert(chain, key).map_err(failed)?
            }
            (None, Some(_)) => return Err("`key` is given without `certificate`".to_owned()),
        };
        // Each check is a session of its own: what is checked is the whole of it.
        named.resumption = Resumption::disabled();
        let mut http2 = named.clone();
        http2.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Versions { http1: names(named), http2: names(http2) })
    }

    fn names(named: ClientConfig) -> Names {
        let mut nameless = named.clone();
        nameless.enable_sni = false;
        [named, nameless].map(Arc::new)
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use super::*;

    /// Nothing: checks over TLS are left out.
    #[derive(Debug, Default)]
    pub(in super::super) struct Tls {}

    /// What does not exist.
    #[derive(Debug)]
    pub(in super::super) struct Encryption;

    impl Tls {
        pub(in super::super) fn load(_: &Ssl, _: bool) -> Tls {
            Tls {}
        }

        pub(in super::super) fn of(
            &self,
            _: &config::Tls,
            _: HttpProtocol,
            _: &Url,
            _: IpAddr,
        ) -> Encryption {
            Encryption
        }
    }

    /// Of certificates that there are not.
    #[derive(Debug)]
    pub(in super::super) struct Expiry;

    impl Expiry {
        pub(in super::super) const fn within(_: u32) -> Expiry {
            Expiry
        }
    }

    pub(in super::super) fn looked_at(dialogue: Never, _: &Arc<Expiry>, _: SocketAddr) -> Box<dyn Dialogue> {
        match dialogue {}
    }

    impl Encryption {
        pub(in super::super) fn around<D: Dialogue>(&self, _: D) -> Result<Never, Failure> {
            Err(Failure::Reason("this program was built without TLS".into()))
        }
    }

    /// A dialogue that there is not.
    #[derive(Debug)]
    pub(in super::super) enum Never {}

    impl Dialogue for Never {
        fn begin(&mut self) -> Step {
            match *self {}
        }

        fn hear(&mut self, _: Heard<'_>) -> Step {
            match *self {}
        }
    }
}
