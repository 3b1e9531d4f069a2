//! `notify*` and `smtp_alert` of instances and sync groups.

use super::Lower;
use super::command::Use;
use crate::command::Command;
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::tree::Statement;
use crate::vrrp::config::{Defaults, Notify};

/// The defaults.
pub(super) fn defaults(globals: &Defaults) -> Notify {
    Notify {
        priority_changes: globals.notify_priority_changes,
        split_brain: globals.notify_split_brain,
        smtp_alert: globals.smtp_alert,
        ..Notify::default()
    }
}

/// The commands that a block has named so far: the first one counts, even if it can't be run.
pub(super) type Named = Vec<&'static str>;

/// A notify keyword of an instance or a sync group; any other is passed over. `notify` starts with the defaults.
pub(super) fn statement(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    notify: &mut Notify,
    named: &mut Named,
) {
    let keyword = statement.keyword.map_or("", |k| k.canonical());
    let slot = match keyword {
        "notify" => &mut notify.any,
        "notify_master" => &mut notify.master,
        "notify_backup" => &mut notify.backup,
        "notify_fault" => &mut notify.fault,
        "notify_stop" => &mut notify.stop,
        "notify_deleted" => {
            deleted(cx, statement, notify);
            return;
        }
        "notify_master_rx_lower_pri" => &mut notify.master_rx_lower_pri,
        "notify_priority_changes" => {
            notify.priority_changes = cx.flag(statement).unwrap_or(notify.priority_changes);
            return;
        }
        "smtp_alert" => {
            notify.smtp_alert = cx.flag(statement).unwrap_or(notify.smtp_alert);
            return;
        }
        _ => return,
    };
    cx.first_command(statement, slot, named);
}

/// `notify_deleted [COMMAND [USER [GROUP]]]`: alone, nothing is run in the place of `notify_fault`.
fn deleted(cx: &mut Lower<'_, '_>, statement: &Statement, notify: &mut Notify) {
    if notify.at_deletion {
        cx.given_already(statement);
        return;
    }
    notify.at_deletion = true;
    if cx.words(statement).len() > 1 {
        notify.deleted = cx.notify_command(statement).map(Box::new);
    }
}

impl<'t, 's> Lower<'t, 's> {
    /// A command for an event that the block names no command for yet.
    pub(super) fn first_command(
        &mut self,
        statement: &Statement,
        slot: &mut Option<Box<Command>>,
        named: &mut Named,
    ) {
        let keyword = statement.keyword.map_or("", |k| k.canonical());
        if named.contains(&keyword) {
            self.given_already(statement);
            return;
        }
        named.push(keyword);
        *slot = self.notify_command(statement).map(Box::new);
    }

    /// `KEYWORD COMMAND [USER [GROUP]]`: what to run, if it can be run.
    pub(super) fn notify_command(&mut self, statement: &Statement) -> Option<Command> {
        let (_, line) = self.argument(statement, 0)?;
        let words = self.words(statement);
        let account = words.get(2..).unwrap_or_default();
        if account.len() > 2 || account.iter().any(|w| !could_be_an_account(&w.text)) {
            self.arguments_taken_for_an_account(statement);
            return None;
        }
        let run_as = match account {
            [] => self.default_account(statement.span, KeepalivedLine::Here)?,
            given => Some(self.account(given, &codes::SCRIPT_UNUSABLE)?),
        };
        let command = Command { argv: self.argv(line)?, run_as };
        self.may_run(&command, line.span, Use::Notify).then_some(command)
    }

    /// keepalived takes the second word for a user: there is none, and the script does not run.
    fn arguments_taken_for_an_account(&mut self, statement: &Statement) {
        let words = self.words(statement);
        let (Some(first), Some(extra), Some(last)) = (words.get(1), words.get(2), words.last()) else {
            return;
        };
        let keyword = statement.keyword.map_or("", |k| k.name);
        let message =
            format!("`{}` will not run: the words behind it are the user and group that run it", first.text);
        let line: Vec<&str> = words.iter().skip(1).map(|w| w.text.as_ref()).collect();
        let diagnostic = Diagnostic::new(&codes::COMMAND_NOT_QUOTED, extra.span.to(last.span), message);
        let help = format!("put command and arguments in quotes: `{keyword} \"{}\"`", line.join(" "));
        self.sink.push(diagnostic.label("expected USER [GROUP]").help(help));
    }
}

