//! The JSON Schema (draft 2020-12) of a [`Config`] as [`super::redact`] prints it.

use super::Config;
use super::redact::{REDACTED, is_secret};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema: each field with its words of the documentation, each secret as itself or left out.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = Value::from(generator.into_root_schema_for::<Config>());
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("the configuration of vipd"));
    }
    admit_redacted(&mut schema);
    schema
}

fn admit_redacted(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                for (_, property) in properties.iter_mut().filter(|(name, _)| is_secret(name)) {
                    let own = property.take();
                    *property = json!({ "anyOf": [own, { "const": REDACTED }] });
                }
            }
            fields.values_mut().for_each(admit_redacted);
        }
        Value::Array(items) => items.iter_mut().for_each(admit_redacted),
        _ => {}
    }
}
