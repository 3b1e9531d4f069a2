//! ipvsadm's options, and how arguments are taken apart into them: the rules of popt.
//!
//! Short options may be combined (`-Ln`); a value stands in the rest of the word (`-w5`, `-w=5`), behind `=`
//! (`--weight=5`) or in the next word. Long options are written out. `--` ends the options.

use super::Error;

/// An option, or a command, which is an option that comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opt {
    Numeric,
    Connection,
    Service,
    Scheduler,
    Persistent,
    Netmask,
    Server,
    Forward,
    Weight,
    UpperThreshold,
    LowerThreshold,
    McastInterface,
    Timeout,
    Daemon,
    Stats,
    Rate,
    Thresholds,
    PersistentConn,
    NoSort,
    SyncId,
    Exact,
    OnePacket,
    PersistenceEngine,
    SchedFlags,
    McastGroup,
    McastPort,
    McastTtl,
    SyncMaxlen,
    TunInfo,
    TunType,
    TunPort,
    TunNocsum,
    TunCsum,
    TunRemcsum,
}

/// What an argument means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    AddService,
    EditService,
    DeleteService,
    Clear,
    List,
    Zero,
    AddServer,
    EditServer,
    DeleteServer,
    Set,
    Help,
    Version,
    Restore,
    Save,
    StartDaemon,
    StopDaemon,
    Tcp,
    Udp,
    Sctp,
    Fwmark,
    Masquerading,
    Ipip,
    Gatewaying,
    Ipv6,
    Sort,
    Other(Opt),
}

/// Whether an option takes a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    None,
    Required,
    /// Only a word that does not look like an option is taken.
    Optional,
}

pub(super) const fn value(token: Token) -> Value {
    match token {
        Token::Other(Opt::Persistent) => Value::Optional,
        Token::StartDaemon | Token::StopDaemon | Token::Tcp | Token::Udp | Token::Sctp | Token::Fwmark => {
            Value::Required
        }
        Token::Other(
            Opt::Scheduler
            | Opt::Netmask
            | Opt::Server
            | Opt::Weight
            | Opt::UpperThreshold
            | Opt::LowerThreshold
            | Opt::McastInterface
            | Opt::SyncId
            | Opt::PersistenceEngine
            | Opt::SchedFlags
            | Opt::McastGroup
            | Opt::McastPort
            | Opt::McastTtl
            | Opt::SyncMaxlen
            | Opt::TunType
            | Opt::TunPort,
        ) => Value::Required,
        _ => Value::None,
    }
}

pub(super) fn short(c: char) -> Option<Token> {
    Some(match c {
        'A' => Token::AddService,
        'E' => Token::EditService,
        'D' => Token::DeleteService,
        'C' => Token::Clear,
        'L' | 'l' => Token::List,
        'Z' => Token::Zero,
        'a' => Token::AddServer,
        'e' => Token::EditServer,
        'd' => Token::DeleteServer,
        'h' => Token::Help,
        'v' => Token::Version,
        'R' => Token::Restore,
        'S' => Token::Save,
        't' => Token::Tcp,
        'u' => Token::Udp,
        'f' => Token::Fwmark,
        's' => Token::Other(Opt::Scheduler),
        'p' => Token::Other(Opt::Persistent),
        'M' => Token::Other(Opt::Netmask),
        'r' => Token::Other(Opt::Server),
        'm' => Token::Masquerading,
        'i' => Token::Ipip,
        'g' => Token::Gatewaying,
        'w' => Token::Other(Opt::Weight),
        'x' => Token::Other(Opt::UpperThreshold),
        'y' => Token::Other(Opt::LowerThreshold),
        'n' => Token::Other(Opt::Numeric),
        'c' => Token::Other(Opt::Connection),
        'X' => Token::Other(Opt::Exact),
        '6' => Token::Ipv6,
        'o' => Token::Other(Opt::OnePacket),
        'b' => Token::Other(Opt::SchedFlags),
        _ => return None,
    })
}

