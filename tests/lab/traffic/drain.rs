//! `vipd ipvs drain` with connections that are held open, in a terminal and without one.

use super::network::{Network, Talk};
use crate::VIPD;
use crate::support::{Lab, Process, Screen, Table, Test, Waited, wait_for};
use crate::validator::Validator;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;
use vipd::ipvs::document;

const SERVICE: &str = "10.7.3.1:80";
const SERVERS: [&str; 2] = ["10.7.2.11:80", "10.7.2.12:80"];
/// The client's address that servers answer through the director, and the one that they answer directly.
const CLIENTS: [&str; 2] = ["10.7.32.1", "10.7.16.1"];
/// For a program to notice and to end, on an emulated machine that runs other tests too.
const PATIENCE: Duration = Duration::from_secs(240);

type Story = fn(&Lab);

pub(super) fn tests() -> impl Iterator<Item = Test> {
    let stories: [(&str, Story); 5] = [
        ("drained_and_removed", drained_and_removed),
        ("interrupted", interrupted),
        ("the_time_is_up", the_time_is_up),
        ("others_change_the_table", others_change_the_table),
        ("persistent_clients_return", persistent_clients_return),
    ];
    stories.into_iter().map(|(name, story)| Test::new(format!("drain::{name}"), story))
}

/// Adds a service whose first server has weight 5, and the second one weight 1.
fn add_service(network: &Network, service: &str, method: &str, options: &str) {
    network.ipvs(&format!("-A -t {service} -s rr {options}"));
    for (server, weight) in SERVERS.into_iter().zip([5, 1]) {
        network.ipvs(&format!("-a -t {service} -r {server} {method} -w {weight}"));
    }
}

/// Two servers, masqueraded.
fn network(lab: &Lab) -> Network {
    let network = Network::new(lab, 2);
    add_service(&network, SERVICE, "-m", "");
    network
}

/// A connection that the first server holds; the others are closed again.
fn hold(network: &Network, service: &str, client: &str) -> Talk {
    let mut answered = (0..2).map(|_| network.connect(client, service).expect("an answer"));
    let talk = answered.find(|talk| talk.server == "s1");
    let talk = talk.expect("one of two connections goes to the first server");
    // The director has seen that it is established.
    wait_for("a connection to be counted", PATIENCE, || {
        let listing = network.director.try_run(&format!("ipvsadm -Ln -t {service}"))?;
        let line = listing.lines().find(|line| line.contains(SERVERS[0])).unwrap_or_default();
        if line.split_whitespace().nth(4) == Some("1") { Ok(()) } else { Err(listing) }
    });
    talk
}

#[track_caller]
fn wait_weight(network: &Network, service: &str, wanted: Option<u32>) {
    wait_for(format_args!("weight {wanted:?} of {}", SERVERS[0]), PATIENCE, || {
        let table = Table::of(&network.director)?;
        let seen = table.weight(service, SERVERS[0]);
        if seen == wanted { Ok(()) } else { Err(table.to_string()) }
    });
}

fn drain(network: &Network, more: &[&str]) -> Command {
    let mut command = network.director.command(VIPD);
    command.args(["ipvs", "drain", "-t", SERVICE, "-r", SERVERS[0], "--interval", "0.1"]).args(more);
    command
}

