//! The numbers of `${_RANDOM}`: the generator of the C library, so that a `random_seed` gives what it gives keepalived.
//!
//! `random(3)` with its default state: x³¹ + x³ + 1, an additive feedback over 31 words. Nothing secret comes of it.

use std::hash::{BuildHasher, RandomState};

const WORDS: usize = 31;
const DISTANCE: usize = 3;
/// As many numbers are thrown away after seeding.
const DISCARDED: usize = 10 * WORDS;

/// `random()` and `srandom()`.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: [u32; WORDS],
    at: usize,
}

impl Random {
    /// `srandom(seed)`.
    pub(super) fn new(seed: u32) -> Random {
        // The library takes 1 for 0: from 0 nothing would ever follow.
        let mut word = i64::from(seed.max(1) as i32);
        let mut state = [0; WORDS];
        for slot in &mut state {
            *slot = word as u32;
            word = (16807 * word) % 2_147_483_647;
            if word < 0 {
                word += 2_147_483_647;
            }
        }
        let mut random = Random { state, at: DISTANCE };
        for _ in 0..DISCARDED {
            random.next();
        }
        random
    }

    /// A seed that differs from run to run.
    pub(super) fn any_seed() -> u32 {
        RandomState::new().hash_one(0_u8) as u32
    }

    /// `random()`: 0 to 2³¹ - 1.
    pub(super) fn next(&mut self) -> u32 {
        let sum = self.state[self.at].wrapping_add(self.state[(self.at + WORDS - DISTANCE) % WORDS]);
        self.state[self.at] = sum;
        self.at = (self.at + 1) % WORDS;
        sum >> 1
    }

    /// A number from `min` to `max`.
    pub(super) fn between(&mut self, min: u64, max: u64) -> u64 {
        let number = u64::from(self.next());
        match (max - min).checked_add(1) {
            Some(width) => min + number % width,
            None => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_library_s_sequence() {
        let first = |seed| {
            let mut random = Random::new(seed);
            [random.next(), random.next(), random.next()]
        };
        // srandom(1), srandom(42); printf("%ld", random()) of glibc 2.36.
        assert_eq!(first(1), [1_804_289_383, 846_930_886, 1_681_692_777]);
        assert_eq!(first(42), [71_876_166, 708_592_740, 1_483_128_881]);
        assert_eq!(first(0), first(1));
    }

    #[test]
    fn bounds_hold() {
        let mut random = Random::new(7);
        assert!((0..100).all(|_| (5..=9).contains(&random.between(5, 9))));
        assert_eq!(random.between(3, 3), 3);
        let _ = random.between(0, u64::MAX);
    }
}
