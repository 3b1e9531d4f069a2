//! Command lines and who runs them; whether they are there, and safe to run.

use super::Lower;
use crate::command::{Command, RunAs};
use crate::conf::config;
use crate::conf::diagnostic::{Code, Diagnostic, KeepalivedLine, codes};
use crate::conf::lexer::{Escapes, Word, split_quoted};
use crate::conf::script::{Examined, UnknownAccount};
use crate::conf::source::Span;
use crate::conf::tree::Statement;

/// The account for scripts without one of their own, if the machine has it.
const DEFAULT_USER: &str = "keepalived_script";

/// The file's settings for scripts, and what is known of the scripts in it.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    /// `enable_script_security`
    pub(super) security: bool,
    /// `script_user`
    pub(super) user: Option<RunAs>,
    /// `set_supplementary_groups`
    pub(super) supplementary_groups: bool,
    /// No default user can be had: reported already.
    pub(super) user_failed: bool,
    default_user_known: bool,
    /// The first that is executed.
    first: Option<Span>,
    /// The first that others could change.
    insecure: Option<Span>,
}

impl Scripts {
    /// As the `Config` has them.
    pub(super) fn settings(&self) -> config::Scripts {
        config::Scripts {
            security: self.security,
            user: self.user.clone(),
            supplementary_groups: self.supplementary_groups,
        }
    }
}

/// What to say of a script that will not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// keepalived reports it as a mistake.
    Tracked,
    /// keepalived mentions it in its log.
    Notify,
}

impl<'t, 's> Lower<'t, 's> {
    /// A keyword that takes its command line as one word: others do not reach the command.
    pub(super) fn all_in_one_word(&mut self, statement: &Statement) {
        let words = self.words(statement);
        let (Some(first), Some(extra), Some(last)) = (words.get(1), words.get(2), words.last()) else {
            return;
        };
        let keyword = statement.keyword.map_or("", |k| k.name);
        let message =
            format!("the arguments do not reach `{}`: only the first word of `{keyword}` counts", first.text);
        let line: Vec<&str> = words.iter().skip(1).map(|w| w.text.as_ref()).collect();
        let diagnostic = Diagnostic::new(&codes::COMMAND_NOT_QUOTED, extra.span.to(last.span), message);
        self.sink.push(diagnostic.help(format!("put it in quotes: `{keyword} \"{}\"`", line.join(" "))));
    }

    /// The words within a command line's first word.
    pub(super) fn argv(&mut self, line: &Word<'_>) -> Option<Vec<String>> {
        if line.text.contains("\\\"") {
            let message = "`\\\"` in a command line is a letter of a word; for keepalived before 2.3.2 it holds words together";
            let diagnostic = Diagnostic::new(&codes::ESCAPED_QUOTES, line.span, message);
            self.sink.push(
                diagnostic.help("to hold words together, write single quotes: `\"/bin/sh -c 'exit 0'\"`"),
            );
        }
        match split_quoted(&line.text, line.span, Escapes::Resolve) {
            Ok(words) => Some(words.into_iter().map(|w| w.text.into_owned()).collect())
                .filter(|w: &Vec<_>| !w.is_empty()),
            Err(_) => {
                let message = "a quote within the command line is not ended";
                self.report(&codes::UNTERMINATED_QUOTE, line.span, message);
                None
            }
        }
    }

