//! What goes wrong in a story, and how all of it is put right.

use super::Story;
use crate::node::Edit;
use crate::options::Failures;
use crate::seal::Sealing;
use std::time::Duration;

/// What somebody or something does to a node, or to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    Crash(usize),
    LosePower(usize),
    Stop(usize),
    /// The second: as a parent starts a worker that died.
    Start(usize, bool),
    /// Node, link, by hand.
    LinkDown(usize, usize, bool),
    LinkUp(usize, usize),
    LinkGone(usize, usize),
    /// Packets are kept in the socket meanwhile, or lost.
    Pause(usize, Duration, bool),
    /// One side hears nothing of the other; the second says whether the other way is cut too.
    Isolate(usize, bool),
    Mend,
    /// Somebody removes the nth address; the news are lost.
    TakeAddress(usize, usize, bool),
    /// Somebody deletes the nth interface that the node has made; the news are lost.
    TakeLink(usize, usize, bool),
    Table(usize, bool),
    Reload(usize, usize, Edit),
    /// The script of a virtual router works from now on, or fails.
    Script(usize, usize, bool),
    /// Its file holds this number.
    Number(usize, usize, i64),
    /// Somebody sets its wall clock, by so many seconds: nothing of it is to be seen.
    Clock(usize, i64),
    /// Node, virtual router: it has a key that nobody else has, or the right one.
    Key(usize, usize, bool),
    /// The attacker repeats the nth advert of a virtual router, with another priority perhaps.
    Repeat(usize, u64, Option<u8>),
    /// The nth host that has an address of a virtual router is there, or is not any more.
    Host(usize, bool),
}

impl Story {
    pub(super) fn trouble(&mut self, trouble: Trouble) {
        self.say(|| format!("{trouble:?}"));
        let now = self.now;
        let nodes = &mut self.nodes;
        let at = match trouble {
            Trouble::Crash(at) => {
                nodes[at].crash();
                at
            }
            Trouble::LosePower(at) => {
                nodes[at].lose_power();
                at
            }
            Trouble::Stop(at) => {
                nodes[at].stop(now);
                at
            }
            Trouble::Start(at, respawned) => {
                nodes[at].start(now, respawned);
                at
            }
            Trouble::LinkDown(at, link, by_hand) => {
                nodes[at].set_link(now, link, false, by_hand);
                at
            }
            Trouble::LinkUp(at, link) => {
                nodes[at].set_link(now, link, true, false);
                at
            }
            Trouble::LinkGone(at, link) => {
                nodes[at].remove_link(now, link);
                at
            }
            Trouble::Pause(at, length, hears) => {
                let length = length.min(nodes[at].longest_pause());
                nodes[at].pause(now, length, hears);
                at
            }
            Trouble::Isolate(at, both) => {
                for other in (0..nodes.len()).filter(|&other| other != at) {
                    self.net.cut(other, at);
                    if both {
                        self.net.cut(at, other);
                    }
                }
                return;
            }
            Trouble::Mend => return self.net.mend(),
            Trouble::TakeAddress(at, nth, lost) => {
                nodes[at].take_address(now, nth, lost);
                at
            }
            Trouble::TakeLink(at, nth, lost) => {
                nodes[at].take_own_link(now, nth, lost);
                at
            }
            Trouble::Table(at, writable) => {
                nodes[at].set_table(now, writable);
                at
            }
            Trouble::Script(at, router, works) => {
                nodes[at].set_script(router, works);
                at
            }
            Trouble::Number(at, router, number) => {
                nodes[at].set_number(now, router, number);
                at
            }
            Trouble::Clock(at, by) => {
                let by = nodes[at].world.clock_set_by + by;
                nodes[at].set_clock(by);
                at
            }
            Trouble::Key(at, router, foreign) => {
                if let Some(sealing) = self.options.routers[router].sealing {
                    nodes[at].set_key(now, router, sealing, foreign);
                }
                at
            }
            Trouble::Host(n, is_there) => return self.host(n, is_there),
            Trouble::Repeat(router, nth, priority) => return self.attack(router, nth, priority),
            Trouble::Reload(at, router, edit) => {
                nodes[at].edit(now, router, edit, &self.options);
                at
            }
        };
        self.schedule(at);
    }

    pub(super) fn heal(&mut self) {
        self.say(|| "the network is whole".into());
        self.net.heal();
        self.healed_at = Some(self.now);
        for at in 0..self.nodes.len() {
            self.nodes[at].world.failures = Failures::default();
            for link in 0..self.options.links {
                self.trouble(Trouble::LinkUp(at, link));
            }
            for router in 0..self.options.routers.len() {
                self.trouble(Trouble::Script(at, router, true));
                self.trouble(Trouble::Number(at, router, 0));
            }
            self.trouble(Trouble::Table(at, true));
            if self.options.sealing() == Some(Sealing::Time) {
                self.nodes[at].set_clock(0);
            }
            self.trouble(Trouble::Start(at, false));
            self.nodes[at].whole(self.now, &self.options);
            self.schedule(at);
        }
    }
}
