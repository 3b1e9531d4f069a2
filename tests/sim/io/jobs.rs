//! What the kernel is asked to change: it takes its time, may refuse, and is at work beside the engine.

use super::World;
use std::time::Duration;
use vipd::time::Instant;
use vipd::vrrp::event::{Change, Refusal};

/// What the kernel is at work on. It is all done at the beginning, and known at the end.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) begin: Instant,
    pub(super) end: Instant,
    pub(super) refused: Vec<(usize, Refusal)>,
}

impl World {
    /// When the kernel will be done with its job.
    pub(crate) fn job_ends(&self) -> Option<Instant> {
        self.job.as_ref().map(|job| job.end)
    }

    /// Stands still until the kernel is done.
    pub(crate) fn wait_for_job(&mut self) {
        if let Some(job) = self.job.take() {
            self.now = self.now.max(job.end);
        }
    }

    /// There are news that can be read.
    pub(crate) fn has_news(&self) -> bool {
        self.job.is_none() && (self.kernel.overrun || !self.kernel.news.is_empty())
    }

    pub(super) fn change(&mut self, changes: &[Change]) -> Vec<(usize, Refusal)> {
        let mut refused = vec![];
        for (at, change) in changes.iter().enumerate() {
            let done = self.apply(change);
            self.say(|| match change {
                Change::Add { interface, address } => {
                    format!("sets {} on {}: {done:?}", address.net, interface.0)
                }
                Change::Remove { interface, net, .. } => {
                    format!("removes {net} from {}: {done:?}", interface.0)
                }
                Change::AddLink(new) => format!("makes {}: {done:?}", new.link.name),
                Change::RemoveLink { name, .. } => format!("removes {name}: {done:?}"),
                Change::Set { .. }
                | Change::CheckReversePaths(_)
                | Change::Muzzle { .. }
                | Change::Shut { .. } => format!("{change:?}: {done:?}"),
                _ => format!(
                    "{} {:?}: {done:?}",
                    if change.adds() { "sets" } else { "removes" },
                    change.entry()
                ),
            });
            if let Err(refusal) = done {
                refused.push((at, refusal));
            }
        }
        refused
    }

    fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        let (index, net, add) = match change {
            Change::Add { interface, address } => (*interface, address.net, true),
            Change::Remove { interface, net, .. } => (*interface, *net, false),
            Change::AddLink(_)
            | Change::RemoveLink { .. }
            | Change::Set { .. }
            | Change::CheckReversePaths(_)
            | Change::Muzzle { .. }
            | Change::Shut { .. } => {
                return self.apply_link(change);
            }
            _ => return self.apply_entry(change),
        };
        if !add && self.kernel.is_system(index, net) {
            self.watch.wrong(format!("removes the system's own address {net}"));
        }
        let crowd = self.kernel.count(index) as u64;
        self.cost(self.costs.change + Duration::from_nanos(self.costs.crowd_nanos * crowd));
        if self.thousandth(self.failures.change) {
            // Others are at work as well, and the kernel may have no memory.
            match self.random.within(0, 3) {
                0 if add => {
                    let owned = self.watch.owns(net);
                    self.kernel.add_by_hand(index, net, owned);
                }
                0 => drop(self.kernel.remove(index, net)),
                _ => {
                    self.refused.insert((index, net));
                    return Err(Refusal::NoMemory);
                }
            }
        }
        let done = self.kernel.change(change);
        if !matches!(done, Err(Refusal::NoInterface)) {
            self.refused.remove(&(index, net));
        }
        match (add, &done) {
            (true, Ok(())) => drop(self.unannounced.insert((index, net.address))),
            (false, _) => drop(self.unannounced.remove(&(index, net.address))),
            _ => {}
        }
        done
    }

    fn apply_link(&mut self, change: &Change) -> Result<(), Refusal> {
        self.cost(self.costs.change);
        let done = match self.thousandth(self.failures.change) {
            true => Err(Refusal::Other("no memory".into())),
            false => self.kernel.change(change),
        };
        let name = match change {
            Change::AddLink(new) => &new.link.name,
            Change::RemoveLink { name, .. } => name,
            _ => return done,
        };
        match &done {
            Err(Refusal::Other(_)) => drop(self.refused_links.insert(name.clone())),
            _ => drop(self.refused_links.remove(name)),
        }
        done
    }

    fn apply_entry(&mut self, change: &Change) -> Result<(), Refusal> {
        self.cost(self.costs.change);
        let name = change.entry().map(|entry| entry.to_string()).unwrap_or_default();
        let done = match self.thousandth(self.failures.change) {
            true => Err(Refusal::NoMemory),
            false => self.kernel.change(change),
        };
        match &done {
            Err(Refusal::Other(_) | Refusal::NoMemory) => drop(self.refused_entries.insert(name)),
            _ => drop(self.refused_entries.remove(&name)),
        }
        done
    }
}
