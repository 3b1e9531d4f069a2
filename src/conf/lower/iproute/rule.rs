//! A line of `virtual_rules` or `static_rules`: what a rule matches, and its action, in any order.

use super::super::Lower;
use super::track_group::TrackGroups;
use super::values::{Network, range};
use super::{Entry, route};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::number::unsigned;
use crate::conf::schema::{Block, Keyword};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::{Family, NameTable};
use crate::vrrp::config::route::{PROTOCOL_KEEPALIVED, Realms, RouteKind};
use crate::vrrp::config::rule::{self, Mark, Rule, RuleAction, Suppress};
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// Where rules without a priority begin; each further one of a family is one less.
const FIRST_PRIORITY: u32 = 16_384;

/// What rules of a file share: the priorities that are given out, and those that are taken, by which action.
#[derive(Debug)]
pub(in crate::conf::lower) struct Priorities {
    next4: u32,
    next6: u32,
    taken: HashMap<(Family, u32), (RuleAction, Span)>,
}

impl Default for Priorities {
    fn default() -> Self {
        Priorities { next4: FIRST_PRIORITY, next6: FIRST_PRIORITY, taken: HashMap::new() }
    }
}

impl Priorities {
    fn take(&mut self, family: Family) -> u32 {
        let next = match family {
            Family::V4 => &mut self.next4,
            Family::V6 => &mut self.next6,
        };
        let taken = *next;
        *next = next.saturating_sub(1);
        taken
    }

    /// The rule of the same priority that does something else, if there is one: which of them comes first is open.
    fn other(&mut self, family: Family, priority: u32, action: RuleAction, span: Span) -> Option<Span> {
        let (first, at) = self.taken.entry((family, priority)).or_insert((action, span));
        (*first != action).then_some(*at)
    }
}

/// IP protocols by name.
const IP_PROTOCOLS: &[(&str, u8)] = &[
    ("ah", 51),
    ("dccp", 33),
    ("egp", 8),
    ("eigrp", 88),
    ("esp", 50),
    ("gre", 47),
    ("icmp", 1),
    ("icmpv6", 58),
    ("igmp", 2),
    ("ipcomp", 108),
    ("ipencap", 4),
    ("ipip", 94),
    ("ipv6", 41),
    ("ipv6-icmp", 58),
    ("isis", 124),
    ("l2tp", 115),
    ("mpls-in-ip", 137),
    ("ospf", 89),
    ("ospfigp", 89),
    ("pim", 103),
    ("rsvp", 46),
    ("sctp", 132),
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("vrrp", 112),
];

/// Reads one line, with its track group if it may have one; `None` where keepalived leaves the rule out.
pub(in crate::conf::lower) fn lower(
    cx: &mut Lower<'_, '_>,
    grammar: &'static Block,
    line: &Statement,
    groups: Option<&TrackGroups>,
) -> Option<(Rule, Option<String>)> {
    let mut entry = Entry::new(cx, line, "rule");
    let mut draft = Draft::default();
    while let Some(word) = entry.take() {
        draft.word(&mut entry, word, grammar, groups)?;
    }
    draft.finish(&mut entry)
}

#[derive(Default)]
struct Draft {
    priority: Option<u32>,
    inverted: bool,
    from: Option<Network>,
    to: Option<Network>,
    input_interface: Option<String>,
    output_interface: Option<String>,
    tos: Option<u8>,
    mark: Option<Mark>,
    ip_protocol: Option<u8>,
    source_ports: Option<rule::Span<u16>>,
    destination_ports: Option<rule::Span<u16>>,
    users: Option<rule::Span<u32>>,
    tunnel_id: Option<u64>,
    protocol: Option<(u8, Span)>,
    unless: Suppress,
    realms: Option<Realms>,
    /// The option that needs a table to look in.
    table_option: Option<Span>,
    action: Option<(RuleAction, Span)>,
    untracked: bool,
    track_group: Option<(String, Span)>,
}

impl Draft {
    fn word(
        &mut self,
        entry: &mut Entry<'_, '_, '_>,
        word: &Word<'_>,
        grammar: &'static Block,
        groups: Option<&TrackGroups>,
    ) -> Option<()> {
        if let Some(keyword) = grammar.find(&word.text) {
            return self.option(entry, word, keyword, grammar, groups);
        }
        match route::kind(&word.text) {
            Some(kind) => self.kind_as_action(entry, word, kind),
            None => {
                entry.unknown(word, grammar, "the rule is left out");
                None
            }
        }
    }

