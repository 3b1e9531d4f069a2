//! `vipd check` as a person starts it: what it says where, and how it ends.

use std::fs;
use std::process::{Command, Output};

pub(crate) fn check(files: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_vipd")).arg("check").args(files).output().unwrap();
    assert!(stdout.is_empty(), "all of it goes to standard error");
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_exit_status_says_whether_there_are_errors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conf/err/");
    let file = |name: &str| format!("{folder}{name}.conf");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/keepalived.conf");

    let (status, said) = check(&[example]);
    assert_eq!((status, said), (Some(0), format!("{example}: no problems found\n")));

    let (status, said) = check(&[&file("nopreempt_master")]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.ends_with("nopreempt_master.conf: 2 warnings, 2 hints\n"), "{said}");

    let (status, said) = check(&[example, &file("misspelt_checker")]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("help: did you mean `TCP_CHECK`?"), "{said}");
    assert!(said.ends_with("misspelt_checker.conf: 2 errors, 1 hint\n"), "{said}");
    assert!(!said.contains('\x1b'), "no colours where no terminal is");

    let (status, said) = check(&[&file("misspelt_checker"), "/nonexistent.conf"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("configuration file /nonexistent.conf is missing"), "{said}");
}

#[test]
fn a_large_file_of_nonsense_is_reported_in_short() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nonsense.conf");
    fs::write(&path, "foo bar {\n".repeat(500_000)).unwrap();
    let (status, said) = check(&[path.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(said.len() < 200_000, "{} bytes", said.len());
}
