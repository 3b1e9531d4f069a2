//! What waits until the kernel's table is written: log lines, and what programs and FIFOs are told of servers and quorums.
//!
//! While the table can't be written, nobody hears that a quorum is gained: no client would find the service. Those
//! that still hold when the table is there are told then.

use crate::check::event::{Alert, Notice, Report, Subject};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Room for so many entries is kept when all are told.
const KEPT: usize = 1024;

/// Entries in their order.
#[derive(Debug, Default)]
pub(super) struct Journal {
    waiting: VecDeque<Entry>,
    /// What was to be told of quorums that were gained without a table, by the virtual server.
    withheld: BTreeMap<String, Vec<Entry>>,
    /// Virtual servers whose loss of the quorum was not told, since nobody was told of its gain; their notice is not
    /// either.
    untold: BTreeSet<String>,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// In the log.
    Report(Report),
    /// To programs, FIFOs, and by mail.
    Notice(Notice),
    /// By mail alone.
    Mail(Alert),
}

impl Journal {
    pub(super) fn push(&mut self, entry: Entry) {
        self.waiting.push_back(entry);
    }

    /// Tells up to `count` entries. Returns whether there are more.
    pub(super) fn tell(
        &mut self,
        count: usize,
        is_table_unavailable: bool,
        mut tell: impl FnMut(Entry),
    ) -> bool {
        for _ in 0..count {
            match self.next(is_table_unavailable) {
                None => {
                    self.waiting.shrink_to(KEPT);
                    return false;
                }
                Some(entry) => tell(entry),
            }
        }
        !self.waiting.is_empty()
    }

    /// The next thing to tell, if there is one.
    fn next(&mut self, is_table_unavailable: bool) -> Option<Entry> {
        if !is_table_unavailable {
            let late = std::mem::take(&mut self.withheld).into_values().flatten();
            for entry in late.rev() {
                self.waiting.push_front(entry);
            }
        }
        loop {
            let entry = self.waiting.pop_front()?;
            let is_quorum = |notice: &Notice| notice.subject == Subject::VirtualServer;
            match entry {
                Entry::Report(Report::QuorumGained { ref vs, .. }) if is_table_unavailable => {
                    self.withheld.insert(vs.clone(), vec![entry]);
                }
                Entry::Notice(ref notice) if is_quorum(notice) && notice.up => {
                    match self.withheld.get_mut(&notice.vs) {
                        Some(withheld) => withheld.push(entry),
                        None => return Some(entry),
                    }
                }
                // Nobody was told that it was there.
                Entry::Report(Report::QuorumLost { vs, .. }) if self.withheld.remove(&vs).is_some() => {
                    self.untold.insert(vs);
                }
                Entry::Notice(ref notice) if is_quorum(notice) && self.untold.remove(&notice.vs) => {}
                Entry::Report(Report::VirtualServerGone { ref vs }) => {
                    self.withheld.remove(vs);
                    return Some(entry);
                }
                Entry::Report(_) | Entry::Notice(_) | Entry::Mail(_) => return Some(entry),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::event::ServerName;
    use crate::command::Command;

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
        let command = Command { argv: vec![program.into()], run_as: None };
        let up = program.ends_with("/up");
        let subject = match program.starts_with("/server") {
            true => {
                Subject::RealServer(ServerName { address: "10.9.0.11:80".parse().unwrap(), protocol: None })
            }
            false => Subject::VirtualServer,
        };
        Entry::Notice(Notice { vs: vs.into(), subject, up, program: Some(Box::new(command)), mail: None })
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
        let mut journal = Journal::default();
        for _ in 0..3 {
            journal.push(run("a", "/up"));
        }
        let mut told = 0;
        assert!(journal.tell(2, false, |_| told += 1));
        assert_eq!(told, 2);
        assert!(!journal.tell(2, false, |_| told += 1));
        assert_eq!(told, 3);
    }
}
