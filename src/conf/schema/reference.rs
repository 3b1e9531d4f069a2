//! The keyword table as a reference for people: where a keyword stands, what it takes, what holds without it.

use super::{Arg, Block, Keyword, Kind, ROOT, SECOND_US, Shape, Status};
use crate::conf::diagnostic::did_you_mean;
use crate::net::Family;
use std::fmt::Write as _;

/// One place of the language: a keyword and the blocks around it, outermost first.
#[derive(Clone, Debug)]
pub struct Place {
    /// The blocks around it; empty at the top of the file.
    pub path: Vec<&'static str>,
    /// What stands there.
    pub keyword: &'static Keyword,
}

/// Every place of the language in the order of the table, blocks before what is in them.
#[must_use]
pub fn places() -> Vec<Place> {
    let mut found = Vec::new();
    walk(&ROOT, &mut Vec::new(), &mut found);
    found
}

fn walk(block: &'static Block, path: &mut Vec<&'static str>, found: &mut Vec<Place>) {
    for keyword in block.keywords {
        found.push(Place { path: path.clone(), keyword });
        // No block holds itself; a keyword that did would end here.
        if let Shape::Block(inner) = keyword.shape
            && !path.contains(&keyword.name)
        {
            path.push(keyword.name);
            walk(inner, path, found);
            path.pop();
        }
    }
}

/// What the table says of a keyword, for each place where it can stand.
///
/// # Errors
/// There is no such keyword; the one that comes closest, if one does.
pub fn text(name: &str) -> Result<String, Option<&'static str>> {
    let all = places();
    let mut entries: Vec<(Vec<String>, String)> = Vec::new();
    for place in all.iter().filter(|p| p.keyword.name == name) {
        let text = entry(place.keyword);
        let path =
            if place.path.is_empty() { "the top of the file".to_owned() } else { place.path.join(" > ") };
        // What is the same in several blocks (the checkers') is said once.
        match entries.iter_mut().find(|(_, said)| *said == text) {
            Some((paths, _)) => paths.push(path),
            None => entries.push((vec![path], text)),
        }
    }
    if entries.is_empty() {
        return Err(did_you_mean(name, all.iter().map(|p| p.keyword.name)));
    }
    let mut out = String::new();
    for (i, (paths, text)) in entries.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        let (usage, rest) = text.split_once('\n').unwrap_or((text, ""));
        let _ = writeln!(out, "{usage}");
        for (j, path) in paths.iter().enumerate() {
            let title = if j == 0 { "in" } else { "" };
            let _ = writeln!(out, "{}", row(title, path));
        }
        out.push_str(rest);
    }
    Ok(out)
}

fn entry(keyword: &Keyword) -> String {
    let mut text = usage(keyword);
    text.push('\n');
    if !keyword.help.is_empty() {
        let _ = writeln!(text, "{}", row("meaning", keyword.help));
    }
    for arg in keyword.args {
        if let Some(words) = describe(arg) {
            let optional = if arg.required { "" } else { " (may be left out)" };
            let _ = writeln!(text, "{}", row("argument", &format!("{}: {words}{optional}", arg.name)));
        }
    }
    if let Some(default) = keyword.default {
        let _ = writeln!(text, "{}", row("default", default));
    }
    if let Some(release) = keyword.since {
        let _ = writeln!(text, "{}", row("since", &format!("keepalived {release}")));
    }
    if keyword.ours {
        // At the inner brace keepalived believes that the block around it ends.
        let what = match keyword.shape {
            Shape::Block(_) | Shape::Entries => {
                "vipd alone: keepalived reports it, and loses what follows it in the block"
            }
            Shape::Line => "vipd alone: keepalived reports it, and passes over it",
        };
        let _ = writeln!(text, "{}", row("known to", what));
    }
    if let Some(preferred) = keyword.synonym_of {
        let _ = writeln!(text, "{}", row("better", preferred));
    }
    if keyword.status == Status::Read {
        let _ = writeln!(text, "{}", row("vipd", "reads and checks it, and does not carry it out yet"));
    }
    let inner = match keyword.shape {
        Shape::Block(block) => Some(block),
        Shape::Entries | Shape::Line => keyword.entry,
    };
    if let (Some(entry), Shape::Entries) = (keyword.entry, keyword.shape) {
        let _ = writeln!(text, "{}", row("lines of", &format!("{} [OPTION...]", entry.name)));
    }
    if let Some(block) = inner {
        for (i, inner) in block.keywords.iter().filter(|k| k.synonym_of.is_none()).enumerate() {
            let _ = writeln!(text, "{}", row(if i == 0 { "holds" } else { "" }, &usage(inner)));
        }
    }
    text
}

