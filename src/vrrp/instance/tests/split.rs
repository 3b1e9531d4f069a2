//! Split brain: what is told of it, when, and how often.

use super::*;
use crate::net::MacAddr;
use crate::vrrp::event::Sign;

const FOREIGN: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

fn asking(priority: u8) -> config::Instance {
    let notify = config::Notify { split_brain: true, ..config::Notify::default() };
    config::Instance { notify: notify.into(), ..config(priority) }
}

/// A master for so long that no other may be left.
fn settled(config: config::Instance) -> Bench {
    let mut b = Bench::master(config);
    b.run(ms(4000));
    b.out.clear();
    b
}

impl Bench {
    /// What was told of splits, announced and asked, and to whom.
    fn split(&mut self) -> Vec<String> {
        let told = |action: Action| match action {
            Action::Report { report: Report::Split(sign), .. } => Some(format!("split: {}", sign.who())),
            Action::Report { report: Report::SplitOver(sign), .. } => Some(format!("over: {}", sign.who())),
            Action::Announce { rounds, .. } => Some(format!("announce x{rounds}")),
            Action::Probe { addresses, .. } => Some(format!("ask {}", addresses.len())),
            Action::Notify(notice) if matches!(notice.news, News::SplitBrain | News::SplitOver) => {
                Some(notice.word().to_owned())
            }
            _ => None,
        };
        self.out.drain(..).filter_map(told).collect()
    }

    /// Another router speaks once a second.
    fn hears_for(&mut self, seconds: usize, source: IpAddr, priority: u8) {
        for _ in 0..seconds {
            self.run(ms(1000));
            self.hear(source, priority).unwrap();
        }
    }

    fn claim(&mut self, mac: MacAddr) {
        let address = [10, 0, 0, 100].into();
        self.instance.hear_claim(self.now, &"eth0".into(), address, mac, &mut self.out);
    }

    fn hear_stranger(&mut self, source: IpAddr) -> Result<(), Discard> {
        let auth = Authentication::Pass(*b"other\0\0\0");
        self.hear_with(source, 100, |advert| advert.body = Body::V2 { interval: Secs(1), auth })
    }
}

#[test]
fn a_lower_master_that_does_not_yield_is_told_of_once_and_its_end_is_announced() {
    let mut b = settled(asking(150));
    b.hears_for(4, LOWER, 100);
    assert_eq!(b.split().iter().filter(|told| told.contains("split")).count(), 0, "it may be about to yield");
    b.hears_for(30, LOWER, 100);
    let mut told = b.split();
    told.retain(|told| !told.starts_with("announce"));
    assert_eq!(told, ["split: 10.0.0.1", "SPLIT_BRAIN"]);
    b.run(ms(6000));
    b.out.clear();
    b.run(ms(1000));
    assert_eq!(b.split(), ["ask 2"], "it may be deaf");
    b.run(ms(1000));
    assert_eq!(b.split(), ["over: 10.0.0.1", "announce x5", "SPLIT_BRAIN_OVER"]);
    assert_eq!(b.instance.stats().seldom.splits, 1);
    // It had healed: the next one is another one. Who says that it leaves has left.
    b.hears_for(5, LOWER, 100);
    assert!(b.split().contains(&"split: 10.0.0.1".to_owned()));
    b.hear(LOWER, 0).unwrap();
    assert_eq!(b.split(), ["over: 10.0.0.1", "announce x5", "SPLIT_BRAIN_OVER"]);
    assert_eq!(b.instance.stats().seldom.splits, 2);
}

#[test]
fn an_election_is_no_split() {
    let mut b = settled(asking(150));
    for _ in 0..5 {
        // A network that was parted is whole again: the other yields at the answer, or at the next advert.
        b.hears_for(2, LOWER, 100);
        b.run(ms(10_000));
    }
    assert_eq!(b.instance.stats().seldom.splits, 0);
    // A backup hears of masters that it replaces, or respects.
    let mut b = Bench::start(config::Instance { nopreempt: true, ..asking(150) });
    b.hears_for(20, LOWER, 100);
    assert_eq!(b.split(), Vec::<String>::new());
}

