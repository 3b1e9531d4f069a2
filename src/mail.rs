//! A mail, and the client's side of the talk that hands it to a server (RFC 5321), as keepalived has it: HELO, one
//! recipient after the other, no encryption.
//!
//! Plain values: who connects, waits and tries again stands elsewhere.

use std::fmt::Write;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// What all mails have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// How the server is greeted.
    pub helo: String,
    /// `From:`, with a name before the address or without.
    pub from: String,
    /// `To:`, each the same.
    pub to: Vec<String>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, and wait for the answer.
    Say(String),
    /// It is delivered; close.
    Done,
    /// It is not.
    Failed(Failure),
}

/// Why the server did not take a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server answered {code} to {command}")]
pub struct Failure {
    /// What it was asked, as keepalived's log has it.
    pub command: &'static str,
    /// Its answer.
    pub code: u16,
}

impl Failure {
    /// RFC 5321 §4.2.1: 4yz is a matter of time, everything else will be the same again.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self.code, 400..=499)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Helo,
    Mail,
    Recipient(usize),
    Data,
    Text,
    Over,
}

/// The talk about one mail.
#[derive(Clone, Debug)]
pub struct Dialogue<'a> {
    envelope: &'a Envelope,
    letter: &'a Letter,
    date: &'a str,
    stage: Stage,
    /// Recipients that the server took.
    taken: usize,
    refused: Option<u16>,
}

