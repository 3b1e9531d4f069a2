//! Interfaces of our own that wait to be made or removed: before any address, and one after the other.

use super::Queue;
use crate::vrrp::event::{Change, Name};
use crate::vrrp::router::Router;
use std::collections::{HashMap, VecDeque};

/// So many are looked at for a job.
const LOOKS: usize = 256;

/// Whose interface, and its name.
#[derive(Debug, Default)]
pub(super) struct LinkQueue {
    waiting: VecDeque<(Name, Name)>,
}

impl LinkQueue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, instance: &Name, links: &[Name]) {
        // Those that wait already are looked at then.
        let news =
            links.iter().filter(|link| !self.waiting.iter().rev().take(LOOKS).any(|(_, l)| l == *link));
        let news: Vec<_> = news.map(|link| (instance.clone(), link.clone())).collect();
        self.waiting.extend(news);
    }

    pub(super) fn rename(&mut self, old: &Name, new: &Name) {
        for (instance, _) in self.waiting.iter_mut().filter(|(instance, _)| instance == old) {
            *instance = new.clone();
        }
    }

    /// Plans changes, up to so many, and says whose they are. An instance's addresses are taken away before its
    /// interface is.
    pub(super) fn plan(
        &mut self,
        router: &Router,
        most: usize,
        queues: &HashMap<Name, Queue>,
        changes: &mut Vec<Change>,
        owners: &mut Vec<(Name, usize)>,
    ) {
        for _ in 0..self.waiting.len().min(LOOKS) {
            if changes.len() >= most {
                return;
            }
            let Some((instance, link)) = self.waiting.pop_front() else { return };
            let before = changes.len();
            router.plan_link(&link, changes);
            let mine = changes.get(before..).unwrap_or_default();
            let removes = mine.iter().any(|c| matches!(c, Change::RemoveLink { .. }))
                && !mine.iter().any(|c| matches!(c, Change::AddLink(_)));
            if removes && queues.get(&instance).is_some_and(Queue::has_changes) {
                changes.truncate(before);
                self.waiting.push_back((instance, link));
            } else {
                owners.push((instance, changes.len()));
            }
        }
    }
}
