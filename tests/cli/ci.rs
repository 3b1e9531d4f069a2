//! The definitions for CI systems call vipd as it is: each subcommand and option that they use exists.

use super::Program;
use std::fs;
use std::path::Path;

const DEFINITIONS: &[&str] = &["action.yml", "templates/check.yml", ".pre-commit-hooks.yaml", "docs/ci.md"];

/// Each subcommand that a text calls, with the long options of the call.
fn calls(text: &str) -> Vec<(String, Vec<String>)> {
    // In the action the program's path stands in a variable, and the options in a list before the call.
    let text = text.replace("\"$vipd\"", "vipd");
    let mut found = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> =
            line.split(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '(' | ')' | '}')).collect();
        for (i, pair) in words.windows(2).enumerate() {
            if pair[0] == "vipd" && matches!(pair[1], "check" | "fmt" | "config" | "explain") {
                let rest = words[i + 2..].iter().take_while(|w| !matches!(**w, "&&" | "||" | "|"));
                found.push((pair[1].to_owned(), rest.filter_map(|w| option(w)).collect()));
            }
        }
        if line.contains("options=(") {
            found.push(("check".to_owned(), words.iter().filter_map(|w| option(w)).collect()));
        }
    }
    found
}

fn option(word: &str) -> Option<String> {
    let at = word.find("--")?;
    let name = word[at..].trim_end_matches([',', '.', ';']).split('=').next()?;
    (name.len() > 2).then(|| name.to_owned())
}

#[test]
fn what_the_definitions_call_exists() {
    let vipd = Program::called("vipd");
    for name in DEFINITIONS {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let calls = calls(&text);
        assert!(!calls.is_empty(), "{name}");
        for (command, options) in calls {
            let help = vipd.run(&format!("{command} --help"));
            assert_eq!(help.status, Some(0), "{name}: vipd {command}");
            for option in options {
                let known = help.stdout.split(|c: char| c.is_whitespace() || c == ',').any(|w| w == option);
                assert!(known, "{name}: vipd {command} {option}");
            }
        }
    }
}

#[test]
fn the_action_passes_its_inputs_on() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    let options: Vec<String> = calls(&text).into_iter().flat_map(|(_, options)| options).collect();
    for option in ["--deny", "--allow", "--config-id", "--format"] {
        assert!(options.iter().any(|o| o == option), "{option} in {options:?}");
    }
}

#[test]
fn the_hooks_find_and_format_a_configuration() {
    // What pre-commit does: the entry, with its arguments and the files' names behind it.
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml")).unwrap();
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(entry) = line.strip_prefix("entry: vipd ") {
            entries.push(entry.to_owned());
        } else if let Some(arguments) = line.strip_prefix("args: ") {
            *entries.last_mut().unwrap() += &arguments.replace(['[', ']', ','], " ");
        }
    }
    assert_eq!(entries.len(), 2);
    let vipd = Program::called("vipd");
    for entry in entries {
        vipd.file("keepalived.conf", include_str!("../../examples/keepalived.conf"));
        let outcome = vipd.run(&format!("{entry} keepalived.conf"));
        assert_eq!(outcome.status, Some(0), "{entry}: {}", outcome.stderr);
    }
}
