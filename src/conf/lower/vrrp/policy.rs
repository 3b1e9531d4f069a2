//! Strict mode, accept mode, and what is done about other routers' adverts.

use super::super::Lower;
use super::super::global::set;
use super::draft::Draft;
use super::settings::Given;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::{Policy, Version};

/// The priority of the addresses' owner.
const OWNER: u8 = 255;

impl Draft {
    /// Takes a statement, if its keyword is one of these.
    pub(super) fn policy(&mut self, cx: &mut Lower<'_, '_>, keyword: &str, statement: &Statement) -> bool {
        let span = statement.span;
        let given = |on: Option<bool>| on.map(|on| Some((on, span)));
        match keyword {
            "accept" | "no_accept" => {
                cx.no_more_arguments(statement);
                self.policy.accept = Some((keyword == "accept", span));
            }
            "down_timer_adverts" => {
                let adverts = cx.integer(statement).map(|n| (n as u8, span));
                self.policy.down_timer_adverts = adverts.or(self.policy.down_timer_adverts);
            }
            "timer_expired_backup" => {
                if statement.keyword.is_some_and(|k| k.synonym_of.is_some()) {
                    self.deprecated(cx, statement, "write `timer_expired_backup`");
                }
                let priority = match cx.words(statement).len() {
                    1 => Some(u64::from(OWNER - 1)),
                    _ => cx.integer(statement),
                };
                let priority = priority.map(|n| (n as u8, span));
                self.policy.timer_expired_backup = priority.or(self.policy.timer_expired_backup);
            }
            "strict_mode" => set(&mut self.policy.strict, cx.flag(statement).map(Some)),
            "skip_check_adv_addr" => set(&mut self.policy.skip_check_adv_addr, cx.flag(statement).map(Some)),
            "v3_checksum_as_v2" => set(&mut self.policy.v3_checksum_as_v2, cx.flag(statement).map(Some)),
            "lower_prio_no_advert" => set(&mut self.policy.lower_prio_no_advert, given(cx.flag(statement))),
            "higher_prio_send_advert" => {
                set(&mut self.policy.higher_prio_send_advert, given(cx.flag(statement)));
            }
            "owner_ignore_adverts" => set(&mut self.policy.owner_ignore_adverts, given(cx.flag(statement))),
            _ => return false,
        }
        true
    }

    /// Something that strict mode does not allow, and what is done instead.
    pub(super) fn against_strict(&self, cx: &mut Lower<'_, '_>, at: Span, message: &str) {
        let message = format!("({}) strict mode: {message}", self.name);
        let help = "change it, or turn `strict_mode` (global `vrrp_strict`) off";
        cx.sink.push(Diagnostic::new(&codes::STRICT_MODE, at, message).help(help));
    }

    /// What the keywords come to; `defaults` are the global ones.
    pub(super) fn finish_policy(
        &mut self,
        cx: &mut Lower<'_, '_>,
        version: Version,
        priority: u8,
        defaults: &Policy,
    ) -> Policy {
        let given = std::mem::take(&mut self.policy);
        let strict = given.strict.unwrap_or(defaults.strict);
        let owner = priority == OWNER;

        let mut accept = given.accept.map_or(owner || !strict, |(accept, _)| accept);
        if let (Some((true, at)), true, false, Version::V2) = (given.accept, strict, owner, version) {
            self.against_strict(cx, at, "version 2 knows no accept mode; `accept` has no effect");
            accept = false;
        }
        // In strict mode the value is prescribed; a setting that differs is reported.
        let must =
            |cx: &mut Lower<'_, '_>, given: Given<bool>, default: bool, prescribed: bool, why: &str| {
                if !strict {
                    return given.map_or(default, |(on, _)| on);
                }
                if let Some((on, at)) = given
                    && on != prescribed
                {
                    self.against_strict(cx, at, why);
                }
                prescribed
            };
        let lower_prio_no_advert = must(
            cx,
            given.lower_prio_no_advert,
            defaults.lower_prio_no_advert,
            true,
            "adverts of lower priority are not answered; this has no effect",
        );
        let higher_prio_send_advert = must(
            cx,
            given.higher_prio_send_advert,
            defaults.higher_prio_send_advert,
            false,
            "adverts of higher priority are not answered; this has no effect",
        );
        let owner_ignore_adverts = match (owner, given.owner_ignore_adverts) {
            (true, given) => must(
                cx,
                given,
                defaults.owner_ignore_adverts,
                true,
                "the owner of the addresses reads no adverts; this has no effect",
            ),
            (false, Some((true, at))) => {
                let message = format!("owner_ignore_adverts needs priority {OWNER}; it has no effect");
                self.report(cx, &codes::OWNER_ADVERTS, at, &message);
                false
            }
            (false, _) => false,
        };
        let down_timer_adverts = match given.down_timer_adverts {
            Some((adverts, at)) if strict && adverts != 3 => {
                self.against_strict(
                    cx,
                    at,
                    "a master counts as down after three adverts; this has no effect",
                );
                3
            }
            given => given.map_or(defaults.down_timer_adverts, |(adverts, _)| adverts),
        };
        let timer_expired_backup = match given.timer_expired_backup {
            Some((_, at)) if self.nopreempt.is_none() => {
                self.report(
                    cx,
                    &codes::NEEDS_NOPREEMPT,
                    at,
                    "timer_expired_backup needs `nopreempt`; it has no effect",
                );
                None
            }
            given => given.map(|(priority, _)| priority),
        };
        Policy {
            strict,
            accept,
            down_timer_adverts,
            lower_prio_no_advert,
            higher_prio_send_advert,
            owner_ignore_adverts,
            skip_check_adv_addr: given.skip_check_adv_addr.unwrap_or(defaults.skip_check_adv_addr),
            v3_checksum_as_v2: given.v3_checksum_as_v2.unwrap_or(defaults.v3_checksum_as_v2),
            timer_expired_backup,
        }
    }
}
