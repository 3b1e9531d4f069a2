//! A short run of what `make fuzz` does for long: the same texts each time.

#[path = "../../fuzz/checks.rs"]
mod checks;
#[path = "../../fuzz/material.rs"]
mod material;
#[path = "../../fuzz/mutate.rs"]
mod mutate;

use std::path::Path;

const TEXTS: u64 = 2000;

fn each(check: impl Fn(&[u8])) {
    let texts = material::texts(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert!(texts.len() > 200);
    for text in &texts {
        check(text);
    }
    let words = material::words();
    for number in 0..TEXTS {
        check(&mutate::text(number, &texts, &words));
    }
}

#[test]
fn whatever_is_read_ends_with_a_configuration_or_the_reason_why_not() {
    each(checks::parse);
}

#[test]
fn whatever_is_formatted_means_the_same_and_stays_so() {
    each(checks::fmt);
}
