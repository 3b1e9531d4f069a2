//! The walk over the language: every place where keepalived 2.4.3 takes a keyword, with a line that is right, which must
//! reach the `Config`, and one that is wrong, which must be underlined exactly.
//!
//! The places stand in the tables of `keywords/`, one line each, the cells parted by tabs:
//!
//! 1. the names of the blocks around it, `a/b` (`-`: the top of the file);
//! 2. a right line; `=` before it where it changes nothing by its nature;
//! 3. a wrong line;
//! 4. what is underlined in it;
//! 5. other lines that the block needs, if any;
//! 6. lines that the top of the file needs, if any.
//!
//! `\n` within a cell ends a line. Behind a keyword that vipd carries out, and where no block around it is left undone,
//! stands a line that begins with `>`:
//!
//! 1. the field of the `Config` that code outside of conf reads; `-` where conf itself acts on the keyword, or where it
//!    stands for what holds anyway;
//! 2. a test of what a user sees;
//! 3. with `-`, the reason.

mod file;
pub(crate) mod sample;

use file::write;
use sample::{Sample, samples};
use std::collections::BTreeSet;
use std::path::Path;
use vipd::conf::diagnostic::{Severity, codes};
use vipd::conf::schema::reference;
use vipd::conf::{LoadOptions, Loaded, load};

/// A block's path, and a keyword in it.
type Place = (String, String);

/// Those of the table of keywords.
fn places() -> BTreeSet<Place> {
    reference::places().iter().map(|p| (p.path.join("/"), p.keyword.name.to_owned())).collect()
}

/// The right file of each sample.
pub(crate) fn right_files() -> Vec<String> {
    samples().iter().map(|sample| write(sample, &sample.right)).collect()
}

#[test]
fn the_table_of_keywords_has_every_place_and_no_other() {
    let wanted: BTreeSet<Place> =
        samples().iter().map(|sample| (sample.path.clone(), sample.keyword().to_owned())).collect();
    let known = places();
    let all = reference::places();
    let ours: BTreeSet<&str> = all.iter().filter(|p| p.keyword.ours).map(|p| p.keyword.name).collect();
    // All that stands in a block of ours is ours.
    let is_ours = |p: &reference::Place| p.keyword.ours || p.path.iter().any(|block| ours.contains(block));
    let ours = all.iter().filter(|p| is_ours(p)).count();
    assert_eq!(wanted.len() - ours, 546, "places of keepalived 2.4.3");
    let missing: Vec<&Place> = wanted.difference(&known).collect();
    let invented: Vec<&Place> = known.difference(&wanted).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing: {missing:?}\ninvented: {invented:?}");
}

#[test]
fn every_place_takes_what_is_right_and_underlines_what_is_wrong() {
    let places = places();
    let folder = tempfile::tempdir().unwrap();
    // What the samples include.
    std::fs::write(folder.path().join("included.conf"), "global_defs {\n  router_id included\n}\n").unwrap();
    let mut wrong = Vec::new();
    let mut covered = BTreeSet::new();
    for sample in samples() {
        let place = (sample.path.clone(), sample.keyword().to_owned());
        if !places.contains(&place) {
            wrong.push(format!("{}: there is no such place", sample.at));
            continue;
        }
        match check(&sample, folder.path()) {
            Ok(()) => drop(covered.insert(place)),
            Err(problem) => wrong.push(format!("{}: {}: {problem}", sample.at, sample.keyword())),
        }
    }
    let missing: BTreeSet<&Place> = places.difference(&covered).collect();
    println!("{} places: {} with samples", places.len(), covered.len());
    wrong.extend(missing.iter().map(|place| format!("no sample of {place:?}")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Reads the sample's three files: without its line, with it, and with the wrong one.
fn check(sample: &Sample, folder: &Path) -> Result<(), String> {
    let file = folder.join("keepalived.conf");
    let read = |line: &str| -> (Loaded, String) {
        let text = write(sample, line);
        std::fs::write(&file, &text).unwrap();
        (load(&file, &LoadOptions::default()), text)
    };
    let (without, _) = read("");
    let (right, text) = read(&sample.right);
    for diagnostic in &right.diagnostics {
        // A deprecated keyword may be called so.
        let tolerated = if sample.changes_nothing { Severity::Warning } else { Severity::Hint };
        let expected = [&codes::NOT_CARRIED_OUT, &codes::DEPRECATED];
        if diagnostic.code.severity > tolerated && !expected.contains(&diagnostic.code) {
            let (id, at) = (diagnostic.code.id, right.sources.text(diagnostic.primary.span));
            return Err(format!("the right line: {id} {} at `{at}`\n{text}", diagnostic.message));
        }
    }
    let (Some(with), Some(without)) = (&right.config, &without.config) else {
        return Err(format!("there is no Config\n{text}"));
    };
    if (with == without) != sample.changes_nothing {
        let said = if sample.changes_nothing { "changes" } else { "does not change" };
        return Err(format!("the right line {said} the Config\n{text}"));
    }
    let (loaded, text) = read(&sample.wrong);
    let spans: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|d| d.code != &codes::NOT_CARRIED_OUT)
        .map(|d| format!("{} `{}`", d.code.id, loaded.sources.text(d.primary.span)))
        .collect();
    let wanted = format!(" `{}`", sample.underlined);
    if !spans.iter().any(|said| said.ends_with(&wanted)) {
        return Err(format!("the wrong line: nothing at{wanted}, but {spans:?}\n{text}"));
    }
    Ok(())
}
