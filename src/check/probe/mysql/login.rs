//! The greeting of a server, and the answer to it: who logs in, and a proof of the password.

use crate::check::probe::{Failure, shown};
use crate::raw;
use crate::wire::Reader;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What a server says that wants more of a login than can be given without TLS.
pub(super) const FULL_LOGIN: &str = "the server wants the whole login of caching_sha2_password, which needs TLS or RSA: \
     log in once by other means, or give the user mysql_native_password";

const NATIVE: &[u8] = b"mysql_native_password";
const CACHING: &[u8] = b"caching_sha2_password";

/// What the answer asks for: a database; the protocol since 4.1, with its login; plugins.
const WITH_DATABASE: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const SECURE_LOGIN: u32 = 1 << 15;
const PLUGINS: u32 = 1 << 19;

/// Characters of utf8_general_ci: every server knows them.
const UTF8: u8 = 33;

/// What counts of a greeting.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) challenge: Vec<u8>,
    plugin: Vec<u8>,
}

impl Greeting {
    pub(super) fn read(payload: &[u8]) -> Result<Greeting, Failure> {
        match payload {
            [10, rest @ ..] => Greeting::parts(rest)
                .ok_or_else(|| Failure::Reason("the server's greeting is cut short".into())),
            _ => Err(super::refused(payload, "the connection")),
        }
    }

    /// Of version 10, behind the version.
    fn parts(rest: &[u8]) -> Option<Greeting> {
        let (_version, rest) = until_nul(rest)?;
        let mut reader = Reader::new(rest);
        let _thread: [u8; 4] = reader.array()?;
        let first: [u8; 8] = reader.array()?;
        // A zero; capabilities, characters, status, more capabilities, the length of the challenge; ten bytes of nothing.
        let _: [u8; 19] = reader.array()?;
        let (second, rest) = until_nul(reader.rest())?;
        let plugin = until_nul(rest).map_or(rest, |(name, _)| name);
        let challenge = [first.as_slice(), second].concat();
        Some(Greeting { challenge, plugin: plugin.to_vec() })
    }

    /// The answer to it.
    pub(super) fn answer(
        &self,
        user: &str,
        password: Option<&str>,
        database: Option<&str>,
    ) -> Result<Vec<u8>, Failure> {
        // A plugin that is not known here: the server then says whether that of the user is another one.
        let (plugin, proof) = match scrambled(&self.plugin, password, &self.challenge) {
            Ok(proof) => (&*self.plugin, proof),
            Err(_) => (NATIVE, scrambled(NATIVE, password, &self.challenge)?),
        };
        let with_database = if database.is_some() { WITH_DATABASE } else { 0 };
        let capabilities = PROTOCOL_41 | SECURE_LOGIN | PLUGINS | with_database;
        let mut answer = capabilities.to_le_bytes().to_vec();
        answer.extend((1_u32 << 24).to_le_bytes());
        answer.push(UTF8);
        answer.extend([0; 23]);
        answer.extend_from_slice(&raw::bytes(user));
        answer.push(0);
        answer.push(u8::try_from(proof.len()).unwrap_or_default());
        answer.extend(&proof);
        if let Some(database) = database {
            answer.extend_from_slice(&raw::bytes(database));
            answer.push(0);
        }
        answer.extend(plugin);
        answer.push(0);
        Ok(answer)
    }
}

/// A request to log in with another plugin: its name, and its challenge.
pub(super) fn switch(rest: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let Some((plugin, challenge)) = until_nul(rest) else {
        return Err(Failure::Reason("the server wants a login of before MySQL 4.1".into()));
    };
    Ok((plugin.to_vec(), challenge.strip_suffix(&[0]).unwrap_or(challenge).to_vec()))
}

/// The proof that a plugin wants; none of an empty password.
pub(super) fn scrambled(plugin: &[u8], password: Option<&str>, challenge: &[u8]) -> Result<Vec<u8>, Failure> {
    let password = raw::bytes(password.unwrap_or_default());
    match plugin {
        NATIVE | CACHING if password.is_empty() => Ok(Vec::new()),
        NATIVE => {
            let hash = Sha1::digest(&*password);
            let mask = Sha1::new().chain_update(challenge).chain_update(Sha1::digest(hash)).finalize();
            Ok(hash.iter().zip(mask).map(|(a, b)| a ^ b).collect())
        }
        CACHING => {
            let hash = Sha256::digest(&*password);
            let twice = Sha256::digest(hash);
            let mask = Sha256::new().chain_update(twice).chain_update(challenge).finalize();
            Ok(hash.iter().zip(mask).map(|(a, b)| a ^ b).collect())
        }
        _ => {
            let plugin = shown(plugin);
            let known = "mysql_native_password and caching_sha2_password are known here";
            Err(Failure::Reason(format!("the server wants a login by `{plugin}`; {known}").into()))
        }
    }
}

fn until_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}
