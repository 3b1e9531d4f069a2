//! The loop on a world in which every change of an address takes its time.

mod tell;
mod world;

use super::*;
use crate::net::{Family, MacAddr};
use crate::vrrp::config::rule::{Rule, RuleAction};
use crate::vrrp::config::{self, Instance, VirtualAddress};
use crate::vrrp::event::{Address, AddressState, IfIndex, Link, LinkKind, Make, StateKind};
use crate::vrrp::rare::Rare;
use std::time::Duration;
use world::*;

#[test]
fn a_neighbours_takeover_silences_no_fast_master_and_costs_no_backup_its_master() {
    // 20,000 addresses of 100 µs each: two seconds of the kernel's time.
    let (fast, watched) = (instance("fast", 1, 10, 1), instance("watched", 2, 10, 1));
    let large = instance("large", 3, 1000, 20_000);
    let mut world = World::new(Duration::from_micros(100));
    let mut engine = start(&mut world, vec![fast, watched.clone(), large]);
    world.inbox = (0..900).map(|n| advert(START + ms(n * 10 + 3), &watched, 200)).collect();
    run(&mut engine, &mut world, START + ms(8900));
    assert_eq!(world.times("watched Master"), [], "its master never was silent");
    assert_eq!(state(&engine, "large"), StateKind::Master);
    assert_eq!(world.done.iter().filter(|(_, done)| done.starts_with("+10.3.")).count(), 20_000);
    let adverts = world.times("fast says 100");
    let longest = adverts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest <= ms(12), "{longest:?}");
    assert!(world.times("Stalled").is_empty(), "its own work is no stall");
}

#[test]
fn each_instance_has_its_order_advert_report_addresses_announcement() {
    let mut world = World::new(Duration::from_micros(10));
    let mut engine = start(&mut world, vec![instance("one", 1, 100, 3)]);
    run(&mut engine, &mut world, START + ms(500));
    let order = ["one says 100", "one Master", "+10.1.0.1/32", "+10.1.0.3/32", "AddressesSet", "announce"];
    let positions: Vec<usize> = order.iter().map(|what| world.position(what)).collect();
    assert!(positions.is_sorted(), "{:?}", world.done);
    assert_eq!(world.frames, 3 * 5);
}

fn tells_fifos(instance: Instance) -> Instance {
    let notify = config::Notify { at_deletion: true, ..config::Notify::default() };
    Instance { notify: notify.into(), ..instance }
}

#[test]
fn others_are_told_once_the_addresses_are_set_or_removed() {
    let mut world = World::new(Duration::from_micros(100));
    let one = tells_fifos(instance("one", 1, 100, 700));
    let two = tells_fifos(instance("two", 2, 100, 1));
    let mut engine = start(&mut world, vec![one.clone(), two]);
    run(&mut engine, &mut world, START + ms(1000));
    let told: Vec<&str> =
        world.done.iter().map(|(_, done)| done.as_str()).filter(|done| done.starts_with("INST")).collect();
    let [backups, masters] = ["BACKUP", "MASTER"]
        .map(|state| ["one", "two"].map(|name| format!("INSTANCE \"{name}\" {state} 100")));
    assert_eq!(told[..2], backups);
    assert!(masters.iter().all(|line| told[2..].contains(&line.as_str())), "{told:?}");
    let set = world.position("+10.1.2.200/32");
    assert!(set < world.position("INSTANCE \"one\" MASTER 100"));
    assert!(world.position("INSTANCE \"two\" MASTER 100") < set, "the other one has been told long since");

    // A better master, and then nothing of it any more.
    let now = world.now;
    world.done.clear();
    world.inbox.push(advert(now, &one, 200));
    run(&mut engine, &mut world, now + ms(50));
    reload(&mut engine, &mut world, vec![]);
    run(&mut engine, &mut world, now + ms(1000));
    let backup = world.position("INSTANCE \"one\" BACKUP 100");
    assert!(world.position("-10.1.2.200/32") < backup);
    assert!(backup < world.position("INSTANCE \"one\" DELETED 100"));
    assert!(world.position("-10.2.0.1/32") < world.position("INSTANCE \"two\" DELETED 100"));
}

