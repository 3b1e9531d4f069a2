//! The tables of samples.

use std::fs;
use std::path::Path;

/// One line of a table.
#[derive(Debug)]
pub(crate) struct Sample {
    /// Where it is written: `globals.tsv:12`.
    pub(crate) at: String,
    /// The blocks around it, `a/b`; empty for the top of the file.
    pub(crate) path: String,
    pub(super) right: String,
    /// The right line has no effect by its nature.
    pub(super) changes_nothing: bool,
    pub(super) wrong: String,
    pub(super) underlined: String,
    /// Other lines of the block.
    pub(super) beside: String,
    /// Other lines of the file.
    pub(super) above: String,
    /// What vipd does about the keyword.
    pub(crate) effect: Option<Effect>,
}

/// What stands behind a sample's `>`.
#[derive(Debug)]
pub(crate) struct Effect {
    pub(crate) field: String,
    pub(crate) test: String,
    pub(crate) reason: Option<String>,
}

impl Sample {
    pub(crate) fn keyword(&self) -> &str {
        first_word(&self.right)
    }
}

/// What a line is about.
pub(super) fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// All samples of all tables.
pub(crate) fn samples() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conf/keywords");
    let mut tables: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    tables.sort();
    let mut found = Vec::new();
    for table in tables {
        let name = table.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".tsv") {
            continue;
        }
        for (number, line) in fs::read_to_string(&table).unwrap().lines().enumerate() {
            let at = format!("{name}:{}", number + 1);
            if let Some(effect) = line.strip_prefix(">\t") {
                let sample: &mut Sample = found.last_mut().unwrap_or_else(|| panic!("{at}: of what?"));
                assert!(sample.effect.replace(self::effect(effect)).is_none(), "{at}: a second effect");
            } else if !line.is_empty() && !line.starts_with('#') {
                found.push(sample(at, line));
            }
        }
    }
    found
}

fn effect(line: &str) -> Effect {
    let cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
    let [field, test, rest @ ..] = cells.as_slice() else { panic!("two cells at least: {line}") };
    Effect { field: field.clone(), test: test.clone(), reason: rest.first().cloned() }
}

fn sample(at: String, line: &str) -> Sample {
    let cells: Vec<String> = line.split('\t').map(|cell| cell.replace("\\n", "\n")).collect();
    let [path, right, wrong, underlined, rest @ ..] = cells.as_slice() else {
        panic!("{at}: four cells at least: {line}");
    };
    let rest = |i: usize| rest.get(i).cloned().unwrap_or_default();
    let changes_nothing = right.starts_with('=');
    Sample {
        at,
        path: if path == "-" { String::new() } else { path.clone() },
        right: right.trim_start_matches('=').trim_start().to_owned(),
        changes_nothing,
        wrong: wrong.clone(),
        underlined: underlined.clone(),
        beside: rest(0),
        above: rest(1),
        effect: None,
    }
}
