//! Makes a sequence of runs that shows a difference as short as it can, and a shell script of it.

use super::generator::{Line, Program};
use std::fmt::Write as _;

/// The shortest sequence found for which `differs` still holds: fewer runs before the last one, then fewer lines in
/// its input, then fewer words in each.
pub(super) fn shrink(mut lines: Vec<Line>, mut differs: impl FnMut(&[Line]) -> bool) -> Vec<Line> {
    let before = lines.len().saturating_sub(1);
    let mut size = before.div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at + 1 < lines.len() {
            let end = (at + size).min(lines.len() - 1);
            let mut fewer = lines.clone();
            fewer.drain(at..end);
            if differs(&fewer) {
                lines = fewer;
            } else {
                at = end;
            }
        }
        size /= 2;
    }
    for n in (0..lines.len()).rev() {
        without_parts(&mut lines, n, &mut differs, input_lines, |line, parts| line.input = parts.concat());
        without_parts(&mut lines, n, &mut differs, |l| l.words.clone(), |line, parts| line.words = parts);
    }
    lines
}

fn input_lines(line: &Line) -> Vec<Vec<u8>> {
    line.input.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
}

/// Takes parts of run `n` away, one after the other, where the difference stays.
fn without_parts(
    lines: &mut Vec<Line>,
    n: usize,
    differs: &mut impl FnMut(&[Line]) -> bool,
    parts: impl Fn(&Line) -> Vec<Vec<u8>>,
    set: impl Fn(&mut Line, Vec<Vec<u8>>),
) {
    let mut left = parts(&lines[n]);
    for at in (0..left.len()).rev() {
        let mut fewer = left.clone();
        fewer.remove(at);
        let mut tried = lines.clone();
        set(&mut tried[n], fewer.clone());
        if differs(&tried) {
            *lines = tried;
            left = fewer;
        }
    }
}

/// Command lines for bash.
pub(super) fn script(lines: &[Line]) -> String {
    let mut script = String::from("ipvsadm -C\n");
    for line in lines {
        if !line.input.is_empty() {
            let _ = write!(script, "printf %s {} | ", quoted(&line.input));
        }
        if line.posix {
            script.push_str("POSIXLY_CORRECT=1 ");
        }
        let _ = write!(script, "LC_ALL={} ", if line.utf8 { "C.UTF-8" } else { "C" });
        let program = match line.program {
            Program::Ipvsadm if line.subcommand => "vipd ipvs",
            program => program.name(),
        };
        script.push_str(program);
        for word in &line.words {
            let _ = write!(script, " {}", quoted(word));
        }
        script.push('\n');
    }
    script
}

/// A word as bash reads it.
fn quoted(word: &[u8]) -> String {
    let harmless = |b: &u8| b.is_ascii_alphanumeric() || b"-_=.:,/[]%+@".contains(b);
    match std::str::from_utf8(word) {
        Ok(text) if !text.is_empty() && word.iter().all(harmless) => text.to_owned(),
        Ok(text) if word.iter().all(|b| matches!(b, b' '..=b'~') && *b != b'\'') => format!("'{text}'"),
        _ => {
            let mut text = String::from("$'");
            for &b in word {
                match b {
                    b'\n' => text.push_str("\\n"),
                    b'\'' | b'\\' => text.extend(['\\', char::from(b)]),
                    b' '..=b'~' => text.push(char::from(b)),
                    other => {
                        let _ = write!(text, "\\{other:03o}");
                    }
                }
            }
            text + "'"
        }
    }
}
