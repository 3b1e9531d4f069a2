//! What may come next on one of ipvsadm's command lines, for the completions of shells. Pure: what the table holds
//! is asked of [`Known`].
//!
//! Words that are not complete or not right are no errors here: then nothing is offered.

use super::option::{Opt, Token, Value, long, short, value};
use super::{legal, value as text};
use crate::ipvs::model::{DestKey, Protocol, ServiceKey};
use crate::ipvs::names::Names;
use crate::net::Family;
use std::borrow::Cow;

/// What may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub word: String,
    /// What it means, in a few words; may be empty.
    pub help: Cow<'static, str>,
}

impl Candidate {
    /// A word and what it means.
    pub fn new(word: impl Into<String>, help: impl Into<Cow<'static, str>>) -> Self {
        Self { word: word.into(), help: help.into() }
    }
}

/// What there is to be named on a command line.
pub trait Known {
    /// The services of the table.
    fn services(&mut self) -> Vec<ServiceKey>;
    /// The servers of a service.
    fn servers(&mut self, service: &ServiceKey) -> Vec<DestKey>;
    /// The names of network interfaces.
    fn interfaces(&mut self) -> Vec<String>;
}

/// Schedulers of the kernel.
const SCHEDULERS: [(&str, &str); 14] = [
    ("rr", "in turn"),
    ("wrr", "in turn, by weight"),
    ("lc", "fewest connections"),
    ("wlc", "fewest connections, by weight (the default)"),
    ("lblc", "one server a destination, while it is not overloaded"),
    ("lblcr", "some servers a destination, by load"),
    ("dh", "by the hash of the destination"),
    ("sh", "by the hash of the source"),
    ("sed", "shortest expected delay"),
    ("nq", "an idle one, or shortest expected delay"),
    ("fo", "the highest weight"),
    ("ovf", "the highest weight, until it has as many connections"),
    ("mh", "by the hash of the source, as Maglev does"),
    ("twos", "the better of two at random"),
];

/// Flags of schedulers, and whose they are; those of no scheduler are the kernel's bits by number.
const FLAGS: [(&str, &str, &str); 7] = [
    ("sh", "sh-fallback", "another server where the first takes no connections"),
    ("sh", "sh-port", "the client's port counts too"),
    ("mh", "mh-fallback", "another server where the first takes no connections"),
    ("mh", "mh-port", "the client's port counts too"),
    ("", "flag-1", ""),
    ("", "flag-2", ""),
    ("", "flag-3", ""),
];

/// Commands and options as they are offered: the short form, the long one, what it is.
const WORDS: [(&str, &str, &str); 56] = [
    ("-A", "--add-service", "add a virtual service"),
    ("-E", "--edit-service", "change a virtual service"),
    ("-D", "--delete-service", "remove a virtual service with its servers"),
    ("-C", "--clear", "remove everything"),
    ("-R", "--restore", "carry out the lines of standard input"),
    ("-S", "--save", "write the table as lines that -R reads"),
    ("-a", "--add-server", "add a real server"),
    ("-e", "--edit-server", "change a real server"),
    ("-d", "--delete-server", "remove a real server"),
    ("-L", "--list", "list the table"),
    ("-Z", "--zero", "set counters to 0"),
    ("", "--set", "set timeouts: TCP, after FIN, UDP"),
    ("", "--start-daemon", "start synchronising connections"),
    ("", "--stop-daemon", "stop synchronising connections"),
    ("-h", "--help", "help"),
    ("", "--version", "the version"),
    ("-t", "--tcp-service", "service by TCP address and port"),
    ("-u", "--udp-service", "service by UDP address and port"),
    ("", "--sctp-service", "service by SCTP address and port"),
    ("-f", "--fwmark-service", "service by firewall mark"),
    ("-6", "--ipv6", "the mark of IPv6 packets"),
    ("-s", "--scheduler", "who gets a connection"),
    ("-p", "--persistent", "a client stays with its server, for so many seconds"),
    ("-M", "--netmask", "clients of one net stay together"),
    ("-r", "--real-server", "address and port of the server"),
    ("-g", "--gatewaying", "forward by direct routing"),
    ("-i", "--ipip", "forward through a tunnel"),
    ("-m", "--masquerading", "forward by NAT"),
    ("", "--tun-type", "ipip, gue or gre"),
    ("", "--tun-port", "port of a gue tunnel"),
    ("", "--tun-nocsum", "no checksum on the tunnel"),
    ("", "--tun-csum", "a checksum on the tunnel"),
    ("", "--tun-remcsum", "remote checksum offload on the tunnel"),
    ("-w", "--weight", "weight; 0 takes no new connections"),
    ("-x", "--u-threshold", "no new connections above"),
    ("-y", "--l-threshold", "new connections again below"),
    ("-b", "--sched-flags", "flags of the scheduler"),
    ("-o", "--ops", "schedule each packet alone"),
    ("", "--pe", "persistence engine"),
    ("", "--mcast-interface", "interface of the sync daemon"),
    ("", "--syncid", "which directors belong together"),
    ("", "--sync-maxlen", "bytes of a sync message"),
    ("", "--mcast-group", "group of the sync daemon"),
    ("", "--mcast-port", "port of the sync daemon"),
    ("", "--mcast-ttl", "time to live of sync messages"),
    ("-c", "--connection", "list connections"),
    ("", "--timeout", "show the timeouts"),
    ("", "--daemon", "show the sync daemons"),
    ("", "--stats", "counters"),
    ("", "--rate", "rates"),
    ("", "--exact", "large numbers in full"),
    ("", "--thresholds", "thresholds"),
    ("", "--persistent-conn", "persistent connections"),
    ("", "--tun-info", "tunnels"),
    ("", "--nosort", "in the kernel's order"),
    ("-n", "--numeric", "numbers instead of names"),
];

