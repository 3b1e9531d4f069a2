//! PCRE2: whether it takes a regular expression, and where one matches.
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
    compile(pattern, options).map(drop)
}

fn compile(pattern: &[u8], options: u32) -> Result<Code, Error> {
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
    Ok(code)
}

/// A pattern to be searched for, compiled to machine code where PCRE2 can.
pub struct Pattern {
    code: Code,
    lookbehind: usize,
    is_utf: bool,
    /// The stack of the machine code, first and greatest size.
    stack: (usize, usize),
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No match begins here.
    Nothing,
    /// What begins at this byte may become a match, if more follows.
    Partial(usize),
    /// A match begins at this byte.
    Match(usize),
}

/// The stack that PCRE2's machine code has where nothing is said.
const STACK: (usize, usize) = (32 * 1024, 1024 * 1024);

// SAFETY: PCRE2 never writes to compiled code once it is translated to machine code, which happens in `compile`; what a
// match needs is made for each call.
unsafe impl Send for Pattern {}
// SAFETY: as above; "the compiled form of a pattern … can be shared between multiple threads" (pcre2api).
unsafe impl Sync for Pattern {}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pattern").field("lookbehind", &self.lookbehind).finish_non_exhaustive()
    }
}

impl Pattern {
    /// Compiles a pattern with bits of [`OPTIONS`]; `stack` are the first and the greatest size in bytes of what a match
    /// may use while it looks back.
    ///
    /// # Errors
    /// PCRE2's.
    pub fn new(pattern: &[u8], options: u32, stack: Option<(u64, u64)>) -> Result<Pattern, Error> {
        let code = compile(pattern, options)?;
        // Where it can't be done, PCRE2 interprets the pattern: nothing is lost but time.
        // SAFETY: the code is a compiled pattern that nobody else has.
        unsafe { pcre2_jit_compile_8(code.0, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) };
        let (mut lookbehind, mut all) = (0_u32, 0_u32);
        // SAFETY: both ask for a number of 32 bits (pcre2_pattern_info), and the places are as large.
        unsafe {
            pcre2_pattern_info_8(code.0, PCRE2_INFO_MAXLOOKBEHIND, (&raw mut lookbehind).cast());
            pcre2_pattern_info_8(code.0, PCRE2_INFO_ALLOPTIONS, (&raw mut all).cast());
        }
        let is_utf = all & PCRE2_UTF != 0;
        // It is counted in characters.
        let lookbehind = lookbehind as usize * if is_utf { 4 } else { 1 };
        let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let stack = stack.map_or(STACK, |(first, most)| (size(first), size(most)));
        Ok(Pattern { code, lookbehind, is_utf, stack })
    }

    /// How many bytes before the place where a search begins have a say in it.
    #[must_use]
    pub const fn lookbehind(&self) -> usize {
        self.lookbehind
    }

    /// Whether it is about characters of UTF-8, which must not be cut.
    #[must_use]
    pub const fn is_utf(&self) -> bool {
        self.is_utf
    }

    /// Searches from byte `start` on. If more of the subject may follow, what reaches its end is no match yet.
    ///
    /// # Errors
    /// In PCRE2's words: it was too much work, or the subject is not UTF-8.
    pub fn find(&self, subject: &[u8], start: usize, more: bool) -> Result<Found, String> {
        if start > subject.len() {
            return Ok(Found::Nothing);
        }
        let options = if more { PCRE2_PARTIAL_HARD } else { 0 };
        let needed = Needed::new(self)?;
        // SAFETY: the subject is `subject.len()` bytes long, `start` is in it, and all that the match needs lives until
        // the call ends.
        let found = unsafe {
            pcre2_match_8(
                self.code.0,
                subject.as_ptr(),
                subject.len(),
                start,
                options,
                needed.data,
                needed.context,
            )
        };
        match found {
            PCRE2_ERROR_NOMATCH => Ok(Found::Nothing),
            PCRE2_ERROR_PARTIAL => Ok(Found::Partial(needed.first())),
            error if error < 0 => Err(message(error)),
            _ => Ok(Found::Match(needed.first())),
        }
    }
}

/// What one match needs.
struct Needed {
    data: *mut pcre2_match_data_8,
    context: *mut pcre2_match_context_8,
    stack: *mut pcre2_jit_stack_8,
}

