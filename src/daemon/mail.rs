//! Sends mails, by a thread of its own: a server that is slow or down holds up nobody.
//!
//! Mails leave in their order. One that the server does not take now is tried again, after pauses that grow; then it is given
//! up, and said. What no room is left for is counted, and said.
//!
//! With `smtp_alert_digest` they are collected first, and those that come within some seconds are one.
//!
//! The password and the authorities' certificates are read anew for each mail: whoever puts a file right needs no reload.

mod tls;

use crate::conf::config::{self, Global, SmtpLogin, SmtpPassword, SmtpServer, SmtpTls};
use crate::mail::{Answer, Dialogue, Digest, Envelope, Letter, Login, Step};
use crate::raw;
use crate::sys::clock;
use crate::sys::input::{self, reason};
use crate::sys::names;
use crate::time::Instant;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tracing::{debug, info, warn};

/// So many mails wait.
const MOST_WAITING: usize = 1000;

/// The pauses before a mail is tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(600)];

/// No answer of a server is longer than this.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// No password is longer than this.
const LONGEST_PASSWORD: u64 = 4096;

/// Checking a chain of certificates takes some.
const STACK: usize = 512 * 1024;

/// Where mails are put.
#[derive(Clone, Debug)]
pub(super) struct Mailer(Sender<Order>);

#[derive(Debug)]
enum Order {
    Configure(Box<(config::Mail, Option<String>)>),
    /// With the wall clock's time at which it was written.
    Letter(Letter, Duration),
    /// Say when nothing waits any more; nothing is waited for.
    Finish(Sender<()>),
}

/// How mails are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settings {
    server: SmtpServer,
    timeout: Duration,
    envelope: Envelope,
    tls: SmtpTls,
    ca_file: Option<PathBuf>,
    login: Option<SmtpLogin>,
    digest: Option<Duration>,
    /// Subjects begin with it.
    router: String,
}

impl Settings {
    /// `None` where no mail is sent: as in keepalived, without a server or without a recipient.
    fn new(mail: &config::Mail, router_id: Option<&String>) -> Option<Settings> {
        let server = mail.server.clone()?;
        let host = names::full_node_name().unwrap_or_else(|| "localhost".to_owned());
        let shown = |text: &String| raw::shown(text).into_owned();
        let envelope = Envelope {
            helo: mail.helo_name.as_ref().map_or_else(|| host.clone(), shown),
            from: mail.from.as_ref().map_or_else(|| format!("root@{host}"), shown),
            to: mail.to.iter().map(shown).collect(),
            starts_tls: mail.tls == SmtpTls::StartTls,
            // Its password may stand in a file.
            login: None,
        };
        let router = router_id.map_or(host, shown);
        (!envelope.to.is_empty()).then_some(Settings {
            server,
            timeout: mail.connect_timeout,
            envelope,
            tls: mail.tls,
            ca_file: mail.ca_file.clone(),
            login: mail.login.clone(),
            digest: mail.digest,
            router,
        })
    }
}

impl Mailer {
    /// Starts the thread; it ends with the last of its handles.
    ///
    /// # Errors
    /// The kernel's: no thread left.
    pub(super) fn start() -> io::Result<Mailer> {
        let (orders, inbox) = channel();
        std::thread::Builder::new().name("mail".to_owned()).stack_size(STACK).spawn(move || {
            Post::default().run(&inbox);
        })?;
        Ok(Mailer(orders))
    }

    /// From now on mails are sent so; those that wait, too.
    pub(super) fn configure(&self, global: &Global) {
        // Fails when the thread is gone: it ends with us alone.
        let _ = self.0.send(Order::Configure(Box::new((global.mail.clone(), global.router_id.clone()))));
    }

    /// Sends a mail, some time.
    pub(super) fn send(&self, subject: &str, text: &str) {
        let letter = Letter { subject: raw::shown(subject).into_owned(), text: text.to_owned() };
        let _ = self.0.send(Order::Letter(letter, clock::wall()));
    }

    /// Waits until all have been tried once more, but not for long.
    pub(super) fn finish(&self, patience: Duration) {
        let (done, finished) = channel();
        let _ = self.0.send(Order::Finish(done));
        if finished.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            warn!("mails are lost: the mail server has not taken them in time");
        }
    }
}

/// A mail that waits.
#[derive(Debug)]
struct Waiting {
    letter: Letter,
    tries: usize,
    at: Instant,
}

