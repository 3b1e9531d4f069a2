//! `HTTP_GET` and `SSL_GET` with their `url` blocks.

use super::connect::Common;
use crate::check::config::{Http, HttpProtocol, Regex, Tls, Url};
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::{Word, escaped_at, resolve_escapes};
use crate::conf::lower::global::set;
use crate::conf::lower::{Lower, body, end_of};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::raw;
use crate::sys::pattern;

/// What counts as good where `status_code` says nothing.
const STATUS_CODES: (u16, u16) = (200, 299);

/// A `HTTP_GET` block, whose pages may have no virtual host yet.
#[derive(Debug)]
pub(super) struct HttpDraft {
    http: Http,
    virtual_host: Option<Box<str>>,
}

/// Reads the block; `None` without a page to ask for.
pub(super) fn lower(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    common: &mut Common,
    tls: bool,
) -> Option<HttpDraft> {
    let block = statement;
    let mut tls = tls.then(Tls::default);
    let (mut protocol, mut fast_recovery, mut tls_compliant) = (HttpProtocol::default(), false, false);
    let mut virtual_host = None;
    let mut urls = Vec::new();
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        if keyword.name == "nb_get_retry" {
            let message = "`nb_get_retry` is deprecated";
            let diagnostic = Diagnostic::new(&codes::DEPRECATED, statement.span, message);
            cx.sink.push(diagnostic.help("write `retry`"));
        }
        let name = keyword.canonical();
        if common.statement(cx, name, statement) {
            continue;
        }
        match name {
            "url" => urls.extend(url(cx, statement)),
            "http_protocol" => {
                protocol = match cx.choice(statement) {
                    Some("1.1") => HttpProtocol::V11,
                    Some("1.0") => HttpProtocol::V10,
                    Some("2") => HttpProtocol::V2,
                    Some(_) => HttpProtocol::V10Close,
                    None => protocol,
                };
            }
            "virtualhost" => virtual_host = boxed(cx.text(statement)).or(virtual_host),
            "fast_recovery" => set(&mut fast_recovery, cx.flag(statement)),
            "tls_compliant" => set(&mut tls_compliant, cx.flag(statement)),
            "enable_sni" => {
                let sni = cx.flag(statement);
                if let Some(tls) = &mut tls {
                    set(&mut tls.sni, sni);
                }
            }
            "certificate_expiry" => {
                let days = cx.u32(statement);
                if let Some(tls) = &mut tls {
                    tls.certificate_expiry = days.or(tls.certificate_expiry);
                }
            }
            "verify_certificate" => {
                let verify = cx.flag(statement);
                if let Some(tls) = &mut tls {
                    set(&mut tls.verify, verify);
                }
            }
            "sni_name" => {
                let name = boxed(cx.text(statement));
                if let Some(tls) = &mut tls {
                    tls.sni = true;
                    tls.sni_name = name.or(tls.sni_name.take());
                }
            }
            _ => {}
        }
    }
    if urls.is_empty() {
        let message = "this check names no page to ask for; it is left out";
        let diagnostic = Diagnostic::new(&codes::INCOMPLETE, end_of(block), message);
        cx.sink
            .push(diagnostic.also(block.span, "of this check").help("add a block `url` with `path` in it"));
        return None;
    }
    let urls = urls.into_iter().map(|u| u.finish(tls_compliant)).collect();
    Some(HttpDraft { http: Http { tls, protocol, fast_recovery, urls }, virtual_host })
}

impl HttpDraft {
    /// With the virtual host of the real server, or the virtual server.
    pub(super) fn finish(self, outer: Option<&str>) -> Http {
        let HttpDraft { mut http, virtual_host } = self;
        let host = virtual_host.as_deref().or(outer);
        for url in http.urls.iter_mut().filter(|u| u.virtual_host.is_none()) {
            url.virtual_host = host.map(Into::into);
        }
        http
    }
}

fn boxed(word: Option<&Word<'_>>) -> Option<Box<str>> {
    word.map(|w| w.text.as_ref().into())
}

#[derive(Debug)]
struct UrlDraft {
    path: Box<str>,
    virtual_host: Option<Box<str>>,
    status_codes: Vec<(u16, u16)>,
    digest: Option<[u8; 16]>,
    regex: Option<Box<Regex>>,
    tls_compliant: Option<bool>,
}

impl UrlDraft {
    fn finish(self, tls_compliant: bool) -> Url {
        let UrlDraft { path, virtual_host, mut status_codes, digest, regex, tls_compliant: own } = self;
        if status_codes.is_empty() {
            status_codes.push(STATUS_CODES);
        }
        let tls_compliant = own.unwrap_or(tls_compliant);
        Url { path, virtual_host, status_codes, digest, regex, tls_compliant }
    }
}

