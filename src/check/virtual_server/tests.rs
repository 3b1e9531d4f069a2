//! What a virtual server says and wants of the kernel as its servers come and go.

use super::*;
use crate::check::testing::{address, server, short, sorry, virtual_server};
use crate::command::Command;
use crate::ipvs::model::{Forward, Netmask, ServiceFlags};
use crate::net::Family;
use proptest::prelude::*;

mod rows;
mod transitions;

/// A virtual server that has just started, with all its servers up.
fn start(config: config::VirtualServer) -> VirtualServer {
    let servers = vec![Server::default(); config.real_servers.len()];
    VirtualServer::new(Instant::ZERO, config, servers, Start::Fresh, AtStart::Silent, &mut Vec::new())
}

/// So many failed checks each.
fn failing(failed: &[u32]) -> Vec<Server> {
    failed.iter().map(|&failed| Server { failed, ..Server::default() }).collect()
}

fn row(vs: &VirtualServer) -> Vec<String> {
    short(&vs.row(vs.config().endpoints[0]).1)
}

/// Lets a check change its status; returns what is told.
fn set(vs: &mut VirtualServer, server: usize, status: Status) -> Vec<String> {
    let mut actions = Vec::new();
    let before = row(vs);
    vs.check_changed(Instant::ZERO, server, status, None, &mut actions);
    assert!(
        row(vs) == before || actions.iter().any(|a| !matches!(a, Action::Report(_))),
        "changes are announced"
    );
    told(actions)
}

fn announced(actions: &[Action]) -> bool {
    actions.iter().any(|a| matches!(a, Action::ServiceChanged(_) | Action::DestChanged(..)))
}

fn told(actions: Vec<Action>) -> Vec<String> {
    let reports = actions.into_iter().filter_map(|a| match a {
        Action::Report(n) => Some(n.to_string()),
        Action::Notify(notice) => notice.program.as_ref().map(|command| format!("runs {command}")),
        _ => None,
    });
    reports.collect()
}

#[test]
fn a_failed_server_is_removed_and_comes_back() {
    let mut vs = start(virtual_server(1, vec![server(11), server(12)]));
    assert_eq!(row(&vs), ["11/1", "12/1"]);
    assert_eq!(
        set(&mut vs, 0, Status::Down),
        ["Removing service [192.0.2.11]:tcp:80 from VS [10.0.0.1]:tcp:80"]
    );
    assert_eq!(row(&vs), ["12/1"]);
    assert_eq!(
        set(&mut vs, 1, Status::Down),
        [
            "Removing service [192.0.2.12]:tcp:80 from VS [10.0.0.1]:tcp:80",
            "Lost quorum 1-0=1 > 0 for VS [10.0.0.1]:tcp:80",
        ]
    );
    assert_eq!(row(&vs), [""; 0]);
    assert_eq!(
        set(&mut vs, 0, Status::Up),
        [
            "Adding service [192.0.2.11]:tcp:80 to VS [10.0.0.1]:tcp:80",
            "Gained quorum 1+0=1 <= 1 for VS [10.0.0.1]:tcp:80",
        ]
    );
    assert_eq!(row(&vs), ["11/1"]);
}

#[test]
fn an_inhibited_server_stays_at_weight_0() {
    let mut config = virtual_server(1, vec![server(11), server(12)]);
    config.real_servers[0].inhibit_on_failure = true;
    let mut vs = start(config);
    assert_eq!(
        set(&mut vs, 0, Status::Down),
        ["Disabling service [192.0.2.11]:tcp:80 of VS [10.0.0.1]:tcp:80"]
    );
    assert_eq!(row(&vs), ["11/0", "12/1"]);
    assert_eq!(set(&mut vs, 0, Status::Up), ["Enabling service [192.0.2.11]:tcp:80 of VS [10.0.0.1]:tcp:80"]);
    assert_eq!(row(&vs), ["11/1", "12/1"]);
}

#[test]
fn a_server_is_up_only_while_all_its_checks_pass() {
    let mut vs = start(virtual_server(1, vec![server(11), server(12)]));
    assert_eq!(set(&mut vs, 0, Status::Down).len(), 1);
    assert_eq!(set(&mut vs, 0, Status::Down), [""; 0]);
    assert_eq!(set(&mut vs, 0, Status::Up), [""; 0]);
    assert_eq!(row(&vs), ["12/1"]);
    assert_eq!(set(&mut vs, 0, Status::Up).len(), 1);
    assert_eq!(row(&vs), ["11/1", "12/1"]);
}

