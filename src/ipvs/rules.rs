//! A whole table as a text of rules, in the language that `-S` writes: a service with `-A`, then its servers with
//! `-a`. Pure; who reads files and prints mistakes is the caller.
//!
//! Blank lines, and lines that begin with `#`, mean nothing. Any other line that is no `-A` or `-a` is a mistake, since
//! it describes no state but a change.

use crate::ipvs::grammar::{self, Command};
use crate::ipvs::model::{Dest, DestKey, Service, ServiceKey, Table};
use crate::ipvs::names::Names;
use crate::ipvs::operation::Operation;
use std::collections::HashMap;
use std::fmt;

/// A table and the lines it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What the text describes, in its order.
    pub table: Table,
    /// For each service of the table its line, and those of its destinations; from 1.
    lines: Vec<(usize, Vec<usize>)>,
}

/// A line that can't be part of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its number, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// `LINE:COLUMN: MESSAGE`
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl Rules {
    /// Reads all of `text`.
    ///
    /// # Errors
    /// Every line that is wrong, in their order.
    pub fn parse(text: &[u8], names: &dyn Names) -> Result<Rules, Vec<Mistake>> {
        let mut reader = Reader::new(names);
        let text = grammar::text(text);
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]);
        for (number, end) in (1..).zip(ends) {
            reader.line(number, text.get(start..end).unwrap_or_default());
            start = end + 1;
        }
        reader.duplicates();
        if reader.mistakes.is_empty() {
            return Ok(reader.rules);
        }
        reader.mistakes.sort_by_key(|mistake| mistake.line);
        Err(reader.mistakes)
    }

    /// Leaves the services whose keys are `wanted`.
    pub fn retain(&mut self, wanted: impl Fn(&ServiceKey) -> bool) {
        let keep: Vec<bool> = self.table.services.iter().map(|(service, _)| wanted(&service.key)).collect();
        let mut these = keep.iter();
        self.table.services.retain(|_| these.next() == Some(&true));
        let mut these = keep.iter();
        self.lines.retain(|_| these.next() == Some(&true));
    }

    /// The lines that asked for what an operation does, by the operation's object.
    #[must_use]
    pub fn index(&self) -> Lines {
        let mut lines = Lines::default();
        for ((service, dests), (line, dest_lines)) in self.table.services.iter().zip(&self.lines) {
            lines.services.insert(service.key, *line);
            lines.dests.extend(dests.iter().zip(dest_lines).map(|(d, line)| ((service.key, d.key), *line)));
        }
        lines
    }
}

/// Which line asked for what; see [`Rules::index`].
#[derive(Clone, Debug, Default)]
pub struct Lines {
    services: HashMap<ServiceKey, usize>,
    dests: HashMap<(ServiceKey, DestKey), usize>,
}

impl Lines {
    /// The line of the operation's object; none for what is removed, as no line has it.
    #[must_use]
    pub fn of(&self, operation: &Operation) -> Option<usize> {
        match operation {
            Operation::AddService(s) | Operation::EditService(s) => self.services.get(&s.key).copied(),
            Operation::AddDest(key, d) | Operation::EditDest(key, d) => {
                self.dests.get(&(*key, d.key)).copied()
            }
            _ => None,
        }
    }
}

struct Reader<'a> {
    names: &'a dyn Names,
    rules: Rules,
    mistakes: Vec<Mistake>,
    /// Where in the table a service stands.
    services: HashMap<ServiceKey, usize>,
    /// Of the service that got the last server: rules of one service usually stand together.
    current: Option<(ServiceKey, usize)>,
}

impl<'a> Reader<'a> {
    fn new(names: &'a dyn Names) -> Reader<'a> {
        Reader {
            names,
            rules: Rules::default(),
            mistakes: Vec::new(),
            services: HashMap::new(),
            current: None,
        }
    }

    fn line(&mut self, number: usize, text: &str) {
        if text.trim_ascii_start().starts_with('#') {
            return;
        }
        let result = match grammar::parse_line_located(text, self.names) {
            Ok(None) => return,
            Ok(Some(Command::Execute(Operation::AddService(service)))) => self.service(number, service),
            Ok(Some(Command::Execute(Operation::AddDest(key, dest)))) => self.dest(number, key, dest),
            Ok(Some(_)) => Err("a table consists of -A and -a: this command describes no state".to_owned()),
            Err(misplaced) => {
                let column = text.get(..misplaced.at).unwrap_or_default().chars().count() + 1;
                let mut message = misplaced.error.to_string();
                if let Some(hint) = grammar::hint_for_line(text) {
                    message = format!("{message}; {hint}");
                }
                self.mistakes.push(Mistake { line: number, column, message });
                return;
            }
        };
        if let Err(message) = result {
            let column = text.len() - text.trim_start().len() + 1;
            self.mistakes.push(Mistake { line: number, column, message });
        }
    }

    fn service(&mut self, line: usize, service: Service) -> Result<(), String> {
        let key = service.key;
        if let Some(earlier) = self.services.get(&key).and_then(|&n| self.rules.lines.get(n)) {
            return Err(format!("service {key} stands in line {} already", earlier.0));
        }
        let n = self.rules.table.services.len();
        self.services.insert(key, n);
        self.current = Some((key, n));
        self.rules.table.services.push((service, Vec::new()));
        self.rules.lines.push((line, Vec::new()));
        Ok(())
    }

    fn dest(&mut self, line: usize, key: ServiceKey, dest: Dest) -> Result<(), String> {
        let known = self.current.filter(|(current, _)| *current == key).map(|(_, n)| n);
        let Some(n) = known.or_else(|| self.services.get(&key).copied()) else {
            return Err(format!("no service {key} in the lines before: it needs its -A"));
        };
        let (Some((_, dests)), Some((_, lines))) =
            (self.rules.table.services.get_mut(n), self.rules.lines.get_mut(n))
        else {
            return Ok(());
        };
        self.current = Some((key, n));
        dests.push(dest);
        lines.push(line);
        Ok(())
    }

    /// Servers that a service has twice. Sorting finds them sooner than hashing, as they mostly stand in order.
    fn duplicates(&mut self) {
        let mut keys: Vec<(DestKey, usize)> = Vec::new();
        for ((service, dests), (_, lines)) in self.rules.table.services.iter().zip(&self.rules.lines) {
            keys.clear();
            keys.extend(dests.iter().map(|d| d.key).zip(lines.iter().copied()));
            keys.sort_unstable();
            for same in keys.chunk_by(|(a, _), (b, _)| a == b) {
                let [(dest, first), again @ ..] = same else { continue };
                for (_, line) in again {
                    let message =
                        format!("server {dest} of service {} stands in line {first} already", service.key);
                    // Which word it is, is known no more: the line's first one.
                    self.mistakes.push(Mistake { line: *line, column: 1, message });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
