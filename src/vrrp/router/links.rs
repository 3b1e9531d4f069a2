//! Interfaces of our own (VMACs, ipvlans): what is missing, what the engine is to make or remove, what became of it.

use super::{RETRY, Retry, Router, strays};
use crate::time::Instant;
use crate::vrrp::event::{Action, Actions, Change, Name, OwnLink, Refusal, Report, StateKind};
use crate::vrrp::kernel::{Id, LinkOutcome};
use crate::vrrp::overlay::Overlay;
use std::time::Duration;

/// So long an interface that was made may take to come up before an instance that waits for it calls it a fault.
const PATIENCE: Duration = Duration::from_secs(1);

impl Router {
    /// Has those of the instance's interfaces made, and made right, that are not.
    pub(super) fn set_missing_links(&self, id: Id, out: &mut Actions) {
        let Some(slot) = self.instances.get(&id) else { return };
        let mut changes = Vec::new();
        let missing: Vec<Name> = slot
            .overlay
            .names()
            .filter(|name| {
                changes.clear();
                self.kernel.plan_link(name, &mut changes);
                // What was refused is tried again in its time.
                !changes.is_empty() && !self.kernel.is_link_refused(name)
            })
            .cloned()
            .collect();
        if !missing.is_empty() {
            out.push(Action::ApplyLinks { instance: slot.instance.name().clone(), links: missing.into() });
        }
    }

    /// Whether the instance does not run, and an interface of its own is about to be there.
    pub(super) fn awaits_links(&self, id: Id) -> bool {
        let Some(slot) = self.instances.get(&id) else { return false };
        matches!(slot.instance.state(), StateKind::Init | StateKind::Fault)
            && slot.overlay.links().any(|link| self.kernel.is_link_pending(link))
    }

    /// Whether the instance runs, and a reload has an interface of its own made anew. It says and hears nothing meanwhile,
    /// and goes on as it is: that takes less than an interval.
    pub(super) fn is_moving(&mut self, id: Id) -> bool {
        let Some(slot) = self.instances.get(&id) else { return false };
        let runs = matches!(slot.instance.state(), StateKind::Backup | StateKind::Master);
        if runs && slot.overlay.links().any(|link| self.kernel.is_link_remade(link)) {
            return true;
        }
        slot.overlay.links().for_each(|link| self.kernel.link_was_remade(&link.name));
        false
    }

    /// Whose interface of our own it is, or was: names move from one instance to another.
    pub(in crate::vrrp) fn owner_of_link(&self, instance: &Name, change: &Change) -> Option<&Name> {
        if !matches!(change, Change::AddLink(_) | Change::RemoveLink { .. }) {
            // Nothing is told of it.
            return None;
        }
        let is_it = |own: &OwnLink| match change {
            Change::AddLink(new) => new.link.name == own.name,
            Change::RemoveLink { interface, .. } => self.kernel.is_link_of(own, *interface),
            _ => false,
        };
        let asks = self.by_name.get(instance).and_then(|id| self.instances.get(id));
        let mut owners = asks.into_iter().chain(self.instances.values());
        owners.find(|slot| slot.overlay.links().any(is_it)).map(|slot| slot.instance.name())
    }

    /// An interface of our own is there. One that a reload has given up before it was there is removed.
    pub(super) fn retry_former_link(&mut self, now: Instant, link: &Name) {
        if self.kernel.is_former_link(link) {
            let instance = strays::owner_of(link);
            self.retry(now, Retry::Link { instance, link: link.clone() });
        }
    }

    /// A reload gives interfaces of the instance an address that adverts are to come from: who runs waits for a moment.
    pub(super) fn await_addresses(&mut self, now: Instant, id: Id) {
        let Some(slot) = self.instances.get(&id) else { return };
        let readdressed = slot.overlay.links().filter(|link| self.kernel.is_link_readdressed(link));
        let names: Vec<Name> = readdressed.map(|link| link.name.clone()).collect();
        names.into_iter().for_each(|name| self.retry(now + PATIENCE, Retry::Fresh(name)));
    }

    /// Interfaces that an instance had: nobody may need them any more.
    pub(super) fn drop_links(instance: &Name, overlay: &Overlay, out: &mut Actions) {
        let links: Vec<Name> = overlay.names().rev().cloned().collect();
        if !links.is_empty() {
            out.push(Action::ApplyLinks { instance: instance.clone(), links: links.into() });
        }
    }

    /// What has to be done about an interface of our own, at this moment.
    pub fn plan_link(&self, name: &Name, out: &mut Vec<Change>) {
        self.kernel.plan_link(name, out);
    }

    /// Takes in what became of an interface that was made or removed for an instance; gives what is worth telling.
    pub(in crate::vrrp) fn link_changed(
        &mut self,
        now: Instant,
        instance: &Name,
        change: &Change,
        refusal: Option<&Refusal>,
    ) -> Option<Report> {
        if let Change::Muzzle { name, on: true, .. } = change {
            // Whoever has waited for it may speak.
            self.retry(now, Retry::Ground(name.clone()));
        }
        let (link, outcome) = self.kernel.link_changed(change, refusal)?;
        let add = matches!(change, Change::AddLink(_));
        match outcome {
            LinkOutcome::AsWanted => None,
            LinkOutcome::Made => {
                self.retry(now + PATIENCE, Retry::Fresh(link.clone()));
                self.retry_former_link(now, &link);
                Some(Report::LinkMade(link))
            }
            LinkOutcome::Removed => Some(Report::LinkRemoved(link)),
            LinkOutcome::RefusedAgain | LinkOutcome::Refused => {
                // Whoever waits for it waits in vain.
                self.retry(now, Retry::Ground(link.clone()));
                self.retry(now + RETRY, Retry::Link { instance: instance.clone(), link: link.clone() });
                let refusal = refusal?.clone();
                (outcome == LinkOutcome::Refused).then_some(Report::LinkRefused { add, link, refusal })
            }
        }
    }

    pub(super) fn try_link_again(&mut self, now: Instant, retry: Retry, out: &mut Actions) {
        match retry {
            Retry::Fresh(name) => {
                if self.kernel.stop_waiting_for_link(&name) {
                    self.interface_changed(now, &name, out);
                }
            }
            Retry::Ground(name) => self.interface_changed(now, &name, out),
            Retry::Link { instance, link } => {
                let mut changes = Vec::new();
                self.kernel.plan_link(&link, &mut changes);
                if !changes.is_empty() {
                    out.push(Action::ApplyLinks { instance, links: [link].into() });
                }
            }
            Retry::Addresses { .. }
            | Retry::Entries { .. }
            | Retry::Depend(_)
            | Retry::Regain(_)
            | Retry::Sourced(_)
            | Retry::Listen(_)
            | Retry::Table
            | Retry::Begin => {}
        }
    }

    /// Enters what is to be tried again: the first to come first.
    pub(super) fn retry(&mut self, at: Instant, retry: Retry) {
        let behind = self.retries.partition_point(|(other, _)| *other <= at);
        self.retries.insert(behind, (at, retry));
    }
}