/// Names that `useradd` allows; keepalived takes no numbers.
fn could_be_an_account(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || "_-.$@\\".contains(c))
}

#[cfg(test)]
mod tests {
    use super::could_be_an_account;
    use crate::command::RunAs;
    use crate::conf::{LoadOptions, Loaded, load_text};

    fn load(global: &str, lines: &str) -> Loaded {
        let text = format!(
            "global_defs {{\n{global}\n}}\nvrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{\n10.0.0.1/24\n}}\n{lines}\n}}\n"
        );
        load_text("keepalived.conf", text, &LoadOptions::default())
    }

    fn codes(loaded: &Loaded) -> Vec<&'static str> {
        loaded.diagnostics.iter().map(|d| d.code.id).filter(|id| *id != "V0901").collect()
    }

    #[test]
    fn each_transition_has_its_command() {
        let loaded = load(
            "",
            "notify /n\nnotify_master \"/m 'a b' c\"\nnotify_backup /b daemon\nnotify_fault /f daemon adm\nnotify_stop /s\nnotify_deleted /d\nnotify_master_rx_lower_pri /r\nnotify_priority_changes\nsmtp_alert",
        );
        assert_eq!(codes(&loaded), [""; 0]);
        let notify = loaded.config.unwrap().vrrp.instances.remove(0).notify;
        assert_eq!(notify.master.as_ref().unwrap().argv, ["/m", "a b", "c"]);
        let program = |c: &Option<Box<crate::command::Command>>| c.as_ref().unwrap().program().to_owned();
        assert_eq!(
            [&notify.any, &notify.stop, &notify.deleted, &notify.master_rx_lower_pri].map(program),
            ["/n", "/s", "/d", "/r"]
        );
        let run_as =
            |group: Option<&str>| Some(RunAs { user: "daemon".into(), group: group.map(Into::into) });
        assert_eq!(notify.backup.as_ref().unwrap().run_as, run_as(None));
        assert_eq!(notify.fault.as_ref().unwrap().run_as, run_as(Some("adm")));
        assert!(notify.priority_changes && notify.smtp_alert && notify.at_deletion);
    }

    #[test]
    fn the_second_of_two_is_left_out() {
        let loaded = load("", "notify_master /a\nnotify_master /b\nnotify_deleted\nnotify_deleted /c");
        assert_eq!((codes(&loaded), loaded.test_status()), (vec!["V0605"; 2], 5));
        let notify = loaded.config.unwrap().vrrp.instances.remove(0).notify;
        assert_eq!((notify.master.as_ref().unwrap().program(), notify.deleted.clone()), ("/a", None));
    }

    #[test]
    fn the_first_of_two_counts_even_if_it_can_not_run() {
        let loaded = load("", "notify_master /a -v\nnotify_master /b");
        assert_eq!(codes(&loaded), ["V0611", "V0605"]);
        assert_eq!(loaded.config.unwrap().vrrp.instances.remove(0).notify.master, None);
    }

    #[test]
    fn arguments_outside_the_quotes_are_no_account() {
        for line in ["notify_master /a -v", "notify_backup /etc/b.sh 10.0.0.1", "notify /n one two three"] {
            let loaded = load("", line);
            assert_eq!((codes(&loaded), loaded.test_status()), (vec!["V0611"], 0), "{line}");
        }
        assert!(
            could_be_an_account("_apt")
                && could_be_an_account("www-data")
                && could_be_an_account("dom\\user")
        );
        assert!(!could_be_an_account("0") && !could_be_an_account("") && !could_be_an_account("/x"));
    }

    #[test]
    fn a_quote_that_is_not_ended_is_named() {
        assert_eq!(codes(&load("", "notify_master \"/a 'b\"")), ["V0107"]);
    }

    #[test]
    fn global_defaults_hold_unless_the_block_says_otherwise() {
        let notify = |global: &str, lines: &str| {
            let loaded = load(global, lines);
            loaded.config.unwrap().vrrp.instances.remove(0).notify
        };
        assert!(!notify("", "").smtp_alert);
        assert!(notify("smtp_alert", "").smtp_alert);
        assert!(!notify("smtp_alert\nsmtp_alert_vrrp off", "").smtp_alert);
        assert!(!notify("smtp_alert", "smtp_alert no").smtp_alert);
        assert!(notify("vrrp_notify_priority_changes", "").priority_changes);
        assert!(!notify("vrrp_notify_priority_changes", "notify_priority_changes off").priority_changes);
    }
}