#[test]
fn the_stop_is_told_behind_the_addresses_and_before_the_end() {
    let mut world = World::new(Duration::from_micros(100));
    let mut engine = start(&mut world, vec![instance("one", 1, 100, 300)]);
    run(&mut engine, &mut world, START + ms(1000));
    engine.handle(world.now, Event::Stop);
    let end = world.now + ms(10_000);
    run(&mut engine, &mut world, end);
    assert!(world.position("-10.1.1.50/32") < world.position("INSTANCE \"one\" STOP 100"));
}

#[test]
fn a_renamed_instance_takes_what_is_to_be_told_along() {
    let mut world = World::new(Duration::from_micros(100));
    let mut engine = start(&mut world, vec![instance("a", 1, 10, 500), instance("b", 2, 10, 700)]);
    run(&mut engine, &mut world, START + ms(60));
    assert!(!engine.is_settled(), "in the middle of it");
    reload(&mut engine, &mut world, vec![instance("b", 1, 10, 500), instance("a", 2, 10, 700)]);
    run(&mut engine, &mut world, START + ms(2000));
    for (line, last) in
        [("INSTANCE \"a\" MASTER 100", "+10.1.1.250/32"), ("INSTANCE \"b\" MASTER 100", "+10.2.2.200/32")]
    {
        assert!(world.position(last) < world.position(line));
        assert_eq!(world.times(line).len(), 1);
    }
}

#[test]
fn the_small_one_does_not_wait_for_the_large_one() {
    let mut world = World::new(Duration::from_micros(100));
    let instances = vec![instance("large", 1, 100, 5000), instance("small", 2, 100, 1)];
    let mut engine = start(&mut world, instances);
    run(&mut engine, &mut world, START + ms(3000));
    let begin = world.times("large Master")[0];
    let small = world.times("+10.2.0.1/32")[0];
    assert!(small - begin < ms(5), "{:?}", small - begin);
}

#[test]
fn addresses_that_are_set_are_announced_while_others_are_being_set() {
    let mut world = World::new(Duration::from_micros(10));
    let mut engine = start(&mut world, vec![instance("large", 1, 1000, 1000)]);
    run(&mut engine, &mut world, START + ms(5000));
    let (first, last) = (world.position("announce"), world.position("+10.1.3.250/32"));
    let set = world.done[..first].iter().filter(|(_, what)| what.starts_with('+')).count();
    assert!(0 < set && first < last, "{set} addresses were set before {first} of {last}");
    assert_eq!(world.frames, 1000 * 5, "each as often as ever");
}

#[test]
fn slices_shrink_where_the_kernel_is_slow_and_grow_where_it_is_fast() {
    for (cost, least, most) in [(1, 200, 256), (5000, 1, 40)] {
        let mut world = World::new(Duration::from_micros(cost));
        let mut engine = start(&mut world, vec![instance("one", 1, 100, 2000)]);
        run(&mut engine, &mut world, START + ms(500));
        assert!((least..=most).contains(&world.most_changes), "{cost} µs: {}", world.most_changes);
    }
}

#[test]
fn addresses_that_somebody_removes_one_by_one_are_set_again_together() {
    let mut world = World::new(Duration::from_micros(10));
    let one = instance("one", 1, 100, 3000);
    let mut engine = start(&mut world, vec![one.clone()]);
    run(&mut engine, &mut world, START + ms(6000));
    world.done.clear();
    world.frames = 0;
    let gone = one.addresses.iter().chain(one.excluded.iter());
    let gone = gone.map(|a| Event::AddressGone { interface: IfIndex(2), net: a.net });
    world.inbox = gone.map(|event| (world.now, event)).collect();
    run(&mut engine, &mut world, START + ms(8000));
    assert_eq!(world.done.iter().filter(|(_, done)| done.starts_with("+10.1.")).count(), 3000);
    assert_eq!(world.times("AddressesTaken").len(), 1, "a line in the log");
    assert_eq!(world.frames, 3000 * 5);
    let jobs = world.times("announce").len();
    assert!(jobs < 300, "many frames a job: {jobs}");
}

