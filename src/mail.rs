//! A mail, and the client's side of the talk that hands it to a server (RFC 5321), as keepalived has it: HELO, one
//! recipient after the other. As an addition, TLS (STARTTLS, RFC 3207) and a login (AUTH, RFC 4954).
//!
//! Plain values: who connects, waits, encrypts and tries again stands elsewhere.

mod digest;

pub use digest::Digest;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::{self, Write};

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
    /// The server is asked for encryption before it hears of the mail.
    pub starts_tls: bool,
    /// Who sends it, where the server wants to know.
    pub login: Option<Login>,
}

/// An account at the mail server.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// Without the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What the server answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The code in front of each line.
    pub code: u16,
    /// What follows it, line by line.
    pub lines: Vec<String>,
}

impl Answer {
    /// Whether it offers an extension (RFC 5321 §4.1.1.1), with one of these words behind it.
    fn offers(&self, extension: &str, word: Option<&str>) -> bool {
        self.lines.iter().any(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next().is_some_and(|first| first.eq_ignore_ascii_case(extension))
                && word.is_none_or(|word| words.any(|other| other.eq_ignore_ascii_case(word)))
        })
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, and wait for the answer.
    Say(String),
    /// Encrypt the connection, and go on with [`Dialogue::encrypted`].
    Encrypt,
    /// It is delivered; close.
    Done,
    /// It is not.
    Failed(Failure),
}

/// Why the server did not take a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It said so.
    #[error("the server answered {code} to {command}")]
    Refused {
        /// What it was asked, as keepalived's log has it.
        command: &'static str,
        /// Its answer.
        code: u16,
    },
    /// It can't, or does not want to, encrypt.
    #[error("the server does not offer STARTTLS (smtp_tls)")]
    NoTls,
    /// It knows other ways to log in, or none.
    #[error("the server offers neither AUTH PLAIN nor AUTH LOGIN (smtp_user)")]
    NoLogin,
}

impl Failure {
    /// RFC 5321 §4.2.1: 4yz is a matter of time, everything else will be the same again. But for what says nothing of this
    /// mail: somebody may put the server or the password right meanwhile.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Failure::Refused { command, code } => matches!(code, 400..=499) || *command == AUTH,
            Failure::NoTls | Failure::NoLogin => true,
        }
    }
}

/// What a refused login answers to.
const AUTH: &str = "AUTH";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Greeting,
    Helo,
    Ehlo,
    StartTls,
    LoginName,
    LoginPassword,
    Auth,
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
    is_encrypted: bool,
    /// Recipients that the server took.
    taken: usize,
    refused: Option<u16>,
}

