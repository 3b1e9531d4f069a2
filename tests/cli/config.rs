//! `vipd config`: the resolved configuration as data.

use super::Program;
use serde_json::Value;
use std::process::Stdio;

const EXAMPLE: &str = include_str!("../../examples/keepalived.conf");

#[test]
fn a_configuration_is_printed_with_its_defaults_and_without_its_secrets() {
    let vipd = Program::called("vipd");
    vipd.file("k.conf", EXAMPLE);
    let outcome = vipd.run("config k.conf --json");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let config: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let instance = &config["vrrp"]["instances"][0];
    assert_eq!(instance["vrid"], 230);
    assert_eq!(instance["garp"]["master_repeat"], 5, "a default");
    assert_eq!(instance["auth"], "(redacted)");
    assert_eq!(config["check"]["virtual_servers"][0]["real_servers"][1]["weight"], 1);

    let outcome = vipd.run("config k.conf --json --show-secrets");
    let config: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(config["vrrp"]["instances"][0]["auth"]["Pass"].is_array());
}

#[test]
fn what_would_not_run_is_not_printed() {
    let vipd = Program::called("vipd");
    vipd.file("k.conf", "vrrp_instance A {\n    interface eth0\n}\n");
    let outcome = vipd.run("config --json k.conf");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
    assert!(outcome.stderr.starts_with("(k.conf: Line 1) "), "{}", outcome.stderr);
    assert_eq!(vipd.run("config --json missing.conf").status, Some(2));
    assert_eq!(vipd.run("config k.conf").status, Some(2), "a format must be named");
}

#[test]
fn the_schema_is_printed_for_itself() {
    let vipd = Program::called("vipd");
    let outcome = vipd.run("config --schema");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let schema: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(vipd.run("config --schema --json").status, Some(2));
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let vipd = Program::called("vipd");
    let mut command = vipd.command("config --schema");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}
