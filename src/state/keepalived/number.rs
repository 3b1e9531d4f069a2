//! Numbers as C prints them.

/// C's `%g`: six digits that count, no zeros behind them.
pub(super) fn short(number: f64) -> String {
    let digits = format!("{number:.5e}");
    let exponent: i32 = digits.rsplit('e').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        let behind = usize::try_from(5 - exponent).unwrap_or(0);
        return trimmed(&format!("{number:.behind$}"));
    }
    let mantissa = digits.split('e').next().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_c_s() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.5, "0.5"),
            (0.01, "0.01"),
            (2.25, "2.25"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.23457e+06"),
            (0.000_1, "0.0001"),
            (0.000_01, "1e-05"),
            (1.0 / 3.0, "0.333333"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
