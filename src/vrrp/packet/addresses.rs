//! The addresses in an advertisement, and how they differ from those that are configured.

use crate::net::Family;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// The addresses of an advertisement, all of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    family: Family,
    bytes: &'a [u8],
}

impl<'a> Addresses<'a> {
    pub(super) const fn new(family: Family, bytes: &'a [u8]) -> Addresses<'a> {
        Addresses { family, bytes }
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() / (self.family.bits() / 8) as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<'a> {
        let family = self.family;
        self.bytes.chunks_exact(usize::from(family.bits() / 8)).filter_map(move |bytes| match family {
            Family::V4 => bytes.first_chunk::<4>().map(|a| IpAddr::from(*a)),
            Family::V6 => bytes.first_chunk::<16>().map(|a| IpAddr::from(*a)),
        })
    }

    /// How they differ from these, in whatever order; none if they are the same.
    #[must_use]
    pub fn difference(&self, ours: &[IpAddr]) -> Option<Difference> {
        if self.iter().eq(ours.iter().copied()) {
            return None;
        }
        let (theirs, ours) = (Sorted::new(self.iter()), Sorted::new(ours.iter().copied()));
        (theirs.all() != ours.all())
            .then(|| Difference { missing: ours.first_not_in(&theirs), unknown: theirs.first_not_in(&ours) })
    }
}

/// How the addresses of an advertisement differ from those that are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Difference {
    /// The lowest that is configured and not in the advertisement.
    pub missing: Option<IpAddr>,
    /// The lowest that is in the advertisement and not configured.
    pub unknown: Option<IpAddr>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.missing, self.unknown) {
            (Some(missing), Some(unknown)) => {
                write!(f, "{missing} is missing in it, {unknown} is not configured here")
            }
            (Some(missing), None) => write!(f, "{missing} is missing in it"),
            (None, Some(unknown)) => write!(f, "{unknown} is not configured here"),
            (None, None) => write!(f, "one is there more than once"),
        }
    }
}

/// As many addresses as an advertisement can have, without an allocation: anybody can send them.
struct Sorted {
    all: [IpAddr; u8::MAX as usize],
    count: usize,
}

impl Sorted {
    fn new(addresses: impl Iterator<Item = IpAddr>) -> Sorted {
        let mut sorted = Sorted { all: [IpAddr::V4(Ipv4Addr::UNSPECIFIED); u8::MAX as usize], count: 0 };
        for (place, address) in sorted.all.iter_mut().zip(addresses) {
            *place = address;
            sorted.count += 1;
        }
        let count = sorted.count;
        sorted.all.get_mut(..count).unwrap_or_default().sort_unstable();
        sorted
    }

    fn all(&self) -> &[IpAddr] {
        self.all.get(..self.count).unwrap_or_default()
    }

    fn first_not_in(&self, other: &Sorted) -> Option<IpAddr> {
        self.all().iter().find(|address| other.all().binary_search(address).is_err()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn difference(theirs: &[[u8; 4]], ours: &[[u8; 4]]) -> Option<String> {
        let ours: Vec<IpAddr> = ours.iter().map(|a| IpAddr::from(*a)).collect();
        Addresses::new(Family::V4, theirs.as_flattened()).difference(&ours).map(|d| d.to_string())
    }

    #[test]
    fn a_difference_names_an_address_of_each_side() {
        let [a, b, c] = [[10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]];
        assert_eq!(difference(&[a, b], &[b, a]), None);
        for (theirs, ours, said) in [
            (&[a][..], &[a, b][..], "10.0.0.2 is missing in it"),
            (&[a, c], &[a], "10.0.0.3 is not configured here"),
            (&[c, a], &[b, a], "10.0.0.2 is missing in it, 10.0.0.3 is not configured here"),
            (&[a, a, b], &[a, b], "one is there more than once"),
        ] {
            assert_eq!(difference(theirs, ours).as_deref(), Some(said));
        }
    }

    proptest! {
        #[test]
        fn the_same_in_another_order_is_the_same(
            all in proptest::collection::vec(any::<[u8; 4]>(), 0..255),
            turn in any::<prop::sample::Index>(),
        ) {
            let mut turned = all.clone();
            if !all.is_empty() {
                turned.rotate_left(turn.index(all.len()));
            }
            prop_assert_eq!(difference(&turned, &all), None);
        }
    }
}
