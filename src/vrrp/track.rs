//! What is tracked: scripts, files, processes, interfaces, BFD sessions, virtual servers; and what each means to an instance.
//!
//! An [`Object`] has a [`Standing`]; an instance that tracks it with a weight draws an [`Effect`] from it: a change of its
//! priority, or a fault. Which instance tracks what with which weight follows from the configuration alone
//! ([`resolve()`]). The machines that find out how an object stands are in the modules below; what instances do about it
//! is `router::tracking`.

pub mod file;
pub mod interface;
pub mod process;
mod resolve;
pub mod script;

pub use super::event::{Kind, Object, Watched};
pub use resolve::{Track, resolve};

use super::config::Weight;
use serde::{Deserialize, Serialize};

/// How an object stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Nobody knows yet: a script has not run, a file was not read.
    #[default]
    Unknown,
    /// It is as it should be.
    Up,
    /// It is not.
    Down,
    /// A file holds this number.
    Number(i64),
}

impl Standing {
    /// Whether it is as it should be, where that is known.
    #[must_use]
    pub const fn is_up(self) -> Option<bool> {
        match self {
            Standing::Unknown => None,
            Standing::Up | Standing::Number(_) => Some(true),
            Standing::Down => Some(false),
        }
    }
}

impl From<Option<bool>> for Standing {
    fn from(up: Option<bool>) -> Standing {
        up.map_or(Standing::Unknown, Standing::from)
    }
}

impl From<Option<i64>> for Standing {
    fn from(number: Option<i64>) -> Standing {
        number.map_or(Standing::Unknown, Standing::Number)
    }
}

impl From<bool> for Standing {
    fn from(up: bool) -> Standing {
        if up { Standing::Up } else { Standing::Down }
    }
}

/// What follows for an instance that tracks an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Its priority changes by so much.
    Weight(i16),
    /// It can't run.
    Fault,
    /// It does not start before more is known.
    Wait,
}

/// A file's number times its weight is cut to this...
const LEAST: i64 = -254;
const MOST: i64 = 253;

impl Effect {
    /// keepalived's arithmetic: a positive weight is added while the object is up, a negative one while it is down;
    /// `reverse` changes the sign of what is added, and without a weight what is a fault.
    #[must_use]
    pub fn of(kind: Kind, standing: Standing, weight: Weight) -> Effect {
        let Weight { value, reverse } = weight;
        let sign = if reverse { -1 } else { 1 };
        match standing {
            Standing::Unknown => match kind {
                // They are read at once: nobody need start with a priority that is wrong.
                Kind::File | Kind::Process => Effect::Wait,
                // It may take its time, which only a fault is worth.
                Kind::Script if value == 0 => Effect::Wait,
                // Nobody may be there who tells.
                Kind::Script | Kind::Interface | Kind::Bfd | Kind::VirtualServer => Effect::Weight(0),
            },
            Standing::Up | Standing::Down if value == 0 => {
                if (standing == Standing::Up) == reverse {
                    Effect::Fault
                } else {
                    Effect::Weight(0)
                }
            }
            Standing::Up => Effect::Weight(value.max(0) * sign),
            Standing::Down => Effect::Weight(value.min(0) * sign),
            Standing::Number(number) => match weight.of(number).clamp(LEAST, MOST) {
                LEAST => Effect::Fault,
                change => Effect::Weight(i16::try_from(change).unwrap_or_default()),
            },
        }
    }
}

impl Weight {
    /// What a file's number comes to. Without a weight, keepalived takes the least for a fault and nothing otherwise.
    #[must_use]
    pub fn of(self, number: i64) -> i64 {
        let sign = if self.reverse { -1 } else { 1 };
        match self.value {
            0 if (number == 0) == self.reverse => LEAST,
            0 => 0,
            value => number.saturating_mul(i64::from(value) * sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Effect::{Fault, Wait, Weight as W};
    use Standing::{Down, Number, Unknown, Up};

    fn effect(standing: Standing, value: i16, reverse: bool) -> Effect {
        Effect::of(Kind::Script, standing, Weight { value, reverse })
    }

    #[test]
    fn only_what_will_be_known_is_waited_for() {
        let unknown = |kind, value| Effect::of(kind, Unknown, Weight { value, reverse: false });
        assert_eq!((unknown(Kind::File, 0), unknown(Kind::Process, 5)), (Wait, Wait));
        assert_eq!((unknown(Kind::Interface, 0), unknown(Kind::Bfd, 0)), (W(0), W(0)));
    }

    /// keepalived's `vrrp_track.c`: `process_script_update_priority`, `initialise_*_tracking_priorities`.
    #[test]
    fn what_is_up_or_down_adds_its_weight_as_keepalived_does() {
        for (standing, value, reverse, expected) in [
            (Up, 20, false, W(20)),
            (Down, 20, false, W(0)),
            (Up, -20, false, W(0)),
            (Down, -20, false, W(-20)),
            (Up, 20, true, W(-20)),
            (Down, 20, true, W(0)),
            (Up, -20, true, W(0)),
            (Down, -20, true, W(20)),
            (Up, 0, false, W(0)),
            (Down, 0, false, Fault),
            (Up, 0, true, Fault),
            (Down, 0, true, W(0)),
            (Unknown, 0, false, Wait),
            (Unknown, 0, true, Wait),
            (Unknown, 20, false, W(0)),
            (Unknown, -20, true, W(0)),
        ] {
            assert_eq!(effect(standing, value, reverse), expected, "{standing:?} {value} {reverse}");
        }
    }

    /// keepalived's `track_file.c`: `update_track_file_status`.
    #[test]
    fn a_number_times_its_weight_is_cut_and_the_least_is_a_fault() {
        for (number, value, reverse, expected) in [
            (0, 1, false, W(0)),
            (7, 1, false, W(7)),
            (7, -3, false, W(-21)),
            (7, 3, true, W(-21)),
            (253, 1, false, W(253)),
            (254, 1, false, W(253)),
            (i64::MAX, 254, false, W(253)),
            (-253, 1, false, W(-253)),
            (-254, 1, false, Fault),
            (254, 1, true, Fault),
            (i64::MIN, 2, false, Fault),
            (i64::MIN, -2, false, W(253)),
            (0, 0, false, W(0)),
            (1, 0, false, Fault),
            (-1, 0, false, Fault),
            (0, 0, true, Fault),
            (5, 0, true, W(0)),
        ] {
            assert_eq!(effect(Number(number), value, reverse), expected, "{number} {value} {reverse}");
        }
    }
}
