//! `vipd complete PROGRAM WORD… CURRENT`, which the scripts of `vipd completions` call: what may stand where the
//! cursor is, in the last word. A line each: the word, and behind a tab what it means. A line with nothing but `/` says
//! that it is the name of a file.
//!
//! There is always an answer, and never a message: who asks is in the middle of typing.

mod arguments;
#[cfg(test)]
mod tests;

use crate::ipvs::client::Client;
use crate::ipvs::grammar::complete::{self, Candidate, Known};
use crate::ipvs::model::{DestKey, Protocol, ServiceKey};
use crate::ipvs::names::Names;
use crate::sys::names;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;

/// The word by which the scripts ask. It is no subcommand for people.
pub(super) const WORD: &str = "complete";

/// What may stand at the cursor.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    candidates: Vec<Candidate>,
    /// The name of a file may stand there.
    files: bool,
}

impl From<Vec<Candidate>> for Answer {
    fn from(candidates: Vec<Candidate>) -> Self {
        Self { candidates, files: false }
    }
}

/// Answers for a command line: the program's name, its words, and the word with the cursor, up to there.
pub(super) fn run(line: impl Iterator<Item = OsString>) -> ExitCode {
    let line: Vec<String> = line.map(|word| word.to_string_lossy().into_owned()).collect();
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let answer = answer(&line, &mut Kernel::default());
    // Nobody is left to tell where that fails.
    let _ = print(&answer, &mut BufWriter::new(io::stdout().lock()));
    ExitCode::SUCCESS
}

fn print(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let mut shown = HashSet::new();
    for Candidate { word, help } in &answer.candidates {
        if shown.insert(word) {
            let tab = if help.is_empty() { "" } else { "\t" };
            writeln!(out, "{word}{tab}{help}")?;
        }
    }
    if answer.files {
        writeln!(out, "/")?;
    }
    out.flush()
}

fn answer(line: &[&str], known: &mut dyn Known) -> Answer {
    let [program, words @ .., current] = line else { return Answer::default() };
    let program = Path::new(program).file_name().unwrap_or_default();
    match program.to_str() {
        Some("ipvsadm") => complete::complete(words, current, known, &LocalNames).into(),
        Some("ipvsadm-save") if words.is_empty() && "-n".starts_with(current) => {
            vec![Candidate::new("-n", "numbers instead of names")].into()
        }
        Some("ipvsadm-save" | "ipvsadm-restore") => Answer::default(),
        _ => arguments::complete(words, current, known),
    }
}

/// The kernel's table and interfaces; where it can't be read there is nothing in it.
#[derive(Debug, Default)]
struct Kernel(Option<Client>);

impl Kernel {
    /// Where IPVS is not there, asking does not load it.
    fn client(&mut self) -> Option<&mut Client> {
        if self.0.is_none() {
            self.0 = Client::open().ok();
        }
        self.0.as_mut()
    }
}

impl Known for Kernel {
    fn services(&mut self) -> Vec<ServiceKey> {
        let entries = self.client().and_then(|client| client.services().ok()).unwrap_or_default();
        let mut keys: Vec<ServiceKey> = entries.iter().map(|entry| entry.service.key).collect();
        keys.sort_unstable();
        keys
    }

    fn servers(&mut self, service: &ServiceKey) -> Vec<DestKey> {
        let entries = self.client().and_then(|client| client.dests(service).ok()).unwrap_or_default();
        let mut keys: Vec<DestKey> = entries.iter().map(|entry| entry.dest.key).collect();
        keys.sort_unstable();
        keys
    }

    fn interfaces(&mut self) -> Vec<String> {
        let entries = fs::read_dir("/sys/class/net").into_iter().flatten();
        let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}

/// Names of ports, which this machine knows; those of hosts would have to be asked for, and a cursor waits.
struct LocalNames;

impl Names for LocalNames {
    fn address(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }
    fn port(&self, service: &str, protocol: Protocol) -> Option<u16> {
        names::port(service, &protocol.to_string().to_lowercase())
    }
    fn host(&self, _: IpAddr) -> Option<String> {
        None
    }
    fn service(&self, _: u16, _: Protocol) -> Option<String> {
        None
    }
}