#[test]
fn nobody_asks_who_does_not_want_to_hear() {
    let mut b = settled(config(150));
    b.hears_for(10, LOWER, 100);
    b.run(ms(10_000));
    let told = b.split();
    assert!(told.contains(&"split: 10.0.0.1".to_owned()) && told.contains(&"over: 10.0.0.1".to_owned()));
    assert!(!told.iter().any(|told| told.starts_with("SPLIT")), "{told:?}");
}

/// `vrrp_notify_split_brain`
#[test]
fn others_are_told_of_a_split_brain_if_they_asked() {
    let mut b = settled(asking(150));
    b.hears_for(10, LOWER, 100);
    b.run(ms(10_000));
    let told: Vec<String> = b.split().into_iter().filter(|told| told.starts_with("SPLIT")).collect();
    assert_eq!(told, ["SPLIT_BRAIN", "SPLIT_BRAIN_OVER"]);
}

#[test]
fn a_master_that_is_not_believed_is_told_of_once_it_must_be_one_beside_this_one() {
    let mut b = Bench::start(asking(150));
    b.out.clear();
    for _ in 0..3 {
        b.run(ms(1000));
        assert_eq!(b.hear_stranger(LOWER), Err(Discard::AuthFailure));
    }
    assert_eq!(b.split(), Vec::<String>::new(), "it is the only master");
    for _ in 0..20 {
        b.run(ms(1000));
        let _ = b.hear_stranger(LOWER);
    }
    assert_eq!(b.split(), ["announce x5", "ask 2", "split: 10.0.0.1", "SPLIT_BRAIN", "announce x5"]);
    assert!(b.instance.has_told_of(LOWER, Discard::AuthFailure));
    assert!(!b.instance.has_told_of(LOWER, Discard::Ttl(3)));
    // Its password is put right: it is believed, and beats this one.
    assert_eq!(b.hear(LOWER, 200), Ok(()));
    assert_eq!(b.split(), ["over: 10.0.0.1", "announce x5", "SPLIT_BRAIN_OVER"]);
    assert_eq!(b.instance.state(), StateKind::Backup);
}

/// Its checksum may be of a kind that is not known here.
#[test]
fn a_master_whose_checksum_is_wrong_is_told_of_as_one_that_is_not_believed() {
    let mut b = settled(asking(150));
    for _ in 0..5 {
        b.run(ms(1000));
        assert_eq!(b.hear_bytes(LOWER, |bytes| bytes[6] ^= 1), Err(Refused::Discarded(Discard::Checksum)));
    }
    let mut told = b.split();
    told.retain(|told| !told.starts_with("announce"));
    assert_eq!(told, ["split: 10.0.0.1", "SPLIT_BRAIN"]);
    assert_eq!(b.instance.stats().discarded.checksum, 5);
    // What is no advert at all is none of a master.
    for _ in 0..5 {
        b.run(ms(1000));
        let refused = b.hear_bytes(HIGHER, |bytes| bytes[0] = 0x2f);
        assert!(matches!(refused, Err(Refused::Malformed(_))), "{refused:?}");
    }
    assert!(!b.split().iter().any(|told| told.contains("split")));
}

/// Both are given the same version, one after the other: the first hears that and yields, and is silent from then on.
#[test]
fn a_reload_in_a_split_brain_announces_the_addresses() {
    let announces = |b: &mut Bench| b.split().iter().filter(|told| told.starts_with("announce")).count();
    let v3 = |priority| config::Instance { version: Version::V3, auth: None, ..asking(priority) };
    let mut b = settled(config::Instance { auth: None, ..asking(150) });
    b.instance.reconfigure(b.now, config::Instance { auth: None, ..asking(151) }, &mut b.out);
    assert_eq!(announces(&mut b), 0, "nobody else was master");
    let body = Body::V3 { interval: Centis(100) };
    let _ = b.hear_with(LOWER, 100, |advert| advert.body = body);
    assert!(b.split().contains(&"split: 10.0.0.1".to_owned()));
    b.instance.reconfigure(b.now, v3(151), &mut b.out);
    assert_eq!(announces(&mut b), 1);
}

