//! Numbers as C and keepalived read them.

use nom::branch::alt;
use nom::bytes::complete::tag_no_case;
use nom::character::complete::{char, digit0, digit1, hex_digit1, oct_digit1};
use nom::combinator::{all_consuming, map, opt, verify};
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// `31`, `0x1f` or `037`. What is too large is the largest number.
#[must_use]
pub(super) fn unsigned(text: &str) -> Option<u64> {
    let digits = |radix| move |digits: &str| u64::from_str_radix(digits, radix).unwrap_or(u64::MAX);
    let decimal = verify(digit1, |digits: &str| digits.len() == 1 || !digits.starts_with('0'));
    let hexadecimal = preceded(tag_no_case("0x"), hex_digit1);
    let octal = preceded(char('0'), oct_digit1);
    let number = alt((map(hexadecimal, digits(16)), map(octal, digits(8)), map(decimal, digits(10))));
    let read: IResult<&str, u64> = all_consuming(number).parse(text);
    read.ok().map(|(_, number)| number)
}

/// A number with decimals, in units of the last decimal that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    /// Further decimals cut off. What is too large is the largest number.
    pub(super) cut: u64,
    /// Further decimals rounded.
    pub(super) rounded: u64,
    /// There were no further decimals.
    pub(super) is_exact: bool,
}

/// `1`, `1.5`, `1.` or `.5`, of which `places` decimals count.
#[must_use]
pub(super) fn decimal(text: &str, places: usize) -> Option<Decimal> {
    let mut number = all_consuming((digit0, opt(preceded(char('.'), digit0))));
    let read: IResult<&str, (&str, Option<&str>)> = number.parse(text);
    let (whole, decimals) = read.ok()?.1;
    let decimals = decimals.unwrap_or_default();
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    let (kept, further) = decimals.split_at_checked(places).unwrap_or((decimals, ""));
    let cut = format!("{whole}{kept:0<places$}").parse().unwrap_or(u64::MAX);
    let rounded = cut.saturating_add(u64::from(further.as_bytes().first().is_some_and(|d| *d >= b'5')));
    Some(Decimal { cut, rounded, is_exact: further.is_empty() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_knows_three_radixes() {
        for (text, number) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("010", Some(8)),
            ("0x1F", Some(31)),
            ("0X1f", Some(31)),
            ("18446744073709551616", Some(u64::MAX)),
            ("08", None),
            ("0x", None),
            ("", None),
            ("1a", None),
            ("+1", None),
            ("-1", None),
        ] {
            assert_eq!(unsigned(text), number, "{text}");
        }
    }

    #[test]
    fn decimals_beyond_those_that_count_are_cut_off_or_rounded() {
        let read = |text| decimal(text, 3).map(|d| (d.cut, d.rounded, d.is_exact));
        assert_eq!(read("1"), Some((1000, 1000, true)));
        assert_eq!(read("1."), Some((1000, 1000, true)));
        assert_eq!(read(".5"), Some((500, 500, true)));
        assert_eq!(read("2.0004"), Some((2000, 2000, false)));
        assert_eq!(read("2.0005"), Some((2000, 2001, false)));
        assert_eq!(read("99999999999999999999.9").map(|n| n.0), Some(u64::MAX));
        for text in ["", ".", "1.2.3", "-1", "1s", " 1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
