//! What instances track changes their priority or keeps them from running: arithmetic, faults that are counted, timers
//! that move, reloads.

use super::*;
use crate::run::{RunId, RunOutcome};
use crate::vrrp::config::interface::LinkDelay;
use crate::vrrp::config::{Config, DynamicInterfaces, Tracked, Weight};
use crate::vrrp::notice::{News, Notice, State, Subject};
use crate::vrrp::rare::Rare;

fn tracked(name: &str, value: i16, reverse: bool) -> Tracked {
    Tracked { name: name.to_owned(), weight: Weight { value, reverse } }
}

/// Instance "1" of this priority, which tracks these interfaces.
fn tracking(priority: u8, interfaces: &[Tracked]) -> config::Instance {
    let mut instance = instance("1", 1, priority);
    instance.tracking.interfaces = interfaces.to_vec();
    instance
}

/// eth0, eth1 and eth2.
fn three_links(up: bool) -> Event<'static> {
    links(&[
        (named_link("eth0", 2, true), &["10.0.0.251/24"]),
        (named_link("eth1", 3, up), &[]),
        (named_link("eth2", 4, up), &[]),
    ])
}

fn started(links: Event<'_>, instance: config::Instance) -> (Router, Actions) {
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, links, &mut out);
    handle(&mut router, START, config(vec![instance]), &mut out);
    (router, out)
}

fn set_link(router: &mut Router, now: Instant, name: &str, index: u32, up: bool) -> Actions {
    let mut out = vec![];
    handle(router, now, Event::Link(named_link(name, index, up)), &mut out);
    out
}

fn state(router: &Router) -> StateKind {
    router.instance("1").unwrap().state()
}

fn effective(router: &Router) -> u8 {
    router.instance("1").unwrap().priority().effective()
}

fn priorities(out: &[Action]) -> Vec<(u8, u8)> {
    reports(out)
        .into_iter()
        .filter_map(|report| match report {
            Report::PriorityChanged { from, to } => Some((*from, *to)),
            _ => None,
        })
        .collect()
}

#[test]
fn weights_of_interfaces_add_up_and_are_cut_in_the_end() {
    let tracks = [tracked("eth1", 120, false), tracked("eth2", -30, false)];
    let (mut router, out) = started(three_links(true), tracking(150, &tracks));
    assert_eq!(priorities(&out), [(150, 254)], "150 + 120 is more than there is");
    let mut out = set_link(&mut router, START, "eth2", 4, false);
    assert_eq!(priorities(&out), [(254, 240)]);
    out = set_link(&mut router, START, "eth1", 3, false);
    assert_eq!(priorities(&out), [(240, 120)]);
    out = set_link(&mut router, START, "eth2", 4, true);
    assert_eq!(priorities(&out), [(120, 150)]);
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn an_interface_that_an_address_is_on_has_no_weight() {
    let elsewhere = |tracked| {
        let address = VirtualAddress::new("10.1.0.100/24".parse().unwrap(), "eth1");
        vec![VirtualAddress { tracked, ..address }]
    };
    let mut instance = tracking(100, &[tracked("eth1", 30, false)]);
    instance.excluded = elsewhere(true).into();
    let (mut router, _) = started(three_links(true), instance.clone());
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100));
    set_link(&mut router, START, "eth1", 3, false);
    assert_eq!((state(&router), effective(&router)), (StateKind::Fault, 100));
    // With `no_track` it only weighs.
    instance.excluded = elsewhere(false).into();
    handle(&mut router, START, config(vec![instance]), &mut vec![]);
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100));
    set_link(&mut router, START, "eth1", 3, true);
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 130));
}

#[test]
fn reverse_takes_away_what_is_up_and_gives_what_is_down() {
    let tracks = [tracked("eth1", 20, true), tracked("eth2", -30, true)];
    let (mut router, _) = started(three_links(true), tracking(100, &tracks));
    assert_eq!(effective(&router), 80);
    set_link(&mut router, START, "eth1", 3, false);
    set_link(&mut router, START, "eth2", 4, false);
    assert_eq!(effective(&router), 130);
}

