//! keepalived takes the files of `examples/`, so that a pair can change over one by one.

use super::*;

/// Files with keywords of vipd's own, which keepalived must refuse by name: a pair of two programs is no pair there.
const OWN: &[(&str, &str)] = &[("database-slaves.conf", "MYSQL_CHECK")];

/// What is exchanged for this machine's or keepalived's sake.
const EXCHANGED: &[(&str, &str, &str)] = &[
    // No database is installed here.
    ("database-pair.conf", "/usr/bin/mysqladmin --connect-timeout=1 ping", "/usr/bin/true"),
    // 2.2.7 with -t, having looked at a script as another user, takes itself for an orphan and ends itself.
    ("haproxy.conf", "script_user nobody", "script_user root"),
];

pub(super) fn taken(lab: &Lab) {
    let host = lab.host("one", "10.9.0.1/24");
    host.connect_further("eth1", "10.9.1.1/24");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = fs::read_dir(folder).expect("the examples").map(|entry| entry.expect("a file").file_name());
    let names = entries.filter_map(|name| name.into_string().ok());
    let names: Vec<String> = names.filter(|name| name.ends_with(".conf")).collect();
    assert!(names.len() > 14, "{names:?}");
    for name in names {
        let (status, said) = verdict(&host, &name);
        match OWN.iter().find(|(file, _)| *file == name) {
            None => assert_eq!((status, said.as_str()), (Some(0), ""), "{name}"),
            Some((_, keyword)) => {
                assert_eq!(status, Some(5), "{name}: {said}");
                assert!(said.contains(&format!("Unknown keyword '{keyword}'")), "{name}: {said}");
            }
        }
    }
}

/// What `keepalived -t` says of an example.
fn verdict(host: &Host, name: &str) -> (Option<i32>, String) {
    let exchanged = EXCHANGED.iter().filter(|(file, ..)| *file == name);
    let exchanged: Vec<(&str, &str)> = exchanged.map(|(_, from, to)| (*from, *to)).collect();
    let file = host.file(name);
    fs::write(&file, example(name, &exchanged)).expect("write a file");
    let output =
        host.command("keepalived").arg("-t").arg("-f").arg(&file).output().expect("keepalived starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}
