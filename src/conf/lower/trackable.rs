//! What can be tracked by name: `vrrp_script`, `track_file`, `vrrp_track_process`. Who refers to it is not known here.

use super::global::set;
use super::{Lower, body, command, end_of};
use crate::command::Command;
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::lexer::Word;
use crate::conf::schema::Kind;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::{
    Config, InitFile, ParameterMatch, Parameters, Script, TrackFile, TrackProcess, Weight,
};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(test)]
mod tests;

const SECOND: Duration = Duration::from_secs(1);

/// A block that can be referred to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// Where its name stands.
    pub(super) named_at: Span,
    /// Which statement of the top level it is: keepalived resolves names as it reads, so it must come first.
    pub(super) place: usize,
    /// Its own weight.
    pub(super) weight: Weight,
    pub(super) state: State,
}

/// Whether a block can be tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It can.
    Usable,
    /// It is there, and won't run: what refers to it is dropped with it, in silence.
    Disabled,
    /// The block is left out: keepalived does not find it.
    LeftOut,
}

/// The blocks of one kind, by name.
pub(super) type Targets = HashMap<String, Target>;

/// All that can be tracked by name.
#[derive(Debug, Default)]
pub(super) struct Trackable {
    pub(super) scripts: Targets,
    pub(super) files: Targets,
    /// What each of these names.
    pub(super) paths: HashMap<String, PathBuf>,
    pub(super) processes: Targets,
    pub(super) bfds: Targets,
}

/// Reads every block that can be tracked.
pub(super) fn lower(cx: &mut Lower<'_, '_>, config: &mut Config) -> Trackable {
    let mut found = Trackable::default();
    let tree = cx.tree;
    // keepalived looks at scripts only where an instance could need them.
    let looks = cx.top_level("vrrp_instance").next().is_some();
    for (place, statement) in tree.statements.iter().enumerate() {
        match statement.keyword.map(|k| k.canonical()) {
            Some("vrrp_script") => {
                let Some((script, named_at, at)) = script(cx, statement, &found.scripts) else {
                    left_out(cx, statement, place, &mut found.scripts);
                    continue;
                };
                let usable = !looks || cx.may_run(&script.command, at, command::Use::Tracked);
                let state = if usable { State::Usable } else { State::Disabled };
                let target = Target { named_at, place, weight: script.weight, state };
                found.scripts.insert(script.name.clone(), target);
                config.scripts.extend(usable.then_some(script));
            }
            Some("track_file") => {
                let Some((file, named_at)) = file(cx, statement, &found.files) else {
                    left_out(cx, statement, place, &mut found.files);
                    continue;
                };
                let target = Target { named_at, place, weight: file.weight, state: State::Usable };
                found.files.insert(file.name.clone(), target);
                found.paths.insert(file.name.clone(), file.path.clone());
                config.track_files.push(file);
            }
            Some("vrrp_track_process") => {
                let Some((process, named_at)) = process(cx, statement, &found.processes) else {
                    left_out(cx, statement, place, &mut found.processes);
                    continue;
                };
                let target = Target { named_at, place, weight: process.weight, state: State::Usable };
                found.processes.insert(process.name.clone(), target);
                config.track_processes.push(process);
            }
            Some("bfd_instance") => {
                let Some(name) = cx.words(statement).get(1) else { continue };
                let weight = bfd_weight(cx, statement);
                let target = Target { named_at: name.span, place, weight, state: State::Usable };
                found.bfds.entry(name.text.to_string()).or_insert(target);
            }
            _ => {}
        }
    }
    found
}

/// Remembers the name of a block that is left out, so that references to it can say so.
fn left_out(cx: &Lower<'_, '_>, statement: &Statement, place: usize, known: &mut Targets) {
    let Some(name) = cx.words(statement).get(1) else { return };
    let state = State::LeftOut;
    let target = Target { named_at: name.span, place, weight: Weight::default(), state };
    known.entry(name.text.to_string()).or_insert(target);
}

/// The weight of a `bfd_instance`. Errors in it are reported where the rest of the block is read.
fn bfd_weight(cx: &Lower<'_, '_>, statement: &Statement) -> Weight {
    let mut lines = body(statement).iter().map(|s| cx.words(s));
    let weight = lines.rfind(|w| w.first().is_some_and(|w| w.text == "weight")).unwrap_or_default();
    let value = weight.get(1).and_then(|w| w.text.parse().ok()).filter(|n| (-253..=253).contains(n));
    let reverse = weight.get(2).is_some_and(|w| w.text == "reverse");
    value.map_or_else(Weight::default, |value| Weight { value, reverse })
}

impl<'t, 's> Lower<'t, 's> {
    /// Whether another block of its kind has this name: keepalived takes both, and finds the first.
    fn is_shadowed(&mut self, statement: &Statement, name: &Word<'_>, known: &Targets) -> bool {
        let first = known.get(name.text.as_ref()).filter(|t| t.state != State::LeftOut);
        let Some(first) = first else { return false };
        let keyword = statement.keyword.map_or("", |k| k.name);
        let message = format!("`{}` is defined twice; references mean the first {keyword}", name.text);
        let diagnostic = Diagnostic::new(&codes::SHADOWED, name.span, message);
        self.sink.push(diagnostic.also(first.named_at, "first defined here"));
        true
    }

