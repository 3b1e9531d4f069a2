//! Timelines of one instance: what it does, when, in which order.

use super::super::config::{Garp, InitialState, Vrid};
use super::super::event::{Discard, Received, Reloaded};
use super::*;
use crate::vrrp::config::Auth;
use crate::vrrp::event::IfIndex;
use crate::vrrp::packet::{Advert, Authentication, Body, Centis, Difference, PRIORITY_OWNER, Secs};
use std::net::Ipv4Addr;

mod extra;
mod faults;
mod owner;
mod split;

/// An instance at 10.0.0.2 and the time it lives in.
struct Bench {
    instance: Instance,
    now: Instant,
    out: Actions,
}

fn address(text: &str) -> VirtualAddress {
    VirtualAddress::new(text.parse().unwrap(), "eth0")
}

fn config(priority: u8) -> config::Instance {
    config::Instance {
        priority,
        auth: Some(Auth::Pass(*b"himitsu\0")),
        addresses: vec![address("10.0.0.100/24")],
        excluded: vec![address("10.0.1.100/24")].into(),
        ..config::Instance::new("VI", "eth0", Vrid::new(51).unwrap())
    }
}

fn v3(priority: u8, millis: u64) -> config::Instance {
    let advert_int = Duration::from_millis(millis);
    config::Instance { version: Version::V3, auth: None, advert_int, ..config(priority) }
}

const ORIGIN: Origin = Origin {
    interface: Some(IfIndex(2)),
    source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
    mtu: 1500,
    ready: true,
};
const LOWER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const HIGHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3));

/// The action without what every test would repeat.
fn short(action: &Action) -> String {
    match action {
        Action::Listen(_) | Action::Unlisten(_) | Action::Buffer { .. } | Action::Notify(_) => {
            format!("{action:?}")
        }
        Action::Advertise { packet, .. } => format!("advert {}", packet.bytes()[2]),
        Action::Apply { addresses, .. } => format!("apply {}", addresses.len()),
        Action::ApplyLinks { links, .. } => format!("links {}", links.len()),
        Action::ApplyEntries { entries, .. } => format!("apply {}", entries[0]),
        Action::Announce { addresses, rounds, .. } => format!("announce {} x{rounds}", addresses.len()),
        Action::Report { report: Report::Entered { to, .. }, .. } => format!("{to:?}"),
        Action::Report { report: Report::Faulty { fault, .. }, .. } => format!("{fault:?}"),
        Action::Report { report, .. } => {
            let text = format!("{report:?}");
            text.split([' ', '(']).next().unwrap_or_default().to_string()
        }
        other => panic!("an instance asks for no such thing: {other:?}"),
    }
}

impl Bench {
    fn start(config: config::Instance) -> Bench {
        let now = Instant::from_nanos(1_000_000_000_000);
        let mut b = Bench { instance: Instance::new(config), now, out: vec![] };
        b.ground(Some(ORIGIN), &[]);
        b
    }

    fn ground(&mut self, origin: Option<Origin>, faults: &[Fault]) {
        self.set_ground(origin, faults, false);
    }

    fn set_ground(&mut self, origin: Option<Origin>, faults: &[Fault], inherits: bool) {
        let leads = self.instance.priority().effective() == PRIORITY_OWNER;
        let faults = faults.iter().cloned().collect();
        let ground = Ground { origin, faults, inherits, begin: self.now, leads };
        self.instance.set_ground(self.now, ground, |_| None, &mut self.out);
    }

    fn master(config: config::Instance) -> Bench {
        let mut b = Bench::start(config);
        b.run(b.instance.next_timeout().unwrap() - b.now);
        assert_eq!(b.instance.state(), StateKind::Master);
        b.done();
        b
    }

