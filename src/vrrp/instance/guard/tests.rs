//! Which signed adverts are believed, in which order, and what leaves.

use super::*;
use crate::vrrp::config::hmac::Key;
use crate::vrrp::config::{self, Peer, Unicast, Version, VirtualAddress, Vrid};
use crate::vrrp::event::{Action, Datagram, Fault, IfIndex, Packet, StateKind};
use crate::vrrp::instance::{Ground, Origin, Refused};
use crate::vrrp::packet::PRIORITY_STOP;
use std::borrow::Cow;

const EPOCH: Duration = Duration::from_secs(1_700_000_000);
const START: Instant = Instant::from_nanos(1_000_000_000);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn config(priority: u8) -> config::Instance {
    config::Instance {
        priority,
        addresses: vec![VirtualAddress::new("10.0.0.100/24".parse().unwrap(), "eth0")],
        ..config::Instance::new("VI", "eth0", Vrid::new(51).unwrap())
    }
}

fn with_ah(priority: u8) -> config::Instance {
    config::Instance { auth: Some(Auth::Ah(*b"himitsu\0")), ..config(priority) }
}

fn hmac(mode: Mode, anti_replay: AntiReplay) -> Hmac {
    let key = |id: u8| Key { id, secret: Secret::Bytes(vec![id; 32]) };
    Hmac { keys: vec![key(1), key(2)], active_key: 1, anti_replay, mode }
}

const WINDOW: AntiReplay = AntiReplay::Time(Duration::from_secs(5));

fn with_hmac(priority: u8, mode: Mode) -> config::Instance {
    config::Instance { hmac: Some(Box::new(hmac(mode, WINDOW))), ..config(priority) }
}

/// A router on the network.
struct Router {
    instance: Instance,
    source: IpAddr,
    now: Instant,
    out: Actions,
}

impl Router {
    fn new(config: config::Instance, source: &str) -> Router {
        let mut instance = Instance::new(config);
        instance.set_epoch(EPOCH);
        let mut router = Router { instance, source: ip(source), now: START, out: vec![] };
        router.ground(&[]);
        router
    }

    fn ground(&mut self, faults: &[Fault]) {
        let origin =
            Some(Origin { interface: Some(IfIndex(2)), source: self.source, mtu: 1500, ready: true });
        let (faults, begin) = (faults.iter().cloned().collect(), self.now);
        let ground = Ground { origin, faults, inherits: false, begin, leads: false };
        self.instance.set_ground(self.now, ground, |_| None, &mut self.out);
    }

    /// Lets it become master: its adverts, the last one first.
    fn speak(&mut self) -> Packet {
        loop {
            let at = self.instance.next_timeout().unwrap();
            self.now = self.now.max(at);
            self.instance.handle_timeout(self.now, self.now, &mut self.out);
            if let Some(packet) = self.said().pop() {
                return packet;
            }
        }
    }

    fn said(&mut self) -> Vec<Packet> {
        let packets = self.out.drain(..).filter_map(|action| match action {
            Action::Advertise { packet, .. } => Some(packet),
            _ => None,
        });
        packets.collect()
    }

    fn hear(&mut self, packet: &Packet) -> Result<(), Refused> {
        let (source, ttl) = (packet.source, packet.ttl.unwrap_or(TTL));
        let Datagram { destination, bytes } = &packet.copies[0];
        let header = match (source, destination) {
            (IpAddr::V4(s), IpAddr::V4(d)) => ah::ip_header(s, *d, ttl, packet.id, bytes.len()).to_vec(),
            _ => vec![],
        };
        let received = Received {
            interface: packet.interface,
            source,
            destination: *destination,
            ttl,
            protocol: packet.protocol,
            header: Cow::Owned(header),
            payload: Cow::Borrowed(bytes),
        };
        self.instance.packet(self.now, &received, &mut self.out).map(drop)
    }
}

fn refused(reason: Discard) -> Result<(), Refused> {
    Err(Refused::Discarded(reason))
}

#[test]
fn ah_is_believed_once() {
    let (mut one, mut two) = (Router::new(with_ah(150), "10.0.0.1"), Router::new(with_ah(100), "10.0.0.2"));
    let first = one.speak();
    assert_eq!(first.protocol, Protocol::Ah);
    assert_ne!(first.id, 0, "the kernel must not choose it");
    assert_eq!(two.hear(&first), Ok(()));
    let number = two.instance.guard.ah;
    assert!(u64::from(number) >= EPOCH.as_secs(), "{number}");
    assert_eq!(two.hear(&first), refused(Discard::AhReplayed { ours: number, theirs: number }));
    let second = one.speak();
    assert_eq!(two.hear(&second), Ok(()));
    assert_eq!(two.hear(&first), refused(Discard::AhReplayed { ours: number + 1, theirs: number }));
    // A backup that takes over goes on from there.
    let answer = two.speak();
    assert_eq!(one.hear(&answer), Ok(()));
}

