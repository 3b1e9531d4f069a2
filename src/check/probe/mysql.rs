//! `MYSQL_CHECK`: MySQL and MariaDB greet; behind a login, where there is a user, how far a replica is behind and whether
//! the server takes writes.
//!
//! ```text
//!  Greeting ──► Login ──► [READ_ONLY] ──► [REPLICA STATUS, where unknown SLAVE STATUS] ──► QUIT
//!     └── without a user: that is all
//! ```
//!
//! Packets have their length in three bytes and a number in the fourth. Without a user the connection ends behind the
//! greeting, which servers count as one of `max_connect_errors`: with that many in a row, none of which logs in, they
//! refuse this host. That is why there is a user.

mod login;
mod rows;

use super::dialogue::{Dialogue, Heard, Step};
use super::frames::{self, Framed, Frames};
use super::{Failure, shown};
use crate::check::config;
use login::{Greeting, scrambled};
use rows::{Rows, Table};

/// One conversation with a server.
#[derive(Debug)]
pub struct Mysql {
    check: config::Mysql,
    password: Option<Box<str>>,
    frames: Frames,
    state: State,
}

#[derive(Debug)]
enum State {
    Greeting,
    /// What the server challenged us with.
    Login(Vec<u8>),
    ReadOnly(Rows),
    /// With the older word, if the newer one was not known.
    Replica(Rows, Word),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Replica,
    Slave,
}

/// "You have an error in your SQL syntax".
const SYNTAX: u16 = 1064;

impl Mysql {
    /// A conversation that logs in with `password`, if there is a user.
    #[must_use]
    pub fn new(check: &config::Mysql, password: Option<&str>) -> Mysql {
        Mysql {
            check: check.clone(),
            password: password.map(Into::into),
            frames: Frames::default(),
            state: State::Greeting,
        }
    }

    /// The first question behind the first `asked` of them.
    fn ask_next(&mut self, asked: u8) -> Step {
        if asked < 1 && self.check.read_only.is_some() {
            self.state = State::ReadOnly(Rows::default());
            return Step::Say(query("SELECT @@global.read_only"));
        }
        if asked < 2 && self.check.max_lag.is_some() {
            self.state = State::Replica(Rows::default(), Word::Replica);
            return Step::Say(query("SHOW REPLICA STATUS"));
        }
        self.leave(Ok(()))
    }

    /// The server counts and logs who is just gone.
    fn leave(&mut self, outcome: Result<(), Failure>) -> Step {
        self.frames.leave(outcome, framed(0, &[1]))
    }

    fn is_read_only(&self, table: &Table) -> Result<(), Failure> {
        let is = match table.value(|_| true).flatten().as_deref() {
            Some(b"0" | b"OFF") => false,
            Some(b"1" | b"ON") => true,
            _ => return Err(Failure::Reason("the server does not say whether it is read_only".into())),
        };
        match self.check.read_only {
            Some(wanted) if wanted != is => {
                let word = if is { "on" } else { "off" };
                Err(Failure::Reason(format!("read_only of the server is {word}").into()))
            }
            _ => Ok(()),
        }
    }

    /// A server that follows no other is not behind anybody.
    fn is_close_behind(&self, table: &Table) -> Result<(), Failure> {
        let names: [&[u8]; 2] = [b"Seconds_Behind_Source", b"Seconds_Behind_Master"];
        let Some(lag) = table.value(|name| names.contains(&name)) else { return Ok(()) };
        let seconds = lag.as_deref().and_then(|lag| std::str::from_utf8(lag).ok()?.parse::<u64>().ok());
        match (seconds, self.check.max_lag) {
            (None, _) => Err(Failure::Reason("replication of the server does not run".into())),
            (Some(lag), Some(most)) if lag > u64::from(most) => {
                Err(Failure::Reason(format!("the server is {lag} seconds behind").into()))
            }
            _ => Ok(()),
        }
    }
}

/// A packet.
fn framed(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
    let [a, b, c, _] = length;
    [&[a, b, c, number], payload].concat()
}

