//! Mistakes that people make, and what they are told: a snapshot for each file in `err/`.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use vipd::command::RunAs;
use vipd::conf::diagnostic::render::{self, Colour};
use vipd::conf::script::{Examined, ScriptHost, UnknownAccount};
use vipd::conf::{LoadOptions, Loaded, load, load_text};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conf").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

/// All that is said, in both forms, and the exit status of `keepalived -t`.
fn said(loaded: &Loaded) -> String {
    let mut text = String::new();
    for diagnostic in &loaded.diagnostics {
        writeln!(text, "{}", render::rich(diagnostic, &loaded.sources, Colour::Never)).unwrap();
    }
    for diagnostic in &loaded.diagnostics {
        writeln!(text, "{}", render::line(diagnostic, &loaded.sources)).unwrap();
    }
    let runs = if loaded.config.is_some() { "runs" } else { "does not run" };
    writeln!(text, "status {}, {runs}", loaded.test_status()).unwrap();
    text
}

#[test]
fn every_mistake_is_explained() {
    let files = files("err");
    assert!(files.len() >= 100, "{} files", files.len());
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let shown = path.file_name().unwrap().to_str().unwrap();
        let loaded = load_text(shown, fs::read(&path).unwrap(), &LoadOptions::default());
        assert!(!loaded.diagnostics.is_empty(), "{shown}");
        insta::assert_snapshot!(name, said(&loaded));
    }
}

/// A machine with the users root and nobody, and a script that others than root can change.
struct Host;

impl ScriptHost for Host {
    fn account(&self, run_as: &RunAs) -> Result<(), UnknownAccount> {
        if matches!(run_as.user.as_str(), "root" | "nobody") { Ok(()) } else { Err(UnknownAccount::User) }
    }

    fn examine(&self, program: &str, _: Option<&RunAs>) -> Examined {
        match program {
            "/usr/bin/true" => Examined::Script { executable: true, insecure: false },
            "/srv/www/check.sh" => Examined::Script { executable: true, insecure: true },
            _ => Examined::Missing,
        }
    }
}

#[test]
fn every_mistake_with_scripts_of_this_machine_is_explained() {
    for path in files("err_scripts") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let shown = path.file_name().unwrap().to_str().unwrap();
        let options = LoadOptions { scripts: Some(&Host), ..LoadOptions::default() };
        let loaded = load_text(shown, fs::read(&path).unwrap(), &options);
        insta::assert_snapshot!(name, said(&loaded));
    }
}

#[test]
fn what_can_not_be_read_is_named() {
    for (name, path) in [("missing_file", "/nonexistent/keepalived.conf"), ("directory", "/etc")] {
        let loaded = load(Path::new(path), &LoadOptions::default());
        assert_eq!(loaded.test_status(), 2);
        insta::assert_snapshot!(name, said(&loaded));
    }
}

#[test]
fn a_file_that_nobody_else_may_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keepalived.conf");
    fs::write(&path, "global_defs {\n}\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // This thread alone is nobody; who is not root has no need of it.
    nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65534));
    let loaded = load(&path, &LoadOptions::default());
    nix::unistd::setfsuid(nix::unistd::geteuid());
    let said = said(&loaded).replace(dir.path().to_str().unwrap(), "/etc/keepalived");
    insta::assert_snapshot!("unreadable_file", said);
}

#[test]
fn files_that_include_each_other_are_named() {
    let loaded = load(Path::new("tests/conf/cycle/main.conf"), &LoadOptions::default());
    insta::assert_snapshot!("cycle", said(&loaded));
}

#[test]
fn a_hundred_megabytes_are_read_and_the_one_mistake_in_them_is_found() {
    let comment = "# a file as long as nobody writes one, by a script that went astray\n";
    let mut text = comment.repeat(100_000_000 / comment.len());
    text.push_str("vrrp_instnace VI_1 {\n}\n");
    let loaded = load_text("huge.conf", text, &LoadOptions::default());
    insta::assert_snapshot!("hundred_megabytes", said(&loaded));
}

#[test]
fn a_hundred_megabytes_of_nothing_are_no_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk.img");
    fs::File::create(&path).unwrap().set_len(100_000_000).unwrap();
    let loaded = load(&path, &LoadOptions::default());
    let codes: Vec<&str> = loaded.diagnostics.iter().map(|d| d.code.id).collect();
    assert_eq!((codes, loaded.test_status()), (vec!["V0002"], 2));
    assert!(said(&loaded).len() < 1000, "the line is cut");
}

#[test]
fn what_is_wrong_is_shown_through_includes_parameters_and_sequences() {
    let loaded = load(Path::new("tests/conf/through/main.conf"), &LoadOptions::default());
    insta::assert_snapshot!("through", said(&loaded));
}
