//! File names as the C library's `glob(3)` finds them, with csh braces, and what was missed on the way.
//!
//! Written out here because what is missed decides whether an include is an error (`includem`, `includeb`), because
//! `**` means no more than `*`, and because braces are part of it: no crate at hand does all three.

use crate::raw;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The most patterns that braces may expand to.
const MAX_PATTERNS: usize = 4096;

/// The longest pattern: no path is longer.
const MAX_PATTERN_BYTES: usize = 4096;

/// What came of a pattern.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the order of the braces, and sorted within each.
    pub(super) paths: Vec<PathBuf>,
    /// A name without wildcards that does not exist, or a directory to be searched that can't be.
    pub(super) missing: Vec<PathBuf>,
    /// There was a `*`, `?` or `[`.
    pub(super) wildcards: bool,
    /// There was a brace.
    pub(super) braces: bool,
    /// The braces expand to too many patterns; nothing was looked for.
    pub(super) too_many: bool,
}

/// Looks for files. Relative patterns are relative to `base`.
pub(super) fn find(pattern: &str, base: &Path) -> Found {
    let mut found = Found { braces: has_brace(pattern), ..Found::default() };
    let patterns = if pattern.len() > MAX_PATTERN_BYTES { None } else { braces(pattern) };
    let Some(patterns) = patterns else {
        found.too_many = true;
        return found;
    };
    for pattern in patterns {
        let from = found.paths.len();
        search(&pattern, base, &mut found);
        found.paths[from..].sort();
    }
    found
}

fn has_brace(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.chars().any(|c| {
        let plain = !escaped;
        escaped = plain && c == '\\';
        plain && c == '{'
    })
}

/// `a{b,c}d` is `abd` and `acd`; braces may hold braces. A brace that is not closed is itself. `None`: too many.
fn braces(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        if done.len() + open.len() > MAX_PATTERNS {
            return None;
        }
        match first_brace(&pattern) {
            None => done.push(pattern),
            Some((start, commas, end)) => {
                let mut from = start + 1;
                let mut parts = Vec::new();
                for to in commas.into_iter().chain([end]) {
                    parts.push(format!("{}{}{}", &pattern[..start], &pattern[from..to], &pattern[end + 1..]));
                    from = to + 1;
                }
                open.extend(parts.into_iter().rev());
            }
        }
    }
    Some(done)
}

/// The first brace that is closed: its offset, those of its commas, and that of its end. `{}` is none.
fn first_brace(pattern: &str) -> Option<(usize, Vec<usize>, usize)> {
    let bytes = pattern.as_bytes();
    let mut from = 0;
    loop {
        let mut start = None;
        let mut depth = 0_usize;
        let mut commas = Vec::new();
        let mut i = from;
        while let Some(b) = bytes.get(i) {
            match b {
                b'\\' => i += 1,
                b'{' if start.is_none() && bytes.get(i + 1) == Some(&b'}') => i += 1,
                b'{' => {
                    start.get_or_insert(i);
                    depth += 1;
                }
                b',' if depth == 1 => commas.push(i),
                b'}' if depth == 1 => return Some((start?, commas, i)),
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            i += 1;
        }
        // It is not closed: perhaps one behind it is.
        from = start? + 1;
    }
}

fn search(pattern: &str, base: &Path, found: &mut Found) {
    let absolute = pattern.starts_with('/');
    let mut paths = vec![if absolute { PathBuf::from("/") } else { PathBuf::new() }];
    let names: Vec<&str> = pattern.split('/').filter(|n| !n.is_empty()).collect();
    if names.is_empty() && !absolute {
        found.missing.push(raw::path(pattern));
        return;
    }
    for (i, name) in names.iter().enumerate() {
        let last = i + 1 == names.len();
        let mut next = Vec::new();
        let wild = is_wild(name);
        let after_wildcard = names[..i].iter().any(|n| is_wild(n));
        found.wildcards |= wild;
        for path in &paths {
            if !wild {
                let path = path.join(raw::path(&unescape(name)));
                if !last || base.join(&path).symlink_metadata().is_ok() {
                    next.push(path);
                } else {
                    found.missing.push(path);
                }
                continue;
            }
            match entries(&base.join(path)) {
                Ok(entries) => {
                    let fits = entries.iter().filter(|e| matches(&raw::bytes(name), e.as_bytes()));
                    next.extend(fits.map(|e| path.join(e)));
                }
                // A wildcard may match something that is no directory; only names without wildcards count as missing.
                Err(_) if after_wildcard => {}
                Err(_) => found.missing.push(path.clone()),
            }
        }
        paths = next;
    }
    found.paths.extend(paths);
}

fn entries(directory: &Path) -> io::Result<Vec<OsString>> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name());
    }
    Ok(names)
}

