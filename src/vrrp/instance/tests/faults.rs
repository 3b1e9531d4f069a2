//! Faults, stalls, and addresses that others take away.

use super::*;

fn down() -> Fault {
    Fault::InterfaceDown("eth0".into())
}

fn no_address() -> Fault {
    Fault::NoAddress("eth0".into())
}

#[test]
fn a_lost_interface_is_a_fault_and_its_return_a_new_start() {
    let mut b = Bench::master(config(150));
    b.ground(None, &[down()]);
    b.done_is(&["Fault", "apply 2", "InterfaceDown(\"eth0\")"]);
    assert_eq!(b.instance.next_timeout(), None);
    assert_eq!(b.hear(LOWER, 200), Err(Discard::NotRunning));
    b.ground(None, &[down()]);
    b.done_is(&[]);
    b.ground(None, &[no_address()]);
    b.done_is(&["NoAddress(\"eth0\")", "FaultGone"]);
    b.ground(Some(ORIGIN), &[]);
    b.done_is(&["Backup", "apply 2"]);
    assert_eq!(b.instance.next_timeout(), Some(b.now + b.instance.master_down_interval()));
}

#[test]
fn an_interface_that_does_not_exist_any_more_is_not_up_again() {
    let mut b = Bench::master(config(150));
    b.ground(None, &[down()]);
    b.done();
    b.ground(None, &[Fault::NoInterface("eth0".into())]);
    b.done_is(&["NoInterface(\"eth0\")"]);
}

#[test]
fn a_master_whose_vmac_is_gone_says_that_it_leaves_where_adverts_leave_below() {
    for on_base in [true, false] {
        let mut config = config(150);
        config.link.vmac = Some(config::Vmac { name: Some("vrrp.51".into()), ..Default::default() });
        config.link.transmit_on_base = on_base;
        let mut b = Bench::master(config);
        b.ground(None, &[Fault::NoInterface("vrrp.51".into())]);
        assert_eq!(b.done().contains(&"advert 0".to_owned()), on_base);
    }
}

#[test]
fn each_fault_counts_and_the_instance_runs_when_the_last_is_gone() {
    let mut b = Bench::master(config(150));
    let other = Fault::InterfaceDown("eth1".into());
    b.ground(Some(ORIGIN), &[down(), other.clone()]);
    assert_eq!(b.instance.state(), StateKind::Fault);
    b.ground(Some(ORIGIN), &[other]);
    assert_eq!(b.instance.state(), StateKind::Fault);
    b.ground(Some(ORIGIN), &[]);
    assert_eq!(b.instance.state(), StateKind::Backup);
}

#[test]
fn a_master_whose_interface_still_works_says_that_it_leaves() {
    let table = Fault::NoTable;
    let elsewhere = Fault::InterfaceDown("eth1".into());
    for fault in [no_address(), table, elsewhere] {
        let mut b = Bench::master(config(150));
        b.ground(None, std::slice::from_ref(&fault));
        let done = b.done();
        assert_eq!(done[..4], ["advert 0", "PriorityZeroSent", "Fault", "apply 2"], "{fault:?}");
        assert_eq!(
            (b.instance.stats().seldom.released_master, b.instance.stats().seldom.priority_zero_sent),
            (1, 1)
        );
    }
    let mut b = Bench::master(config(150));
    b.ground(None, &[down()]);
    assert!(!b.done().contains(&"advert 0".to_owned()), "nobody could hear it");
}

#[test]
fn what_a_predecessor_held_stays_until_somebody_speaks_or_it_takes_over() {
    let start = || {
        let now = Instant::from_nanos(1_000_000_000_000);
        let mut b = Bench { instance: Instance::new(config(150)), now, out: vec![] };
        b.set_ground(Some(ORIGIN), &[], true);
        assert!(b.instance.wants_addresses());
        b.done_is(&["Backup"]);
        b
    };
    let mut b = start();
    // An interval and the skew time: before any other backup's timer runs out.
    assert_eq!(b.instance.next_timeout(), Some(b.now + ms(1000) + b.instance.skew()));
    b.run(ms(1500));
    b.done_is(&["MasterDown", "advert 150", "Master", "apply 2", "announce 2 x5"]);
    for priority in [100, 200] {
        let mut b = start();
        b.run(ms(300));
        assert_eq!(b.hear(LOWER, priority), Ok(()));
        assert!(!b.instance.wants_addresses());
        assert!(b.done().contains(&"apply 2".to_owned()));
    }
}

#[test]
fn stop_says_priority_0_before_anything_else() {
    let mut b = Bench::master(config(150));
    b.instance.stop(&mut b.out);
    b.done_is(&["advert 0", "PriorityZeroSent", "Init", "apply 2"]);
    assert_eq!(b.instance.next_timeout(), None);
    let mut b = Bench::start(config(150));
    b.done();
    b.instance.stop(&mut b.out);
    b.done_is(&["Init"]);
}

#[test]
fn a_stalled_master_announces_anew() {
    let mut b = Bench::master(config(150));
    let asleep = b.now;
    b.now += ms(4000);
    b.instance.handle_timeout(b.now, b.now, &mut b.out);
    b.done_is(&["advert 150", "Stalled", "announce 2 x5"]);
    assert_eq!(b.instance.next_timeout(), Some(b.now + ms(1000)));
    // Its own work is no stall.
    b.now += ms(4000);
    b.instance.handle_timeout(b.now, asleep, &mut b.out);
    assert!(!b.done().contains(&"Stalled".to_owned()));
}

#[test]
fn a_stalled_backup_does_not_trust_the_silence() {
    let mut b = Bench::start(config(150));
    b.done();
    b.now += ms(60_000);
    b.instance.handle_timeout(b.now, b.now, &mut b.out);
    b.done_is(&["Stalled"]);
    b.run(ms(1415));
    assert_eq!(b.instance.state(), StateKind::Master);
    // Merely late is not stalled.
    let mut b = Bench::start(config(150));
    b.now += ms(5000);
    b.instance.handle_timeout(b.now, b.now, &mut b.out);
    assert_eq!(b.instance.state(), StateKind::Master);
    // Nor was it when it was awake all the time: what had come was read.
    let mut b = Bench::start(config(150));
    let started = b.now;
    b.now += ms(60_000);
    b.instance.handle_timeout(b.now, started, &mut b.out);
    assert_eq!(b.instance.state(), StateKind::Master);
}

#[test]
fn addresses_taken_away_come_back_while_master_only() {
    let mut b = Bench::master(config(150));
    b.instance.addresses_missing([address("10.0.0.100/24")].into(), &mut b.out);
    b.done_is(&["apply 1", "announce 1 x5"]);
    let mut b = Bench::start(config(150));
    b.done();
    b.instance.addresses_missing([address("10.0.0.100/24")].into(), &mut b.out);
    b.done_is(&[]);
}

#[test]
fn what_waited_in_the_socket_during_a_fault_does_not_shorten_the_watch() {
    let mut b = Bench::start(config(150));
    b.ground(Some(ORIGIN), &[down()]);
    let arrived = b.now;
    b.now += ms(9_000);
    b.ground(Some(ORIGIN), &[]);
    let watch = b.instance.next_timeout();
    let up = std::mem::replace(&mut b.now, arrived);
    b.hear(HIGHER, 200).unwrap();
    assert_eq!(b.instance.next_timeout(), watch);
    b.now = up + ms(500);
    b.hear(HIGHER, 200).unwrap();
    assert_eq!(b.instance.next_timeout(), watch.map(|at| at + ms(500)));
}
