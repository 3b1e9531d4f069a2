//! Whom mails go to, and through whom.

use super::super::{Lower, body};
use super::{put, set};
use crate::conf::config::{Mail, SmtpLogin, SmtpPassword, SmtpServer, SmtpTls};
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::schema::Kind;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The port of SMTP, and that of SMTP which is encrypted from the beginning.
const SMTP_PORT: u16 = 25;
const SUBMISSIONS_PORT: u16 = 465;

/// What is only known once all blocks are read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    server: Option<(String, Option<u16>)>,
    user: Option<(String, Span)>,
    password: Option<(SmtpPassword, Span)>,
}

impl Draft {
    /// What the keywords come to.
    pub(super) fn finish(self, cx: &mut Lower<'_, '_>, mail: &mut Mail) {
        let usual = if mail.tls == SmtpTls::Implicit { SUBMISSIONS_PORT } else { SMTP_PORT };
        mail.server = self.server.map(|(host, port)| SmtpServer { host, port: port.unwrap_or(usual) });
        let (span, message) = match (self.user, self.password) {
            (Some((user, span)), Some((password, _))) => {
                if mail.tls != SmtpTls::Off {
                    mail.login = Some(SmtpLogin { user, password });
                    return;
                }
                (span, "`smtp_user` needs `smtp_tls`: a password is not sent where others can read it")
            }
            (Some((_, span)), None) => (span, "`smtp_user` needs `smtp_password`"),
            (None, Some((_, span))) => (span, "`smtp_password` needs `smtp_user`"),
            (None, None) => return,
        };
        cx.report(&codes::INCOMPLETE, span, message);
    }
}

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &str,
    mail: &mut Mail,
    draft: &mut Draft,
) -> bool {
    match name {
        "notification_email" => {
            let before = mail.to.len();
            for entry in body(statement) {
                mail.to.extend(cx.words(entry).iter().map(|word| word.text.to_string()));
            }
            if mail.to.len() == before {
                let message = "`notification_email` holds no address";
                let mut diagnostic = Diagnostic::new(&codes::INCOMPLETE, statement.span, message);
                if let Some(body) = &statement.body {
                    diagnostic = diagnostic.keepalived_line(KeepalivedLine::At(body.end));
                }
                cx.sink.push(diagnostic);
            }
        }
        "notification_email_from" => put(&mut mail.from, cx.name(statement)),
        "smtp_server" => put(&mut draft.server, server(cx, statement)),
        "smtp_tls" => set(
            &mut mail.tls,
            cx.choice(statement).map(|word| match word {
                "starttls" => SmtpTls::StartTls,
                "tls" => SmtpTls::Implicit,
                _ => SmtpTls::Off,
            }),
        ),
        "smtp_user" => put(&mut draft.user, cx.only_text(statement).map(|user| (user, statement.span))),
        "smtp_password" => {
            let password = cx.only_text(statement).map(|text| match text.strip_prefix("file:") {
                Some(path) => SmtpPassword::File(path.into()),
                None => SmtpPassword::Text(text),
            });
            put(&mut draft.password, password.map(|password| (password, statement.span)));
        }
        "smtp_ca_file" => put(&mut mail.ca_file, cx.only_text(statement).map(Into::into)),
        "smtp_alert_digest" => {
            put(&mut mail.digest, cx.u32(statement).map(|seconds| Duration::from_secs(seconds.into())));
        }
        "smtp_helo_name" => put(&mut mail.helo_name, cx.name(statement)),
        "smtp_connect_timeout" => {
            set(
                &mut mail.connect_timeout,
                super::repeat(cx, statement).map(|s| Duration::from_secs(s.into())),
            );
        }
        _ => return false,
    }
    true
}

fn server(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<(String, Option<u16>)> {
    let word = cx.text(statement)?;
    let host = word.text.to_string();
    let port = match cx.argument(statement, 1) {
        None => None,
        Some((declared, word)) => {
            let Kind::Integer { min, max } = declared.kind else { return None };
            Some(u16::try_from(cx.integer_word(word, min, max)?).ok()?)
        }
    };
    if host.parse::<IpAddr>().is_err() && cx.options.resolves.is_some_and(|ask| !ask(&host)) {
        let message = format!("`{host}` is neither an address nor a name that this machine can look up");
        let mut diagnostic = Diagnostic::new(&codes::BAD_ADDRESS, word.span, message);
        if let Some((address, port)) = host.rsplit_once(':').filter(|(a, _)| a.parse::<Ipv4Addr>().is_ok()) {
            diagnostic = diagnostic.help(format!("write the port behind a blank: `{address} {port}`"));
        }
        cx.sink.push(diagnostic);
        return None;
    }
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::redact::without_secrets;
    use crate::conf::{LoadOptions, load_text};

    #[test]
    fn a_password_goes_with_a_name_and_encryption_only_and_is_shown_nowhere() {
        let read = |lines: &str| {
            let text = format!("global_defs {{\nsmtp_server 192.0.2.25\n{lines}\n}}\n");
            let loaded = load_text("k.conf", text, &LoadOptions::default());
            let codes: Vec<&str> = loaded.diagnostics.iter().map(|found| found.code.id).collect();
            (loaded.config.unwrap(), codes)
        };
        let port = |lines: &str| read(lines).0.global.mail.server.map(|server| server.port);
        assert_eq!(
            [port(""), port("smtp_tls starttls"), port("smtp_tls tls")],
            [Some(25), Some(25), Some(465)]
        );
        let both = "smtp_user lb\nsmtp_password himitsu";
        for lines in [both, "smtp_tls tls\nsmtp_user lb", "smtp_tls tls\nsmtp_password himitsu"] {
            let (config, codes) = read(lines);
            assert_eq!((config.global.mail.login, codes), (None, vec!["V0213"]), "{lines}");
        }
        let (config, codes) = read(&format!("{both}\nsmtp_tls starttls"));
        let login = config.global.mail.login.clone().unwrap();
        assert_eq!((codes, login.password), (vec![], SmtpPassword::Text("himitsu".to_owned())));
        let shown = without_secrets(&config).unwrap().to_string();
        assert!(!format!("{config:?} {shown}").contains("himitsu"));
    }
}
