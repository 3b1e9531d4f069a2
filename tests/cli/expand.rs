//! `vipd expand` as a person starts it.

use std::fs;
use std::process::{Command, Output};

fn expand(directory: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let program = Command::new(env!("CARGO_BIN_EXE_vipd"))
        .arg("expand")
        .args(arguments)
        .current_dir(directory)
        .output();
    let Output { status, stdout, stderr } = program.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_text_is_printed_as_the_parser_sees_it() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("k.conf"),
        "! comment\n$A=1\n@one a $A\n@two b\n~SEQ(I,1,2) c ${I}\ninclude d.conf\n",
    )
    .unwrap();
    fs::write(directory.path().join("d.conf"), "d\n").unwrap();
    let (status, out, err) = expand(directory.path(), &["-i", "one", "k.conf"]);
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "a 1\nc 1\nc 2\nd\n", ""));

    let (status, out, _) = expand(directory.path(), &["-i", "one", "--with-origin", "k.conf"]);
    assert_eq!(status, Some(0));
    let expected = "k.conf:3\ta 1\nk.conf:5\tc 1\nk.conf:5\tc 2\nd.conf:1 < k.conf:6\td\n";
    assert_eq!(out, expected);
}

#[test]
fn what_can_not_be_expanded_is_told() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("k.conf"), "$A=$A\na $A\nb\n").unwrap();
    let (status, out, err) = expand(directory.path(), &["k.conf"]);
    assert_eq!((status, out.as_str()), (Some(1), "b\n"));
    assert!(err.contains("error[V0501]") && err.contains("k.conf:1:4"), "{err}");

    let (status, _, err) = expand(directory.path(), &["none.conf"]);
    assert_eq!(status, Some(2));
    assert!(err.contains("none.conf can't be read"), "{err}");
}
