//! `FILE_CHECK`: the number in a file, times a weight, is added to the server's weight; with a weight of 0, any number but
//! 0 is a failure (with `reverse`, 0 is).
//!
//! It has no schedule: whoever watches the file says whenever its content may be another one.

use super::{Failure, Outcome, Weight};
use crate::check::config::FileCheck;

/// What the file's content means; `None`: there is no such file, or it can't be read, which counts as 0.
#[must_use]
pub fn outcome(config: &FileCheck, content: Option<&[u8]>) -> Outcome {
    let number = content.map_or(0, number);
    let by = config.weight;
    let added = i64::from(by.weight).saturating_mul(if by.reverse { -number } else { number });
    let has_failed = match by.weight {
        0 => (number != 0) != by.reverse,
        // keepalived's sign for a server that is out of service.
        _ => added <= i64::from(i32::MIN),
    };
    if has_failed {
        let reason = format!("tracked file {} has status {number}", config.track_file);
        return Outcome::Failed(Failure::Reason(reason.into()));
    }
    match added {
        0 => Outcome::Passed,
        added => Outcome::Weighed(Weight::Plus(added)),
    }
}

/// The number at the beginning; 0 where there is none.
fn number(content: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(content);
    let word = text.split_whitespace().next().unwrap_or_default();
    word.parse::<i32>().map_or(0, i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::TrackWeight;

    fn of(weight: i32, reverse: bool, content: Option<&str>) -> Outcome {
        let weight = TrackWeight { weight, reverse };
        let config = FileCheck { track_file: "F".into(), path: "/run/f".into(), weight };
        outcome(&config, content.map(str::as_bytes))
    }

    /// As keepalived 2.2.7 weighs servers.
    #[test]
    fn the_number_is_added_times_the_weight() {
        let plus = |more| Outcome::Weighed(Weight::Plus(more));
        assert_eq!(of(2, false, Some("3\n")), plus(6));
        assert_eq!(of(2, false, Some("-9\n")), plus(-18));
        assert_eq!(of(1, true, Some("3\n")), plus(-3));
        assert_eq!(of(-1, false, Some(" 3")), plus(-3));
        for nothing in [None, Some(""), Some("0"), Some("abc"), Some("99999999999")] {
            assert_eq!(of(2, false, nothing), Outcome::Passed, "{nothing:?}");
        }
    }

    #[test]
    fn without_a_weight_it_is_a_verdict() {
        let failed =
            |n: i64| Outcome::Failed(Failure::Reason(format!("tracked file F has status {n}").into()));
        assert_eq!(of(0, false, Some("3")), failed(3));
        assert_eq!(of(0, false, Some("0")), Outcome::Passed);
        assert_eq!(of(0, false, None), Outcome::Passed);
        assert_eq!(of(0, true, Some("0")), failed(0));
        assert_eq!(of(0, true, Some("1")), Outcome::Passed);
        assert_eq!(of(i32::MAX, false, Some("-9")), failed(-9), "as low as it can be");
    }
}
