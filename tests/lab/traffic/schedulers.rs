//! Each scheduler of the kernel, and what a user notices of it: which server answers.

use super::lacks;
use super::network::{Network, Talk};
use crate::support::{Lab, Test, wait_for};
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

type Story = fn(&Lab);

pub(super) fn tests() -> impl Iterator<Item = Test> {
    let stories: [(&str, Story); 4] = [
        ("schedulers_in_turn", in_turn),
        ("schedulers_by_connections", by_connections),
        ("schedulers_by_source", by_source),
        ("schedulers_by_destination", by_destination),
    ];
    stories.into_iter().map(|(name, story)| Test::new(format!("traffic::{name}"), story))
}

/// A service of its own, at its own address, on servers s1, s2... with these weights.
struct Service<'a> {
    network: &'a Network,
    /// As it stands on a command line: `-t 10.7.3.1:80`.
    rule: String,
    /// Where clients go.
    address: String,
    from: &'static str,
    v6: bool,
}

impl<'a> Service<'a> {
    fn new(network: &'a Network, n: u8, options: &str, weights: &[u32]) -> Self {
        Self::of_family(network, false, n, options, weights)
    }

    fn of_family(network: &'a Network, v6: bool, n: u8, options: &str, weights: &[u32]) -> Self {
        let address = if v6 { format!("[fd07:3::{n}]:80") } else { format!("10.7.3.{n}:80") };
        let from = if v6 { "fd07:10::1" } else { "10.7.16.1" };
        let service = Self { network, rule: format!("-t {address}"), address, from, v6 };
        service.fill(options, weights);
        service
    }

    /// A service of all addresses that the director marks: 10.7.3.0/24.
    fn marked(network: &'a Network, mark: u8, options: &str, weights: &[u32]) -> Self {
        let rule = format!("-f {mark}");
        let service = Self { network, rule, address: String::new(), from: "10.7.16.1", v6: false };
        service.fill(options, weights);
        service
    }

    fn fill(&self, options: &str, weights: &[u32]) {
        let servers = weights.iter().enumerate().fold(String::new(), |rules, (n, weight)| {
            format!("{rules}-a {} -r {} -g -w {weight}\n", self.rule, self.server(n + 1))
        });
        self.network.restore(&format!("-A {} {options}\n{servers}", self.rule));
    }

    fn server(&self, n: usize) -> String {
        if self.v6 { format!("[fd07:2::1{n}]:80") } else { format!("10.7.2.1{n}:80") }
    }

    fn weight(&self, n: usize, weight: u32) {
        self.network.ipvs(&format!("-e {} -r {} -g -w {weight}", self.rule, self.server(n)));
    }

    /// Who answers so many connections, one after another?
    fn answers(&self, count: usize) -> Vec<String> {
        self.network.answers(self.from, &self.address, count)
    }

    /// So many connections that stay.
    fn hold(&self, count: usize) -> Vec<Talk> {
        (0..count).map(|_| self.network.hold(self.from, &self.address)).collect()
    }
}

fn held_by(talks: &[Talk], server: &str) -> usize {
    talks.iter().filter(|talk| talk.server == server).count()
}

fn counts(answers: &[String]) -> [usize; 3] {
    ["s1", "s2", "s3"].map(|server| answers.iter().filter(|name| *name == server).count())
}

fn in_turn(lab: &Lab) {
    let network = &Network::new(lab, 3);

    let rr = Service::new(network, 1, "-s rr", &[5, 1, 1]);
    let answers = rr.answers(9);
    assert_eq!(counts(&answers), [3, 3, 3], "rr, whatever the weights: {answers:?}");
    assert!((3..9).all(|n| answers[n] == answers[n - 3]), "rr, in turn: {answers:?}");
    rr.weight(2, 0);
    assert_eq!(counts(&rr.answers(8)), [4, 0, 4], "rr without the one that has no weight");

    let wrr = Service::new(network, 2, "-s wrr", &[3, 2, 1]);
    assert_eq!(counts(&wrr.answers(12)), [6, 4, 2], "wrr by weight");
    wrr.weight(3, 3);
    wrr.weight(2, 0);
    assert_eq!(counts(&wrr.answers(12)), [6, 0, 6], "wrr by the new weights");

    let fo = Service::new(network, 3, "-s fo", &[10, 1, 5]);
    assert_eq!(counts(&fo.answers(6)), [6, 0, 0], "fo: the highest weight only");
    fo.weight(1, 0);
    assert_eq!(counts(&fo.answers(6)), [0, 0, 6], "fo: the next one");
    fo.weight(1, 6);
    assert_eq!(counts(&fo.answers(6)), [6, 0, 0], "fo: the first one again");
}

