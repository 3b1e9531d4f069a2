//! ipvsadm's language: arguments, and the lines that `-R` reads, as values. Pure.
//!
//! What ipvsadm 1.31 takes is taken, with the same meaning, in the same order of evaluation (`-M` before `-t` is an
//! IPv4 mask); what it refuses before it asks the kernel is refused, with the same exit status. Messages are our own.

pub mod complete;
mod draft;
mod option;
mod value;

use crate::ipvs::model::{DaemonState, ServiceKey, Timeouts};
use crate::ipvs::names::Names;
use crate::ipvs::operation::Operation;
use draft::Draft;
use option::{Opt, Options, Set, Token};
use std::borrow::Cow;

/// What `-h` says.
pub const HELP: &str = include_str!("help.txt");

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A change: `-A -E -D -C -a -e -d -Z --set --start-daemon --stop-daemon`.
    Execute(Operation),
    /// `-L`
    List(Listing),
    /// `-S`
    Save {
        /// `-n`: no names.
        numeric: bool,
    },
    /// `-R`: more command lines from standard input.
    Restore,
    /// `-h`
    Help,
    /// `--version`
    Version,
}

/// `-L` with its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What is listed.
    pub subject: Subject,
    /// Which columns services and servers get.
    pub columns: Columns,
    /// `-n`: no names.
    pub numeric: bool,
    /// `--exact`: large numbers in full.
    pub exact: bool,
    /// Not `--nosort`.
    pub sorted: bool,
}

/// What `-L` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole table.
    All,
    /// `-t -u --sctp-service -f`: one service.
    Service(ServiceKey),
    /// `-c`
    Connections,
    /// `--timeout`
    Timeouts,
    /// `--daemon`
    Daemons,
}

/// The columns of a listing; of several options the first one in this list wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// `--stats`
    Stats,
    /// `--rate`
    Rate,
    /// `--thresholds`
    Thresholds,
    /// `--persistent-conn`
    PersistentConn,
    /// `--tun-info`
    TunnelInfo,
    /// Forwarding method, weight and connections.
    #[default]
    Default,
}

/// Why a command line is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It begins with no command (ipvsadm: exit status 255, and the end of `-R`).
    #[error("{0}; try -h for help")]
    NoCommand(String),
    /// An option that does not exist or lacks its value (255; `-R` goes on with the next line).
    #[error("{option}: {problem}")]
    Option {
        /// The option as written.
        option: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A value or a combination that makes no sense (2, and the end of `-R`).
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    fn option(option: &str, problem: &'static str) -> Error {
        Error::Option { option: option.to_owned(), problem }
    }

    /// ipvsadm's exit status for it.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Error::NoCommand(_) | Error::Option { .. } => 255,
            Error::Invalid(_) => 2,
        }
    }

    /// Whether `-R` goes on with the next line.
    #[must_use]
    pub const fn restore_continues(&self) -> bool {
        matches!(self, Error::Option { .. })
    }
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Invalid(message.into()))
}

/// The command of a line of `-R`, split at blanks; a word `ipvsadm` is skipped wherever it stands. `None` where
/// nothing is left.
///
/// # Errors
/// As [`parse`]; `-R` within `-R` is refused.
pub fn parse_line(line: &str, names: &dyn Names) -> Result<Option<Command>, Error> {
    parse_line_located(line, names).map_err(|misplaced| misplaced.error)
}

/// Like [`parse_line`], and tells where in the line the mistake is.
///
/// # Errors
/// As [`parse_line`].
pub fn parse_line_located(line: &str, names: &dyn Names) -> Result<Option<Command>, Misplaced> {
    let words = words(line);
    if words.is_empty() {
        return Ok(None);
    }
    let mut word = 0;
    let error = match parse_words(&words, names, &mut word) {
        Ok(Command::Restore) => Error::NoCommand("-R within -R".into()),
        Ok(command) => return Ok(Some(command)),
        Err(error) => error,
    };
    // The words are parts of the line.
    let place = words.get(word).map_or(0, |w| w.as_ptr().addr().saturating_sub(line.as_ptr().addr()));
    Err(Misplaced { at: place, error })
}

/// Whether ipvsadm carries out this as the end of its input, where it does not end with a newline: it drops a line
/// with more than a single blank behind its last word.
#[must_use]
pub fn last_line_counts(line: &[u8]) -> bool {
    let blank = |byte: &u8| b" \t\r".contains(byte);
    !matches!(line, [.., last, end] if blank(last) && blank(end))
}

/// Lines as text. Nearly all are, which this sees sooner than a search for what is to be replaced.
pub fn text(lines: &[u8]) -> Cow<'_, str> {
    str::from_utf8(lines).map_or_else(|_| String::from_utf8_lossy(lines), Cow::Borrowed)
}

/// The longest word of a line, in bytes: what is longer, ipvsadm reads as several.
const WORD_MAX: usize = 4096;

/// The words of a line but `ipvsadm`.
fn words(line: &str) -> Vec<&str> {
    // More than a usual line has.
    let mut words = Vec::with_capacity(16);
    let mut start = 0;
    let mut zero = false;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                if at > start {
                    words.push(line.get(start..at).unwrap_or_default());
                }
                start = at + 1;
            }
            0 => zero = true,
            _ => {}
        }
    }
    words.extend(line.get(start..).filter(|word| !word.is_empty()));
    if line.len() > WORD_MAX {
        words = words.into_iter().flat_map(pieces).collect();
    }
    if zero {
        // In C a zero byte ends a word.
        for word in &mut words {
            *word = word.split_once('\0').map_or(*word, |(before, _)| before);
        }
    }
    words.retain(|word| *word != "ipvsadm");
    words
}

