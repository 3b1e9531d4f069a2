//! `REDIS_CHECK`: Redis, Valkey and their like answer `PING`; behind `AUTH` where a password is given, and before
//! `ROLE` where the role counts.
//!
//! What is asked are arrays of bulk strings; of the answers (RESP2) a line tells enough, and of that to `ROLE`, an array
//! whose first entry is the role, the first three.

use super::dialogue::{Dialogue, Heard, Step};
use super::lines::Lines;
use super::{Failure, shown};
use crate::check::config::{self, RedisRole};
use std::collections::VecDeque;

/// No line of an answer that is waited for is longer.
const LONGEST_LINE: usize = 1024;

/// One conversation with a server.
#[derive(Debug)]
pub struct Redis {
    asks: VecDeque<(Waits, Vec<u8>)>,
    waits: Waits,
    role: Option<RedisRole>,
    lines: Lines,
}

/// What the next line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Auth,
    Ping,
    /// The head of the array, the length of its first entry, the entry.
    Role(u8),
}

impl Redis {
    /// A conversation that logs in with `password`, if there is one.
    #[must_use]
    pub fn new(check: &config::Redis, password: Option<&str>) -> Redis {
        let mut asks = VecDeque::new();
        if let Some(password) = password {
            let words = [Some("AUTH"), check.login.user.as_deref(), Some(password)];
            asks.push_back((Waits::Auth, command(words.into_iter().flatten())));
        }
        asks.push_back((Waits::Ping, command(["PING"])));
        if check.role.is_some() {
            asks.push_back((Waits::Role(0), command(["ROLE"])));
        }
        Redis { asks, waits: Waits::Ping, role: check.role, lines: Lines::new(LONGEST_LINE) }
    }

    fn ask(&mut self) -> Step {
        match self.asks.pop_front() {
            Some((waits, bytes)) => {
                self.waits = waits;
                Step::Say(bytes)
            }
            None => Step::End(Ok(())),
        }
    }

    /// What a whole line means; `None`: more of them belong to the answer.
    fn take_line(&mut self, line: &[u8]) -> Option<Step> {
        let (asked, is_right) = match self.waits {
            Waits::Auth => ("AUTH", *line == *b"+OK"),
            Waits::Ping => ("PING", *line == *b"+PONG"),
            Waits::Role(0) => ("ROLE", line.starts_with(b"*")),
            Waits::Role(1) => ("ROLE", line.starts_with(b"$")),
            Waits::Role(_) => return Some(self.role_is(line)),
        };
        if !is_right {
            return Some(Step::fail(format!("the server answers {asked} with `{}`", shown(line))));
        }
        if let Waits::Role(at) = self.waits {
            self.waits = Waits::Role(at + 1);
            return None;
        }
        Some(self.ask())
    }

    fn role_is(&self, line: &[u8]) -> Step {
        let role = match line {
            b"master" => Some(RedisRole::Master),
            b"slave" => Some(RedisRole::Replica),
            _ => None,
        };
        match role == self.role {
            true => Step::End(Ok(())),
            false => Step::fail(format!("the server's role is `{}`", shown(line))),
        }
    }
}

/// An array of bulk strings.
fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let words: Vec<_> = words.into_iter().map(crate::raw::bytes).collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).into_bytes());
        bytes.extend_from_slice(&word);
        bytes.extend(b"\r\n");
    }
    bytes
}