pub(super) fn long(name: &str) -> Option<Token> {
    Some(match name {
        "add-service" => Token::AddService,
        "edit-service" => Token::EditService,
        "delete-service" => Token::DeleteService,
        "clear" => Token::Clear,
        "list" => Token::List,
        "zero" => Token::Zero,
        "add-server" => Token::AddServer,
        "edit-server" => Token::EditServer,
        "delete-server" => Token::DeleteServer,
        "set" => Token::Set,
        "help" => Token::Help,
        "version" => Token::Version,
        "restore" => Token::Restore,
        "save" => Token::Save,
        "start-daemon" => Token::StartDaemon,
        "stop-daemon" => Token::StopDaemon,
        "tcp-service" => Token::Tcp,
        "udp-service" => Token::Udp,
        "sctp-service" => Token::Sctp,
        "fwmark-service" => Token::Fwmark,
        "scheduler" => Token::Other(Opt::Scheduler),
        "persistent" => Token::Other(Opt::Persistent),
        "netmask" => Token::Other(Opt::Netmask),
        "real-server" => Token::Other(Opt::Server),
        "masquerading" => Token::Masquerading,
        "ipip" => Token::Ipip,
        "gatewaying" => Token::Gatewaying,
        "weight" => Token::Other(Opt::Weight),
        "u-threshold" => Token::Other(Opt::UpperThreshold),
        "l-threshold" => Token::Other(Opt::LowerThreshold),
        "numeric" => Token::Other(Opt::Numeric),
        "connection" => Token::Other(Opt::Connection),
        "mcast-interface" => Token::Other(Opt::McastInterface),
        "syncid" => Token::Other(Opt::SyncId),
        "timeout" => Token::Other(Opt::Timeout),
        "daemon" => Token::Other(Opt::Daemon),
        "stats" => Token::Other(Opt::Stats),
        "rate" => Token::Other(Opt::Rate),
        "thresholds" => Token::Other(Opt::Thresholds),
        "persistent-conn" => Token::Other(Opt::PersistentConn),
        "nosort" => Token::Other(Opt::NoSort),
        "sort" => Token::Sort,
        "exact" => Token::Other(Opt::Exact),
        "ipv6" => Token::Ipv6,
        "ops" => Token::Other(Opt::OnePacket),
        "pe" => Token::Other(Opt::PersistenceEngine),
        "sched-flags" => Token::Other(Opt::SchedFlags),
        "mcast-group" => Token::Other(Opt::McastGroup),
        "mcast-port" => Token::Other(Opt::McastPort),
        "mcast-ttl" => Token::Other(Opt::McastTtl),
        "sync-maxlen" => Token::Other(Opt::SyncMaxlen),
        "tun-info" => Token::Other(Opt::TunInfo),
        "tun-type" => Token::Other(Opt::TunType),
        "tun-port" => Token::Other(Opt::TunPort),
        "tun-nocsum" => Token::Other(Opt::TunNocsum),
        "tun-csum" => Token::Other(Opt::TunCsum),
        "tun-remcsum" => Token::Other(Opt::TunRemcsum),
        _ => return None,
    })
}

impl Opt {
    /// Every option.
    const ALL: [Opt; 34] = [
        Opt::Numeric,
        Opt::Connection,
        Opt::Service,
        Opt::Scheduler,
        Opt::Persistent,
        Opt::Netmask,
        Opt::Server,
        Opt::Forward,
        Opt::Weight,
        Opt::UpperThreshold,
        Opt::LowerThreshold,
        Opt::McastInterface,
        Opt::Timeout,
        Opt::Daemon,
        Opt::Stats,
        Opt::Rate,
        Opt::Thresholds,
        Opt::PersistentConn,
        Opt::NoSort,
        Opt::SyncId,
        Opt::Exact,
        Opt::OnePacket,
        Opt::PersistenceEngine,
        Opt::SchedFlags,
        Opt::McastGroup,
        Opt::McastPort,
        Opt::McastTtl,
        Opt::SyncMaxlen,
        Opt::TunInfo,
        Opt::TunType,
        Opt::TunPort,
        Opt::TunNocsum,
        Opt::TunCsum,
        Opt::TunRemcsum,
    ];

    /// What the option is called in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Opt::Numeric => "numeric",
            Opt::Connection => "connection",
            Opt::Service => "service-address",
            Opt::Scheduler => "scheduler",
            Opt::Persistent => "persistent",
            Opt::Netmask => "netmask",
            Opt::Server => "real-server",
            Opt::Forward => "forwarding-method",
            Opt::Weight => "weight",
            Opt::UpperThreshold => "u-threshold",
            Opt::LowerThreshold => "l-threshold",
            Opt::McastInterface => "mcast-interface",
            Opt::Timeout => "timeout",
            Opt::Daemon => "daemon",
            Opt::Stats => "stats",
            Opt::Rate => "rate",
            Opt::Thresholds => "thresholds",
            Opt::PersistentConn => "persistent-conn",
            Opt::NoSort => "nosort",
            Opt::SyncId => "syncid",
            Opt::Exact => "exact",
            Opt::OnePacket => "ops",
            Opt::PersistenceEngine => "pe",
            Opt::SchedFlags => "sched-flags",
            Opt::McastGroup => "mcast-group",
            Opt::McastPort => "mcast-port",
            Opt::McastTtl => "mcast-ttl",
            Opt::SyncMaxlen => "sync-maxlen",
            Opt::TunInfo => "tun-info",
            Opt::TunType => "tun-type",
            Opt::TunPort => "tun-port",
            Opt::TunNocsum => "tun-nocsum",
            Opt::TunCsum => "tun-csum",
            Opt::TunRemcsum => "tun-remcsum",
        }
    }
}

