//! What another priority changes of a running instance.

use super::{Instance, State};
use crate::vrrp::event::{Actions, Report};
use crate::vrrp::notice::News;
use crate::vrrp::track::Object;

impl Instance {
    /// What it tracks changes its priority by these, and nothing else that it tracks does. As in keepalived, a backup's
    /// running timer moves by the difference of the old time and the new, and a master's next advert tells.
    pub(in crate::vrrp) fn set_weights<'a>(
        &mut self,
        weights: impl Iterator<Item = (&'a Object, i16)>,
        out: &mut Actions,
    ) {
        let (from, old) = (self.priority.effective(), self.master_down_interval());
        self.priority.track(weights);
        let (to, new) = (self.priority.effective(), self.master_down_interval());
        if let State::Backup { master_down_at, .. } = &mut self.state {
            *master_down_at = *master_down_at + new.saturating_sub(old) - old.saturating_sub(new);
        }
        if from != to {
            out.push(self.report(Report::PriorityChanged { from, to }));
            if self.config.notify.priority_changes {
                let master = matches!(self.state, State::Master { .. });
                out.push(self.notify(News::Priority { master }));
            }
        }
    }
}
