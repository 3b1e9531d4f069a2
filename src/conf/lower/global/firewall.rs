//! nftables, iptables and ipsets.

use super::super::Lower;
use super::{Firsts, put, set};
use crate::conf::config::{Firewall, Ipsets, Iptables, Nftables, NftablesIpvs};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::tree::Statement;

/// keepalived's names are shorter than these by two bytes: the kernel's limits for chains and targets of iptables
/// (`XT_EXTENSION_MAXNAMELEN`), ipsets (`IPSET_MAXNAMELEN`) and tables of nftables.
const MAX_IPTABLES: usize = 27;
const MAX_IPSET: usize = 30;
const MAX_NFTABLES: usize = 254;

/// Settings that count only together with the keyword that turns them on, wherever that stands.
#[derive(Debug)]
pub(super) struct Draft {
    priority: i32,
    ifindex: bool,
    ipvs_priority: i32,
    start_fwmark: u32,
}

impl Default for Draft {
    /// keepalived's defaults.
    fn default() -> Draft {
        Draft { priority: -1, ifindex: false, ipvs_priority: -1, start_fwmark: 1000 }
    }
}

impl Draft {
    /// Whether the keyword belongs here; if so, it is read.
    pub(super) fn read(
        &mut self,
        cx: &mut Lower<'_, '_>,
        statement: &Statement,
        name: &str,
        firewall: &mut Firewall,
        firsts: &mut Firsts,
    ) -> bool {
        match name {
            "nftables" => {
                if let Some(table) = table(cx, statement, "keepalived")
                    && firsts.is_first(cx, statement, firewall.nftables.is_some())
                {
                    firewall.nftables = Some(Nftables { table, priority: -1, ifindex: false });
                }
            }
            "nftables_priority" => set(&mut self.priority, priority(cx, statement)),
            "nftables_ifindex" => self.ifindex = cx.present(statement),
            "nftables_counters" => firewall.counters = cx.present(statement),
            "nftables_ipvs" => {
                if let Some(table) = table(cx, statement, "keepalived_ipvs")
                    && firsts.is_first(cx, statement, firewall.ipvs.is_some())
                {
                    firewall.ipvs = Some(NftablesIpvs { table, priority: -1, start_fwmark: 1000 });
                }
            }
            "nftables_ipvs_priority" => set(&mut self.ipvs_priority, priority(cx, statement)),
            "nftables_ipvs_start_fwmark" => set(&mut self.start_fwmark, cx.u32(statement)),
            "vrrp_iptables" => {
                before_nftables(cx, statement);
                if let Some(iptables) = iptables(cx, statement)
                    && firsts.is_first(cx, statement, firewall.iptables.is_some())
                {
                    firewall.iptables = Some(iptables);
                }
            }
            "vrrp_ipsets" => {
                before_nftables(cx, statement);
                set(&mut firewall.ipsets, ipsets(cx, statement));
            }
            _ => return false,
        }
        true
    }

    /// Puts the settings where they belong.
    pub(super) fn finish(self, firewall: &mut Firewall) {
        if let Some(nftables) = &mut firewall.nftables {
            (nftables.priority, nftables.ifindex) = (self.priority, self.ifindex);
        }
        if let Some(ipvs) = &mut firewall.ipvs {
            (ipvs.priority, ipvs.start_fwmark) = (self.ipvs_priority, self.start_fwmark);
        }
    }
}

/// Debian builds keepalived without iptables, as most do by now: it says so, and takes nftables.
fn before_nftables(cx: &mut Lower<'_, '_>, statement: &Statement) {
    let keyword = statement.keyword.map_or("", |k| k.name);
    let message = format!("`{keyword}` is from before nftables, which set the rules now");
    cx.sink.push(Diagnostic::new(&codes::DEPRECATED, statement.span, message).help("write `nftables`"));
}

fn priority(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<i32> {
    cx.signed(statement).and_then(|n| i32::try_from(n).ok())
}

fn table(cx: &mut Lower<'_, '_>, statement: &Statement, default: &str) -> Option<String> {
    match cx.text(statement) {
        None => Some(default.to_owned()),
        Some(word) => fitting(cx, word, "table of nftables", MAX_NFTABLES),
    }
}

fn iptables(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Iptables> {
    cx.no_more_arguments(statement);
    match cx.words(statement) {
        [_, input, rest @ ..] => {
            let input_name = fitting(cx, input, "chain", MAX_IPTABLES)?;
            let mut output = None;
            if let Some(word) = rest.first() {
                put(&mut output, fitting(cx, word, "chain", MAX_IPTABLES));
                if word.text == input.text {
                    let message = "the chains of arriving and of leaving packets must differ";
                    cx.report(&codes::BAD_NAME, word.span, message);
                    return None;
                }
            }
            Some(Iptables { input: input_name, output })
        }
        _ => Some(Iptables { input: "INPUT".to_owned(), output: Some("OUTPUT".to_owned()) }),
    }
}

/// Names that are not given are made of those before them.
fn ipsets(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Ipsets> {
    let words = cx.words(statement).get(1..).unwrap_or_default();
    if words.is_empty() {
        return Some(Ipsets::Off);
    }
    let mut given = Vec::new();
    for word in words.iter().take(6) {
        given.push(fitting(cx, word, "ipset", MAX_IPSET)?);
    }
    if let Some(extra) = words.get(6) {
        cx.report(&codes::EXTRA_ARGUMENT, extra.span, "`vrrp_ipsets` takes six names; this has no effect");
    }
    let name = |i: usize, made: &dyn Fn() -> String| given.get(i).cloned().unwrap_or_else(made);
    let v4 = name(0, &String::new);
    let v6 = name(1, &|| joined(&v4, "6"));
    let v6_if = name(2, &|| joined(v6.strip_suffix('6').unwrap_or(&v6), "_if6"));
    let igmp = name(3, &|| joined(&v4, "_igmp"));
    let mld = name(4, &|| joined(&v4, "_mld"));
    let nd = name(5, &|| joined(&v4, "_nd"));
    let names = [v4, v6, v6_if, igmp, mld, nd];
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            let at = words.get(i).or(words.last()).map_or(statement.span, |w| w.span);
            cx.report(&codes::BAD_NAME, at, format!("two of the ipsets would be called `{name}`"));
            return None;
        }
    }
    Some(Ipsets::Named(names))
}

/// A name with an ending, within the limit.
fn joined(name: &str, ending: &str) -> String {
    let mut name = name.to_owned();
    name.truncate(name.floor_char_boundary(MAX_IPSET + 1 - ending.len()));
    name + ending
}

fn fitting(cx: &mut Lower<'_, '_>, word: &Word<'_>, what: &str, max: usize) -> Option<String> {
    let problem = match word.text.len() {
        0 => format!("the name of a {what} can't be empty"),
        n if n > max => format!("the name of a {what} has at most {max} bytes, this one has {n}"),
        _ => return Some(word.text.to_string()),
    };
    cx.report(&codes::BAD_NAME, word.span, problem);
    None
}