/// A set of options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    /// Of these.
    pub(super) const fn of(options: &[Opt]) -> Set {
        let (mut bits, mut i) = (0, 0);
        while i < options.len() {
            bits |= 1 << options[i] as u64;
            i += 1;
        }
        Set(bits)
    }

    pub(super) const fn has(self, option: Opt) -> bool {
        self.0 & (1 << option as u64) != 0
    }

    pub(super) const fn any(self, other: Set) -> bool {
        self.0 & other.0 != 0
    }

    /// What is not in `other`.
    pub(super) const fn without(self, other: Set) -> Set {
        Set(self.0 & !other.0)
    }

    /// The first one.
    pub(super) fn first(self) -> Option<Opt> {
        if self.0 == 0 { None } else { self.iter().next() }
    }

    fn iter(self) -> impl Iterator<Item = Opt> {
        Opt::ALL.into_iter().filter(move |option| self.has(*option))
    }

    /// Adds the option; false where it is there already.
    pub(super) fn insert(&mut self, option: Opt) -> bool {
        let new = !self.has(option);
        self.0 |= 1 << option as u64;
        new
    }
}

/// The options in a row of arguments, and what is no option.
#[derive(Debug)]
pub(super) struct Options<'a> {
    /// Number of all words.
    given: usize,
    rest: &'a [&'a str],
    /// Whether the first word that is no option ends them.
    options_first: bool,
    /// What is left of a word of short options.
    cluster: &'a str,
    /// Words that are no options, in their order.
    pub(super) words: Vec<&'a str>,
}

impl<'a> Options<'a> {
    pub(super) const fn new(arguments: &'a [&'a str], options_first: bool) -> Options<'a> {
        Options { given: arguments.len(), rest: arguments, options_first, cluster: "", words: Vec::new() }
    }

    /// The index of the word that was read last.
    pub(super) const fn position(&self) -> usize {
        (self.given - self.rest.len()).saturating_sub(1)
    }

    /// The next option with its value, or `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<(Token, Option<&'a str>)>, Error> {
        while self.cluster.is_empty() {
            let Some((&word, rest)) = self.rest.split_first() else { return Ok(None) };
            self.rest = rest;
            match word.strip_prefix('-') {
                None | Some("") => {
                    self.words.push(word);
                    if self.options_first {
                        self.all_are_words();
                    }
                }
                Some("-") => self.all_are_words(),
                Some(name) => match name.strip_prefix('-') {
                    Some(name) => return self.long(word, name).map(Some),
                    None => self.cluster = name,
                },
            }
        }
        self.short().map(Some)
    }

    /// No more options.
    fn all_are_words(&mut self) {
        self.words.extend_from_slice(self.rest);
        self.rest = &[];
    }

    fn long(&mut self, word: &'a str, name: &'a str) -> Result<(Token, Option<&'a str>), Error> {
        let (name, given) = match name.split_once('=') {
            Some((name, given)) => (name, Some(given)),
            None => (name, None),
        };
        let token = long(name).ok_or_else(|| Error::option(word, "unknown option"))?;
        match (value(token), given) {
            (Value::None, Some(_)) => Err(Error::option(word, "option does not take an argument")),
            (Value::None, None) => Ok((token, None)),
            (_, Some(given)) => Ok((token, Some(given))),
            (kind, None) => {
                Ok((token, self.following(kind).map_err(|problem| Error::option(word, problem))?))
            }
        }
    }

    fn short(&mut self) -> Result<(Token, Option<&'a str>), Error> {
        let mut chars = self.cluster.chars();
        let name = chars.next().unwrap_or('-');
        self.cluster = chars.as_str();
        let wrong = |problem| Error::option(&format!("-{name}"), problem);
        let token = short(name).ok_or_else(|| wrong("unknown option"))?;
        match value(token) {
            Value::None if self.cluster.starts_with('=') => Err(wrong("option does not take an argument")),
            Value::None => Ok((token, None)),
            kind if self.cluster.is_empty() => Ok((token, self.following(kind).map_err(wrong)?)),
            _ => {
                let given = std::mem::take(&mut self.cluster);
                Ok((token, Some(given.strip_prefix('=').unwrap_or(given))))
            }
        }
    }

    /// The next word as a value.
    fn following(&mut self, kind: Value) -> Result<Option<&'a str>, &'static str> {
        match self.rest.split_first() {
            Some((next, _)) if kind == Value::Optional && next.starts_with('-') => Ok(None),
            Some((&next, rest)) => {
                self.rest = rest;
                Ok(Some(next))
            }
            None if kind == Value::Optional => Ok(None),
            None => Err("missing argument"),
        }
    }
}
