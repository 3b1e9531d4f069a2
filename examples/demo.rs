//! The two-director set-up, told live: two directors, two servers and a client on a real kernel; a server dies, then
//! the master. `make demo` builds and runs it; it fails if any step did not happen.
#![allow(clippy::disallowed_methods, reason = "it runs in real time")]

#[path = "../tests/lab/support/mod.rs"]
mod support;

use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::{Implementation, Kernel, Lab, Scenario, guarded, run_where_possible, serve_if_asked};

const PICTURE: &str = "
      client .10       director1 .201     director2 .202
          |            priority 150       priority 100
          |                 |                  |            virtual addresses .230 and .119
      ----+--------+--------+---------+--------+----        on the master's eth0
                   |                  |                     192.168.219.0/24
             server1 .111       server2 .112                .119 also on lo of both servers
";

const MASTER: usize = 0;
const BACKUP: usize = 1;

fn main() -> ExitCode {
    serve_if_asked();
    run_where_possible(Kernel::Ipvs);
    let story = Story::begin();
    println!(
        "Read traffic of a database is balanced over two servers; two directors share the work.\n{PICTURE}"
    );
    match guarded(|lab| tell(&story, lab)) {
        Ok(()) => {
            println!(
                "\n{} in {:.0} s.",
                story.paint("1;32", "All of it happened"),
                story.start.elapsed().as_secs_f64()
            );
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("\r{} {failure}", story.paint("1;31", "✘ This did not happen:"));
            ExitCode::FAILURE
        }
    }
}

/// The program that the demo shows: `cargo build` puts it beside the folder of the examples.
fn vipd() -> PathBuf {
    let program = std::env::current_exe().expect("the path of this program");
    let path =
        program.parent().and_then(|examples| examples.parent()).expect("target/debug/examples").join("vipd");
    assert!(path.exists(), "{} is not built: cargo build --bin vipd", path.display());
    path
}

