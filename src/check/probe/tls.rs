//! TLS around a dialogue: `SSL_GET`.
//!
//! The connection is rustls's, which does no I/O either: it is told what came, and says what is to be sent.
//!
//! Where a protocol is offered in the handshake (ALPN), the server has to choose it.
//!
//! A server that ends the connection without TLS's goodbye has ended its answer, as in keepalived, but where
//! `tls_compliant` asks for more.

use super::Failure;
use super::dialogue::{Dialogue, Heard, Step};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

/// A dialogue within TLS.
#[derive(Debug)]
pub struct Encrypted<D> {
    connection: ClientConnection,
    inner: D,
    /// Whether the dialogue within has begun.
    has_begun: bool,
    /// `tls_compliant`
    needs_goodbye: bool,
    /// The dialogue within has passed, and TLS's goodbye is waited for.
    has_passed: bool,
    /// A protocol is offered that has to be chosen.
    offers_protocol: bool,
}

impl<D: Dialogue> Encrypted<D> {
    /// A dialogue with a server that is called `name` in the handshake, as far as `config` names it there.
    ///
    /// # Errors
    /// What rustls can't do.
    pub fn new(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        needs_goodbye: bool,
        inner: D,
    ) -> Result<Encrypted<D>, Failure> {
        let offers_protocol = !config.alpn_protocols.is_empty();
        let connection = ClientConnection::new(config, name).map_err(|error| failure(&error))?;
        Ok(Encrypted {
            connection,
            inner,
            has_begun: false,
            needs_goodbye,
            has_passed: false,
            offers_protocol,
        })
    }

    /// The server's certificate, once it has come.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.connection.peer_certificates()?.first().map(|certificate| &**certificate)
    }

    fn take(&mut self, mut bytes: &[u8]) -> Step {
        loop {
            let read = match self.connection.read_tls(&mut bytes) {
                Ok(read) => read,
                Err(error) => return Step::fail(format!("TLS: {error}")),
            };
            let state = match self.connection.process_new_packets() {
                Ok(state) => state,
                // The server gives up: what came before is its answer.
                Err(Error::AlertReceived(_)) if self.has_begun => return self.ended(None),
                Err(error) => return Step::End(Err(failure(&error))),
            };
            let step = self.go_on(state.plaintext_bytes_to_read());
            if !matches!(step, Step::Listen) {
                return step;
            }
            if state.peer_has_closed() {
                return self.ended_well();
            }
            if read == 0 || bytes.is_empty() {
                return self.send();
            }
        }
    }

    /// What follows from the state of the handshake, and from what was decrypted.
    fn go_on(&mut self, decrypted: usize) -> Step {
        if !self.has_begun && !self.connection.is_handshaking() {
            self.has_begun = true;
            if self.offers_protocol && self.connection.alpn_protocol().is_none() {
                return Step::fail(NOT_CHOSEN);
            }
            let step = self.inner.begin();
            if let Some(end) = self.follow(step) {
                return end;
            }
        }
        let mut plain = vec![0; decrypted];
        let mut filled = 0;
        while let Some(place) = plain.get_mut(filled..).filter(|place| !place.is_empty()) {
            match self.connection.reader().read(place) {
                Ok(read) if read > 0 => filled += read,
                _ => break,
            }
        }
        plain.truncate(filled);
        if !plain.is_empty() && !self.has_passed {
            let step = self.inner.hear(Heard::Bytes(&plain));
            if let Some(end) = self.follow(step) {
                return end;
            }
        }
        Step::Listen
    }

    /// Does what the dialogue within says; the step that ends all, if there is one.
    fn follow(&mut self, step: Step) -> Option<Step> {
        match step {
            // Up to 64 KiB wait in the connection, and no request is as long.
            Step::Say(bytes) => match self.connection.writer().write_all(&bytes) {
                Ok(()) => None,
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => Some(Step::fail(format!("TLS: {error}"))),
            },
            Step::Listen => None,
            Step::End(Ok(())) if self.needs_goodbye => {
                self.has_passed = true;
                None
            }
            end => Some(end),
        }
    }

    /// What the connection has to send, and to listen then.
    fn send(&mut self) -> Step {
        let mut out = Vec::new();
        // Writing to memory does not fail.
        while self.connection.wants_write() && self.connection.write_tls(&mut out).is_ok() {}
        if out.is_empty() { Step::Listen } else { Step::Say(out) }
    }

    /// TLS's goodbye has come.
    fn ended_well(&mut self) -> Step {
        match self.has_passed {
            true => Step::End(Ok(())),
            false if self.has_begun => self.inner.hear(Heard::End),
            false => Step::fail("TLS: the server ended the connection within the handshake"),
        }
    }

    /// The connection has ended without it, or broke with an error.
    fn ended(&mut self, broken: Option<i32>) -> Step {
        match broken {
            _ if self.has_begun && !self.needs_goodbye => self.inner.hear(Heard::End),
            Some(errno) => Step::End(Err(Failure::broken(errno))),
            None if self.has_begun => Step::fail("TLS: the connection ended without a goodbye"),
            None => Step::fail("TLS: the server ended the connection within the handshake"),
        }
    }
}

impl<D: Dialogue> Dialogue for Encrypted<D> {
    fn begin(&mut self) -> Step {
        self.send()
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        match heard {
            Heard::Bytes(bytes) => self.take(bytes),
            Heard::End => self.ended(None),
            Heard::Broken(errno) => self.ended(Some(errno)),
        }
    }
}

/// What is offered is always h2.
const NOT_CHOSEN: &str = "TLS: the server did not choose HTTP/2 (h2 by ALPN)";

/// An error in rustls's words, and what may be behind it.
fn failure(error: &Error) -> Failure {
    if matches!(error, Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol)) {
        return Failure::Reason(NOT_CHOSEN.into());
    }
    let hint = match error {
        Error::AlertReceived(
            rustls::AlertDescription::HandshakeFailure | rustls::AlertDescription::ProtocolVersion,
        )
        | Error::PeerIncompatible(_) => {
            "; TLS 1.2 and 1.3 are spoken here, with forward secrecy and authenticated encryption"
        }
        _ => "",
    };
    Failure::Reason(format!("TLS: {error}{hint}").into())
}

/// Takes every certificate, as keepalived does.
#[derive(Debug)]
pub struct TakesAll;

impl ServerCertVerifier for TakesAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // All that there are: none of them is looked at.
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1_Legacy,
        ]
    }
}

#[cfg(test)]
mod tests;