/// The words before the cursor, as far as they make sense.
#[derive(Debug, Default)]
struct Line<'a> {
    given: Vec<(Token, Option<&'a str>)>,
    /// The option whose value comes next.
    pending: Option<Token>,
}

impl<'a> Line<'a> {
    fn read(words: &[&'a str]) -> Self {
        let mut line = Self::default();
        for &word in words {
            line.take(word);
        }
        line
    }

    fn take(&mut self, word: &'a str) {
        if let Some(token) = self.pending.take() {
            let optional = value(token) == Value::Optional && word.starts_with('-');
            self.given.push((token, (!optional).then_some(word)));
            if !optional {
                return;
            }
        }
        if let Some(name) = word.strip_prefix("--") {
            let (name, given) =
                name.split_once('=').map_or((name, None), |(name, given)| (name, Some(given)));
            if let Some(token) = long(name) {
                self.option(token, given);
            }
            return;
        }
        let mut rest = word.strip_prefix('-').unwrap_or_default();
        while let Some(name) = rest.chars().next() {
            rest = &rest[name.len_utf8()..];
            let Some(token) = short(name) else { return };
            if value(token) == Value::None {
                self.given.push((token, None));
            } else {
                self.option(token, (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest)));
                return;
            }
        }
    }

    fn option(&mut self, token: Token, given: Option<&'a str>) {
        if given.is_some() || value(token) == Value::None {
            self.given.push((token, given));
        } else {
            self.pending = Some(token);
        }
    }

    fn command(&self) -> Option<Token> {
        self.given.first().map(|(token, _)| *token).or(self.pending)
    }

    fn value_of(&self, wanted: Token) -> Option<&'a str> {
        self.given.iter().rev().find(|(token, _)| *token == wanted)?.1
    }

    fn has(&self, wanted: Token) -> bool {
        self.given.iter().any(|(token, _)| *token == wanted)
    }

    /// The service that the line names.
    fn service(&self, names: &dyn Names) -> Option<ServiceKey> {
        self.given.iter().find_map(|&(token, given)| {
            let protocol = protocol(token);
            if let Some(protocol) = protocol {
                let (address, port) = text::endpoint(given?, Some(protocol), names)?;
                return Some(ServiceKey::Address { protocol, address, port: port.unwrap_or(0) });
            }
            if token != Token::Fwmark {
                return None;
            }
            let family = if self.has(Token::Ipv6) { Family::V6 } else { Family::V4 };
            Some(ServiceKey::Fwmark { mark: given?.parse().ok()?, family })
        })
    }
}

const fn protocol(token: Token) -> Option<Protocol> {
    match token {
        Token::Tcp => Some(Protocol::Tcp),
        Token::Udp => Some(Protocol::Udp),
        Token::Sctp => Some(Protocol::Sctp),
        _ => None,
    }
}

/// What may stand where the cursor is, in the word that begins with `current`, behind `words`.
pub fn complete(words: &[&str], current: &str, known: &mut dyn Known, names: &dyn Names) -> Vec<Candidate> {
    let line = Line::read(words);
    if line.command().is_none() && !words.is_empty() {
        return Vec::new();
    }
    let mut candidates = match line.pending {
        Some(token) if !(value(token) == Value::Optional && current.starts_with('-')) => {
            values(token, current, &line, known, names)
        }
        _ => match current.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
            Some((name, start)) => {
                let Some(token) = long(name) else { return Vec::new() };
                let mut found = values(token, start, &line, known, names);
                for candidate in &mut found {
                    candidate.word = format!("--{name}={}", candidate.word);
                }
                found
            }
            None => options(current, &line),
        },
    };
    candidates.retain(|candidate| candidate.word.starts_with(current));
    candidates
}

fn token_of(short_form: &str, long_form: &str) -> Option<Token> {
    match short_form.strip_prefix('-').and_then(|name| name.chars().next()) {
        Some(name) => short(name),
        None => long(long_form.strip_prefix("--")?),
    }
}