    fn option(
        &mut self,
        entry: &mut Entry<'_, '_, '_>,
        word: &Word<'_>,
        keyword: &'static Keyword,
        grammar: &'static Block,
        groups: Option<&TrackGroups>,
    ) -> Option<()> {
        let is_action = matches!(
            keyword.canonical(),
            "table" | "l3mdev" | "goto" | "nop" | "blackhole" | "unreachable" | "prohibit" | "type"
        );
        if !is_action && keyword.name != "track_group" {
            entry.once(keyword, word.span);
        }
        match keyword.canonical() {
            "inet" => entry.family_word(word, Family::V4)?,
            "inet6" => entry.family_word(word, Family::V6)?,
            "from" => self.from = Some(network(entry, word)?),
            "to" => self.to = Some(network(entry, word)?),
            "not" => self.inverted = true,
            "preference" => self.priority = Some(priority(entry, word)?),
            "tos" => self.tos = Some(entry.field(word)?),
            "fwmark" => self.mark = Some(mark(entry, word)?),
            "realms" => {
                self.realms = Some(entry.realms(word)?);
                self.table_option = Some(word.span);
            }
            "suppress_prefixlength" => {
                self.unless.prefix_len = Some(entry.u32(word, keyword)?);
                self.table_option = Some(word.span);
            }
            "suppress_ifgroup" => {
                self.unless.group = Some(entry.name(word, NameTable::Groups)?);
                self.table_option = Some(word.span);
            }
            "iif" => self.input_interface = Some(entry.interface(word)?),
            "oif" => self.output_interface = Some(entry.interface(word)?),
            "tunnel-id" => self.tunnel_id = Some(entry.integer(word, keyword)?),
            "uidrange" => self.users = Some(users(entry, word)?),
            "protocol" => {
                let value = entry.u8(word, keyword);
                self.protocol = value.map(|n| (n, word.span)).or(self.protocol);
            }
            "ipproto" => self.ip_protocol = ip_protocol(entry, word)?.or(self.ip_protocol),
            "sport" => self.source_ports = ports(entry, word)?.or(self.source_ports),
            "dport" => self.destination_ports = ports(entry, word)?.or(self.destination_ports),
            "no_track" => self.untracked = true,
            "track_group" => {
                let value = entry.value(word)?;
                if let Some(groups) = groups {
                    groups.choose(entry, word, value, &mut self.track_group);
                }
            }
            "type" => {
                let word = entry.value(word)?;
                let action =
                    grammar.find(&word.text).filter(|k| !matches!(k.canonical(), "table" | "l3mdev"));
                match action {
                    Some(keyword) => self.action(entry, word, keyword)?,
                    None => match route::kind(&word.text) {
                        Some(kind) => self.kind_as_action(entry, word, kind)?,
                        None => {
                            entry.unknown(word, grammar, "the rule is left out");
                            return None;
                        }
                    },
                }
            }
            _ => self.action(entry, word, keyword)?,
        }
        Some(())
    }

    fn action(
        &mut self,
        entry: &mut Entry<'_, '_, '_>,
        word: &Word<'_>,
        keyword: &'static Keyword,
    ) -> Option<()> {
        let (unless, realms) = (Suppress::default(), None);
        let action = match keyword.canonical() {
            "table" => {
                let table = entry.name(word, NameTable::Tables)?;
                if table == 0 {
                    return entry.refuse(&codes::OUT_OF_RANGE, word.span, "there is no table 0");
                }
                RuleAction::Table { table, unless, realms }
            }
            "l3mdev" => RuleAction::L3mdev { unless, realms },
            "goto" => RuleAction::Goto(entry.u32(word, keyword)?),
            "nop" => RuleAction::Nop,
            "blackhole" => RuleAction::Blackhole,
            "unreachable" => RuleAction::Unreachable,
            "prohibit" => RuleAction::Prohibit,
            other => {
                let message = format!("`{other}` is no action of a rule");
                return entry.refuse(&codes::NO_ACTION, word.span, &message);
            }
        };
        self.act(entry, action, word.span)
    }

    /// Types of routes that are actions of rules too.
    fn kind_as_action(
        &mut self,
        entry: &mut Entry<'_, '_, '_>,
        word: &Word<'_>,
        kind: RouteKind,
    ) -> Option<()> {
        let action = match kind {
            RouteKind::Blackhole => RuleAction::Blackhole,
            RouteKind::Unreachable => RuleAction::Unreachable,
            RouteKind::Prohibit => RuleAction::Prohibit,
            _ => {
                let message = format!("`{}` is no action of a rule", word.text);
                return entry.refuse(&codes::NO_ACTION, word.span, &message);
            }
        };
        self.act(entry, action, word.span)
    }

