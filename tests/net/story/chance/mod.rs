//! Stories that chance writes: configurations and events from a seed, played with keepalived and with vipd. They meet what
//! nobody thought of, and take minutes: `make stories` plays some, `FROM=300 STORIES=20` those of seeds 300 to 319.
//! What is in them is printed when one differs; a difference is a defect, a decision of `docs/differences.md` that belongs
//! into `decided`, or two things that keepalived does in either order.

mod decided;
mod events;
mod setup;

use super::transcript;
use crate::support::Test;
use crate::support::story::compare;

#[path = "../../../sim/random.rs"]
mod random;

/// Those of the seeds that the environment asks for, none without: `make test` has its own stories.
pub(super) fn tests() -> Vec<Test> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let Some(count) = number("VIPD_STORIES") else { return Vec::new() };
    let first = number("VIPD_STORIES_FROM").unwrap_or(0);
    let test = |seed| {
        Test::new(format!("story::chance::{seed}"), move |_| {
            let events = events::of(seed);
            let outcome = compare(
                &format!("chance::{seed}"),
                |program| transcript(|stage| events::play(stage, &events), program),
                |_, text| decided::without(&text),
            );
            outcome.unwrap_or_else(|difference| panic!("{}{difference}", events::told(&events)));
        })
    };
    (first..first + count).map(test).collect()
}