    /// `weight N [reverse]`.
    fn weight(&mut self, statement: &Statement) -> Option<Weight> {
        self.no_more_arguments(statement);
        let (declared, word) = self.argument(statement, 0)?;
        let Kind::Signed { min, max } = declared.kind else { return None };
        let value = self.signed_word(word, min, max);
        let reverse = match self.words(statement).get(2) {
            None => false,
            Some(word) if word.text == "reverse" => true,
            Some(word) => {
                self.bad_choice(word, "option of a weight", &["reverse"]);
                false
            }
        };
        Some(Weight { value: i16::try_from(value?).ok()?, reverse })
    }

    /// Seconds; 0 was allowed once, and means 1.
    fn positive_timer(&mut self, statement: &Statement) -> Option<Duration> {
        let time = self.timer(statement)?;
        if !time.is_zero() {
            return Some(time);
        }
        let name = statement.keyword.map_or("", |k| k.name);
        let at = self.words(statement).get(1).map_or(statement.span, |w| w.span);
        self.report(&codes::ADJUSTED, at, format!("`{name}` must be greater than 0; it is taken as 1"));
        Some(SECOND)
    }

    fn nothing_to_track(&mut self, statement: &Statement, what: &str, name: &Word<'_>, lacks: &str) {
        // A keyword without its argument is reported as such.
        let lacks_argument =
            |s: &Statement| s.keyword.is_some_and(|k| k.name == lacks) && self.words(s).len() == 1;
        if body(statement).iter().any(lacks_argument) {
            return;
        }
        let message = format!("there is no `{lacks}` in {what} `{}`; it is left out", name.text);
        let diagnostic = Diagnostic::new(&codes::NOTHING_TO_TRACK, name.span, message);
        self.sink.push(diagnostic.keepalived_line(KeepalivedLine::At(end_of(statement))));
    }

    /// A setting that is given for the second time.
    pub(super) fn given_already(&mut self, statement: &Statement) {
        let keyword = statement.keyword.map_or("", |k| k.name);
        let message = format!("`{keyword}` is given already; this one is left out");
        self.report(&codes::REPEATED, statement.span, message);
    }
}

/// A `vrrp_script` block, and where its name and its command line stand.
fn script(cx: &mut Lower<'_, '_>, statement: &Statement, known: &Targets) -> Option<(Script, Span, Span)> {
    let name = cx.text(statement)?;
    let mut line = None;
    let mut account = None;
    let mut account_failed = false;
    let mut script = Script {
        name: name.text.to_string(),
        command: Command { argv: Vec::new(), run_as: None },
        interval: SECOND,
        timeout: None,
        weight: Weight::default(),
        rise: 1,
        fall: 1,
        init_fail: false,
    };
    for statement in body(statement) {
        match statement.keyword.map_or("", |k| k.canonical()) {
            "script" => {
                if let Some((_, word)) = cx.argument(statement, 0) {
                    cx.all_in_one_word(statement);
                    line = cx.argv(word).map(|argv| (argv, word.span));
                }
            }
            "interval" => set(&mut script.interval, cx.positive_timer(statement)),
            "timeout" => script.timeout = cx.positive_timer(statement).or(script.timeout),
            "weight" => set(&mut script.weight, cx.weight(statement)),
            "rise" => script.rise = cx.u32(statement).unwrap_or(1),
            "fall" => script.fall = cx.u32(statement).unwrap_or(1),
            "init_fail" => {
                cx.no_more_arguments(statement);
                script.init_fail = true;
            }
            "user" => {
                cx.no_more_arguments(statement);
                if cx.argument(statement, 0).is_some() {
                    let words = cx.words(statement);
                    account = cx.account(words.get(1..).unwrap_or_default(), &codes::UNKNOWN_USER);
                    account_failed = account.is_none();
                }
            }
            _ => {}
        }
    }
    let Some((argv, at)) = line else {
        cx.nothing_to_track(statement, "vrrp_script", name, "script");
        return None;
    };
    if account_failed {
        return None;
    }
    let run_as = match account {
        Some(account) => Some(account),
        None => match (cx.scripts.user_failed, KeepalivedLine::At(end_of(statement))) {
            (false, line) => cx.default_account(name.span, line)?,
            (true, line) => {
                let message = format!("there is no user to run `{}`; it is left out", name.text);
                cx.sink.push(Diagnostic::new(&codes::UNKNOWN_USER, name.span, message).keepalived_line(line));
                return None;
            }
        },
    };
    script.command = Command { argv, run_as };
    (!cx.is_shadowed(statement, name, known)).then_some((script, name.span, at))
}