#[test]
fn one_advert_tells_that_the_other_is_configured_otherwise() {
    let mut b = Bench::start(asking(150));
    let other =
        |b: &mut Bench| b.hear_with(LOWER, 200, |advert| advert.addresses = [[10, 0, 0, 7].into()].into());
    b.run(ms(1000));
    b.out.clear();
    assert!(matches!(other(&mut b), Err(Discard::Addresses { .. })));
    let sign = b.out.iter().find_map(|action| match action {
        Action::Report { report: Report::Split(sign), .. } => Some(sign.to_string()),
        _ => None,
    });
    let expected = "10.0.0.1 advertises as master, and is not believed: this router will become master beside it: the \
                    addresses differ from those configured here: 10.0.0.100 is missing in it, 10.0.0.7 is not configured \
                    here (ours 1, received 1)";
    assert_eq!(sign.as_deref(), Some(expected), "a backup holds nothing");
    assert_eq!(b.split(), ["split: 10.0.0.1", "SPLIT_BRAIN"]);
    let mut signs = Vec::new();
    for _ in 0..20 {
        b.run(ms(1000));
        let _ = other(&mut b);
        signs.extend(b.out.iter().filter_map(|action| match action {
            Action::Report { report: Report::Split(sign), .. } => Some(sign.to_string()),
            _ => None,
        }));
        b.split();
    }
    assert_eq!(b.instance.state(), StateKind::Master);
    assert_eq!(signs.len(), 1, "once more is enough: {signs:?}");
    assert!(
        signs[0].starts_with("10.0.0.1 advertises as master too, and is not believed: the addr"),
        "{signs:?}"
    );
    assert_eq!(b.instance.stats().seldom.splits, 1);
    b.run(ms(10_000));
    assert_eq!(b.split(), ["ask 2", "over: 10.0.0.1", "announce x5", "SPLIT_BRAIN_OVER"]);
    // An interval that differs is the longer one's to be waited for.
    let slow = |advert: &mut Advert| {
        advert.body = Body::V2 { interval: Secs(20), auth: Authentication::Pass(*b"himitsu\0") };
    };
    for _ in 0..10 {
        b.run(ms(20_000));
        assert!(matches!(b.hear_with(LOWER, 200, slow), Err(Discard::Interval { .. })));
    }
    let told = b.split();
    assert_eq!(told.iter().filter(|told| told.starts_with("split")).count(), 1, "{told:?}");
}

#[test]
fn what_comes_from_afar_from_this_host_or_twice_is_no_sign() {
    let mut b = settled(asking(150));
    for _ in 0..20 {
        b.run(ms(1000));
        assert_eq!(b.hear(ORIGIN.source, 100), Err(Discard::OwnPacket));
    }
    assert_eq!(b.split().iter().filter(|told| told.contains("split")).count(), 0);
}

#[test]
fn who_claims_an_address_of_a_settled_master_is_told_of_once_asked_again_and_its_end_announced() {
    let mut b = Bench::master(asking(150));
    // The former master has not heard of it yet.
    b.claim(FOREIGN);
    b.run(ms(3500));
    assert_eq!(b.split(), ["ask 2"]);
    assert_eq!(b.instance.stats().seldom.foreign_claims, 0);
    b.run(ms(3000));
    b.out.clear();
    b.claim(FOREIGN);
    b.claim(FOREIGN);
    assert_eq!(b.split(), ["split: 02:00:00:00:00:09", "SPLIT_BRAIN"]);
    assert_eq!((b.instance.stats().seldom.splits, b.instance.stats().seldom.foreign_claims), (1, 2));
    for _ in 0..5 {
        b.run(ms(10_000));
        assert_eq!(b.split(), ["ask 1"]);
        b.claim(FOREIGN);
    }
    // Three lost answers are not the end.
    b.run(ms(12_000));
    assert_eq!(b.split(), ["ask 1"; 3]);
    b.claim(FOREIGN);
    b.run(ms(13_500));
    assert_eq!(b.split(), ["ask 1"; 4]);
    b.run(ms(1000));
    assert_eq!(b.split(), ["over: 02:00:00:00:00:09", "announce x5", "SPLIT_BRAIN_OVER"]);
}

