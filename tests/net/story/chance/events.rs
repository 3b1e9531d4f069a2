//! What happens in a story of chance, and the stage it happens on.

use super::super::stage::Stage;
use super::random::Random;
use super::setup::Setup;
use similar::TextDiff;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// Longer than an election and a `preempt_delay` may take with nothing to be seen.
const QUIET: Duration = Duration::from_millis(5700);

/// Priorities of the peer.
const PEERS: [u64; 5] = [80, 120, 120, 180, 254];

#[derive(Clone, Debug)]
pub(super) enum Event {
    Start(String),
    /// The peer starts with this configuration, which has the virtual routers of the moment.
    PeerStarts(String),
    PeerStops,
    PeerDies,
    /// A script ends with this from now on.
    Script(&'static str, u8),
    /// The number in the tracked file.
    Number(i64),
    Cable(&'static str, bool),
    Link(&'static str, bool),
    /// `eth1` is deleted, or made again.
    There(bool),
    /// `eth0` of both hosts hear each other, or not.
    Joined(bool),
    Reload(String, String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = |up: &bool| if *up { "up" } else { "down" };
        match self {
            Event::Start(_) => write!(f, "start"),
            Event::PeerStarts(_) => write!(f, "the peer starts"),
            Event::PeerStops => write!(f, "the peer stops"),
            Event::PeerDies => write!(f, "the peer dies"),
            Event::Script(name, code) => write!(f, "script {name} ends with {code}"),
            Event::Number(number) => write!(f, "{number} in the file"),
            Event::Cable(name, is_in) => write!(f, "cable of {name} {}", up(is_in)),
            Event::Link(name, is_up) => write!(f, "link {name} {}", up(is_up)),
            Event::There(there) => write!(f, "eth1 is {}", if *there { "made" } else { "deleted" }),
            Event::Joined(joined) => write!(f, "the hosts are {}", if *joined { "joined" } else { "parted" }),
            Event::Reload(what, _) => write!(f, "reload: {what}"),
        }
    }
}

/// The story of a seed.
pub(super) fn of(seed: u64) -> Vec<Event> {
    let random = &mut Random::new(seed);
    let mut setup = Setup::new(random);
    let mut events = Vec::new();
    let (mut peer, mut joined, mut there) = (random.percent(50), true, true);
    let mut cables = [true; 2];
    let mut links = [true; 2];
    if peer {
        events.push(Event::PeerStarts(setup.peer(random.pick(&PEERS))));
    }
    events.push(Event::Start(setup.text()));
    for _ in 0..random.within(5, 8) {
        events.push(match random.within(1, 15) {
            1..=3 => Event::Script(random.pick(&["s0", "s1"]), random.pick(&[0, 1])),
            4 => Event::Number(random.pick(&[0, 1, 5, 10, -20, 254, -254])),
            12 if random.percent(30) => {
                there = !there;
                (cables[1], links[1]) = (true, true);
                Event::There(there)
            }
            5 | 6 => {
                let (n, name) = random.pick(if there { &[(0, "eth0"), (1, "eth1")] } else { &[(0, "eth0")] });
                cables[n] = !cables[n];
                Event::Cable(name, cables[n])
            }
            7 | 8 => {
                let (n, name) = random.pick(if there {
                    &[(0, "eth0"), (1, "eth1"), (1, "eth1")]
                } else {
                    &[(0, "eth0")]
                });
                links[n] = !links[n];
                Event::Link(name, links[n])
            }
            9 | 10 => {
                peer = !peer;
                match (peer, random.percent(30)) {
                    (true, _) => Event::PeerStarts(setup.peer(random.pick(&PEERS))),
                    (false, true) => Event::PeerDies,
                    (false, false) => Event::PeerStops,
                }
            }
            11 => {
                joined = !joined;
                Event::Joined(joined)
            }
            _ => {
                let what = setup.change(random);
                Event::Reload(what, setup.text())
            }
        });
    }
    events
}

/// The story for who is to understand it: what happens, with the configurations, and what a reload changes of them.
pub(super) fn told(events: &[Event]) -> String {
    let mut text = String::from("the story:\n");
    let mut last = "";
    for event in events {
        let _ = writeln!(text, "{event}");
        match event {
            Event::Start(config) => {
                text += config;
                last = config;
            }
            Event::Reload(_, config) => {
                let _ =
                    write!(text, "{}", TextDiff::from_lines(last, config).unified_diff().context_radius(1));
                last = config;
            }
            _ => {}
        }
    }
    text
}

/// Plays it: after each event it has to become quiet.
pub(super) fn play(stage: &mut Stage<'_>, events: &[Event]) {
    stage.quiet(QUIET);
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.one.is_up("eth1");
    for name in ["s0", "s1"] {
        stage.script(name, &format!("exit $(cat {{dir}}{name}.code)"));
        stage.write(&format!("{name}.code"), "0");
    }
    stage.write("number", "0\n");
    for event in events {
        match event {
            Event::Start(config) => stage.start(config),
            Event::PeerStarts(config) => stage.peer(config),
            Event::PeerStops => stage.peer_stops(),
            Event::PeerDies => stage.peer_dies(),
            Event::Script(name, code) => stage.write(&format!("{name}.code"), &code.to_string()),
            // As a shell does it, so that the file stays the same one.
            Event::Number(number) => stage.overwrite("number", &format!("{number}\n")),
            Event::Cable("eth0", true) => stage.one.plug_in(),
            Event::Cable("eth0", false) => stage.one.unplug(),
            Event::Cable(name, true) => stage.one.plug_in_at(name),
            Event::Cable(name, false) => stage.one.unplug_from(name),
            Event::Link(name, is_up) => {
                stage.run(&format!("ip link set {name} {}", if *is_up { "up" } else { "down" }));
            }
            Event::There(true) => {
                stage.connect("eth1", "10.1.0.1/24");
                stage.one.is_up("eth1");
            }
            Event::There(false) => drop(stage.run("ip link del eth1")),
            Event::Joined(true) => stage.join(),
            Event::Joined(false) => stage.part(),
            Event::Reload(_, config) => stage.reload(config),
        }
        stage.pause(&event.to_string());
    }
}
