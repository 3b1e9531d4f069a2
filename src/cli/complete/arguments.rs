//! Completion of vipd's own command line, from the definition that parses it: subcommands, options and their values.

use super::{Answer, LocalNames};
use crate::conf::diagnostic::{Verdict, codes};
use crate::conf::schema::reference;
use crate::ipvs::grammar::complete::{self, Candidate, Known};
use crate::ipvs::model::{Protocol, ServiceKey};
use crate::ipvs::names::Names;
use crate::net::Family;
use clap::{Arg, Command, ValueHint};
use std::collections::BTreeSet;

/// The subcommand whose arguments are ipvsadm's, unless it has one of its own.
const IPVS: &str = "ipvs";

/// What ipvsadm's commands take beyond ipvsadm's options.
const BEYOND: [(&str, &[&str], &str); 4] = [
    ("--json", &["-L", "-l", "--list", "-S", "--save"], "as JSON"),
    ("--watch", &["-L", "-l", "--list"], "again and again, with what changes"),
    ("--atomic", &["-R", "--restore"], "all lines or none"),
    ("--keep-going", &["-R", "--restore"], "every line that can be carried out"),
];

/// Where a command line has got to.
struct Progress<'a> {
    command: &'a Command,
    /// All words of this command so far.
    words: Vec<&'a str>,
    /// The words so far that are no options, of this command.
    plain: Vec<&'a str>,
    /// The option whose value comes next.
    pending: Option<&'a Arg>,
    /// Options have ended: `--`.
    ended: bool,
}

/// What may stand at the cursor, behind the words of `vipd`.
pub(super) fn complete(words: &[&str], current: &str, known: &mut dyn Known) -> Answer {
    let mut root = crate::cli::command();
    root.build();
    let mut progress =
        Progress { command: &root, words: Vec::new(), plain: Vec::new(), pending: None, ended: false };
    for (n, word) in words.iter().enumerate() {
        let is_ipvsadms =
            progress.command.get_name() == IPVS && progress.command.find_subcommand(word).is_none();
        if is_ipvsadms && progress.pending.is_none() {
            return ipvs(&words[n..], current, known).into();
        }
        progress.step(word);
    }
    let mut answer = progress.answer(current, known);
    if progress.command.get_name() == IPVS {
        answer.candidates.extend(complete::complete(&[], current, known, &LocalNames));
    }
    answer.candidates.retain(|candidate| candidate.word.starts_with(current));
    answer
}

fn ipvs(words: &[&str], current: &str, known: &mut dyn Known) -> Vec<Candidate> {
    let is_beyond = |word: &&str| BEYOND.iter().any(|(option, ..)| option == word);
    let ipvsadms: Vec<&str> = words.iter().filter(|word| !is_beyond(word)).copied().collect();
    let mut found = complete::complete(&ipvsadms, current, known, &LocalNames);
    // Where a value is expected, or nothing is, no option is offered either.
    if found.iter().any(|candidate| candidate.word.starts_with('-')) || current.starts_with("--") {
        let goes_with = |commands: &[&str]| {
            words.first().is_some_and(|first| {
                let cluster = first.get(..2).unwrap_or(first);
                commands.iter().any(|command| command == first || (command.len() == 2 && *command == cluster))
            })
        };
        for (option, commands, help) in BEYOND {
            if goes_with(commands) && option.starts_with(current) && !words.contains(&option) {
                found.push(Candidate::new(option, help));
            }
        }
    }
    found
}

impl<'a> Progress<'a> {
    fn step(&mut self, word: &'a str) {
        self.words.push(word);
        if self.pending.take().is_some() {
            // The value of the option before it: it changes nothing more.
        } else if self.ended || !word.starts_with('-') || word == "-" {
            match self.command.find_subcommand(word) {
                Some(command) if self.plain.is_empty() => {
                    self.command = command;
                    self.words.clear();
                }
                _ => self.plain.push(word),
            }
        } else if word == "--" {
            self.ended = true;
        } else if let Some(name) = word.strip_prefix("--") {
            if !name.contains('=') {
                self.pending = self.long(name).filter(|arg| wants_word(arg));
            }
        } else {
            self.pending = self.cluster(word);
        }
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        self.command.get_arguments().find(|arg| arg.get_long() == Some(name))
    }