fn by_connections(lab: &Lab) {
    let network = &Network::new(lab, 2);

    let lc = Service::new(network, 1, "-s lc", &[1]);
    let mut held = lc.hold(4);
    network.ipvs(&format!("-a {} -r {} -g -w 1", lc.rule, lc.server(2)));
    held.extend(lc.hold(4));
    assert_eq!(held_by(&held[4..], "s2"), 4, "lc: the one with fewer, until both have as many");
    lc.weight(1, 9);
    held.extend(lc.hold(6));
    assert_eq!(held_by(&held[8..], "s2"), 3, "lc, whatever the weights");

    let wlc = Service::new(network, 2, "-s wlc", &[3, 1]);
    assert_eq!(held_by(&wlc.hold(8), "s1"), 6, "wlc: as many as the weights say");

    // Where the first server is four times as fast, it would have answered three before the second the first one.
    let sed = Service::new(network, 3, "-s sed", &[4, 1]);
    assert_eq!(held_by(&sed.hold(3), "s1"), 3, "sed: the shortest expected delay");

    let nq = Service::new(network, 4, "-s nq", &[4, 1]);
    let held = nq.hold(2);
    assert_eq!(held_by(&held, "s1"), 1, "nq: the idle one first, however slow it is");
    assert_eq!(held_by(&nq.hold(2), "s1"), 2, "nq: then as sed");

    let ovf = Service::new(network, 5, "-s ovf", &[3, 1]);
    let held = ovf.hold(6);
    let names: Vec<&str> = held.iter().map(|talk| talk.server.as_str()).collect();
    assert_eq!(names, ["s1", "s1", "s1", "s1", "s2", "s2"], "ovf: over when there are more than the weight");
    let refused = network.connect(ovf.from, &ovf.address).expect_err("all run over");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    if !lacks(&["ip_vs_twos"]) {
        let twos = Service::new(network, 6, "-s twos", &[1, 1]);
        let held = twos.hold(20);
        assert!((4..=16).contains(&held_by(&held, "s1")), "twos: the better of two drawn: {held:?}");
    }
}

/// Clients, each of which has a place of its own among the hashes.
fn clients(v6: bool) -> Vec<String> {
    (1..=10).map(|n| if v6 { format!("fd07:10::{n}") } else { format!("10.7.16.{n}") }).collect()
}

/// Which server each client gets: always the same one?
#[track_caller]
fn by_client(service: &Service<'_>, what: &str) -> Vec<String> {
    let network = service.network;
    let chosen: Vec<String> = clients(service.v6)
        .iter()
        .map(|client| {
            let answers = network.answers(client, &service.address, 2);
            assert_eq!(answers[0], answers[1], "{what}: the server of {client}");
            answers[0].clone()
        })
        .collect();
    let different: BTreeSet<_> = chosen.iter().collect();
    assert_eq!(different.len(), 3, "{what}: each server has some of them: {chosen:?}");
    chosen
}

