//! `PGSQL_CHECK`: PostgreSQL takes a connection; behind a login, where there is a user, it is the primary or a standby.
//!
//! ```text
//!  Startup ──► Authentication (none, in the clear, MD5, SCRAM-SHA-256) ──► Ready ──► [in recovery?] ──► Terminate
//!     └── without a user: that it wants to know who we are, or refuses whom it does not know, is enough
//! ```
//!
//! Messages (protocol 3.0) have a letter, and their length in four bytes. A server that starts, stops, or has no place
//! left answers with an error, and fails.

mod scram;

use super::dialogue::{Dialogue, Heard, Step};
use super::frames::{self, Framed, Frames};
use super::{Failure, shown};
use crate::check::config::{self, PgsqlRole};
use crate::raw;
use crate::wire::Reader;
use md5::{Digest, Md5};
use scram::Scram;

/// One conversation with a server.
#[derive(Debug)]
pub struct Pgsql {
    check: config::Pgsql,
    password: Option<Box<str>>,
    /// That nobody can guess.
    number: u64,
    frames: Frames,
    scram: Option<Scram>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Login,
    /// Until it is ready for questions.
    LoggedIn,
    Asked,
    /// The answer was right; until it is ready again.
    Answered,
}

/// Who asks where no user is given: servers refuse him by name.
const NOBODY: &str = "vipd";

impl Pgsql {
    /// A conversation that logs in with `password`, if there is a user; `number` is another one each time.
    #[must_use]
    pub fn new(check: &config::Pgsql, password: Option<&str>, number: u64) -> Pgsql {
        Pgsql {
            check: check.clone(),
            password: password.map(Into::into),
            number,
            frames: Frames::default(),
            scram: None,
            state: State::Login,
        }
    }

    fn startup(&self) -> Vec<u8> {
        let user = self.check.login.user.as_deref().unwrap_or(NOBODY);
        let mut settings = vec![("user", user)];
        settings.extend(self.check.database.as_deref().map(|database| ("database", database)));
        let mut payload = 0x0003_0000_u32.to_be_bytes().to_vec();
        for word in settings.into_iter().flat_map(|(name, value)| [name, value]) {
            payload.extend_from_slice(&raw::bytes(word));
            payload.push(0);
        }
        payload.push(0);
        message(None, &payload)
    }

    fn leave(&mut self, outcome: Result<(), Failure>) -> Step {
        self.frames.leave(outcome, message(Some(b'X'), &[]))
    }

    fn authenticate(&mut self, payload: &[u8]) -> Result<Option<Step>, Failure> {
        let mut reader = Reader::new(payload);
        let kind = reader.u32().ok_or_else(no_pgsql)?;
        let password = raw::bytes(self.password.as_deref().unwrap_or_default());
        match kind {
            0 => {
                if self.scram.as_ref().is_some_and(|scram| !scram.has_proven()) {
                    return Err(Failure::Reason(
                        "the server does not prove that it knows the password".into(),
                    ));
                }
                self.state = State::LoggedIn;
                Ok(None)
            }
            3 => Ok(Some(Step::Say(message(Some(b'p'), &[&password, [0].as_slice()].concat())))),
            5 => {
                let user = raw::bytes(self.check.login.user.as_deref().unwrap_or_default());
                let inner = hex(&Md5::new().chain_update(&*password).chain_update(&*user).finalize());
                let proof = hex(&Md5::new().chain_update(inner).chain_update(reader.rest()).finalize());
                Ok(Some(Step::Say(message(Some(b'p'), format!("md5{proof}\0").as_bytes()))))
            }
            10 => {
                let offered =
                    reader.rest().split(|byte| *byte == 0).any(|name| name == scram::NAME.as_bytes());
                if !offered {
                    return Err(unknown_login());
                }
                let (scram, first) = Scram::begin(self.number);
                self.scram = Some(scram);
                let length = u32::try_from(first.len()).unwrap_or(u32::MAX).to_be_bytes();
                let payload = [scram::NAME.as_bytes(), &[0], &length, first.as_bytes()].concat();
                Ok(Some(Step::Say(message(Some(b'p'), &payload))))
            }
            11 => {
                let scram = self.scram.as_mut().ok_or_else(no_pgsql)?;
                let answer = scram.go_on(&password, reader.rest())?;
                Ok(Some(Step::Say(message(Some(b'p'), answer.as_bytes()))))
            }
            12 => {
                self.scram.as_mut().ok_or_else(no_pgsql)?.finish(reader.rest())?;
                Ok(None)
            }
            _ => Err(unknown_login()),
        }
    }