    /// The last of some short options, if the next word is its value.
    fn cluster(&self, word: &str) -> Option<&'a Arg> {
        let mut names = word.trim_start_matches('-').chars();
        while let Some(name) = names.next() {
            let arg = self.command.get_arguments().find(|arg| arg.get_short() == Some(name))?;
            if arg.get_action().takes_values() {
                return (names.as_str().is_empty() && wants_word(arg)).then_some(arg);
            }
        }
        None
    }

    fn answer(&self, current: &str, known: &mut dyn Known) -> Answer {
        if let Some(arg) = self.pending {
            return self.values(arg, 0, current, known);
        }
        if let Some((name, start)) = current.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
            let Some(arg) = self.long(name) else { return Answer::default() };
            let mut answer = self.values(arg, 0, start, known);
            for candidate in &mut answer.candidates {
                candidate.word = format!("--{name}={}", candidate.word);
            }
            return answer;
        }
        if current.starts_with('-') && !self.ended {
            return self.options(current).into();
        }
        let mut answer = Answer::default();
        let mut places = self.plain.len();
        for arg in self.command.get_positionals() {
            let most = arg.get_num_args().map_or(1, |range| range.max_values());
            if places < most {
                answer = self.values(arg, places, current, known);
                break;
            }
            places -= most;
        }
        if self.plain.is_empty() {
            let subcommands = self.command.get_subcommands().filter(|command| !command.is_hide_set());
            answer.candidates.extend(
                subcommands
                    .map(|command| Candidate::new(command.get_name(), first_line(command.get_about()))),
            );
        }
        answer
    }

    /// Options in their short form, where they have one and it is not the long one that is begun.
    fn options(&self, current: &str) -> Vec<Candidate> {
        let args = self.command.get_arguments().filter(|arg| !arg.is_positional() && !arg.is_hide_set());
        let spelt = args.filter_map(|arg| {
            let long = arg
                .get_long()
                .map(|name| format!("--{name}{}", if arg.is_require_equals_set() { "=" } else { "" }));
            let short = arg.get_short().map(|name| format!("-{name}"));
            let word = if current.starts_with("--") { long } else { short.or(long) };
            Some(Candidate::new(word?, first_line(arg.get_help())))
        });
        spelt.collect()
    }

    /// The values of an argument, of which the line has `nth` already.
    fn values(&self, arg: &Arg, nth: usize, current: &str, known: &mut dyn Known) -> Answer {
        let possible = arg.get_possible_values();
        if !possible.is_empty() {
            let shown = possible.iter().filter(|value| !value.is_hide_set());
            let words = shown.map(|value| Candidate::new(value.get_name(), first_line(value.get_help())));
            return words.collect::<Vec<_>>().into();
        }
        let names = arg.get_value_names().unwrap_or_default();
        let name = names.get(nth).or(names.last()).map_or("", |name| name.as_str());
        match (arg.get_long(), name) {
            // An option of ipvsadm's: its values are ipvsadm's.
            (Some(option @ ("tcp-service" | "udp-service" | "sctp-service" | "fwmark-service")), _) => {
                complete::complete(&["-E", &format!("--{option}")], current, known, &LocalNames).into()
            }
            (Some("real-server"), _) => {
                // Behind any command of a server's, its service may stand.
                let words: Vec<&str> = [&["-e"], self.words.as_slice()].concat();
                complete::complete(&words, current, known, &LocalNames).into()
            }
            (None, "SERVICE") => {
                known.services().iter().map(|key| Candidate::new(spelt(key), "")).collect::<Vec<_>>().into()
            }
            (_, "SELECTOR") => {
                // A mark is that of both families.
                let selector = |key| Candidate::new(spelt(key).replace("fwmark6:", "fwmark:"), "");
                known.services().iter().map(selector).collect::<Vec<_>>().into()
            }
            (_, "SERVER") => {
                let Some(service) = self.plain.first().and_then(|word| service(word)) else {
                    return Answer::default();
                };
                let servers = known.servers(&service).into_iter();
                servers.map(|key| Candidate::new(key.to_string(), "")).collect::<Vec<_>>().into()
            }
            (Some(option), "CODE") => codes(option == "allow", current).into(),
            (None, "KEYWORD") => keywords().into(),
            (_, name) => {
                let hint = arg.get_value_hint();
                let path = matches!(hint, ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath);
                Answer { candidates: Vec::new(), files: path || name == "FILE" }
            }
        }
    }
}

/// The codes of `vipd check`; where several may be named, those that can be allowed, behind the ones that stand there.
fn codes(to_allow: bool, current: &str) -> Vec<Candidate> {
    let before = if to_allow { current.rfind(',').map_or("", |at| &current[..=at]) } else { "" };
    let codes = codes::ALL.iter().filter(|code| !to_allow || code.verdict == Verdict::Silent);
    codes.map(|code| Candidate::new(format!("{before}{}", code.id), code.summary)).collect()
}

/// The keywords of keepalived.conf, each once.
fn keywords() -> Vec<Candidate> {
    let names: BTreeSet<&str> = reference::places().iter().map(|progress| progress.keyword.name).collect();
    names.into_iter().map(|name| Candidate::new(name, "")).collect()
}

/// Whether the next word is the value of this option.
fn wants_word(arg: &Arg) -> bool {
    let least = arg.get_num_args().map_or(0, |range| range.min_values());
    arg.get_action().takes_values() && !arg.is_require_equals_set() && least > 0
}

fn first_line(help: Option<&clap::builder::StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A service in one word: `tcp:192.0.2.1:80`, `fwmark:5`, `fwmark6:5`.
fn spelt(key: &ServiceKey) -> String {
    match key {
        ServiceKey::Address { protocol, .. } => {
            let text = key.to_string();
            let address = text.split(' ').nth(1).unwrap_or_default();
            format!("{}:{address}", protocol.to_string().to_lowercase())
        }
        ServiceKey::Fwmark { mark, family: Family::V4 } => format!("fwmark:{mark}"),
        ServiceKey::Fwmark { mark, family: Family::V6 } => format!("fwmark6:{mark}"),
    }
}

/// The service that a word names.
fn service(word: &str) -> Option<ServiceKey> {
    let (kind, rest) = word.split_once(':')?;
    let protocol = match kind {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        "fwmark" => return Some(ServiceKey::Fwmark { mark: rest.parse().ok()?, family: Family::V4 }),
        "fwmark6" => return Some(ServiceKey::Fwmark { mark: rest.parse().ok()?, family: Family::V6 }),
        _ => return None,
    };
    let (address, port) = rest.rsplit_once(':')?;
    let port = port.parse().ok().or_else(|| LocalNames.port(port, protocol))?;
    let address = address.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(ServiceKey::Address { protocol, address, port })
}
