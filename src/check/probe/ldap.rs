//! `LDAP_CHECK`: a directory takes a bind, anonymous or of a user, and has an entry where one is asked for.
//!
//! ```text
//!  BindRequest ──► BindResponse ──► [SearchRequest of one entry ──► entry, SearchResultDone] ──► UnbindRequest
//! ```
//!
//! Messages are BER (RFC 4511 §5.1): of each a number, an operation by its tag, and of most that are heard a result code.

use super::ber::{front, split};
use super::dialogue::{Dialogue, Heard, Step};
use super::frames::{self, Framed, Frames};
use super::{Failure, shown};
use crate::check::config;
use crate::raw;

/// Tags: of types, and of operations.
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const BOOLEAN: u8 = 0x01;
const SEQUENCE: u8 = 0x30;
const BIND: u8 = 0x60;
const BOUND: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const REFERENCE: u8 = 0x73;
/// "The server is about to end the connection", and other messages that nobody asked for.
const EXTENDED: u8 = 0x78;
/// A simple password, and the presence of an attribute.
const SIMPLE: u8 = 0x80;
const PRESENT: u8 = 0x87;

/// One conversation with a directory.
#[derive(Debug)]
pub struct Ldap {
    check: config::Ldap,
    password: Option<Box<str>>,
    frames: Frames,
    has_entry: bool,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Bind,
    Search,
}

impl Ldap {
    /// A conversation that binds as the user of the check with `password`.
    #[must_use]
    pub fn new(check: &config::Ldap, password: Option<&str>) -> Ldap {
        Ldap {
            check: check.clone(),
            password: password.map(Into::into),
            frames: Frames::default(),
            has_entry: false,
            state: State::Bind,
        }
    }

    fn bind(&self) -> Vec<u8> {
        let name = raw::bytes(self.check.login.user.as_deref().unwrap_or_default());
        let password = raw::bytes(self.password.as_deref().unwrap_or_default());
        let parts = [element(INTEGER, &[3]), element(OCTETS, &name), element(SIMPLE, &password)];
        message(1, &element(BIND, &parts.concat()))
    }

    /// The entry itself, without attributes.
    fn search(base: &str) -> Vec<u8> {
        let parts = [
            element(OCTETS, &raw::bytes(base)),
            // The base alone; no alias is followed; one entry; no limit of time.
            element(ENUMERATED, &[0]),
            element(ENUMERATED, &[0]),
            element(INTEGER, &[1]),
            element(INTEGER, &[0]),
            element(BOOLEAN, &[0]),
            element(PRESENT, b"objectClass"),
            // No attribute of this name: none.
            element(SEQUENCE, &element(OCTETS, b"1.1")),
        ];
        message(2, &element(SEARCH, &parts.concat()))
    }

    /// The answer to an unbind is the end of the connection.
    fn leave(&mut self, outcome: Result<(), Failure>) -> Step {
        self.frames.leave(outcome, message(3, &element(UNBIND, &[])))
    }
}

fn message(number: u8, operation: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&element(INTEGER, &[number]), operation].concat())
}

/// A tag, a length, a content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head = match length {
        [0, 0, 0, short @ 0..=0x7f] => vec![tag, short],
        [a, b, c, d] => vec![tag, 0x84, a, b, c, d],
    };
    [&head, content].concat()
}

/// That of a message; more than anyone takes, if it is none.
fn length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        &SEQUENCE => front(bytes).map(|(_, content, head)| content.saturating_add(head)),
        _ => Some(usize::MAX),
    }
}

/// The operation of a message, and its content.
fn operation(message: &[u8]) -> Option<(u8, &[u8])> {
    let (_, content, _) = split(message)?;
    let (_number, _, rest) = split(content)?;
    let (tag, content, _controls) = split(rest)?;
    Some((tag, content))
}

/// The result of an operation: its code, a name, what the server says of it.
fn succeeded(content: &[u8], asked: &str) -> Result<(), Failure> {
    let result = || {
        let (_, code, rest) = split(content)?;
        let (_, _name, rest) = split(rest)?;
        let (_, text, _) = split(rest)?;
        let code = code.iter().fold(0_u64, |code, digit| code << 8 | u64::from(*digit));
        Some((code, text))
    };
    let (code, text) = result().ok_or_else(no_ldap)?;
    let words = match code {
        0 => return Ok(()),
        8 => "strongAuthRequired",
        32 => "noSuchObject",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        _ => "",
    };
    let text = shown(text);
    let parts: Vec<&str> = [words, &text].into_iter().filter(|part| !part.is_empty()).collect();
    Err(Failure::Reason(format!("the server answers {asked} with error {code}: {}", parts.join(", ")).into()))
}

fn no_ldap() -> Failure {
    Failure::Reason("the answer is no LDAP".into())
}

impl Dialogue for Ldap {
    fn begin(&mut self) -> Step {
        Step::Say(self.bind())
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        frames::hear(self, heard)
    }
}

impl Framed for Ldap {
    fn frames(&mut self) -> &mut Frames {
        &mut self.frames
    }

    fn length(bytes: &[u8]) -> Option<usize> {
        length(bytes)
    }