impl Dialogue for Redis {
    fn begin(&mut self) -> Step {
        self.ask()
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        let mut bytes = match heard {
            Heard::Bytes(bytes) => bytes,
            Heard::End => return Step::fail("the server ended the connection"),
            Heard::Broken(errno) => return Step::End(Err(Failure::broken(errno))),
        };
        loop {
            match self.lines.next(&mut bytes) {
                // What a server said before it was asked is not taken for the answer.
                Ok(Some(line)) => {
                    if let Some(step) = self.take_line(&line) {
                        return step;
                    }
                }
                Ok(None) => return Step::Listen,
                Err(failure) => return Step::End(Err(failure)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::Login;
    use crate::check::probe::dialogue::play_turns;

    fn of(check: &config::Redis, password: Option<&str>, turns: &[&str]) -> (String, Result<(), String>) {
        let turns: Vec<&[u8]> = turns.iter().map(|turn| turn.as_bytes()).collect();
        let mut all: Vec<_> = [1, 2, 5, 1000]
            .into_iter()
            .map(|size| {
                let (said, outcome) = play_turns(&mut Redis::new(check, password), &turns, size);
                (String::from_utf8(said).unwrap(), outcome.map_err(|failure| failure.to_string()))
            })
            .collect();
        all.dedup();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn check(user: Option<&str>, role: Option<RedisRole>) -> config::Redis {
        config::Redis { login: Login { user: user.map(Into::into), password: None }, role }
    }

    const PING: &str = "*1\r\n$4\r\nPING\r\n";
    const ROLE: &str = "*1\r\n$4\r\nROLE\r\n";
    /// Of a server with one replica, and of that one.
    const MASTER: &str =
        "*3\r\n$6\r\nmaster\r\n:28\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n$2\r\n28\r\n";
    const REPLICA: &str = "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:28\r\n";

    #[test]
    fn redis_answers_ping() {
        assert_eq!(of(&check(None, None), None, &["+PONG\r\n"]), (PING.to_owned(), Ok(())));
        let failed = |turns: &[&str]| of(&check(None, None), None, turns).1.unwrap_err();
        assert_eq!(
            failed(&["-NOAUTH Authentication required.\r\n"]),
            "the server answers PING with `-NOAUTH Authentication required.`"
        );
        assert_eq!(
            failed(&["-LOADING Redis is loading the dataset in memory\r\n"]),
            "the server answers PING with `-LOADING Redis is loading the dataset in memory`"
        );
        assert_eq!(
            failed(&["HTTP/1.1 400 Bad\x07\r\n"]),
            "the server answers PING with `HTTP/1.1 400 Bad\\x07`"
        );
        assert_eq!(failed(&["+PON"]), "the server ended the connection");
        assert_eq!(failed(&[&"x".repeat(5000)]), "a line of the answer is too long");
    }

    #[test]
    fn redis_is_logged_in_to() {
        let auth = "*2\r\n$4\r\nAUTH\r\n$8\r\nsesame 1\r\n";
        let said = of(&check(None, None), Some("sesame 1"), &["+OK\r\n", "+PONG\r\n"]);
        assert_eq!(said, (format!("{auth}{PING}"), Ok(())));
        let auth = "*3\r\n$4\r\nAUTH\r\n$2\r\nlb\r\n$0\r\n\r\n";
        let said = of(&check(Some("lb"), None), Some(""), &["+OK\r\n", "+PONG\r\n"]);
        assert_eq!(said, (format!("{auth}{PING}"), Ok(())));
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
        let (said, outcome) = of(&check(Some("lb"), None), Some(""), &[&format!("{wrong}\r\n")]);
        assert_eq!(said, auth);
        assert_eq!(outcome, Err(format!("the server answers AUTH with `{wrong}`")));
    }

    #[test]
    fn redis_has_the_role_that_is_wanted() {
        for (wanted, answer, outcome) in [
            (RedisRole::Master, MASTER, Ok(())),
            (RedisRole::Replica, REPLICA, Ok(())),
            (RedisRole::Master, REPLICA, Err("the server's role is `slave`".to_owned())),
            (RedisRole::Replica, MASTER, Err("the server's role is `master`".to_owned())),
            (
                RedisRole::Master,
                "*2\r\n$8\r\nsentinel\r\n*0\r\n",
                Err("the server's role is `sentinel`".to_owned()),
            ),
            (
                RedisRole::Master,
                "-ERR unknown command\r\n",
                Err("the server answers ROLE with `-ERR unknown command`".to_owned()),
            ),
        ] {
            let said = of(&check(None, Some(wanted)), None, &["+PONG\r\n", answer]);
            assert_eq!(said, (format!("{PING}{ROLE}"), outcome));
        }
    }
}