impl Needed {
    fn new(pattern: &Pattern) -> Result<Needed, String> {
        let (first, most) = pattern.stack;
        // SAFETY: null contexts are allowed, the code is a compiled pattern, and what is made is freed when this is
        // dropped.
        let needed = unsafe {
            Needed {
                data: pcre2_match_data_create_from_pattern_8(pattern.code.0, ptr::null_mut()),
                context: pcre2_match_context_create_8(ptr::null_mut()),
                stack: pcre2_jit_stack_create_8(first, most, ptr::null_mut()),
            }
        };
        if needed.data.is_null() || needed.context.is_null() {
            return Err("there is no memory for it".to_owned());
        }
        // Without a stack, PCRE2 uses 32 KiB of this thread's.
        if !needed.stack.is_null() {
            // SAFETY: without a function, the argument is the stack itself, which lives as long as the context.
            unsafe { pcre2_jit_stack_assign_8(needed.context, None, needed.stack.cast()) };
        }
        Ok(needed)
    }

    /// Where what was found begins.
    fn first(&self) -> usize {
        // SAFETY: match data have room for one pair at least, which a match and a partial match have set.
        unsafe { *pcre2_get_ovector_pointer_8(self.data) }
    }
}

impl Drop for Needed {
    fn drop(&mut self) {
        // SAFETY: each was made by PCRE2 and is freed once; null is allowed.
        unsafe {
            pcre2_match_data_free_8(self.data);
            pcre2_match_context_free_8(self.context);
            pcre2_jit_stack_free_8(self.stack);
        }
    }
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

    fn pattern(text: &str, option: &str) -> Pattern {
        let bits = OPTIONS.iter().filter(|(name, _)| *name == option).map(|(_, bit)| bit).sum();
        Pattern::new(text.as_bytes(), bits, None).unwrap()
    }

    #[test]
    fn a_match_is_found_where_it_begins() {
        let find = |text: &str, option: &str, subject: &str, start, more| {
            pattern(text, option).find(subject.as_bytes(), start, more)
        };
        assert_eq!(find("b+c", "", "abbcc", 0, false), Ok(Found::Match(1)));
        assert_eq!(find("b+c", "", "abbcc", 2, false), Ok(Found::Match(2)));
        assert_eq!(find("b+c", "", "abbcc", 3, true), Ok(Found::Nothing));
        assert_eq!(find("b+c", "", "abbcc", 6, false), Ok(Found::Nothing), "behind the end");
        assert_eq!(find("b+c", "", "abb", 0, true), Ok(Found::Partial(1)));
        assert_eq!(find("b+c", "", "abb", 0, false), Ok(Found::Nothing));
        assert_eq!(find("ok$", "", "ok", 0, true), Ok(Found::Partial(0)), "more may follow");
        assert_eq!(find("ok$", "", "ok", 0, false), Ok(Found::Match(0)));
        assert_eq!(find("OK", "caseless", "ok", 0, false), Ok(Found::Match(0)));
        assert_eq!(find("(?<=ab)c", "", "abc", 2, false), Ok(Found::Match(2)));
        assert_eq!(pattern("(?<=ab)c", "").lookbehind(), 2);
        assert_eq!(pattern("(?<=ab)c", "utf").lookbehind(), 8);
        assert!(pattern("(*UTF)a", "").is_utf());
        assert!(pattern("a", "utf").find(b"\xffa", 0, false).is_err());
    }

    #[test]
    fn too_much_work_is_an_error() {
        let subject = "a".repeat(1 << 16);
        let dear = pattern("(a+)+(b+)+c", "no_start_optimize");
        assert!(dear.find(subject.as_bytes(), 0, false).is_err());
        // The smallest stack is too small for this one, and that is all.
        let small = Pattern::new(b"(?:(a)|b)*c", 0, Some((1, 1))).unwrap();
        assert!(small.find(format!("{subject}c").as_bytes(), 0, false).is_err());
        let large = Pattern::new(b"(?:(a)|b)*c", 0, Some((1 << 15, 1 << 26))).unwrap();
        assert_eq!(large.find(format!("{subject}c").as_bytes(), 0, false), Ok(Found::Match(0)));
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
