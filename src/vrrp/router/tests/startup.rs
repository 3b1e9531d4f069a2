//! The delay of a start: nobody is master before it and the down timer are over, and an interface that nobody minds.

use super::*;

fn delayed(startup: u64, after_boot: u64, instances: Vec<config::Instance>) -> Event<'static> {
    let settings = config::Settings {
        startup_delay: Duration::from_secs(startup),
        delay_after_boot: Duration::from_secs(after_boot),
        ..config::Settings::default()
    };
    Event::Config(Box::new(config::Config { instances, settings, ..config::Config::default() }))
}

fn both() -> Vec<config::Instance> {
    vec![instance("1", 1, 100), instance("2", 2, 255)]
}

fn start(router: &mut Router, event: Event<'_>) -> Actions {
    let mut out = vec![];
    handle(router, START, link(true, &["10.0.0.251/24"]), &mut out);
    handle(router, START, event, &mut out);
    out
}

/// When each of the two became master, in seconds after the start; `hears`: adverts of a better one until then.
fn masters(router: &mut Router, hears: u64) -> [Option<u64>; 2] {
    let mut found = [None; 2];
    for tenth in 1..200 {
        let now = START + Duration::from_millis(100) * tenth;
        let mut out = vec![];
        if now < START + Duration::from_secs(hears) {
            handle(router, now, received(advert(1, 200), "10.0.0.250", 255), &mut out);
        }
        timeout(router, now, &mut out);
        for (found, state) in found.iter_mut().zip(states(router)) {
            if state == StateKind::Master {
                found.get_or_insert(u64::from(tenth) / 10);
            }
        }
    }
    found
}

#[test]
fn nobody_is_master_before_the_delay_of_the_start_is_over() {
    for (startup, after_boot) in [(5, 0), (0, 6), (5, 3)] {
        let mut router = Router::default();
        let out = start(&mut router, delayed(startup, after_boot, both()));
        assert!(reports(&out).contains(&&Report::StartDelayed(Duration::from_secs(5))));
        assert_eq!(states(&router), [StateKind::Backup, StateKind::Init], "an owner waits unseen");
        // The down timer runs from the end of the delay, and adverts are not heard before.
        assert_eq!(masters(&mut router, 4), [Some(8), Some(5)]);
    }
    // This machine has been up for a second.
    let mut router = Router::default();
    start(&mut router, delayed(0, 1, both()));
    assert_eq!(masters(&mut router, 0), [Some(3), Some(0)]);
}

#[test]
fn a_process_that_follows_one_that_died_does_not_wait() {
    let mut router = Router::new(true);
    start(&mut router, delayed(5, 0, both()));
    assert_eq!(masters(&mut router, 0), [Some(3), Some(0)]);
}

#[test]
fn a_reload_moves_the_end_of_the_delay_and_begins_none() {
    for (second, expected) in [(2, [Some(5), Some(2)]), (9, [Some(12), Some(9)]), (0, [Some(4), Some(0)])] {
        let mut router = Router::default();
        start(&mut router, delayed(5, 0, both()));
        let mut out = vec![];
        let now = START + Duration::from_secs(1);
        handle(&mut router, now, delayed(second, 0, both()), &mut out);
        let over = reports(&out).contains(&&Report::StartDelayOver);
        assert_eq!(over, second == 0);
        assert_eq!(masters(&mut router, 0), expected, "{second}");
    }
    let mut router = Router::default();
    start(&mut router, delayed(0, 0, both()));
    let mut out = vec![];
    handle(&mut router, START, delayed(5, 0, both()), &mut out);
    assert_eq!(masters(&mut router, 0), [Some(3), Some(0)]);
}

/// Its deadline is set anew, from the end of the delay.
#[test]
fn another_interval_makes_nobody_master_before_the_delay_of_the_start_is_over() {
    let mut router = Router::default();
    start(&mut router, delayed(5, 0, both()));
    let mut slower = both();
    slower.iter_mut().for_each(|instance| instance.advert_int *= 2);
    handle(&mut router, START + Duration::from_secs(1), delayed(5, 0, slower), &mut vec![]);
    assert_eq!(masters(&mut router, 0), [Some(11), Some(5)]);
}

#[test]
fn dont_track_primary_leaves_the_instance_what_it_is() {
    let mut unminded = instance("1", 1, 100);
    unminded.link.ignore_faults = true;
    let mut router = Router::default();
    start(&mut router, config(vec![unminded, instance("2", 2, 100)]));
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    out.clear();
    handle(&mut router, now, Event::Link(named_link("eth0", 2, false)), &mut out);
    assert_eq!(states(&router), [StateKind::Master, StateKind::Fault]);
    // What is not there can't be used.
    handle(&mut router, now, Event::LinkGone(IfIndex(2)), &mut out);
    assert_eq!(states(&router), [StateKind::Fault; 2]);
}