#[test]
fn the_sorry_server_stands_in_for_a_lost_quorum() {
    let mut config = virtual_server(1, vec![server(11), server(12), server(13)]);
    config.quorum = 2;
    config.real_servers[2].inhibit_on_failure = true;
    config.sorry_server = sorry("192.0.2.99:80", false);
    let mut vs = start(config);
    assert_eq!(row(&vs), ["11/1", "12/1", "13/1"]);
    set(&mut vs, 0, Status::Down);
    assert_eq!(
        set(&mut vs, 1, Status::Down),
        [
            "Removing service [192.0.2.12]:tcp:80 from VS [10.0.0.1]:tcp:80",
            "Lost quorum 2-0=2 > 1 for VS [10.0.0.1]:tcp:80",
            "Adding sorry server [192.0.2.99]:tcp:80 to VS [10.0.0.1]:tcp:80",
        ]
    );
    assert_eq!(row(&vs), ["13/0", "99/1"], "what is still alive makes room");
    assert_eq!(
        set(&mut vs, 0, Status::Up),
        [
            "Adding service [192.0.2.11]:tcp:80 to VS [10.0.0.1]:tcp:80",
            "Gained quorum 2+0=2 <= 2 for VS [10.0.0.1]:tcp:80",
            "Removing sorry server [192.0.2.99]:tcp:80 from VS [10.0.0.1]:tcp:80",
        ]
    );
    assert_eq!(row(&vs), ["11/1", "13/1"]);
}

#[test]
fn an_inhibited_sorry_server_is_always_there() {
    let mut config = virtual_server(1, vec![server(11)]);
    config.sorry_server = sorry("192.0.2.99:80", true);
    let mut vs = start(config);
    assert_eq!(row(&vs), ["11/1", "99/0"]);
    set(&mut vs, 0, Status::Down);
    assert_eq!(row(&vs), ["99/1"]);
    set(&mut vs, 0, Status::Up);
    assert_eq!(row(&vs), ["11/1", "99/0"]);
}

#[test]
fn a_sorry_server_that_is_a_real_server_too_has_one_entry() {
    let mut config = virtual_server(1, vec![server(11), server(12)]);
    config.quorum = 2;
    config.sorry_server = sorry("192.0.2.11:80", false);
    let mut vs = start(config);
    set(&mut vs, 1, Status::Down);
    assert_eq!(row(&vs), ["11/1"]);
    set(&mut vs, 0, Status::Down);
    assert_eq!(row(&vs), ["11/1"], "as the sorry server, unchecked");
}

#[test]
fn without_live_servers_it_starts_with_the_sorry_server() {
    let mut config = virtual_server(1, vec![server(11)]);
    config.sorry_server = sorry("192.0.2.99:80", false);
    let mut actions = Vec::new();
    let vs =
        VirtualServer::new(Instant::ZERO, config, failing(&[1]), Start::Fresh, AtStart::Silent, &mut actions);
    assert_eq!(
        told(actions),
        [
            "Starting with quorum down 1-0=1 > 0 for VS [10.0.0.1]:tcp:80",
            "Adding sorry server [192.0.2.99]:tcp:80 to VS [10.0.0.1]:tcp:80",
        ]
    );
    assert_eq!(row(&vs), ["99/1"]);
}

#[test]
fn hysteresis_keeps_the_quorum_until_it_is_clearly_lost() {
    let mut config = virtual_server(1, (11..15).map(server).collect());
    (config.quorum, config.hysteresis) = (2, 1);
    let mut vs = start(config);
    for server in 0..3 {
        set(&mut vs, server, Status::Down);
        assert_eq!(vs.quorum(), Status::Up);
    }
    assert!(set(&mut vs, 3, Status::Down)[1].starts_with("Lost quorum 2-1=1 > 0"));
    for server in 0..2 {
        set(&mut vs, server, Status::Up);
        assert_eq!(vs.quorum(), Status::Down);
    }
    assert!(set(&mut vs, 2, Status::Up)[1].starts_with("Gained quorum 2+1=3 <= 3"));
}

