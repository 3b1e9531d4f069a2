//! What the file says of interfaces as such: `garp_group`, `interface_up_down_delays`, `linkbeat_interfaces`.

use super::super::{Lower, body, end_of};
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::Config;
use crate::vrrp::config::interface::{GarpGroup, LinkDelay, Linkbeat, Poll};
use std::collections::HashMap;

/// The longest delay of `interface_up_down_delays` in microseconds.
const MAX_DELAY_US: u64 = 255_000_000;

const POLLS: &[(&str, Poll)] = &[("ETHTOOL", Poll::Ethtool), ("IOCTL", Poll::Ioctl), ("MII", Poll::Mii)];

/// Reads the three kinds of blocks.
pub(in crate::conf::lower) fn lower(cx: &mut Lower<'_, '_>, config: &mut Config) {
    let mut grouped = HashMap::new();
    for statement in cx.top_level("garp_group") {
        config.garp_groups.extend(garp_group(cx, statement, &mut grouped));
    }
    for name in ["interface_up_down_delays", "linkbeat_interfaces"] {
        cx.top_level(name).for_each(|statement| cx.nothing_before_the_block(statement));
    }
    let mut delayed = HashMap::new();
    for line in cx.top_level("interface_up_down_delays").flat_map(body) {
        if let Some(delay) = link_delay(cx, line) {
            replace(&mut config.link_delays, &mut delayed, delay.interface.clone(), delay);
        }
    }
    let mut polled = HashMap::new();
    for line in cx.top_level("linkbeat_interfaces").flat_map(body) {
        if let Some(linkbeat) = linkbeat(cx, line) {
            replace(&mut config.linkbeat, &mut polled, linkbeat.interface.clone(), linkbeat);
        }
    }
}

/// The last line for an interface holds.
fn replace<T>(list: &mut Vec<T>, places: &mut HashMap<String, usize>, name: String, item: T) {
    match places.get(&name).and_then(|&place| list.get_mut(place)) {
        Some(before) => *before = item,
        None => {
            places.insert(name, list.len());
            list.push(item);
        }
    }
}

fn garp_group(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    grouped: &mut HashMap<String, Span>,
) -> Option<GarpGroup> {
    let mut group = GarpGroup::default();
    let mut members = Vec::new();
    // Intervals can be given and wrong: then their absence needs no second report.
    let mut interval_given = false;
    for inner in body(statement) {
        match inner.keyword.map(|k| k.name) {
            Some("garp_interval") => {
                interval_given = true;
                group.garp_interval = cx.timer(inner).or(group.garp_interval);
            }
            Some("gna_interval") => {
                interval_given = true;
                group.gna_interval = cx.timer(inner).or(group.gna_interval);
            }
            Some("interface") => members.extend(cx.interface(inner).map(|word| (word, KeepalivedLine::Here))),
            Some("interfaces") => {
                group.shared = true;
                let words: Vec<&Word<'_>> = body(inner).iter().flat_map(|line| cx.words(line)).collect();
                if words.is_empty() {
                    let diagnostic =
                        Diagnostic::new(&codes::EMPTY_INTERFACES, inner.span, "no interface in this list");
                    cx.sink.push(diagnostic.keepalived_line(KeepalivedLine::At(end_of(inner))));
                }
                let end = KeepalivedLine::At(end_of(inner));
                members
                    .extend(words.into_iter().filter_map(|w| cx.interface_word(w)).map(|word| (word, end)));
            }
            _ => {}
        }
    }
    if group.garp_interval.is_none() && group.gna_interval.is_none() {
        if !interval_given {
            let message = "a garp_group that sets no interval; it is left out";
            let diagnostic = Diagnostic::new(&codes::GARP_GROUP, statement.span, message);
            let diagnostic = diagnostic.keepalived_line(KeepalivedLine::At(end_of(statement)));
            cx.sink.push(diagnostic.help("set garp_interval or gna_interval"));
        }
        return None;
    }
    for (word, line) in members {
        if !cx.interface_exists(word) {
            continue;
        }
        if let Some(first) = grouped.get(word.text.as_ref()) {
            let message = format!("`{}` is in a garp_group already; it stays there", word.text);
            let diagnostic = Diagnostic::new(&codes::GARP_GROUP, word.span, message);
            cx.sink.push(diagnostic.also(*first, "first named here").keepalived_line(line));
            continue;
        }
        grouped.insert(word.text.to_string(), word.span);
        group.interfaces.push(word.text.to_string());
    }
    Some(group)
}

