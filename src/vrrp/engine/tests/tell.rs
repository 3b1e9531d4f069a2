//! In which order others are told, where it is about addresses that are still being set or removed.

use super::*;
use crate::vrrp::notice::{News, State, Subject};

#[test]
fn what_was_decided_before_a_renaming_is_reported_before_others_are_told() {
    let mut world = World::new(Duration::from_micros(100));
    let mut engine = start(&mut world, vec![instance("a", 1, 10, 1)]);
    run(&mut engine, &mut world, START + ms(1000));
    let (instance, to) = (Some(Name::from("a")), StateKind::Fault);
    let notice = Notice {
        subject: Subject::Instance,
        name: "a".into(),
        news: News::Entered(State::Fault),
        priority: 100,
        to: Rare::default(),
    };
    engine.actions.extend([
        Action::Report {
            instance: instance.clone(),
            report: Report::Entered { from: StateKind::Master, to },
        },
        Action::Notify(notice),
        Action::Report { instance, report: Report::Renamed { to: "b".into() } },
    ]);
    let until = world.now + ms(100);
    run(&mut engine, &mut world, until);
    assert!(world.position("a Fault") < world.position("INSTANCE \"a\" FAULT 100"), "{:?}", world.done);
}

/// The group G has entered this state.
fn group_is(state: State, members: &[&str]) -> Notice {
    let members = members.iter().map(|m| Name::from(*m)).collect();
    Notice {
        subject: Subject::Group { members },
        name: "G".into(),
        news: News::Entered(state),
        priority: 0,
        to: Rare::default(),
    }
}

#[test]
fn a_group_that_loses_the_member_it_waits_for_is_told_of_in_order() {
    let mut world = World::new(Duration::from_micros(100));
    let mut engine = start(&mut world, vec![instance("a", 1, 10, 500), instance("b", 2, 10, 1)]);
    run(&mut engine, &mut world, START + ms(60));
    assert!(!engine.is_settled(), "in the middle of it");
    let news = [group_is(State::Master, &["a", "b"]), group_is(State::Fault, &["b"])];
    engine.actions.extend(news.map(Action::Notify));
    run(&mut engine, &mut world, START + ms(2000));
    assert!(world.position("GROUP \"G\" MASTER 0") < world.position("GROUP \"G\" FAULT 0"));
    let until = world.now + ms(100);
    engine.actions.push(Action::Notify(group_is(State::Backup, &["b"])));
    run(&mut engine, &mut world, until);
    assert_eq!(world.times("GROUP \"G\" BACKUP 0").len(), 1, "nothing is left to wait for");
}

#[test]
fn a_group_is_told_of_behind_its_members() {
    let mut world = World::new(Duration::from_micros(100));
    let group = |members| group_is(State::Master, members);
    let mut engine = start(&mut world, vec![instance("a", 1, 10, 500), instance("b", 2, 10, 300)]);
    run(&mut engine, &mut world, START + ms(60));
    assert!(!engine.is_settled(), "in the middle of it");
    engine.actions.push(Action::Notify(group(&["a", "b", "c"])));
    run(&mut engine, &mut world, START + ms(2000));
    let told = world.position("GROUP \"G\" MASTER 0");
    assert!(["a", "b"].iter().all(|name| world.position(&format!("INSTANCE \"{name}\" MASTER 100")) < told));
    engine.actions.push(Action::Notify(group(&["a", "b", "c"])));
    let until = world.now + ms(100);
    run(&mut engine, &mut world, until);
    assert_eq!(world.times("GROUP \"G\" MASTER 0").len(), 2, "at once, where there is nothing to wait for");
}