#[test]
fn the_owners_priority_never_moves() {
    let (mut router, out) = started(three_links(true), tracking(255, &[tracked("eth1", -30, false)]));
    set_link(&mut router, START, "eth1", 3, false);
    assert_eq!((effective(&router), priorities(&out)), (255, vec![]));
}

#[test]
fn a_backups_running_timer_moves_by_the_difference_and_a_master_tells_in_its_next_advert() {
    let (mut router, _) = started(three_links(true), tracking(100, &[tracked("eth1", 50, false)]));
    // Version 2: three seconds, and (256 - priority) / 256 of one.
    let down_at =
        |priority: u32| START + Duration::from_secs(3) + Duration::from_secs(1) * (256 - priority) / 256;
    assert_eq!(router.next_timeout(), Some(down_at(150)));
    set_link(&mut router, START + Duration::from_secs(2), "eth1", 3, false);
    assert_eq!(router.next_timeout(), Some(down_at(100)));
    set_link(&mut router, START + Duration::from_secs(2), "eth1", 3, true);
    assert_eq!(router.next_timeout(), Some(down_at(150)));
    let mut out = vec![];
    let now = down_at(150);
    timeout(&mut router, now, &mut out);
    assert_eq!(adverts(&out), [("1".to_owned(), 150)]);
    out = set_link(&mut router, now + Duration::from_millis(10), "eth1", 3, false);
    assert_eq!((priorities(&out), adverts(&out)), (vec![(150, 100)], vec![]));
    timeout(&mut router, now + Duration::from_secs(1), &mut out);
    assert_eq!(adverts(&out), [("1".to_owned(), 100)]);
}

#[test]
fn each_interface_without_a_weight_is_a_fault_of_its_own() {
    let tracks = [tracked("eth1", 0, false), tracked("eth2", 0, false)];
    let (mut router, _) = started(three_links(true), tracking(100, &tracks));
    assert_eq!(state(&router), StateKind::Backup);
    set_link(&mut router, START, "eth1", 3, false);
    assert_eq!(state(&router), StateKind::Fault);
    set_link(&mut router, START, "eth2", 4, false);
    set_link(&mut router, START, "eth1", 3, true);
    assert_eq!(state(&router), StateKind::Fault, "eth2 is still down");
    set_link(&mut router, START, "eth2", 4, true);
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn an_interface_in_reverse_is_a_fault_while_it_is_up() {
    let (mut router, out) = started(three_links(true), tracking(100, &[tracked("eth1", 0, true)]));
    assert_eq!(state(&router), StateKind::Fault);
    let object = track::Object::new(track::Kind::Interface, "eth1");
    assert!(reports(&out).contains(&&Report::Faulty { fault: Fault::Tracked(object), detail: None }));
    set_link(&mut router, START, "eth1", 3, false);
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn an_interface_that_never_was_counts_for_nothing_unless_it_is_to_come() {
    let only_eth0 = || links(&[(named_link("eth0", 2, true), &["10.0.0.251/24"])]);
    let instance = || tracking(100, &[tracked("eth1", 0, false), tracked("eth2", -10, false)]);
    let (mut router, _) = started(only_eth0(), instance());
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100));
    set_link(&mut router, START, "eth1", 3, true);
    set_link(&mut router, START, "eth2", 4, true);
    let mut out = vec![];
    handle(&mut router, START, Event::LinkGone(IfIndex(3)), &mut out);
    handle(&mut router, START, Event::LinkGone(IfIndex(4)), &mut out);
    assert_eq!((state(&router), effective(&router)), (StateKind::Fault, 90), "it was there once");

    let mut router = Router::default();
    let mut dynamic = Config { instances: vec![instance()], ..Config::default() };
    dynamic.settings.dynamic_interfaces = DynamicInterfaces::Yes;
    handle(&mut router, START, only_eth0(), &mut out);
    handle(&mut router, START, Event::Config(Box::new(dynamic)), &mut out);
    assert_eq!((state(&router), effective(&router)), (StateKind::Fault, 90));
    set_link(&mut router, START, "eth1", 3, true);
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 90));
}

