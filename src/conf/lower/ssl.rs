//! `SSL`: certificates and keys for the checks that use TLS.

use super::{Lower, body};
use crate::check::config::Ssl;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::source::Span;

/// Reads the `SSL` block; a second one takes the place of the first as a whole.
pub(super) fn lower(cx: &mut Lower<'_, '_>) -> Ssl {
    let mut ssl = Ssl::default();
    let mut first: Option<Span> = None;
    for block in cx.top_level("SSL") {
        if let Some(first) = first {
            let message = "this block takes the place of the one before it";
            let diagnostic = Diagnostic::new(&codes::REPLACED, block.span, message);
            cx.sink.push(diagnostic.also(first, "this one has no effect"));
            ssl = Ssl::default();
        }
        first = Some(block.span);
        for statement in body(block) {
            let Some(keyword) = statement.keyword else { continue };
            let place = match keyword.canonical() {
                "ca" => &mut ssl.ca,
                "certificate" => &mut ssl.certificate,
                "key" => &mut ssl.key,
                "password" => &mut ssl.password,
                _ => continue,
            };
            if let Some(word) = cx.text(statement)
                && place.replace(word.text.to_string()).is_some()
            {
                let message = format!("`{}` is given already; this one takes its place", keyword.name);
                cx.report(&codes::REPLACED, statement.span, message);
            }
        }
    }
    ssl
}
