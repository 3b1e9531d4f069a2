//! Whom the router's notices go to: scripts, which the parent has run, FIFOs and mails, for which
//! threads of their own wait. What is told, and in which words,
//! [`crate::vrrp::notice`] knows; when, the engine.

use crate::conf::Config;
use crate::daemon::fifo::Fifos;
use crate::daemon::mail::Mailer;
use crate::daemon::worker::FromWorker;
use crate::raw;
use crate::run::{Limit, Run, RunId, RunOutcome, Turn};
use crate::vrrp::Notice;
use crate::vrrp::event::Name;
use crate::vrrp::notice::{News, State};
use std::collections::HashMap;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, info, warn};

/// The numbers of these runs have this bit: others of this worker have not.
const NOTICE: u64 = 1 << 63;

/// How long scripts have at the end, as with keepalived; it kills them then without asking first.
const STOP_LIMIT: Limit = Limit { term_after: Duration::from_secs(1), kill_after: Duration::from_secs(1) };

/// How long the last mails may take to leave: as long as scripts have.
const LAST_MAILS: Duration = Duration::from_secs(1);

/// Tells others.
#[derive(Debug)]
pub(super) struct Notifier {
    parent: UnboundedSender<FromWorker>,
    fifos: Fifos,
    mailer: Mailer,
    /// `no_email_faults`
    no_mail_of_faults: bool,
    /// What the last mail said of whom: the same is not said twice.
    mailed: HashMap<(&'static str, Name), State>,
    runs: u64,
    /// Notices so far: the scripts of one run together, those of the next wait for them.
    step: u64,
    /// Scripts that have not ended: of whom, and how the log names them.
    asked: HashMap<RunId, (String, String)>,
    /// How many of them each owner has.
    unended: HashMap<String, usize>,
}

impl Notifier {
    pub(super) fn new(parent: UnboundedSender<FromWorker>, fifos: Fifos) -> io::Result<Notifier> {
        let mailer = Mailer::start()?;
        let mailed = HashMap::new();
        Ok(Notifier {
            parent,
            fifos,
            mailer,
            no_mail_of_faults: false,
            mailed,
            runs: 0,
            step: 0,
            asked: HashMap::new(),
            unended: HashMap::new(),
        })
    }

    /// From now on mails are sent so.
    pub(super) fn configure(&mut self, config: &Config) {
        self.mailer.configure(&config.global);
        self.no_mail_of_faults = config.vrrp.settings.no_email_faults;
    }

    /// Waits until mails have left, but not for long.
    pub(super) fn finish(&self) {
        self.mailer.finish(LAST_MAILS);
    }

    /// Tells everybody; waits for nobody.
    pub(super) fn notify(&mut self, notice: &Notice) {
        self.step += 1;
        let limit = (notice.news == News::Entered(State::Stop)).then_some(STOP_LIMIT);
        let owner = format!("{} {}", notice.kind(), notice.name);
        let before = self.unended.get(&owner).copied().unwrap_or(0);
        if limit.is_some() && before > 0 {
            let scripts =
                if before == 1 { "a script has".to_owned() } else { format!("{before} scripts have") };
            info!(
                "({}) {scripts} not ended yet: what waits for its turn is dropped for the stop",
                notice.name
            );
        }
        for command in notice.scripts() {
            self.runs += 1;
            let id = RunId(NOTICE | self.runs);
            let wait = if before > 0 { ", once those before it have ended" } else { "" };
            debug!("({}) running {command}{wait}", notice.name);
            let text = format!("({}) script {} for {}", notice.name, command.program(), notice.word());
            self.asked.insert(id, (owner.clone(), text));
            *self.unended.entry(owner.clone()).or_default() += 1;
            let turn = Some(Turn { owner: owner.clone(), step: self.step, subject: None });
            // Fails when the parent is gone, which the worker notices.
            let _ = self.parent.send(FromWorker::Run(Run { id, turn, command, limit }));
        }
        self.fifos.line(raw::bytes(&notice.fifo_line()).into_owned());
        if let Some(mail) = notice.mail(self.no_mail_of_faults)
            && self.mailed.insert((notice.kind(), notice.name.clone()), mail.state) != Some(mail.state)
        {
            self.mailer.send(&mail.subject, mail.text);
        }
        if matches!(notice.news, News::Entered(State::Stop | State::Deleted)) {
            self.mailed.remove(&(notice.kind(), notice.name.clone()));
        }
    }

    /// Takes in how a script ended; false if it is none of these.
    pub(super) fn ended(&mut self, id: RunId, outcome: &RunOutcome) -> bool {
        let Some((owner, script)) = self.asked.remove(&id) else { return false };
        if let Some(count) = self.unended.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                self.unended.remove(&owner);
            }
        }
        if !outcome.is_success() {
            warn!("{script}: {outcome}");
        }
        true
    }
}