/// Runs a drain to its end: its status, standard output and standard error.
fn run(network: &Network, more: &[&str]) -> (Option<i32>, String, String) {
    let output = drain(network, more).output().expect("vipd starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A line of JSON, as the schema describes it.
#[track_caller]
fn event(line: &str) -> Value {
    let schema = document::schema();
    let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    Validator { root: &schema }.check(&schema, &event, "drain").unwrap_or_else(|error| panic!("{error}"));
    event
}

#[track_caller]
fn wait_log(process: &Process, wanted: &str) {
    wait_for(format_args!("{wanted:?} in the log"), PATIENCE, || -> Waited<()> {
        let log = process.log();
        if log.contains(wanted) { Ok(()) } else { Err(log) }
    });
}

/// In a terminal, through masquerading and direct routing.
fn drained_and_removed(lab: &Lab) {
    let network = network(lab);
    add_service(&network, "10.7.3.2:80", "-g", "");
    let screen = Screen::open(&network.director, 80, 24);
    for (service, client) in [(SERVICE, CLIENTS[0]), ("10.7.3.2:80", CLIENTS[1])] {
        let mut talk = hold(&network, service, client);
        screen.enter(&format!("clear; {VIPD} ipvs drain tcp:{service} {}; echo status=$?", SERVERS[0]));
        screen.wait_text("[----------------------------------------] 1 of 1 connection left (");
        wait_weight(&network, service, Some(0));
        for _ in 0..4 {
            assert_eq!(network.connect(client, service).expect("an answer").server, "s2", "{service}");
        }
        assert_eq!(talk.ask().expect("an answer on the old connection"), "s1", "{service}");
        drop(talk);
        let last = screen.wait("the end", |text| text.contains("\nstatus="));
        assert!(
            last.contains(&format!("{} is drained and removed from TCP {service} (", SERVERS[0])),
            "{last}"
        );
        assert!(last.contains("\nstatus=0") && !last.contains("left"), "the bar is gone: {last}");
        wait_weight(&network, service, None);
    }
}

/// By ^C in a terminal, and by SIGTERM: the weight comes back.
fn interrupted(lab: &Lab) {
    let network = network(lab);
    let mut talk = hold(&network, SERVICE, CLIENTS[0]);
    let screen = Screen::open(&network.director, 80, 24);
    screen.enter(&format!("{VIPD} ipvs drain -t {SERVICE} -r {}; echo status=$?", SERVERS[0]));
    screen.wait_text("1 of 1 connection left");
    wait_weight(&network, SERVICE, Some(0));
    screen.press(&["C-c"]);
    let last = screen.wait("the end", |text| text.contains("\nstatus="));
    assert!(last.contains("interrupted: 10.7.2.11:80 has weight 5 again\nstatus=130"), "{last}");
    wait_weight(&network, SERVICE, Some(5));

    for (signal, status) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let process = network.director.start("drain", &mut drain(&network, &[]));
        wait_log(&process, "1 of 1 connection left");
        wait_weight(&network, SERVICE, Some(0));
        process.signal(signal);
        assert_eq!(process.wait_exit(PATIENCE).code(), Some(status), "{}", process.log());
        wait_weight(&network, SERVICE, Some(5));
    }
    // Told to programs, reading by reading.
    let process = network.director.start("drain", &mut drain(&network, &["--json"]));
    let events = |process: &Process| -> Vec<String> {
        // The last line may be on its way.
        let log = process.log();
        let whole = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let event = |line: &str| line.starts_with('{').then(|| event(line)["event"].to_string());
        whole.lines().filter_map(event).collect()
    };
    wait_for("three readings", PATIENCE, || {
        let events = events(&process);
        if events.len() >= 3 { Ok(()) } else { Err(format!("{events:?}")) }
    });
    process.signal(Signal::SIGINT);
    assert_eq!(process.wait_exit(PATIENCE).code(), Some(130), "{}", process.log());
    let events = events(&process);
    let (last, progress) = events.split_last().expect("an event");
    assert_eq!(last, r#""interrupted""#);
    assert!(progress.iter().all(|event| event == r#""progress""#), "{events:?}");
    wait_weight(&network, SERVICE, Some(5));
    assert_eq!(talk.ask().expect("an answer"), "s1");
}

/// The weight comes back, or what else was asked for; in words and as JSON.
fn the_time_is_up(lab: &Lab) {
    let network = network(lab);
    let mut talk = hold(&network, SERVICE, CLIENTS[0]);
    let (status, out, err) = run(&network, &["--timeout", "0.5"]);
    assert_eq!(status, Some(3), "{out}{err}");
    assert_eq!(out, "10.7.2.11:80: 1 of 1 connection left\n", "a line now and then");
    assert_eq!(err, "the time is up with 1 connection left: 10.7.2.11:80 has weight 5 again\n");
    wait_weight(&network, SERVICE, Some(5));
    assert_eq!(talk.ask().expect("an answer"), "s1");

    let (status, out, err) = run(&network, &["--timeout", "0.5", "--on-timeout", "remove", "--json"]);
    assert_eq!(status, Some(3), "{out}{err}");
    let events: Vec<Value> = out.lines().map(|line| event(line)).collect();
    let (last, progress) = events.split_last().expect("an event");
    assert!(!progress.is_empty(), "the first reading is told: {out}");
    for event in progress {
        assert_eq!((&event["event"], &event["left"]), (&Value::from("progress"), &Value::from(1)), "{out}");
    }
    assert_eq!(
        (&last["event"], &last["then"]),
        (&Value::from("timed_out"), &Value::from("removed")),
        "{out}"
    );
    wait_weight(&network, SERVICE, None);
}

/// Someone else gives the server a weight, or removes it, or there is none to take over.
fn others_change_the_table(lab: &Lab) {
    let network = network(lab);
    let _talk = hold(&network, SERVICE, CLIENTS[0]);
    let process = network.director.start("drain", &mut drain(&network, &[]));
    wait_weight(&network, SERVICE, Some(0));
    network.director.run(&format!("ipvsadm -e -t {SERVICE} -r {} -m -w 3", SERVERS[0]));
    assert_eq!(process.wait_exit(PATIENCE).code(), Some(4), "{}", process.log());
    assert!(process.log().contains("someone else set the weight of 10.7.2.11:80 of TCP 10.7.3.1:80 to 3"));
    wait_weight(&network, SERVICE, Some(3));

    network.director.run(&format!("ipvsadm -e -t {SERVICE} -r {} -m -w 0", SERVERS[1]));
    let (status, _, err) = run(&network, &[]);
    assert_eq!(status, Some(5), "{err}");
    assert!(err.contains("the only server of TCP 10.7.3.1:80 with a weight above 0"), "{err}");
    wait_weight(&network, SERVICE, Some(3));

    let process = network.director.start("drain", &mut drain(&network, &["--force"]));
    wait_weight(&network, SERVICE, Some(0));
    network.director.run(&format!("ipvsadm -d -t {SERVICE} -r {}", SERVERS[0]));
    assert_eq!(process.wait_exit(PATIENCE).code(), Some(4), "{}", process.log());
    assert!(process.log().contains("someone else removed 10.7.2.11:80 of TCP 10.7.3.1:80"));

    let (status, _, err) = run(&network, &[]);
    assert_eq!((status, &*err), (Some(1), "service TCP 10.7.3.1:80 has no server 10.7.2.11:80\n"));
}

/// A client that the service remembers is led to a server of weight 0, unless the kernel is told otherwise: the
/// warning is true.
fn persistent_clients_return(lab: &Lab) {
    let network = Network::new(lab, 2);
    add_service(&network, SERVICE, "-m", "-p 300");
    // Whichever server the client was given, it is the first one that is drained.
    let who = || network.connect(CLIENTS[0], SERVICE).expect("an answer").server;
    if who() == "s2" {
        network.ipvs("-C");
        network.ipvs(&format!("-A -t {SERVICE} -s rr -p 300"));
        network.ipvs(&format!("-a -t {SERVICE} -r {} -m -w 5", SERVERS[0]));
        who();
        network.ipvs(&format!("-a -t {SERVICE} -r {} -m -w 1", SERVERS[1]));
    }
    let process = network.director.start("drain", &mut drain(&network, &["--keep", "--inactive"]));
    wait_log(&process, "TCP 10.7.3.1:80 is persistent: it goes on leading 1 client");
    wait_weight(&network, SERVICE, Some(0));
    assert_eq!(who(), "s1", "the client is remembered");
    network.director.sysctl("ipv4.vs.expire_quiescent_template", "1");
    assert_eq!(who(), "s2", "and then no more");
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait_exit(PATIENCE).code(), Some(143), "{}", process.log());
}
