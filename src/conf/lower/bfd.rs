//! `bfd_instance`: sessions, and what they must not share.

use super::{Lower, body, end_of};
use crate::bfd::config::{Config, Instance, Weight, default_ttl};
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::lexer::Word;
use crate::conf::number::decimal;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The longest name in bytes.
const MAX_NAME: usize = 31;

/// The longest interval in microseconds: what a packet's field holds, in whole milliseconds.
const MAX_INTERVAL_US: u64 = 4_294_967_000;

/// Above this an interval is hardly meant.
const SENSIBLE: Duration = Duration::from_secs(10);

/// Two sessions never have all of this in common.
type Ends = (IpAddr, Option<IpAddr>, bool);

/// Reads every `bfd_instance` block.
pub(super) fn lower(cx: &mut Lower<'_, '_>, config: &mut Config) {
    let mut names: HashMap<String, Span> = HashMap::new();
    let mut ends: HashMap<Ends, Span> = HashMap::new();
    for statement in cx.top_level("bfd_instance") {
        let Some(word) = cx.words(statement).get(1) else {
            // keepalived 2.2.7 crashes here.
            cx.report(&codes::MISSING_NAME, statement.span, "`bfd_instance` must have a name");
            continue;
        };
        let name = word.text.to_string();
        if name.len() > MAX_NAME {
            let message =
                format!("`{name}` is longer than the {MAX_NAME} characters of a name; it is left out");
            cx.report(&codes::BAD_NAME, word.span, message);
            continue;
        }
        if let Some(first) = names.get(&name) {
            let message = format!("bfd_instance `{name}` is already defined; this one is left out");
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_BFD, word.span, message);
            cx.sink.push(diagnostic.also(*first, "first defined here"));
            continue;
        }
        let Some((instance, neighbor_at)) = instance(cx, statement, word) else { continue };
        let key = (instance.neighbor, instance.source, instance.multihop);
        if let Some(first) = ends.get(&key) {
            let message = format!("a second session with {}; it is left out", instance.neighbor);
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_BFD, neighbor_at, message);
            let diagnostic = diagnostic.keepalived_line(KeepalivedLine::At(end_of(statement)));
            cx.sink.push(diagnostic.also(*first, "the first one").help("give each its own source_ip"));
            continue;
        }
        ends.insert(key, neighbor_at);
        names.insert(name, word.span);
        config.instances.push(instance);
    }
}

#[derive(Default)]
struct Draft {
    neighbor: Option<(IpAddr, Span)>,
    source: Option<(IpAddr, Span)>,
    ttl: Option<u8>,
    max_hops: Option<(Option<u8>, Span)>,
    for_vrrp: bool,
    for_checkers: bool,
}

fn instance(cx: &mut Lower<'_, '_>, statement: &Statement, name: &Word<'_>) -> Option<(Instance, Span)> {
    let mut draft = Draft::default();
    // Its neighbour is known only at the end.
    let mut session = Instance::new(name.text.as_ref(), IpAddr::from([0, 0, 0, 0]));
    for inner in body(statement) {
        let Some(keyword) = inner.keyword else { continue };
        let argument = cx.words(inner).get(1).map_or(inner.span, |w| w.span);
        match keyword.canonical() {
            "neighbor_ip" => {
                // Without it the whole session is left out; the error is reported already.
                draft.neighbor = Some((cx.address(inner)?, argument));
            }
            "source_ip" => {
                let address = cx.address(inner);
                draft.source = address.map(|a| (a, argument)).or(draft.source);
            }
            "min_rx" => interval(cx, inner, 1, &mut session.min_rx),
            "min_tx" => interval(cx, inner, 1, &mut session.min_tx),
            "idle_tx" => interval(cx, inner, 1000, &mut session.idle_tx),
            "multiplier" => session.multiplier = byte(cx, inner).unwrap_or(session.multiplier),
            "passive" => {
                cx.no_more_arguments(inner);
                session.passive = true;
            }
            "ttl" | "hoplimit" => draft.ttl = byte(cx, inner).or(draft.ttl),
            "max_hops" => draft.max_hops = max_hops(cx, inner).map(|n| (n, argument)).or(draft.max_hops),
            "multihop" => session.multihop = cx.flag(inner).unwrap_or(session.multihop),
            "weight" => weight(cx, inner, &mut session.weight),
            "vrrp" => {
                cx.no_more_arguments(inner);
                draft.for_vrrp = true;
            }
            "checker" => {
                cx.no_more_arguments(inner);
                draft.for_checkers = true;
            }
            _ => {}
        }
    }
    draft.finish(cx, session, name, KeepalivedLine::At(end_of(statement)))
}