fn row(title: &str, text: &str) -> String {
    format!("    {title:<10}{text}")
}

/// How it is written: `advert_int SECONDS`, `vrrp_instance NAME { ... }`.
#[must_use]
pub fn usage(keyword: &Keyword) -> String {
    let mut text = keyword.name.to_owned();
    for arg in keyword.args {
        let _ = match arg.required {
            true => write!(text, " {}", arg.name),
            false => write!(text, " [{}]", arg.name),
        };
    }
    if !matches!(keyword.shape, Shape::Line) {
        text.push_str(" { ... }");
    }
    text
}

/// What an argument may be, with its range, in words; `None` where there is nothing to say.
#[must_use]
pub fn describe(arg: &Arg) -> Option<String> {
    Some(match arg.kind {
        Kind::Integer { min, max } => format!("a whole number, {min} to {max}"),
        Kind::Signed { min, max } => format!("a whole number, {min} to {max}"),
        Kind::Timer { min_us, max_us } => {
            let least = seconds(min_us);
            // The greatest timer is what the program's clock can hold: no limit that anyone meets.
            match max_us < super::MAX_TIMER_US {
                true => format!("seconds with up to six decimals, {least} to {}", seconds(max_us)),
                false => format!("seconds with up to six decimals, from {least}"),
            }
        }
        Kind::Bool => "on, off, true, false, yes or no".to_owned(),
        Kind::Choice(words) => words.join(", "),
        Kind::ChoiceAnyCase(words) => format!("{}, in capitals or small letters", words.join(", ")),
        Kind::Address(None) => "an IPv4 or IPv6 address".to_owned(),
        Kind::Address(Some(Family::V4)) => "an IPv4 address".to_owned(),
        Kind::Address(Some(Family::V6)) => "an IPv6 address".to_owned(),
        Kind::Interface => "the name of an interface, up to 15 characters".to_owned(),
        Kind::Text | Kind::Special => return None,
    })
}

fn seconds(us: u64) -> String {
    let (whole, part) = (us / SECOND_US, us % SECOND_US);
    let decimals = format!("{part:06}");
    match decimals.trim_end_matches('0') {
        "" => whole.to_string(),
        decimals => format!("{whole}.{decimals}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_explained_with_its_unit_its_range_and_its_default() {
        let said = text("advert_int").unwrap();
        assert!(said.starts_with("advert_int SECONDS\n    in        vrrp_instance\n"), "{said}");
        assert!(said.contains("SECONDS: seconds with up to six decimals, 0.01 to 255\n"), "{said}");
        assert!(said.contains("    default   1\n"), "{said}");
    }

    #[test]
    fn what_stands_in_several_blocks_names_them_all() {
        let said = text("connect_timeout").unwrap();
        assert!(said.contains("virtual_server > real_server > TCP_CHECK\n"), "{said}");
        assert!(said.contains("virtual_server > real_server > HTTP_GET\n"), "{said}");
    }

    #[test]
    fn a_block_lists_what_it_holds() {
        let said = text("vrrp_instance").unwrap();
        assert!(
            said.starts_with("vrrp_instance NAME { ... }\n    in        the top of the file\n"),
            "{said}"
        );
        assert!(said.contains("advert_int SECONDS\n"), "{said}");
    }

    #[test]
    fn a_misspelling_gets_a_proposal() {
        assert_eq!(text("advert_intt"), Err(Some("advert_int")));
        assert_eq!(text("no such thing"), Err(None));
    }

    #[test]
    fn every_keyword_can_be_explained() {
        for place in places() {
            assert!(text(place.keyword.name).is_ok_and(|t| t.ends_with('\n')), "{}", place.keyword.name);
        }
    }
}