/// Reads a `url` block; `None` without a path.
fn url(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<UrlDraft> {
    let block = statement;
    let mut path = None;
    let mut virtual_host = None;
    let mut status_codes = Vec::new();
    let mut digest: Option<([u8; 16], Span)> = None;
    let mut tls_compliant = None;
    let mut regex = RegexDraft::default();
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        match keyword.canonical() {
            "path" => path = boxed(cx.text(statement)).or(path),
            "virtualhost" => virtual_host = boxed(cx.text(statement)).or(virtual_host),
            "tls_compliant" => tls_compliant = cx.flag(statement).or(tls_compliant),
            "status_code" => {
                for word in cx.words(statement).iter().skip(1) {
                    status_codes.extend(self::status_codes(cx, word));
                }
            }
            "digest" => match digest {
                Some((_, first)) => {
                    let message = "`digest` is given already; this one is passed over";
                    let diagnostic = Diagnostic::new(&codes::GIVEN_TWICE, statement.span, message);
                    cx.sink.push(diagnostic.also(first, "first given here"));
                }
                None => digest = self::digest(cx, statement).map(|sum| (sum, statement.span)),
            },
            name => regex.statement(cx, name, statement),
        }
    }
    let Some(path) = path else {
        let message = "this page has no path; it is left out";
        let diagnostic = Diagnostic::new(&codes::INCOMPLETE, end_of(block), message);
        cx.sink.push(diagnostic.also(block.span, "of this page").help("add `path /`"));
        return None;
    };
    let digest = digest.map(|(sum, _)| sum);
    let regex = regex.finish(cx);
    Some(UrlDraft { path, virtual_host, status_codes, digest, regex, tls_compliant })
}

/// `200` or `200-299`, each from 100 to 599.
fn status_codes(cx: &mut Lower<'_, '_>, word: &Word<'_>) -> Option<(u16, u16)> {
    let (first, last) = word.text.split_once('-').unwrap_or((&word.text, &word.text));
    let code = |text: &str| text.parse::<u16>().ok().filter(|n| (100..=599).contains(n));
    match (code(first), code(last)) {
        (Some(first), Some(last)) if first <= last => Some((first, last)),
        _ => {
            let message = format!("`{}` is no status code", word.text);
            let diagnostic = Diagnostic::new(&codes::OUT_OF_RANGE, word.span, message);
            cx.sink.push(diagnostic.label("expected a number from 100 to 599, or a range as 200-299"));
            None
        }
    }
}

/// The 32 hexadecimal digits of an MD5 sum.
fn digest(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<[u8; 16]> {
    let word = cx.text(statement)?;
    let digits: Option<Vec<u8>> = word.text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let mut sum = [0; 16];
    match digits {
        Some(digits) if digits.len() == 32 => {
            for (byte, pair) in sum.iter_mut().zip(digits.chunks(2)) {
                *byte = pair.iter().fold(0, |n, d| n << 4 | d);
            }
            Some(sum)
        }
        _ => {
            let message = format!("`{}` is no MD5 sum", word.text);
            let diagnostic = Diagnostic::new(&codes::BAD_NUMBER, word.span, message);
            cx.sink.push(diagnostic.label("expected 32 hexadecimal digits, as genhash prints them"));
            None
        }
    }
}

/// `regex` and what belongs to it, in whatever order.
#[derive(Debug, Default)]
struct RegexDraft {
    /// Its word, escapes and all.
    pattern: Option<(String, Span)>,
    /// The first statement that is of no use without a pattern.
    option_at: Option<Span>,
    no_match: bool,
    options: Vec<String>,
    min_offset: u64,
    max_offset: Option<u64>,
    stack: Option<(u64, u64)>,
}

impl RegexDraft {
    fn statement(&mut self, cx: &mut Lower<'_, '_>, name: &str, statement: &Statement) {
        if name == "regex" {
            if let Some(word) = cx.text(statement) {
                lost_escape(cx, word);
                self.pattern = Some((word.text.to_string(), word.span));
            }
            return;
        }
        self.option_at = self.option_at.or(Some(statement.span));
        match name {
            "regex_no_match" => {
                cx.no_more_arguments(statement);
                self.no_match = true;
            }
            "regex_options" => {
                for word in cx.words(statement).iter().skip(1) {
                    self.option(cx, word);
                }
            }
            "regex_min_offset" => set(&mut self.min_offset, offset(cx, statement)),
            "regex_max_offset" => self.max_offset = offset(cx, statement).or(self.max_offset),
            "regex_stack" => self.stack = stack(cx, statement).or(self.stack),
            _ => {}
        }
    }

    /// keepalived passes over what it does not know, in silence.
    fn option(&mut self, cx: &mut Lower<'_, '_>, word: &Word<'_>) {
        if pattern::OPTIONS.iter().any(|(name, _)| *name == word.text) {
            self.options.push(word.text.to_string());
            return;
        }
        let message = format!("`{}` is no option of a regular expression; it has no effect", word.text);
        let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_OPTION, word.span, message);
        if let Some(close) = did_you_mean(&word.text, pattern::OPTIONS.iter().map(|(name, _)| *name)) {
            diagnostic = diagnostic.help(format!("did you mean `{close}`?"));
        }
        cx.sink.push(diagnostic);
    }

    fn finish(self, cx: &mut Lower<'_, '_>) -> Option<Box<Regex>> {
        let RegexDraft { pattern, option_at, no_match, options, mut min_offset, mut max_offset, stack } =
            self;
        let Some((word, at)) = pattern else {
            if let Some(span) = option_at {
                let message = "this means nothing without `regex`; it has no effect";
                cx.report(&codes::UNKNOWN_OPTION, span, message);
            }
            return None;
        };
        if let (Some(max), Some(span)) = (max_offset, option_at)
            && min_offset > max
        {
            let message = format!(
                "`regex_min_offset {min_offset}` is above `regex_max_offset {max}`: both are passed over"
            );
            cx.report(&codes::UNKNOWN_OPTION, span, message);
            (min_offset, max_offset) = (0, None);
        }
        let pattern = resolve_escapes(&word);
        let is_set = |(name, _): &&(&str, u32)| options.iter().any(|option| option == name);
        let bits = pattern::OPTIONS.iter().filter(is_set).fold(0, |bits, (_, bit)| bits | bit);
        if let Err(error) = pattern::check(&raw::bytes(&pattern), bits) {
            let span = last_read(cx.tree.text, &word, at, error.offset);
            let message =
                format!("PCRE2 refuses this regular expression: {error}; the page is not compared with it");
            cx.sink.push(Diagnostic::new(&codes::BAD_REGEX, span, message).label("PCRE2 read up to here"));
            return None;
        }
        Some(Box::new(Regex { pattern, no_match, options, min_offset, max_offset, stack }))
    }
}

