//! `--watch` in a terminal and in a pipe, with traffic.

use super::{Pair, Story};
use crate::VIPD;
use crate::support::Screen;
use crate::validator::Validator;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

pub(super) const STORIES: [(&str, Story); 2] =
    [("watch_in_a_terminal", watch_in_a_terminal), ("watch_in_a_pipe", watch_in_a_pipe)];

/// Runs `work` while connections come in for 10.9.0.3:80, all of which the host's own server takes.
fn with_traffic(pair: &Pair, work: impl FnOnce(&AtomicBool)) {
    pair.ours.run("ip address add 10.9.0.3/32 dev lo");
    pair.ours.run("ipvsadm -A -t 10.9.0.3:80 -s rr");
    pair.ours.run("ipvsadm -a -t 10.9.0.3:80 -r 10.9.0.2 -w 1");
    pair.ours.run("ipvsadm -a -t 10.9.0.3:80 -r 10.9.0.77 -w 0");
    let listener = pair.ours.enter(|| TcpListener::bind("10.9.0.3:80").unwrap());
    listener.set_nonblocking(true).unwrap();
    let service = "10.9.0.3:80".parse().unwrap();
    let (flowing, done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            pair.theirs.enter(|| {
                while !done.load(Ordering::Relaxed) {
                    if flowing.load(Ordering::Relaxed) {
                        drop(TcpStream::connect_timeout(&service, Duration::from_secs(1)));
                        drop(listener.accept());
                    } else {
                        thread::yield_now();
                    }
                }
            });
        });
        let finished = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&flowing)));
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = finished {
            std::panic::resume_unwind(panic);
        }
    });
}

/// The line of this server.
fn row<'s>(screen: &'s str, server: &str) -> &'s str {
    screen.lines().find(|line| line.contains(server)).unwrap_or_default()
}

fn watch_in_a_terminal(pair: &Pair) {
    with_traffic(pair, |flowing| {
        let screen = Screen::open(&pair.ours, 80, 24);
        screen.enter(&format!("{VIPD} ipvs -Ln --watch=0.5; echo status=$?"));
        let first = screen.wait_text("1 service, 2 servers");
        assert!(first.starts_with("vipd ipvs, every 0.5 s"), "{first}");
        assert!(!first.contains("100%"), "nothing flows yet: {first}");
        flowing.store(true, Ordering::Relaxed);
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
        flowing.store(false, Ordering::Relaxed);
        pair.ours.run("ipvsadm -D -t 10.9.0.3:80");
        screen.wait("an empty table", |text| text.contains("0 services, 0 servers") && !text.contains("->"));
        screen.press(&["C-c"]);
        screen.wait_text("status=0");
    });
}

fn watch_in_a_pipe(pair: &Pair) {
    let schema = pair.ours.command(VIPD).args(["ipvs", "schema"]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    with_traffic(pair, |flowing| {
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
        flowing.store(true, Ordering::Relaxed);
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
        flowing.store(false, Ordering::Relaxed);
        pair.ours.run("ipvsadm -D -t 10.9.0.3:80");
        while next()["services"][0]["watched"]["change"] != "gone" {}
        // Whoever reads the pipe goes, and so does the program.
        drop(lines);
        let _ = child.wait().unwrap();
    });
}
