//! Numbers as people read them.

use std::fmt;

/// `0`, `0.5`, `12345`, `123K`, `1.23M`: at most six characters, powers of 1000.
pub(super) fn short(number: f64) -> String {
    if number < 9.95 && number.fract() != 0.0 {
        return format!("{number:.1}");
    }
    if number < 99_999.5 {
        return format!("{number:.0}");
    }
    let mut scaled = number;
    for unit in ["K", "M", "G", "T", "P", "E"] {
        scaled /= 1000.0;
        let decimals = match scaled {
            ..9.995 => 2,
            ..99.95 => 1,
            ..999.5 => 0,
            _ => continue,
        };
        return format!("{scaled:.decimals$}{unit}");
    }
    "huge".to_owned()
}

/// `1 server`, `2 servers`: a number of things whose plural has an s.
pub(super) fn number_of<N: fmt::Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    format!("{number} {thing}{}", if number == N::from(1) { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let texts = [0_u32, 1, 2].map(|number| number_of(number, "server"));
        assert_eq!(texts, ["0 servers", "1 server", "2 servers"]);
    }

    #[test]
    fn numbers_fit_six_columns() {
        let cases = [
            (0.0, "0"),
            (0.04, "0.0"),
            (0.25, "0.2"),
            (1.0, "1"),
            (9.94, "9.9"),
            (9.96, "10"),
            (12.5, "12"),
            (99_999.0, "99999"),
            (99_999.6, "100K"),
            (123_456.0, "123K"),
            (999_499.0, "999K"),
            (999_500.0, "1.00M"),
            (1_234_567.0, "1.23M"),
            (12_345_678.0, "12.3M"),
            (u64::MAX as f64, "18.4E"),
            (f64::MAX, "huge"),
        ];
        for (number, text) in cases {
            assert_eq!(short(number), text, "{number}");
        }
        let mut number = 0.01;
        while number < 1e21 {
            assert!(short(number).len() <= 6, "{number}: {}", short(number));
            number *= 1.0137;
        }
    }
}