/// The last of these bytes of a pattern, as it is written; the whole word where quotes stand within it.
fn last_read(text: &str, word: &str, at: Span, bytes: usize) -> Span {
    let written = text.get(at.range()).unwrap_or_default();
    let is_word = |at: &usize| written.get(*at..).is_some_and(|rest| rest.starts_with(word));
    let Some(quote) = [0, 1].into_iter().find(is_word) else {
        return at;
    };
    let start = at.start + quote as u32;
    let last = escaped_at(word, bytes.saturating_sub(1));
    match last.is_empty() {
        true => at,
        false => Span { start: start + last.start as u32, end: start + last.end as u32, ..at },
    }
}

/// keepalived resolves escapes before PCRE2 sees them: what is left of `\d` is `d`.
fn lost_escape(cx: &mut Lower<'_, '_>, word: &Word<'_>) {
    let mut chars = word.text.chars();
    while let Some(c) = chars.next() {
        let Some(escaped) = (if c == '\\' { chars.next() } else { None }) else { continue };
        if !matches!(
            escaped,
            'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'A' | 'Z' | 'z' | 'G' | 'Q' | 'E'
        ) && !matches!(
            escaped,
            'p' | 'P' | 'h' | 'H' | 'V' | 'R' | 'X' | 'K' | 'g' | 'k' | 'N' | '1'..='7'
        ) && !r".()[]{}*+?^$|".contains(escaped)
        {
            continue;
        }
        let left = match escaped {
            'b' => "a backspace".to_owned(),
            'E' | '1'..='7' => "a control character".to_owned(),
            other => format!("`{other}`"),
        };
        let message = format!("`\\{escaped}` reaches PCRE2 as {left}: escapes are resolved before");
        let help = format!("write `\\\\{escaped}`");
        cx.sink.push(Diagnostic::new(&codes::ESCAPE_LOST, word.span, message).help(help));
        return;
    }
}

/// A count of bytes; what is wrong with it keepalived writes to its log alone.
fn offset(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<u64> {
    cx.no_more_arguments(statement);
    let given = cx.words(statement).get(1);
    let bytes = given.and_then(|word| word.text.parse().ok());
    if bytes.is_none() {
        let at = given.map_or(statement.span, |word| word.span);
        let name = statement.keyword.map_or("", |k| k.name);
        let message = format!("`{name}` needs a number of bytes; it has no effect");
        cx.report(&codes::UNKNOWN_OPTION, at, message);
    }
    bytes
}

/// Two sizes in bytes; what is wrong with them keepalived writes to its log alone.
fn stack(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<(u64, u64)> {
    let sizes: Option<Vec<u64>> =
        cx.words(statement).iter().skip(1).map(|word| word.text.parse().ok()).collect();
    match sizes.as_deref() {
        Some(&[start, max]) if start <= max => Some((start, max)),
        _ => {
            let message = "`regex_stack` needs two sizes in bytes, the greater one last; it has no effect";
            cx.report(&codes::UNKNOWN_OPTION, statement.span, message);
            None
        }
    }
}