    fn act(&mut self, entry: &mut Entry<'_, '_, '_>, action: RuleAction, span: Span) -> Option<()> {
        if let Some((_, first)) = self.action.replace((action, span)) {
            let message = "a second action of one rule; it is left out";
            let diagnostic = Diagnostic::new(&codes::TWO_ACTIONS, span, message);
            entry.cx.sink.push(diagnostic.also(first, "the first one"));
            return None;
        }
        Some(())
    }

    fn finish(mut self, entry: &mut Entry<'_, '_, '_>) -> Option<(Rule, Option<String>)> {
        let Some((mut action, acts_at)) = self.action else {
            let diagnostic =
                Diagnostic::new(&codes::NO_ACTION, entry.line, "a rule must have an action; it is left out");
            entry.cx.sink.push(
                diagnostic.help("add `table TABLE`, `goto`, `nop`, `blackhole`, `unreachable` or `prohibit`"),
            );
            return None;
        };
        self.goto_leads_forward(entry, action, acts_at)?;
        match &mut action {
            RuleAction::Table { unless, realms, .. } | RuleAction::L3mdev { unless, realms } => {
                (*unless, *realms) = (self.unless, self.realms);
            }
            _ => {
                if let Some(span) = self.table_option {
                    let message = "this needs a rule that looks into a table; the rule is left out";
                    let diagnostic = Diagnostic::new(&codes::TABLE_OPTION, span, message);
                    entry.cx.sink.push(diagnostic.also(acts_at, "this rule does something else"));
                    return None;
                }
            }
        }
        let tracked = !self.untracked;
        if tracked {
            if let Some((_, span)) = self.protocol.filter(|(n, _)| *n != PROTOCOL_KEEPALIVED) {
                let message = "a tracked rule has the protocol keepalived (18); this one has no effect";
                let diagnostic = Diagnostic::new(&codes::PROTOCOL_RESET, span, message);
                entry.cx.sink.push(diagnostic.help("add `no_track` to keep it"));
            }
            self.protocol = Some((PROTOCOL_KEEPALIVED, entry.line));
        }
        if let Some((_, span)) = self.track_group.take_if(|_| self.input_interface.is_none()) {
            let message = "a static rule without `iif` can't have a track_group; it has no effect";
            entry.cx.report(&codes::TRACK_GROUP, span, message);
        }
        let family = entry.family.map_or(Family::V4, |(family, _)| family);
        let priority = self.priority.unwrap_or_else(|| {
            let priority = entry.cx.rule_priorities.take(family);
            let message =
                format!("a rule without a priority: it gets {priority}, which is probably not meant");
            let diagnostic = Diagnostic::new(&codes::NO_PRIORITY, entry.line, message);
            entry.cx.sink.push(diagnostic.help("add `priority NUMBER`; the least is tried first"));
            priority
        });
        if let Some(first) = entry.cx.rule_priorities.other(family, priority, action, entry.line) {
            let message = format!("two rules of priority {priority} do different things");
            let diagnostic = Diagnostic::new(&codes::SAME_PRIORITY, entry.line, message);
            entry
                .cx
                .sink
                .push(diagnostic.also(first, "the other one").help("give each a priority of its own"));
        }
        let rule = Rule {
            family,
            priority,
            inverted: self.inverted,
            from: self.from.map(|n| n.net(family)).filter(|n| n.prefix_len > 0),
            to: self.to.map(|n| n.net(family)).filter(|n| n.prefix_len > 0),
            input_interface: self.input_interface,
            output_interface: self.output_interface,
            tos: self.tos,
            mark: self.mark,
            ip_protocol: self.ip_protocol,
            source_ports: self.source_ports,
            destination_ports: self.destination_ports,
            users: self.users,
            tunnel_id: self.tunnel_id,
            protocol: self.protocol.map(|(n, _)| n),
            action,
            tracked,
        };
        Some((rule, self.track_group.map(|(name, _)| name)))
    }

