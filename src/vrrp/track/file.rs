//! `track_file`: the number in a file.

/// The number at the beginning of a content, as keepalived reads it (`strtol`, base 0): after white space, a sign and a
/// prefix, whatever follows; 0 where there is none. `None`: one that is too large, which leaves what was read before.
#[must_use]
pub fn number(content: &[u8]) -> Option<i64> {
    let text = content.trim_ascii_start();
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        text => (false, text),
    };
    let (radix, text) = match text {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => (16, rest),
        [b'0', rest @ ..] => (8, rest),
        text => (10, text),
    };
    let mut number: i64 = 0;
    for digit in text.iter().map_while(|byte| char::from(*byte).to_digit(radix)) {
        number = number.checked_mul(i64::from(radix))?.checked_add(i64::from(digit))?;
    }
    let number = if negative { -number } else { number };
    // keepalived's limits, its one too many included.
    (i64::from(i32::MIN)..=i64::from(i32::MAX) + 1).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        for (text, number) in [
            ("", Some(0)),
            ("abc", Some(0)),
            ("17\n", Some(17)),
            (" \t\n-17 and more", Some(-17)),
            ("+5x", Some(5)),
            ("0x1fg", Some(31)),
            ("-0X10", Some(-16)),
            ("0x", Some(0)),
            ("010", Some(8)),
            ("09", Some(0)),
            ("2147483648", Some(2_147_483_648)),
            ("2147483649", None),
            ("-2147483648", Some(-2_147_483_648)),
            ("-2147483649", None),
            ("99999999999999999999999", None),
            ("- 5", Some(0)),
        ] {
            assert_eq!(super::number(text.as_bytes()), number, "{text:?}");
        }
        assert_eq!(number(&[0xff, 0, b'7']), Some(0));
    }
}
