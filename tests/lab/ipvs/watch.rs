//! `--watch` in a terminal and in a pipe: with traffic, with changes, with many servers, and how it ends.

use super::write::vipd;
use super::{Pair, Story};
use crate::VIPD;
use crate::support::{Screen, descendants, wait_for};
use crate::validator::Validator;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

pub(super) const STORIES: [(&str, Story); 6] = [
    ("watch_in_a_terminal", watch_in_a_terminal),
    ("watch_in_a_pipe", watch_in_a_pipe),
    ("watch_ends_by_a_signal", watch_ends_by_a_signal),
    ("watch_stops_and_goes_on", watch_stops_and_goes_on),
    ("watch_has_the_columns_of_listings", watch_has_the_columns_of_listings),
    ("watch_ten_thousand_servers", watch_ten_thousand_servers),
];

const PATIENCE: Duration = Duration::from_secs(60);
const SERVICE: &str = "10.9.0.3:80";
/// Everything that a column can show.
const RULES: &str = "\
-A -t 10.9.0.3:80 -s wrr -p 300
-a -t 10.9.0.3:80 -r 10.9.0.77:80 -i -w 17 -x 900 -y 450
-a -t 10.9.0.3:80 -r 10.9.0.78:80 -m -w 4
";

/// What clients do.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Still,
    Connecting,
    /// They have gone.
    Over,
}

/// Clients that connect when they are told to.
struct Traffic {
    phase: Mutex<Phase>,
    changed: Condvar,
}

impl Traffic {
    fn set(&self, phase: Phase) {
        *self.phase.lock().expect("no panic while held") = phase;
        self.changed.notify_all();
    }

    /// Returns once there is something to do; false when it is over.
    fn goes_on(&self) -> bool {
        let phase = self.phase.lock().expect("no panic while held");
        let still = |phase: &mut Phase| *phase == Phase::Still;
        *self.changed.wait_while(phase, still).expect("no panic while held") == Phase::Connecting
    }
}

/// Whatever happens to a test, its clients end.
struct End<'a>(&'a Traffic);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.set(Phase::Over);
    }
}

/// Runs `work` beside clients of 10.9.0.3:80, all of which the host's own server takes.
fn with_traffic(pair: &Pair, work: impl FnOnce(&Traffic)) {
    pair.ours.run("ip address add 10.9.0.3/32 dev lo");
    pair.ours.run("ipvsadm -A -t 10.9.0.3:80 -s rr");
    pair.ours.run("ipvsadm -a -t 10.9.0.3:80 -r 10.9.0.2 -w 1");
    pair.ours.run("ipvsadm -a -t 10.9.0.3:80 -r 10.9.0.77 -w 0");
    let listener = pair.ours.enter(|| TcpListener::bind("10.9.0.3:80").unwrap());
    listener.set_nonblocking(true).unwrap();
    let service = "10.9.0.3:80".parse().unwrap();
    let traffic = Traffic { phase: Mutex::new(Phase::Still), changed: Condvar::new() };
    thread::scope(|scope| {
        let _end = End(&traffic);
        scope.spawn(|| {
            pair.theirs.enter(|| {
                while traffic.goes_on() {
                    drop(TcpStream::connect_timeout(&service, Duration::from_secs(1)));
                    drop(listener.accept());
                }
            });
        });
        work(&traffic);
    });
}

/// The line of this server.
fn row<'s>(screen: &'s str, server: &str) -> &'s str {
    screen.lines().find(|line| line.contains(server)).unwrap_or_default()
}

