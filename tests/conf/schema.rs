//! `vipd config --schema` describes what `vipd config --json` prints: every configuration at hand is held against it.

use crate::validator::Validator;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use vipd::conf::{LoadOptions, json_schema, load_text, redact};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "conf" || e == "tsv"))
        .collect()
}

#[test]
fn every_configuration_fits_the_schema() {
    let schema = json_schema::schema();
    let validator = Validator { root: &schema };
    let written = ["examples", "tests/conf/err"].into_iter().flat_map(files);
    let mut texts: Vec<Vec<u8>> = written.map(|path| fs::read(path).unwrap()).collect();
    texts.extend(crate::keywords::right_files().into_iter().map(String::into_bytes));
    let mut held = 0;
    for text in texts {
        let shown = String::from_utf8_lossy(&text).into_owned();
        let Some(config) = load_text("k.conf", text, &LoadOptions::default()).config else { continue };
        for value in [redact::without_secrets(&config).unwrap(), redact::with_secrets(&config).unwrap()] {
            validator
                .check(&schema, &value, "config")
                .unwrap_or_else(|error| panic!("{error}, from\n{shown}"));
        }
        held += 1;
    }
    println!("{held} configurations fit the schema");
    assert!(held > 100, "{held}");
}

#[test]
fn what_does_not_fit_is_found() {
    let schema = json_schema::schema();
    let validator = Validator { root: &schema };
    let text = include_str!("../../examples/keepalived.conf");
    let config = load_text("k.conf", text, &LoadOptions::default()).config.unwrap();
    let value = redact::without_secrets(&config).unwrap();
    for (path, wrong) in [
        ("/vrrp/instances/0/vrid", Value::from(256)),
        ("/vrrp/instances/0/state", Value::from("PRIMARY")),
        ("/vrrp/instances/0/addresses", Value::Null),
        ("/vrrp/instances/0/auth", Value::from("secret")),
        ("/check/virtual_servers/0/real_servers/0/weight", Value::from(-1)),
    ] {
        let mut value = value.clone();
        *value.pointer_mut(path).unwrap() = wrong;
        assert!(validator.check(&schema, &value, "config").is_err(), "{path}");
    }
    let mut more = value.clone();
    more["vrrp"]["colour"] = Value::from("blue");
    assert!(validator.check(&schema, &more, "config").is_err());
}
