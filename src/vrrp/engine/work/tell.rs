//! What others are told, once the addresses that it is about are done: see [`crate::vrrp::Action::Notify`].

use super::Work;
use crate::vrrp::engine::Io;
use crate::vrrp::event::Name;
use crate::vrrp::notice::{Notice, Subject};
use std::collections::{HashMap, VecDeque};

/// What waits in the queue of one instance.
#[derive(Debug, Default)]
pub(super) struct Tells {
    /// How many wishes for addresses have come to their end in this queue.
    done: u64,
    /// Each with the number of those that come before it.
    waiting: VecDeque<(u64, Tell)>,
}

#[derive(Debug)]
enum Tell {
    Notice(Notice),
    /// A part of this group has come so far: for the notice of that number.
    Group(Name, u64),
}

/// Notices of groups that wait for some of their members, and those of the same group behind them: a reload may have
/// given it other members.
#[derive(Debug, Default)]
pub(super) struct Groups {
    next: u64,
    waiting: HashMap<Name, VecDeque<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    /// For so many members.
    left: usize,
    notice: Notice,
}

impl Groups {
    /// One member less to wait for. What need not wait any more is told.
    fn came(&mut self, group: &Name, number: u64, io: &mut impl Io) {
        let Some(waiting) = self.waiting.get_mut(group) else { return };
        if let Some(its) = waiting.iter_mut().find(|its| its.number == number) {
            its.left -= 1;
        }
        while let Some(Waiting { notice, .. }) = waiting.pop_front_if(|first| first.left == 0) {
            io.notify(&notice);
        }
        if waiting.is_empty() {
            self.waiting.remove(group);
        }
    }
}

impl Tells {
    /// Those of another queue, whose wishes are behind so many of this one's.
    pub(super) fn append(&mut self, other: Tells, behind: u64) {
        let moved = |(at, tell)| (self.done + behind + at - other.done, tell);
        let moved: Vec<_> = other.waiting.into_iter().map(moved).collect();
        self.waiting.extend(moved);
    }

    fn due(&mut self) -> Option<Tell> {
        self.waiting.pop_front_if(|(behind, _)| *behind <= self.done).map(|(_, tell)| tell)
    }
}

impl Work {
    /// Tells it at once, or when its turn comes.
    pub(in crate::vrrp::engine) fn tell(&mut self, notice: Notice, io: &mut impl Io) {
        let Subject::Group { members } = &notice.subject else {
            return match self.queues.get_mut(&notice.name).filter(|queue| queue.has_changes()) {
                Some(queue) => {
                    let behind = queue.tells.done + queue.wishes();
                    queue.tells.waiting.push_back((behind, Tell::Notice(notice)));
                }
                None => io.notify(&notice),
            };
        };
        let (group, number) = (notice.name.clone(), self.groups.next);
        let mut left = 0;
        for member in members.iter() {
            let Some(Tells { waiting, .. }) = self.queues.get_mut(member).map(|queue| &mut queue.tells)
            else {
                continue;
            };
            // What is told of a member before it: what comes later, as the group's own at the start, is no reason to wait.
            if let Some((behind, _)) = waiting.back() {
                left += 1;
                waiting.push_back((*behind, Tell::Group(group.clone(), number)));
            }
        }
        if left == 0 && !self.groups.waiting.contains_key(&group) {
            return io.notify(&notice);
        }
        self.groups.waiting.entry(group).or_default().push_back(Waiting { number, left, notice });
        self.groups.next += 1;
    }

    /// A wish for addresses has come to its end.
    pub(super) fn tell_due(&mut self, instance: &Name, io: &mut impl Io) {
        let Work { queues, groups, .. } = self;
        let Some(queue) = queues.get_mut(instance) else { return };
        queue.tells.done += 1;
        while let Some(tell) = queue.tells.due() {
            match tell {
                Tell::Notice(notice) => io.notify(&notice),
                Tell::Group(group, number) => groups.came(&group, number, io),
            }
        }
    }
}