fn options(current: &str, line: &Line<'_>) -> Vec<Candidate> {
    let offered = |token: Token| match line.command() {
        None => is_command(token),
        Some(command) => !line.has(token) && goes_with(token, command, line),
    };
    let entries = WORDS
        .iter()
        .filter(|(short_form, long_form, _)| token_of(short_form, long_form).is_some_and(offered));
    // The short form, if there is one and it can still become it.
    let chosen = |short_form: &&'static str, long_form: &&'static str| {
        if current.starts_with("--") || short_form.is_empty() { *long_form } else { *short_form }
    };
    entries.map(|(s, l, help)| Candidate::new(chosen(s, l), *help)).collect()
}

const fn is_command(token: Token) -> bool {
    matches!(token, Token::Help | Token::Version) || legal(token).is_some()
}

fn goes_with(token: Token, command: Token, line: &Line<'_>) -> bool {
    let Some((allowed, _)) = legal(command) else { return false };
    let forward = [Token::Masquerading, Token::Ipip, Token::Gatewaying];
    let service = [Token::Tcp, Token::Udp, Token::Sctp, Token::Fwmark];
    let given = |tokens: &[Token]| tokens.iter().any(|token| line.has(*token));
    match token {
        Token::Tcp | Token::Udp | Token::Sctp | Token::Fwmark => {
            allowed.has(Opt::Service) && !given(&service)
        }
        Token::Ipv6 => line.has(Token::Fwmark),
        Token::Masquerading | Token::Ipip | Token::Gatewaying => {
            allowed.has(Opt::Forward) && !given(&forward)
        }
        Token::Other(
            option @ (Opt::TunType | Opt::TunPort | Opt::TunNocsum | Opt::TunCsum | Opt::TunRemcsum),
        ) => allowed.has(option) && line.has(Token::Ipip),
        Token::Other(option) => allowed.has(option),
        _ => false,
    }
}

fn values(
    token: Token,
    start: &str,
    line: &Line<'_>,
    known: &mut dyn Known,
    names: &dyn Names,
) -> Vec<Candidate> {
    let table = |rows: &[(&'static str, &'static str)]| {
        rows.iter().map(|(word, help)| Candidate::new(*word, *help)).collect::<Vec<_>>()
    };
    // A service that is added is not there yet.
    let existing = line.command() != Some(Token::AddService);
    match token {
        Token::Tcp | Token::Udp | Token::Sctp if existing => {
            let of_line = protocol(token);
            let services = known.services().into_iter();
            let spelt = services.filter_map(|key| match key {
                ServiceKey::Address { protocol, address, port } if Some(protocol) == of_line => {
                    Some(Candidate::new(DestKey { address, port }.to_string(), ""))
                }
                _ => None,
            });
            spelt.collect()
        }
        Token::Fwmark if existing => {
            let services = known.services().into_iter();
            let marks = services.filter_map(|key| match key {
                ServiceKey::Fwmark { mark, family: Family::V4 } => Some(Candidate::new(mark.to_string(), "")),
                ServiceKey::Fwmark { mark, family: Family::V6 } => {
                    Some(Candidate::new(mark.to_string(), "with -6"))
                }
                ServiceKey::Address { .. } => None,
            });
            marks.collect()
        }
        // A server that is added is not there yet.
        Token::Other(Opt::Server) if line.command() != Some(Token::AddServer) => {
            let Some(service) = line.service(names) else { return Vec::new() };
            known.servers(&service).iter().map(|server| Candidate::new(server.to_string(), "")).collect()
        }
        Token::Other(Opt::Scheduler) => table(&SCHEDULERS),
        Token::Other(Opt::SchedFlags) => flags(start, line.value_of(Token::Other(Opt::Scheduler))),
        Token::Other(Opt::TunType) => table(&[("ipip", ""), ("gue", "UDP"), ("gre", "")]),
        Token::Other(Opt::PersistenceEngine) => table(&[("sip", "by the Call-ID of SIP")]),
        Token::Other(Opt::McastInterface) => {
            known.interfaces().into_iter().map(|name| Candidate::new(name, "")).collect()
        }
        Token::StartDaemon | Token::StopDaemon => table(&[("master", "sends"), ("backup", "receives")]),
        _ => Vec::new(),
    }
}

/// One more flag of a list with commas: those of the scheduler, or all where none is named.
fn flags(start: &str, scheduler: Option<&str>) -> Vec<Candidate> {
    let head = start.rfind(',').map_or("", |comma| &start[..=comma]);
    let given: Vec<&str> = head.split(',').collect();
    let fits = |whose: &str| scheduler.is_none_or(|scheduler| whose == scheduler || whose.is_empty());
    let known = FLAGS.iter().filter(|(whose, flag, _)| fits(whose) && !given.contains(flag));
    let numbered = |flag: &str| flag.starts_with("flag-") && matches!(scheduler, Some("sh" | "mh"));
    known
        .filter(|(_, flag, _)| !numbered(flag))
        .map(|(_, flag, help)| Candidate::new(format!("{head}{flag}"), *help))
        .collect()
}