fn watch_in_a_terminal(pair: &Pair) {
    with_traffic(pair, |traffic| {
        let screen = Screen::open(&pair.ours, 80, 24);
        screen.enter(&format!("{VIPD} ipvs -Ln --watch=0.5; echo status=$?"));
        let first = screen.wait_text("1 service, 2 servers");
        assert!(first.starts_with("vipd ipvs, every 0.5 s"), "{first}");
        assert!(!first.contains("100%"), "nothing flows yet: {first}");
        traffic.set(Phase::Connecting);
        let busy = screen.wait("all of the traffic at one server", |text| {
            row(text, "-> 10.9.0.2:80").contains("100%") && row(text, "-> 10.9.0.77:80").contains("  0%")
        });
        assert!(busy.lines().all(|line| line.chars().count() <= 80), "{busy}");
        // What others change is seen; what is gone goes.
        pair.ours.run("ipvsadm -e -t 10.9.0.3:80 -r 10.9.0.2 -w 4321");
        screen.wait("the weight", |text| row(text, "-> 10.9.0.2:80").contains("4321"));
        screen.resize(60, 10);
        screen.wait("lines of the smaller window", |text| {
            text.contains("10.9.0.77:80") && text.lines().all(|line| line.chars().count() <= 60)
        });
        traffic.set(Phase::Still);
        pair.ours.run("ipvsadm -D -t 10.9.0.3:80");
        screen.wait("an empty table", |text| text.contains("0 services, 0 servers") && !text.contains("->"));
        screen.press(&["C-c"]);
        screen.wait_text("status=0");
        // A terminal on which nothing can be overwritten gets lines.
        screen.enter(&format!("clear; TERM=dumb {VIPD} ipvs -L --watch=0.5; echo status=$?"));
        screen.wait_text(r#"{"listing":"changes","version":1"#);
        screen.press(&["C-c"]);
        screen.wait_text("status=0");
    });
}

fn watch_in_a_pipe(pair: &Pair) {
    let schema = pair.ours.command(VIPD).args(["ipvs", "schema"]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    with_traffic(pair, |traffic| {
        let mut command = pair.ours.command(VIPD);
        command.args(["ipvs", "-L", "--watch", "0.5", "-t", "10.9.0.3:80"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || {
            let reading: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            Validator { root: &schema }.check(&schema, &reading, "watch").unwrap_or_else(|e| panic!("{e}"));
            reading
        };
        let first = next();
        assert_eq!((&first["listing"], &first["elapsed"]), (&"changes".into(), &Value::Null));
        assert_eq!(first["services"][0]["servers"].as_array().map(Vec::len), Some(2));
        traffic.set(Phase::Connecting);
        let busy = loop {
            let reading = next();
            let rate = &reading["services"][0]["watched"]["rates"]["connections"];
            if rate.as_f64().is_some_and(|rate| rate > 0.0) {
                break reading;
            }
        };
        let servers = busy["services"][0]["servers"].as_array().unwrap();
        assert_eq!(servers.len(), 1, "idle servers are left out: {busy:#}");
        assert_eq!(servers[0]["watched"]["share"], 1.0);
        traffic.set(Phase::Still);
        pair.ours.run("ipvsadm -D -t 10.9.0.3:80");
        while next()["services"][0]["watched"]["change"] != "gone" {}
        // A service that comes back is a new one, with all its servers, and begins at 0.
        pair.ours.run("ipvsadm -A -t 10.9.0.3:80 -s wlc");
        pair.ours.run("ipvsadm -a -t 10.9.0.3:80 -r 10.9.0.2 -w 1");
        let (elapsed, service, server) = loop {
            let reading = next();
            let service = &reading["services"][0];
            let server = &service["servers"][0];
            if !server.is_null() {
                break (reading["elapsed"].as_f64().unwrap(), service.clone(), server.clone());
            }
        };
        assert_eq!((&service["scheduler"], &server["watched"]["change"]), (&"wlc".into(), &"new".into()));
        // A server that connections still hold the kernel brings back with what it had counted.
        let rates = [&service, &server].map(|of| of["watched"]["rates"]["connections"].as_f64().unwrap());
        let held = server["counters"]["connections"].as_f64().unwrap();
        for (rate, counted) in rates.into_iter().zip([0.0, held]) {
            assert!((rate * elapsed - counted).abs() < 0.01, "{elapsed} s: {service:#}");
        }
        // Whoever reads the pipe goes, and so does the program.
        drop(lines);
        let _ = child.wait().unwrap();
    });
}

/// Watches in a terminal, until the table shows.
fn watched(pair: &Pair, columns: u16, arguments: &str, wanted: &str) -> Screen {
    let screen = Screen::open(&pair.ours, columns, 24);
    screen.enter(&format!("{VIPD} ipvs {arguments}; echo status=$?"));
    screen.wait_text(wanted);
    assert!(!screen.has_cursor(), "it would jump about");
    screen
}

/// Below its table, the shell has a terminal as it was.
fn is_in_order(screen: &Screen) {
    wait_for("the cursor", PATIENCE, || {
        if screen.has_cursor() { Ok(()) } else { Err("it is hidden".to_owned()) }
    });
    screen.enter("clear; stty -a | tr ' ;' '\\n\\n' | grep -cxE 'echo|icanon|isig|icrnl|opost'");
    screen.wait("all settings as they were", |text| text.lines().any(|line| line == "5"));
}

fn watch_ends_by_a_signal(pair: &Pair) {
    assert_eq!(vipd(&pair.ours, "-R", RULES).0, Some(0));
    for (signal, status) in [(Signal::SIGINT, 0), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let screen = watched(pair, 80, "-Ln --watch", "1 service, 2 servers");
        let pid = *descendants(screen.shell()).first().expect("the shell has started it");
        kill(pid, signal).unwrap();
        let text = screen.wait("the end", |text| text.contains("status="));
        let last: Vec<&str> = text.lines().skip(4).take(2).collect();
        assert!(row(&text, "-> 10.9.0.78:80").starts_with("  -> "), "the table stays: {text}");
        assert_eq!(last[1], format!("status={status}"), "right below it: {text}");
        is_in_order(&screen);

        let mut command = pair.ours.command(VIPD);
        // A log of its own: lines of the one before would count.
        let name = format!("watch{status}");
        let process = pair.ours.start(&name, command.args(["ipvs", "-L", "--watch=0.2", "--json"]));
        wait_for("two lines", PATIENCE, || {
            let log = process.log();
            if log.lines().count() >= 2 { Ok(()) } else { Err(log) }
        });
        process.signal(signal);
        assert_eq!(process.wait_exit(PATIENCE).code(), Some(status), "{signal}");
        let log = process.log();
        assert!(log.ends_with('\n'), "whole lines: {log}");
        assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "no word else: {log}");
    }
}

/// ^Z and fg.
fn watch_stops_and_goes_on(pair: &Pair) {
    assert_eq!(vipd(&pair.ours, "-R", RULES).0, Some(0));
    let screen = watched(pair, 80, "-Ln --watch=0.5", "1 service, 2 servers");
    screen.press(&["C-z"]);
    screen.wait_text("Stopped");
    is_in_order(&screen);
    screen.enter("clear; fg");
    screen.wait("all of the table", |text| {
        text.starts_with("vipd ipvs, every 0.5 s") && text.contains("-> 10.9.0.78:80") && !text.contains("fg")
    });
    wait_for("no cursor", PATIENCE, || {
        if screen.has_cursor() { Err("there is one".to_owned()) } else { Ok(()) }
    });
    // A service that is removed and added meanwhile.
    pair.ours.run("ipvsadm -D -t 10.9.0.3:80");
    screen.wait_text("0 services, 0 servers");
    assert_eq!(vipd(&pair.ours, "-R", RULES).0, Some(0));
    screen.wait("the table again", |text| {
        text.contains("1 service, 2 servers") && row(text, "-> 10.9.0.78:80").starts_with("  -> ")
    });
    screen.press(&["C-c"]);
    is_in_order(&screen);
}

fn watch_has_the_columns_of_listings(pair: &Pair) {
    assert_eq!(vipd(&pair.ours, "-R", RULES).0, Some(0));
    let cells = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let rates = "Conn/s InPkt/s OutPk/s InB/s OutB/s";
    for (options, titles, server) in [
        ("--stats", rates, "0 0 0 0 0"),
        ("--rate", rates, "0 0 0 0 0"),
        ("--rate --exact", rates, "0.0 0.0 0.0 0.0 0.0"),
        ("--thresholds", "Upper Lower Active InAct Conn/s", "900 450 0 0 0"),
        ("--persistent-conn", "Weight Persist Active InAct Conn/s", "17 0 0 0 0"),
        ("--tun-info", "Forward Weight Active InAct Conn/s", "Tunnel 17 0 0 0"),
        ("", "Weight Active Conn/s InB/s OutB/s", "17 0 0 0 0"),
    ] {
        let screen = watched(pair, 100, &format!("-Ln --watch=0.2 {options}"), "1 service, 2 servers");
        // Rates are known when the kernel has added up.
        let text = screen.wait(&format!("{server:?} with {options}"), |text| {
            cells(row(text, "-> 10.9.0.77:80")).get(2..) == Some(&cells(server)[..])
        });
        let head = cells(row(&text, "Service / server"));
        assert_eq!(head.get(3..), Some(&cells(&format!("{titles} Share"))[..]), "{options}: {text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{options}: {text}");
        screen.press(&["C-c"]);
        screen.wait_text("status=0");
    }
}

fn watch_ten_thousand_servers(pair: &Pair) {
    let mut rules = format!("-A -t {SERVICE} -s rr\n");
    for n in 0..10_000 {
        writeln!(rules, "-a -t {SERVICE} -r 10.64.{}.{}:80 -g -w 1", n / 250, n % 250 + 1).unwrap();
    }
    assert_eq!(vipd(&pair.ours, "-R", &rules).0, Some(0));
    let screen = watched(pair, 80, "-Ln --watch=2", "1 service, 10000 servers");
    // A line for what there is, one for the titles, the service and its servers; the last row tells what is missing.
    let text = screen.wait_text("(9980 more lines: a larger window shows them)");
    assert_eq!(text.lines().count(), 24, "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("-> 10.64.0.")).count(), 20, "{text}");
    pair.ours.run("ipvsadm -e -t 10.9.0.3:80 -r 10.64.0.3 -w 4321");
    screen.wait("a weight", |text| row(text, "-> 10.64.0.3:80").contains("4321"));
    screen.press(&["C-c"]);
    screen.wait_text("status=0");

    let mut command = pair.ours.command(VIPD);
    let mut child = command.args(["ipvs", "-L", "--watch=2"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["services"][0]["servers"].as_array().map(Vec::len), Some(10_000));
    assert_eq!(next()["services"], json!([]));
    // What changes is told, and nothing else: that the listing goes on where another server has been does not count.
    pair.ours.run("ipvsadm -d -t 10.9.0.3:80 -r 10.64.39.250");
    let changed = std::iter::repeat_with(&mut next).find(|reading| reading["services"] != json!([])).unwrap();
    let servers = changed["services"][0]["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 1, "{changed:#}");
    assert_eq!(
        (&servers[0]["name"], &servers[0]["watched"]["change"]),
        (&"10.64.39.250:80".into(), &"gone".into())
    );
    assert_eq!(next()["services"], json!([]), "and it does not come back");
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
