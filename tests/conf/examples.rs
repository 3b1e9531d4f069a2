//! The files of `examples/`, which people begin with.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use vipd::conf::{Lints, LoadOptions, load_text};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The names of the configurations.
fn names() -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> =
        entries.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".conf")).collect();
    assert!(names.len() > 14, "{names:?}");
    names
}

/// An example, with a line exchanged.
fn with(name: &str, from: &str, to: &str) -> String {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    assert!(text.contains(from), "{name} has no `{from}`");
    text.replace(from, to)
}

/// Everything that is said of a text, hints and all.
fn codes(text: &str) -> Vec<&'static str> {
    let loaded = load_text(
        "keepalived.conf",
        text,
        &LoadOptions { lints: Some(Lints::default()), ..LoadOptions::default() },
    );
    loaded.diagnostics.iter().map(|d| d.code.id).collect()
}

#[test]
fn nothing_is_to_be_said_of_the_examples() {
    for name in names() {
        let file = folder().join(&name);
        let said = super::program::check(&[file.to_str().unwrap()]);
        assert_eq!(said, (Some(0), format!("{}: no problems found\n", file.display())));
    }
}

#[test]
fn the_index_names_each_of_them() {
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    let links = index.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let linked: BTreeSet<String> = links.filter(|l| l.ends_with(".conf")).map(str::to_owned).collect();
    assert_eq!(linked, names());
    // And its links within itself lead somewhere.
    let headings = index.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
    let anchors: BTreeSet<String> = headings.map(anchor).collect();
    let links = index.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links {
        assert!(anchors.contains(link), "#{link}");
    }
}

#[test]
fn what_they_warn_of_is_found() {
    // Mail servers in their clients' network, by NAT; a web farm whose servers have one of their own.
    assert_eq!(codes(&with("mail.conf", "lvs_method DR", "lvs_method NAT")), ["V0834", "V0861"]);
    assert_eq!(codes(&with("web-farm.conf", "# vipd: allow V0834", "")), ["V0834"]);
    let moved = with("web-farm.conf", "10.0.0.1", "192.0.2.1");
    assert!(codes(&moved).contains(&"V0861"), "{:?}", codes(&moved));
}

#[test]
fn the_other_way_of_the_caches_is_as_good() {
    assert_eq!(codes(&with("caches.conf", "lvs_sched lblc", "lvs_sched dh")), [""; 0]);
}
