//! `SMTP_CHECK`: the server greets with 220, and answers `HELO` with 250. Then it is told `QUIT`, and whatever it says to
//! that, the check has passed (RFC 5321 §4.2).
//!
//! A reply may have many lines: all but the last have a hyphen behind the status.

use super::Failure;
use super::dialogue::{Dialogue, Heard, Step};
use super::lines::Lines;

/// No line of a reply is longer (RFC 5321 §4.5.3.1.5 allows 512), nor has a reply more lines.
const LONGEST_LINE: usize = 4096;
const MOST_LINES: u32 = 1000;

/// One conversation with a mail server.
#[derive(Clone, Debug)]
pub struct Smtp {
    helo: Vec<u8>,
    waits_for: Reply,
    line: Lines,
    lines: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Greeting,
    Helo,
    Quit,
}

impl Smtp {
    /// A conversation that introduces itself as `helo_name`.
    #[must_use]
    pub fn new(helo_name: &str) -> Smtp {
        let helo = format!("HELO {helo_name}\r\n").into_bytes();
        Smtp { helo, waits_for: Reply::Greeting, line: Lines::new(LONGEST_LINE), lines: 0 }
    }

    /// What a whole line of a reply means; `None`: there are more of them.
    fn take_line(&mut self, line: &[u8]) -> Option<Step> {
        if self.waits_for == Reply::Quit {
            return Some(Step::End(Ok(())));
        }
        self.lines += 1;
        let (expected, of) = match self.waits_for {
            Reply::Greeting => (*b"220", "greeting"),
            _ => (*b"250", "answer to HELO"),
        };
        let goes_on = match line.get(3) {
            Some(b'-') => true,
            Some(b' ') | None => false,
            Some(_) => return Some(unexpected(of, line)),
        };
        if !line.starts_with(&expected) {
            return Some(unexpected(of, line));
        }
        if goes_on {
            return (self.lines == MOST_LINES).then(|| Step::fail(format!("{of} has too many lines")));
        }
        self.lines = 0;
        Some(match self.waits_for {
            Reply::Greeting => {
                self.waits_for = Reply::Helo;
                Step::Say(std::mem::take(&mut self.helo))
            }
            _ => {
                self.waits_for = Reply::Quit;
                Step::Say(b"QUIT\r\n".to_vec())
            }
        })
    }
}

fn unexpected(of: &str, line: &[u8]) -> Step {
    let shown = line.get(..line.len().min(100)).unwrap_or_default().escape_ascii();
    Step::fail(format!("{of} is `{shown}`"))
}

impl Dialogue for Smtp {
    fn begin(&mut self) -> Step {
        Step::Listen
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        let mut bytes = match heard {
            Heard::Bytes(bytes) => bytes,
            Heard::End if self.waits_for == Reply::Quit => return Step::End(Ok(())),
            Heard::End => return Step::fail("the server ended the connection"),
            Heard::Broken(errno) => return Step::End(Err(Failure::broken(errno))),
        };
        loop {
            match self.line.next(&mut bytes) {
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
    use crate::check::probe::dialogue::play;

    fn of(server: &str) -> (String, Result<(), Failure>) {
        let mut outcomes: Vec<_> = [1, 7, 1000]
            .into_iter()
            .map(|size| {
                // A server waits for its turn: each line is heard on its own.
                let mut smtp = Smtp::new("me.example");
                let mut said = Vec::new();
                let mut step = smtp.begin();
                let pieces = server.split_inclusive('\n').flat_map(|line| line.as_bytes().chunks(size));
                let mut heard = pieces.map(Heard::Bytes).chain([Heard::End]);
                loop {
                    match step {
                        Step::Say(bytes) => said.extend(bytes),
                        Step::Listen => {}
                        Step::End(outcome) => break (String::from_utf8(said).unwrap(), outcome),
                    }
                    step = smtp.hear(heard.next().unwrap());
                }
            })
            .collect();
        outcomes.dedup();
        assert_eq!(outcomes.len(), 1, "however it is cut: {outcomes:?}");
        outcomes.remove(0)
    }

    fn failure(server: &str) -> String {
        of(server).1.unwrap_err().to_string()
    }

    #[test]
    fn a_server_that_greets_and_takes_helo_passes() {
        let all = "HELO me.example\r\nQUIT\r\n".to_owned();
        for server in [
            "220 mx ESMTP\r\n250 mx\r\n221 bye\r\n",
            "220 mx\n250\n",
            "220-mx\r\n220-no spam\r\n220 please\r\n250-mx\r\n250 HELP\r\n500 what?\r\n",
            "220\r\n250\r\n",
        ] {
            assert_eq!(of(server), (all.clone(), Ok(())), "{server:?}");
        }
    }

    #[test]
    fn any_other_answer_is_a_failure() {
        assert_eq!(failure("421 too busy\r\n"), "greeting is `421 too busy`");
        assert_eq!(failure("220-mx\r\n421 no\r\n"), "greeting is `421 no`");
        assert_eq!(failure("2200 mx\r\n"), "greeting is `2200 mx`");
        assert_eq!(failure("\r\n"), "greeting is ``");
        assert_eq!(failure("SSH-2.0-OpenSSH\x07\r\n"), "greeting is `SSH-2.0-OpenSSH\\x07`");
        assert_eq!(failure("220 mx\r\n550 who?\r\n"), "answer to HELO is `550 who?`");
        assert_eq!(failure("220 mx"), "the server ended the connection");
        assert_eq!(failure(""), "the server ended the connection");
    }

    #[test]
    fn no_answer_is_endless() {
        assert_eq!(failure(&"220-mx\r\n".repeat(2000)), "greeting has too many lines");
        assert_eq!(failure(&"220 x".repeat(2000)), "a line of the answer is too long");
    }

    #[test]
    fn what_comes_before_it_was_asked_for_is_no_answer() {
        let mut smtp = Smtp::new("me");
        let (said, outcome) = play(&mut smtp, b"220 a\r\n250 b\r\n221 c\r\n", 1000);
        assert_eq!(said, b"HELO me\r\n");
        assert!(outcome.is_err());
    }
}
