//! When a certificate ends (X.509, RFC 5280 §4.1.2.5): the one thing of it that is looked at besides its verification.

use super::ber;
use std::time::Duration;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
/// Two digits of the year, or four.
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

const DAY: u64 = 86_400;

/// The last moment of a certificate, since 1970; `None` for what is none.
#[must_use]
pub fn end_of(certificate: &[u8]) -> Option<Duration> {
    let (signed, _) = of(SEQUENCE, certificate)?;
    let (fields, _) = of(SEQUENCE, signed)?;
    let mut rest = fields;
    if let (VERSION, _, behind) = ber::split(rest)? {
        rest = behind;
    }
    // Its number, the kind of signature, who issued it.
    for _ in 0..3 {
        rest = ber::split(rest)?.2;
    }
    let (validity, _) = of(SEQUENCE, rest)?;
    let (_, _begin, rest) = ber::split(validity)?;
    match ber::split(rest)? {
        (UTC_TIME, text, _) => {
            let (year, rest) = text.split_at_checked(2)?;
            let year = number(year)?;
            moment(if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, text, _) => {
            let (year, rest) = text.split_at_checked(4)?;
            moment(number(year)?, rest)
        }
        _ => None,
    }
}

/// What is said of a certificate that ends within `days`; nothing of one that lasts longer.
#[must_use]
pub fn warning(end: Duration, now: Duration, days: u32) -> Option<String> {
    match end.checked_sub(now) {
        None => Some("has ended".to_owned()),
        Some(left) if left > Duration::from_secs(u64::from(days) * DAY) => None,
        Some(left) => Some(match left.as_secs() / DAY {
            0 => "ends in less than a day".to_owned(),
            1 => "ends in a day".to_owned(),
            days => format!("ends in {days} days"),
        }),
    }
}

/// The content of the element at the front, if it has this tag, and what is behind it.
fn of(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = ber::split(bytes)?;
    (found == tag).then_some((content, rest))
}

fn number(digits: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| char::from(*byte).to_digit(10).map(u64::from);
    digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
}

/// Month, day, hour, minute and second of a year, in UTC.
fn moment(year: u64, text: &[u8]) -> Option<Duration> {
    let text = text.strip_suffix(b"Z").filter(|text| text.len() == 10)?;
    let parts: Option<Vec<u64>> = text.chunks(2).map(number).collect();
    let [month @ 1..=12, day @ 1..=31, hour @ 0..=23, minute @ 0..=59, second @ 0..=60] = parts?[..] else {
        return None;
    };
    // March is the first month, so that a day more is the last one of a year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    // Those before 1970.
    let days = days.checked_sub(719_468)?;
    Some(Duration::from_secs(days * DAY + hour * 3600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn certificate(end: Duration) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["www.example".to_owned()]).unwrap();
        params.not_after = (SystemTime::UNIX_EPOCH + end).into();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_ends_when_it_says_so() {
        // 2026-11-30, 2049 and 2050 (where the form changes), a leap day.
        for seconds in [1_796_000_000, 2_524_607_999, 2_524_608_000, 1_835_438_400, 951_782_400] {
            let end = Duration::from_secs(seconds);
            assert_eq!(end_of(&certificate(end)), Some(end));
        }
        assert_eq!(moment(1970, b"0101000000Z"), Some(Duration::ZERO));
        for wrong in ["0101000000", "1301000000Z", "0132000000Z", "01010000Z", "010100000xZ"] {
            assert_eq!(moment(2026, wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn its_end_is_told_in_days() {
        let day = |days: u64| Duration::from_secs(days * DAY);
        let said = |left: u64| warning(day(100) + day(left), day(100), 14);
        assert_eq!(said(15), None);
        assert_eq!(said(14).as_deref(), Some("ends in 14 days"));
        assert_eq!(said(1).as_deref(), Some("ends in a day"));
        assert_eq!(said(0).as_deref(), Some("ends in less than a day"));
        assert_eq!(warning(day(99), day(100), 14).as_deref(), Some("has ended"));
    }

    proptest! {
        #[test]
        fn no_certificate_is_too_strange(at in 0_usize..600, byte in any::<u8>()) {
            let mut bytes = certificate(Duration::from_secs(1_796_000_000));
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            let _ = end_of(&bytes);
            let _ = end_of(bytes.get(..at).unwrap_or_default());
        }
    }
}
