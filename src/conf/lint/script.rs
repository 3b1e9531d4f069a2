//! Advice on scripts: those that are tracked, and those that are run at changes.

use super::places::{Places, all, body, number, value};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::Instance;
use std::collections::HashSet;

/// A failure that takes this long to be noticed is probably not meant: seconds.
const SLOW_SECS: f64 = 30.0;

/// An instance's priority stays within these, whatever its trackers add or take away.
const PRIORITIES: std::ops::RangeInclusive<i64> = 1..=254;

/// Keywords that take a command line, in whatever block.
const COMMANDS: &[&str] = &[
    "script",
    "misc_path",
    "notify",
    "notify_backup",
    "notify_deleted",
    "notify_down",
    "notify_fault",
    "notify_master",
    "notify_master_rx_lower_pri",
    "notify_stop",
    "notify_up",
    "quorum_down",
    "quorum_up",
];

/// Only a shell gives these a meaning.
const SHELL: &[&str] =
    &["|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1", "&>", "&>/dev/null", ">/dev/null"];

/// What there is to say of scripts.
#[derive(Default)]
pub(super) struct Advisor {
    /// Scripts that some block tracks.
    tracked: HashSet<String>,
    /// Where the first mail is asked for.
    mail: Option<Span>,
}

impl Advisor {
    pub(super) fn advise(
        &mut self,
        places: &Places<'_, '_>,
        instance: Option<&Instance>,
        block: &Statement,
        sink: &mut Sink,
    ) {
        for entry in all(block, "track_script").flat_map(body) {
            if let Some(name) = places.words(entry).first() {
                self.tracked.insert(name.text.to_string());
            }
        }
        if let Some(instance) = instance {
            priority(places, instance, block, sink);
        }
        self.mail = self.mail.or_else(|| asks_for_mail(places, block));
        commands(places, block, sink);
    }

    /// What concerns them all.
    pub(super) fn finish(self, places: &Places<'_, '_>, sink: &mut Sink) {
        for script in places.top_level("vrrp_script") {
            untracked(places, script, &self.tracked, sink);
            slow(places, script, sink);
        }
        mail(places, self.mail, sink);
    }
}

/// A script's name with the weight that the tracking instance gives it, or the script itself.
pub(super) fn weights<'p>(
    places: &'p Places<'_, '_>,
    instance: &'p Statement,
) -> impl Iterator<Item = (&'p str, i64)> {
    let entries = all(instance, "track_script").flat_map(body);
    entries.filter_map(|entry| {
        let words = places.words(entry);
        let name = words.first()?.text.as_ref();
        let own = words.iter().skip_while(|w| w.text != "weight").nth(1).and_then(|w| w.text.parse().ok());
        let weight = own.or_else(|| value(&places.file(), places.script(name)?, "weight")?.text.parse().ok());
        let reverse = words.iter().any(|w| w.text == "reverse");
        let weight: i64 = weight.unwrap_or(0);
        Some((name, if reverse { -weight } else { weight }))
    })
}

fn untracked(places: &Places<'_, '_>, script: &Statement, tracked: &HashSet<String>, sink: &mut Sink) {
    let name = places.words(script).get(1);
    let Some(name) = name.filter(|name| !tracked.contains(name.text.as_ref())) else { return };
    let message = format!("vrrp_script `{}` is tracked by nobody: it is never run", name.text);
    let help = "name it in `track_script { ... }` of a vrrp_instance or vrrp_sync_group";
    sink.push(Diagnostic::new(&codes::LINT_UNTRACKED, name.span, message).help(help));
}

fn slow(places: &Places<'_, '_>, script: &Statement, sink: &mut Sink) {
    let Some(name) = places.words(script).get(1) else { return };
    let interval = number(places, script, "interval").unwrap_or(1.0);
    let fall = number(places, script, "fall").unwrap_or(1.0);
    let noticed = interval * fall;
    if noticed >= SLOW_SECS {
        let place = all(script, "interval").last().map_or(name.span, |s| s.span);
        let message = format!(
            "vrrp_script `{}` notices a failure only after up to {noticed} seconds (interval × fall)",
            name.text
        );
        sink.push(Diagnostic::new(&codes::LINT_SLOW_SCRIPT, place, message));
    }
    if let Some(timeout) = number(places, script, "timeout").filter(|timeout| *timeout > interval)
        && let Some(statement) = all(script, "timeout").last()
    {
        let message = format!(
            "vrrp_script `{}` may run for {timeout} seconds, though it should run every {interval}",
            name.text
        );
        let help = "give it a timeout below its interval, so that one that hangs counts as failed in time";
        sink.push(Diagnostic::new(&codes::LINT_SCRIPT_TIMEOUT, statement.span, message).help(help));
    }
}

