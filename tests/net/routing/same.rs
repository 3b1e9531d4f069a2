//! A file is played with keepalived and then with vipd on the same
//! host, and `ip` has to show the same of both.

use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::{Director, Host, wait_for};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// Starts VRRP alone.
pub(super) fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &["-P"])
}

/// An instance of an owner with these blocks: it is master at once.
pub(super) fn instance(family: u8, blocks: &str) -> String {
    let address = if family == 4 { "10.0.0.99/32" } else { "fe80::99/64" };
    format!(
        "vrrp_instance VI_{family} {{\n  interface eth0\n  virtual_router_id 7\n  version 3\n  priority 200\n  \
         advert_int 0.1\n  virtual_ipaddress {{\n    {address}\n  }}\n{blocks}}}\n"
    )
}

/// A block and its lines.
pub(super) fn block(name: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("  {name} {{\n{lines}  }}\n")
}

/// What `ip` shows of addresses, routes and rules, a line each, without what time changes.
pub(super) fn shown(host: &Host) -> BTreeSet<String> {
    let commands = [
        "-o -d address show",
        "-d -4 route show table all",
        "-d -6 route show table all",
        "-d -4 rule",
        "-d -6 rule",
    ];
    let mut lines = BTreeSet::new();
    for command in commands {
        // The kernel's own link-local address comes when it likes.
        let shown = host.run(&format!("ip {command}"));
        for line in shown.lines().filter(|line| !line.contains("fe80::ff:fe00:")) {
            let mut words = line.split_whitespace().peekable();
            let mut kept = vec![command.to_owned()];
            while let Some(word) = words.next() {
                match word {
                    // Counts down.
                    "expires" => drop(words.next()),
                    "preferred_lft" | "valid_lft" => {
                        let kind =
                            words.next().map(|w| if matches!(w, "0sec" | "forever") { w } else { "some" });
                        kept.extend([word.to_owned(), kind.unwrap_or_default().to_owned()]);
                    }
                    _ => kept.push(word.to_owned()),
                }
            }
            lines.insert(kept.join(" "));
        }
    }
    lines
}

/// Waits until this is what differs from before.
#[track_caller]
pub(super) fn wait_changed(
    host: &Host,
    before: &BTreeSet<String>,
    expected: &BTreeSet<String>,
    program: Implementation,
) {
    wait_for(format_args!("what keepalived sets, with {program}"), LIMIT, || {
        let shown = shown(host);
        let changed: BTreeSet<String> = shown.difference(before).cloned().collect();
        let gone: Vec<&String> = before.difference(&shown).collect();
        if changed == *expected && gone.is_empty() {
            return Ok(());
        }
        let missing: Vec<&String> = expected.difference(&changed).collect();
        let more: Vec<&String> = changed.difference(expected).collect();
        Err(format!("missing {missing:#?}, too much {more:#?}, gone {gone:#?}"))
    });
}

/// Plays the file with both programs: what the first one has set, after `last` was there, the other one has to set too; both
/// leave nothing behind.
pub(super) fn same(host: &Host, config: &str, last: &str) -> BTreeSet<String> {
    let before = wait_for("the kernel's own addresses", LIMIT, || {
        let shown = shown(host);
        if shown.iter().any(|line| line.contains("tentative")) {
            Err(format!("{shown:#?}"))
        } else {
            Ok(shown)
        }
    });
    let nothing = BTreeSet::new();
    let expected = {
        let director = start(Keepalived, host, config);
        let set: BTreeSet<String> = wait_for(format_args!("{last} of keepalived"), LIMIT, || {
            let now: BTreeSet<String> = shown(host).difference(&before).cloned().collect();
            if now.iter().any(|line| line.contains(last)) {
                // What was read before it may not have had everything.
                Ok(shown(host).difference(&before).cloned().collect())
            } else {
                Err(format!("{now:#?}\n{}", director.process().log()))
            }
        });
        director.terminate();
        set
    };
    // keepalived names the address itself as its peer when it removes it, and the kernel finds none.
    for line in expected.iter().filter(|line| line.contains(" inet ") && line.contains(" peer ")) {
        let word =
            |behind: &str| line.split_whitespace().skip_while(|w| *w != behind).nth(1).unwrap_or_default();
        let device = line.split_whitespace().nth(5).unwrap_or_default();
        let _ = host.try_run(&format!("ip address del {} peer {} dev {device}", word("inet"), word("peer")));
    }
    wait_changed(host, &before, &nothing, Keepalived);
    let director = start(Vipd, host, config);
    wait_changed(host, &before, &expected, Vipd);
    director.terminate();
    wait_changed(host, &before, &nothing, Vipd);
    expected
}
