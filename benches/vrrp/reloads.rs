//! What thousands of reloads leave behind: memory, descriptors, and a neighbour's adverts.

use super::stage::{Instance, Program, Stage, addresses, memory, processes, start_on};
use super::support::{Capture, Host, Process, wait_for};
use super::{FAST, LIMIT, SECOND, plain};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// `reloads`: two configurations in turn, of which one instance is the same in both, with an advert each 10 ms.
pub(crate) fn reloads(program: &Program, count: usize) {
    let stage = Stage::new(2);
    let steady = Instance {
        version: 3,
        advert_int: "0.01",
        addresses: addresses(1),
        ..plain("steady".into(), "e0".into(), 7, 200)
    };
    let texts = [100, 150].map(|changing| {
        let other = |n: usize| Instance {
            addresses: addresses(changing * (n + 1))[changing * n + 1..].to_vec(),
            advertised: 20,
            ..plain(
                format!("other{n}"),
                "e1".into(),
                u8::try_from(n + 1).unwrap(),
                100 + u8::try_from(n).unwrap(),
            )
        };
        // The second one comes and goes.
        let others = if changing == 150 { 2 } else { 1 };
        steady.text() + &(0..others).map(|n| other(n).text()).collect::<String>()
    });
    let process = start_on(&stage.router, program, &texts[0]);
    sleep(SECOND * 5);
    let mut log = Log::open(&stage.router);
    reload(&process, &stage.router, &mut log, &texts, 200);
    let before = (memory(&process), descriptors(&process));
    let capture = Capture::start_on(&stage.peer, "e0");
    let begin = Instant::now();
    reload(&process, &stage.router, &mut log, &texts, count);
    let took = begin.elapsed();
    let after = (memory(&process), descriptors(&process));
    let times: Vec<Duration> = capture.adverts().into_iter().map(|(at, _)| at).collect();
    let mut gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    println!(
        "  {:<12} {count} reloads in {:.1} s: {:.1} to {:.1} MiB, {} to {} descriptors; a neighbour of 10 ms was silent \
         for {:.1} ms at most (99.9 % below {:.1})",
        program.name,
        took.as_secs_f64(),
        before.0,
        after.0,
        before.1,
        after.1,
        gaps.last().map_or(0.0, |gap| gap.as_secs_f64() * 1e3),
        gaps.get(gaps.len() * 999 / 1000).map_or(0.0, |gap| gap.as_secs_f64() * 1e3)
    );
}

fn reload(process: &Process, host: &Host, log: &mut Log, texts: &[String; 2], count: usize) {
    for round in 1..=count {
        fs::write(host.file("new"), &texts[round % 2]).expect("write the configuration");
        fs::rename(host.file("new"), host.file("keepalived.conf")).expect("put it in its place");
        process.signal(Signal::SIGHUP);
        let begin = Instant::now();
        while !log.says("Reload complete") {
            assert!(begin.elapsed() < LIMIT, "reload {round} was not carried out");
            sleep(FAST / 20);
        }
    }
    wait_for("quiet", LIMIT, || if log.says("") { Err("it writes".into()) } else { Ok(()) });
}

fn descriptors(process: &Process) -> usize {
    let of = |pid| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    processes(process).into_iter().map(of).sum()
}

/// A log that is read from where it was read last.
struct Log {
    file: File,
    line: String,
}

impl Log {
    fn open(host: &Host) -> Log {
        let mut file = File::open(host.file("router.log")).expect("its log");
        file.seek(SeekFrom::End(0)).expect("its end");
        Log { file, line: String::new() }
    }

    /// Whether a new whole line has this text.
    fn says(&mut self, text: &str) -> bool {
        self.file.read_to_string(&mut self.line).expect("its log");
        let Some(end) = self.line.rfind('\n') else { return false };
        let lines: String = self.line.drain(..=end).collect();
        lines.lines().any(|line| line.contains(text))
    }
}