#[test]
fn a_reload_tells_what_changed_and_nothing_else() {
    let config = virtual_server(1, vec![server(11), server(12)]);
    let vs = start(config.clone());
    let mut actions = Vec::new();
    let mut vs = vs.reload(Instant::ZERO, config.clone(), failing(&[0, 0]), AtStart::Silent, &mut actions);
    assert_eq!(told(actions), [""; 0]);
    set(&mut vs, 1, Status::Down);

    let mut next = virtual_server(1, vec![server(12), server(13)]);
    next.real_servers[0].weight = 3;
    let mut actions = Vec::new();
    let vs = vs.reload(Instant::ZERO, next, failing(&[1, 0]), AtStart::Silent, &mut actions);
    assert_eq!(
        told(actions),
        [
            "service [192.0.2.11]:tcp:80 no longer exist in VS [10.0.0.1]:tcp:80",
            "Changing weight from 1 to 3 for inactive service [192.0.2.12]:tcp:80 of VS [10.0.0.1]:tcp:80",
        ]
    );
    assert_eq!(row(&vs), ["13/1"]);
}

#[test]
fn a_reload_can_bring_replace_and_remove_the_sorry_server() {
    let mut config = virtual_server(1, vec![server(11)]);
    let mut vs = start(config.clone());
    set(&mut vs, 0, Status::Down);
    config.sorry_server = sorry("192.0.2.98:80", false);
    let vs = vs.reload(Instant::ZERO, config.clone(), failing(&[1]), AtStart::Silent, &mut Vec::new());
    assert_eq!(row(&vs), ["98/1"]);
    config.sorry_server = sorry("192.0.2.99:80", false);
    let vs = vs.reload(Instant::ZERO, config.clone(), failing(&[1]), AtStart::Silent, &mut Vec::new());
    assert_eq!(row(&vs), ["99/1"]);
    config.sorry_server = None;
    let mut actions = Vec::new();
    let vs = vs.reload(Instant::ZERO, config, failing(&[1]), AtStart::Silent, &mut actions);
    assert_eq!(told(actions), ["Removing sorry server [192.0.2.99]:tcp:80 from VS [10.0.0.1]:tcp:80"]);
    assert_eq!(row(&vs), [""; 0]);
}

#[test]
fn an_adopted_quorum_is_believed_within_the_hysteresis() {
    let mut config = virtual_server(1, (11..14).map(server).collect());
    (config.quorum, config.hysteresis) = (2, 1);
    config.sorry_server = sorry("192.0.2.99:80", false);
    let adopt = |sorry| {
        let start = Start::Adopted { sorry };
        VirtualServer::new(
            Instant::ZERO,
            config.clone(),
            failing(&[0, 0, 1]),
            start,
            AtStart::Silent,
            &mut Vec::new(),
        )
    };
    assert_eq!(row(&adopt(false)), ["11/1", "12/1"]);
    assert_eq!(row(&adopt(true)), ["99/1"]);
}

proptest! {
    /// Whatever happens to the servers, the rows are those of the table at the top of the module, the quorum obeys
    /// its thresholds, and it changes only when a server does.
    #[test]
    fn rows_and_quorum_follow_the_servers(
        servers in proptest::collection::vec((0u32..4, any::<bool>()), 0..6),
        (quorum, hysteresis) in (0u32..6, 0u32..4),
        sorry_server in proptest::option::of(any::<bool>()),
        events in proptest::collection::vec((0usize..6, any::<bool>()), 0..40),
    ) {
        let mut config = virtual_server(1, (11..).map(server).take(servers.len()).collect());
        for (rs, &(weight, inhibit)) in config.real_servers.iter_mut().zip(&servers) {
            (rs.weight, rs.inhibit_on_failure) = (weight, inhibit);
        }
        (config.quorum, config.hysteresis) = (quorum, hysteresis);
        config.sorry_server = sorry_server.and_then(|inhibit| sorry("192.0.2.99:80", inhibit));
        let mut vs = start(config.clone());
        let mut up = vec![true; servers.len()];
        for (i, pass) in events {
            if i >= up.len() { continue }
            let (before, status) = (vs.quorum(), if pass { Status::Up } else { Status::Down });
            let mut actions = Vec::new();
            if up[i] != pass {
                vs.check_changed(Instant::ZERO, i, status, None, &mut actions);
            }
            up[i] = pass;

            let live: u32 = servers.iter().zip(&up).filter(|(_, up)| **up).map(|((w, _), _)| w).sum();
            prop_assert_eq!(vs.live_weight(), u64::from(live));
            let expected = match before {
                Status::Up if live == 0 || live + hysteresis < quorum => Status::Down,
                Status::Down if live > 0 && live >= quorum + hysteresis => Status::Up,
                same => same,
            };
            prop_assert_eq!(vs.quorum(), expected);
            prop_assert_eq!(vs.sorry_active(), expected == Status::Down && sorry_server.is_some());

            let mut rows = Vec::new();
            for (k, &(weight, inhibit)) in servers.iter().enumerate() {
                match (up[k] && !vs.sorry_active(), inhibit) {
                    (true, _) => rows.push(format!("{}/{weight}", 11 + k)),
                    (false, true) => rows.push(format!("{}/0", 11 + k)),
                    (false, false) => {}
                }
            }
            if vs.sorry_active() { rows.push("99/1".into()) }
            else if sorry_server == Some(true) { rows.push("99/0".into()) }
            prop_assert_eq!(row(&vs), rows);

            let failed: Vec<u32> = up.iter().map(|up| u32::from(!up)).collect();
            let failed = failing(&failed);
            let mut actions = Vec::new();
            let (config, follows) = (config.clone(), vs.clone());
            let again = follows.reload(Instant::ZERO, config.clone(), failed.clone(), AtStart::Silent, &mut actions);
            prop_assert_eq!(&again, &vs, "a reload without a change is none");
            let again = vs.clone().follow(Instant::ZERO, config, failed, AtStart::Silent, &mut actions);
            prop_assert_eq!(&again, &vs, "nor is it one for who looks at each server");
            prop_assert_eq!(told(actions), Vec::<String>::new());
        }
    }
}