/// What the trackers add or take away must leave the priority within its range: beyond it, routers become equal.
fn priority(places: &Places<'_, '_>, instance: &Instance, block: &Statement, sink: &mut Sink) {
    let own = i64::from(instance.priority);
    if own == 255 {
        return;
    }
    let (mut most, mut least) = (own, own);
    for (_, weight) in weights(places, block) {
        most = most.saturating_add(weight.max(0));
        least = least.saturating_add(weight.min(0));
    }
    let (reached, bound) = match (most > *PRIORITIES.end(), least < *PRIORITIES.start()) {
        (true, _) => (most, PRIORITIES.end()),
        (_, true) => (least, PRIORITIES.start()),
        _ => return,
    };
    let place = super::places::span(block, "track_script");
    let message =
        format!("({}) its trackers bring the priority to {reached}, which is cut to {bound}", instance.name);
    let help = "choose weights that keep it within 1 to 254, so that the order of the routers stays";
    sink.push(Diagnostic::new(&codes::LINT_PRIORITY_CUT, place, message).help(help));
}

/// `smtp_alert` in a block.
fn asks_for_mail(places: &Places<'_, '_>, block: &Statement) -> Option<Span> {
    let asks = |s: &&Statement| {
        s.keyword.is_some_and(|k| k.canonical().starts_with("smtp_alert"))
            && !places.words(s).get(1).is_some_and(|w| matches!(w.text.as_ref(), "off" | "no" | "false"))
    };
    body(block).iter().find(asks).map(|s| s.span)
}

/// Mails are asked for, and no recipient is given.
fn mail(places: &Places<'_, '_>, asked: Option<Span>, sink: &mut Sink) {
    let Some(alert) = asked else { return };
    let recipients =
        places.top_level("global_defs").flat_map(|b| all(b, "notification_email")).flat_map(body);
    if recipients.count() > 0 {
        return;
    }
    let message = "mails are asked for, and `notification_email` names nobody to write to";
    let help = "list the addresses in `global_defs { notification_email { ... } }`";
    sink.push(Diagnostic::new(&codes::LINT_MAIL, alert, message).help(help));
}

fn commands(places: &Places<'_, '_>, statement: &Statement, sink: &mut Sink) {
    if statement.keyword.is_some_and(|k| COMMANDS.contains(&k.name)) {
        command(places, statement, sink);
    }
    for inner in body(statement) {
        // The language nests five deep, and its reader holds texts to it.
        commands(places, inner, sink);
    }
}

fn command(places: &Places<'_, '_>, statement: &Statement, sink: &mut Sink) {
    let words = places.words(statement).get(1..).unwrap_or_default();
    let line: Vec<&str> = words.iter().flat_map(|w| w.text.split_ascii_whitespace()).collect();
    let (Some(program), Some(first)) = (line.first(), words.first()) else { return };
    let name = program.rsplit('/').next().unwrap_or(program);
    let is_name = program.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
    if is_name {
        let message =
            format!("`{program}` is not an absolute path: where it is found depends on the search path");
        let mut diagnostic = Diagnostic::new(&codes::LINT_RELATIVE, first.span, message);
        if let Some(path) = WELL_KNOWN.iter().find(|(known, _)| *known == name).map(|(_, path)| path) {
            diagnostic = diagnostic.help(format!("write `{path}`"));
        }
        sink.push(diagnostic);
    }
    let is_shell = matches!(name, "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh");
    let sign = line.iter().find(|w| SHELL.contains(w) || w.starts_with("$(") || w.starts_with('`'));
    if let Some(sign) = sign.filter(|_| !is_shell) {
        let message = format!("`{sign}` means something to a shell, and scripts run without one");
        let help = "put the command into a file of its own, or write `/bin/sh -c \"...\"`";
        sink.push(Diagnostic::new(&codes::LINT_SHELL, statement.span, message).help(help));
    }
    let polls = matches!(name, "pidof" | "pgrep")
        || (matches!(name, "killall" | "kill") && line.get(1) == Some(&"-0"));
    if polls && statement.keyword.is_some_and(|k| k.name == "script") && sign.is_none() {
        let message = format!("`{name}` looks for a process at each interval");
        let help = "`vrrp_track_process` sees it end at once, and starts no processes";
        sink.push(Diagnostic::new(&codes::LINT_POLLS, first.span, message).help(help));
    }
}

/// Programs that scripts call without their path, and where they are.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("bash", "/bin/bash"),
    ("curl", "/usr/bin/curl"),
    ("kill", "/bin/kill"),
    ("killall", "/usr/bin/killall"),
    ("nc", "/bin/nc"),
    ("pgrep", "/usr/bin/pgrep"),
    ("pidof", "/bin/pidof"),
    ("ping", "/bin/ping"),
    ("sh", "/bin/sh"),
    ("systemctl", "/bin/systemctl"),
];