fn file(cx: &mut Lower<'_, '_>, statement: &Statement, known: &Targets) -> Option<(TrackFile, Span)> {
    let name = cx.text(statement)?;
    let mut path: Option<PathBuf> = None;
    let mut weight = None;
    let mut init = None;
    for statement in body(statement) {
        match statement.keyword.map_or("", |k| k.canonical()) {
            "file" if path.is_some() => cx.given_already(statement),
            "file" => path = cx.text(statement).map(|w| PathBuf::from(w.text.as_ref())),
            "weight" if weight.is_some() => cx.given_already(statement),
            "weight" => weight = cx.weight(statement),
            "init_file" => init = Some(init_file(cx, statement)),
            _ => {}
        }
    }
    let Some(path) = path else {
        cx.nothing_to_track(statement, "track_file", name, "file");
        return None;
    };
    let weight = weight.unwrap_or(Weight { value: 1, reverse: false });
    let file = TrackFile { name: name.text.to_string(), path, weight, init };
    (!cx.is_shadowed(statement, name, known)).then_some((file, name.span))
}

fn init_file(cx: &mut Lower<'_, '_>, statement: &Statement) -> InitFile {
    let mut init = InitFile::default();
    for word in cx.words(statement).iter().skip(1) {
        if word.text == "overwrite" {
            init.overwrite = true;
        } else if word.text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            let value = cx.signed_word(word, i32::MIN.into(), i32::MAX.into());
            let Some(value) = value.and_then(|n| i32::try_from(n).ok()) else { continue };
            init.value = value;
            if !(-254..=254).contains(&value) {
                let message = format!("`{value}` is outside the range -254 to 254 of a priority's changes");
                cx.report(&codes::OUT_OF_RANGE, word.span, message);
            }
        } else {
            cx.bad_choice(word, "option of init_file", &["overwrite"]);
        }
    }
    init
}

fn process(cx: &mut Lower<'_, '_>, statement: &Statement, known: &Targets) -> Option<(TrackProcess, Span)> {
    let name = cx.text(statement)?;
    let mut process: Option<(String, Vec<String>)> = None;
    let mut compare = None;
    let mut full_command = false;
    let mut weight = None;
    let mut quorum = Quorum { least: 1, greatest: None };
    let (mut fork_delay, mut terminate_delay) = (Duration::ZERO, Duration::ZERO);
    for statement in body(statement) {
        match statement.keyword.map_or("", |k| k.canonical()) {
            "process" if process.is_some() => cx.given_already(statement),
            "process" => {
                if let Some((_, word)) = cx.argument(statement, 0) {
                    let parameters = cx.words(statement).iter().skip(2).map(|w| w.text.to_string());
                    process = Some((word.text.to_string(), parameters.collect()));
                }
            }
            "param_match" => compare = param_match(cx, statement).or(compare),
            "full_command" => {
                cx.no_more_arguments(statement);
                full_command = true;
            }
            "weight" if weight.is_some() => cx.given_already(statement),
            "weight" => weight = cx.weight(statement),
            "quorum" => quorum.set_least(cx, statement),
            "quorum_max" => quorum.set_greatest(cx, statement),
            "fork_delay" => set(&mut fork_delay, cx.timer(statement)),
            "terminate_delay" => set(&mut terminate_delay, cx.timer(statement)),
            "delay" => {
                let delay = cx.timer(statement);
                set(&mut fork_delay, delay);
                set(&mut terminate_delay, delay);
            }
            _ => {}
        }
    }
    let Some((process, words)) = process else {
        cx.nothing_to_track(statement, "vrrp_track_process", name, "process");
        return None;
    };
    let parameters = match compare {
        None if words.is_empty() => None,
        compare => Some(Parameters { words, compare: compare.unwrap_or_default() }),
    };
    let process = TrackProcess {
        name: name.text.to_string(),
        process,
        full_command: full_command || parameters.is_some(),
        parameters,
        weight: weight.unwrap_or_default(),
        quorum: quorum.least,
        quorum_max: quorum.greatest,
        fork_delay,
        terminate_delay,
    };
    (!cx.is_shadowed(statement, name, known)).then_some((process, name.span))
}

/// `quorum` and `quorum_max`, each checked against the other as they come.
#[derive(Clone, Copy, Debug)]
struct Quorum {
    least: u32,
    greatest: Option<u32>,
}

impl Quorum {
    fn set_least(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        match cx.u32(statement) {
            Some(n) if self.greatest.is_some_and(|max| n > max) => {
                let message = "`quorum` is greater than `quorum_max`; it is left out";
                cx.report(&codes::OUT_OF_RANGE, statement.span, message);
            }
            n => set(&mut self.least, n),
        }
    }

    /// 0: no process of this name may run; there is no quorum then.
    fn set_greatest(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        match cx.u32(statement) {
            Some(n) if n < self.least && (n > 0 || self.least > 1) => {
                let message = "`quorum_max` is less than `quorum`; it is left out";
                cx.report(&codes::OUT_OF_RANGE, statement.span, message);
            }
            Some(n) => {
                self.greatest = Some(n);
                self.least = if n == 0 { 0 } else { self.least.max(1) };
            }
            None => {}
        }
    }
}

fn param_match(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<ParameterMatch> {
    if cx.words(statement).len() == 1 {
        return Some(ParameterMatch::Exact);
    }
    match cx.choice(statement)? {
        "initial" => Some(ParameterMatch::Initial),
        _ => Some(ParameterMatch::Partial),
    }
}
