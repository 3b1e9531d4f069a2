//! Whom news of servers and quorums go to: the log, programs, which the parent has run, FIFOs and mails, for which threads
//! of their own wait. What is told, and in which words, [`crate::check`] knows.

use super::journal::Entry;
use super::programs::Programs;
use crate::check::event::{Alert, Report, Subject};
use crate::conf::Config;
use crate::daemon::fifo::Fifos;
use crate::daemon::mail::Mailer;
use crate::raw;
use std::time::Duration;
use tracing::warn;

/// How long the last mails may take to leave.
const LAST_MAILS: Duration = Duration::from_secs(1);

/// Tells others.
pub(super) struct Notifier {
    fifos: Fifos,
    /// `None`: there was no thread left for it, which was said.
    mailer: Option<Mailer>,
    /// `no_checker_emails`
    no_mail_of_checks_alone: bool,
}

impl Notifier {
    pub(super) fn new(fifos: Fifos) -> Notifier {
        let mailer = Mailer::start().inspect_err(|error| warn!("no mails are sent: {error}")).ok();
        Notifier { fifos, mailer, no_mail_of_checks_alone: false }
    }

    /// From now on mails are sent so.
    pub(super) fn configure(&mut self, config: &Config) {
        if let Some(mailer) = &self.mailer {
            mailer.configure(&config.global);
        }
        self.no_mail_of_checks_alone = config.check.settings.no_checker_emails;
    }

    /// Waits until mails have left, but not for long.
    pub(super) fn finish(&self) {
        if let Some(mailer) = &self.mailer {
            mailer.finish(LAST_MAILS);
        }
    }

    /// Tells everybody; waits for nobody.
    pub(super) fn tell(&self, entry: Entry, programs: &mut Programs) {
        match entry {
            Entry::Report(report) => log(&report),
            Entry::Mail(alert) => self.mail(&alert),
            Entry::Notice(notice) => {
                self.fifos.line(raw::bytes(&notice.fifo_line()).into_owned());
                if let Some(alert) = &notice.mail {
                    self.mail(alert);
                }
                if let Some(command) = notice.program {
                    let subject = match notice.subject {
                        Subject::VirtualServer => None,
                        Subject::RealServer(server) => Some(server.to_string()),
                    };
                    programs.notify(notice.vs, subject, *command);
                }
            }
        }
    }

    fn mail(&self, alert: &Alert) {
        if let Some(mailer) = &self.mailer
            && !(alert.is_of_check_alone && self.no_mail_of_checks_alone)
        {
            mailer.send(&alert.subject, &alert.text);
        }
    }
}

fn log(report: &Report) {
    match report.failure() {
        Some(failure) => tracing::info!(reason = %failure, "{report}"),
        None => tracing::info!("{report}"),
    }
}
