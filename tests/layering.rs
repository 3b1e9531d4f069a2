//! Holds the imports of `src/` against the table of modules in `src/lib.rs`: downward only, never in a circle; and the
//! machines against the promise that they do no I/O.

#![allow(clippy::unwrap_used, reason = "a source that can not be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import besides itself and the plain values.
const MODULES: &[(&str, &[&str])] = &[
    ("cli", &["lsp", "daemon", "conf", "check", "vrrp", "ipvs", "netlink", "sys"]),
    // Calls every decoder, for tests.
    ("fuzzing", &["daemon", "conf", "check", "vrrp", "ipvs", "netlink"]),
    // What a text means is the language's to say.
    ("lsp", &["conf"]),
    ("daemon", &["state", "conf", "check", "vrrp", "ipvs", "netlink", "sys"]),
    ("state", &["conf", "check", "vrrp", "ipvs::model"]),
    // The language knows what the domains want, not how they work.
    (
        "conf",
        &[
            "check::config",
            "vrrp::config",
            "bfd::config",
            "check::Config",
            "vrrp::Config",
            "bfd::Config",
            "ipvs::model",
            // Reading the files that are named is all that it asks of the system.
            "sys::input",
            // A regular expression is right if PCRE2 says so.
            "sys::pattern",
        ],
    ),
    // The desired table and the way to it are values; the client is not theirs.
    // PCRE2 does no I/O.
    ("check", &["ipvs::model", "ipvs::plan", "sys::pattern"]),
    ("vrrp", &[]),
    ("bfd", &[]),
    ("ipvs", &["netlink", "sys"]),
    ("netlink", &["sys"]),
    ("sys", &[]),
    ("net", &[]),
    ("command", &[]),
    ("mail", &[]),
    ("raw", &[]),
    ("run", &["command"]),
    ("time", &[]),
    ("wire", &[]),
];

/// Plain values that every module speaks of.
const VALUES: &[&str] = &["net", "command", "mail", "raw", "run", "time", "wire"];

/// What a machine never names: it is told what happened and when, and says what to do.
const IMPURE: &[&str] = &[
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::os::",
    "std::fs",
    "std::thread",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "Instant::now",
    "SystemTime",
    "tokio",
    "socket2",
    "nix::",
    "netlink_",
    "neli",
];