    /// Lets time pass, stopping at every deadline.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.instance.next_timeout().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.instance.handle_timeout(self.now, self.now, &mut self.out);
        }
        self.now = end;
    }

    fn hear(&mut self, source: IpAddr, priority: u8) -> Result<(), Discard> {
        self.hear_with(source, priority, |_| {})
    }

    fn hear_with(
        &mut self,
        source: IpAddr,
        priority: u8,
        change: impl FnOnce(&mut Advert),
    ) -> Result<(), Discard> {
        match self.hear_from(source, priority, change) {
            Ok(()) => Ok(()),
            Err(Refused::Discarded(reason)) => Err(reason),
            Err(Refused::Malformed(error)) => panic!("{error}"),
        }
    }

    fn hear_from(
        &mut self,
        source: IpAddr,
        priority: u8,
        change: impl FnOnce(&mut Advert),
    ) -> Result<(), Refused> {
        let mut advert = self.instance.own_advert(priority);
        change(&mut advert);
        let destination = self.instance.group().unwrap_or(ORIGIN.source);
        self.take(source, advert.encode(source, destination))
    }

    /// What it says itself comes from there, with other bytes.
    fn hear_bytes(&mut self, source: IpAddr, change: impl FnOnce(&mut [u8])) -> Result<(), Refused> {
        let destination = self.instance.group().unwrap_or(ORIGIN.source);
        let mut bytes = self.instance.own_advert(100).encode(source, destination);
        change(&mut bytes);
        self.take(source, bytes)
    }

    fn take(&mut self, source: IpAddr, bytes: Vec<u8>) -> Result<(), Refused> {
        let destination = self.instance.group().unwrap_or(ORIGIN.source);
        let received = Received::on(IfIndex(2), source, destination, 255, bytes);
        self.instance.packet(self.now, &received, &mut self.out).map(drop)
    }

    fn done(&mut self) -> Vec<String> {
        let passed_over = |a: &Action| matches!(a, Action::Notify(_) | Action::Probe { .. });
        self.out.drain(..).filter(|a| !passed_over(a)).map(|a| short(&a)).collect()
    }

    /// What a reload has changed.
    fn changed(&self) -> &str {
        let changed = self.out.iter().find_map(|action| match action {
            Action::Report { report: Report::Reloaded(Reloaded::Changed(what)), .. } => Some(&**what),
            _ => None,
        });
        changed.expect("a reload")
    }

    fn done_is(&mut self, expected: &[&str]) {
        assert_eq!(self.done(), expected);
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn starts_as_backup_and_takes_over_after_the_master_down_interval() {
    let mut b = Bench::start(config(150));
    b.done_is(&["Backup", "apply 2"]);
    // 3 s and (256 - 150) / 256 s.
    assert_eq!(b.instance.next_timeout(), Some(b.now + Duration::from_nanos(3_414_062_500)));
    b.run(ms(3414));
    b.done_is(&[]);
    b.run(ms(1));
    b.done_is(&["MasterDown", "advert 150", "Master", "apply 2", "announce 2 x5"]);
    b.run(ms(4990));
    b.done_is(&["advert 150"; 4]);
    b.run(ms(10));
    // garp_master_delay ran out together with the fifth advert.
    b.done_is(&["advert 150", "announce 2 x5"]);
    b.run(ms(20_000));
    b.done_is(&["advert 150"; 20]);
}

#[test]
fn state_master_waits_like_any_other_and_the_owner_does_not() {
    let b = Bench::start(config::Instance { state: InitialState::Master, ..config(150) });
    assert_eq!(b.instance.state(), StateKind::Backup);
    let mut b = Bench::start(config(255));
    b.done_is(&["advert 255", "Master", "apply 2", "announce 2 x5"]);
}

#[test]
fn a_better_or_equal_master_is_respected_and_its_silence_counted_from_its_last_advert() {
    let mut b = Bench::start(config(150));
    for priority in [150, 200, 255] {
        b.run(ms(3000));
        assert_eq!(b.hear(LOWER, priority), Ok(()));
    }
    b.run(ms(3414));
    assert_eq!(b.instance.state(), StateKind::Backup);
    b.run(ms(1));
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn a_lower_priority_does_not_hold_the_timer() {
    let mut b = Bench::start(config(150));
    b.done();
    for _ in 0..3 {
        b.run(ms(1000));
        assert_eq!(b.hear(HIGHER, 100), Ok(()));
    }
    b.done_is(&["LowerPriority"; 3]);
    b.run(ms(415));
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn nopreempt_leaves_a_lower_master_alone_until_it_is_gone() {
    let mut b = Bench::start(config::Instance { nopreempt: true, ..config(150) });
    for _ in 0..10 {
        b.run(ms(1000));
        assert_eq!(b.hear(LOWER, 100), Ok(()));
    }
    assert_eq!(b.instance.state(), StateKind::Backup);
    b.run(ms(3415));
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn preempt_delay_runs_from_the_first_lower_advert_and_starts_anew_after_a_better_one() {
    let mut b = Bench::start(config::Instance { preempt_delay: ms(5000), ..config(150) });
    b.done();
    let hear = |b: &mut Bench, priority| {
        b.run(ms(1000));
        assert_eq!(b.hear(LOWER, priority), Ok(()));
    };
    for priority in [100, 100, 200, 100, 100, 100, 100, 100] {
        hear(&mut b, priority);
    }
    b.done_is(&["PreemptDelayed", "PreemptDelayed"]);
    hear(&mut b, 100);
    b.done_is(&["LowerPriority"]);
    b.run(ms(2500));
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn a_preempt_delay_that_runs_is_that_of_the_last_configuration() {
    let with_delay = |delay| config::Instance { preempt_delay: ms(delay), ..config(150) };
    let mut b = Bench::start(with_delay(100_000));
    let hear = |b: &mut Bench| {
        b.run(ms(1000));
        assert_eq!(b.hear(LOWER, 100), Ok(()));
    };
    (0..4).for_each(|_| hear(&mut b));
    let (now, mut out) = (b.now, Vec::new());
    b.instance.reconfigure(now, with_delay(5000), &mut out);
    hear(&mut b);
    assert_eq!(b.instance.state(), StateKind::Backup);
    (0..4).for_each(|_| hear(&mut b));
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn a_leaving_master_is_followed_after_the_skew_time() {
    for (config, skew) in [(config(100), 609_375_000), (v3(100, 100), 60_937_500)] {
        let mut b = Bench::start(config);
        assert_eq!(b.hear(LOWER, 0), Ok(()));
        assert_eq!(b.instance.next_timeout(), Some(b.now + Duration::from_nanos(skew)));
        assert_eq!(b.instance.stats().seldom.priority_zero_received, 1);
    }
}

#[test]
fn a_version_3_backup_lives_by_the_masters_interval_and_a_master_by_its_own() {
    let mut b = Bench::start(v3(100, 1000));
    b.done();
    let twenty = |advert: &mut Advert| advert.body = Body::V3 { interval: Centis(20) };
    assert_eq!(b.hear_with(LOWER, 200, twenty), Ok(()));
    b.done_is(&["IntervalLearnt"]);
    // 3 × 0.2 s and 156 / 256 × 0.2 s.
    assert_eq!(b.instance.next_timeout(), Some(b.now + Duration::from_nanos(721_875_000)));
    b.run(ms(722));
    assert_eq!(b.instance.state(), StateKind::Master);
    b.done();
    b.run(ms(999));
    b.done_is(&[]);
    b.run(ms(1));
    b.done_is(&["advert 100"]);
}

#[test]
fn a_master_yields_to_a_higher_priority_or_an_equal_one_with_a_higher_address() {
    for (source, priority, yields) in
        [(LOWER, 151, true), (HIGHER, 150, true), (LOWER, 150, false), (HIGHER, 149, false)]
    {
        let mut b = Bench::master(config(150));
        assert_eq!(b.hear(source, priority), Ok(()));
        if yields {
            b.done_is(&["HigherPriority", "Backup", "apply 2"]);
            assert_eq!(b.instance.next_timeout(), Some(b.now + b.instance.master_down_interval()));
            assert_eq!(b.instance.stats().seldom.released_master, 1);
        } else {
            b.done_is(&["advert 150", "LowerPriority", "announce 2 x5"]);
        }
    }
}

#[test]
fn a_master_that_hears_a_leaving_one_speaks_up() {
    let mut b = Bench::master(config(150));
    b.run(ms(300));
    assert_eq!(b.hear(HIGHER, 0), Ok(()));
    b.done_is(&["advert 150", "PriorityZeroReceived"]);
    // The next one follows a whole interval later.
    b.run(ms(999));
    b.done_is(&[]);
    b.run(ms(1));
    b.done_is(&["advert 150"]);
}

#[test]
fn a_lower_priority_is_answered_once_more_after_its_delay() {
    let mut b = Bench::master(config(150));
    b.run(ms(6000));
    b.done();
    assert_eq!(b.hear(LOWER, 100), Ok(()));
    b.run(ms(4990));
    assert_eq!(b.hear(LOWER, 100), Ok(()));
    b.done();
    b.run(ms(10));
    b.done_is(&["announce 2 x5"]);
}

#[test]
fn refresh_repeats_the_announcement() {
    let garp = Garp { refresh: ms(10_000), refresh_repeat: 2, master_delay: ms(0), ..Garp::default() };
    let mut b = Bench::master(config::Instance { garp: garp.into(), ..config(150) });
    b.run(ms(20_500));
    let announced: Vec<String> = b.done().into_iter().filter(|a| !a.starts_with("advert")).collect();
    assert_eq!(announced, ["announce 2 x2", "announce 2 x2"]);
}

#[test]
fn refused_adverts_are_counted_by_reason_and_change_nothing() {
    let mut b = Bench::start(config(100));
    b.done();
    let before = b.instance.clone();
    let body = |auth, interval| move |a: &mut Advert| a.body = Body::V2 { interval: Secs(interval), auth };
    let pass = Authentication::Pass(*b"himitsu\0");
    let differ = |unknown| Difference { missing: Some(address("10.0.0.100/24").net.address), unknown };
    let refused = [
        (b.hear(ORIGIN.source, 200), Discard::OwnPacket),
        (b.hear_with(LOWER, 200, body(Authentication::None, 1)), Discard::AuthType { ours: 1, theirs: 0 }),
        (
            b.hear_with(LOWER, 200, body(Authentication::Other(2), 1)),
            Discard::AuthType { ours: 1, theirs: 2 },
        ),
        (b.hear_with(LOWER, 200, body(Authentication::Pass(*b"himitsuX"), 1)), Discard::AuthFailure),
        (b.hear_with(LOWER, 200, body(pass, 2)), Discard::Interval { ours: ms(1000), theirs: ms(2000) }),
        (
            b.hear_with(LOWER, 200, |a| a.body = Body::V3 { interval: Centis(100) }),
            Discard::Version { ours: 2, theirs: 3 },
        ),
        (
            b.hear_with(LOWER, 200, |a| a.addresses = [LOWER].into()),
            Discard::Addresses { difference: differ(Some(LOWER)), ours: 1, theirs: 1 },
        ),
        (
            b.hear_with(LOWER, 200, |a| a.addresses = [].into()),
            Discard::Addresses { difference: differ(None), ours: 1, theirs: 0 },
        ),
        // RFC 3768 §7.1 would believe the owner.
        (
            b.hear_with(LOWER, PRIORITY_OWNER, |a| a.addresses = [LOWER].into()),
            Discard::Addresses { difference: differ(Some(LOWER)), ours: 1, theirs: 1 },
        ),
    ];
    for (got, reason) in &refused {
        assert_eq!(*got, Err(*reason));
    }
    // The first that is configured otherwise.
    b.done_is(&["Split"]);
    assert_eq!(b.instance.stats().discarded.total(), refused.len() as u64);
    b.instance.stats = before.stats.clone();
    b.instance.split = before.split.clone();
    assert_eq!(b.instance, before);
}

#[test]
fn a_flood_of_lower_adverts_gets_few_answers() {
    let mut b = Bench::master(config(150));
    b.run(ms(300));
    for _ in 0..5000 {
        assert_eq!(b.hear(LOWER, 100), Ok(()));
        b.run(ms(1));
    }
    let done = b.done();
    let count = |what: &str| done.iter().filter(|action| action.starts_with(what)).count();
    assert!((5..=21).contains(&count("advert")), "{} adverts in 5 s", count("advert"));
    assert!(count("announce") <= 8, "{} announcements in 5 s", count("announce"));
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn what_came_during_a_pause_is_answered_by_the_advert_that_is_due() {
    let mut b = Bench::master(config(150));
    b.run(ms(300));
    b.done();
    for _ in 0..50 {
        b.now += ms(1000);
        assert_eq!(b.hear(LOWER, 100), Ok(()));
    }
    let adverts = |b: &mut Bench| b.done().iter().filter(|action| action.starts_with("advert")).count();
    assert_eq!(adverts(&mut b), 0);
    b.run(ms(0));
    assert_eq!(adverts(&mut b), 1);
}

#[test]
fn masters_that_teach_a_short_interval_and_vanish_are_not_followed_for_ever() {
    let mut b = Bench::master(v3(100, 1000));
    let ten = |advert: &mut Advert| advert.body = Body::V3 { interval: Centis(1) };
    let mut masters = 0;
    for _ in 0..100 {
        if b.instance.state() == StateKind::Master {
            masters += 1;
            assert_eq!(b.hear_with(LOWER, 254, ten), Ok(()));
        }
        b.run(ms(50));
    }
    // keepalived: 101 in 5 s.
    assert!(masters <= 6, "{masters} times master in 5 s");
    assert_eq!(b.instance.stats().seldom.masters_vanished, 1);
    // A master that stays is followed by its own interval all the same, after the minute.
    b.run(ms(61_000));
    assert_eq!(b.hear_with(LOWER, 254, ten), Ok(()));
    assert_eq!(b.instance.next_timeout(), Some(b.now + b.instance.master_down_interval()));
    assert!(b.instance.master_down_interval() < ms(50));
}

#[test]
fn what_does_not_fit_into_an_advert_is_set_but_not_advertised() {
    let addresses: Vec<_> = (0..255).map(|n| address(&format!("10.0.7.{n}/32"))).collect();
    let mut b = Bench::start(config::Instance { addresses, ..config(150) });
    // 1000 bytes: 14 of Ethernet, 20 of IP, 8 of header, 8 of authentication, 237 addresses and a rest of 2.
    b.done();
    b.ground(Some(Origin { mtu: 1000, ..ORIGIN }), &[]);
    b.done_is(&["AdvertTooLong"]);
    let advert = b.instance.own_advert(150);
    assert_eq!(advert.addresses.len(), 237);
    assert_eq!(advert.encode(ORIGIN.source, LOWER).len(), 1000 - 14 - 20 - 2);
    assert_eq!(b.hear(LOWER, 200), Ok(()), "a peer that reckons the same way is understood");
    b.run(ms(4000));
    assert!(b.done().contains(&"apply 256".to_owned()));
    b.ground(Some(Origin { mtu: 9000, ..ORIGIN }), &[]);
    assert_eq!(b.instance.own_advert(150).addresses.len(), 255);
}

#[test]
fn keywords_of_others_adverts_have_their_effect() {
    let with = |priority, policy| Bench::master(config::Instance { policy, ..v3(priority, 1000) });
    let policy = config::Policy::default();
    let mut b = with(150, config::Policy { lower_prio_no_advert: true, ..policy });
    assert_eq!(b.hear(LOWER, 100), Ok(()));
    b.done_is(&["LowerPriority", "announce 2 x5"]);
    let mut b = with(150, config::Policy { higher_prio_send_advert: true, ..policy });
    assert_eq!(b.hear(HIGHER, 200), Ok(()));
    b.done_is(&["advert 150", "HigherPriority", "Backup", "apply 2"]);
    let mut b = with(255, config::Policy { owner_ignore_adverts: true, ..policy });
    assert_eq!(b.hear(HIGHER, 255), Err(Discard::OwnerIgnores));
    assert_eq!(b.instance.stats().discarded.owner_ignores, 1);
    b.done_is(&[]);
    let down_timer_adverts = 7;
    let b = Bench::start(config::Instance {
        policy: config::Policy { down_timer_adverts, ..policy },
        ..v3(128, 1000)
    });
    assert_eq!(b.instance.next_timeout(), Some(b.now + ms(7500)));
}

#[test]
fn a_reload_changes_what_changed_and_keeps_the_master() {
    let mut b = Bench::master(config(150));
    b.run(ms(500));
    let schedule = b.instance.next_timeout();
    b.instance.reconfigure(b.now, config(150), &mut b.out);
    b.done_is(&[]);
    assert_eq!(b.instance.next_timeout(), schedule);
    b.instance.reconfigure(b.now, config(120), &mut b.out);
    assert_eq!(b.changed(), "priority 150 to 120");
    b.done_is(&["Reloaded", "advert 120"]);
    let addresses = vec![address("10.0.0.100/24"), address("10.0.0.101/24")];
    let new = config::Instance { addresses, excluded: vec![].into(), ..config(120) };
    assert_eq!(b.instance.reconfigure(b.now, new, &mut b.out), [], "none is to be set anew");
    assert_eq!(b.changed(), "without 10.0.1.100/24, with 10.0.0.101/24");
    b.done_is(&["Reloaded", "apply 1", "advert 120", "apply 1", "announce 1 x5"]);
    let renamed = config::Instance { name: "OTHER".into(), ..b.instance.config().clone() };
    let (addresses, excluded) = (vec![address("10.0.0.100/24"), address("10.0.0.101/24")], vec![]);
    b.instance.reconfigure(
        b.now,
        config::Instance { addresses, excluded: excluded.into(), ..renamed },
        &mut b.out,
    );
    b.done_is(&["Renamed", "advert 120"]);
    let nopreempt = config::Instance { nopreempt: true, ..config(110) };
    b.instance.reconfigure(b.now, nopreempt, &mut b.out);
    let expected = "priority 120 to 110, without 10.0.0.101/24, with 10.0.1.100/24, other settings";
    assert_eq!(b.changed(), expected);
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn a_reload_of_a_backup_keeps_its_watch() {
    let mut b = Bench::start(config(150));
    b.done();
    let deadline = b.instance.next_timeout();
    b.run(ms(500));
    b.instance.reconfigure(b.now, config(200), &mut b.out);
    assert_eq!(b.instance.next_timeout(), deadline);
    let advert_int = ms(2000);
    b.instance.reconfigure(b.now, config::Instance { advert_int, ..config(200) }, &mut b.out);
    assert_eq!(b.instance.next_timeout(), Some(b.now + ms(6000) + Duration::from_nanos(218_750_000)));
    b.done_is(&["Reloaded", "Reloaded"]);
    b.instance.reconfigure(b.now, config(255), &mut b.out);
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn as_many_addresses_stay_in_adverts_as_fitted_at_first() {
    let addresses = (0..254).map(|n| address(&format!("10.0.7.{n}/32"))).collect();
    let many = config::Instance { addresses, ..config(150) };
    let with_mtu = |mtu| Some(Origin { mtu, ..ORIGIN });
    for (first, later) in
        [(1000, [(1500, 237), (576, 131), (1000, 237)]), (1500, [(1000, 237), (1500, 254), (9000, 254)])]
    {
        let mut b = Bench { instance: Instance::new(many.clone()), now: Instant::from_nanos(1), out: vec![] };
        b.ground(with_mtu(first), &[]);
        for (mtu, advertised) in later {
            b.ground(with_mtu(mtu), &[]);
            assert_eq!(b.instance.own_advert(150).addresses.len(), advertised, "{first}, then {mtu}");
        }
        let more = config::Instance { priority: 151, ..many.clone() };
        b.ground(with_mtu(1500), &[]);
        b.instance.reconfigure(b.now, more, &mut b.out);
        assert_eq!(b.instance.own_advert(151).addresses.len(), 254, "a reload looks anew");
    }
}

#[test]
fn a_master_that_said_the_right_addresses_once_is_believed() {
    let addresses = |a: &mut Advert| a.addresses = [IpAddr::from([10, 0, 0, 99])].into();
    for skip in [true, false] {
        let mut config = config(100);
        config.policy.skip_check_adv_addr = skip;
        let mut b = Bench::start(config);
        let (peer, other) = (IpAddr::from([10, 0, 0, 9]), IpAddr::from([10, 0, 0, 8]));
        assert!(b.hear_with(peer, 200, addresses).is_err(), "not before it said the right ones");
        b.hear(peer, 200).unwrap();
        assert_eq!(b.hear_with(peer, 200, addresses).is_ok(), skip);
        assert!(b.hear_with(other, 200, addresses).is_err());
    }
}

#[test]
fn an_advert_without_addresses_is_ignored() {
    let mut b = Bench::start(config(100));
    let before = b.instance.next_timeout();
    b.now += Duration::from_secs(1);
    let refused = b.hear_with(IpAddr::from([10, 0, 0, 9]), 200, |a| a.addresses = [].into());
    assert!(matches!(refused, Err(Discard::Addresses { ours: 1, theirs: 0, .. })), "{refused:?}");
    assert_eq!(b.instance.next_timeout(), before);
}
