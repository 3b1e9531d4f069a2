//! From a signal to workers with another configuration, or to the reason why there is none.

use super::{Parent, Worker};
use crate::daemon::loader::{Loading, Read};
use crate::daemon::reload;
use crate::daemon::source::Refused;
use crate::daemon::supervisor::Action;
use crate::daemon::worker::Kind;
use crate::raw;
use crate::sys::{clock, input, output, process};
use std::rc::Rc;
use tracing::{error, info, warn};

impl Parent {
    /// Makes a configuration the present one. What follows from it, [`Parent::configure`] does.
    pub(super) fn adopt(&mut self, Read { mut parts, summary }: Read) {
        let wanted = self.options.wanted(&summary.work);
        if wanted.is_empty() {
            warn!("Warning - {} has no configuration to run", self.options.program);
        }
        if summary.process_name != self.present.process_name {
            process::rename(summary.process_name.as_ref().unwrap_or(&self.options.program));
        }
        parts.retain(|kind, _| wanted.contains(kind));
        if parts.contains_key(&Kind::Check) {
            // One that no worker was given has left nothing in the kernel.
            let last = self.last.get(&Kind::Check).filter(|_| self.has_last_left);
            self.former.extend(last.cloned());
            self.has_last_left = false;
        }
        self.last.extend(parts.iter().map(|(kind, part)| (*kind, Rc::clone(part))));
        self.shared = parts;
        self.present = summary;
    }

    /// Has the workers that the present configuration wants.
    pub(super) fn configure(&mut self, actions: &mut Vec<Action>) {
        self.open_fifos();
        let wanted = self.options.wanted(&self.present.work);
        self.supervisor.configure(clock::now(), wanted, actions);
    }

    pub(super) fn reload(&mut self) {
        if self.supervisor.is_stopping() {
            return;
        }
        if self.loading.is_some() {
            // What is being read may be older than what was meant.
            self.reload_again = true;
            return;
        }
        info!("Reloading ...");
        self.reporter.reloads();
        match Loading::start(&self.options.program, &self.options.source) {
            Ok(loading) => self.loading = Some(loading),
            Err(reason) => self.refuse_reload(&[reason], ""),
        }
    }

    /// The process that read the configuration has ended.
    pub(super) fn loaded(&mut self, outcome: Result<Read, Refused>, actions: &mut Vec<Action>) {
        if self.supervisor.is_stopping() {
            return;
        }
        match outcome {
            Ok(read) => match reload::refusal(&self.present, &read.summary) {
                Some(reason) => self.refuse_reload(&read.summary.findings, &reason),
                None => {
                    read.summary.findings.iter().for_each(|finding| warn!("{finding}"));
                    self.adopt(read);
                    self.reloading = true;
                    if !self.is_starting_up() {
                        self.configure(actions);
                    }
                }
            },
            Err(Refused { findings, .. }) => self.refuse_reload(&findings, ""),
        }
        if std::mem::take(&mut self.reload_again) {
            self.reload();
        }
    }

    fn refuse_reload(&self, findings: &[String], reason: &str) {
        findings.iter().for_each(|finding| error!("{finding}"));
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        error!("Reload refused: the configuration before it stays in force{reason}");
        if let Some(file) = &self.present.findings_file
            && let Err(error) = output::append(&raw::path(file), &findings.join("\n"))
        {
            warn!("reload_check_config: {file}: {}", input::reason(&error));
        }
    }

    /// Says when every worker has done all reloads.
    pub(super) fn check_reloaded(&mut self) {
        let done =
            |(kind, worker): (&Kind, &Worker)| worker.owed == 0 && !self.supervisor.is_stopping_worker(*kind);
        if self.reloading && self.workers.iter().all(done) {
            self.reloading = false;
            info!("Reload complete");
        }
    }
}