impl<'a> Dialogue<'a> {
    /// Begins with the server's greeting. `date` is now, as RFC 5322 §3.3 writes it.
    #[must_use]
    pub const fn new(envelope: &'a Envelope, letter: &'a Letter, date: &'a str) -> Dialogue<'a> {
        Dialogue { envelope, letter, date, stage: Stage::Greeting, taken: 0, refused: None }
    }

    /// Takes in the server's answer.
    pub fn answered(&mut self, code: u16) -> Step {
        let failed = |command| Step::Failed(Failure { command, code });
        match (self.stage, code) {
            (Stage::Greeting, 220) => self.say(Stage::Helo, format!("HELO {}", self.envelope.helo)),
            (Stage::Greeting, _) => failed("the connection"),
            (Stage::Helo, 250) => self.say(Stage::Mail, format!("MAIL FROM:{}", path(&self.envelope.from))),
            (Stage::Helo, _) => failed("HELO"),
            (Stage::Mail, 250) => self.recipient(0),
            (Stage::Mail, _) => failed("MAIL"),
            (Stage::Recipient(at), 250 | 251) => {
                self.taken += 1;
                self.recipient(at + 1)
            }
            (Stage::Recipient(at), code) => {
                // Others may want it all the same.
                self.refused.get_or_insert(code);
                self.recipient(at + 1)
            }
            (Stage::Data, 354) => self.say(Stage::Text, self.message()),
            (Stage::Data, _) => failed("DATA"),
            (Stage::Text, 250) => {
                self.stage = Stage::Over;
                Step::Done
            }
            (Stage::Text, _) => failed("the text"),
            (Stage::Over, _) => Step::Done,
        }
    }

    /// The first answer to a recipient that was none the server takes, where others were.
    #[must_use]
    pub const fn refused(&self) -> Option<u16> {
        self.refused
    }

    fn say(&mut self, stage: Stage, mut text: String) -> Step {
        self.stage = stage;
        text.push_str("\r\n");
        Step::Say(text)
    }

    fn recipient(&mut self, at: usize) -> Step {
        match (self.envelope.to.get(at), self.taken, self.refused) {
            (Some(to), ..) => self.say(Stage::Recipient(at), format!("RCPT TO:{}", path(to))),
            (None, 0, code) => Step::Failed(Failure { command: "RCPT", code: code.unwrap_or(554) }),
            (None, ..) => self.say(Stage::Data, "DATA".to_owned()),
        }
    }

    /// Headers and text, with the line that ends them but for its end.
    fn message(&self) -> String {
        let mut message = format!(
            "Date: {}\r\nFrom: {}\r\nSubject: {}\r\nX-Mailer: Keepalived\r\nTo: {}\r\n\r\n",
            self.date,
            header(&self.envelope.from),
            header(&self.letter.subject),
            self.envelope.to.iter().map(|to| header(to)).collect::<Vec<_>>().join(", "),
        );
        for line in self.letter.text.lines() {
            // A line that begins with a dot could be the last.
            let dot = if line.starts_with('.') { "." } else { "" };
            let _ = write!(message, "{dot}{line}\r\n");
        }
        message.push_str("\r\n.");
        message
    }
}

/// A header's value stays one line.
fn header(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The address alone, in angle brackets.
fn path(address: &str) -> String {
    let address = header(address);
    match address.rfind('<') {
        Some(at) if address.ends_with('>') => address[at..].to_owned(),
        _ => format!("<{address}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(to: &[&str]) -> Envelope {
        Envelope {
            helo: "lb1.example.com".into(),
            from: "Load balancer <lb@example.com>".into(),
            to: to.iter().map(ToString::to_string).collect(),
        }
    }

    fn talk(envelope: &Envelope, answers: &[u16]) -> (String, Step) {
        let letter =
            Letter { subject: "[lb1] VRRP Instance VI - Stopping".into(), text: "=> x <=\n.\n.y".into() };
        let mut dialogue = Dialogue::new(envelope, &letter, "Sat, 21 Nov 2026 00:00:00 +0000");
        let mut said = String::new();
        let mut last = Step::Done;
        for code in answers {
            last = dialogue.answered(*code);
            if let Step::Say(text) = &last {
                said.push_str(text);
            }
        }
        (said, last)
    }

    #[test]
    fn a_mail_is_handed_over_as_keepalived_does() {
        let envelope = envelope(&["a@example.com", "Admin <b@example.com>"]);
        let (said, last) = talk(&envelope, &[220, 250, 250, 250, 250, 354, 250]);
        assert_eq!(last, Step::Done);
        assert_eq!(
            said,
            "HELO lb1.example.com\r\nMAIL FROM:<lb@example.com>\r\nRCPT TO:<a@example.com>\r\n\
             RCPT TO:<b@example.com>\r\nDATA\r\nDate: Sat, 21 Nov 2026 00:00:00 +0000\r\n\
             From: Load balancer <lb@example.com>\r\nSubject: [lb1] VRRP Instance VI - Stopping\r\n\
             X-Mailer: Keepalived\r\nTo: a@example.com, Admin <b@example.com>\r\n\r\n\
             => x <=\r\n..\r\n..y\r\n\r\n.\r\n"
        );
    }

    #[test]
    fn each_refusal_is_named_and_some_pass() {
        let one = envelope(&["a@example.com"]);
        let failed = |answers: &[u16]| match talk(&one, answers).1 {
            Step::Failed(failure) => (failure.to_string(), failure.is_temporary()),
            other => panic!("{other:?}"),
        };
        for (answers, command, temporary) in [
            (&[421][..], "the connection", true),
            (&[220, 502], "HELO", false),
            (&[220, 250, 451], "MAIL", true),
            (&[220, 250, 250, 550], "RCPT", false),
            (&[220, 250, 250, 250, 554], "DATA", false),
            (&[220, 250, 250, 250, 354, 452], "the text", true),
        ] {
            let code = answers[answers.len() - 1];
            assert_eq!(failed(answers), (format!("the server answered {code} to {command}"), temporary));
        }
    }

    #[test]
    fn a_recipient_that_is_refused_does_not_keep_it_from_the_others() {
        let (_, last) = talk(&envelope(&["a", "b"]), &[220, 250, 250, 550, 250, 354, 250]);
        assert_eq!(last, Step::Done);
    }

    #[test]
    fn nothing_of_a_name_becomes_a_line_of_its_own() {
        assert_eq!(path("a\r\nDATA"), "<a  DATA>");
        assert_eq!(header("x\ny"), "x y");
    }
}