    /// `USER [GROUP]`, where the machine has them.
    pub(super) fn account(&mut self, words: &[Word<'_>], code: &'static Code) -> Option<RunAs> {
        let (user, group) = (words.first()?, words.get(1));
        let run_as = RunAs { user: user.text.to_string(), group: group.map(|g| g.text.to_string()) };
        let Some(host) = self.options.scripts else { return Some(run_as) };
        let (span, message) = match host.account(&run_as) {
            Ok(_) => return Some(run_as),
            Err(UnknownAccount::User) => (user.span, format!("there is no user `{}`", run_as.user)),
            Err(UnknownAccount::Group) => {
                let group = group.unwrap_or(user);
                (group.span, format!("there is no group `{}`", group.text))
            }
        };
        let message = format!("{message}: what should run under it will not run");
        let mut diagnostic = Diagnostic::new(code, span, message);
        // Behind a notify script stand its arguments more often than its user.
        if std::ptr::eq(code, &codes::SCRIPT_UNUSABLE) {
            diagnostic = diagnostic.help("if it is an argument of the command, put both in quotes");
        }
        self.sink.push(diagnostic);
        None
    }

    /// The account for scripts without one of their own. The outer `None` where keepalived finds none either: with script
    /// security, it does not take root.
    pub(super) fn default_account(&mut self, span: Span, line: KeepalivedLine) -> Option<Option<RunAs>> {
        if self.scripts.user_failed {
            return None;
        }
        if self.scripts.user.is_some() || self.scripts.default_user_known {
            return Some(self.scripts.user.clone());
        }
        self.scripts.default_user_known = true;
        let Some(host) = self.options.scripts else { return Some(None) };
        let default = RunAs { user: DEFAULT_USER.to_owned(), group: None };
        if host.account(&default).is_ok() {
            self.scripts.user = Some(default);
        } else if self.scripts.security {
            self.scripts.user_failed = true;
            let message = format!("there is no user {DEFAULT_USER} to run scripts");
            let help = format!(
                "add that user (`useradd -rM -s /usr/sbin/nologin {DEFAULT_USER}`), or name one with `script_user`"
            );
            self.sink
                .push(Diagnostic::new(&codes::UNKNOWN_USER, span, message).help(help).keepalived_line(line));
            return None;
        }
        Some(self.scripts.user.clone())
    }

    /// Looks at a script as the machine has it; `false` where it will not run.
    pub(super) fn may_run(&mut self, command: &Command, span: Span, purpose: Use) -> bool {
        let Some(host) = self.options.scripts else { return true };
        if command.only_opens_a_file() {
            return true;
        }
        let program = command.program();
        let tracked =
            |code: &'static Code| if purpose == Use::Tracked { code } else { &codes::SCRIPT_UNUSABLE };
        let (code, why) = match host.examine(program, command.run_as.as_ref()) {
            Examined::Missing => {
                (tracked(&codes::SCRIPT_MISSING), "can't be found (or not by the user who runs it)")
            }
            Examined::NotAFile => (tracked(&codes::SCRIPT_INSECURE), "is not a file"),
            Examined::Script { executable, insecure } => {
                self.scripts.first.get_or_insert(span);
                if insecure {
                    self.scripts.insecure.get_or_insert(span);
                }
                match (executable, insecure && self.scripts.security) {
                    (false, _) => (&codes::SCRIPT_UNUSABLE, "is not executable for the user who runs it"),
                    (true, true) => (
                        tracked(&codes::SCRIPT_INSECURE),
                        "runs as root, and others than root can write to it or to a directory above it",
                    ),
                    (true, false) => return true,
                }
            }
        };
        self.report(code, span, format!("script `{program}` {why}; it will not run"));
        false
    }

    /// Where the first script that runs stands, and the first that is insecure.
    pub(super) fn scripts_so_far(&self) -> (Option<Span>, Option<Span>) {
        (self.scripts.first, self.scripts.insecure)
    }

    /// Scripts found since then don't run after all.
    pub(super) fn forget_scripts_since(&mut self, (first, insecure): (Option<Span>, Option<Span>)) {
        self.scripts.first = first;
        self.scripts.insecure = insecure;
    }

    /// At the end: scripts that run without script security. Where an interface is missing, keepalived does not get
    /// as far as that.
    pub(super) fn check_script_security(&mut self) {
        if self.sink.has(&codes::NO_SUCH_INTERFACE) {
            return;
        }
        let (Some(first), false) = (self.scripts.first, self.scripts.security) else { return };
        let (span, message) = match self.scripts.insecure {
            Some(insecure) => (
                insecure,
                "this script runs as root, others than root can change it, and `enable_script_security` is not set",
            ),
            None => (first, "scripts are run, and `enable_script_security` is not set"),
        };
        let help = "write `enable_script_security` and `script_user` into global_defs";
        self.sink.push(Diagnostic::new(&codes::SCRIPT_SECURITY, span, message).help(help));
    }
}
