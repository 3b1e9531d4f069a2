//! Two owners, and a master that stood still: who gives way, and when.

use super::*;

#[test]
fn of_two_owners_the_one_with_the_lower_address_yields_at_once() {
    let mut b = Bench::master(config(255));
    assert_eq!(b.hear(HIGHER, 255), Ok(()));
    b.done_is(&["OwnerConflict", "HigherPriority", "Backup", "apply 2"]);
    assert_eq!(b.instance.priority().effective(), 255);
    // It takes over again when the other falls silent.
    b.run(ms(3004));
    b.done_is(&["MasterDown", "advert 255", "Master", "apply 2", "announce 2 x5"]);
}

#[test]
fn the_other_owner_gives_it_two_adverts_and_a_little_more_than_an_interval() {
    let insists = ["advert 255", "LowerPriority"];
    let mut b = Bench::master(v3(255, 1000));
    b.run(ms(100));
    let hear = |b: &mut Bench| {
        assert_eq!(b.hear(LOWER, 255), Ok(()));
        b.done().into_iter().filter(|line| !line.starts_with("announce")).collect::<Vec<_>>()
    };
    assert_eq!(hear(&mut b), ["OwnerConflict", "advert 255", "LowerPriority"]);
    for _ in 0..2 {
        b.run(ms(900));
        assert_eq!(hear(&mut b), insists);
    }
    // 1.2 s later it has nothing to fear: who speaks then is another one, or the same again.
    let mut patient = Bench { instance: b.instance.clone(), now: b.now, out: vec![] };
    patient.run(ms(1200));
    patient.done();
    assert_eq!(hear(&mut patient)[0], "OwnerConflict");
    // Whoever speaks before does not yield.
    b.run(ms(1190));
    b.done();
    assert_eq!(hear(&mut b), ["OwnerPersists", "HigherPriority", "Backup", "apply 2"]);
    assert_eq!(b.instance.priority().effective(), 254);
    b.run(ms(900));
    assert_eq!(b.hear(LOWER, 255), Ok(()));
    b.done_is(&[]);
    // It owns the addresses again when the other says something else,
    let mut other = Bench { instance: b.instance.clone(), now: b.now, out: vec![] };
    assert_eq!(other.hear(LOWER, 100), Ok(()));
    other.done_is(&["OwnerRestored", "LowerPriority"]);
    assert_eq!(other.instance.priority().effective(), 255);
    // or nothing.
    b.run(ms(3100));
    b.done_is(&["MasterDown", "OwnerRestored", "advert 255", "Master", "apply 2", "announce 2 x5"]);
}

#[test]
fn a_master_that_stood_still_leaves_the_mastership_to_who_must_have_taken_over() {
    let policy = config::Policy { timer_expired_backup: Some(128), ..config::Policy::default() };
    let with = |policy| {
        let mut b = Bench::master(config::Instance { policy, nopreempt: true, ..v3(150, 1000) });
        b.run(ms(1000));
        b.done_is(&["advert 150"]);
        b
    };
    // The other waits for three intervals and half of one.
    let mut b = with(policy);
    b.now += ms(3499);
    b.instance.handle_timeout(b.now, b.now, &mut b.out);
    assert_eq!(b.instance.state(), StateKind::Master);
    let mut b = with(policy);
    b.now += ms(3500);
    b.instance.handle_timeout(b.now, b.now, &mut b.out);
    b.done_is(&["Overslept", "Backup", "apply 2"]);
    // Its advert, of whatever priority, is what this one wakes up to.
    let mut b = with(policy);
    b.now += ms(3501);
    assert_eq!(b.hear(LOWER, 100), Ok(()));
    b.done_is(&["Overslept", "Backup", "apply 2"]);
    b.run(ms(3000));
    assert_eq!(b.instance.state(), StateKind::Backup);
    // An advert that came before is answered, by the one that is due.
    let mut b = with(policy);
    b.now += ms(3000);
    assert_eq!(b.hear(LOWER, 100), Ok(()));
    b.run(ms(0));
    assert_eq!(b.done(), ["LowerPriority", "announce 2 x5", "advert 150"]);
    // Without the keyword it goes on.
    let mut b = with(config::Policy::default());
    b.now += ms(10_000);
    b.instance.handle_timeout(b.now, b.now, &mut b.out);
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn refreshes_and_second_announcements_end_with_the_mastership() {
    let garp = Garp { refresh: ms(10_000), ..Garp::default() };
    let mut b = Bench::master(config::Instance { garp: garp.into(), ..config(150) });
    for _ in 0..3 {
        b.run(ms(1000));
        assert_eq!(b.hear(HIGHER, 200), Ok(()));
        b.run(ms(3500));
    }
    b.done();
    // However often it became master: the second set, and one refresh at a time.
    b.run(ms(30_000));
    let announced = b.done().into_iter().filter(|line| line.starts_with("announce")).count();
    assert_eq!(announced, 1 + 3);
    // And nothing at all once it is a backup, or in FAULT.
    b.ground(None, &[Fault::InterfaceDown("eth0".into())]);
    b.done();
    b.run(ms(60_000));
    b.done_is(&[]);
    assert_eq!(b.instance.next_timeout(), None);
}
