//! Whom mails go to, and through whom.

use super::super::{Lower, body};
use super::{put, set};
use crate::conf::config::{Mail, SmtpServer};
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::schema::Kind;
use crate::conf::tree::Statement;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The port of SMTP.
const SMTP_PORT: u16 = 25;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(cx: &mut Lower<'_, '_>, statement: &Statement, name: &str, mail: &mut Mail) -> bool {
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
        "smtp_server" => put(&mut mail.server, server(cx, statement)),
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

fn server(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<SmtpServer> {
    let word = cx.text(statement)?;
    let host = word.text.to_string();
    let port = match cx.argument(statement, 1) {
        None => SMTP_PORT,
        Some((declared, word)) => {
            let Kind::Integer { min, max } = declared.kind else { return None };
            u16::try_from(cx.integer_word(word, min, max)?).ok()?
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
    Some(SmtpServer { host, port })
}
