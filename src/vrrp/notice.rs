//! What others are told of an instance or a sync group: scripts, FIFOs, mail.
//!
//! A [`Notice`] says what has happened, with all that is needed to tell it: it may be told when the configuration does not
//! have its object any more. What follows from it is keepalived's, word for word (`vrrp/vrrp_notify.c`): the script of the
//! state, the script for all states, the line for the FIFOs, the mail, in this order. When it is told, [`super::engine`]
//! decides; how, the driver.

use super::config::Notify;
use super::rare::Rare;
use super::shared::Shared;
use crate::command::Command;
use serde::{Deserialize, Serialize};

/// Something that is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Of whom.
    pub subject: Subject,
    /// Its name.
    pub name: Shared<str>,
    /// What.
    pub news: News,
    /// The priority in force; a group has none.
    pub priority: u8,
    /// To whom.
    pub to: Rare<Notify>,
}

/// Whom a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// A `vrrp_instance`.
    Instance,
    /// A `vrrp_sync_group`.
    Group {
        /// Its instances: what is told of them comes first.
        members: Shared<[Shared<str>]>,
    },
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum News {
    /// It is in this state now.
    Entered(State),
    /// It is still in this state, after a reload: for the FIFOs (`fifo_write_vrrp_states_on_reload`).
    Still(State),
    /// A master heard an advert of lower priority.
    MasterRxLowerPri,
    /// Another router is the master too, or will be (`vrrp_notify_split_brain`).
    SplitBrain,
    /// It is no more.
    SplitOver,
    /// The priority in force is another one: for the FIFOs (`notify_priority_changes`).
    Priority {
        /// Of a master.
        master: bool,
    },
}

/// The states that others are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// It is the master; all of the group are.
    Master,
    /// It is not.
    Backup,
    /// It can't run.
    Fault,
    /// The daemon stops.
    Stop,
    /// A reload drops it.
    Deleted,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            State::Master => "MASTER",
            State::Backup => "BACKUP",
            State::Fault => "FAULT",
            State::Stop => "STOP",
            State::Deleted => "DELETED",
        }
    }
}

/// A mail's subject, without the router's name, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The state that it is about: of two mails about the same one, keepalived sends the first.
    pub state: State,
    /// `VRRP Instance VI_1 - Entering MASTER state`
    pub subject: String,
    /// `=> VRRP Instance is now owning VRRP VIPs <=`
    pub text: &'static str,
}