#[test]
fn a_rename_during_a_takeover_loses_no_announcement() {
    let mut world = World::new(Duration::from_micros(100));
    let mut engine = start(&mut world, vec![instance("old", 1, 10, 2000)]);
    run(&mut engine, &mut world, START + ms(100));
    assert!(!engine.is_settled(), "in the middle of it");
    reload(&mut engine, &mut world, vec![instance("new", 1, 10, 2000)]);
    run(&mut engine, &mut world, START + ms(2000));
    assert_eq!(state(&engine, "new"), StateKind::Master);
    assert_eq!(world.frames, 2000 * 5);
}

#[test]
fn instances_that_swap_names_keep_their_own_work() {
    let mut world = World::new(Duration::from_micros(100));
    let mut engine = start(&mut world, vec![instance("a", 1, 10, 500), instance("b", 2, 10, 700)]);
    run(&mut engine, &mut world, START + ms(60));
    assert!(!engine.is_settled(), "in the middle of it");
    reload(&mut engine, &mut world, vec![instance("b", 1, 10, 500), instance("a", 2, 10, 700)]);
    run(&mut engine, &mut world, START + ms(2000));
    assert!(engine.is_settled());
    assert_eq!(world.frames, 1200 * 5);
}

#[test]
fn addresses_that_are_set_again_are_announced_again_whatever_was_waiting() {
    let mut world = World::new(Duration::from_micros(10));
    let owner = Instance { priority: 255, ..instance("one", 1, 1000, 300) };
    let mut engine = start(&mut world, vec![owner.clone()]);
    while world.frames == 0 {
        let until = world.now + Duration::from_micros(50);
        run(&mut engine, &mut world, until);
    }
    // Before all of that is announced: the link goes down, with the addresses, and comes again.
    let up = eth0(true);
    let gone = owner.addresses.iter().chain(owner.excluded.iter());
    let gone = gone.map(|a| Event::AddressGone { interface: IfIndex(2), net: a.net });
    let events = [Event::Link(eth0(false))].into_iter().chain(gone).chain([Event::Link(up)]);
    world.inbox = events.map(|event| (world.now, event)).collect();
    while !world.inbox.is_empty() {
        // A turn at a time.
        let until = world.now + Duration::from_nanos(1);
        run(&mut engine, &mut world, until);
    }
    let before = world.frames;
    let until = world.now + ms(500);
    run(&mut engine, &mut world, until);
    assert!(engine.is_settled());
    assert!(world.frames - before >= 300 * 5, "{}", world.frames - before);
}

#[test]
fn flapping_does_not_pile_up_work() {
    let large = instance("large", 1, 10, 2000);
    let mut world = World::new(Duration::from_micros(200));
    let mut engine = start(&mut world, vec![large.clone()]);
    // Every 50 ms somebody is the better master for a moment; its addresses take 0.4 s.
    world.inbox = (1..=40).map(|n| advert(START + ms(n * 50), &large, 254)).collect();
    run(&mut engine, &mut world, START + ms(2100));
    let set = world.done.iter().filter(|(_, done)| done.starts_with('+')).count();
    assert!(set < 12_000, "{set}");
    run(&mut engine, &mut world, START + ms(5000));
    assert_eq!(state(&engine, "large"), StateKind::Master);
    assert!(engine.is_settled());
    let held = world.done.iter().filter(|(_, done)| done.starts_with('+')).count()
        - world.done.iter().filter(|(_, done)| done.starts_with('-')).count();
    assert_eq!(held, 2000, "all are set in the end");
}

#[test]
fn stopping_says_goodbye_removes_and_ends() {
    let mut world = World::new(Duration::from_micros(10));
    let mut engine = start(&mut world, vec![instance("one", 1, 100, 500), instance("two", 2, 100, 1)]);
    run(&mut engine, &mut world, START + ms(1000));
    world.done.clear();
    engine.handle(world.now, Event::Stop);
    let end = world.now + ms(10_000);
    run(&mut engine, &mut world, end);
    assert!(world.now < end, "it ends by itself");
    let zero = world.position("one says 0");
    assert!(zero < world.position("-10.1.0.1/32") && zero < world.position("unlisten 2"));
    assert_eq!(world.done.iter().filter(|(_, done)| done.starts_with('-')).count(), 501);
}