fn weigh(vs: &mut VirtualServer, server: usize, more: i64) -> Vec<String> {
    let mut actions = Vec::new();
    let before = row(vs);
    vs.weighed(Instant::ZERO, server, more, &mut actions);
    assert!(row(vs) == before || announced(&actions), "changes are announced");
    told(actions)
}

#[test]
fn what_checks_add_counts_for_the_kernel_and_for_the_quorum() {
    let mut config = virtual_server(1, vec![server(11), server(12)]);
    (config.quorum, config.real_servers[0].weight) = (5, 5);
    let mut vs = start(config.clone());
    assert_eq!(row(&vs), ["11/5", "12/1"]);
    let changed = |from, to, state: &str| {
        format!(
            "Changing weight from {from} to {to} for {state} service [192.0.2.11]:tcp:80 of VS [10.0.0.1]:tcp:80"
        )
    };
    assert_eq!(
        weigh(&mut vs, 0, -4),
        [changed(5, 1, "active"), "Lost quorum 5-0=5 > 2 for VS [10.0.0.1]:tcp:80".into()]
    );
    assert_eq!((row(&vs), vs.live_weight()), (vec!["11/1".into(), "12/1".into()], 2));
    // Never below 0, but nothing is forgotten.
    assert_eq!(weigh(&mut vs, 0, -100), [changed(1, 0, "active")]);
    assert_eq!(row(&vs), ["11/0", "12/1"]);
    assert_eq!(weigh(&mut vs, 0, 50), [""; 0]);
    set(&mut vs, 0, Status::Down);
    assert_eq!(weigh(&mut vs, 0, 56), [changed(0, 7, "inactive")]);
    assert_eq!((row(&vs), vs.live_weight()), (vec!["12/1".into()], 1));
    set(&mut vs, 0, Status::Up);
    assert_eq!((row(&vs), vs.quorum()), (vec!["11/7".into(), "12/1".into()], Status::Up));

    // A reload that gives another weight adds to that one.
    config.real_servers[0].weight = 10;
    let servers = vec![Server { more: 2, ..Server::default() }, Server::default()];
    let mut actions = Vec::new();
    let vs = vs.reload(Instant::ZERO, config, servers, AtStart::Silent, &mut actions);
    assert_eq!(told(actions), [changed(7, 12, "active")]);
    assert_eq!(row(&vs), ["11/12", "12/1"]);
}

/// The programs among what is told.
fn runs(told: Vec<String>) -> Vec<String> {
    told.into_iter().filter_map(|line| line.strip_prefix("runs ").map(str::to_owned)).collect()
}

fn program(name: &str) -> Option<Box<Command>> {
    Some(Box::new(Command { argv: vec![name.into()], run_as: None }))
}