/// A word in pieces that ipvsadm reads at once.
fn pieces(mut word: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = word.split_at(word.floor_char_boundary(WORD_MAX));
        word = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// What may be the reason for the failure of a command with these arguments: an IPv6 address and a port in one word,
/// without the brackets that keep them apart. For messages that are not ipvsadm's.
#[must_use]
pub fn hint<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // An option may stand in front: `-t2001:db8::1:80`, `--tcp-service=2001:db8::1:80`.
    let value = |word: &'a str| match word.strip_prefix('-') {
        None => Some(word),
        Some(long) if long.starts_with('-') => long.split_once('=').map(|(_, value)| value),
        Some(short) => short.get(1..),
    };
    let written = arguments.into_iter().filter_map(value).find_map(value::with_brackets);
    written.map(|(right, port)| format!("if {port} is the port, write {right}"))
}

/// Like [`hint`], for a line.
#[must_use]
pub fn hint_for_line(line: &str) -> Option<String> {
    hint(words(line))
}

/// A mistake and where in its line it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Misplaced {
    /// Where the word begins that was read last, in bytes: the value where a value is wrong, the command where all is
    /// read and does not go together.
    pub at: usize,
    /// The mistake.
    pub error: Error,
}

/// The command of a line of arguments (without the program's name).
///
/// # Errors
/// What ipvsadm refuses before it asks the kernel.
pub fn parse(arguments: &[&str], names: &dyn Names) -> Result<Command, Error> {
    parse_words(arguments, names, &mut 0)
}

/// Like [`parse`]; where there is an error, `word` is the index of the word it is about.
fn parse_words(arguments: &[&str], names: &dyn Names, word: &mut usize) -> Result<Command, Error> {
    let mut options = Options::new(arguments, names.options_first());
    let first = options.next().map_err(|e| Error::NoCommand(e.to_string()))?;
    let (command, value) = first.ok_or_else(|| Error::NoCommand("no command".into()))?;
    let (legal, required) = match command {
        Token::Help => return Ok(Command::Help),
        Token::Version => return Ok(Command::Version),
        other => legal(other).ok_or_else(|| Error::NoCommand("the first option is no command".into()))?,
    };
    let mut draft = Draft::new(names);
    if matches!(command, Token::StartDaemon | Token::StopDaemon) {
        draft.daemon.state = match value {
            Some("master") => DaemonState::Master,
            Some("backup") => DaemonState::Backup,
            _ => return invalid("a sync daemon is either master or backup"),
        };
    }
    loop {
        let next = options.next();
        *word = options.position();
        let Some((token, value)) = next? else { break };
        draft.take(token, value)?;
    }
    *word = 0;
    let mut words = options.words.into_iter();
    if command == Token::Set {
        let [tcp, tcp_fin, udp] = [words.next(), words.next(), words.next()];
        let (Some(tcp), Some(tcp_fin), Some(udp)) = (tcp, tcp_fin, udp) else {
            return invalid("--set needs three timeouts: tcp tcpfin udp");
        };
        draft.timeouts = Timeouts {
            tcp: draft::timeout(tcp, 0)?,
            tcp_fin: draft::timeout(tcp_fin, 0)?,
            udp: draft::timeout(udp, 0)?,
        };
    }
    if let Some(word) = words.next() {
        return invalid(format!("unexpected argument {word}"));
    }
    draft.scheduler_flags()?;
    draft.check_options(legal, required)?;
    draft.build(command)
}

/// Options of virtual services.
const SERVICE: Set = Set::of(&[
    Opt::Service,
    Opt::Scheduler,
    Opt::Persistent,
    Opt::Netmask,
    Opt::OnePacket,
    Opt::PersistenceEngine,
    Opt::SchedFlags,
]);
/// Options of real servers.
const SERVER: Set = Set::of(&[
    Opt::Service,
    Opt::Server,
    Opt::Forward,
    Opt::Weight,
    Opt::UpperThreshold,
    Opt::LowerThreshold,
    Opt::TunType,
    Opt::TunPort,
    Opt::TunNocsum,
    Opt::TunCsum,
    Opt::TunRemcsum,
]);
const LIST: Set = Set::of(&[
    Opt::Numeric,
    Opt::Connection,
    Opt::Service,
    Opt::Timeout,
    Opt::Daemon,
    Opt::Stats,
    Opt::Rate,
    Opt::Thresholds,
    Opt::PersistentConn,
    Opt::NoSort,
    Opt::SyncId,
    Opt::Exact,
    Opt::TunInfo,
]);
const START: Set = Set::of(&[
    Opt::McastInterface,
    Opt::SyncId,
    Opt::McastGroup,
    Opt::McastPort,
    Opt::McastTtl,
    Opt::SyncMaxlen,
]);
/// The options that a command may have, and those it must have; `None` for what is no command.
const fn legal(command: Token) -> Option<(Set, &'static [Opt])> {
    Some(match command {
        Token::AddService | Token::EditService => (SERVICE, &[Opt::Service]),
        Token::DeleteService => (Set::of(&[Opt::Service]), &[Opt::Service]),
        Token::Zero => (Set::of(&[Opt::Service]), &[]),
        Token::AddServer | Token::EditServer => (SERVER, &[Opt::Service, Opt::Server]),
        Token::DeleteServer => (Set::of(&[Opt::Service, Opt::Server]), &[Opt::Service, Opt::Server]),
        Token::List => (LIST, &[]),
        Token::Save => (Set::of(&[Opt::Numeric]), &[]),
        Token::StartDaemon => (START, &[]),
        Token::StopDaemon => (Set::of(&[Opt::SyncId]), &[]),
        Token::Clear | Token::Restore | Token::Set => (Set::of(&[]), &[]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