#[test]
fn ah_goes_on_from_a_greater_number_and_over_a_restart() {
    let (mut one, mut two) = (Router::new(with_ah(150), "10.0.0.1"), Router::new(with_ah(100), "10.0.0.2"));
    one.instance.guard.ah = u32::MAX - 100;
    two.hear(&one.speak()).unwrap();
    assert_eq!(two.instance.guard.ah, u32::MAX - 99);
    // One that begins anew a minute later.
    let mut one = Router::new(with_ah(150), "10.0.0.1");
    let before = one.speak();
    let mut again = Router::new(with_ah(150), "10.0.0.1");
    again.instance.set_epoch(EPOCH + Duration::from_secs(60));
    let mut three = Router::new(with_ah(90), "10.0.0.3");
    three.hear(&before).unwrap();
    assert_eq!(three.hear(&again.speak()), Ok(()));
}

/// Each would refuse the other's advert for as long as they speak at the same time.
#[test]
fn ah_of_two_masters_that_speak_at_once_is_believed_once() {
    let (mut one, mut two) = (Router::new(with_ah(150), "10.0.0.1"), Router::new(with_ah(100), "10.0.0.2"));
    let (first, second) = (one.speak(), two.speak());
    let number = one.instance.guard.ah;
    assert_eq!(number, two.instance.guard.ah);
    assert_eq!(two.hear(&first), Ok(()));
    assert_eq!(two.instance.state(), StateKind::Backup);
    assert_eq!(one.hear(&second), Ok(()));
    let replayed = refused(Discard::AhReplayed { ours: number, theirs: number });
    assert_eq!((two.hear(&first), one.instance.state()), (replayed, StateKind::Master));
    // One more of the same number comes too late.
    let mut three = Router::new(with_ah(90), "10.0.0.3");
    assert_eq!(two.hear(&three.speak()), replayed);
}

#[test]
fn ah_with_another_password_or_changed_is_refused() {
    let mut other = with_ah(150);
    other.auth = Some(Auth::Ah(*b"geheim\0\0"));
    let (mut one, mut two) = (Router::new(other, "10.0.0.1"), Router::new(with_ah(100), "10.0.0.2"));
    let before = two.instance.guard.clone();
    assert_eq!(two.hear(&one.speak()), refused(Discard::Ah(ah::Unsealed::Digest)));
    assert_eq!(two.instance.stats().discarded.ah, 1);
    let mut one = Router::new(with_ah(150), "10.0.0.1");
    let packet = Packet { source: ip("10.0.0.9"), ..one.speak() };
    assert_eq!(two.hear(&packet), refused(Discard::Ah(ah::Unsealed::Digest)));
    assert_eq!(two.instance.guard.ah, before.ah, "nothing is learnt from what is not signed");
}

#[test]
fn ah_over_unicast_may_come_through_routers() {
    let unicast = |mut config: config::Instance, peer: &str| {
        let peer = Peer { address: ip(peer), min_ttl: 0, max_ttl: 255 };
        config.unicast = Some(Box::new(Unicast { peers: vec![peer], ..Unicast::default() }));
        config
    };
    let mut one = Router::new(unicast(with_ah(150), "10.0.0.2"), "10.0.0.1");
    let mut two = Router::new(unicast(with_ah(100), "10.0.0.1"), "10.0.0.2");
    let packet = Packet { ttl: Some(60), ..one.speak() };
    assert_eq!(two.hear(&packet), Ok(()));
}

#[test]
fn a_reload_keeps_the_numbers() {
    let mut one = Router::new(with_hmac(150, Mode::Enforce), "10.0.0.1");
    let mut two = Router::new(with_hmac(100, Mode::Enforce), "10.0.0.2");
    let packet = one.speak();
    two.hear(&packet).unwrap();
    two.instance.reconfigure(two.now, with_hmac(90, Mode::Enforce), &mut vec![]);
    assert_eq!(two.hear(&packet), refused(Discard::HmacReplayed));
}

/// A reload may put another instance into the place of one, and both speak at the same moment.
#[test]
fn who_takes_the_place_of_another_goes_on_from_its_numbers() {
    for config in [with_ah, |priority| with_hmac(priority, Mode::Enforce)] {
        let mut one = Router::new(config(150), "10.0.0.1");
        let mut two = Router::new(config(100), "10.0.0.2");
        two.hear(&one.speak()).unwrap();
        let mut alone = Router::new(config(150), "10.0.0.1");
        assert!(two.hear(&alone.speak()).is_err(), "the clock shows the same moment");
        let mut heir = Router::new(config(150), "10.0.0.1");
        heir.instance.go_on_from(one.instance.numbers().unwrap());
        assert_eq!(two.hear(&heir.speak()), Ok(()));
    }
}