fn tell(story: &Story, lab: &Lab) {
    let scenario = story.step("the network is built", || (Scenario::build(lab, vipd()), None));
    let director = |which: usize| scenario.directors[which].name();

    story.chapter("Two directors start");
    let [master, backup] = [MASTER, BACKUP].map(|which| scenario.start(which, Implementation::Vipd));
    story.step("director1 is master, by its priority", || {
        scenario.wait_master(MASTER);
        ((), Some(format!("its eth0 has {}", scenario.directors[MASTER].addresses().join(", "))))
    });
    story.step("both have the same table: two servers, weight 1", || {
        for which in [MASTER, BACKUP] {
            scenario.wait_weights(which, [1, 1], 2 * Scenario::CHECK_INTERVAL);
        }
        ((), Some(table(&scenario, MASTER)))
    });
    requests(story, &scenario, "four requests, each server in turn", [2, 2]);

    story.chapter("server1's process is killed");
    scenario.servers[0].kill();
    story.step("its weight is 0, its entry stays", || {
        let start = Instant::now();
        scenario.wait_weights(MASTER, [0, 1], 3 * Scenario::CHECK_INTERVAL);
        let noticed = start.elapsed().as_secs_f64();
        scenario.wait_weights(BACKUP, [0, 1], 3 * Scenario::CHECK_INTERVAL);
        ((), Some(format!("noticed after {noticed:.1} s, checked every 3 s\n{}", table(&scenario, MASTER))))
    });
    requests(story, &scenario, "four requests, all to server2", [0, 4]);
    scenario.servers[0].restart();
    story.step("server1 runs again and has weight 1", || {
        let start = Instant::now();
        scenario.wait_weights(MASTER, [1, 1], 3 * Scenario::CHECK_INTERVAL);
        ((), Some(format!("after {:.1} s", start.elapsed().as_secs_f64())))
    });
    requests(story, &scenario, "four requests, each server in turn", [2, 2]);

    story.chapter("The master is killed with SIGKILL, all of its processes, while the client goes on asking");
    scenario.learn_addresses();
    let stream = scenario.client.stream(Scenario::service());
    stream.wait_answer(Instant::now(), Duration::from_secs(2));
    let before = scenario.client.host().neighbour(Scenario::VIP).unwrap_or_default();
    master.kill();
    let killed = Instant::now();
    story.step("director2 is master", || {
        scenario.wait_addresses(BACKUP, true);
        scenario.wait_neighbours(BACKUP);
        let now = scenario.client.host().neighbour(Scenario::VIP).unwrap_or_default();
        ((), Some(format!("the client's neighbour table: {} at {now} (was {before})", Scenario::VIP)))
    });
    story.step("the client is served again", || {
        stream.wait_answer(killed, Scenario::FAILOVER_LIMIT);
        let outage = stream.longest_outage().as_millis();
        let (asked, answered) =
            (stream.answers().len(), stream.answers().iter().filter(|a| a.server.is_some()).count());
        let text = format!(
            "its outage: {} ms; {answered} of {asked} requests answered\n\
             (the kernel of a director without its daemon goes on forwarding until the addresses have moved)",
            story.paint("1", &outage.to_string()),
        );
        ((), Some(text))
    });
    drop(stream);
    requests(story, &scenario, "four requests, each server in turn", [2, 2]);

    story.chapter("The old master comes back");
    let stream = scenario.client.stream(Scenario::service());
    let master = scenario.start(MASTER, Implementation::Vipd);
    story.step("director1 takes over again, by its priority", || {
        scenario.wait_master(MASTER);
        scenario.wait_neighbours(MASTER);
        let now = Instant::now();
        stream.wait_answer(now, Scenario::FAILOVER_LIMIT);
        ((), Some(format!("the client's longest wait: {} ms", stream.longest_outage().as_millis())))
    });
    drop(stream);

    story.chapter("The master's cable is pulled out");
    let stream = scenario.client.stream(Scenario::service());
    stream.wait_answer(Instant::now(), Duration::from_secs(2));
    scenario.directors[MASTER].unplug();
    let pulled = Instant::now();
    story.step("director2 is master and serves the client", || {
        scenario.wait_addresses(BACKUP, true);
        stream.wait_answer(pulled + Duration::from_millis(200), Scenario::FAILOVER_LIMIT);
        let outage = story.paint("1", &stream.longest_outage().as_millis().to_string());
        (
            (),
            Some(format!(
                "the client's outage: {outage} ms (the protocol takes 2.6 to 3.6 s: three adverts missed, and the skew)"
            )),
        )
    });
    scenario.directors[MASTER].plug_in();
    story.step("the cable is in again, director1 is master again", || {
        scenario.wait_master(MASTER);
        scenario.wait_neighbours(MASTER);
        ((), None)
    });
    drop(stream);

    story.chapter("Both are stopped with SIGTERM");
    for (which, running) in [(MASTER, master), (BACKUP, backup)] {
        story.step(&format!("{} leaves no address and no table entry", director(which)), || {
            let took = running.terminate();
            scenario.wait_clean(which);
            ((), Some(format!("gone after {} ms", took.as_millis())))
        });
    }
}

fn requests(story: &Story, scenario: &Scenario, what: &str, expected: [usize; 2]) {
    story.step(what, || {
        let answered = scenario.requests(4);
        assert_eq!(answered, expected, "answered by server1, by server2");
        ((), Some(format!("{} answered by server1, {} by server2", answered[0], answered[1])))
    });
}

fn table(scenario: &Scenario, which: usize) -> String {
    let host = &scenario.directors[which];
    let table = host.run(&format!("{} ipvs -Ln", vipd().display()));
    format!("vipd ipvs -Ln on {}:\n{}", host.name(), table.trim_end())
}

/// The telling: what is awaited, and what came when.
struct Story {
    start: Instant,
    terminal: bool,
    colour: bool,
}

impl Story {
    fn begin() -> Self {
        let terminal = stdout().is_terminal();
        Self { start: Instant::now(), terminal, colour: terminal && std::env::var_os("NO_COLOR").is_none() }
    }

    fn chapter(&self, title: &str) {
        println!("\n{}", self.paint("1", title));
    }

    /// Does `work`, and says that `what` happened, when, and how it looks.
    fn step<T>(&self, what: &str, work: impl FnOnce() -> (T, Option<String>)) -> T {
        if self.terminal {
            print!("         … {what}");
            let _ = stdout().flush();
        }
        let (value, detail) = work();
        let line_start = if self.terminal { "\r" } else { "" };
        println!("{line_start}{:6.1} s {} {what}", self.start.elapsed().as_secs_f64(), self.paint("32", "✔"));
        for line in detail.iter().flat_map(|detail| detail.lines()) {
            println!("           {line}");
        }
        value
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
