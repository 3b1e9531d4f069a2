//! What `SSL_GET` shows and trusts: the files of the `SSL` block, read when a configuration takes effect.

use crate::check::config::{self, Ssl, Url};
use crate::check::probe::Failure;
use crate::check::probe::dialogue::Dialogue;
use std::net::IpAddr;

#[cfg(feature = "tls")]
pub(super) use with::{Encryption, Tls};
#[cfg(not(feature = "tls"))]
pub(super) use without::{Encryption, Tls};

#[cfg(feature = "tls")]
mod with {
    use super::*;
    use crate::check::probe::tls::{Encrypted, TakesAll};
    use crate::sys::input;
    use rustls::ClientConfig;
    use rustls::client::Resumption;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use std::path::Path;
    use std::sync::Arc;
    use tracing::error;

    /// No file of certificates is larger.
    const LARGEST: u64 = 16 * 1024 * 1024;

    /// The settings of all checks.
    #[derive(Debug, Default)]
    pub(in super::super) struct Tls(Option<Result<Settings, String>>);

    #[derive(Clone, Debug)]
    struct Settings {
        /// With the server's name in the handshake, and without.
        named: Arc<ClientConfig>,
        nameless: Arc<ClientConfig>,
    }

    /// The settings of one page.
    #[derive(Debug)]
    pub(in super::super) struct Encryption {
        config: Result<Arc<ClientConfig>, String>,
        name: ServerName<'static>,
        needs_goodbye: bool,
    }

    impl Tls {
        /// Reads the files. Where that fails, it is said, and checks over TLS do not run until a reload finds them.
        pub(in super::super) fn load(ssl: &Ssl) -> Tls {
            let settings = settings(ssl);
            if let Err(reason) = &settings {
                error!("SSL: {reason}. SSL_GET checks do not run");
            }
            Tls(Some(settings))
        }

        pub(in super::super) fn of(&self, tls: &config::Tls, url: &Url, to: IpAddr) -> Encryption {
            let name = tls.sni.then(|| tls.sni_name.as_ref().or(url.virtual_host.as_ref())).flatten();
            let name = name.and_then(|name| server_name(name));
            let settings = match &self.0 {
                Some(Ok(settings)) => Ok(settings),
                Some(Err(reason)) => Err(reason.clone()),
                None => Err("TLS is not set up".to_owned()),
            };
            let config = settings.map(|settings| match name {
                Some(_) => Arc::clone(&settings.named),
                None => Arc::clone(&settings.nameless),
            });
            let name = name.unwrap_or_else(|| ServerName::IpAddress(to.into()));
            Encryption { config, name, needs_goodbye: url.tls_compliant }
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

    fn settings(ssl: &Ssl) -> Result<Settings, String> {
        // Of all that rustls could use, ring: no other one has to be built.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TakesAll));
        let mut named = match (&ssl.certificate, &ssl.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), key) => {
                let chain = certificates(certificate)?;
                let key = private_key(key.as_ref().unwrap_or(certificate))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| format!("{certificate}: {error}"))?
            }
            (None, Some(_)) => return Err("`key` is given without `certificate`".to_owned()),
        };
        if let Some(ca) = &ssl.ca {
            certificates(ca)?;
        }
        // Each check is a session of its own: what is checked is the whole of it.
        named.resumption = Resumption::disabled();
        let mut nameless = named.clone();
        nameless.enable_sni = false;
        Ok(Settings { named: Arc::new(named), nameless: Arc::new(nameless) })
    }

    fn read(file: &str) -> Result<Vec<u8>, String> {
        input::file(Path::new(file), LARGEST).map_err(|error| format!("{file}: {error}"))
    }

    fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
        let pem = read(file)?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match all {
            Ok(all) if !all.is_empty() => Ok(all),
            Ok(_) => Err(format!("{file} has no certificate in it")),
            Err(error) => Err(format!("{file}: {error}")),
        }
    }

    fn private_key(file: &str) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|error| format!("{file}: {error}"))
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use super::*;
    use crate::check::probe::dialogue::{Heard, Step};

    /// Nothing: checks over TLS are left out.
    #[derive(Debug, Default)]
    pub(in super::super) struct Tls {}

    /// What does not exist.
    #[derive(Debug)]
    pub(in super::super) struct Encryption;

    impl Tls {
        pub(in super::super) fn load(_: &Ssl) -> Tls {
            Tls {}
        }

        pub(in super::super) fn of(&self, _: &config::Tls, _: &Url, _: IpAddr) -> Encryption {
            Encryption
        }
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
