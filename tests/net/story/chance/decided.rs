//! What differs from keepalived on purpose (`docs/differences.md`), taken out of either transcript.

use std::collections::HashMap;

/// How the script of a state is called, beside `notify`.
const SCRIPTS: [(&str, &str); 4] = [
    ("MASTER", "call: notify_master: "),
    ("BACKUP", "call: notify_backup: two words last"),
    ("FAULT", "call: notify_fault: "),
    ("STOP", "call: notify_stop: "),
];

/// A transcript without: how often something is announced; what a reload says of priorities and groups, and the last
/// adverts of a master that it replaces; priorities that change with what fails a group, or with a file's new number; a
/// fault that is told once more.
pub(super) fn without(text: &str) -> String {
    let mut states: HashMap<&str, &str> = HashMap::new();
    let mut edited = String::with_capacity(text.len());
    for (name, mut lines) in pauses(text) {
        sort_addresses(&mut lines);
        let reloads = name.starts_with("reload");
        let renumbers = name.ends_with("in the file");
        let group_fails = lines.contains(&"fifo: GROUP \"G\" FAULT 0");
        // Lines that are left out, each once for each time it is here.
        let mut repeated: Vec<String> = Vec::new();
        edited += &format!("== {name}\n");
        for line in lines {
            if let Some((instance, state, priority)) = told(line) {
                let last = states.insert(instance, state);
                if state == "FAULT" && last == Some(state) {
                    repeated.push(format!("call: notify: INSTANCE {instance} FAULT {priority}"));
                    repeated.push("call: notify_fault: ".to_owned());
                    continue;
                }
            }
            if reloads && let Some(of_group) = line.strip_prefix("call: notify: GROUP G ") {
                let calls = SCRIPTS.iter().filter(|(state, _)| of_group.starts_with(state));
                repeated.extend(calls.map(|(_, call)| (*call).to_owned()));
            }
            let is_priority = line.contains("_PRIORITY ");
            let is_decided = line.starts_with("announced: ")
                // Where the adverts of a VMAC come from, which keepalived sets while there is no carrier, too.
                || line.ends_with(" scope link deprecated nodad preferred 0")
                || reloads && (line.contains(" GROUP ") || line.starts_with("adverts: "))
                || is_priority && (reloads || group_fails || renumbers);
            if is_decided {
                continue;
            }
            if let Some(at) = repeated.iter().position(|repeated| repeated == line) {
                repeated.swap_remove(at);
                continue;
            }
            match line.rsplit_once(' ') {
                Some((start, _)) if group_fails && line.contains(" FAULT ") => edited += start,
                _ => edited += line,
            }
            edited.push('\n');
        }
    }
    edited
}

/// Their order is the one in which they were set.
fn sort_addresses(lines: &mut [&str]) {
    let is_address = |line: &&str| line.starts_with("address: ");
    let first = lines.iter().position(is_address).unwrap_or(lines.len());
    let count = lines[first..].iter().take_while(|line| is_address(line)).count();
    lines[first..first + count].sort_unstable();
}

/// The pauses of a transcript: their names, and their lines.
fn pauses(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut pauses: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("== "), pauses.last_mut()) {
            (Some(name), _) => pauses.push((name, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    pauses
}

/// An instance, the state that a line of the FIFO tells of it, and its priority.
fn told(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.strip_prefix("fifo: INSTANCE \"")?.split_once("\" ")?;
    let (state, priority) = rest.split_once(' ')?;
    (!state.ends_with("_PRIORITY")).then_some((name, state, priority))
}
