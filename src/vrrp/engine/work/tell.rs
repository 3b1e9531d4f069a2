//! What others are told, once the addresses that it is about are done: see [`crate::vrrp::Action::Notify`].

use super::Work;
use crate::vrrp::engine::Io;
use crate::vrrp::event::Name;
use crate::vrrp::notice::{Notice, Subject};
use std::collections::{BTreeMap, VecDeque};

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
    /// A part of a group has come so far.
    Group(u64),
}

/// Notices of groups that wait for some of their members: for how many.
#[derive(Debug, Default)]
pub(super) struct Groups {
    next: u64,
    waiting: BTreeMap<u64, (usize, Notice)>,
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
        let mut left = 0;
        for member in members.iter() {
            let Some(Tells { waiting, .. }) = self.queues.get_mut(member).map(|queue| &mut queue.tells)
            else {
                continue;
            };
            // What is told of a member before it: what comes later, as the group's own at the start, is no reason to wait.
            if let Some((behind, _)) = waiting.back() {
                left += 1;
                waiting.push_back((*behind, Tell::Group(self.groups.next)));
            }
        }
        if left == 0 {
            return io.notify(&notice);
        }
        self.groups.waiting.insert(self.groups.next, (left, notice));
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
                Tell::Group(id) => {
                    let Some((left, _)) = groups.waiting.get_mut(&id) else { continue };
                    *left -= 1;
                    if *left == 0
                        && let Some((_, notice)) = groups.waiting.remove(&id)
                    {
                        io.notify(&notice);
                    }
                }
            }
        }
    }
}
