//! `auth_hmac`: keys, which one signs, and what old adverts are worth.

use super::super::{Lower, body};
use super::draft::Draft;
use super::settings::Hmac as Said;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::tree::Statement;
use crate::raw;
use crate::vrrp::config::Hmac;
use crate::vrrp::config::hmac::{AntiReplay, Key, Mode, Secret};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of a key.
const LENGTH: RangeInclusive<usize> = 32..=64;

/// The default of `time_window` lies between these, in seconds.
const WINDOW: (u64, u64) = (5, 300);

impl Draft {
    /// The block; what a second one says is added.
    pub(super) fn auth_hmac(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        let mut given = self.hmac.take().unwrap_or_else(|| Said {
            at: statement.span,
            keys: Vec::new(),
            keys_at: HashMap::new(),
            active_key: None,
            monotonic: false,
            time_window: None,
            mode: Mode::Enforce,
            mode_at: statement.span,
        });
        for statement in body(statement) {
            match statement.keyword.map(|k| k.name) {
                Some("key") => self.key(cx, statement, &mut given),
                Some("active_key") => {
                    let id = cx.integer(statement).map(|n| (n as u8, statement.span));
                    given.active_key = id.or(given.active_key);
                }
                Some("time_window") => given.time_window = cx.integer(statement).or(given.time_window),
                Some("anti_replay") => {
                    given.monotonic =
                        cx.choice(statement).map_or(given.monotonic, |mode| mode == "monotonic");
                }
                Some("mode") => {
                    given.mode_at = statement.span;
                    given.mode = match cx.choice(statement) {
                        Some("enforce") => Mode::Enforce,
                        Some("permissive") => Mode::Permissive,
                        Some("receive-only") => Mode::ReceiveOnly,
                        _ => given.mode,
                    };
                }
                _ => {}
            }
        }
        self.hmac = Some(given);
    }

    /// `key ID TEXT|hex:DIGITS|file:PATH`
    fn key(&self, cx: &mut Lower<'_, '_>, statement: &Statement, given: &mut Said) {
        let words = cx.words(statement);
        let [_, id, secret, rest @ ..] = words else {
            let message = "`key` needs an id and a value; it has no effect";
            self.report(cx, &codes::HMAC_KEY, statement.span, message);
            return;
        };
        if let (Some(first), Some(last)) = (rest.first(), rest.last()) {
            let message = "`key` takes 2 arguments; this has no effect";
            cx.report(&codes::EXTRA_ARGUMENT, first.span.to(last.span), message);
        }
        let Some(id_value) = cx.integer_word(id, 1, 255) else { return };
        let text = secret.text.as_ref();
        let bytes = match (text.strip_prefix("file:"), text.strip_prefix("hex:")) {
            (Some(path), _) => Ok(Secret::File(PathBuf::from(path))),
            (None, Some(digits)) => {
                hex(digits).map(Secret::Bytes).ok_or("`hex:` is followed by pairs of hexadecimal digits")
            }
            (None, None) => Ok(Secret::Bytes(raw::bytes(text).into_owned())),
        };
        let message = match bytes {
            Err(problem) => problem.to_owned(),
            Ok(Secret::Bytes(bytes)) if !LENGTH.contains(&bytes.len()) => {
                let (least, most) = (LENGTH.start(), LENGTH.end());
                format!("a key has {least} to {most} bytes; this one has {}", bytes.len())
            }
            Ok(secret) => {
                let id_number = id_value as u8;
                match given.keys_at.entry(id_number) {
                    Entry::Occupied(first) => {
                        let message = format!("({}) key {id_number} is given twice", self.name);
                        let diagnostic = Diagnostic::new(&codes::HMAC_KEY, id.span, message);
                        cx.sink.push(diagnostic.also(*first.get(), "first given here"));
                    }
                    Entry::Vacant(new) => {
                        new.insert(id.span);
                        given.keys.push(Key { id: id_number, secret });
                    }
                }
                return;
            }
        };
        self.report(cx, &codes::HMAC_KEY, secret.span, &message);
    }

    /// What the block comes to.
    pub(super) fn finish_hmac(
        &mut self,
        cx: &mut Lower<'_, '_>,
        strict: bool,
        advert_int: Duration,
    ) -> Option<Hmac> {
        let given = self.hmac.take()?;
        let Some((active_key, _)) = given.active_key.filter(|(id, _)| given.keys_at.contains_key(id)) else {
            let (at, what) = match given.active_key {
                Some((id, at)) => (at, format!("active_key {id} is not defined")),
                None => (given.at, "there is no active_key".to_owned()),
            };
            let message = format!("({}) {what}: adverts are neither signed nor checked", self.name);
            let diagnostic = Diagnostic::new(&codes::HMAC_ACTIVE_KEY, at, message);
            cx.sink.push(diagnostic.help("name the id of one of the keys"));
            return None;
        };
        let mut mode = given.mode;
        if strict && mode != Mode::Enforce {
            self.against_strict(cx, given.mode_at, "every advert must be signed; `enforce` is taken");
            mode = Mode::Enforce;
        }
        let anti_replay = match (given.monotonic, given.time_window) {
            (true, _) => AntiReplay::Monotonic,
            (false, Some(seconds)) => AntiReplay::Time(Duration::from_secs(seconds)),
            (false, None) => {
                let seconds = (3 * advert_int.as_secs()).clamp(WINDOW.0, WINDOW.1);
                AntiReplay::Time(Duration::from_secs(seconds))
            }
        };
        Some(Hmac { keys: given.keys, active_key, anti_replay, mode })
    }
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| std::str::from_utf8(pair).ok().filter(|p| p.len() == 2 && !p.starts_with('+')))
        .map(|pair| pair.and_then(|p| u8::from_str_radix(p, 16).ok()))
        .collect()
}
