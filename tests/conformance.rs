//! `docs/conformance.md`: each requirement has a test that is there, or a reason why not.

#![allow(clippy::unwrap_used, reason = "a source that can not be read fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The tests of all sources below: functions that are marked as such, or all, where stories are functions in a list.
fn tests(folder: &Path, unmarked: bool, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, unmarked, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim_start) {
                is_test |= line == "#[test]";
                let Some((_, rest)) = line.trim_start_matches("pub(crate) ").split_once("fn ") else {
                    continue;
                };
                if std::mem::take(&mut is_test) || unmarked {
                    all.extend(rest.split(['(', '<']).next().map(str::to_owned));
                }
            }
        }
    }
}

#[test]
fn every_requirement_has_a_test_that_is_there_or_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for (folder, unmarked) in [("src", false), ("tests", false), ("tests/net", true)] {
        tests(&root.join(folder), unmarked, &mut known);
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
        let is_reason = test.strip_prefix('—').is_some_and(|reason| reason.trim().len() > 10);
        let mut named: Vec<&str> = test.split('`').skip(1).step_by(2).collect();
        if is_reason {
            // Keywords are shorter.
            named.retain(|name| name.matches('_').count() > 3);
        } else if named.is_empty() {
            wrong.push(format!("neither a test nor a reason: {row}"));
        }
        let missing = named.iter().filter(|name| !known.contains(**name));
        wrong.extend(missing.map(|name| format!("there is no test {name}: {row}")));
    }
    assert!(count > 100, "{count} requirements");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