impl<'a> Dialogue<'a> {
    /// Begins with the server's greeting. `date` is now, as RFC 5322 §3.3 writes it.
    #[must_use]
    pub const fn new(envelope: &'a Envelope, letter: &'a Letter, date: &'a str) -> Dialogue<'a> {
        Dialogue {
            envelope,
            letter,
            date,
            stage: Stage::Greeting,
            is_encrypted: false,
            taken: 0,
            refused: None,
        }
    }

    /// Takes in the server's answer.
    pub fn answered(&mut self, answer: &Answer) -> Step {
        let code = answer.code;
        let failed = |command| Step::Failed(Failure::Refused { command, code });
        let Envelope { helo, login, starts_tls, .. } = self.envelope;
        match (self.stage, code) {
            (Stage::Greeting, 220) if *starts_tls || login.is_some() => self.ehlo(),
            (Stage::Greeting, 220) => self.say(Stage::Helo, format!("HELO {helo}")),
            (Stage::Greeting, _) => failed("the connection"),
            (Stage::Ehlo, 250) if *starts_tls && !self.is_encrypted => {
                if !answer.offers("STARTTLS", None) {
                    return Step::Failed(Failure::NoTls);
                }
                self.say(Stage::StartTls, "STARTTLS".to_owned())
            }
            (Stage::Ehlo, 250) => match login {
                None => self.mail(),
                Some(login) if answer.offers("AUTH", Some("PLAIN")) => {
                    let secret = BASE64.encode(format!("\0{}\0{}", login.user, login.password));
                    self.say(Stage::Auth, format!("AUTH PLAIN {secret}"))
                }
                Some(_) if answer.offers("AUTH", Some("LOGIN")) => {
                    self.say(Stage::LoginName, "AUTH LOGIN".to_owned())
                }
                Some(_) => Step::Failed(Failure::NoLogin),
            },
            (Stage::Ehlo, _) => failed("EHLO"),
            (Stage::StartTls, 220) => Step::Encrypt,
            (Stage::StartTls, _) => failed("STARTTLS"),
            (Stage::LoginName, 334) => {
                let user = login.as_ref().map_or("", |login| &login.user);
                self.say(Stage::LoginPassword, BASE64.encode(user))
            }
            (Stage::LoginPassword, 334) => {
                let password = login.as_ref().map_or("", |login| &login.password);
                self.say(Stage::Auth, BASE64.encode(password))
            }
            (Stage::Auth, 235) => self.mail(),
            (Stage::LoginName | Stage::LoginPassword | Stage::Auth, _) => failed(AUTH),
            (Stage::Helo, 250) => self.mail(),
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

    /// The connection is encrypted now: the server is greeted anew (RFC 3207 §4.2).
    pub fn encrypted(&mut self) -> Step {
        self.is_encrypted = true;
        self.ehlo()
    }

    fn ehlo(&mut self) -> Step {
        self.say(Stage::Ehlo, format!("EHLO {}", self.envelope.helo))
    }

    fn mail(&mut self) -> Step {
        self.say(Stage::Mail, format!("MAIL FROM:{}", path(&self.envelope.from)))
    }

    fn recipient(&mut self, at: usize) -> Step {
        match (self.envelope.to.get(at), self.taken, self.refused) {
            (Some(to), ..) => self.say(Stage::Recipient(at), format!("RCPT TO:{}", path(to))),
            (None, 0, code) => Step::Failed(Failure::Refused { command: "RCPT", code: code.unwrap_or(554) }),
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
            ..Envelope::default()
        }
    }

    fn answer(code: u16) -> Answer {
        Answer { code, ..Answer::default() }
    }

    fn talk(envelope: &Envelope, answers: &[u16]) -> (String, Step) {
        let letter =
            Letter { subject: "[lb1] VRRP Instance VI - Stopping".into(), text: "=> x <=\n.\n.y".into() };
        let mut dialogue = Dialogue::new(envelope, &letter, "Sat, 21 Nov 2026 00:00:00 +0000");
        let mut said = String::new();
        let mut last = Step::Done;
        for code in answers {
            last = dialogue.answered(&answer(*code));
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

    /// RFC 3207 §4.2, RFC 4954 §4 and RFC 4616 §2, whose example has these names.
    #[test]
    fn the_connection_is_encrypted_before_the_password_is_said() {
        let login = |password: &str| Some(Login { user: "tim".into(), password: password.into() });
        let envelope =
            Envelope { starts_tls: true, login: login("tanstaaftanstaaf"), ..envelope(&["a@example.com"]) };
        let letter = Letter { subject: "x".into(), text: "y".into() };
        let offer =
            |lines: &[&str]| Answer { code: 250, lines: lines.iter().map(ToString::to_string).collect() };
        let mut dialogue = Dialogue::new(&envelope, &letter, "now");
        let say = |text: &str| Step::Say(format!("{text}\r\n"));
        assert_eq!(dialogue.answered(&answer(220)), say("EHLO lb1.example.com"));
        let mut without = dialogue.clone();
        assert_eq!(without.answered(&offer(&["mail", "AUTH PLAIN"])), Step::Failed(Failure::NoTls));
        assert_eq!(dialogue.answered(&offer(&["mail", "STARTTLS", "AUTH PLAIN"])), say("STARTTLS"));
        assert_eq!(dialogue.answered(&answer(220)), Step::Encrypt);
        assert_eq!(dialogue.encrypted(), say("EHLO lb1.example.com"));
        let mut other = dialogue.clone();
        // What was offered before counts no more.
        assert_eq!(other.clone().answered(&offer(&["mail"])), Step::Failed(Failure::NoLogin));
        let plain = "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm";
        assert_eq!(dialogue.answered(&offer(&["mail", "auth cram-md5 plain"])), say(plain));
        let refused = dialogue.clone().answered(&answer(535));
        let Step::Failed(failure) = refused else { panic!("{refused:?}") };
        assert!(failure.is_temporary(), "the password may be put right");
        assert_eq!(dialogue.answered(&answer(235)), say("MAIL FROM:<lb@example.com>"));
        assert_eq!(other.answered(&offer(&["mail", "AUTH LOGIN"])), say("AUTH LOGIN"));
        assert_eq!(other.answered(&answer(334)), say("dGlt"));
        assert_eq!(other.answered(&answer(334)), say("dGFuc3RhYWZ0YW5zdGFhZg=="));
        assert_eq!(other.answered(&answer(235)), say("MAIL FROM:<lb@example.com>"));
        assert!(!format!("{envelope:?}").contains("tanstaaf"), "no log shows it");
    }

    #[test]
    fn nothing_of_a_name_becomes_a_line_of_its_own() {
        assert_eq!(path("a\r\nDATA"), "<a  DATA>");
        assert_eq!(header("x\ny"), "x y");
    }
}
