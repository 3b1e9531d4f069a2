//! `docs/conformance.md`: each requirement has a test that is there, or a reason why not.

#![allow(clippy::unwrap_used, reason = "a source that can not be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The functions of all sources below.
fn functions(folder: &Path, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| {
                let (_, rest) = line.trim_start().trim_start_matches("pub(crate) ").split_once("fn ")?;
                Some(rest.split(['(', '<']).next()?.to_owned())
            });
            all.extend(names);
        }
    }
}

#[test]
fn every_requirement_has_a_test_that_is_there_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for folder in ["src", "tests"] {
        functions(&root.join(folder), &mut known);
    }
    let text = fs::read_to_string(root.join("docs/conformance.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| § "));
    let (mut count, mut wrong) = (0, Vec::new());
    for row in rows {
        count += 1;
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, kind, test] = cells[..] else {
            wrong.push(format!("not four cells: {row}"));
            continue;
        };
        if !["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"].contains(&kind) {
            wrong.push(format!("{kind} is no word of RFC 2119: {row}"));
        }
        if test.strip_prefix('—').is_some_and(|reason| reason.trim().len() > 10) {
            continue;
        }
        let named: Vec<&str> = test.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            wrong.push(format!("neither a test nor a reason: {row}"));
        }
        let missing = named.iter().filter(|name| !known.contains(**name));
        wrong.extend(missing.map(|name| format!("there is no test {name}: {row}")));
    }
    assert!(count > 50, "{count} requirements");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