#[test]
fn the_successor_of_a_process_that_died_takes_a_missing_interface_for_one_that_went() {
    let (mut router, mut out) = (Router::new(true), vec![]);
    handle(&mut router, START, links(&[(named_link("eth0", 2, true), &["10.0.0.251/24"])]), &mut out);
    handle(&mut router, START, config(vec![tracking(100, &[tracked("eth1", 0, false)])]), &mut out);
    assert_eq!(state(&router), StateKind::Fault);
    set_link(&mut router, START, "eth1", 3, true);
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn an_interface_that_another_one_takes_the_name_of_is_tracked_by_its_name() {
    let (mut router, _) = started(three_links(true), tracking(100, &[tracked("eth1", 0, false)]));
    set_link(&mut router, START, "other", 3, true);
    assert_eq!(state(&router), StateKind::Fault);
    set_link(&mut router, START, "eth1", 7, true);
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn its_own_interface_may_go_down_where_nobody_minds() {
    let mut instance = tracking(100, &[]);
    instance.link.ignore_faults = true;
    let (mut router, _) = started(three_links(true), instance);
    set_link(&mut router, START, "eth0", 2, false);
    assert_eq!(state(&router), StateKind::Backup);
    let mut out = vec![];
    handle(&mut router, START, Event::LinkGone(IfIndex(2)), &mut out);
    assert_eq!(state(&router), StateKind::Fault, "one that is not there is no place to speak");
}

#[test]
fn a_reload_changes_what_is_tracked_and_the_advert_that_follows_tells_of_all_of_it() {
    let (mut router, _) = started(three_links(true), tracking(100, &[tracked("eth1", 50, false)]));
    let now = START + Duration::from_millis(3500);
    timeout(&mut router, now, &mut vec![]);
    assert_eq!((state(&router), effective(&router)), (StateKind::Master, 150));
    let mut out = vec![];
    let tracks = [tracked("eth1", 50, false), tracked("eth2", 7, false)];
    handle(&mut router, now, config(vec![tracking(110, &tracks)]), &mut out);
    assert_eq!(adverts(&out), [("1".to_owned(), 167)]);
    out.clear();
    handle(&mut router, now, config(vec![tracking(110, &[])]), &mut out);
    assert_eq!(effective(&router), 110);
    assert!(set_link(&mut router, now, "eth1", 3, false).is_empty(), "nobody follows it any more");
    assert_eq!(router.tracking, Default::default());
}

#[test]
fn an_interface_is_down_for_all_once_it_has_been_down_for_its_delay() {
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, three_links(true), &mut out);
    let second = Duration::from_secs(1);
    let delays =
        ["eth0", "eth1"].map(|name| LinkDelay { interface: name.to_owned(), down: second, up: second * 2 });
    let instances = vec![tracking(100, &[tracked("eth1", -10, false)])];
    let config = Config { instances, link_delays: delays.into(), ..Config::default() };
    handle(&mut router, START, Event::Config(Box::new(config)), &mut out);
    set_link(&mut router, START, "eth1", 3, false);
    set_link(&mut router, START, "eth0", 2, false);
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100));
    // News that were lost tell the same once more.
    handle(
        &mut router,
        START + second / 2,
        links(&[(named_link("eth0", 2, false), &["10.0.0.251/24"]), (named_link("eth1", 3, false), &[])]),
        &mut out,
    );
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100));
    assert_eq!(router.next_timeout(), Some(START + second));
    timeout(&mut router, START + second, &mut out);
    assert_eq!((state(&router), effective(&router)), (StateKind::Fault, 90));
    set_link(&mut router, START + second, "eth0", 2, true);
    assert_eq!(state(&router), StateKind::Fault);
    timeout(&mut router, START + second * 3, &mut out);
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn bfd_sessions_count_from_their_first_word_on() {
    let mut instance = tracking(100, &[]);
    instance.tracking.bfds = vec![tracked("B", 0, false), tracked("C", 20, false)];
    let (mut router, _) = started(three_links(true), instance);
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100));
    let mut tell = |name: &str, up| {
        let mut out = vec![];
        handle(&mut router, START, Event::Bfd { name: name.into(), up }, &mut out);
        (state(&router), effective(&router))
    };
    assert_eq!(tell("B", false), (StateKind::Fault, 100));
    assert_eq!(tell("C", true), (StateKind::Fault, 120));
    assert_eq!(tell("B", true), (StateKind::Backup, 120));
    assert_eq!(tell("D", false), (StateKind::Backup, 120));
}

