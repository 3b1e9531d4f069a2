//! Encrypts the connection to the mail server (`smtp_tls`), and makes sure that it is that server: its certificate has to
//! be for the name or address of `smtp_server`, and from an authority that the system, or `smtp_ca_file`, knows, or to stand
//! in that file itself.

use super::{Failure, Stream};
use std::net::TcpStream;
use std::path::Path;

#[cfg(not(feature = "tls"))]
pub(super) fn encrypt(_: &str, _: Option<&Path>, _: TcpStream) -> Result<Box<dyn Stream>, Failure> {
    Err(Failure::for_now("smtp_tls: this program was built without TLS".to_owned()))
}

#[cfg(feature = "tls")]
pub(super) use with::encrypt;

#[cfg(feature = "tls")]
mod with {
    use super::*;
    use crate::sys::input;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::client::{WebPkiServerVerifier, verify_server_name};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::server::ParsedCertificate;
    use rustls::{
        CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
        SignatureScheme, StreamOwned,
    };
    use std::sync::Arc;

    /// No file of authorities is larger.
    const LARGEST: u64 = 16 * 1024 * 1024;

    /// Does the handshake.
    pub(in super::super) fn encrypt(
        host: &str,
        ca_file: Option<&Path>,
        mut stream: TcpStream,
    ) -> Result<Box<dyn Stream>, Failure> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::for_now(format!("{host} can't be the name in a certificate")))?;
        // Of all that rustls could use, ring: no other one has to be built.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let Trusted { authorities, certificates } = trusted(ca_file)?;
        let by_authority =
            WebPkiServerVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider))
                .build()
                .map_err(|error| Failure::for_now(format!("TLS: {error}")))?;
        let verifier = Verifier { by_authority, certificates };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failure)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let mut connection = ClientConnection::new(Arc::new(config), name).map_err(failure)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).map_err(|error| {
                match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                    Some(inner) => failure(inner.clone()),
                    None => error.into(),
                }
            })?;
        }
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }

    struct Trusted {
        authorities: RootCertStore,
        /// Those of `smtp_ca_file`: a server may have one of them itself.
        certificates: Vec<CertificateDer<'static>>,
    }

    fn trusted(file: Option<&Path>) -> Result<Trusted, Failure> {
        let (mut known, mut certificates) = (RootCertStore::empty(), Vec::new());
        let of = match file {
            Some(path) => {
                let unread =
                    |what: String| Failure::for_now(format!("smtp_ca_file {}: {what}", path.display()));
                let pem = input::file(path, LARGEST).map_err(|error| unread(error.to_string()))?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|error| unread(error.to_string()))?;
                    known.add(certificate.clone()).map_err(|error| unread(error.to_string()))?;
                    certificates.push(certificate);
                }
                path.display().to_string()
            }
            None => {
                known.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                "the system (smtp_ca_file names others)".to_owned()
            }
        };
        if known.is_empty() {
            return Err(Failure::for_now(format!("{of} has no certificate of an authority")));
        }
        Ok(Trusted { authorities: known, certificates })
    }

    /// As usual; and a certificate that nobody but its server has signed is believed where it was put into the file.
    #[derive(Debug)]
    struct Verifier {
        by_authority: Arc<WebPkiServerVerifier>,
        certificates: Vec<CertificateDer<'static>>,
    }

    impl ServerCertVerifier for Verifier {
        fn verify_server_cert(
            &self,
            certificate: &CertificateDer<'_>,
            intermediates: &[CertificateDer<'_>],
            name: &ServerName<'_>,
            stapled: &[u8],
            now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            if self.certificates.contains(certificate) {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                return Ok(ServerCertVerified::assertion());
            }
            self.by_authority.verify_server_cert(certificate, intermediates, name, stapled, now)
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.by_authority.verify_tls12_signature(message, certificate, signed)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.by_authority.verify_tls13_signature(message, certificate, signed)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.by_authority.supported_verify_schemes()
        }
    }

    /// What went wrong, in the words of whoever has to put it right.
    fn failure(error: Error) -> Failure {
        const UNKNOWN: &str = "its certificate is from nobody who is trusted here (smtp_ca_file)";
        Failure::for_now(match error {
            Error::InvalidCertificate(reason) => match reason {
                // Not signed by whom it says has signed it: an authority of the same name.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => UNKNOWN.to_owned(),
                // It has signed itself.
                CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                    UNKNOWN.to_owned()
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    "its certificate is for another name than smtp_server has".to_owned()
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "its certificate has expired".to_owned()
                }
                other => format!("its certificate is not accepted: {}", Error::InvalidCertificate(other)),
            },
            Error::InvalidMessage(_) => "it does not answer with TLS (smtp_tls)".to_owned(),
            other => format!("TLS: {other}"),
        })
    }
}
