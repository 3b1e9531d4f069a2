//! The `track_*` blocks of instances and sync groups: what they follow, and how much it weighs.

use super::trackable::{State, Target, Targets, Trackable};
use super::{Lower, body};
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::{Tracked, Tracking, Weight};
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// The greatest weight of files and processes. Interfaces and scripts had it once; it is 253 now.
const ONCE_GREATEST: i64 = 254;

/// What a line tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    Interface,
    Script,
    File,
    Process,
    Bfd,
    VirtualServer,
}

impl What {
    /// As people and keepalived call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            What::Interface => "interface",
            What::Script => "script",
            What::File => "file",
            What::Process => "process",
            What::Bfd => "BFD session",
            What::VirtualServer => "virtual server",
        }
    }

    fn of(keyword: &str) -> Option<What> {
        Some(match keyword {
            "track_interface" => What::Interface,
            "track_script" => What::Script,
            "track_file" => What::File,
            "track_process" => What::Process,
            "track_bfd" => What::Bfd,
            "track_virtual_server" => What::VirtualServer,
            _ => return None,
        })
    }

    fn targets(self, known: &Trackable) -> Option<&Targets> {
        match self {
            What::Interface | What::VirtualServer => None,
            What::Script => Some(&known.scripts),
            What::File => Some(&known.files),
            What::Process => Some(&known.processes),
            What::Bfd => Some(&known.bfds),
        }
    }

    fn greatest(self) -> i64 {
        match self {
            What::File | What::Process => ONCE_GREATEST,
            What::Interface | What::Script | What::Bfd | What::VirtualServer => 253,
        }
    }
}

/// A line of a `track_*` block.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) what: What,
    pub(super) tracked: Tracked,
    pub(super) at: Span,
}

/// The lines of one instance or sync group.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracks {
    pub(super) lines: Vec<Line>,
    tracked_at: HashMap<(What, String), Span>,
}

/// Who tracks: its name, and which statement of the top level it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    pub(super) name: &'a str,
    pub(super) place: usize,
}

impl Tracks {
    /// A `track_*` block; any other statement is passed over.
    pub(super) fn statement(
        &mut self,
        cx: &mut Lower<'_, '_>,
        owner: Owner<'_>,
        statement: &Statement,
        known: &Trackable,
    ) {
        let Some(what) = statement.keyword.and_then(|k| What::of(k.canonical())) else { return };
        cx.no_more_arguments(statement);
        for line in body(statement) {
            let Some(name) = cx.words(line).first() else { continue };
            let own = match what.targets(known) {
                Some(targets) => cx.referred(owner, what, name, targets),
                // It may stand anywhere, and is looked for at the end.
                None if what == What::VirtualServer => {
                    cx.tracked_servers.push((owner.name.to_owned(), name.text.to_string(), name.span));
                    Some(Weight::default())
                }
                None => {
                    if cx.interface_word(name).is_none() {
                        continue;
                    }
                    cx.tracked_interface_may_come(name);
                    Some(Weight::default())
                }
            };
            if let Some(own) = own {
                self.line(cx, owner, what, line, own);
            }
        }
    }

    /// `NAME [weight N [reverse|noreverse]]`; `own` is the weight of what is tracked.
    fn line(&mut self, cx: &mut Lower<'_, '_>, owner: Owner<'_>, what: What, line: &Statement, own: Weight) {
        let words = cx.words(line);
        let Some(name) = words.first() else { return };
        let key = (what, name.text.to_string());
        if let Some(first) = self.tracked_at.get(&key) {
            let message = format!(
                "({}) {} `{}` is tracked twice; this line is left out",
                owner.name,
                what.name(),
                key.1
            );
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_REFERENCE, name.span, message);
            cx.sink.push(diagnostic.also(*first, "tracked here already"));
            return;
        }
        let Some(weight) = cx.weight_of_line(owner, what, line, own) else { return };
        self.lines.push(Line { what, tracked: Tracked { name: key.1.clone(), weight }, at: line.span });
        self.tracked_at.insert(key, line.span);
    }

    /// Where it is tracked, if it is.
    pub(super) fn find(&self, what: What, name: &str) -> Option<Span> {
        self.tracked_at.get(&(what, name.to_owned())).copied()
    }

    /// As the `Config` has it.
    pub(super) fn tracking(&self) -> Tracking {
        let mut tracking = Tracking::default();
        for Line { what, tracked, .. } in &self.lines {
            let list = match what {
                What::Interface => &mut tracking.interfaces,
                What::Script => &mut tracking.scripts,
                What::File => &mut tracking.files,
                What::Process => &mut tracking.processes,
                What::Bfd => &mut tracking.bfds,
                What::VirtualServer => &mut tracking.virtual_servers,
            };
            list.push(tracked.clone());
        }
        tracking
    }
}

