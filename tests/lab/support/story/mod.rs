//! The same story twice: once with keepalived as the program under test, once with vipd. What a user would notice is
//! written down at each pause, and both transcripts must be equal, line by line. What differs on purpose, a story says
//! with its reason, which stands in `docs/differences.md`.
//!
//! `VIPD_STORY=keepalived` plays each story with keepalived twice: what differs then is chance, and the story is to blame.
//! `VIPD_STORY=show` prints the transcripts.
//!
//! Here is what all stories share; each kind has a stage of its own, around a [`Subject`].

mod decided;
mod fifo;
mod subject;

pub(crate) use decided::{otherwise, unsaid};
pub(crate) use subject::{LIMIT, Subject};

use super::director::Implementation::{self, Keepalived, Vipd};
use super::host::Lab;
use super::runner::{Test, guarded};
use similar::TextDiff;
use std::sync::Mutex;
use std::thread;

/// A story and its name. `P` is how it is played: a function of its stage.
#[derive(Clone, Copy)]
pub(crate) struct Story<P> {
    name: &'static str,
    play: P,
    without: Option<Without>,
}

/// What differs on purpose: `docs/differences.md` has the reason. Gets a transcript of either, and gives it without.
type Without = fn(Implementation, String) -> String;

impl<P: Copy + Send + Sync + 'static> Story<P> {
    pub(crate) const fn new(name: &'static str, play: P) -> Story<P> {
        Story { name, play, without: None }
    }

    pub(crate) const fn but_for(self, without: Without) -> Story<P> {
        Story { without: Some(without), ..self }
    }

    /// The test that plays it, called `PART::NAME`; `transcript` plays it with one program and gives what was written down.
    pub(crate) fn test(self, part: &str, transcript: fn(P, Implementation) -> Result<String, String>) -> Test
    where
        P: Sync,
    {
        let Story { name, play, without } = self;
        let without = without.unwrap_or(|_, text| text);
        Test::new(format!("{part}::{name}"), move |_| {
            compare(name, |program| transcript(play, program), without)
                .unwrap_or_else(|difference| panic!("{difference}"));
        })
    }
}

/// keepalived's own transcripts are not always equal: on a busy machine a story is played again, so often, and one of vipd's
/// must be equal to one of keepalived's.
const ROUNDS: usize = 3;

/// Plays it with either. How they differed, if they did.
pub(crate) fn compare(
    name: &str,
    transcript: impl Fn(Implementation) -> Result<String, String> + Sync,
    without: impl Fn(Implementation, String) -> String,
) -> Result<(), String> {
    let mode = std::env::var("VIPD_STORY").unwrap_or_default();
    let other = if mode == "keepalived" { Keepalived } else { Vipd };
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Each in a lab of its own, at the same time.
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(|| transcript(Keepalived));
            let second = transcript(other);
            (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), second)
        });
        if mode == "show" {
            println!("{name}: keepalived\n{first:#?}\n{name}: {other}\n{second:#?}");
        }
        theirs.push(first.map(|text| without(Keepalived, text)));
        ours.push(second.map(|text| without(other, text)));
        if theirs.iter().any(|text| text.is_ok() && ours.contains(text)) {
            return Ok(());
        }
    }
    let difference = match (&theirs[0], &ours[0]) {
        (Err(first), Ok(_)) => format!("with keepalived: {first}"),
        (Ok(first), Err(second)) => format!("with {other}: {second}\nkeepalived's transcript:\n{first}"),
        (Err(first), Err(second)) => format!("with keepalived: {first}\nwith {other}: {second}"),
        (Ok(first), Ok(second)) => {
            let diff = TextDiff::from_lines(first, second);
            diff.unified_diff().context_radius(20).header("keepalived", &other.to_string()).to_string()
        }
    };
    Err(format!("{ROUNDS} times the transcripts differed, the first time so:\n{difference}"))
}

/// Plays in a lab of its own: what was written down, or how it failed and what was written until then.
pub(crate) fn written(play: impl FnOnce(&Lab, &Mutex<String>)) -> Result<String, String> {
    let text = Mutex::new(String::new());
    let outcome = guarded(|lab| play(lab, &text));
    let text = text.into_inner().unwrap_or_default();
    outcome.map(|()| text.clone()).map_err(|failure| format!("{failure}\nuntil then:\n{text}"))
}
