//! Diagnostics as SARIF 2.1.0 (OASIS), which code hosts and editors read.
//!
//! One run; the rules are the codes that were found, so that a result can point at its rule by index.

use super::report::{PrintedSpan, Report};
use super::{Code, Diagnostic, Severity, advice, explain};
use crate::conf::source::{Location, Sources};
use serde::Serialize;
use std::collections::BTreeMap;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    artifacts: Vec<Artifact>,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    full_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
}

#[derive(Serialize)]
struct Artifact {
    location: ArtifactLocation,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Position; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Position>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

/// One SARIF log for all files, with a line end behind it.
///
/// # Errors
/// None that serde_json knows for such data; passed on rather than hidden.
pub fn render(reports: &[Report<'_>]) -> Result<String, serde_json::Error> {
    let mut codes: BTreeMap<&'static str, &'static Code> = BTreeMap::new();
    for diagnostic in reports.iter().flat_map(|r| r.diagnostics) {
        codes.insert(diagnostic.code.id, diagnostic.code);
    }
    let index: BTreeMap<&str, usize> = codes.keys().enumerate().map(|(i, id)| (*id, i)).collect();
    let results = reports
        .iter()
        .flat_map(|r| r.diagnostics.iter().map(|d| (d, r.sources)))
        .map(|(d, sources)| result(d, sources, index.get(d.code.id).copied().unwrap_or(0)))
        .collect();
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "vipd",
                semantic_version: env!("CARGO_PKG_VERSION"),
                rules: codes.values().map(|c| rule(c)).collect(),
            },
        },
        column_kind: "unicodeCodePoints",
        invocations: [Invocation { execution_successful: reports.iter().all(|r| r.read) }],
        artifacts: reports
            .iter()
            .map(|r| Artifact { location: ArtifactLocation { uri: uri(r.name) } })
            .collect(),
        results,
    };
    serde_json::to_string_pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
        .map(|text| text + "\n")
}

fn rule(code: &'static Code) -> Rule {
    let words = |text: &str| Message { text: text.to_owned() };
    Rule {
        id: code.id,
        short_description: words(code.summary),
        full_description: words(explain::reason(code.id).unwrap_or(code.summary)),
        help_uri: advice::link(code),
        default_configuration: Configuration { level: level(code.severity) },
    }
}

fn result(diagnostic: &Diagnostic, sources: &Sources, rule_index: usize) -> Outcome {
    let text = match &diagnostic.help {
        Some(help) => format!("{} ({help})", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let related = diagnostic.secondary.iter().enumerate();
    Outcome {
        rule_id: diagnostic.code.id,
        rule_index,
        level: level(diagnostic.code.severity),
        message: Message { text },
        locations: [location(None, PrintedSpan::of(&diagnostic.primary, sources))],
        related_locations: related.map(|(i, l)| location(Some(i), PrintedSpan::of(l, sources))).collect(),
    }
}

fn location(id: Option<usize>, place: PrintedSpan<'_>) -> Position {
    let region = |(start, end): (Location, Location)| Region {
        start_line: start.line,
        start_column: start.column,
        end_line: end.line,
        end_column: end.column,
    };
    Position {
        id,
        physical_location: Physical {
            artifact_location: ArtifactLocation { uri: uri(place.file) },
            region: place.range.map(region),
        },
        message: (!place.label.is_empty()).then(|| Message { text: place.label.to_owned() }),
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    }
}

/// A path as a reference of RFC 3986: relative paths stay relative, to the repository's root by convention.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