    /// The one row of the answer: a column of one byte.
    fn has_role(&self, payload: &[u8]) -> Result<(), Failure> {
        let role = match payload {
            [0, 1, 0, 0, 0, 1, b'f'] => PgsqlRole::Primary,
            [0, 1, 0, 0, 0, 1, b't'] => PgsqlRole::Standby,
            _ => return Err(no_pgsql()),
        };
        match self.check.role {
            Some(wanted) if wanted != role => {
                let word = if role == PgsqlRole::Primary { "the primary" } else { "a standby" };
                Err(Failure::Reason(format!("the server is {word}").into()))
            }
            _ => Ok(()),
        }
    }
}

/// A message; that of the beginning has no letter.
fn message(letter: Option<u8>, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 4).unwrap_or(u32::MAX).to_be_bytes();
    let mut message: Vec<u8> = letter.into_iter().collect();
    message.extend(length);
    message.extend(payload);
    message
}

/// That of a message, with its letter; more than anyone takes, if it is none.
fn length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [_, a, b, c, d, ..] => match u32::from_be_bytes([*a, *b, *c, *d]) {
            0..=3 => Some(usize::MAX),
            length => usize::try_from(length).ok()?.checked_add(1),
        },
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_pgsql() -> Failure {
    Failure::Reason("the answer is no PostgreSQL".into())
}

fn unknown_login() -> Failure {
    let known = "in the clear, md5 and scram-sha-256 are known here";
    Failure::Reason(format!("the server wants a login in a way that is not known: {known}").into())
}

/// A field of an error: a letter, then text up to a zero.
fn field(payload: &[u8], letter: u8) -> Option<&[u8]> {
    payload.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[letter]))
}

/// Errors about who asks, or for which database: the server works.
fn refuses_a_stranger(payload: &[u8]) -> bool {
    field(payload, b'C').is_some_and(|code| code.starts_with(b"28") || code == b"3D000")
}

/// An error of the server, in its words.
fn refused(payload: &[u8]) -> Failure {
    let shown = |letter| shown(field(payload, letter).unwrap_or_default());
    Failure::Reason(format!("the server answers with error {}: {}", shown(b'C'), shown(b'M')).into())
}

impl Dialogue for Pgsql {
    fn begin(&mut self) -> Step {
        Step::Say(self.startup())
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        frames::hear(self, heard)
    }
}

impl Framed for Pgsql {
    fn frames(&mut self) -> &mut Frames {
        &mut self.frames
    }

    fn length(bytes: &[u8]) -> Option<usize> {
        length(bytes)
    }

    fn take(&mut self, frame: &[u8]) -> Result<Option<Step>, Failure> {
        let letter = frame.first().copied().unwrap_or_default();
        let payload = frame.get(5..).unwrap_or_default();
        match (&self.state, letter) {
            // Without a user there is nothing more to be known.
            (State::Login, b'R') if self.check.login.user.is_none() => Ok(Some(Step::End(Ok(())))),
            (State::Login, b'E') if self.check.login.user.is_none() => match refuses_a_stranger(payload) {
                true => Ok(Some(Step::End(Ok(())))),
                false => Err(refused(payload)),
            },
            (_, b'E') => Err(refused(payload)),
            (State::Login, b'R') => self.authenticate(payload),
            (State::LoggedIn, b'Z') if self.check.role.is_some() => {
                self.state = State::Asked;
                Ok(Some(Step::Say(message(Some(b'Q'), b"SELECT pg_is_in_recovery()\0"))))
            }
            (State::Asked, b'D') => {
                self.has_role(payload)?;
                self.state = State::Answered;
                Ok(None)
            }
            (State::LoggedIn | State::Answered, b'Z') => Ok(Some(self.leave(Ok(())))),
            // Notices, settings, columns, the end of an answer.
            (_, b'N' | b'S' | b'K' | b'v' | b'T' | b'C') => Ok(None),
            _ => Err(no_pgsql()),
        }
    }

    fn failed(&mut self, failure: Failure) -> Step {
        match self.state {
            State::Asked => self.leave(Err(failure)),
            _ => Step::End(Err(failure)),
        }
    }
}

#[cfg(test)]
mod tests;