#[test]
fn quorums_count_as_they_are_told_and_what_is_told_no_more_does_not() {
    let mut instance = tracking(100, &[]);
    instance.tracking.virtual_servers = vec![tracked("A", 0, false), tracked("B", -20, false)];
    let (mut router, _) = started(three_links(true), instance);
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100), "before anything is known");
    let mut tell = |quorums: &[(&str, bool)]| {
        let quorums = quorums.iter().map(|(name, up)| ((*name).into(), *up)).collect();
        handle(&mut router, START, Event::Quorums(quorums), &mut vec![]);
        (state(&router), effective(&router))
    };
    assert_eq!(tell(&[("A", true), ("B", true)]), (StateKind::Backup, 100));
    assert_eq!(tell(&[("A", true), ("B", false)]), (StateKind::Backup, 80));
    assert_eq!(tell(&[("A", false), ("B", false)]), (StateKind::Fault, 80));
    assert_eq!(tell(&[("A", true)]), (StateKind::Backup, 100));
}

/// Instance "1" with a script "S" and a file "F" of these weights.
fn with_script_and_file(script: i16, file: i16) -> Config {
    let mut instance = tracking(100, &[]);
    instance.tracking.scripts = vec![tracked("S", script, false)];
    instance.tracking.files = vec![tracked("F", file, false)];
    let weight = Weight::default();
    Config {
        instances: vec![instance],
        scripts: vec![config::Script {
            name: "S".to_owned(),
            command: crate::command::Command { argv: vec!["/bin/s".to_owned()], run_as: None },
            interval: Duration::from_secs(1),
            timeout: None,
            weight,
            rise: 1,
            fall: 1,
            init_fail: false,
        }],
        track_files: vec![config::TrackFile {
            name: "F".to_owned(),
            path: "/run/f".into(),
            weight,
            init: None,
        }],
        ..Config::default()
    }
}

fn tell(router: &mut Router, now: Instant, event: Event<'_>) -> Actions {
    let mut out = vec![];
    handle(router, now, event, &mut out);
    out
}

fn runs(out: &[Action]) -> Vec<RunId> {
    out.iter().filter_map(|action| if let Action::Run(run) = action { Some(run.id) } else { None }).collect()
}

fn number(number: i64) -> Event<'static> {
    Event::File { name: "F".into(), number }
}

fn ended(id: RunId, status: u8) -> Event<'static> {
    Event::RunEnded { id, outcome: RunOutcome::Exited(status) }
}