#[test]
fn who_comes_where_the_last_one_has_left_in_the_same_moment_is_heard_and_hears() {
    for count in [1, 3] {
        let mut world = World::new(Duration::ZERO);
        let instances = |first: u8| (0..count).map(move |n| instance("one", first + n, 100, 1)).collect();
        let mut engine = start(&mut world, instances(1));
        run(&mut engine, &mut world, START + ms(1000));
        assert_eq!(world.listens.len(), 1);
        world.done.clear();
        reload(&mut engine, &mut world, instances(11));
        let until = world.now + ms(2000);
        run(&mut engine, &mut world, until);
        assert_eq!(world.listens.len(), 1, "it listens");
        assert!(world.position("one says 0") < world.position("unlisten 2"), "goodbyes leave before");
        assert!(world.times("one says 100").len() > 10 && world.times("AdvertRefused").is_empty());
    }
}

#[test]
fn a_reload_of_many_instances_does_not_hold_up_adverts() {
    let mut world = World::new(Duration::from_micros(100));
    let fast = instance("fast", 1, 10, 1);
    let mut engine = start(&mut world, vec![fast.clone()]);
    run(&mut engine, &mut world, START + ms(500));
    world.done.clear();
    let many = (2..=250).map(|vrid| instance(&format!("new {vrid}"), vrid, 1000, 20));
    reload(&mut engine, &mut world, [fast].into_iter().chain(many).collect());
    let end = world.now + ms(5000);
    run(&mut engine, &mut world, end);
    let adverts = world.times("fast says 100");
    let longest = adverts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(longest <= ms(12), "{longest:?}");
    assert_eq!(state(&engine, "new 250"), StateKind::Master);
}

#[test]
fn what_can_not_be_sent_or_heard_is_said_once() {
    let mut world = World::new(Duration::ZERO);
    world.mute = true;
    let mut engine = start(&mut world, vec![instance("one", 1, 100, 1)]);
    run(&mut engine, &mut world, START + ms(2000));
    assert_eq!(world.times("AdvertRefused").len(), 1);
    assert!(engine.router().instance("one").unwrap().stats().seldom.adverts_refused > 10);
    world.mute = false;
    let until = world.now + ms(500);
    run(&mut engine, &mut world, until);
    world.mute = true;
    let until = world.now + ms(500);
    run(&mut engine, &mut world, until);
    assert_eq!(world.times("AdvertRefused").len(), 2);

    let mut world = World::new(Duration::ZERO);
    world.deaf = true;
    let mut engine = start(&mut world, vec![instance("one", 1, 100, 1)]);
    run(&mut engine, &mut world, START + ms(20_000));
    assert_eq!((state(&engine, "one"), world.times("Faulty").len()), (StateKind::Fault, 1));
    world.deaf = false;
    let until = world.now + ms(6000);
    run(&mut engine, &mut world, until);
    assert_eq!(state(&engine, "one"), StateKind::Master);
}

#[test]
fn a_pause_is_a_stall_and_is_said() {
    let mut world = World::new(Duration::ZERO);
    let mut engine = start(&mut world, vec![instance("one", 1, 100, 1)]);
    run(&mut engine, &mut world, START + ms(150));
    assert_eq!(state(&engine, "one"), StateKind::Backup);
    world.now += ms(5000);
    engine.turn(&mut world);
    assert_eq!((state(&engine, "one"), world.times("Stalled").len()), (StateKind::Backup, 1));
}

/// Nothing else follows from the pause: the master's adverts waited in the socket meanwhile.
#[test]
fn a_pause_that_moves_nothing_is_said_once() {
    let one = instance("one", 1, 100, 1);
    let mut world = World::new(Duration::ZERO);
    let mut engine = start(&mut world, vec![one.clone()]);
    world.inbox = (0..90).map(|n| advert(START + ms(n * 100), &one, 200)).collect();
    run(&mut engine, &mut world, START + ms(2050));
    assert!(world.times("HeldUp").is_empty(), "{:?}", world.done);
    world.now += ms(5000);
    let until = world.now + ms(1000);
    run(&mut engine, &mut world, until);
    assert_eq!((state(&engine, "one"), world.times("HeldUp").len()), (StateKind::Backup, 1));
    assert!(world.times("Stalled").is_empty(), "{:?}", world.done);
}

