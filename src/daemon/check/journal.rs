//! What waits to be logged: the kernel's table comes first.
//!
//! While the table can't be written, nobody is told that a quorum is gained: no client would find the service. Those
//! that still hold when the table is there are told then.

use crate::check::notice::Notice;
use std::collections::{HashMap, VecDeque};

/// Notices in their order.
#[derive(Debug, Default)]
pub(super) struct Journal {
    waiting: VecDeque<Notice>,
    /// Quorums that were gained without a table, by the virtual server.
    withheld: HashMap<String, Notice>,
}

impl Journal {
    pub(super) fn push(&mut self, notice: Notice) {
        self.waiting.push_back(notice);
    }

    /// Writes up to `lines` lines. Returns whether there are more.
    pub(super) fn write(&mut self, lines: usize, is_table_unavailable: bool) -> bool {
        for _ in 0..lines {
            let Some(notice) = self.next(is_table_unavailable) else { return false };
            log(&notice);
        }
        !self.waiting.is_empty()
    }

    fn next(&mut self, is_table_unavailable: bool) -> Option<Notice> {
        if !is_table_unavailable && !self.withheld.is_empty() {
            let mut late: Vec<Notice> = self.withheld.drain().map(|(_, notice)| notice).collect();
            late.sort_by_key(ToString::to_string);
            for notice in late {
                self.waiting.push_front(notice);
            }
        }
        loop {
            match self.waiting.pop_front()? {
                notice @ Notice::QuorumGained { .. } if is_table_unavailable => {
                    if let Notice::QuorumGained { vs, .. } = &notice {
                        self.withheld.insert(vs.clone(), notice);
                    }
                }
                // Nobody was told that it was there.
                Notice::QuorumLost { vs, .. } if self.withheld.remove(&vs).is_some() => {}
                Notice::VirtualServerGone { vs } => {
                    self.withheld.remove(&vs);
                    return Some(Notice::VirtualServerGone { vs });
                }
                notice => return Some(notice),
            }
        }
    }
}

fn log(notice: &Notice) {
    match notice.failure() {
        Some(failure) => tracing::info!(reason = %failure, "{notice}"),
        None => tracing::info!("{notice}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gained(vs: &str) -> Notice {
        Notice::QuorumGained { vs: vs.into(), quorum: 1, hysteresis: 0, weight: 1 }
    }

    fn lost(vs: &str) -> Notice {
        Notice::QuorumLost { vs: vs.into(), quorum: 1, hysteresis: 0, weight: 0, starting: false }
    }

    #[test]
    fn a_quorum_is_not_gained_before_the_table_is_there() {
        let mut journal = Journal::default();
        journal.push(gained("a"));
        journal.push(gained("b"));
        journal.push(lost("b"));
        journal.push(Notice::VirtualServerGone { vs: "c".into() });
        assert_eq!(journal.next(true), Some(Notice::VirtualServerGone { vs: "c".into() }));
        assert_eq!(journal.next(true), None);
        assert_eq!(journal.next(false), Some(gained("a")));
        assert_eq!(journal.next(false), None);
        journal.push(lost("a"));
        assert_eq!(journal.next(false), Some(lost("a")));
    }

    #[test]
    fn lines_are_written_in_parts() {
        let mut journal = Journal::default();
        for _ in 0..3 {
            journal.push(gained("a"));
        }
        assert!(journal.write(2, false));
        assert!(!journal.write(2, false));
    }
}