impl<'t, 's> Lower<'t, 's> {
    /// The weight of what is referred to; `None` if it can't be tracked.
    fn referred(&mut self, owner: Owner<'_>, what: What, name: &Word<'_>, known: &Targets) -> Option<Weight> {
        let target: Option<&Target> = known.get(name.text.as_ref());
        let found = target.filter(|t| t.place < owner.place);
        match found.map(|t| t.state) {
            Some(State::Usable) => return found.map(|t| t.weight),
            Some(State::Disabled) => return None,
            Some(State::LeftOut) | None => {}
        }
        let message =
            format!("({}) {} `{}` is not defined; it is not tracked", owner.name, what.name(), name.text);
        let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_REFERENCE, name.span, message);
        if let Some(left_out) = found {
            diagnostic.message =
                format!("({}) {} `{}` is left out, so it is not tracked", owner.name, what.name(), name.text);
            diagnostic = diagnostic.also(left_out.named_at, "left out here");
        } else if let Some(later) = target {
            diagnostic = diagnostic
                .label("not defined up to here")
                .also(later.named_at, "defined only here")
                .help("names are looked up as the file is read: move the definition before this block");
        } else if !self.sink.is_full()
            && let Some(close) = did_you_mean(&name.text, known.keys().map(String::as_str))
        {
            diagnostic = diagnostic.help(format!("did you mean `{close}`?"));
        }
        self.sink.push(diagnostic);
        None
    }

    /// The weight of a line, else `own`; `None` where keepalived leaves the line out.
    fn weight_of_line(
        &mut self,
        owner: Owner<'_>,
        what: What,
        line: &Statement,
        own: Weight,
    ) -> Option<Weight> {
        let words = self.words(line);
        let Some(option) = words.get(1) else { return Some(own) };
        if option.text != "weight" {
            let message =
                format!("({}) `{}` is no option here; the line is left out", owner.name, option.text);
            let help = match did_you_mean(&option.text, ["weight"].into_iter()) {
                Some(weight) => format!("did you mean `{weight}`?"),
                None => "each line tracks one thing: write another on a line of its own".to_owned(),
            };
            let diagnostic = Diagnostic::new(&codes::BAD_CHOICE, option.span, message)
                .label("expected `weight`, or the end of the line")
                .help(help);
            self.sink.push(diagnostic);
            return None;
        }
        let Some(number) = words.get(2) else {
            let message = format!("({}) `weight` needs a number; the line is left out", owner.name);
            self.report(&codes::BAD_NUMBER, option.span, message);
            return None;
        };
        let mut weight = own;
        if let Some(value) = self.weight_word(what, number) {
            weight.value = value;
        }
        match words.get(3).map(|w| (w, w.text.as_ref())) {
            None => {}
            Some((_, "reverse")) => weight.reverse = true,
            Some((_, "noreverse")) => weight.reverse = false,
            Some((word, _)) => {
                self.bad_choice(word, "option of a weight", &["reverse", "noreverse"]);
                if matches!(what, What::File | What::Bfd | What::VirtualServer) {
                    return None;
                }
            }
        }
        if let (Some(extra), Some(last)) = (words.get(4), words.last()) {
            let message = "a tracked line ends with its weight; this has no effect";
            self.report(&codes::EXTRA_ARGUMENT, extra.span.to(last.span), message);
        }
        Some(weight)
    }

    /// Interfaces and scripts: 254 was allowed once, and is 253.
    fn weight_word(&mut self, what: What, number: &Word<'_>) -> Option<i16> {
        let greatest = what.greatest();
        let weight = number.text.trim().parse::<i64>().unwrap_or_default();
        let value = if !matches!(what, What::Bfd | What::VirtualServer)
            && weight.abs() == ONCE_GREATEST
            && greatest < ONCE_GREATEST
        {
            let taken = greatest * weight.signum();
            let message =
                format!("the weight of a tracked {} is -253 to 253; it is taken as {taken}", what.name());
            self.report(&codes::ADJUSTED, number.span, message);
            taken
        } else {
            self.signed_word(number, -greatest, greatest)?
        };
        i16::try_from(value).ok()
    }
}
