//! `DNS_CHECK`.

use super::connect::Common;
use crate::check::config::{Dns, DnsRecord};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lower::{Lower, body};
use crate::conf::source::Span;
use crate::conf::tree::Statement;

/// Reads the block.
pub(super) fn lower(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Dns {
    let mut dns = Dns { record: DnsRecord::default(), name: ".".into() };
    let mut named_at: Option<Span> = None;
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        match keyword.canonical() {
            "type" => dns.record = cx.choice(statement).map_or(dns.record, record),
            "name" => {
                let Some(word) = cx.text(statement) else { continue };
                if let Some(first) = named_at {
                    let message = "`name` is given already; this one is passed over";
                    let diagnostic = Diagnostic::new(&codes::GIVEN_TWICE, statement.span, message);
                    cx.sink.push(diagnostic.also(first, "first given here"));
                } else if has_empty_label(&word.text) {
                    let message = format!("`{}` has an empty part between two dots", word.text);
                    cx.report(&codes::BAD_NAME, word.span, message);
                } else {
                    dns.name = word.text.as_ref().into();
                    named_at = Some(statement.span);
                }
            }
            name => {
                common.statement(cx, name, statement);
            }
        }
    }
    dns
}

fn has_empty_label(name: &str) -> bool {
    name != "." && (name.starts_with('.') || name.contains(".."))
}

fn record(name: &str) -> DnsRecord {
    match name {
        "A" => DnsRecord::A,
        "NS" => DnsRecord::Ns,
        "CNAME" => DnsRecord::Cname,
        "MX" => DnsRecord::Mx,
        "TXT" => DnsRecord::Txt,
        "AAAA" => DnsRecord::Aaaa,
        "RRSIG" => DnsRecord::Rrsig,
        "DNSKEY" => DnsRecord::Dnskey,
        _ => DnsRecord::Soa,
    }
}
