//! `umask`: a number, or the names of the bits.

use super::super::Lower;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::number::unsigned;
use crate::conf::tree::Statement;

/// The bits that keepalived names, as in `<sys/stat.h>` without the `S_`.
const BITS: &[(&str, u32)] = &[
    ("IRUSR", 0o400),
    ("IWUSR", 0o200),
    ("IXUSR", 0o100),
    ("IRWXU", 0o700),
    ("IRGRP", 0o040),
    ("IWGRP", 0o020),
    ("IXGRP", 0o010),
    ("IRWXG", 0o070),
    ("IROTH", 0o004),
    ("IWOTH", 0o002),
    ("IXOTH", 0o001),
    ("IRWXO", 0o007),
];

/// Reads it; `|` may stand with or without blanks around it.
pub(super) fn read(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<u32> {
    let (_, first) = cx.argument(statement, 0)?;
    let words = cx.words(statement).get(1..).unwrap_or_default();
    if first.text.starts_with(|c: char| c.is_ascii_digit()) {
        if let Some(extra) = words.get(1) {
            cx.report(
                &codes::TOO_MANY_ARGUMENTS,
                extra.span,
                "`umask` takes one number; with more it has no effect",
            );
            return None;
        }
        return number(cx, first);
    }
    let (mut mask, mut wants_bit) = (0, true);
    for word in words {
        let mut rest = word.text.as_ref();
        while !rest.is_empty() {
            if !wants_bit {
                let Some(next) = rest.strip_prefix('|') else {
                    let message = format!("`|` is missing before `{rest}`");
                    cx.report(&codes::BAD_CHOICE, word.span, message);
                    return None;
                };
                (rest, wants_bit) = (next, true);
                continue;
            }
            let Some((name, bit)) = BITS.iter().find(|(name, _)| rest.starts_with(name)) else {
                let unknown = rest.split('|').next().unwrap_or(rest);
                let message = format!("`{unknown}` is no bit of a umask");
                let diagnostic = Diagnostic::new(&codes::BAD_CHOICE, word.span, message);
                cx.sink
                    .push(diagnostic.label(
                        "expected a number, or I, R, W, X or RWX, and USR, GRP or OTH: `IWGRP|IWOTH`",
                    ));
                return None;
            };
            mask |= bit;
            (rest, wants_bit) = (&rest[name.len()..], false);
        }
    }
    if wants_bit {
        let at = words.last().map_or(statement.span, |w| w.span);
        cx.report(&codes::BAD_CHOICE, at, "a bit is missing behind this `|`");
        return None;
    }
    Some(mask)
}

/// As in C: `0x` before a hexadecimal number, `0` before an octal one, decimal otherwise.
fn number(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<u32> {
    let text = word.text.as_ref();
    match unsigned(text) {
        Some(mask @ ..=0o777) => Some(mask as u32),
        Some(_) => {
            let diagnostic = Diagnostic::new(
                &codes::OUT_OF_RANGE,
                word.span,
                format!("`{text}` has bits that are none of a file's permissions"),
            );
            cx.sink.push(diagnostic.label("expected at most 0777; octal numbers begin with 0"));
            None
        }
        None => {
            let diagnostic =
                Diagnostic::new(&codes::BAD_NUMBER, word.span, format!("`{text}` is not a whole number"));
            cx.sink.push(diagnostic.label("expected an octal number such as 022"));
            None
        }
    }
}
