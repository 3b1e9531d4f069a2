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
    use crate::daemon::certificates::Verifier;
    use rustls::pki_types::ServerName;
    use rustls::{CertificateError, ClientConfig, ClientConnection, Error, StreamOwned};
    use std::sync::Arc;

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
        let verifier =
            Verifier::new(ca_file, "smtp_ca_file", Arc::clone(&provider)).map_err(Failure::for_now)?;
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
