//! Verdicts on entries of routes, rules, addresses, on blocks about interfaces, and on instances, beside those of
//! keepalived 2.2.7, which were recorded (`verdicts.tsv`).

use vipd::conf::{InterfaceKind, LoadOptions, NameFolders, load_text};
use vipd::net::NameTable;

/// The machine on which they were recorded had these names in /etc/iproute2.
fn number(_: NameFolders<'_>, table: NameTable, name: &str) -> Option<u32> {
    match (table, name) {
        (NameTable::Protocols, "keepalived") => Some(18),
        (NameTable::Realms, "cosmos") | (NameTable::Groups, "default") => Some(0),
        (NameTable::Fields, "AF11") => Some(0x28),
        _ => None,
    }
}

/// And these interfaces.
#[allow(clippy::unnecessary_wraps, reason = "as it is asked")]
fn interface(name: &str) -> Option<InterfaceKind> {
    Some(match name {
        "lo" => InterfaceKind::Loopback,
        "eth0" | "eth1" => InterfaceKind::Usable { mtu: 1500 },
        _ => InterfaceKind::Missing,
    })
}

#[test]
fn entries_are_judged_as_keepalived_judges_them() {
    let options =
        LoadOptions { interfaces: Some(&interface), names: Some(&number), ..LoadOptions::default() };
    let (mut count, mut wrong) = (0, Vec::new());
    for line in include_str!("verdicts.tsv").lines().filter(|l| !l.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [status, block, entry] = cells[..] else { panic!("{line}") };
        let ours: u8 = status.rsplit('!').next().unwrap().parse().unwrap();
        let entry = entry.replace("\\n", "\n");
        let text = match block {
            "-" => entry,
            block => format!("{block} {{\n{entry}\n}}\n"),
        };
        let said = load_text("test", text.as_str(), &options).test_status();
        if said != ours {
            wrong.push(format!("{said} instead of {status}: {line}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 310, "{count} entries");
}
