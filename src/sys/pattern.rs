//! PCRE2: whether it takes a regular expression.
//!
//! The crate `pcre2` has seven of the options that keepalived knows; this takes them all, as they are.

#![allow(unsafe_code, reason = "PCRE2 is a library in C")]

use pcre2_sys::*;
use std::ptr;

/// What `regex_options` takes: PCRE2's options in small letters.
pub const OPTIONS: &[(&str, u32)] = &[
    ("allow_empty_class", PCRE2_ALLOW_EMPTY_CLASS),
    ("alt_bsux", PCRE2_ALT_BSUX),
    ("alt_circumflex", PCRE2_ALT_CIRCUMFLEX),
    ("alt_verbnames", PCRE2_ALT_VERBNAMES),
    ("auto_callout", PCRE2_AUTO_CALLOUT),
    ("caseless", PCRE2_CASELESS),
    ("dollar_endonly", PCRE2_DOLLAR_ENDONLY),
    ("dotall", PCRE2_DOTALL),
    ("dupnames", PCRE2_DUPNAMES),
    ("extended", PCRE2_EXTENDED),
    ("firstline", PCRE2_FIRSTLINE),
    ("match_unset_backref", PCRE2_MATCH_UNSET_BACKREF),
    ("multiline", PCRE2_MULTILINE),
    ("never_backslash_c", PCRE2_NEVER_BACKSLASH_C),
    ("never_ucp", PCRE2_NEVER_UCP),
    ("never_utf", PCRE2_NEVER_UTF),
    ("no_auto_capture", PCRE2_NO_AUTO_CAPTURE),
    ("no_auto_possess", PCRE2_NO_AUTO_POSSESS),
    ("no_dotstar_anchor", PCRE2_NO_DOTSTAR_ANCHOR),
    ("no_start_optimize", PCRE2_NO_START_OPTIMIZE),
    ("ucp", PCRE2_UCP),
    ("ungreedy", PCRE2_UNGREEDY),
    ("use_offset_limit", PCRE2_USE_OFFSET_LIMIT),
    ("utf", PCRE2_UTF),
];

/// Why PCRE2 refuses a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// In its own words.
    pub message: String,
    /// How many bytes of the pattern it had read then.
    pub offset: usize,
}

/// A compiled pattern, which frees itself.
struct Code(*mut pcre2_code_8);

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: `pcre2_compile` returned it, and it is freed once; null is allowed.
        unsafe { pcre2_code_free_8(self.0) }
    }
}

/// Compiles a pattern with bits of [`OPTIONS`], and forgets what came of it.
///
/// # Errors
/// PCRE2's.
pub fn check(pattern: &[u8], options: u32) -> Result<(), Error> {
    let (mut number, mut offset) = (0, 0);
    // SAFETY: the pattern is `pattern.len()` bytes long, the places for number and offset live until the call ends, and
    // no context is allowed.
    let code = Code(unsafe {
        pcre2_compile_8(
            pattern.as_ptr(),
            pattern.len(),
            options,
            &raw mut number,
            &raw mut offset,
            ptr::null_mut(),
        )
    });
    if code.0.is_null() {
        return Err(Error { message: message(number), offset: offset.min(pattern.len()) });
    }
    Ok(())
}

fn message(number: i32) -> String {
    let mut text = [0_u8; 256];
    // SAFETY: PCRE2 writes at most `text.len()` bytes, and ends them with a zero.
    let length = unsafe { pcre2_get_error_message_8(number, text.as_mut_ptr(), text.len()) };
    let written = usize::try_from(length).ok().and_then(|length| text.get(..length));
    written.map_or_else(|| format!("error {number}"), |text| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pattern: &str, option: &str) -> Option<(String, usize)> {
        let bits = OPTIONS.iter().filter(|(name, _)| *name == option).map(|(_, bit)| bit).sum();
        check(pattern.as_bytes(), bits).err().map(|error| (error.message, error.offset))
    }

    #[test]
    fn what_is_wrong_is_told_in_its_words_and_where() {
        assert_eq!(refused(r#""status": ?"(UP|READY)""#, ""), None);
        assert_eq!(refused("", ""), None);
        assert_eq!(refused("a(b", ""), Some(("missing closing parenthesis".to_owned(), 3)));
        assert_eq!(refused("ab{2,1}c", "").map(|(_, offset)| offset), Some(6));
        // Neither depth nor size brings it down.
        assert!(refused(&"(".repeat(100_000), "").is_some());
        assert!(refused("(((a{9999}){9999}){9999})", "").is_some());
        assert!(check(b"\xff(", PCRE2_UTF).is_err());
        assert_eq!(check(b"\xff\0", 0), Ok(()));
    }

    #[test]
    fn options_change_what_is_taken() {
        for (pattern, option, taken) in [
            ("[]", "allow_empty_class", true),
            (r"\u0041\U", "alt_bsux", true),
            ("(?<a>x)(?<a>y)", "dupnames", true),
            (r"\C", "never_backslash_c", false),
            ("(*UTF)a", "never_utf", false),
            ("(*UCP)a", "never_ucp", false),
            (r"(a)\1", "no_auto_capture", false),
            ("a # (", "extended", true),
        ] {
            assert_ne!(refused(pattern, "").is_none(), taken, "{pattern} without {option}");
            assert_eq!(refused(pattern, option).is_none(), taken, "{pattern} with {option}");
        }
    }
}