#[test]
fn families_are_told_apart() {
    let v6 = Instance {
        family: Family::V6,
        addresses: vec![VirtualAddress::new("2001:db8::1/64".parse().unwrap(), "eth0")],
        ..instance("six", 1, 100, 1)
    };
    let mut world = World::new(Duration::ZERO);
    let mut engine = start(&mut world, vec![instance("four", 1, 100, 1), v6]);
    run(&mut engine, &mut world, START + ms(1000));
    assert_eq!(state(&engine, "four"), StateKind::Master);
    assert_eq!(state(&engine, "six"), StateKind::Fault, "no link-local address to speak from");
    let net = "fe80::1/64".parse().unwrap();
    let address =
        Address { interface: IfIndex(2), net, peer: None, state: AddressState::Usable, ours: false };
    world.inbox.push((world.now, Event::Address(address)));
    let until = world.now + ms(1000);
    run(&mut engine, &mut world, until);
    assert_eq!(state(&engine, "six"), StateKind::Master);
}

/// `vrrp_garp_interval`: the first announcement at once, each further one after the interval; adverts don't wait for them.
#[test]
fn announcements_keep_their_pace_and_adverts_theirs() {
    let mut world = World::new(Duration::ZERO);
    let mut paced = config::Config { instances: vec![instance("A", 1, 100, 4)], ..config::Config::default() };
    paced.defaults.garp_interval = ms(30);
    let mut engine = start(&mut world, Vec::new());
    engine.handle(world.now, Event::Config(Box::new(paced)));
    run(&mut engine, &mut world, START + ms(5000));
    let announced = world.times("announce");
    assert_eq!((announced.len(), world.frames), (20, 20), "four addresses, five rounds, one at a time");
    let pauses: Vec<Duration> = announced.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| *pause == ms(30)), "{pauses:?}");
    let adverts = world.times("A says 100");
    assert!(adverts.windows(2).all(|pair| pair[1] - pair[0] == ms(100)), "{adverts:?}");
    engine.handle(world.now, Event::Stop);
    run(&mut engine, &mut world, START + ms(5100));
    assert!(engine.work.is_empty());
}

/// An announcement each 30 ms on an interface.
fn paced(engine: &mut Engine, world: &mut World, instances: Vec<Instance>) {
    let mut paced = config::Config { instances, ..config::Config::default() };
    paced.defaults.garp_interval = ms(30);
    engine.handle(world.now, Event::Config(Box::new(paced)));
}

#[test]
fn addresses_do_not_wait_for_announcements_that_wait_for_their_time() {
    let mut world = World::new(Duration::from_micros(10));
    let mut engine = start(&mut world, Vec::new());
    paced(&mut engine, &mut world, vec![instance("A", 1, 1000, 200)]);
    run(&mut engine, &mut world, START + ms(5000));
    let taken = "10.1.0.5/32".parse().unwrap();
    world.inbox = vec![(world.now, Event::AddressGone { interface: IfIndex(2), net: taken })];
    run(&mut engine, &mut world, START + ms(5100));
    assert_eq!(world.times("+10.1.0.5/32").len(), 2, "set again");
    // One that is added by a reload is, too.
    paced(&mut engine, &mut world, vec![instance("A", 1, 1000, 201)]);
    run(&mut engine, &mut world, START + ms(5200));
    assert!(engine.is_settled());
    assert_eq!(world.times("+10.1.0.201/32").len(), 1);
    run(&mut engine, &mut world, START + ms(120_000));
    assert!(engine.work.is_empty());
    assert!(world.frames >= 200 * 5, "{}", world.frames);
}

#[test]
fn who_has_little_to_announce_does_not_wait_for_who_has_much() {
    let mut world = World::new(Duration::from_micros(10));
    let mut engine = start(&mut world, Vec::new());
    let large = instance("A", 1, 1000, 200);
    paced(&mut engine, &mut world, vec![large.clone()]);
    run(&mut engine, &mut world, START + ms(5000));
    paced(&mut engine, &mut world, vec![large, instance("B", 2, 1000, 1)]);
    run(&mut engine, &mut world, START + ms(10_000));
    let elected = world.times("B says 100")[0];
    let of_b: Vec<Instant> =
        world.announced.iter().filter(|(_, a)| a.to_string() == "10.2.0.1").map(|(at, _)| *at).collect();
    assert!(of_b.len() >= 5, "{of_b:?}");
    assert!(of_b[4] - elected < ms(30) * 12, "in turn with those of A: {elected:?} {of_b:?}");
}

