//! Bytes that are no UTF-8, within text: how they are kept, shown, and given out again.
//!
//! keepalived knows of no encodings: a password or a script's argument goes out byte for byte as it stands in the file.
//! Text here is UTF-8, so that each other byte is kept as a character that nobody writes: U+10FF00 and the byte, from
//! the end of the last plane for private use. [`bytes`] and [`path`] give it back, to the network and to the system;
//! [`shown`] makes of it what people see, the letter that it is in ISO 8859-1.
//!
//! Not for what the kernel or the network says: there a byte that is no UTF-8 is nobody's letter.

use memchr::{memchr, memmem};
use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The character of byte 0, if there were one: bytes below 0x80 are UTF-8.
const ZERO: u32 = 0x10_FF00;
/// The first byte of each of these characters, and of few others.
const LEAD: u8 = 0xf4;

/// The byte that a character stands for, if it is one of these.
#[must_use]
pub fn byte(c: char) -> Option<u8> {
    let byte = u32::from(c).checked_sub(ZERO)?;
    u8::try_from(byte).ok().filter(|b| !b.is_ascii())
}

fn character(byte: u8) -> char {
    char::from_u32(ZERO + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Any bytes as text: what is UTF-8 as it stands.
#[must_use]
pub fn text(bytes: Vec<u8>) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) if !may_have_raw(&text) => return text,
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // Written as it is, one of these would be taken for the byte that it stands for.
            match byte(c) {
                Some(_) => text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(character)),
                None => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().map(|b| character(*b)));
    }
    text
}

fn may_have_raw(text: &str) -> bool {
    memmem::find(text.as_bytes(), b"\xf4\x8f\xbe").is_some()
        || memmem::find(text.as_bytes(), b"\xf4\x8f\xbf").is_some()
}

/// The bytes that a text was made of.
#[must_use]
pub fn bytes(text: &str) -> Cow<'_, [u8]> {
    if memchr(LEAD, text.as_bytes()).is_none() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// A text as the path that it was made of.
#[must_use]
pub fn path(text: &str) -> PathBuf {
    OsString::from_vec(bytes(text).into_owned()).into()
}

/// A text for people.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if memchr(LEAD, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(letter).collect())
}

/// A character for people.
#[must_use]
pub fn letter(c: char) -> char {
    byte(c).map_or(c, char::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_utf_8_stays_and_other_bytes_are_letters_for_people() {
        assert_eq!(text(b"Z\xc3\xbcrich".to_vec()), "Zürich");
        let latin = text(b"Z\xfcrich \xc3\xbc\xff".to_vec());
        assert_eq!(latin.chars().count(), 9);
        assert_eq!(shown(&latin), "Zürich üÿ");
        assert_eq!(bytes(&latin).as_ref(), b"Z\xfcrich \xc3\xbc\xff");
        assert_eq!(path(&latin).as_os_str().as_encoded_bytes(), b"Z\xfcrich \xc3\xbc\xff");
        assert_eq!(shown("plain \u{10ffff} \u{100000}"), "plain ÿ \u{100000}");
    }

    proptest! {
        #[test]
        fn all_bytes_come_back(given: Vec<u8>) {
            prop_assert_eq!(bytes(&text(given.clone())).into_owned(), given);
        }

        #[test]
        fn so_do_the_characters_that_stand_for_them(given in "[a\u{10ff70}-\u{10ffff}\u{e9}]{0,9}") {
            let made = text(given.clone().into_bytes());
            prop_assert_eq!(bytes(&made).into_owned(), given.into_bytes());
        }
    }
}
