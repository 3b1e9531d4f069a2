//! `state`, `priority` and preemption: who becomes master.

use super::super::Lower;
use super::draft::Draft;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::InitialState;

impl Draft {
    pub(super) fn state(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let span = statement.span;
        let state = match cx.choice(statement) {
            Some("MASTER") => InitialState::Master,
            Some(_) if matches!(self.state, Some((InitialState::Master, _))) => {
                self.report(
                    cx,
                    &codes::STATE_CONFLICT,
                    span,
                    "state is already MASTER; BACKUP is passed over",
                );
                return;
            }
            _ => InitialState::Backup,
        };
        self.state = Some((state, span));
    }

    /// Each follows from the other where only one is given.
    pub(super) fn state_and_priority(&self) -> (InitialState, u8) {
        let owner_is_master = |priority| match priority {
            255 => InitialState::Master,
            _ => InitialState::Backup,
        };
        match (self.state, self.priority) {
            (Some((state, _)), Some((priority, _))) => (state, priority),
            (Some((InitialState::Master, _)), None) => (InitialState::Master, 255),
            (Some((InitialState::Backup, _)), None) => (InitialState::Backup, 100),
            (None, priority) => {
                let priority = priority.map_or(100, |(p, _)| p);
                (owner_is_master(priority), priority)
            }
        }
    }

    /// In strict mode the owner of the addresses starts as master, and every other router as backup.
    pub(super) fn strict_state(
        &self,
        cx: &mut Lower<'_, '_>,
        state: InitialState,
        priority: u8,
        strict: bool,
    ) -> InitialState {
        let (owner, master) = (priority == 255, state == InitialState::Master);
        match (strict, owner, master) {
            (true, true, false) => {
                let at = self.state.map_or(self.named_at, |(_, at)| at);
                self.against_strict(cx, at, "the owner of the addresses (priority 255) begins as MASTER");
                InitialState::Master
            }
            (true, false, true) => {
                let at = self.state.map_or(self.named_at, |(_, at)| at);
                self.against_strict(
                    cx,
                    at,
                    "only the owner of the addresses (priority 255) begins as MASTER",
                );
                InitialState::Backup
            }
            _ => state,
        }
    }

    pub(super) fn preemption(
        &mut self,
        cx: &mut Lower<'_, '_>,
        state: InitialState,
        priority: u8,
        strict: bool,
    ) {
        if state == InitialState::Master {
            self.drop_nopreempt(cx, "nopreempt does not work with initial state MASTER");
            self.drop_preempt_delay(cx, "preempt_delay does not work with initial state MASTER");
        }
        if priority == 255 {
            self.drop_nopreempt(cx, "nopreempt does not go with priority 255");
        }
        if let (true, Some((delay, at))) = (strict, self.preempt_delay)
            && !delay.is_zero()
        {
            self.against_strict(cx, at, "a better router takes over at once; preempt_delay has no effect");
            self.preempt_delay = None;
        }
        if self.nopreempt.is_some() {
            self.drop_preempt_delay(cx, "preempt_delay does not go with nopreempt");
        }
    }

    pub(super) fn drop_nopreempt(&mut self, cx: &mut Lower<'_, '_>, why: &str) {
        let Some(((), span)) = self.nopreempt.take() else { return };
        self.drop_setting(cx, span, why, "use `state BACKUP`, on every router of this VRID");
    }

    pub(super) fn drop_preempt_delay(&mut self, cx: &mut Lower<'_, '_>, why: &str) {
        if let Some((delay, span)) = self.preempt_delay.take()
            && !delay.is_zero()
        {
            self.drop_setting(cx, span, why, "remove one of the two");
        }
    }

    pub(super) fn drop_setting(&self, cx: &mut Lower<'_, '_>, span: Span, why: &str, help: &str) {
        let message = format!("({}) {why}; it has no effect", self.name);
        let mut diagnostic = Diagnostic::new(&codes::STATE_CONFLICT, span, message).help(help);
        if let Some((_, at)) = self.state {
            diagnostic = diagnostic.also(at, "the initial state");
        }
        cx.sink.push(diagnostic);
    }
}
