//! `SSL`: certificates and keys for the checks that use TLS.

use super::{Lower, body};
use crate::check::config::Ssl;

/// Reads every `SSL` block; what is said last holds.
pub(super) fn lower(cx: &mut Lower<'_, '_>) -> Ssl {
    let mut ssl = Ssl::default();
    for statement in cx.top_level("SSL").flat_map(body) {
        let Some(keyword) = statement.keyword else { continue };
        let place = match keyword.canonical() {
            "ca" => &mut ssl.ca,
            "certificate" => &mut ssl.certificate,
            "key" => &mut ssl.key,
            "password" => &mut ssl.password,
            _ => continue,
        };
        if let Some(word) = cx.text(statement) {
            *place = Some(word.text.to_string());
        }
    }
    ssl
}
