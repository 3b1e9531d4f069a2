//! What waits until the kernel's table is written: log lines, and programs that are told of servers and quorums.
//!
//! While the table can't be written, nobody hears that a quorum is gained: no client would find the service. Those
//! that still hold when the table is there are told then.

use super::programs::Programs;
use crate::check::event::Report;
use crate::command::Command;
use std::collections::{BTreeMap, VecDeque};

/// Entries in their order.
#[derive(Debug, Default)]
pub(super) struct Journal {
    waiting: VecDeque<Entry>,
    /// What was to be told of quorums that were gained without a table, by the virtual server.
    withheld: BTreeMap<String, Vec<Entry>>,
    /// What becomes of a program of this virtual server, if that comes next: it belongs to a report that was not told.
    next: Option<(String, Untold)>,
}

/// What becomes of the program that belongs to a report that was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Untold {
    Withheld,
    Dropped,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// In the log.
    Report(Report),
    /// To a program of this virtual server.
    Run(String, Box<Command>),
}

impl Journal {
    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
    }

    /// Tells up to `count` entries. Returns whether there are more.
    pub(super) fn write(
        &mut self,
        count: usize,
        is_table_unavailable: bool,
        programs: &mut Programs,
    ) -> bool {
        for _ in 0..count {
            match self.next(is_table_unavailable) {
                None => return false,
                Some(Entry::Report(report)) => log(&report),
                Some(Entry::Run(vs, command)) => programs.notify(vs, *command),
            }
        }
        !self.waiting.is_empty()
    }

    fn next(&mut self, is_table_unavailable: bool) -> Option<Entry> {
        if !is_table_unavailable {
            let late = std::mem::take(&mut self.withheld).into_values().flatten();
            for entry in late.rev() {
                self.waiting.push_front(entry);
            }
        }
        loop {
            let entry = self.waiting.pop_front()?;
            // The program of a report follows it at once.
            let next = self.next.take();
            match entry {
                Entry::Report(Report::QuorumGained { ref vs, .. }) if is_table_unavailable => {
                    self.next = Some((vs.clone(), Untold::Withheld));
                    self.withheld.insert(vs.clone(), vec![entry]);
                }
                // Nobody was told that it was there.
                Entry::Report(Report::QuorumLost { vs, .. }) if self.withheld.remove(&vs).is_some() => {
                    self.next = Some((vs, Untold::Dropped));
                }
                Entry::Run(ref vs, _) => match next.filter(|(of, _)| of == vs) {
                    Some((_, Untold::Dropped)) => {}
                    Some((of, Untold::Withheld)) => self.withheld.entry(of).or_default().push(entry),
                    None => return Some(entry),
                },
                Entry::Report(Report::VirtualServerGone { ref vs }) => {
                    self.withheld.remove(vs);
                    return Some(entry);
                }
                Entry::Report(_) => return Some(entry),
            }
        }
    }
}

fn log(report: &Report) {
    match report.failure() {
        Some(failure) => tracing::info!(reason = %failure, "{report}"),
        None => tracing::info!("{report}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gained(vs: &str) -> Entry {
        Entry::Report(Report::QuorumGained { vs: vs.into(), quorum: 1, hysteresis: 0, weight: 1 })
    }

    fn lost(vs: &str) -> Entry {
        let vs = vs.into();
        Entry::Report(Report::QuorumLost { vs, quorum: 1, hysteresis: 0, weight: 0, starting: false })
    }

    fn gone(vs: &str) -> Entry {
        Entry::Report(Report::VirtualServerGone { vs: vs.into() })
    }

    fn run(vs: &str, program: &str) -> Entry {
        Entry::Run(vs.into(), Box::new(Command { argv: vec![program.into()], run_as: None }))
    }

    fn told(journal: &mut Journal, is_table_unavailable: bool) -> Vec<Entry> {
        std::iter::from_fn(|| journal.next(is_table_unavailable)).collect()
    }

    #[test]
    fn a_quorum_is_not_gained_before_the_table_is_there() {
        let mut journal = Journal::default();
        for entry in [
            gained("a"),
            run("a", "/up"),
            gained("b"),
            run("b", "/up"),
            gained("c"),
            lost("b"),
            run("b", "/down"),
            gone("c"),
            gained("e"),
            gone("f"),
            run("e", "/server/down"),
            lost("d"),
            run("d", "/down"),
        ] {
            journal.push(entry);
        }
        assert_eq!(
            told(&mut journal, true),
            [gone("c"), gone("f"), run("e", "/server/down"), lost("d"), run("d", "/down")]
        );
        assert_eq!(told(&mut journal, false), [gained("a"), run("a", "/up"), gained("e")]);
        journal.push(lost("a"));
        journal.push(run("a", "/down"));
        assert_eq!(told(&mut journal, false), [lost("a"), run("a", "/down")]);
    }

    #[test]
    fn a_part_is_told_at_a_time() {
        let (mut journal, (parent, mut asked)) = (Journal::default(), tokio::sync::mpsc::unbounded_channel());
        let mut programs = Programs::new(parent);
        for _ in 0..3 {
            journal.push(run("a", "/up"));
        }
        assert!(journal.write(2, false, &mut programs));
        assert_eq!(asked.len(), 2);
        assert!(!journal.write(2, false, &mut programs));
        let ids: Vec<_> = std::iter::from_fn(|| asked.try_recv().ok()).collect();
        assert_eq!(ids.len(), 3);
    }
}