impl Notice {
    /// The object as scripts and FIFOs name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.subject {
            Subject::Instance => "INSTANCE",
            Subject::Group { .. } => "GROUP",
        }
    }

    /// Without `notify_deleted` the end of an instance is told as a fault, as of old. The script for faults does not run.
    fn told(&self, state: State) -> State {
        match state {
            State::Deleted if !self.to.at_deletion => State::Fault,
            state => state,
        }
    }

    /// The state or event as scripts and FIFOs name it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.news {
            News::Entered(state) | News::Still(state) => self.told(state).word(),
            News::MasterRxLowerPri => "MASTER_RX_LOWER_PRI",
            News::SplitBrain => "SPLIT_BRAIN",
            News::SplitOver => "SPLIT_BRAIN_OVER",
            News::Priority { master: true } => "MASTER_PRIORITY",
            News::Priority { master: false } => "BACKUP_PRIORITY",
        }
    }

    /// The scripts to run: that of the state first. They may run at the same time.
    #[must_use]
    pub fn scripts(&self) -> Vec<Command> {
        let to = &*self.to;
        let any = || {
            to.any.as_deref().map(|command| {
                let told =
                    [self.kind(), &*self.name, self.word(), &self.priority.to_string()].map(str::to_owned);
                let argv = command.argv.iter().cloned().chain(told).collect();
                Command { argv, ..command.clone() }
            })
        };
        let state = match self.news {
            News::Entered(state) => state,
            News::SplitBrain | News::SplitOver => return any().into_iter().collect(),
            News::MasterRxLowerPri => {
                return to.master_rx_lower_pri.as_deref().cloned().into_iter().collect();
            }
            News::Still(_) | News::Priority { .. } => return Vec::new(),
        };
        let own = match state {
            State::Master => &to.master,
            State::Backup => &to.backup,
            State::Fault => &to.fault,
            State::Stop => &to.stop,
            State::Deleted => &to.deleted,
        };
        own.as_deref().cloned().into_iter().chain(any()).collect()
    }

    /// The line for the FIFOs.
    #[must_use]
    pub fn fifo_line(&self) -> String {
        format!("{} \"{}\" {} {}\n", self.kind(), self.name, self.word(), self.priority)
    }

    /// The mail, if there is to be one; `no_faults` is `no_email_faults`.
    #[must_use]
    pub fn mail(&self, no_faults: bool) -> Option<Mail> {
        let News::Entered(state) = self.news else { return None };
        let state = self.told(state);
        if !self.to.smtp_alert || (no_faults && state == State::Fault) {
            return None;
        }
        let (whom, text) = match &self.subject {
            Subject::Instance => (
                "VRRP Instance",
                match state {
                    State::Master => "=> VRRP Instance is now owning VRRP VIPs <=",
                    State::Backup | State::Fault => "=> VRRP Instance is no longer owning VRRP VIPs <=",
                    State::Stop => "=> VRRP Instance stopping <=",
                    State::Deleted => "=> VRRP Deleted at reload <=",
                },
            ),
            Subject::Group { .. } => (
                "VRRP Group",
                match state {
                    State::Master => "=> All VRRP group instances are now in MASTER state <=",
                    State::Backup => "=> All VRRP group instances are now in BACKUP state <=",
                    State::Fault => "=> All VRRP group instances are now in FAULT state <=",
                    State::Stop => "=> All VRRP group instances are now stopping <=",
                    State::Deleted => return None,
                },
            ),
        };
        let what = match state {
            State::Stop => "Stopping".to_owned(),
            State::Deleted => "Deleted".to_owned(),
            state => format!("Entering {} state", state.word()),
        };
        Some(Mail { state, subject: format!("{whom} {} - {what}", self.name), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(word: &str) -> Option<Box<Command>> {
        Some(Box::new(Command { argv: vec![format!("/{word}"), "own".to_owned()], run_as: None }))
    }

    fn everybody() -> Notify {
        Notify {
            master: command("master"),
            backup: command("backup"),
            fault: command("fault"),
            stop: command("stop"),
            at_deletion: true,
            deleted: command("deleted"),
            master_rx_lower_pri: command("lower"),
            any: command("any"),
            priority_changes: true,
            split_brain: true,
            smtp_alert: true,
        }
    }

    fn notice(subject: Subject, news: News, to: Notify) -> Notice {
        let priority = if subject == Subject::Instance { 150 } else { 0 };
        Notice { subject, name: "VI 1".into(), news, priority, to: Rare::from(to) }
    }

    fn lines(notice: &Notice) -> Vec<String> {
        notice.scripts().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_instance_is_told_of_as_keepalived_does() {
        // What a script gets, the FIFO's line, the mail: observed of 2.2.7, or read in vrrp_notify.c.
        let owning = "=> VRRP Instance is now owning VRRP VIPs <=";
        let lost = "=> VRRP Instance is no longer owning VRRP VIPs <=";
        for (state, word, what, text) in [
            (State::Master, "MASTER", "Entering MASTER state", owning),
            (State::Backup, "BACKUP", "Entering BACKUP state", lost),
            (State::Fault, "FAULT", "Entering FAULT state", lost),
            (State::Stop, "STOP", "Stopping", "=> VRRP Instance stopping <="),
            (State::Deleted, "DELETED", "Deleted", "=> VRRP Deleted at reload <="),
        ] {
            let notice = notice(Subject::Instance, News::Entered(state), everybody());
            let own = format!("/{} own", word.to_ascii_lowercase());
            assert_eq!(lines(&notice), [own, format!("/any own INSTANCE VI 1 {word} 150")]);
            assert_eq!(notice.fifo_line(), format!("INSTANCE \"VI 1\" {word} 150\n"));
            let mail = notice.mail(false).unwrap();
            assert_eq!((mail.subject, mail.text), (format!("VRRP Instance VI 1 - {what}"), text));
            assert_eq!(notice.mail(true).is_none(), state == State::Fault);
        }
    }

    #[test]
    fn a_group_has_no_priority_and_is_not_deleted() {
        let group = Subject::Group { members: ["VI 1".into()].into() };
        let master = notice(group.clone(), News::Entered(State::Master), everybody());
        assert_eq!(lines(&master), ["/master own", "/any own GROUP VI 1 MASTER 0"]);
        assert_eq!(master.fifo_line(), "GROUP \"VI 1\" MASTER 0\n");
        let mail = master.mail(false).unwrap();
        assert_eq!(mail.subject, "VRRP Group VI 1 - Entering MASTER state");
        assert_eq!(mail.text, "=> All VRRP group instances are now in MASTER state <=");
        assert_eq!(notice(group, News::Entered(State::Deleted), everybody()).mail(false), None);
    }

    #[test]
    fn without_notify_deleted_the_end_is_told_as_a_fault_but_for_its_script() {
        let to = Notify { at_deletion: false, deleted: None, ..everybody() };
        let notice = notice(Subject::Instance, News::Entered(State::Deleted), to);
        assert_eq!(lines(&notice), ["/any own INSTANCE VI 1 FAULT 150"]);
        assert_eq!(notice.fifo_line(), "INSTANCE \"VI 1\" FAULT 150\n");
        assert_eq!(notice.mail(false).unwrap().subject, "VRRP Instance VI 1 - Entering FAULT state");
        assert_eq!(notice.mail(true), None);
    }

    #[test]
    fn what_is_no_transition_goes_to_the_fifos() {
        let told = |news| {
            let notice = notice(Subject::Instance, news, everybody());
            assert_eq!(notice.mail(false), None);
            (notice.fifo_line(), lines(&notice))
        };
        let (line, scripts) = told(News::MasterRxLowerPri);
        assert_eq!(
            (line.as_str(), scripts),
            ("INSTANCE \"VI 1\" MASTER_RX_LOWER_PRI 150\n", vec!["/lower own".to_owned()])
        );
        for (news, word) in [(News::SplitBrain, "SPLIT_BRAIN"), (News::SplitOver, "SPLIT_BRAIN_OVER")] {
            let (line, scripts) = told(news);
            assert_eq!(line, format!("INSTANCE \"VI 1\" {word} 150\n"));
            assert_eq!(scripts, [format!("/any own INSTANCE VI 1 {word} 150")]);
        }
        for (news, word) in [
            (News::Priority { master: true }, "MASTER_PRIORITY"),
            (News::Priority { master: false }, "BACKUP_PRIORITY"),
            (News::Still(State::Backup), "BACKUP"),
        ] {
            assert_eq!(told(news), (format!("INSTANCE \"VI 1\" {word} 150\n"), vec![]));
        }
    }

    #[test]
    fn nobody_named_nobody_told_but_the_fifos() {
        let notice = notice(Subject::Instance, News::Entered(State::Master), Notify::default());
        assert_eq!((lines(&notice), notice.mail(false)), (vec![], None));
    }
}
