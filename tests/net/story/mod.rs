//! The same story twice: once with keepalived on the host under test, once with vipd; the peer is keepalived both times.
//! What a user would notice is written down at each pause (`record`), and both transcripts must be equal, line by line.
//! What differs on purpose, a story says with its reason, which stands in `docs/differences.md`.
//!
//! `VIPD_STORY=keepalived` plays each story with keepalived twice: what differs then is chance, and the story is to blame.
//! `VIPD_STORY=show` prints the transcripts.

mod addresses;
mod chance;
mod decided;
mod groups;
mod notify;
mod protocol;
mod record;
mod reload;
mod routes;
mod stage;
mod tracking;
mod vmac;

use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Test, guarded};
use similar::TextDiff;
use stage::Stage;
use std::sync::Mutex;
use std::thread;

/// A story and its name.
#[derive(Clone, Copy)]
struct Story {
    name: &'static str,
    play: fn(&mut Stage<'_>),
    /// What differs on purpose: `docs/differences.md` has the reason. Gets a transcript of either, and gives it without.
    without: Option<fn(Implementation, String) -> String>,
}

const fn story(name: &'static str, play: fn(&mut Stage<'_>)) -> Story {
    Story { name, play, without: None }
}

impl Story {
    const fn but_for(self, without: fn(Implementation, String) -> String) -> Story {
        Story { without: Some(without), ..self }
    }
}

pub(crate) fn tests() -> Vec<Test> {
    let all = [
        addresses::STORIES,
        groups::STORIES,
        notify::STORIES,
        protocol::STORIES,
        reload::STORIES,
        routes::STORIES,
        tracking::STORIES,
        vmac::STORIES,
    ];
    let all = all.into_iter().flatten().map(|story| {
        let without = story.without.unwrap_or(|_, text| text);
        Test::new(format!("story::{}", story.name), move |_| {
            compare(story.name, story.play, without).unwrap_or_else(|difference| panic!("{difference}"));
        })
    });
    all.chain(chance::tests()).collect()
}

/// keepalived's own transcripts are not always equal: on a busy machine a story is played again, so often, and one of vipd's
/// must be equal to one of keepalived's.
const ROUNDS: usize = 3;

/// Plays it with either. How they differed, if they did.
fn compare(
    name: &str,
    play: impl Fn(&mut Stage<'_>) + Sync,
    without: impl Fn(Implementation, String) -> String,
) -> Result<(), String> {
    let mode = std::env::var("VIPD_STORY").unwrap_or_default();
    let other = if mode == "keepalived" { Keepalived } else { Vipd };
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Each in a lab of its own, at the same time.
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(|| transcript(&play, Keepalived));
            let second = transcript(&play, other);
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

fn transcript(play: &impl Fn(&mut Stage<'_>), program: Implementation) -> Result<String, String> {
    let text = Mutex::new(String::new());
    let outcome = guarded(|lab| {
        let mut stage = Stage::new(lab, program, &text);
        play(&mut stage);
        stage.end();
    });
    let text = text.into_inner().unwrap_or_default();
    outcome.map(|()| text.clone()).map_err(|failure| format!("{failure}\nuntil then:\n{text}"))
}
