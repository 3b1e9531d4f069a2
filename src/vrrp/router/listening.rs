//! Who listens where: sockets that the driver is to open and close, and how much may wait in them.

use super::{Key, RETRY, Retry, Router};
use crate::time::Instant;
use crate::vrrp::event::{Action, Actions, Listen};
use crate::vrrp::kernel::Id;
use crate::vrrp::shared::Shared;

impl Router {
    /// Gives an instance its place among those that listen.
    pub(super) fn listen(&mut self, id: Id, listen: Option<Listen>, key: Option<Key>, out: &mut Actions) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        if slot.listen != listen {
            self.set_buffer(id, 0, out);
        }
        let Some(slot) = self.instances.get_mut(&id) else { return };
        let old_key = std::mem::replace(&mut slot.key, key);
        let old_listen = std::mem::replace(&mut slot.listen, listen);
        if old_key != key {
            if let Some(old) = old_key {
                self.by_vrid.remove(&old, id);
            }
            if let Some(new) = key {
                self.by_vrid.insert(&new, id, &self.instances);
            }
        }
        if old_listen != listen {
            if let Some(new) = listen {
                let count = self.listening.entry(new).or_default();
                *count += 1;
                if *count == 1 {
                    out.push(Action::Listen(new));
                }
            }
            if let Some(old) = old_listen
                && let Some(count) = self.listening.get_mut(&old)
            {
                *count -= 1;
                if *count == 0 {
                    self.listening.remove(&old);
                    self.deaf.remove(&old);
                    out.push(Action::Unlisten(old));
                }
            }
        }
    }

    /// An instance asks for so many bytes of the receive buffer where it listens.
    pub(super) fn set_buffer(&mut self, id: Id, bytes: u32, out: &mut Actions) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        let Some(listen) = slot.listen else { return };
        let old = std::mem::replace(&mut slot.buffer, bytes);
        if old == bytes {
            return;
        }
        let socket = (listen.interface, listen.family, listen.protocol);
        let before = self.buffers.get(&socket).copied().unwrap_or(0);
        let bytes = before.saturating_sub(old).saturating_add(bytes);
        match bytes {
            0 => drop(self.buffers.remove(&socket)),
            _ => drop(self.buffers.insert(socket, bytes)),
        }
        out.push(Action::Buffer { listen, bytes });
    }

    pub(super) fn listen_refused(
        &mut self,
        now: Instant,
        listen: Listen,
        reason: Shared<str>,
        out: &mut Actions,
    ) {
        if !self.listening.contains_key(&listen) {
            return;
        }
        self.retry(now + RETRY, Retry::Listen(listen));
        if self.deaf.insert(listen, reason).is_none() {
            self.listeners_changed(now, listen, out);
        }
    }

    /// [`Action::Listen`] was carried out.
    pub fn listens(&mut self, now: Instant, listen: Listen, out: &mut Actions) {
        if self.deaf.remove(&listen).is_some() {
            self.listeners_changed(now, listen, out);
            self.settle_deadlines();
        }
    }

    fn listeners_changed(&mut self, now: Instant, listen: Listen, out: &mut Actions) {
        let ids: Vec<Id> = self
            .instances
            .iter()
            .filter(|(_, slot)| slot.listen == Some(listen))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.find_ground(now, id, out);
        }
    }
}