#[test]
fn programs_hear_of_servers_and_of_the_quorum() {
    let mut config = virtual_server(1, vec![server(11), server(12)]);
    (config.quorum_up, config.quorum_down) = (program("/quorum/up"), program("/quorum/down"));
    for rs in &mut config.real_servers {
        (rs.notify_up, rs.notify_down) = (program("/up"), program("/down"));
    }
    let mut actions = Vec::new();
    let mut vs = VirtualServer::new(
        Instant::ZERO,
        config.clone(),
        vec![Server::default(); 2],
        Start::Fresh,
        AtStart::Silent,
        &mut actions,
    );
    assert_eq!(runs(told(actions)), ["/quorum/up"]);
    assert_eq!(runs(set(&mut vs, 0, Status::Down)), ["/down"]);
    assert_eq!(runs(set(&mut vs, 1, Status::Down)), ["/down", "/quorum/down"]);
    assert_eq!(runs(set(&mut vs, 1, Status::Up)), ["/up", "/quorum/up"]);

    // At the end, with omega only, and those alone that were up.
    let stop = |vs: &VirtualServer| {
        let mut actions = Vec::new();
        vs.shut_down(true, &mut actions);
        runs(told(actions))
    };
    assert_eq!(stop(&vs), [""; 0]);
    config.omega = true;
    let servers = vec![Server { failed: 1, ..Server::default() }, Server::default()];
    let mut vs = vs.reload(Instant::ZERO, config.clone(), servers.clone(), AtStart::Silent, &mut Vec::new());
    assert_eq!(stop(&vs), ["/down", "/quorum/down"]);
    let mut actions = Vec::new();
    vs.shut_down(false, &mut actions);
    assert_eq!(runs(told(actions)), ["/quorum/down"], "servers that go with the table are not told of");
    set(&mut vs, 1, Status::Down);
    assert_eq!(stop(&vs), [""; 0], "they have heard it already");

    // A server that a reload drops is gone for its program, too.
    set(&mut vs, 1, Status::Up);
    config.real_servers.pop();
    let mut actions = Vec::new();
    let _ = vs.reload(Instant::ZERO, config, vec![servers[0]], AtStart::Silent, &mut actions);
    assert_eq!(runs(told(actions)), ["/down", "/quorum/down"]);
}

#[test]
fn programs_hear_of_servers_that_begin_where_they_are_to() {
    let with_program = |host| config::RealServer { notify_up: program("/up"), ..server(host) };
    let mut config = virtual_server(1, vec![with_program(11), with_program(12)]);
    let begin = |at_start| {
        let mut actions = Vec::new();
        let vs = VirtualServer::new(
            Instant::ZERO,
            config.clone(),
            failing(&[0, 1]),
            Start::Fresh,
            at_start,
            &mut actions,
        );
        (vs, runs(told(actions)))
    };
    assert_eq!(begin(AtStart::Silent).1, [""; 0]);
    let (vs, heard) = begin(AtStart::Told);
    assert_eq!(heard, ["/up"], "the other one is down");
    // A reload tells of those that are new.
    config.real_servers.push(with_program(13));
    let mut actions = Vec::new();
    let _ = vs.reload(Instant::ZERO, config, failing(&[0, 1, 0]), AtStart::Told, &mut actions);
    assert_eq!(runs(told(actions)), ["/up"]);
}

#[test]
fn its_end_is_told_server_by_server() {
    let mut inhibited = server(12);
    inhibited.inhibit_on_failure = true;
    let mut config = virtual_server(1, vec![server(11), inhibited, server(13)]);
    config.quorum_down = program("/quorum/down");
    let mut vs = start(config);
    set(&mut vs, 1, Status::Down);
    set(&mut vs, 2, Status::Down);
    let end = |tell: &dyn Fn(&mut Vec<Action>)| {
        let mut actions = Vec::new();
        tell(&mut actions);
        told(actions)
    };
    let name = "[10.0.0.1]:tcp:80";
    assert_eq!(
        end(&|actions| vs.shut_down(true, actions)),
        [
            format!("Shutting down service [192.0.2.11]:tcp:80 from VS {name}"),
            format!("Shutting down (inhibited) service [192.0.2.12]:tcp:80 from VS {name}"),
            format!("Shutting down service [192.0.2.13]:tcp:80 from VS {name}"),
        ],
        "without omega, no program"
    );
    assert_eq!(
        end(&|actions| vs.remove(actions)),
        [
            format!("Removing Virtual Server {name}"),
            format!("Removing service [192.0.2.11]:tcp:80 from VS {name}"),
            format!("Removing (inhibited) service [192.0.2.12]:tcp:80 from VS {name}"),
            "runs /quorum/down".to_owned(),
        ],
        "what is out already can't be removed"
    );
}
