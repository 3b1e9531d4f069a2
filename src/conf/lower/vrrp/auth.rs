//! `authentication`: version 2 only.

use super::super::{Lower, body};
use super::draft::Draft;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::raw;
use crate::vrrp::config::{Auth, InitialState, Version};

impl Draft {
    pub(super) fn authentication(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        for statement in body(statement) {
            match statement.keyword.map(|k| k.name) {
                Some("auth_type") => {
                    self.auth_type = cx.choice(statement).map(|t| (t, statement.span)).or(self.auth_type);
                }
                Some("auth_pass") => self.password(cx, statement),
                _ => {}
            }
        }
    }

    pub(super) fn password(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let Some(word) = cx.text(statement) else { return };
        let bytes = raw::bytes(&word.text);
        if bytes.len() > 8 {
            let kept = raw::text(bytes[..8].to_vec());
            let diagnostic = Diagnostic::new(
                &codes::PASSWORD_TRUNCATED,
                word.span,
                format!("({}) auth_pass is truncated to 8 characters", self.name),
            );
            cx.sink.push(diagnostic.help(format!("only `{kept}` is sent; write that, on every router")));
        }
        let mut password = [0; 8];
        let length = bytes.len().min(8);
        password[..length].copy_from_slice(&bytes[..length]);
        self.auth_pass = Some((password, word.span));
    }

    /// What the adverts carry. AH needs an advert of the master's before the first of its own, so `state` may change.
    pub(super) fn auth(
        &self,
        cx: &mut Lower<'_, '_>,
        version: Version,
        family: Family,
        strict: bool,
        state: &mut InitialState,
        priority: u8,
    ) -> Option<Auth> {
        let (kind, span) = self.auth_type?;
        if strict {
            self.against_strict(cx, span, "there is no authentication; the adverts carry none");
            return None;
        }
        let ignored = |cx: &mut Lower<'_, '_>, why: &str| {
            self.report(cx, &codes::AUTH_IGNORED, span, &format!("{why}; the adverts carry none"));
        };
        let password = self.auth_pass.filter(|(p, _)| *p != [0; 8]);
        match (version, password, kind) {
            (Version::V3, _, _) => ignored(cx, "VRRP version 3 has no authentication"),
            (Version::V2, None, _) => ignored(cx, "authentication has no password (`auth_pass`)"),
            (Version::V2, Some((password, _)), "PASS") => return Some(Auth::Pass(password)),
            (Version::V2, Some(_), _) if family == Family::V6 => ignored(cx, "AH does not exist for IPv6"),
            (Version::V2, Some((password, _)), _) => {
                if *state == InitialState::Master && priority != 255 {
                    let at = self.state.map_or(self.named_at, |(_, at)| at);
                    let why =
                        "state MASTER does not go with AH, which must hear an advert first; BACKUP is taken";
                    self.report(cx, &codes::STATE_CONFLICT, at, why);
                    *state = InitialState::Backup;
                }
                return Some(Auth::Ah(password));
            }
        }
        None
    }
}
