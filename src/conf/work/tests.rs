//! A configuration four times as large is four times the work, and not more.

use super::{count, samples};
use crate::conf::{Lints, LoadOptions, load_text};

const KINDS: [&str; 6] = ["lines", "words", "keywords", "statements", "names", "findings"];

/// Reads a configuration of a size and one so many `times` as large.
fn grows(what: &str, of: fn(usize) -> String, size: usize, times: usize, hints: &[Option<Lints<'_>>]) {
    for lints in hints.iter().copied() {
        let options = LoadOptions { lints, ..LoadOptions::default() };
        let taken = |n: usize| count(|| load_text("keepalived.conf", of(n), &options)).0;
        let (small, great) = (taken(size), taken(times * size));
        for ((kind, small), great) in KINDS.iter().zip(small).zip(great) {
            // What is the same for every file may be more than nothing; a square would be `times` as much again.
            assert!(
                great <= (times + 1) as u64 * small + 50,
                "{what}, hints {}: {small} {kind} became {great}",
                lints.is_some()
            );
        }
        assert!(small[1] > 0 && small[2] > 0 && small[3] > 0 && small[4] > 0, "{what}: {small:?}");
    }
}

#[test]
fn four_times_the_configuration_is_four_times_the_work() {
    let both = [None, Some(Lints::default())];
    grows("large", samples::large, 60, 4, &both);
    grows("wide", samples::wide, 200, 4, &both);
    grows("sequence", samples::sequence, 200, 4, &both);
    grows("parameters", samples::parameters, 100, 4, &both);
    // Beyond the number of findings that are kept.
    grows("wrong", samples::wrong, 400, 4, &both);
}

#[test]
fn all_65024_instances_of_the_manual_page_are_16_times_the_work_of_4064() {
    grows("example", samples::example, 2, 16, &[None]);
}
