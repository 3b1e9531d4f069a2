//! The text of a log line: message first, then `key=value`, nothing in it that a terminal would obey; and dates.

use crate::raw;
use nix::libc;
use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt::{self, Write};
use std::mem::MaybeUninit;
use tracing::field::{Field, Visit};
use tracing::span;

/// A line in the making.
#[derive(Default)]
pub(super) struct Line {
    message: String,
    fields: String,
}

impl Line {
    pub(super) fn into_text(self) -> String {
        let Line { mut message, fields } = self;
        if !message.is_empty() && !fields.is_empty() {
            message.push(' ');
        }
        match without_error_numbers(&message) {
            Cow::Owned(plain) => plain + &without_error_numbers(&fields),
            Cow::Borrowed(_) => message + &without_error_numbers(&fields),
        }
    }

    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if field.name() == "message" {
            let _ = write!(Clean(&mut self.message), "{value}");
        } else {
            let space = if self.fields.is_empty() { "" } else { " " };
            let _ = write!(Clean(&mut self.fields), "{space}{}={value}", field.name());
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, format_args!("{value}"));
        let mut source = value.source();
        while let Some(cause) = source {
            let _ = write!(Clean(&mut self.fields), ": {cause}");
            source = cause.source();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

/// Whether one of the span's fields has one of these values.
pub(super) fn names_one_of(attributes: &span::Attributes<'_>, names: &[String]) -> bool {
    let mut search = Search { names, found: false };
    if !names.is_empty() {
        attributes.record(&mut search);
    }
    search.found
}

struct Search<'a> {
    names: &'a [String],
    found: bool,
}

impl Visit for Search<'_> {
    fn record_str(&mut self, _: &Field, value: &str) {
        self.found |= self.names.iter().any(|name| name == value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Leaves out what the standard library puts behind the system's reason: ` (os error 13)` tells nobody more than
/// `Permission denied` does.
#[must_use]
pub fn without_error_numbers(text: &str) -> Cow<'_, str> {
    const BEFORE: &str = " (os error ";
    if !text.contains(BEFORE) {
        return Cow::Borrowed(text);
    }
    let mut parts = text.split(BEFORE);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let behind = part.trim_start_matches(|c: char| c.is_ascii_digit());
        match behind.strip_prefix(')').filter(|_| behind.len() < part.len()) {
            Some(rest) => plain.push_str(rest),
            None => plain.extend([BEFORE, part]),
        }
    }
    Cow::Owned(plain)
}

/// Escapes control characters on their way into a string.
struct Clean<'a>(&'a mut String);

impl Write for Clean<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars().map(raw::letter) {
            if c.is_control() {
                self.0.extend(c.escape_default());
            } else {
                self.0.push(c);
            }
        }
        Ok(())
    }
}

/// Local time as keepalived's console shows it: `Sat Nov 21 00:00:00 2026`.
pub(in crate::sys) fn date(seconds: libc::time_t) -> String {
    local(seconds, c"%a %b %e %H:%M:%S %Y")
}

/// Local time as syslog has it (RFC 3164 §4.1.2): `Nov 21 00:00:00`.
pub(super) fn syslog_date(seconds: libc::time_t) -> String {
    local(seconds, c"%b %e %H:%M:%S")
}

/// Local time as mails have it (RFC 5322 §3.3): `Sat, 21 Nov 2026 00:00:00 +0000`.
pub(in crate::sys) fn mail_date(seconds: libc::time_t) -> String {
    local(seconds, c"%a, %d %b %Y %H:%M:%S %z")
}

#[allow(unsafe_code)]
fn local(seconds: libc::time_t, format: &CStr) -> String {
    let mut tm = MaybeUninit::<libc::tm>::zeroed();
    let mut buffer = [0_u8; 64];
    // SAFETY: zeroes make a valid tm, which localtime_r fills or leaves; strftime writes at most the buffer's length
    // and returns how much. Nothing in this program changes the environment while it runs, which localtime_r reads.
    let length = unsafe {
        libc::localtime_r(&raw const seconds, tm.as_mut_ptr());
        libc::strftime(buffer.as_mut_ptr().cast(), buffer.len(), format.as_ptr(), tm.as_ptr())
    };
    String::from_utf8_lossy(&buffer[..length.min(buffer.len())]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_no_numbers() {
        let of = |number| std::io::Error::from_raw_os_error(number);
        let text = format!("a: {}, b: {} error={}", of(13), of(2), of(111));
        let plain = "a: Permission denied, b: No such file or directory error=Connection refused";
        assert_eq!(without_error_numbers(&text), plain);
        for other in ["", "(os error 13)", " (os error x)", " (os error 13", " (os error )", "text (error 3)"]
        {
            assert_eq!(without_error_numbers(other), other);
        }
        assert_eq!(without_error_numbers("a (os error x) (os error 1) b"), "a (os error x) b");
    }

    #[test]
    fn dates_have_the_form_that_scripts_cut_columns_of() {
        let noon = 1_795_176_000;
        let date = date(noon);
        assert_eq!(date.len(), 24);
        assert!(date.ends_with(" 2026"), "{date}");
        assert_eq!(syslog_date(noon).len(), 15);
        assert_eq!(mail_date(noon).len(), "Sat, 21 Nov 2026 00:00:00 +0000".len());
    }
}