fn query(text: &str) -> Vec<u8> {
    framed(0, &[&[3], text.as_bytes()].concat())
}

fn length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [a, b, c, _, ..] => usize::try_from(u32::from_le_bytes([*a, *b, *c, 0])).ok().map(|n| n + 4),
        _ => None,
    }
}

/// The number of an error.
fn code(payload: &[u8]) -> Option<u16> {
    match payload {
        [0xff, low, high, ..] => Some(u16::from_le_bytes([*low, *high])),
        _ => None,
    }
}

/// An error of the server, in its words; or what is none, and no answer either.
fn refused(payload: &[u8], asked: &str) -> Failure {
    let Some(code) = code(payload) else {
        return Failure::Reason(format!("the server's answer to {asked} is no MySQL").into());
    };
    let text = payload.get(3..).unwrap_or_default();
    // `#` and five letters: the state of the SQL standard.
    let text = match text {
        [b'#', _, _, _, _, _, text @ ..] => text,
        text => text,
    };
    Failure::Reason(format!("the server answers {asked} with error {code}: {}", shown(text)).into())
}

impl Dialogue for Mysql {
    fn begin(&mut self) -> Step {
        Step::Listen
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        frames::hear(self, heard)
    }
}

impl Framed for Mysql {
    fn frames(&mut self) -> &mut Frames {
        &mut self.frames
    }

    fn length(bytes: &[u8]) -> Option<usize> {
        length(bytes)
    }

    fn take(&mut self, packet: &[u8]) -> Result<Option<Step>, Failure> {
        let number = packet.get(3).copied().unwrap_or_default();
        let payload = packet.get(4..).unwrap_or_default();
        match &mut self.state {
            State::Greeting => {
                let greeting = Greeting::read(payload)?;
                let Some(user) = &self.check.login.user else { return Ok(Some(Step::End(Ok(())))) };
                let answer =
                    greeting.answer(user, self.password.as_deref(), self.check.database.as_deref())?;
                self.state = State::Login(greeting.challenge);
                Ok(Some(Step::Say(framed(number.wrapping_add(1), &answer))))
            }
            State::Login(challenge) => match payload {
                [0, ..] => Ok(Some(self.ask_next(0))),
                // Another plugin, with a challenge of its own.
                [0xfe, rest @ ..] => {
                    let (plugin, given) = login::switch(rest)?;
                    let answer = scrambled(&plugin, self.password.as_deref(), &given)?;
                    *challenge = given;
                    Ok(Some(Step::Say(framed(number.wrapping_add(1), &answer))))
                }
                // caching_sha2_password: it knows the password, and OK follows.
                [1, 3, ..] => Ok(None),
                [1, 4, ..] => Err(Failure::Reason(login::FULL_LOGIN.into())),
                _ => Err(refused(payload, "the login")),
            },
            State::ReadOnly(rows) => match rows.take(payload) {
                Err(error) => Err(refused(error, "@@global.read_only")),
                Ok(None) => Ok(None),
                Ok(Some(table)) => {
                    self.is_read_only(&table)?;
                    Ok(Some(self.ask_next(1)))
                }
            },
            State::Replica(rows, word) => match (rows.take(payload), *word) {
                (Err(error), Word::Replica) if code(error) == Some(SYNTAX) => {
                    self.state = State::Replica(Rows::default(), Word::Slave);
                    Ok(Some(Step::Say(query("SHOW SLAVE STATUS"))))
                }
                (Err(error), _) => Err(refused(error, "SHOW REPLICA STATUS")),
                (Ok(None), _) => Ok(None),
                (Ok(Some(table)), _) => {
                    self.is_close_behind(&table)?;
                    Ok(Some(self.ask_next(2)))
                }
            },
        }
    }

    fn failed(&mut self, failure: Failure) -> Step {
        match self.state {
            State::ReadOnly(_) | State::Replica(..) => self.leave(Err(failure)),
            _ => Step::End(Err(failure)),
        }
    }
}

#[cfg(test)]
mod tests;