impl Draft {
    fn finish(
        self,
        cx: &mut Lower<'_, '_>,
        mut session: Instance,
        name: &Word<'_>,
        end: KeepalivedLine,
    ) -> Option<(Instance, Span)> {
        let Some((neighbor, at)) = self.neighbor else {
            let message = format!("bfd_instance `{}` has no neighbor_ip; it is left out", name.text);
            cx.sink.push(Diagnostic::new(&codes::NO_NEIGHBOR, name.span, message).keepalived_line(end));
            return None;
        };
        if let Some((source, source_at)) = self.source
            && Family::of(source) != Family::of(neighbor)
        {
            let message = format!("{source} and {neighbor} are of two families; the session is left out");
            let diagnostic = Diagnostic::new(&codes::BFD_FAMILY, source_at, message);
            cx.sink.push(diagnostic.also(at, "the neighbour").keepalived_line(end));
            return None;
        }
        session.neighbor = neighbor;
        session.source = self.source.map(|(source, _)| source);
        session.ttl = self.ttl.unwrap_or(default_ttl(neighbor));
        if let Some((hops, hops_at)) = self.max_hops {
            session.max_hops = hops;
            if let Some(hops) = hops.filter(|hops| *hops > session.ttl) {
                let message = format!("max_hops {hops} is more than the ttl; {} is taken", session.ttl);
                cx.sink.push(Diagnostic::new(&codes::ADJUSTED, hops_at, message).keepalived_line(end));
                session.max_hops = Some(session.ttl);
            }
        }
        // Both hear of it unless one of them is named.
        let nobody_named = !self.for_vrrp && !self.for_checkers;
        session.for_vrrp = self.for_vrrp || nobody_named;
        session.for_checkers = self.for_checkers || nobody_named;
        Some((session, at))
    }
}

fn byte(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<u8> {
    cx.integer(statement).and_then(|n| u8::try_from(n).ok())
}

/// Milliseconds with up to three decimals.
fn interval(cx: &mut Lower<'_, '_>, statement: &Statement, least_ms: u64, into: &mut Duration) {
    let Some(word) = cx.words(statement).get(1) else {
        let message = format!("`{}` needs a number of milliseconds", keyword_name(statement));
        cx.report(&codes::MISSING_ARGUMENT, statement.span, message);
        return;
    };
    cx.no_words_behind(statement, 1);
    let text = word.text.as_ref();
    let Some(interval) = decimal(text, 3) else {
        let mut diagnostic = Diagnostic::new(
            &codes::BAD_NUMBER,
            word.span,
            format!("`{text}` is not a number of milliseconds"),
        )
        .label("expected milliseconds, with a decimal point where needed");
        if let Some(number) = text.strip_suffix("ms").filter(|n| n.parse::<u64>().is_ok()) {
            diagnostic =
                diagnostic.help(format!("write `{number}`: the unit is always milliseconds")).instead(number);
        }
        cx.sink.push(diagnostic);
        return;
    };
    if !interval.is_exact {
        let message = format!("`{text}` has more decimals than the three that count");
        cx.report(&codes::ADJUSTED, word.span, message);
    }
    let us = interval.cut;
    if !(least_ms * 1000..=MAX_INTERVAL_US).contains(&us) {
        let message = format!("`{text}` is outside the range {least_ms} to {}", MAX_INTERVAL_US / 1000);
        let diagnostic = Diagnostic::new(&codes::OUT_OF_RANGE, word.span, message);
        cx.sink.push(diagnostic.label("milliseconds"));
        return;
    }
    *into = Duration::from_micros(us);
    if *into > SENSIBLE {
        let message = format!("`{} {text}` is {} s", keyword_name(statement), into.as_secs_f64());
        let diagnostic = Diagnostic::new(&codes::SLOW_BFD, word.span, message);
        cx.sink.push(diagnostic.help("the unit is milliseconds"));
    }
}

fn keyword_name(statement: &Statement) -> &'static str {
    statement.keyword.map_or("", |k| k.name)
}

/// −1 and 255 look at no hops at all.
fn max_hops(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Option<u8>> {
    let word = signed_argument(cx, statement)?;
    cx.no_words_behind(statement, 1);
    let hops = cx.signed_word(word, -1, 255)?;
    Some(u8::try_from(hops).ok().filter(|n| *n != u8::MAX))
}

/// `WEIGHT [reverse]`
fn weight(cx: &mut Lower<'_, '_>, statement: &Statement, into: &mut Weight) {
    let Some(word) = signed_argument(cx, statement) else { return };
    if let Some(value) = cx.signed_word(word, -253, 253) {
        into.value = value as i16;
    }
    if let Some(option) = cx.words(statement).get(2) {
        if option.text == "reverse" {
            into.reversed = true;
        } else {
            cx.bad_choice(option, "option of a weight", &["reverse"]);
        }
    }
    cx.no_words_behind(statement, 2);
}

fn signed_argument<'t, 's>(cx: &mut Lower<'t, 's>, statement: &Statement) -> Option<&'t Word<'s>> {
    let word = cx.words(statement).get(1);
    if word.is_none() {
        let message = format!("`{}` needs a whole number", keyword_name(statement));
        cx.report(&codes::MISSING_ARGUMENT, statement.span, message);
    }
    word
}