/// `INTERFACE DOWN [UP]`
fn link_delay(cx: &mut Lower<'_, '_>, line: &Statement) -> Option<LinkDelay> {
    let words = cx.words(line);
    let interface = words.first()?;
    cx.interface_word(interface)?;
    if !cx.interface_exists_or(&codes::NOT_WATCHED, interface) {
        return None;
    }
    let Some(down) = words.get(1) else {
        let message = format!("no delay for `{}`; it has no effect", interface.text);
        let diagnostic = Diagnostic::new(&codes::NO_DELAY, interface.span, message);
        cx.sink.push(diagnostic.label("expected INTERFACE DOWN [UP] in seconds"));
        return None;
    };
    let down = cx.timer_word(down, 0, MAX_DELAY_US)?;
    let up = match words.get(2) {
        Some(up) => cx.timer_word(up, 0, MAX_DELAY_US)?,
        None => down,
    };
    if let (Some(extra), Some(last)) = (words.get(3), words.last()) {
        let message = "a line has two delays at most; this has no effect";
        cx.report(&codes::EXTRA_ARGUMENT, extra.span.to(last.span), message);
    }
    Some(LinkDelay { interface: interface.text.to_string(), down, up })
}

/// Says which delays don't count in full, once the instances are known.
pub(in crate::conf::lower) fn cut_link_delays(cx: &mut Lower<'_, '_>, config: &Config) {
    for given in &config.link_delays {
        let cut = config.effective_link_delay(given);
        let limit = config.link_delay_limit(&given.interface).filter(|_| cut != *given);
        let Some((instance, limit)) = limit else { continue };
        let lines = cx.top_level("interface_up_down_delays").flat_map(body);
        let names_it =
            |line: &&Statement| cx.words(line).first().is_some_and(|word| *word.text == *given.interface);
        let Some(line) = lines.filter(names_it).last() else { continue };
        let message = format!(
            "delays of `{}` count as {} s down and {} s up: ({}) would become master before it knows that the link is down",
            given.interface,
            cut.down.as_secs_f64(),
            cut.up.as_secs_f64(),
            instance.name
        );
        let help = match limit.is_zero() {
            true => "down_timer_adverts 1 leaves no time for delays; leave them out".to_owned(),
            false => {
                format!(
                    "make them shorter than {} s, which is advert_int x (down_timer_adverts - 1)",
                    limit.as_secs_f64()
                )
            }
        };
        cx.sink.push(Diagnostic::new(&codes::DELAYS_CUT, line.span, message).help(&help));
    }
}

/// `INTERFACE [MII | ETHTOOL | IOCTL]`
fn linkbeat(cx: &mut Lower<'_, '_>, line: &Statement) -> Option<Linkbeat> {
    let words = cx.words(line);
    let interface = words.first()?;
    cx.interface_word(interface)?;
    if !cx.interface_exists_or(&codes::NOT_WATCHED, interface) {
        return None;
    }
    let mut poll = None;
    if let Some(word) = words.get(1) {
        poll = POLLS.iter().find(|(name, _)| *name == word.text).map(|(_, poll)| *poll);
        if poll.is_none() {
            let names: Vec<&'static str> = POLLS.iter().map(|(name, _)| *name).collect();
            cx.bad_choice(word, "way to poll an interface", &names);
        }
    }
    if let (Some(extra), Some(last)) = (words.get(2), words.last()) {
        let message = "a line has an interface and a way to poll it; this has no effect";
        cx.report(&codes::NO_SUCH_OPTION, extra.span.to(last.span), message);
    }
    Some(Linkbeat { interface: interface.text.to_string(), poll })
}