#[test]
fn an_instance_says_nothing_until_it_knows_what_it_tracks() {
    let mut router = Router::default();
    tell(&mut router, START, three_links(true));
    let out = tell(&mut router, START, Event::Config(Box::new(with_script_and_file(0, 1))));
    assert_eq!((state(&router), reports(&out)), (StateKind::Init, vec![]));
    assert!(out.iter().any(|action| matches!(action, Action::Watch(watched) if watched.files.len() == 1)));
    let mut out = vec![];
    timeout(&mut router, START, &mut out);
    let [run] = runs(&out)[..] else { panic!("{out:?}") };
    tell(&mut router, START, number(7));
    assert_eq!((state(&router), effective(&router)), (StateKind::Init, 107));
    tell(&mut router, START, ended(run, 0));
    assert_eq!(state(&router), StateKind::Backup);

    // Down from the beginning.
    let mut router = Router::default();
    tell(&mut router, START, three_links(true));
    tell(&mut router, START, Event::Config(Box::new(with_script_and_file(0, 1))));
    let out = tell(&mut router, START, number(-254));
    assert_eq!(state(&router), StateKind::Fault);
    let fault = Fault::Tracked(track::Object::new(track::Kind::File, "F"));
    assert!(reports(&out).contains(&&Report::Faulty { fault, detail: Some("-254".into()) }), "{out:?}");
    assert_eq!(effective(&router), 100, "a fault adds nothing");
    tell(&mut router, START, number(0));
    assert_eq!(state(&router), StateKind::Fault, "its script has not run yet");
    let mut out = vec![];
    timeout(&mut router, START, &mut out);
    let [run] = runs(&out)[..] else { panic!("{out:?}") };
    tell(&mut router, START, ended(run, 0));
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn an_instance_that_fails_at_start_does_so_with_the_weights_of_all_its_files() {
    let file = |name: &str| config::TrackFile {
        name: name.to_owned(),
        path: format!("/run/{name}").into(),
        weight: Weight::default(),
        init: None,
    };
    let number = |name: &str, number| Event::File { name: name.into(), number };
    // Alone, and with a member of its group that follows the other one.
    for grouped in [false, true] {
        let mut first = tracking(100, &[]);
        first.tracking.files = vec![tracked("F", 0, false)];
        let mut config = Config { track_files: vec![file("F"), file("G")], ..Config::default() };
        if grouped {
            let mut second = instance("2", 2, 100);
            second.tracking.files = vec![tracked("G", 2, false)];
            config.sync_groups = vec![config::SyncGroup {
                name: "GROUP".to_owned(),
                instances: vec!["1".to_owned(), "2".to_owned()],
                tracking: config::Tracking::default(),
                tracking_weight: false,
                notify: Rare::default(),
            }];
            config.instances = vec![first, second];
        } else {
            first.tracking.files.push(tracked("G", 2, false));
            config.instances = vec![first];
        }
        let mut router = Router::default();
        tell(&mut router, START, three_links(true));
        tell(&mut router, START, Event::Config(Box::new(config)));
        assert_eq!(entered(&tell(&mut router, START, number("F", 1))), []);
        let told = entered(&tell(&mut router, START, number("G", 10)));
        let fault = |name: &str, priority| (name.to_owned(), State::Fault, priority);
        let expected = if grouped { vec![fault("1", 100), fault("2", 120)] } else { vec![fault("1", 120)] };
        assert_eq!(told, expected);
    }
}

#[test]
fn the_priority_that_several_files_make_is_told_once_at_start() {
    let file = |name: &str| config::TrackFile {
        name: name.to_owned(),
        path: format!("/run/{name}").into(),
        weight: Weight::default(),
        init: None,
    };
    let mut one = tracking(100, &[tracked("eth1", 7, false)]);
    one.tracking.files = vec![tracked("F", 1, false), tracked("G", 2, false)];
    one.notify = config::Notify { priority_changes: true, ..config::Notify::default() }.into();
    let config =
        Config { track_files: vec![file("F"), file("G")], instances: vec![one], ..Config::default() };
    let mut router = Router::default();
    let mut out = tell(&mut router, START, three_links(true));
    out.extend(tell(&mut router, START, Event::Config(Box::new(config))));
    for (name, number) in [("F", 5), ("G", 10)] {
        out.extend(tell(&mut router, START, Event::File { name: name.into(), number }));
    }
    let told = |out: &[Action]| -> Vec<(u8, String)> {
        let one = |action: &Action| match action {
            Action::Notify(notice) => Some((notice.priority, notice.word().to_owned())),
            _ => None,
        };
        out.iter().filter_map(one).collect()
    };
    let word = |word: &str| (132, word.to_owned());
    assert_eq!(told(&out), [word("BACKUP_PRIORITY"), word("BACKUP")]);
    let out = tell(&mut router, START, Event::File { name: "F".into(), number: 6 });
    assert_eq!(told(&out), [(133, "BACKUP_PRIORITY".to_owned())], "later ones are told as they come");
}

/// Which instances were told to have entered a state, and with which priority.
fn entered(out: &[Action]) -> Vec<(String, State, u8)> {
    let one = |action: &Action| match action {
        Action::Notify(Notice {
            subject: Subject::Instance,
            name,
            news: News::Entered(state),
            priority,
            ..
        }) => Some((name.to_string(), *state, *priority)),
        _ => None,
    };
    out.iter().filter_map(one).collect()
}

#[test]
fn a_script_that_changes_while_the_instance_runs_disturbs_nobody_until_it_has_run() {
    let mut router = Router::default();
    tell(&mut router, START, three_links(true));
    let mut config = with_script_and_file(0, 1);
    tell(&mut router, START, Event::Config(Box::new(config.clone())));
    let mut out = vec![];
    timeout(&mut router, START, &mut out);
    let [first] = runs(&out)[..] else { panic!("{out:?}") };
    tell(&mut router, START, number(3));
    tell(&mut router, START, ended(first, 0));
    config.scripts[0].command.argv = vec!["/bin/other".to_owned()];
    config.track_files[0].path = "/run/other".into();
    let out = tell(&mut router, START, Event::Config(Box::new(config.clone())));
    assert_eq!((state(&router), effective(&router)), (StateKind::Backup, 100), "{out:?}");
    let mut out = vec![];
    timeout(&mut router, START, &mut out);
    let [second] = runs(&out)[..] else { panic!("{out:?}") };
    assert_ne!(first, second);
    tell(&mut router, START, ended(second, 1));
    assert_eq!(state(&router), StateKind::Fault);
    tell(&mut router, START, number(3));
    // What nobody tracks is not run any more.
    config.instances[0].tracking.scripts.clear();
    tell(&mut router, START, Event::Config(Box::new(config)));
    assert_eq!(state(&router), StateKind::Backup);
    let mut out = vec![];
    timeout(&mut router, START + Duration::from_secs(2), &mut out);
    assert_eq!(runs(&out), []);
}

#[test]
fn at_the_end_scripts_that_run_are_ended() {
    let mut router = Router::default();
    tell(&mut router, START, three_links(true));
    tell(&mut router, START, Event::Config(Box::new(with_script_and_file(5, 0))));
    let mut out = vec![];
    timeout(&mut router, START, &mut out);
    let [run] = runs(&out)[..] else { panic!("{out:?}") };
    let out = tell(&mut router, START, Event::Stop);
    assert!(out.contains(&Action::CancelRun(run)), "{out:?}");
    assert!(out.contains(&Action::Watch(Box::default())), "{out:?}");
}

#[test]
fn the_successor_of_a_process_that_died_goes_on_before_it_knows() {
    let mut router = Router::new(true);
    let held = Address {
        interface: IfIndex(2),
        net: "10.0.0.1/24".parse().unwrap(),
        peer: None,
        state: AddressState::Usable,
        ours: true,
    };
    let Event::Snapshot(mut snapshot) = three_links(true) else { unreachable!() };
    snapshot.addresses.push(held);
    tell(&mut router, START, Event::Snapshot(snapshot));
    let out = tell(&mut router, START, Event::Config(Box::new(with_script_and_file(0, 1))));
    assert_eq!(state(&router), StateKind::Backup, "{out:?}");
    assert!(router.instance("1").unwrap().wants_addresses());
    // Who starts for the first time gives back what was left.
    let mut router = Router::new(false);
    let Event::Snapshot(mut snapshot) = three_links(true) else { unreachable!() };
    snapshot.addresses.push(held);
    tell(&mut router, START, Event::Snapshot(snapshot));
    let out = tell(&mut router, START, Event::Config(Box::new(with_script_and_file(0, 1))));
    assert_eq!((state(&router), applied(&out)), (StateKind::Init, vec!["1"]));
}

/// `notify_priority_changes`
#[test]
fn changes_of_the_priority_are_told_to_who_asks() {
    for asks in [false, true] {
        let mut instance = tracking(100, &[tracked("eth1", 20, false)]);
        let notify = config::Notify { priority_changes: asks, ..config::Notify::default() };
        instance.notify = notify.into();
        let (mut router, _) = started(three_links(true), instance);
        let told = |out: &[Action]| -> Vec<String> {
            let notices = out.iter().filter_map(|action| match action {
                Action::Notify(notice) => Some(notice.clone()),
                _ => None,
            });
            notices.map(|notice| format!("{:?} {}", notice.news, notice.priority)).collect()
        };
        let out = set_link(&mut router, START, "eth1", 3, false);
        let expected: &[&str] = if asks { &["Priority { master: false } 100"] } else { &[] };
        assert_eq!(told(&out), expected);
        let mut out = vec![];
        router.handle_timeout(START + Duration::from_secs(10), START, &mut out);
        assert_eq!(state(&router), StateKind::Master);
        let out = set_link(&mut router, START + Duration::from_secs(10), "eth1", 3, true);
        let expected: &[&str] = if asks { &["Priority { master: true } 120"] } else { &[] };
        assert_eq!(told(&out), expected);
    }
}