#[test]
fn signed_adverts_are_believed_once_in_both_families_and_versions() {
    for (version, family) in [(Version::V2, Family::V4), (Version::V3, Family::V4), (Version::V3, Family::V6)]
    {
        let router = |priority, last: u8| {
            let mut config = with_hmac(priority, Mode::Enforce);
            (config.version, config.family) = (version, family);
            if family == Family::V6 {
                config.addresses = vec![VirtualAddress::new("fe80::100/64".parse().unwrap(), "eth0")];
                return Router::new(config, &format!("fe80::{last}"));
            }
            Router::new(config, &format!("10.0.0.{last}"))
        };
        let (mut one, mut two) = (router(150, 1), router(100, 2));
        let packets = [one.speak(), one.speak()];
        for packet in &packets {
            assert_eq!(two.hear(packet), Ok(()), "{version:?} {family:?}");
        }
        for packet in &packets {
            assert_eq!(two.hear(packet), refused(Discard::HmacReplayed));
        }
    }
}

#[test]
fn modes_say_who_signs_and_who_must() {
    use Mode::{Enforce, Permissive, ReceiveOnly};
    let missing = || refused(Discard::HmacMissing);
    // The sender's mode, the receiver's, what becomes of it.
    let cases = [
        (ReceiveOnly, Enforce, missing()),
        (ReceiveOnly, Permissive, Ok(())),
        (ReceiveOnly, ReceiveOnly, Ok(())),
        (Permissive, Enforce, Ok(())),
        (Permissive, ReceiveOnly, Ok(())),
        (Enforce, ReceiveOnly, Ok(())),
    ];
    for (theirs, ours, expected) in cases {
        let mut one = Router::new(with_hmac(150, theirs), "10.0.0.1");
        let mut two = Router::new(with_hmac(100, ours), "10.0.0.2");
        assert_eq!(two.hear(&one.speak()), expected, "{theirs:?} {ours:?}");
    }
    // A wrong signature is refused by all.
    for mode in [Enforce, Permissive, ReceiveOnly] {
        let mut other = with_hmac(150, Enforce);
        other.hmac.as_mut().unwrap().keys[0].secret = Secret::Bytes(vec![9; 32]);
        let mut one = Router::new(other, "10.0.0.1");
        let mut two = Router::new(with_hmac(100, mode), "10.0.0.2");
        assert_eq!(two.hear(&one.speak()), refused(Discard::HmacInvalid));
    }
    // Without auth_hmac what stands behind an advert is too much.
    let mut one = Router::new(with_hmac(150, Enforce), "10.0.0.1");
    let mut two = Router::new(config(100), "10.0.0.2");
    assert!(matches!(two.hear(&one.speak()), Err(Refused::Malformed(DecodeError::Length { .. }))));
}

#[test]
fn keys_change_over_one_after_the_other() {
    let active = |id| {
        let mut config = with_hmac(150, Mode::Enforce);
        config.hmac.as_mut().unwrap().active_key = id;
        config
    };
    let mut two = Router::new(with_hmac(100, Mode::Enforce), "10.0.0.2");
    assert_eq!(two.hear(&Router::new(active(2), "10.0.0.1").speak()), Ok(()));
    let mut unknown = active(1);
    let hmac = unknown.hmac.as_mut().unwrap();
    (hmac.keys[0].id, hmac.active_key) = (3, 3);
    assert_eq!(two.hear(&Router::new(unknown, "10.0.0.1").speak()), refused(Discard::HmacUnknownKey(3)));
}

#[test]
fn an_advert_that_is_too_old_is_refused_and_a_clock_that_drifts_is_told_of_once() {
    let mut one = Router::new(with_hmac(150, Mode::Enforce), "10.0.0.1");
    let mut two = Router::new(with_hmac(100, Mode::Enforce), "10.0.0.2");
    one.speak();
    two.now = one.now;
    for (ahead, expected) in [(2, Ok(())), (4, Ok(())), (5, Ok(()))] {
        two.instance.set_epoch(EPOCH + Duration::from_secs(ahead));
        two.now = one.now + Duration::from_secs(1);
        assert_eq!(two.hear(&one.speak()), expected, "{ahead}");
    }
    let drifts =
        |action: &&Action| matches!(action, Action::Report { report: Report::ClockDrift { .. }, .. });
    assert_eq!(two.out.iter().filter(drifts).count(), 1);
    two.instance.set_epoch(EPOCH + Duration::from_secs(7));
    let stale = two.hear(&one.speak());
    assert!(matches!(stale, Err(Refused::Discarded(Discard::HmacStale { .. }))), "{stale:?}");
    // The other way round, too.
    two.instance.set_epoch(EPOCH - Duration::from_secs(9));
    let stale = two.hear(&one.speak());
    assert!(matches!(stale, Err(Refused::Discarded(Discard::HmacStale { .. }))), "{stale:?}");
}

