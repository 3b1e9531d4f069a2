//! What differs from keepalived on purpose, as edits of its transcript: afterwards it says what vipd is to do. The reasons
//! stand in `docs/differences.md`.

use super::super::director::Implementation::{self, Keepalived};

/// The lines of keepalived at this pause that begin with one of these are left out.
pub(crate) fn unsaid(program: Implementation, text: String, pause: &str, beginnings: &[&str]) -> String {
    at(program, text, pause, |line| {
        let is_said = !beginnings.iter().any(|beginning| line.starts_with(beginning));
        is_said.then(|| line.to_owned())
    })
}

/// In keepalived's lines at this pause one text stands for another.
pub(crate) fn otherwise(
    program: Implementation,
    text: String,
    pause: &str,
    theirs: &str,
    ours: &str,
) -> String {
    at(program, text, pause, |line| Some(line.replace(theirs, ours)))
}

/// keepalived's lines at this pause, or at all of them (`*`), one by one.
fn at(program: Implementation, text: String, pause: &str, edit: impl Fn(&str) -> Option<String>) -> String {
    if program != Keepalived {
        return text;
    }
    let mut is_there = pause == "*";
    let mut edited = String::with_capacity(text.len());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            is_there = pause == "*" || name == pause;
        }
        let line = if is_there { edit(line) } else { Some(line.to_owned()) };
        if let Some(line) = line {
            edited += &line;
            edited.push('\n');
        }
    }
    edited
}
