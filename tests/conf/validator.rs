//! A validator for JSON Schema, for what this crate's schemas use of it.

use serde_json::Value;

/// Checks a value against the part of JSON Schema that the schema uses; an unknown keyword fails, so that none is
/// passed over. Stricter in one thing: every field of an object must be described.
pub(crate) struct Validator<'s> {
    pub(crate) root: &'s Value,
}

impl Validator<'_> {
    pub(crate) fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
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
            "uniqueItems" => {
                let items = value.as_array().map_or(&[][..], Vec::as_slice);
                if items.iter().enumerate().any(|(at, item)| items[..at].contains(item)) {
                    return Err(format!("{value} has something twice"));
                }
                Ok(())
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