fn by_source(lab: &Lab) {
    let network = &Network::new(lab, 3);
    let mut n = 0;
    for scheduler in ["sh", "mh"] {
        for v6 in [false, true] {
            let mut service = |flags: &str| {
                n += 1;
                let flags = flags.replace("*", scheduler);
                Service::of_family(network, v6, n, &format!("-s {scheduler} {flags}"), &[1, 1, 1])
            };
            let what = format!("{scheduler}{}", if v6 { " of IPv6" } else { "" });
            let plain = service("");
            let chosen = by_client(&plain, &what);

            // A client whose server takes no more is refused, or, with the flag, goes to another.
            let without = |service: &Service<'_>| {
                service.weight(1, 0);
                clients(v6).iter().map(|c| network.connect(c, &service.address).map(|t| t.server)).collect()
            };
            let after: Vec<io::Result<String>> = without(&plain);
            for (before, after) in chosen.iter().zip(&after) {
                match after {
                    Ok(server) => assert_eq!((server, before != "s1"), (before, true), "{what}"),
                    Err(error) => {
                        assert_eq!((error.kind(), before.as_str()), (io::ErrorKind::ConnectionRefused, "s1"));
                    }
                }
            }
            let fallback = service("-b *-fallback");
            let chosen = by_client(&fallback, &format!("{what} with fallback"));
            let after: Vec<io::Result<String>> = without(&fallback);
            for (before, after) in chosen.iter().zip(&after) {
                let after = after.as_ref().unwrap_or_else(|error| panic!("{what} with fallback: {error}"));
                assert!(if before == "s1" { after != "s1" } else { after == before }, "{what} with fallback");
            }

            // With the port, one client's connections spread.
            let ports = service("-b *-port");
            let answers = ports.answers(16);
            let different: BTreeSet<_> = answers.iter().collect();
            assert_eq!(different.len(), 3, "{what} with the port: {answers:?}");

            let both = service("-b *-fallback,*-port");
            both.weight(3, 0);
            let [first, second, third] = counts(&both.answers(16));
            assert!(first > 0 && second > 0 && third == 0, "{what} with both: {first} {second} {third}");
        }
    }

    // A server that is gone takes its own clients with it, and few others (rr's, or sh's, would all move).
    let mh = Service::new(network, 100, "-s mh", &[1, 1, 1]);
    let before = by_client(&mh, "mh");
    network.ipvs(&format!("-d {} -r {}", mh.rule, mh.server(3)));
    let after: Vec<String> = clients(false).iter().map(|client| network.who(client, &mh.address)).collect();
    let others = before.iter().zip(&after).filter(|(before, _)| *before != "s3");
    let (stayed, moved): (Vec<_>, Vec<_>) = others.partition(|(before, after)| before == after);
    assert!(stayed.len() >= 3 * moved.len(), "mh: {before:?}, then {after:?}");
    assert!(after.iter().all(|server| server != "s3"), "mh: {after:?}");

    // Three of four clients, where the weights say so.
    let sh = Service::new(network, 101, "-s sh", &[3, 1]);
    let heavy = (1..=32).filter(|n| network.who(&format!("10.7.17.{n}"), &sh.address) == "s1").count();
    assert!((18..=30).contains(&heavy), "sh by weight: {heavy} of 32");
}

fn by_destination(lab: &Lab) {
    if lacks(&["sch_ingress", "cls_flower", "act_skbedit"]) {
        return;
    }
    let network = &Network::new(lab, 3);
    network.director.run("tc qdisc add dev eth0 clsact");
    // Services of 32 addresses each, as a cache before many servers is.
    for mark in 1..=3 {
        let flower = format!("flower dst_ip 10.7.3.{}/27 action skbedit mark {mark}", mark * 32);
        network.director.run(&format!("tc filter add dev eth0 ingress protocol ip {flower}"));
    }
    let address = |mark: u8, n: u8| format!("10.7.3.{}:80", mark * 32 + n);

    let _dh = Service::marked(network, 1, "-s dh", &[1, 1, 1]);
    let mut different = BTreeSet::new();
    for n in 0..9 {
        let answers: Vec<String> =
            clients(false).iter().take(3).map(|client| network.who(client, &address(1, n))).collect();
        assert!(answers.iter().all(|name| *name == answers[0]), "dh, to one destination: {answers:?}");
        different.insert(answers[0].clone());
    }
    assert_eq!(different.len(), 3, "dh: each server has some destinations");

    for (mark, scheduler) in [(2, "lblc"), (3, "lblcr")] {
        // A destination stays with its server while that has fewer connections than its weight.
        let service = Service::marked(network, mark, &format!("-s {scheduler}"), &[4, 4, 4]);
        let mut held = Vec::new();
        for n in 0..3 {
            let talks: Vec<_> =
                clients(false).iter().take(3).map(|client| network.hold(client, &address(mark, n))).collect();
            assert_eq!(held_by(&talks, &talks[0].server), 3, "{scheduler}, to one destination");
            held.push(talks);
        }
        let different: BTreeSet<_> = held.iter().map(|talks| &talks[0].server).collect();
        assert_eq!(different.len(), 3, "{scheduler}: each destination went to the one with fewest");
        // One is overloaded where another one is less than half full.
        let (busy, idle) = (held[0][0].server.clone(), held[1][0].server.clone());
        let server = service.server(usize::from(idle.as_bytes()[1] - b'0'));
        held.remove(1);
        wait_for(format_args!("{idle} to be idle"), Duration::from_secs(30), || {
            let listed = network.ipvs(&format!("-Ln {}", service.rule));
            let line = listed.lines().find(|line| line.contains(&server)).unwrap_or_default();
            if line.split_whitespace().nth(4) == Some("0") { Ok(()) } else { Err(listed) }
        });
        let more: Vec<_> = (0..4).map(|_| network.hold("10.7.16.9", &address(mark, 0))).collect();
        assert_eq!(held_by(&more[..2], &busy), 2, "{scheduler}: not yet overloaded");
        assert!(held_by(&more[2..], &idle) > 0, "{scheduler}: overloaded: {more:?}");
    }
}
