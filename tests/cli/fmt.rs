//! `vipd fmt`.

use super::{Outcome, Program};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const ROUGH: &str = "track_file  f\n{\nfile \"/run/f\"   # where\n}\n";
const NEAT: &str = "track_file f {\n    file \"/run/f\" # where\n}\n";

fn outcome(status: i32, stdout: &str, stderr: &str) -> Outcome {
    Outcome { status: Some(status), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

#[test]
fn files_are_formatted_in_place_and_keep_their_permissions() {
    let vipd = Program::called("vipd");
    vipd.file("a.conf", ROUGH);
    vipd.file("b.conf", NEAT);
    let path = vipd.dir.path().join("a.conf");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert_eq!(vipd.run("fmt a.conf b.conf"), outcome(0, "", ""));
    assert_eq!((vipd.read("a.conf").as_str(), vipd.read("b.conf").as_str()), (NEAT, NEAT));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(vipd.run("fmt --check a.conf b.conf"), outcome(0, "", ""));
}

#[test]
fn a_check_shows_what_would_change_and_changes_nothing() {
    let vipd = Program::called("vipd");
    vipd.file("a.conf", ROUGH);
    let diff = "--- a.conf\n+++ a.conf (formatted)\n@@ -1,4 +1,3 @@\n-track_file  f\n-{\n-file \"/run/f\"   # where\n\
                +track_file f {\n+    file \"/run/f\" # where\n }\n";
    assert_eq!(vipd.run("fmt --check a.conf"), outcome(1, diff, ""));
    assert_eq!(vipd.read("a.conf"), ROUGH);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let vipd = Program::called("vipd");
    for line in ["fmt", "fmt -"] {
        assert_eq!(vipd.run_with_input(line, ROUGH.as_bytes()), outcome(0, NEAT, ""));
    }
    assert_eq!(vipd.run_with_input("fmt --check -", ROUGH.as_bytes()).status, Some(1));
}

#[test]
fn what_is_no_whole_configuration_is_left_alone() {
    let vipd = Program::called("vipd");
    let cases: [(&str, &str); 4] = [
        ("a  {\n", "line 1: the block that begins here does not end"),
        ("a\n}\n", "line 2: this `}` ends no block"),
        (
            "vrrp_instance A {\nvrrp_instance B {\n}\n}\n",
            "left as it is: (a.conf: Line 2) '}' is missing: 'vrrp_instance A' is not ended before 'vrrp_instance'",
        ),
        ("router_id  \"a\n", "left as it is: (a.conf: Line 1) Quoted string is not ended on its line"),
    ];
    for (text, message) in cases {
        vipd.file("a.conf", text);
        assert_eq!(vipd.run("fmt a.conf"), outcome(2, "", &format!("vipd fmt: a.conf: {message}\n")));
        assert_eq!(vipd.read("a.conf"), text);
    }
    let missing = outcome(2, "", "vipd fmt: missing.conf: No such file or directory\n");
    assert_eq!(vipd.run("fmt missing.conf"), missing);
}