#[test]
fn monotonic_numbers_grow_though_the_clock_is_set_back() {
    let monotonic = |priority| {
        let hmac = Some(Box::new(hmac(Mode::Enforce, AntiReplay::Monotonic)));
        config::Instance { hmac, ..config(priority) }
    };
    let mut one = Router::new(monotonic(150), "10.0.0.1");
    let mut two = Router::new(monotonic(100), "10.0.0.2");
    assert_eq!(two.hear(&one.speak()), Ok(()));
    one.instance.set_epoch(EPOCH - Duration::from_secs(3600));
    for _ in 0..3 {
        assert_eq!(two.hear(&one.speak()), Ok(()));
    }
    // A restart while the clock is right.
    let mut again = Router::new(monotonic(150), "10.0.0.1");
    again.now = one.now;
    assert_eq!(two.hear(&again.speak()), Ok(()));
}

#[test]
fn a_clock_that_was_set_back_is_followed_where_receivers_look_at_it() {
    let mut one = Router::new(with_hmac(150, Mode::Enforce), "10.0.0.1");
    let mut two = Router::new(with_hmac(100, Mode::Enforce), "10.0.0.2");
    assert_eq!(two.hear(&one.speak()), Ok(()));
    // Both clocks were an hour ahead, and are right now.
    for router in [&mut one, &mut two] {
        router.instance.set_epoch(EPOCH - Duration::from_secs(3600));
    }
    two.now = one.now + Duration::from_secs(1);
    assert_eq!(two.hear(&one.speak()), Ok(()));
}

#[test]
fn few_senders_are_remembered_and_only_those_that_signed() {
    let mut guard = Guard::default();
    for n in 0..20 {
        assert!(guard.is_new(EPOCH, IpAddr::from([10, 0, 0, n]), 7, AntiReplay::Monotonic, SENDERS));
    }
    assert_eq!(guard.heard.len(), SENDERS);
    assert!(!guard.is_new(EPOCH, IpAddr::from([10, 0, 0, 19]), 7, AntiReplay::Monotonic, SENDERS));
}

#[test]
fn each_peer_gets_the_same_number_and_its_own_checksum() {
    let mut config = with_hmac(150, Mode::Enforce);
    (config.version, config.family) = (Version::V3, Family::V6);
    config.addresses = vec![VirtualAddress::new("2001:db8::100/64".parse().unwrap(), "eth0")];
    let peer = |n: u8| Peer { address: ip(&format!("2001:db8::{n}")), min_ttl: 0, max_ttl: 255 };
    config.unicast = Some(Box::new(Unicast { peers: vec![peer(2), peer(3)], ..Unicast::default() }));
    let mut one = Router::new(config, "2001:db8::1");
    let packet = one.speak();
    let [a, b] = &*packet.copies else { panic!("two copies") };
    assert_eq!(a.bytes[8..], b.bytes[8..]);
    for copy in [a, b] {
        let sum = Sum::PseudoHeader.of(Version::V3, packet.source, copy.destination, &copy.bytes);
        assert_eq!(sum, 0);
    }
}

#[test]
fn without_the_key_that_signs_there_is_a_fault_and_a_name_for_it() {
    let mut config = with_hmac(150, Mode::Enforce);
    config.hmac.as_mut().unwrap().keys[0].secret = Secret::File("/missing".into());
    assert_eq!(Instance::new(config.clone()).missing_key(), Some(1));
    config.hmac.as_mut().unwrap().mode = Mode::ReceiveOnly;
    assert_eq!(Instance::new(config).missing_key(), None);
    let mut one = Router::new(with_hmac(150, Mode::Enforce), "10.0.0.1");
    one.speak();
    one.ground(&[Fault::NoKey(1)]);
    assert_eq!(one.instance.state(), StateKind::Fault);
    assert_eq!(one.said().last().map(|p| p.bytes()[2]), Some(PRIORITY_STOP));
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?} {:?}", with_ah(1), with_hmac(1, Mode::Enforce));
    assert!(!shown.contains("104, 105, 109") && !shown.contains("himitsu"), "{shown}");
    assert!(!shown.contains("[1, 1"), "{shown}");
    let pass = format!(
        "{:?} {:?}",
        Auth::Pass(*b"himitsu\0"),
        crate::vrrp::packet::Authentication::Pass(*b"himitsu\0")
    );
    assert_eq!(pass, "Pass(***) Pass(***)");
}
