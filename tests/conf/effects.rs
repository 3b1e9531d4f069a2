//! A keyword is done when something acts on it: each one whose status says so has a field of the `Config` that code
//! outside of `conf` reads, and a test of what a user sees. The tables of `keywords/` name both.

use crate::keywords::sample::{Effect, Sample, samples};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use vipd::conf::schema::Status;
use vipd::conf::schema::reference::{self, Place};

/// What the tables say, by block and keyword.
fn effects() -> BTreeMap<(String, String), Effect> {
    let effect = |sample: Sample| Some(((sample.path.clone(), sample.keyword().to_owned()), sample.effect?));
    samples().into_iter().filter_map(effect).collect()
}

/// Places that are carried out by their own status, and by that of each block around them. Other spellings of a
/// keyword become the same field.
fn done() -> BTreeSet<(String, &'static str)> {
    let all = reference::places();
    let is_done = |path: &[&str], name: &str| {
        all.iter().any(|p| p.path == path && p.keyword.name == name && p.keyword.status == Status::Done)
    };
    let carried_out = |place: &&Place| {
        let within = |depth: usize| is_done(&place.path[..depth], place.path[depth]);
        place.keyword.status == Status::Done
            && place.keyword.synonym_of.is_none()
            && (0..place.path.len()).all(within)
    };
    all.iter().filter(carried_out).map(|p| (p.path.join("/"), p.keyword.name)).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The text of all files below these folders that this says yes to.
fn text_of(folders: &[&str], wanted: impl Fn(&str) -> bool) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    folders.iter().for_each(|folder| sources(&root.join(folder), &mut files));
    let name = |file: &PathBuf| file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    files.iter().filter(|file| wanted(&name(file))).map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// Code that acts: not the readers of the language, not the declarations of the `Config`, no tests.
fn acts(file: &str) -> bool {
    let declares = file.contains("/config/") || file.ends_with("config.rs");
    let is_test = file.ends_with("tests.rs") || file.contains("/tests/");
    !(file.starts_with("src/conf/") || file.starts_with("src/lsp/") || declares || is_test)
}

/// Whether a field is read: `.field` that is not a call.
fn reads(code: &str, field: &str) -> bool {
    let wanted = format!(".{field}");
    code.match_indices(&wanted).any(|(at, _)| {
        let behind = code[at + wanted.len()..].chars().next();
        behind.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '('))
    })
}

#[test]
fn what_counts_as_carried_out_has_an_effect_and_a_test_of_it() {
    let effects = effects();
    let done = done();
    let code = text_of(&["src"], acts);
    let tests = text_of(&["src", "tests"], |_| true);
    let mut wrong = Vec::new();
    for (block, keyword) in &done {
        let place = format!("{block}/{keyword}");
        let Some(effect) = effects.get(&(block.clone(), (*keyword).to_owned())) else {
            wrong.push(format!(
                "{place} counts as carried out: its sample in tests/conf/keywords must say how"
            ));
            continue;
        };
        match (effect.field.as_str(), effect.reason.as_ref()) {
            ("-", None) => wrong.push(format!("{place}: no field, and no reason why")),
            ("-", Some(_)) => {}
            (field, _) if reads(&code, field) => {}
            (field, _) => wrong.push(format!("{place}: no code outside of conf reads the field `{field}`")),
        }
        // Those in namespaces have their names in a text, often behind their module's.
        let names =
            [format!("fn {}(", effect.test), format!("\"{}\"", effect.test), format!("::{}\"", effect.test)];
        if !names.iter().any(|name| tests.contains(name)) {
            wrong.push(format!("{place}: there is no test `{}`", effect.test));
        }
    }
    let idle = effects.keys().filter(|(block, keyword)| !done.contains(&(block.clone(), keyword.as_str())));
    wrong.extend(idle.map(|(block, keyword)| format!("{block}/{keyword}: does not count as carried out")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_field_is_read_where_its_whole_name_stands() {
    assert!(reads("if config.omega {", "omega") && reads("x.omega.then(y)", "omega"));
    assert!(
        !reads("x.omega_two", "omega") && !reads("x.omega()", "omega") && !reads("omega: false", "omega")
    );
}