fn is_wild(name: &str) -> bool {
    let mut escaped = false;
    name.chars().any(|c| {
        let plain = !escaped;
        escaped = plain && c == '\\';
        plain && matches!(c, '*' | '?' | '[')
    })
}

fn unescape(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    text
}

/// Whether a name fits a pattern of one path component. A leading dot must be written.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    // On a mismatch, the last star takes one byte more: no star before it needs to be tried again.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let one = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(_) => one(&pattern[p..], name[n]),
            None => None,
        };
        match (one, star) {
            (Some(length), _) => {
                p += length;
                n += 1;
            }
            (None, Some((at, from))) => {
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// Matches one byte; the length of what it took of the pattern.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match (pattern[0], pattern.get(1)) {
        (b'?', _) => Some(1),
        (b'\\', Some(&escaped)) => (escaped == byte).then_some(2),
        (b'[', _) => match class(pattern, byte) {
            Some((length, fits)) => fits.then_some(length),
            None => (byte == b'[').then_some(1),
        },
        (literal, _) => (literal == byte).then_some(1),
    }
}

/// `[a-z]`, `[!a-z]`: its length, and whether the byte is in it; `None` if it is not closed.
fn class(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let mut i = first;
    let mut fits = false;
    loop {
        let from = *pattern.get(i)?;
        if from == b']' && i > first {
            return Some((i + 1, fits != negated));
        }
        match (pattern.get(i + 1), pattern.get(i + 2)) {
            (Some(b'-'), Some(&to)) if to != b']' => {
                fits |= (from..=to).contains(&byte);
                i += 3;
            }
            _ => {
                fits |= from == byte;
                i += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_those_of_csh() {
        let all = |pattern| braces(pattern).unwrap();
        assert_eq!(all("a"), ["a"]);
        assert_eq!(all("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(all("{foo/{,cat,dog},bar}"), ["foo/", "foo/cat", "foo/dog", "bar"]);
        assert_eq!(all("{a,b}{1,2}"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(all("a{b"), ["a{b"]);
        assert_eq!(all("a{b{c,d}"), ["a{bc", "a{bd"]);
        assert_eq!(all("{}a\\{b,c}"), ["{}a\\{b,c}"]);
        assert_eq!(braces(&"{a,b}".repeat(40)), None);
        assert_eq!(all(&"{".repeat(2000)).len(), 1);
    }

    #[test]
    fn names_fit_as_in_a_shell() {
        let fits = |p: &str, n: &str| matches(p.as_bytes(), n.as_bytes());
        assert!(fits("*.conf", "a.conf") && fits("*", "a") && fits("a?c", "abc") && fits("a*b*c", "axxbyyc"));
        assert!(fits("[a-c]x", "bx") && fits("[!a-c]x", "dx") && fits("[]a]", "]") && fits("\\*", "*"));
        assert!(
            !fits("*.conf", ".a.conf") && fits(".*", ".a") && !fits("*.conf", "a.config") && !fits("", "a")
        );
        assert!(!fits("[a-c]x", "dx") && fits("[a", "[a") && !fits("\\*", "a"));
        assert!(!fits(&"a*".repeat(200), &"a".repeat(199)), "and it takes no long time");
    }

    #[test]
    fn what_is_missed_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".hidden.conf", "x.txt"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/c.conf"), "").unwrap();
        let look = |pattern: &str| {
            let found = find(pattern, dir.path());
            let shown = |p: &PathBuf| p.display().to_string();
            let paths: Vec<_> = found.paths.iter().map(shown).collect();
            (paths.join(" "), found.missing.iter().map(shown).collect::<Vec<_>>().join(" "))
        };
        let is = |paths: &str, missing: &str| (paths.to_owned(), missing.to_owned());
        assert_eq!(look("*.conf"), is("a.conf b.conf", ""));
        assert_eq!(look("{x.txt,*.conf}"), is("x.txt a.conf b.conf", ""));
        assert_eq!(look("{a,z}.conf"), is("a.conf", "z.conf"));
        assert_eq!(look("*/*.conf"), is("d/c.conf", ""));
        assert_eq!(look("d/../a.conf"), is("d/../a.conf", ""));
        assert_eq!(look("none/*.conf"), is("", "none"));
        assert_eq!(look("none.conf"), is("", "none.conf"));
        let absolute = format!("{}/x.*", dir.path().display());
        assert_eq!(look(&absolute), is(&format!("{}/x.txt", dir.path().display()), ""));
    }
}
