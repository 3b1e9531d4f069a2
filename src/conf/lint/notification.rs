//! Advice on notifications: scripts that can't tell what happened, and mails that no server takes.

use super::places::{Places, all, body, is};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::source::Span;
use crate::conf::tree::Statement;

/// Transitions with a command of their own each.
const TRANSITIONS: &[&str] = &["notify_master", "notify_backup", "notify_fault", "notify_stop"];

/// What the blocks so far say of users and mails.
#[derive(Debug, Default)]
pub(super) struct Advisor {
    /// `enable_script_security`
    security: Option<Span>,
    /// `script_user`
    user: bool,
    /// A `vrrp_script` that names no user.
    scripts: bool,
    /// `notification_email`
    recipients: Option<Span>,
    /// `smtp_server`
    mail_server: bool,
}

impl Advisor {
    pub(super) fn advise(&mut self, places: &Places<'_, '_>, block: &Statement, sink: &mut Sink) {
        if is(block, "global_defs") {
            let says = |name: &'static str| all(block, name).last();
            self.security = says("enable_script_security").map(|s| s.span).or(self.security);
            self.user |= says("script_user").is_some();
            self.mail_server |= says("smtp_server").is_some();
            let recipients = says("notification_email").filter(|list| !body(list).is_empty());
            self.recipients = recipients.map(|s| s.span).or(self.recipients);
        } else if is(block, "vrrp_script") {
            self.scripts |= all(block, "user").next().is_none();
        } else if is(block, "vrrp_instance") || is(block, "vrrp_sync_group") {
            same_command(places, block, sink);
        }
    }

    pub(super) fn finish(self, sink: &mut Sink) {
        // It depends on the machine, then, whether scripts run.
        if let (Some(security), false, true) = (self.security, self.user, self.scripts) {
            let message = "scripts run as `keepalived_script`, on machines that have such a user";
            let help = "name the user in global_defs: `script_user USER`";
            sink.push(Diagnostic::new(&codes::LINT_SCRIPT_USER, security, message).help(help));
        }
        if let (Some(list), false) = (self.recipients, self.mail_server) {
            let message = "notification_email without smtp_server: no mail is sent";
            let help = "name it in global_defs: `smtp_server 127.0.0.1`";
            sink.push(Diagnostic::new(&codes::LINT_MAIL_SERVER, list, message).help(help));
        }
    }
}

/// One hint a block.
fn same_command(places: &Places<'_, '_>, block: &Statement, sink: &mut Sink) {
    let line = |s: &Statement| places.words(s).get(1).map(|w| w.text.to_string());
    let notified: Vec<_> =
        TRANSITIONS.iter().filter_map(|name| all(block, name).next().map(|s| (*name, s))).collect();
    for (i, (name, statement)) in notified.iter().enumerate() {
        let same = notified.iter().take(i).find(|(_, s)| line(s).is_some() && line(s) == line(statement));
        let Some((first_name, first)) = same else { continue };
        let message = format!("{name} and {first_name} run the same command: it can't tell what happened");
        let help = "give it an argument, or use `notify`, which tells it the name and the new state";
        let diagnostic = Diagnostic::new(&codes::LINT_SAME_NOTIFY, statement.span, message).help(help);
        sink.push(diagnostic.also(first.span, "the same command"));
        return;
    }
}