/// keepalived 2.2.7 sends nothing as long as it hears adverts that it refuses, and keeps the addresses.
#[test]
fn a_master_that_falls_silent_is_one_for_as_long_as_a_host_answers_for_the_addresses() {
    let other = |b: &mut Bench| {
        let _ = b.hear_with(LOWER, 200, |advert| advert.addresses = [[10, 0, 0, 7].into()].into());
    };
    let over =
        ["over: 02:00:00:00:00:09", "announce x5", "over: 10.0.0.1", "announce x5", "SPLIT_BRAIN_OVER"];
    // It has announced an address, or answers when it has fallen silent.
    for announces in [true, false] {
        let mut b = settled(asking(150));
        other(&mut b);
        if announces {
            b.claim(FOREIGN);
        }
        for _ in 0..60 {
            b.run(ms(1000));
            if b.out.iter().any(|action| matches!(action, Action::Probe { .. })) {
                b.claim(FOREIGN);
            }
            assert!(!b.split().iter().any(|told| told.starts_with("over") || told.ends_with("OVER")));
        }
        // It speaks once more, and is the same trouble.
        other(&mut b);
        assert_eq!(b.split(), Vec::<String>::new());
        b.run(ms(30_000));
        let mut told = b.split();
        told.retain(|told| !told.starts_with("ask"));
        assert_eq!(told, over, "announces: {announces}");
    }
}

/// Each deadline is one at which something happens, also when the configuration changes meanwhile.
#[test]
fn waiting_for_an_answer_is_no_busy_loop() {
    let mut b = settled(asking(150));
    b.hears_for(10, LOWER, 100);
    b.run(ms(7000));
    assert!(b.split().contains(&"ask 2".to_owned()));
    let mut patient = asking(150);
    patient.policy.down_timer_adverts = 10;
    b.instance.reconfigure(b.now, patient, &mut b.out);
    for _ in 0..100 {
        let Some(at) = b.instance.next_timeout() else { break };
        assert!(at > b.now, "nothing is left to do at {at:?}");
        b.run(at.saturating_since(b.now));
    }
    assert!(b.split().contains(&"over: 10.0.0.1".to_owned()));
}

#[test]
fn one_that_is_no_master_any_more_has_no_other_beside_it() {
    let mut b = settled(asking(150));
    b.claim(FOREIGN);
    b.hears_for(5, LOWER, 100);
    b.out.clear();
    b.hear(HIGHER, 200).unwrap();
    assert_eq!(b.split(), ["over: 10.0.0.1", "over: 02:00:00:00:00:09", "SPLIT_BRAIN_OVER"]);
    b.claim(FOREIGN);
    b.hears_for(100, HIGHER, 200);
    assert_eq!(b.split(), Vec::<String>::new(), "it is the master's address");
}

#[test]
fn forged_senders_cost_a_few_places_and_lines() {
    let mut b = settled(asking(150));
    for n in 0..5000_u32 {
        let source = Ipv4Addr::from_bits(0x0a00_0100 + n).into();
        let _ = b.hear_stranger(source);
        let _ = b.hear_with(source, 100, |advert| advert.addresses = [].into());
        let [.., x, y] = n.to_be_bytes();
        b.claim(MacAddr([2, 0, 0, 0, x, y]));
        if n % 100 == 0 {
            b.run(ms(100));
        }
    }
    assert!(b.instance.stats().seldom.splits <= 8, "{}", b.instance.stats().seldom.splits);
    assert_eq!(b.instance.stats().seldom.foreign_claims, 5000);
}

#[test]
fn a_sign_names_who_and_what() {
    let claim = Sign::Claim { address: [10, 0, 0, 100].into(), mac: FOREIGN, interface: "eth0".into() };
    assert_eq!(
        claim.to_string(),
        "02:00:00:00:00:09 on eth0 answers for 10.0.0.100, and is none of this host's interfaces"
    );
    let rival = Sign::Rival { source: LOWER, theirs: 100, ours: 150 };
    assert!(
        rival.to_string().starts_with("10.0.0.1 keeps advertising as master with priority 100 (ours 150)")
    );
}