#[test]
fn imports_go_downward_only() {
    let mut wrong = Vec::new();
    for file in sources() {
        let Some(module) = file.layer() else { continue };
        let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: module {module} is not in the table", file.name));
            continue;
        };
        for import in file.imports() {
            let target = import.split("::").next().unwrap_or_default();
            let granted = |rule: &&&str| {
                import.strip_prefix(**rule).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
                    // `use crate::check;` to name `check::Config` is how the contract is written.
                    || rule.strip_suffix("::Config").is_some_and(|module| module == import && file.names(rule))
            };
            if target != module && !VALUES.contains(&target) && !allowed.iter().any(|rule| granted(&rule)) {
                wrong.push(format!("{}: {module} must not import crate::{import}", file.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_of_a_module_do_not_import_each_other_in_a_circle() {
    // A module and what is below it count as one; a mod.rs may re-export what is below it.
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let files = sources();
    let modules: BTreeSet<String> = files.iter().map(Source::module).collect();
    for file in &files {
        let from = file.module();
        for import in file.imports() {
            let mut target = import.as_str();
            // The longest prefix that is a module: what follows is an item.
            while !modules.contains(target) {
                match target.rsplit_once("::") {
                    Some((shorter, _)) => target = shorter,
                    None => break,
                }
            }
            let related =
                target.starts_with(&format!("{from}::")) || from.starts_with(&format!("{target}::"));
            if target != from && !related && modules.contains(target) {
                edges.entry(from.clone()).or_default().insert(target.to_owned());
            }
        }
    }
    let mut done = BTreeSet::new();
    for module in edges.keys() {
        let mut path = Vec::new();
        if let Some(circle) = circle(module, &edges, &mut path, &mut done) {
            panic!("modules import each other in a circle: {}", circle.join(" -> "));
        }
    }
}

#[test]
fn machines_name_no_socket_no_clock_no_runtime() {
    let mut wrong = Vec::new();
    for file in sources().iter().filter(|file| matches!(file.layer().as_deref(), Some("vrrp" | "check"))) {
        for (number, line) in file.code().lines().enumerate() {
            // The kernel's numbers are values; its functions are not.
            let calls = |(at, _): (usize, &str)| line[at + 6..].starts_with(|c: char| c.is_lowercase());
            if line.match_indices("libc::").any(calls) {
                wrong.push(format!("{}:{}: libc", file.name, number + 1));
            }
            for word in IMPURE {
                if line.contains(word) {
                    wrong.push(format!("{}:{}: {word}", file.name, number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_lives_with_the_system_alone() {
    let outside = |file: &&Source| !matches!(file.layer().as_deref(), Some("sys" | "netlink"));
    let wrong: Vec<String> = sources()
        .iter()
        .filter(outside)
        .filter(|file| file.code().contains("allow(unsafe_code)"))
        .map(|file| file.name.clone())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_reader_of_imports_understands_rusts_forms() {
    let file = Source {
        name: "a/b.rs".to_owned(),
        path: PathBuf::from("a/b.rs"),
        text: "use crate::net::IpNet;\npub use crate::{check, vrrp::{config::Config, packet as p}};\n\
               fn f() { crate::wire::g(); } // crate::comment::h\nuse super::c::D;\n\
               #[cfg(test)]\nmod tests { use crate::late::T; }\n"
            .to_owned(),
    };
    let expected = ["net::IpNet", "check", "vrrp::config::Config", "vrrp::packet", "wire::g", "a::c::D"];
    assert_eq!(file.imports(), BTreeSet::from(expected.map(str::to_owned)));
}

struct Source {
    name: String,
    path: PathBuf,
    text: String,
}

fn sources() -> Vec<Source> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inner = path.strip_prefix(root).unwrap().to_owned();
                // Tests may look anywhere.
                if !inner.components().any(|part| {
                    matches!(part.as_os_str().to_str(), Some("tests.rs" | "tests" | "testing.rs"))
                }) {
                    let text = fs::read_to_string(&path).unwrap();
                    found.push(Source { name: format!("src/{}", inner.display()), path: inner, text });
                }
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found
}

impl Source {
    /// `None` for lib.rs and main.rs, which belong to no module.
    fn layer(&self) -> Option<String> {
        let module = self.module();
        let layer = module.split("::").next().unwrap_or_default();
        (!matches!(layer, "" | "lib" | "main")).then(|| layer.to_owned())
    }

    /// `vrrp::packet` for src/vrrp/packet.rs and src/vrrp/packet/mod.rs.
    fn module(&self) -> String {
        let parts = self.path.with_extension("");
        let parts = parts.iter().filter_map(|part| part.to_str()).filter(|part| *part != "mod");
        parts.collect::<Vec<_>>().join("::")
    }

    /// The text without comments and without the unit tests at its end.
    fn code(&self) -> String {
        let end = self.text.find("#[cfg(test)]\nmod tests").unwrap_or(self.text.len());
        let bare = |line: &str| line.split_once("//").map_or(line, |(code, _)| code).to_owned();
        self.text[..end].lines().map(bare).collect::<Vec<_>>().join("\n")
    }

    fn names(&self, path: &str) -> bool {
        self.code().contains(path)
    }

    /// Every path into the crate that the code names, from the crate's root on.
    fn imports(&self) -> BTreeSet<String> {
        let code = self.code();
        let mut found = BTreeSet::new();
        for (at, _) in code.match_indices("crate::") {
            let private = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
            if !private {
                expand("", &code[at + "crate::".len()..], &mut found);
            }
        }
        let module = self.module();
        for (at, _) in code.match_indices("use super::") {
            let mut rest = &code[at + "use ".len()..];
            let mut base: Vec<&str> = module.split("::").collect();
            while let Some(upper) = rest.strip_prefix("super::") {
                base.pop();
                rest = upper;
            }
            let prefix = base.iter().map(|part| format!("{part}::")).collect::<String>();
            expand(&prefix, rest, &mut found);
        }
        found
    }
}

/// Follows a path, and each branch of its braces, to its end.
fn expand<'a>(prefix: &str, text: &'a str, found: &mut BTreeSet<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let before = rest.len();
            rest = expand(prefix, rest, found).trim_start();
            // `name as other`
            if rest.starts_with("as ") {
                rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
            }
            rest = rest.strip_prefix(',').unwrap_or(rest);
            if rest.len() == before || rest.is_empty() {
                return rest;
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        Some(deeper) if !word.is_empty() => expand(&format!("{prefix}{word}::"), deeper, found),
        _ => {
            let path = format!("{prefix}{word}");
            let path = path.trim_end_matches("::").trim_end_matches("::self");
            if !path.is_empty() {
                found.insert(path.to_owned());
            }
            rest
        }
    }
}

fn circle<'a>(
    at: &'a str,
    edges: &'a BTreeMap<String, BTreeSet<String>>,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(start) = path.iter().position(|module| *module == at) {
        let mut circle = path[start..].to_vec();
        circle.push(at);
        return Some(circle);
    }
    if done.contains(at) {
        return None;
    }
    path.push(at);
    for next in edges.get(at).into_iter().flatten() {
        if let Some(found) = circle(next, edges, path, done) {
            return Some(found);
        }
    }
    path.pop();
    done.insert(at);
    None
}
