//! The virtual servers of `examples/`, played as each file stands: its addresses, in namespaces; real servers as Debian has
//! them; a client that sends requests through the director; and what its user would notice. What a file's comments or
//! `examples/README.md` tell to type on directors and servers is typed here too, in the words that stand there.
//!
//! Exchanged are intervals, to have it quick, and paths.

mod caches;
mod databases;
mod dns;
mod mail;
mod memcached;
mod tunnel;
mod web_farm;

use crate::VIPD;
use crate::support::Implementation::Vipd;
use crate::support::{Director, Host, Lab, Process, Table, Test, example, holds, wait_every, wait_for};
use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For what takes a few seconds, on an emulated machine that runs other tests too.
const LIMIT: Duration = Duration::from_secs(60);

/// Looks that run a command are so far apart.
const LOOKS: Duration = Duration::from_millis(500);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("examples::databases_replicas_that_stop_leave", databases::plays),
        Test::new("examples::web_farm_by_nat_behind_two_directors", web_farm::plays),
        Test::new("examples::caches_by_client_and_by_site", caches::plays),
        Test::new("examples::memcached_keeps_what_a_client_stored", memcached::plays),
        Test::new("examples::mail_in_the_clients_network", mail::plays),
        Test::new("examples::mail_by_nat_reaches_only_others_networks", mail::by_nat),
        Test::new("examples::tunnels_to_another_site", tunnel::plays),
        Test::new("examples::dns_packet_for_packet", dns::plays),
    ]
}

/// Starts vipd with a file of `examples/`, and waits until it holds the virtual address.
#[track_caller]
fn start(director: &Host, config: &str, address: &str) -> Director {
    let running = Director::start(Vipd, director, Path::new(VIPD), config, &[]);
    // To look into a file costs less than to ask for addresses all the time.
    wait_for("a master", LIMIT, || {
        let log = running.process().log();
        if log.contains("Entering MASTER STATE") { Ok(()) } else { Err(log) }
    });
    holds(director, address, true);
    running
}

/// Waits until a service, as `TCP 192.0.2.80:80`, has these servers with these weights, and no others.
#[track_caller]
fn serves(director: &Host, service: &str, servers: &[(&str, u32)]) {
    let mut expected: Vec<(String, u32)> =
        servers.iter().map(|(server, weight)| ((*server).to_owned(), *weight)).collect();
    expected.sort_unstable();
    wait_every(LOOKS, format_args!("{service} with {servers:?}"), LIMIT, || {
        let table = Table::of(director)?;
        let entry = table
            .services
            .iter()
            .find(|entry| format!("{} {}", entry.protocol, entry.address) == service)
            .ok_or_else(|| table.to_string())?;
        let mut seen: Vec<(String, u32)> =
            entry.servers.iter().map(|server| (server.address.clone(), server.weight)).collect();
        seen.sort_unstable();
        if seen == expected { Ok(()) } else { Err(table.to_string()) }
    });
}

/// What stands below a heading of `examples/README.md`.
fn readme(heading: &str) -> String {
    let text = example("README.md", &[]);
    let mut sections = text.split("\n#").map(|section| section.trim_start_matches(['#', ' ']));
    let section = sections.find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n'));
    section.unwrap_or_else(|| panic!("the examples' README has no heading `{heading}`")).to_owned()
}

/// The indented blocks of a text, each as a script.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        match line.strip_prefix("    ").map(str::trim) {
            Some(command) => blocks.last_mut().expect("there is one").extend([command, "\n"]),
            None => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| ["nft ", "ip ", "modprobe ", "sysctl "].iter().any(|word| block.starts_with(word)));
    blocks
}

/// Has a host's user type these lines.
#[track_caller]
fn types(host: &Host, script: &str) {
    let mut command = host.command("sh");
    crate::support::checked(command.arg("-e").arg("-c").arg(script));
}

/// What README tells each real server of direct routing to have, for the address of this service.
#[track_caller]
fn prepare_for_dr(server: &Host, address: &str) {
    let told = blocks(&readme("What every real server of DR needs"));
    assert_eq!(told.len(), 1, "{told:?}");
    types(server, &told[0].replace("192.0.2.30", address));
}

/// A folder of a host's server, for whatever user it becomes.
fn folder(lab: &Lab, host: &Host) -> PathBuf {
    let open = |path: &Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set permissions");
    };
    open(lab.dir(), 0o711);
    let folder = host.file("folder");
    fs::create_dir(&folder).expect("make a folder");
    open(&folder, 0o777);
    folder
}

/// Waits until somebody listens.
#[track_caller]
fn listens(host: &Host, port: u16) {
    wait_for(format_args!("{} to listen at {port}", host.name()), LIMIT, || {
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let connected = host.enter(|| TcpStream::connect_timeout(&at, Duration::from_secs(5)));
        connected.map(drop).map_err(|error| error.to_string())
    });
}

/// A real nginx with these lines in its `server`.
#[track_caller]
fn nginx(lab: &Lab, host: &Host, lines: &str) -> Process {
    let folder = folder(lab, host);
    let at = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {at};\n"))
        .concat();
    let config = format!(
        "user root;\nworker_processes 1;\ndaemon off;\npid {at}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n\
         default_type text/plain;\n{temporary}server {{\nlisten 80;\n{lines}\n}}\n}}\n"
    );
    fs::write(folder.join("nginx.conf"), config).expect("write nginx's configuration");
    let mut command = host.command("nginx");
    command.args(["-e", "stderr", "-c"]).arg(folder.join("nginx.conf")).arg("-p").arg(&folder);
    let process = host.start("nginx", &mut command);
    listens(host, 80);
    process
}

/// A web server that answers with its name and its client's address. Its page for checks looks for the file of [`ill`], after
/// these lines.
#[track_caller]
fn web_server(lab: &Lab, host: &Host, before: &str) -> Process {
    let lines = format!(
        "location = /healthz {{\n{before}\nif (-f {}) {{ return 503; }}\nreturn 200;\n}}\n\
         location / {{ return 200 \"{} $remote_addr\\n\"; }}",
        host.file("ill").display(),
        host.name()
    );
    nginx(lab, host, &lines)
}

/// A web server of [`web_server`] still answers, but has no good page for checks; or has it again.
fn ill(host: &Host, is_ill: bool) {
    let file = host.file("ill");
    if is_ill {
        fs::write(file, "").expect("write a file");
    } else {
        fs::remove_file(file).expect("remove a file");
    }
}

/// What each request of curl has.
const REQUEST: &str = "--silent --show-error --fail --http1.0 --max-time 20";

/// The lines that a client gets, with a connection for each URL. All must be answered.
#[track_caller]
fn curl(client: &Host, words: &str) -> Vec<String> {
    client.run(&format!("curl --fail-early {REQUEST} {words}")).lines().map(str::to_owned).collect()
}

/// How often each line came.
fn counted(lines: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line.as_str()).or_default() += 1;
    }
    counts
}
