//! Certificates and keys in files (PEM), and whose certificates are believed: those from an authority that the system, or a
//! file, knows, and those that stand in that file themselves.

use crate::sys::input;
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// No file of certificates is larger.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Where a key begins and ends that a password protects (RFC 7468 §11).
const ENCRYPTED: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----"];

fn read(file: &Path) -> Result<Vec<u8>, String> {
    input::file(file, LARGEST).map_err(|error| format!("{}: {error}", file.display()))
}

/// The certificates of a file, one at least.
///
/// # Errors
/// In words.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(file)?).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(format!("{} has no certificate in it", file.display())),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// The key in a file, which a password may protect.
///
/// # Errors
/// In words.
pub(super) fn private_key(file: &Path, password: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    let pem = read(file)?;
    let failed = |what: String| Err(format!("{}: {what}", file.display()));
    let text = String::from_utf8_lossy(&pem);
    if let Some(begin) = text.find(ENCRYPTED[0]) {
        let block = text.get(begin..).unwrap_or_default();
        let end = block.find(ENCRYPTED[1]).map_or(block.len(), |at| at + ENCRYPTED[1].len());
        let Some(password) = password else { return failed("the key needs a `password`".to_owned()) };
        return match decrypt(block.get(..end).unwrap_or(block), password) {
            Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
            Err(error) => failed(format!("the key does not open with this `password`: {error}")),
        };
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        let words = "the key is protected as OpenSSL did before 1.0; `openssl pkcs8 -topk8` makes one that can be read";
        return failed(words.to_owned());
    }
    PrivateKeyDer::from_pem_slice(&pem).or_else(|error| failed(error.to_string()))
}

fn decrypt(block: &str, password: &str) -> Result<SecretDocument, pkcs8::Error> {
    let (_, document) = SecretDocument::from_pem(block).map_err(pkcs8::Error::from)?;
    EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())?.decrypt(password)
}

/// As usual; and a certificate that nobody but its server has signed is believed where it was put into the file.
#[derive(Debug)]
pub(super) struct Verifier {
    by_authority: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Verifier {
    /// Trusts the authorities in a file, or those of the system. `keyword` names the file in the configuration.
    ///
    /// # Errors
    /// In words: the file can't be read, or nobody would be trusted.
    pub(super) fn new(
        file: Option<&Path>,
        keyword: &str,
        provider: Arc<CryptoProvider>,
    ) -> Result<Verifier, String> {
        let (mut known, mut certificates) = (RootCertStore::empty(), Vec::new());
        let of = match file {
            Some(path) => {
                let unread = |what: String| format!("{keyword} {}: {what}", path.display());
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
                format!("the system ({keyword} names others)")
            }
        };
        if known.is_empty() {
            return Err(format!("{of} has no certificate of an authority"));
        }
        let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(known), provider)
            .build()
            .map_err(|error| format!("TLS: {error}"))?;
        Ok(Verifier { by_authority, certificates })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_key_opens_with_its_password_only() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem");
        let pair = rcgen::generate_simple_self_signed(["me".to_owned()]).unwrap();
        let plain = pair.signing_key.serialize_pem();
        fs::write(&file, pair.cert.pem() + &plain).unwrap();
        let key = private_key(&file, None).unwrap();
        assert_eq!(certificates(&file).unwrap().len(), 1);
        // As `openssl pkcs8 -topk8` does, with the cheapest of parameters.
        let info = pkcs8::PrivateKeyInfoRef::try_from(key.secret_der()).unwrap();
        let parameters = pkcs8::pkcs5::pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(
            10,
            b"salt and pepper",
            [7; 16],
        )
        .unwrap();
        let sealed = info.encrypt_with_params(parameters, "open sesame").unwrap();
        let sealed = sealed.to_pem("ENCRYPTED PRIVATE KEY", pkcs8::LineEnding::LF).unwrap();
        fs::write(&file, pair.cert.pem() + &sealed).unwrap();
        assert_eq!(private_key(&file, Some("open sesame")).unwrap(), key);
        let refused = |password| private_key(&file, password).unwrap_err();
        assert!(refused(None).ends_with("the key needs a `password`"));
        assert!(refused(Some("sesame")).contains("does not open with this `password`"));
        fs::write(&file, plain.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n")).unwrap();
        assert!(refused(Some("x")).contains("openssl pkcs8 -topk8"));
        fs::write(&file, "").unwrap();
        assert!(private_key(&file, None).is_err() && certificates(&file).is_err());
    }
}
