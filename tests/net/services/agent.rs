//! `AGENT_CHECK` with an agent that changes its mind.

use super::{Check, last_says, lines, watch};
use crate::support::{Director, Host, Lab, wait_for};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// Says what it is to say, and keeps what it heard before that, if it has to hear anything.
fn agent(host: &Host, port: u16, hears: bool) -> Arc<Mutex<(&'static str, String)>> {
    let listener = host.enter(|| TcpListener::bind(("127.0.0.1", port))).expect("listen");
    let mind = Arc::new(Mutex::new(("up\n", String::new())));
    let shared = Arc::clone(&mind);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut heard = String::new();
            if hears {
                // Who leaves in the middle is no matter.
                let _ = BufReader::new(&connection).read_line(&mut heard);
            }
            let mut mind = shared.lock().expect("no panic while held");
            mind.1 = heard;
            let _ = connection.write_all(mind.0.as_bytes());
        }
    });
    mind
}

#[track_caller]
fn says(director: &Director, words: &str, count: usize) {
    wait_for(format_args!("{count} times {words}"), super::LIMIT, || {
        let lines = lines(director, 1);
        match lines.iter().filter(|line| line.contains(words)).count() {
            found if found == count => Ok(()),
            _ => Err(lines.join("\n")),
        }
    });
}

pub(super) fn decides(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let mind = agent(&host, 7000, true);
    let _silent = host.enter(|| TcpListener::bind("127.0.0.1:7001")).expect("listen");
    let checks: [Check<'_>; 3] =
        [("AGENT_CHECK", "send \"web1 status\"", 7000), ("AGENT_CHECK", "", 7001), ("AGENT_CHECK", "", 7002)];
    let director = watch(&host, &checks);
    last_says(&director, 1, "success.");
    last_says(&director, 2, "timeout");
    last_says(&director, 3, "Connection refused");
    let say = |words| mind.lock().expect("no panic while held").0 = words;
    say("up 50%\n");
    says(&director, "Changing weight from 4 to 2 for active service", 1);
    say("drain\n");
    says(&director, "Changing weight from 2 to 0 for active service", 1);
    say("ready 200%\n");
    says(&director, "Changing weight from 0 to 8 for active service", 1);
    say("down # disk full\n");
    says(&director, "after 1 retries", 1);
    last_says(&director, 1, "the agent says `down # disk full`");
    say("up\n");
    last_says(&director, 1, "success.");
    assert_eq!(mind.lock().expect("no panic while held").1, "web1 status\n");
    director.terminate();
}
