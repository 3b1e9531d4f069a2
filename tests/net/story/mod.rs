//! The same story of virtual routers twice (see `support::story`): once with keepalived on the host under test, once with
//! vipd; the peer is keepalived both times.

mod addresses;
mod chance;
mod groups;
mod notify;
mod protocol;
mod record;
mod reload;
mod routes;
mod stage;
mod tracking;
mod vmac;

use crate::support::story::{self, written};
use crate::support::{Implementation, Test};
use stage::Stage;

type Play = fn(&mut Stage<'_>);
type Story = story::Story<Play>;

const fn story(name: &'static str, play: Play) -> Story {
    Story::new(name, play)
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
    let all = all.into_iter().flatten().map(|story| story.test("story", transcript));
    all.chain(chance::tests()).collect()
}

fn transcript(play: impl Fn(&mut Stage<'_>), program: Implementation) -> Result<String, String> {
    written(|lab, text| {
        let mut stage = Stage::new(lab, program, text);
        play(&mut stage);
        stage.end();
    })
}
