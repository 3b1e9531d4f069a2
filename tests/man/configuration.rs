//! keepalived.conf(5), from the table of keywords.

use std::fmt::Write as _;
use vipd::conf::schema::reference;
use vipd::conf::schema::{Arg, Block, Keyword, ROOT, Shape, Status};

const LANGUAGE: &str = include_str!("language.roff");

/// The whole page.
pub(super) fn page() -> String {
    let mut text = String::from(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n");
    let _ = writeln!(text, ".TH KEEPALIVED.CONF 5 \"\" \"vipd {}\" vipd", env!("CARGO_PKG_VERSION"));
    text.push_str(LANGUAGE);
    text.push_str(".SH THE TOP OF THE FILE\n");
    for keyword in ROOT.keywords {
        item(&mut text, keyword);
    }
    for keyword in ROOT.keywords {
        section(&mut text, keyword, &mut Vec::new());
    }
    text.push_str(
        ".SH FILES\n.I /etc/keepalived/keepalived.conf\n.SH SEE ALSO\n.BR vipd (1),\n.BR vipd-check (1),\n\
         .BR ipvsadm (8)\n",
    );
    text
}

/// What a keyword's block holds, and the blocks in it.
fn section(text: &mut String, keyword: &'static Keyword, path: &mut Vec<&'static str>) {
    let block: Option<&Block> = match keyword.shape {
        Shape::Block(block) => Some(block),
        Shape::Entries | Shape::Line => None,
    };
    if let Some(grammar) = keyword.entry.filter(|_| keyword.synonym_of.is_none()) {
        let macro_name = if path.is_empty() { "SH" } else { "SS" };
        let outer: String = path.iter().map(|p| format!("{p} / ")).collect();
        let _ = writeln!(text, ".{macro_name} {}", escape(&format!("{outer}{}", keyword.name)));
        let _ = writeln!(text, "Lines of\n.IR {} ,\neach with any of these behind it:", escape(grammar.name));
        for option in grammar.keywords {
            item(text, option);
        }
    }
    let Some(block) = block else { return };
    let macro_name = if path.is_empty() { "SH" } else { "SS" };
    path.push(keyword.name);
    let title = path.join(" / ");
    if keyword.synonym_of.is_none() {
        let _ = writeln!(text, ".{macro_name} {}", escape(&title));
        if !keyword.help.is_empty() {
            let _ = writeln!(text, "{}.", escape(&sentence(keyword.help)));
        }
        for inner in block.keywords {
            item(text, inner);
        }
        for inner in block.keywords {
            section(text, inner, path);
        }
    }
    path.pop();
}

fn item(text: &mut String, keyword: &Keyword) {
    let usage = reference::usage(keyword);
    let (name, arguments) = usage.split_once(' ').unwrap_or((&usage, ""));
    text.push_str(".TP\n");
    let _ = match arguments {
        "" => writeln!(text, ".B {}", escape(name)),
        _ => writeln!(text, ".BI {} \"\\~{}\"", escape(name), escape(arguments).replace('"', "\\(dq")),
    };
    if let Some(preferred) = keyword.synonym_of {
        let _ = writeln!(text, "The same as\n.BR {} .", escape(preferred));
        return;
    }
    let mut sentences = vec![sentence(keyword.help)];
    sentences.extend(keyword.args.iter().filter_map(argument));
    if let Some(default) = keyword.default {
        sentences.push(format!("Default: {default}"));
    }
    match keyword.status {
        Status::Done => {}
        Status::Read => sentences.push("Nothing acts on it yet".to_owned()),
    }
    for sentence in sentences.iter().filter(|s| !s.is_empty()) {
        let _ = writeln!(text, "{}.", escape(sentence));
    }
}

fn argument(arg: &Arg) -> Option<String> {
    let words = reference::describe(arg)?;
    let words = words.strip_prefix("on, off").map_or(words.as_str(), |_| "");
    (!words.is_empty()).then(|| format!("{}: {words}", arg.name))
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // What begins with a keyword keeps its letter.
        Some(first) if !text.split_whitespace().next().is_some_and(|word| word.contains('_')) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Text as troff reads it: a `.` at the start of a line would be a request.
fn escape(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
    // groff reads Latin-1 unless it is told otherwise.
    let escaped: String = escaped
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) })
        .collect();
    if escaped.starts_with('.') { format!("\\&{escaped}") } else { escaped }
}
