//! `vipd check --format`, `--deny` and `--explain`, and `vipd explain`, as scripts use them.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Runs vipd beside the files with mistakes; its exit status, standard output and standard error.
pub(crate) fn vipd(arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conf/err");
    let output =
        Command::new(env!("CARGO_BIN_EXE_vipd")).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn json_has_every_finding_of_every_file() {
    let files = ["duplicate_vrid.conf", "nopreempt_master.conf", "missing file.conf"];
    let (status, out, err) = vipd(&[&["check", "--format", "json"], &files[..]].concat());
    assert_eq!((status, err.as_str()), (Some(2), ""));
    insta::assert_snapshot!("check_json", out);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["files"].as_array().unwrap().len(), 3);
    assert_eq!(document["files"][2]["read"], false);
}

#[test]
fn sarif_points_each_result_at_its_rule_and_place() {
    let files = ["duplicate_vrid.conf", "nopreempt_master.conf", "missing file.conf"];
    let (status, out, _) = vipd(&[&["check", "--format", "sarif"], &files[..]].concat());
    assert_eq!(status, Some(2));
    let version = env!("CARGO_PKG_VERSION");
    insta::assert_snapshot!("check_sarif", out.replace(&format!("\"{version}\""), "\"VERSION\""));

    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|b| b.is_ascii_graphic()), "{uri}");
        // A region begins at line and column 1 or later, and does not end before it begins.
        if let Some(region) = place.get("region") {
            let at = |l, c| (region[l].as_u64().unwrap(), region[c].as_u64().unwrap());
            let (start, end) = (at("startLine", "startColumn"), at("endLine", "endColumn"));
            assert!(start >= (1, 1) && start.1 >= 1 && end >= start, "{region}");
        }
    }
}

#[test]
fn sarif_of_a_clean_file_has_no_results() {
    let (status, out, _) = vipd(&["check", "--format", "sarif", "../../../examples/keepalived.conf"]);
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &log["runs"][0]["results"]), (Some(0), &Value::Array(Vec::new())));
}

#[test]
fn github_gets_one_command_a_finding() {
    let (status, out, _) =
        vipd(&["check", "--format", "github", "nopreempt_master.conf", "duplicate_vrid.conf"]);
    assert_eq!(status, Some(1));
    insta::assert_snapshot!("check_github", out);
}

#[test]
fn what_is_denied_fails_the_check() {
    let status = |arguments: &[&str]| vipd(&[&["check"], arguments].concat()).0;
    assert_eq!(status(&["nopreempt_master.conf"]), Some(0));
    assert_eq!(status(&["--deny", "warnings", "nopreempt_master.conf"]), Some(1));
    assert_eq!(status(&["--deny", "warnings", "empty.conf"]), Some(0), "an empty file gets a hint");
    assert_eq!(status(&["--deny", "hints", "empty.conf"]), Some(1));
    assert_eq!(status(&["--format", "json", "--deny", "warnings", "nopreempt_master.conf"]), Some(1));
    assert_eq!(status(&["--deny", "everything", "empty.conf"]), Some(2));
}

#[test]
fn codes_and_keywords_are_explained() {
    let (status, out, _) = vipd(&["check", "--explain", "v0303"]);
    assert_eq!(status, Some(0));
    insta::assert_snapshot!("explain_code", out);
    assert_eq!(vipd(&["explain", "V0303"]).1, out);
    let (status, _, err) = vipd(&["check", "--explain", "V0999"]);
    assert_eq!((status, err.as_str()), (Some(1), "there is no code `V0999`\n"));

    let (status, out, _) = vipd(&["explain", "virtual_router_id"]);
    assert_eq!(status, Some(0));
    insta::assert_snapshot!("explain_keyword", out);
    let (status, _, err) = vipd(&["explain", "virtual_routerid"]);
    assert_eq!(
        (status, err.as_str()),
        (Some(1), "there is no keyword `virtual_routerid`; did you mean `virtual_router_id`?\n")
    );
}