/// The thread's own.
#[derive(Default)]
struct Post {
    settings: Option<Settings>,
    /// What may yet become one mail.
    digest: Digest,
    waiting: VecDeque<Waiting>,
    lost: u64,
    finish: Option<Sender<()>>,
}

impl Post {
    fn run(&mut self, inbox: &Receiver<Order>) {
        loop {
            let now = clock::now();
            let first = self.waiting.front().map(|first| first.at);
            let collected = self.collected_at();
            let order = match [first, collected].into_iter().flatten().min() {
                Some(at) if at <= now || self.finish.is_some() => {
                    inbox.try_recv().map_err(|error| match error {
                        std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                        std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                    })
                }
                Some(at) => inbox.recv_timeout(at - now),
                None => {
                    if let Some(done) = self.finish.take() {
                        let _ = done.send(());
                    }
                    inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
                }
            };
            match order {
                Ok(Order::Configure(new)) => self.settings = Settings::new(&new.0, new.1.as_ref()),
                Ok(Order::Letter(letter, written)) if self.within().is_some() => {
                    self.digest.take(clock::now(), written, letter);
                }
                Ok(Order::Letter(letter, _)) => self.take(letter),
                Ok(Order::Finish(done)) => self.finish = Some(done),
                Err(RecvTimeoutError::Timeout)
                    if collected.is_some_and(|at| at <= clock::now() || self.finish.is_some()) =>
                {
                    if let Some(letter) = self.digest.finish(clock::mail_date) {
                        self.take(letter);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.deliver(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// For how long mails are collected, where they are.
    fn within(&self) -> Option<Duration> {
        self.settings.as_ref().and_then(|settings| settings.digest)
    }

    /// When what was collected is to leave: at once where a reload has ended that.
    fn collected_at(&self) -> Option<Instant> {
        self.digest.next_timeout(self.within().unwrap_or_default())
    }

    fn take(&mut self, letter: Letter) {
        let Some(Settings { router, .. }) = &self.settings else { return };
        if self.waiting.len() >= MOST_WAITING {
            if self.lost == 0 {
                warn!("{MOST_WAITING} mails wait for the mail server: further ones are lost");
            }
            self.lost += 1;
            return;
        }
        let subject = format!("[{router}] {}", letter.subject);
        let letter = Letter { subject, ..letter };
        self.waiting.push_back(Waiting { letter, tries: 0, at: clock::now() });
    }

    /// Tries the first one.
    fn deliver(&mut self) {
        let Some(mut first) = self.waiting.pop_front() else { return };
        let Some(settings) = &self.settings else { return };
        let failure = match hand_over(settings, &first.letter) {
            Ok(()) => {
                debug!("SMTP alert successfully sent.");
                if self.waiting.is_empty() && self.lost > 0 {
                    warn!(
                        "{} mails were lost while the mail server took none",
                        std::mem::take(&mut self.lost)
                    );
                }
                return;
            }
            Err(failure) => failure,
        };
        let SmtpServer { host, port } = &settings.server;
        let subject = &first.letter.subject;
        let pause = PAUSES.get(first.tries).filter(|_| failure.is_temporary && self.finish.is_none());
        let Some(pause) = pause else {
            warn!("mail server {host} port {port}: {}: the mail \"{subject}\" is lost", failure.what);
            return;
        };
        info!("mail server {host} port {port}: {}: trying again in {pause:?}", failure.what);
        first.tries += 1;
        first.at = clock::now() + *pause;
        self.waiting.push_front(first);
    }
}

struct Failure {
    what: String,
    is_temporary: bool,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let what = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
            io::ErrorKind::UnexpectedEof => "it has closed the connection".to_owned(),
            _ => reason(&error).to_string(),
        };
        Failure { what, is_temporary: true }
    }
}

impl Failure {
    /// Somebody may put it right.
    fn for_now(what: String) -> Failure {
        Failure { what, is_temporary: true }
    }
}

/// A connection, encrypted or not.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

type Line = BufReader<Box<dyn Stream>>;

fn hand_over(settings: &Settings, letter: &Letter) -> Result<(), Failure> {
    let login = settings.login.as_ref().map(login).transpose()?;
    let envelope = Envelope { login, ..settings.envelope.clone() };
    let stream = connect(settings)?;
    stream.set_read_timeout(Some(settings.timeout))?;
    stream.set_write_timeout(Some(settings.timeout))?;
    // Of a connection that is to be encrypted later on.
    let mut bare = if settings.tls == SmtpTls::StartTls { Some(stream.try_clone()?) } else { None };
    let mut line: Line = BufReader::new(match settings.tls {
        SmtpTls::Implicit => encrypt(settings, stream)?,
        SmtpTls::Off | SmtpTls::StartTls => Box::new(stream),
    });
    let date = clock::mail_date(clock::wall());
    let mut dialogue = Dialogue::new(&envelope, letter, &date);
    let mut next = dialogue.answered(&answer(&mut line)?);
    loop {
        next = match next {
            Step::Say(text) => {
                line.get_mut().write_all(text.as_bytes())?;
                line.get_mut().flush()?;
                dialogue.answered(&answer(&mut line)?)
            }
            Step::Encrypt => {
                // Somebody in between could have put it there.
                if !line.buffer().is_empty() {
                    return Err(Failure::for_now("it says more than was asked for".to_owned()));
                }
                let stream = bare.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
                line = BufReader::new(encrypt(settings, stream)?);
                dialogue.encrypted()
            }
            Step::Done => {
                if let Some(code) = dialogue.refused() {
                    info!("the mail server answered {code} to a recipient: the others have the mail");
                }
                break;
            }
            Step::Failed(failure) => {
                let _ = quit(&mut line);
                return Err(Failure { is_temporary: failure.is_temporary(), what: failure.to_string() });
            }
        }
    }
    // It has the mail: what becomes of the farewell does not matter.
    let _ = quit(&mut line);
    Ok(())
}

fn quit(line: &mut Line) -> io::Result<()> {
    line.get_mut().write_all(b"QUIT\r\n")?;
    line.get_mut().flush()
}

fn encrypt(settings: &Settings, stream: TcpStream) -> Result<Box<dyn Stream>, Failure> {
    tls::encrypt(&settings.server.host, settings.ca_file.as_deref(), stream)
}

fn login(login: &SmtpLogin) -> Result<Login, Failure> {
    let user = raw::shown(&login.user).into_owned();
    let password = match &login.password {
        SmtpPassword::Text(text) => raw::shown(text).into_owned(),
        SmtpPassword::File(path) => password(path).map_err(|what| {
            Failure::for_now(format!(
                "the password of smtp_user can't be read from {}: {what}",
                path.display()
            ))
        })?,
    };
    Ok(Login { user, password })
}

/// The first line of a file.
fn password(path: &Path) -> Result<String, String> {
    let bytes = input::file(path, LONGEST_PASSWORD).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    match text.lines().next() {
        None | Some("") => Err("its first line is empty".to_owned()),
        Some(line) => Ok(line.to_owned()),
    }
}

fn connect(settings: &Settings) -> io::Result<TcpStream> {
    let SmtpServer { host, port } = &settings.server;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in (host.as_str(), *port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, settings.timeout.max(Duration::from_millis(1))) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// An answer, which may have several lines.
fn answer(line: &mut impl BufRead) -> io::Result<Answer> {
    let mut line = line.take(LONGEST_ANSWER);
    let mut lines = Vec::new();
    loop {
        let mut bytes = Vec::new();
        if line.read_until(b'\n', &mut bytes)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let code = bytes.get(..3).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
        let text = bytes.get(4..).unwrap_or_default().trim_ascii_end();
        lines.push(String::from_utf8_lossy(text).into_owned());
        match (code, bytes.get(3)) {
            (Some(_), Some(b'-')) => {}
            (Some(code), _) => return Ok(Answer { code, lines }),
            (None, _) => return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak SMTP")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn an_answer_may_have_several_lines() {
        let read = |text: &str| answer(&mut Cursor::new(text.as_bytes().to_vec()));
        let said =
            |code, lines: &[&str]| Answer { code, lines: lines.iter().map(ToString::to_string).collect() };
        assert_eq!(read("250 ok\r\n").unwrap(), said(250, &["ok"]));
        assert_eq!(read("354\r\n").unwrap(), said(354, &[""]));
        let lines = ["hello", "AUTH PLAIN", "ready"];
        assert_eq!(read("220-hello\r\n220-AUTH PLAIN\r\n220 ready\r\n").unwrap(), said(220, &lines));
        assert_eq!(read("").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read("HTTP/1.1 400\r\n").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
