//! `storm TARGET COUNT [FIRST [FOLDER...]]`: as many texts as there is time for, without regard to coverage, and so
//! a hundred times as many as libFuzzer tries. Text n is the same each time; FOLDERs are corpora to begin with.

#[path = "../checks.rs"]
mod checks;
#[path = "../material.rs"]
mod material;
#[path = "../mutate.rs"]
mod mutate;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, fs, io, panic, process, thread};
use vipd::fuzzing;

/// A text that takes longer counts as one that never ends.
const PATIENCE: Duration = Duration::from_secs(20);

static NOW: AtomicU64 = AtomicU64::new(0);

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let usage = || io::Error::other("usage: storm TARGET COUNT [FIRST [FOLDER...]]");
    let target = arguments.first().ok_or_else(usage)?;
    let decoder = fuzzing::DECODERS.iter().find(|decoder| decoder.name == target);
    let check = match (target.as_str(), decoder) {
        ("parse", _) => checks::parse,
        ("fmt", _) => checks::fmt,
        (_, Some(decoder)) => decoder.check,
        _ => return Err(usage()),
    };
    let number = |i: usize| arguments.get(i).map(|a| a.parse::<u64>());
    let count = number(1).and_then(Result::ok).ok_or_else(usage)?;
    let first = number(2).unwrap_or(Ok(0)).map_err(|_| usage())?;
    let mut texts = match decoder {
        Some(decoder) => (decoder.seeds)(),
        None => material::texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?,
    };
    for folder in arguments.iter().skip(3) {
        let mut files: Vec<_> =
            fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
        files.sort();
        for file in files {
            texts.push(fs::read(file)?);
        }
    }
    let words = match decoder {
        Some(_) => fuzzing::words(),
        None => material::words().into_iter().map(String::into_bytes).collect(),
    };
    watch();
    let start = Instant::now();
    let (mut slowest, mut slowest_number) = (Duration::ZERO, 0);
    let mut told = start;
    for number in first..first + count {
        NOW.store(number, Relaxed);
        let text = mutate::text(number, &texts, &words);
        let begun = Instant::now();
        if panic::catch_unwind(|| check(&text)).is_err() {
            let file = format!("storm-{number}");
            fs::write(&file, &text)?;
            eprintln!("text {number} breaks it, and is in ./{file}");
            process::exit(1);
        }
        let took = begun.elapsed();
        if took > slowest {
            (slowest, slowest_number) = (took, number);
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            eprintln!("{} of {count} in {:.0?}", number - first + 1, start.elapsed());
        }
    }
    let memory = fs::read_to_string("/proc/self/status")?;
    let memory = memory.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default();
    println!(
        "{count} texts from {} seeds in {:.0?}; the slowest (text {slowest_number}) took {slowest:.1?}; {memory}",
        texts.len(),
        start.elapsed(),
    );
    Ok(())
}

/// Ends the program at a text that does not end. The processor's time counts: others may have it meanwhile.
fn watch() {
    thread::spawn(|| {
        let (mut number, mut since) = (0, spent());
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = NOW.load(Relaxed);
            if now != number {
                (number, since) = (now, spent());
            } else if spent().saturating_sub(since) > PATIENCE {
                eprintln!("text {number} does not end");
                process::exit(1);
            }
        }
    });
}

/// What the main thread had of the processor.
fn spent() -> Duration {
    let times = fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = times.split(' ').next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
