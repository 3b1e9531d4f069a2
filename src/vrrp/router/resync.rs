//! Everything is told anew: at start, and after the kernel's news were lost. It is taken in a few addresses at a time;
//! what was known before is in force meanwhile, and news of single links and addresses wait.

use super::Router;
use crate::time::Instant;
use crate::vrrp::event::{Actions, Event, Snapshot};
use crate::vrrp::kernel::{Id, Kernel, Relearnt};
use std::collections::{BTreeSet, VecDeque};

/// So many addresses or news are taken in at a time.
const ADDRESSES: usize = 512;
/// So many instances look at what is there at a time.
const INSTANCES: usize = 16;

/// What is left to do.
#[derive(Clone, Debug, Default)]
pub(super) struct Resync {
    relearnt: Option<Relearnt>,
    /// Those that are to look at what is there now.
    affected: VecDeque<Id>,
    /// What came meanwhile.
    news: VecDeque<Event<'static>>,
}

impl Resync {
    fn is_over(&self) -> bool {
        self.relearnt.is_none() && self.affected.is_empty() && self.news.is_empty()
    }
}

impl Router {
    pub(super) fn relearn(&mut self, now: Instant, mut snapshot: Snapshot) {
        let gate = &mut self.tracking.gate;
        gate.retain(&snapshot.links);
        // A VMAC follows what it lies on, which must be known by then.
        for ours in [false, true] {
            for link in snapshot.links.iter_mut().filter(|link| link.make.ours == ours) {
                *link = gate.link(now, link.clone());
            }
        }
        // What came before it is in it.
        self.resync = Some(Resync { relearnt: Some(Kernel::relearn(snapshot)), ..Resync::default() });
    }

    /// Whether what the kernel holds is about to be replaced by what it told anew.
    #[must_use]
    pub const fn is_relearning(&self) -> bool {
        self.resync.is_some()
    }

    /// Keeps news for later, if they have to wait.
    pub(super) fn put_off<'a>(&mut self, event: Event<'a>) -> Option<Event<'a>> {
        let Some(resync) = &mut self.resync else { return Some(event) };
        match event.into_news() {
            Ok(news) => {
                resync.news.push_back(news);
                None
            }
            Err(other) => Some(other),
        }
    }

    /// Takes in a part; false once nothing is left.
    pub(super) fn relearn_step(&mut self, now: Instant, out: &mut Actions) -> bool {
        let Some(mut resync) = self.resync.take() else { return false };
        if let Some(mut relearnt) = resync.relearnt.take() {
            if self.kernel.relearn_some(&mut relearnt, ADDRESSES) {
                let names = self.kernel.replace(relearnt);
                self.set_missing_statics(None, out);
                let ids = names.iter().flat_map(|name| self.concerned_by(name));
                // Rules, and routes that lead nowhere, have no interface.
                let with_entries =
                    self.instances.iter().filter(|(_, slot)| slot.instance.entries().next().is_some());
                let ids = ids.chain(with_entries.map(|(id, _)| *id));
                resync.affected = ids.collect::<BTreeSet<Id>>().into_iter().collect();
            } else {
                resync.relearnt = Some(relearnt);
            }
        } else if !resync.affected.is_empty() {
            for id in resync.affected.drain(..resync.affected.len().min(INSTANCES)) {
                self.set_missing_links(id, out);
                self.find_ground(now, id, out);
                self.set_missing(id, out);
                self.set_missing_entries(id, out);
            }
        } else {
            for event in resync.news.drain(..resync.news.len().min(ADDRESSES)) {
                self.take_in(now, event, out);
            }
        }
        self.settle_deadlines();
        let over = resync.is_over();
        self.resync = (!over).then_some(resync);
        !over
    }
}
