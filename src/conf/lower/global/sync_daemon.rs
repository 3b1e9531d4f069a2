//! `lvs_sync_daemon INTERFACE [[inst] INSTANCE] [id ID] [maxlen BYTES] [port PORT] [ttl TTL] [group ADDRESS]`.

use super::super::{Lower, body};
use super::put;
use crate::conf::config::{Config, SyncDaemon};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::tree::Statement;

/// The longest name of an interface in bytes.
const MAX_INTERFACE: usize = 15;

/// What of a datagram an IPv4 and a UDP header leave.
const MAX_LENGTH: u64 = 65_535 - 20 - 8;

const OPTIONS: &[&str] = &["inst", "id", "maxlen", "port", "ttl", "group"];

/// Reads the whole line; an option that can't be read is left out.
pub(super) fn read(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<SyncDaemon> {
    let (_, interface) = cx.argument(statement, 0)?;
    if interface.text.len() > MAX_INTERFACE {
        let message = format!("`{}` is longer than the {MAX_INTERFACE} bytes of a name", interface.text);
        cx.report(&codes::BAD_NAME, interface.span, message);
        return None;
    }
    let mut daemon = SyncDaemon {
        interface: interface.text.to_string(),
        instance: None,
        id: None,
        maxlen: None,
        port: None,
        ttl: None,
        group: None,
    };
    let words = cx.words(statement);
    let mut at = 2;
    while let Some(word) = words.get(at) {
        let value = words.get(at + 1);
        at += match word.text.as_ref() {
            option if OPTIONS.contains(&option) => {
                match value {
                    Some(value) => daemon.option(cx, option, value),
                    // The name of an instance is asked for in a way that ends keepalived.
                    None if option == "inst" => {
                        cx.report(
                            &codes::MISSING_ARGUMENT,
                            word.span,
                            "`inst` lacks the name of an instance",
                        );
                    }
                    None => {
                        cx.report(&codes::MISSING_VALUE, word.span, format!("`{option}` lacks its value"))
                    }
                }
                2
            }
            // As it was written once: INTERFACE INSTANCE [ID].
            name if at == 2 => {
                daemon.instance = Some(name.to_owned());
                1
            }
            _ if at == 3 && word.text.starts_with(|c: char| c.is_ascii_digit()) => {
                daemon.bare_id(cx, word);
                1
            }
            _ => {
                cx.bad_choice(word, "option of lvs_sync_daemon", OPTIONS);
                1
            }
        };
    }
    Some(daemon)
}

/// What is only known once the instances are: the old spelling in one of them, whether there is the one that is named, and
/// its VRID.
pub(in crate::conf::lower) fn settle(cx: &mut Lower<'_, '_>, config: &mut Config) {
    let place = &mut config.global.sync_daemon;
    let instances = &config.vrrp.instances;
    let in_instance = instances.iter().find_map(|instance| {
        let interface = instance.link.lvs_sync_interface.clone()?;
        // As in keepalived: the VRID is the id of the new spelling alone.
        let (instance, id) = (Some(instance.name.to_string()), Some(0));
        Some(SyncDaemon { interface, instance, id, maxlen: None, port: None, ttl: None, group: None })
    });
    *place = place.take().or(in_instance);
    let Some(daemon) = place else { return };
    let Some(name) = &daemon.instance else { return };
    match instances.iter().find(|instance| *instance.name == **name) {
        Some(instance) => daemon.id = daemon.id.or(Some(instance.vrid.get())),
        None => {
            let mut statements = cx.top_level("global_defs").flat_map(body);
            let at = statements.find(|s| s.keyword.is_some_and(|k| k.name == "lvs_sync_daemon"));
            if let Some(at) = at {
                let message = format!("there is no vrrp_instance `{name}`; connections are not synchronised");
                cx.report(&codes::SYNC_INSTANCE, at.span, message);
            }
            *place = None;
        }
    }
}

impl SyncDaemon {
    fn option(&mut self, cx: &mut Lower<'_, '_>, option: &str, value: &Word<'_>) {
        match option {
            "inst" => match &self.instance {
                None => self.instance = Some(value.text.to_string()),
                Some(first) => {
                    let message = format!("`{first}` is its instance already; this one has no effect");
                    cx.report(&codes::GIVEN_TWICE, value.span, message);
                }
            },
            "id" => put(&mut self.id, cx.integer_word(value, 0, 255).map(|n| n as u8)),
            "maxlen" => put(&mut self.maxlen, cx.integer_word(value, 1, MAX_LENGTH).map(|n| n as u16)),
            "port" => put(&mut self.port, cx.integer_word(value, 1, 65_535).map(|n| n as u16)),
            "ttl" => put(&mut self.ttl, cx.integer_word(value, 1, 255).map(|n| n as u8)),
            _ => match cx.address_word(value, None) {
                Some(group) if !group.is_multicast() => {
                    let message = format!("{group} is not a multicast address");
                    cx.report(&codes::BAD_ADDRESS, value.span, message);
                }
                group => put(&mut self.group, group),
            },
        }
    }

    fn bare_id(&mut self, cx: &mut Lower<'_, '_>, word: &Word<'_>) {
        let Some(id) = cx.integer_word(word, 0, 255) else { return };
        self.id = Some(id as u8);
        let diagnostic = Diagnostic::new(&codes::DEPRECATED, word.span, "the id stands without its keyword");
        cx.sink.push(diagnostic.help(format!("write `id {id}`")));
    }
}
