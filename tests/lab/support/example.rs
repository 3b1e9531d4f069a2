//! The files of `examples/`, for tests that play them.

use std::fs;
use std::path::Path;

/// A file of `examples/`, with each of these pairs exchanged as a user is told to.
///
/// # Panics
/// When one of them is not in it.
#[track_caller]
pub(crate) fn example(name: &str, changes: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let mut text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no `{from}`");
        text = text.replace(from, to);
    }
    text
}