    fn take(&mut self, message: &[u8]) -> Result<Option<Step>, Failure> {
        let (tag, content) = operation(message).ok_or_else(no_ldap)?;
        match (&self.state, tag) {
            (State::Bind, BOUND) => {
                succeeded(content, "the bind")?;
                match &self.check.base {
                    None => Ok(Some(self.leave(Ok(())))),
                    Some(base) => {
                        self.state = State::Search;
                        Ok(Some(Step::Say(Ldap::search(base))))
                    }
                }
            }
            (State::Search, ENTRY) => {
                self.has_entry = true;
                Ok(None)
            }
            (State::Search, REFERENCE) => Ok(None),
            (State::Search, SEARCH_DONE) => {
                succeeded(content, "the search")?;
                match self.has_entry {
                    true => Ok(Some(self.leave(Ok(())))),
                    false => Err(Failure::Reason("the server does not show the entry".into())),
                }
            }
            (_, EXTENDED) => {
                succeeded(content, "the connection")?;
                Err(no_ldap())
            }
            _ => Err(no_ldap()),
        }
    }

    fn failed(&mut self, failure: Failure) -> Step {
        self.leave(Err(failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::Login;
    use crate::check::probe::dialogue::play_turns;

    fn of(check: &config::Ldap, password: Option<&str>, turns: &[&[u8]]) -> (Vec<u8>, Result<(), String>) {
        let mut all: Vec<_> = [1, 3, 7, 10_000]
            .into_iter()
            .map(|size| {
                let (said, outcome) = play_turns(&mut Ldap::new(check, password), turns, size);
                (said, outcome.map_err(|failure| failure.to_string()))
            })
            .collect();
        all.dedup();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// By hand from RFC 4511.
    const ANONYMOUS: &[u8] = b"0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\0\x80\0";
    const UNBOUND: &[u8] = b"0\x05\x02\x01\x03B\0";
    const BOUND_WELL: &[u8] = b"0\x0c\x02\x01\x01a\x07\x0a\x01\0\x04\0\x04\0";

    #[test]
    fn ldap_takes_a_bind() {
        let anonymous = config::Ldap::default();
        let said = [ANONYMOUS, UNBOUND].concat();
        assert_eq!(of(&anonymous, None, &[BOUND_WELL, b""]), (said.clone(), Ok(())));
        // Another way to write the length of a message.
        let long = [b"0\x84\0\0\0\x0c", &BOUND_WELL[2..]].concat();
        assert_eq!(of(&anonymous, None, &[&long]), (said.clone(), Ok(())));
        let wrong = b"0\x0c\x02\x01\x01a\x07\x0a\x01\x31\x04\0\x04\0";
        let reason = "the server answers the bind with error 49: invalidCredentials";
        assert_eq!(of(&anonymous, None, &[wrong]), (said, Err(reason.to_owned())));
        let failed = |server: &[u8]| of(&anonymous, None, &[server]).1.unwrap_err();
        let notice = b"0\x14\x02\x01\0x\x0f\x0a\x01\x34\x04\0\x04\x08shutdown";
        assert_eq!(failed(notice), "the server answers the connection with error 52: unavailable, shutdown");
        assert_eq!(failed(b""), "the server ended the connection");
        assert_eq!(failed(b"HTTP/1.1 400 Bad\r\n\r\n"), "a message of the server is too long");
        assert_eq!(failed(b"0\x80\x02\x01\x01"), "a message of the server is too long");
        assert_eq!(failed(b"0\x03\x02\x01\x01"), "the answer is no LDAP");
    }

    #[test]
    fn ldap_binds_a_user() {
        let login = Login { user: Some("cn=lb,dc=x".into()), password: None };
        let check = config::Ldap { login, base: None };
        let bind = b"0\x1c\x02\x01\x01`\x17\x02\x01\x03\x04\x0acn=lb,dc=x\x80\x06sesame";
        let said = [bind, UNBOUND].concat();
        assert_eq!(of(&check, Some("sesame"), &[BOUND_WELL, b""]), (said, Ok(())));
    }

    #[test]
    fn ldap_has_the_entry() {
        let check = config::Ldap { login: Login::default(), base: Some("dc=x".into()) };
        let search =
            b"0\x2e\x02\x01\x02c\x29\x04\x04dc=x\x0a\x01\0\x0a\x01\0\x02\x01\x01\x02\x01\0\x01\x01\0\x87\x0b\
                       objectClass0\x05\x04\x031.1";
        let said = [ANONYMOUS, search, UNBOUND].concat();
        let entry: &[u8] = b"0\x0d\x02\x01\x02d\x08\x04\x04dc=x0\0";
        let done: &[u8] = b"0\x0c\x02\x01\x02e\x07\x0a\x01\0\x04\0\x04\0";
        let missing: &[u8] = b"0\x0c\x02\x01\x02e\x07\x0a\x01\x20\x04\0\x04\0";
        for (answer, outcome) in [
            ([entry, done].concat(), Ok(())),
            (done.to_vec(), Err("the server does not show the entry".to_owned())),
            (missing.to_vec(), Err("the server answers the search with error 32: noSuchObject".to_owned())),
        ] {
            assert_eq!(of(&check, None, &[BOUND_WELL, &answer]), (said.clone(), outcome));
        }
    }
}
