//! SCRAM-SHA-256 (RFC 5802, RFC 7677), as PostgreSQL has it: the user's name stands elsewhere, and without TLS nothing is
//! bound to its channel.

use crate::check::probe::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What the server calls it.
pub(super) const NAME: &str = "SCRAM-SHA-256";

/// So many rounds a server can ask for: four times what is usual takes as long as a connection, more than that would hold up other
/// checks.
const MOST_ROUNDS: u32 = 20_000;

type Key = [u8; 32];

/// What has been said.
#[derive(Debug)]
pub(super) struct Scram {
    nonce: String,
    /// What the server has to prove its knowledge with, once it has our proof.
    expected: Option<Key>,
    has_proven: bool,
}

impl Scram {
    /// The first message.
    pub(super) fn begin(number: u64) -> (Scram, String) {
        let nonce = format!("{number:016x}");
        let first = format!("n,,{}", bare(&nonce));
        (Scram { nonce, expected: None, has_proven: false }, first)
    }

    /// The answer to the server's first message.
    pub(super) fn go_on(&mut self, password: &[u8], server_first: &[u8]) -> Result<String, Failure> {
        let text = std::str::from_utf8(server_first).map_err(|_| wrong())?;
        let part = |name: &str| text.split(',').find_map(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(rounds)) = (part("r="), part("s="), part("i=")) else {
            return Err(wrong());
        };
        let salt = BASE64.decode(salt).map_err(|_| wrong())?;
        let rounds: u32 = rounds.parse().map_err(|_| wrong())?;
        if !nonce.starts_with(&self.nonce) || rounds == 0 {
            return Err(wrong());
        }
        if rounds > MOST_ROUNDS {
            let reason =
                format!("the server wants {rounds} rounds of SCRAM-SHA-256; {MOST_ROUNDS} are the most here");
            return Err(Failure::Reason(reason.into()));
        }
        let without_proof = format!("c=biws,r={nonce}");
        let said = format!("{},{text},{without_proof}", bare(&self.nonce));
        let salted = salted(password, &salt, rounds);
        let client_key = keyed(&salted, b"Client Key");
        let signature = keyed(&Sha256::digest(client_key).into(), said.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        self.expected = Some(keyed(&keyed(&salted, b"Server Key"), said.as_bytes()));
        Ok(format!("{without_proof},p={}", BASE64.encode(proof)))
    }

    /// The server's last message.
    pub(super) fn finish(&mut self, server_last: &[u8]) -> Result<(), Failure> {
        let proof = server_last.strip_prefix(b"v=").and_then(|text| BASE64.decode(text).ok());
        match (proof, self.expected) {
            (Some(proof), Some(expected)) if proof == expected => {
                self.has_proven = true;
                Ok(())
            }
            _ => Err(wrong()),
        }
    }

    /// Whether the server knows the password, too.
    pub(super) const fn has_proven(&self) -> bool {
        self.has_proven
    }
}

fn bare(nonce: &str) -> String {
    format!("n=,r={nonce}")
}

fn wrong() -> Failure {
    Failure::Reason("the server's answer is no SCRAM-SHA-256".into())
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    // A key may have any length.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn keyed(key: &Key, text: &[u8]) -> Key {
    mac(key).chain_update(text).finalize().into_bytes().into()
}

/// `Hi` of RFC 5802 §2.2.
fn salted(password: &[u8], salt: &[u8], rounds: u32) -> Key {
    let mac = mac(password);
    let mut last: Key =
        mac.clone().chain_update(salt).chain_update([0, 0, 0, 1]).finalize().into_bytes().into();
    let mut all = last;
    for _ in 1..rounds {
        last = mac.clone().chain_update(last).finalize().into_bytes().into();
        all.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3, but for the name, which PostgreSQL leaves out: computed by Python's hashlib.
    #[test]
    fn both_sides_prove_that_they_know_the_password() {
        let (mut scram, first) = Scram::begin(0x0123_4567_89ab_cdef);
        assert_eq!(first, "n,,n=,r=0123456789abcdef");
        let server_first = "r=0123456789abcdefXYZ,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.go_on(b"pencil", server_first.as_bytes()).unwrap();
        assert_eq!(answer, "c=biws,r=0123456789abcdefXYZ,p=pxtNR14AB/PyHX4mpZUGUhPLVlm1rdYX8qgh4oxkX6E=");
        assert!(!scram.has_proven());
        assert!(scram.finish(b"v=AAAA").is_err());
        scram.finish(b"v=UWntZ3BC8SWwsl1ejWqUYiAZI2/04+wVYYFcqldNor4=").unwrap();
        assert!(scram.has_proven());
    }

    #[test]
    fn a_server_can_not_make_it_long_or_short() {
        for (text, reason) in [
            (
                "r=0123456789abcdefXYZ,s=W22Z,i=20001",
                "the server wants 20001 rounds of SCRAM-SHA-256; 20000 are the most here",
            ),
            ("r=0123456789abcdefXYZ,s=W22Z,i=0", "the server's answer is no SCRAM-SHA-256"),
            ("r=other,s=W22Z,i=4096", "the server's answer is no SCRAM-SHA-256"),
            ("r=0123456789abcdefXYZ,s=?,i=4096", "the server's answer is no SCRAM-SHA-256"),
            ("s=W22Z,i=4096", "the server's answer is no SCRAM-SHA-256"),
        ] {
            let (mut scram, _) = Scram::begin(0x0123_4567_89ab_cdef);
            assert_eq!(scram.go_on(b"", text.as_bytes()).unwrap_err().to_string(), reason);
        }
    }
}
