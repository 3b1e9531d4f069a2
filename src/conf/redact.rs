//! A configuration as JSON, without its secrets.

use super::Config;
use serde_json::Value;

/// Fields that hold secrets, whatever part of the [`Config`] they are in.
const SECRETS: &[&str] = &["auth", "auth_hmac", "hmac", "pass", "password", "secret"];

/// What stands in a secret's place.
pub(super) const REDACTED: &str = "(redacted)";

pub(super) fn is_secret(field: &str) -> bool {
    SECRETS.contains(&field)
}

/// The `Config` as it is.
///
/// # Errors
/// None that serde_json knows for such data; passed on rather than hidden.
pub fn with_secrets(config: &Config) -> Result<Value, serde_json::Error> {
    serde_json::to_value(config)
}

/// The `Config` with `"(redacted)"` for each secret that is set.
///
/// # Errors
/// None that serde_json knows for such data; passed on rather than hidden.
pub fn without_secrets(config: &Config) -> Result<Value, serde_json::Error> {
    let mut value = with_secrets(config)?;
    redact(&mut value);
    Ok(value)
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match is_secret(name) && !field.is_null() {
                    true => *field = Value::String(REDACTED.to_owned()),
                    false => redact(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{LoadOptions, load_text};

    #[test]
    fn secrets_are_left_out_unless_asked_for() {
        let text = include_str!("../../examples/keepalived.conf");
        let config = load_text("keepalived.conf", text, &LoadOptions::default()).config.unwrap();
        let shown = without_secrets(&config).unwrap();
        assert_eq!(shown["vrrp"]["instances"][0]["auth"], REDACTED);
        assert_eq!(shown["vrrp"]["instances"][0]["priority"], 150);
        let ssl = "SSL {\n    password himitsu\n    key /etc/ssl/key.pem\n}\n";
        let config = load_text("k.conf", ssl, &LoadOptions::default()).config.unwrap();
        let shown = without_secrets(&config).unwrap();
        assert_eq!(shown["check"]["ssl"]["password"], REDACTED);
        assert_eq!(shown["check"]["ssl"]["key"], "/etc/ssl/key.pem", "a path");
        let all = with_secrets(&config).unwrap();
        assert_eq!(serde_json::from_value::<Config>(all).unwrap(), config);
    }
}
