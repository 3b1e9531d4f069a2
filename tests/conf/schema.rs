//! `vipd config --schema` describes what `vipd config --json` prints: every configuration at hand is held against it.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use vipd::conf::{LoadOptions, json_schema, load_text, redact};

/// Checks a value against the part of JSON Schema that the schema uses; an unknown keyword fails, so that none is
/// passed over. Stricter in one thing: every field of an object must be described.
struct Validator<'s> {
    root: &'s Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let Some(rules) = schema.as_object() else {
            return if schema == &Value::Bool(true) {
                Ok(())
            } else {
                Err(format!("{at}: nothing is allowed"))
            };
        };
        for (rule, argument) in rules {
            self.rule(rule, argument, value, at)?;
        }
        if let (Some(Value::Object(properties)), Value::Object(fields)) = (rules.get("properties"), value)
            && let Some(name) = fields.keys().find(|name| !properties.contains_key(*name))
        {
            return Err(format!("{at}: {name} is not described"));
        }
        Ok(())
    }

    fn rule(&self, rule: &str, argument: &Value, value: &Value, at: &str) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{at}: {value} is not {what}"));
        let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        let number = |v: &Value| v.as_f64();
        match rule {
            "$schema" | "title" | "description" | "format" | "default" | "$defs" | "writeOnly"
            | "readOnly" => Ok(()),
            "$ref" => {
                let path =
                    argument.as_str().and_then(|p| p.strip_prefix('#')).ok_or("a reference elsewhere")?;
                self.check(self.root.pointer(path).ok_or(format!("{path} is missing"))?, value, at)
            }
            "type" => {
                let types = if list.is_empty() { std::slice::from_ref(argument) } else { list };
                let is = |name: &Value| match name.as_str() {
                    Some("object") => value.is_object(),
                    Some("array") => value.is_array(),
                    Some("string") => value.is_string(),
                    Some("integer") => value.is_i64() || value.is_u64(),
                    Some("number") => value.is_number(),
                    Some("boolean") => value.is_boolean(),
                    Some("null") => value.is_null(),
                    _ => false,
                };
                if types.iter().any(is) { Ok(()) } else { wrong(format!("of type {argument}")) }
            }
            "const" if argument == value => Ok(()),
            "enum" if list.contains(value) => Ok(()),
            "const" | "enum" => wrong(format!("{argument}")),
            "anyOf" | "oneOf" => {
                let fits = list.iter().filter(|s| self.check(s, value, at).is_ok()).count();
                let wanted = if rule == "oneOf" { fits == 1 } else { fits > 0 };
                if wanted { Ok(()) } else { wrong(format!("one of {} ({fits} fit)", list.len())) }
            }
            "allOf" => list.iter().try_for_each(|s| self.check(s, value, at)),
            // Numbers alone have bounds.
            "minimum" | "maximum" if !value.is_number() => Ok(()),
            "minimum" if number(value) >= number(argument) => Ok(()),
            "maximum" if number(value) <= number(argument) => Ok(()),
            "minimum" | "maximum" => wrong(format!("within {rule} {argument}")),
            "required" => match list.iter().find(|n| value.get(n.as_str().unwrap_or_default()).is_none()) {
                Some(name) if value.is_object() => wrong(format!("complete: {name} is missing")),
                _ => Ok(()),
            },
            "properties" => argument.as_object().into_iter().flatten().try_for_each(|(name, schema)| {
                value.get(name).map_or(Ok(()), |v| self.check(schema, v, &format!("{at}.{name}")))
            }),
            "additionalProperties" => Ok(()),
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.into_iter().try_for_each(|(i, v)| self.check(argument, v, &format!("{at}[{i}]")))
            }
            "prefixItems" => {
                let pairs = value.as_array().into_iter().flatten().zip(list).enumerate();
                pairs.into_iter().try_for_each(|(i, (v, s))| self.check(s, v, &format!("{at}[{i}]")))
            }
            "minItems" | "maxItems" => {
                let (count, limit) =
                    (value.as_array().map_or(0, Vec::len) as u64, argument.as_u64().unwrap_or(0));
                let fits = if rule == "minItems" { count >= limit } else { count <= limit };
                if fits || !value.is_array() { Ok(()) } else { wrong(format!("{limit} long")) }
            }
            rule => Err(format!("this validator does not know `{rule}`")),
        }
    }
}

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