    fn goto_leads_forward(&self, entry: &mut Entry<'_, '_, '_>, action: RuleAction, at: Span) -> Option<()> {
        let RuleAction::Goto(target) = action else { return Some(()) };
        let message = match self.priority {
            None => format!("`goto {target}` in a rule without a priority"),
            Some(own) if own >= target => {
                format!("`goto {target}` does not lead forward from priority {own}")
            }
            Some(_) => return Some(()),
        };
        entry.refuse(&codes::GOTO, at, &message)
    }
}

fn network(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<Network> {
    let word = entry.value(option)?;
    entry.network(word)
}

fn priority(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<u32> {
    let word = entry.value(option)?;
    match unsigned(&word.text) {
        Some(n) => match u32::try_from(n) {
            Ok(n) => Some(n),
            Err(_) => entry.refuse(&codes::OUT_OF_RANGE, word.span, "a priority has 32 bits"),
        },
        None => {
            let message = format!("`{}` is no priority", word.text);
            entry.refuse(&codes::BAD_NUMBER, word.span, &message)
        }
    }
}

/// `MARK[/MASK]`.
fn mark(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<Mark> {
    let word = entry.value(option)?;
    let number = |text: &str| unsigned(text).and_then(|n| u32::try_from(n).ok());
    let mark = match word.text.split_once('/') {
        Some((value, mask)) => {
            number(value).zip(number(mask)).map(|(value, mask)| Mark { value, mask: Some(mask) })
        }
        None => number(&word.text).map(|value| Mark { value, mask: None }),
    };
    if mark.is_none() {
        let message = format!("`{}` is not MARK or MARK/MASK", word.text);
        return entry.refuse(&codes::BAD_NUMBER, word.span, &message);
    }
    mark
}

/// The outer `None`: it is missing; the inner one: it is wrong, and the rule goes without.
fn ip_protocol(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<Option<u8>> {
    let word = entry.value(option)?;
    // Each has its name in small letters and in capitals (protocols(5)).
    let is_it = |name: &str| name == word.text || name.to_ascii_uppercase() == word.text;
    let by_name = || IP_PROTOCOLS.iter().find(|(name, _)| is_it(name)).map(|(_, n)| *n);
    let protocol = word.text.parse().ok().or_else(by_name);
    if protocol.is_none() {
        let message = format!("`{}` is no IP protocol; the rule goes without it", word.text);
        let diagnostic = Diagnostic::new(&codes::BAD_CHOICE, word.span, message);
        entry.cx.sink.push(diagnostic.label("expected a number up to 255, or a name as tcp"));
    }
    Some(protocol)
}

/// `FIRST-LAST`. keepalived goes without a single port, and so for all ports; here it is what is meant.
fn ports(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<Option<rule::Span<u16>>> {
    let word = entry.value(option)?;
    if let Ok(port) = word.text.parse::<u16>() {
        let message =
            format!("keepalived does not understand the single port `{port}`: its rule is for all ports");
        let diagnostic = Diagnostic::new(&codes::BAD_PORTS, word.span, message);
        entry
            .cx
            .sink
            .push(diagnostic.help(format!("write `{port}-{port}`")).instead(format!("{port}-{port}")));
        return Some(Some(rule::Span { first: port, last: port }));
    }
    let found = range::<u16>(&word.text);
    if found.is_none() {
        let message = format!("`{}` is no range of ports; the rule goes without it", word.text);
        let diagnostic = Diagnostic::new(&codes::BAD_PORTS, word.span, message);
        entry.cx.sink.push(diagnostic.label("expected FIRST-LAST, each up to 65535"));
    }
    Some(found.map(|(first, last)| ordered(entry, word, first, last)))
}

fn users(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<rule::Span<u32>> {
    let word = entry.value(option)?;
    match range::<u32>(&word.text) {
        Some((first, last)) => Some(ordered(entry, word, first, last)),
        None => {
            let message = format!("`{}` is no range of user ids, as 1000-1999", word.text);
            entry.refuse(&codes::BAD_NUMBER, word.span, &message)
        }
    }
}

/// A range that begins behind its end holds nothing; keepalived leaves it to the kernel to refuse it.
fn ordered<T: Ord + Display + FromStr + Copy>(
    entry: &mut Entry<'_, '_, '_>,
    word: &Word<'_>,
    first: T,
    last: T,
) -> rule::Span<T> {
    if first > last {
        let message = format!("the range `{}` ends before it begins: the kernel refuses the rule", word.text);
        let diagnostic = Diagnostic::new(&codes::EMPTY_RANGE, word.span, message);
        entry.cx.sink.push(diagnostic.help(format!("write `{last}-{first}`")));
    }
    rule::Span { first, last }
}