#[test]
fn instances_begin_at_once_where_nothing_is_to_be_done_about_statics() {
    let mut world = World::new(ms(1));
    let mut engine = start(&mut world, Vec::new());
    let item = VirtualAddress::new("10.0.0.1/24".parse().unwrap(), "eth0");
    let addresses = vec![config::statics::Static { item, track_group: None }];
    let config = config::Config {
        instances: vec![instance("one", 1, 1000, 1)],
        statics: config::statics::Statics { addresses, ..Default::default() },
        ..config::Config::default()
    };
    engine.handle(world.now, Event::Config(Box::new(config)));
    let until = world.now + ms(10);
    run(&mut engine, &mut world, until);
    assert_eq!(state(&engine, "one"), StateKind::Backup);
}

/// Of the addresses that the interface waits for, nothing was set: no news follow.
#[test]
fn stopping_removes_an_interface_of_its_own_whose_addresses_were_never_set() {
    let mut world = World::new(Duration::from_micros(10));
    let mut one = instance("one", 1, 100, 3);
    one.link.vmac = Some(config::Vmac::default());
    let mut engine = start(&mut world, vec![one]);
    let make = Make { kind: LinkKind::PrivateMacvlan, below: Some(IfIndex(2)), ..Make::default() };
    let mac = Some(MacAddr([0, 0, 0x5e, 0, 1, 1]));
    let vmac = Link { name: "vrrp.1".into(), index: IfIndex(3), mac, make, ..eth0(true) };
    engine.handle(START, Event::Link(vmac));
    run(&mut engine, &mut world, START + ms(50));
    assert_eq!(state(&engine, "one"), StateKind::Backup);
    world.inbox.push((world.now, Event::Link(eth0(false))));
    let later = world.now + ms(50);
    run(&mut engine, &mut world, later);
    assert_eq!(state(&engine, "one"), StateKind::Fault);
    world.inbox.push((world.now, Event::Link(eth0(true))));
    engine.turn(&mut world);
    engine.handle(world.now, Event::Stop);
    let end = world.now + ms(10_000);
    run(&mut engine, &mut world, end);
    assert!(world.now < end, "it ends by itself: {:?}", world.done);
    world.position("-vrrp.1");
}

#[test]
fn an_interface_that_is_made_at_the_stop_is_removed_once_it_is_known() {
    let mut world = World::new(Duration::from_micros(10));
    let mut one = instance("one", 1, 1000, 3);
    one.link.vmac = Some(config::Vmac::default());
    let rule = |priority| Rule::new(Family::V4, priority, RuleAction::Blackhole);
    one.rules = (1..200).map(rule).collect::<Vec<_>>().into();
    let mut engine = start(&mut world, vec![one]);
    let make = Make { kind: LinkKind::PrivateMacvlan, below: Some(IfIndex(2)), ..Make::default() };
    let mac = Some(MacAddr([0, 0, 0x5e, 0, 1, 1]));
    let vmac = |index| Event::Link(Link { name: "vrrp.1".into(), index, mac, make, ..eth0(true) });
    engine.handle(START, vmac(IfIndex(3)));
    run(&mut engine, &mut world, START + ms(5000));
    assert_eq!(state(&engine, "one"), StateKind::Master);
    // Somebody deletes it, with its addresses, and it is being made again.
    world.inbox.push((world.now, Event::LinkGone(IfIndex(3))));
    while world.times("+vrrp.1").is_empty() {
        let until = world.now + Duration::from_nanos(1);
        run(&mut engine, &mut world, until);
    }
    // The news of it are read after the job.
    world.inbox.push((world.now, vmac(IfIndex(4))));
    engine.handle(world.now, Event::Stop);
    let end = world.now + ms(10_000);
    run(&mut engine, &mut world, end);
    world.position("-vrrp.1");
}
