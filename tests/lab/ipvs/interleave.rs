//! Two programs at one table at the same time, answers that get lost, and a table as large as they come: nothing is lost
//! and nothing is there twice.

use super::write::{piped, saved, vipd};
use super::{Pair, Story, dest, key, service};
use crate::support::yield_to_others;
use nix::sys::socket::{setsockopt, sockopt};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::thread;
use vipd::ipvs::client::{Client, Counters};
use vipd::ipvs::membership::MembershipReader;
use vipd::ipvs::model::{Dest, Forward, Netmask, ServiceKey, Table, Tunnel, TunnelFlags, TunnelKind};
use vipd::ipvs::operation::Operation;
use vipd::netlink::Failure;

pub(super) const STORIES: [(&str, Story); 8] = [
    ("two_writers_with_lines_of_their_own", two_writers),
    ("two_writers_with_the_same_lines", same_lines),
    ("servers_are_listed_while_another_writes", servers_while_another_writes),
    ("what_removals_hide_is_not_gone", |pair| hidden_by_removals(pair, |address| address)),
    ("what_removals_hide_is_not_gone_of_ipv6", |pair| hidden_by_removals(pair, v6)),
    ("the_membership_has_servers_of_the_other_family", both_families),
    ("answers_that_get_lost", lost_answers),
    ("a_hundred_thousand_servers", hundred_thousand),
];

/// `-A` and a few `-a` for each of these services.
fn rules(services: impl Iterator<Item = u32>) -> String {
    let mut rules = String::new();
    for n in services {
        let name = format!("-t 172.16.{}.{}:80", n >> 8, n & 255);
        writeln!(rules, "-A {name} -s wlc").unwrap();
        for server in 0..3 {
            writeln!(rules, "-a {name} -r 10.0.{server}.{}:80 -g -w 1", n & 255).unwrap();
        }
    }
    rules
}

/// Services and servers of a table, whose keys are all different.
fn unique(table: &Table) -> (usize, usize) {
    let services: HashSet<_> = table.services.iter().map(|(s, _)| s.key).collect();
    assert_eq!(services.len(), table.services.len(), "a service twice");
    let mut servers = 0;
    for (service, dests) in &table.services {
        let keys: HashSet<_> = dests.iter().map(|d| d.key).collect();
        assert_eq!(keys.len(), dests.len(), "a server of {} twice", service.key);
        servers += dests.len();
    }
    (services.len(), servers)
}

/// `ipvsadm -R` and `vipd ipvs -R` at the same time in one namespace; gives the lines each failed at.
fn both_restore(pair: &Pair, theirs: &str, ours: &str) -> [usize; 2] {
    let host = &pair.ours;
    thread::scope(|scope| {
        let theirs = scope.spawn(|| piped(host.command("ipvsadm").arg("-R"), theirs));
        let ours = scope.spawn(|| vipd(host, "-R", ours));
        let theirs = theirs.join().unwrap();
        // ipvsadm tells each refusal, some in two lines.
        let refused = String::from_utf8_lossy(&theirs.stderr).matches("already exists").count();
        [refused, ours.join().unwrap().2.lines().count()]
    })
}

fn two_writers(pair: &Pair) {
    let (even, odd) = (rules((0..200).map(|n| 2 * n)), rules((0..200).map(|n| 2 * n + 1)));
    assert_eq!(both_restore(pair, &even, &odd), [0, 0]);
    let table = pair.ours.enter(|| Client::open().unwrap().table().unwrap());
    assert_eq!(unique(&table), (400, 1200));
}

fn same_lines(pair: &Pair) {
    let rules = rules(0..200);
    let failed = both_restore(pair, &rules, &rules);
    assert_eq!(failed[0] + failed[1], 800, "each line succeeded with exactly one of the two: {failed:?}");
    let table = pair.ours.enter(|| Client::open().unwrap().table().unwrap());
    assert_eq!(unique(&table), (200, 600));
}

fn servers_while_another_writes(pair: &Pair) {
    pair.ours.enter(|| {
        let mut client = Client::open().unwrap();
        let stable: HashSet<_> = (0..500).map(|n| dest(n).key).collect();
        let first: Vec<Operation> = std::iter::once(Operation::AddService(service(0)))
            .chain((0..500).map(|n| Operation::AddDest(key(0), dest(n))))
            .collect();
        assert_eq!(client.execute(&first), []);
        let mut writer = Client::open().unwrap();
        thread::scope(|scope| {
            let writing = scope.spawn(|| {
                for n in 500..1500 {
                    assert_eq!(writer.execute(&[Operation::AddDest(key(0), dest(n))]), []);
                }
            });
            while !writing.is_finished() {
                let keys: Vec<_> = client.dests(&key(0)).unwrap().iter().map(|e| e.dest.key).collect();
                let unique: HashSet<_> = keys.iter().copied().collect();
                assert_eq!(unique.len(), keys.len(), "none twice");
                assert!(stable.is_subset(&unique), "none missing");
            }
        });
        assert_eq!(client.dests(&key(0)).unwrap().len(), 1500);
    });
}

/// 2001:db8::, and the IPv4 address.
fn v6(address: IpAddr) -> IpAddr {
    let IpAddr::V4(v4) = address else { return address };
    IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(v4.to_bits())))
}

/// Every list has all that stays, whatever is removed meanwhile.
fn hidden_by_removals(pair: &Pair, of_family: fn(IpAddr) -> IpAddr) {
    let mut service = service(0);
    let ServiceKey::Address { address, .. } = &mut service.key else { unreachable!("an address") };
    *address = of_family(*address);
    service.netmask = Netmask::host(service.key.family());
    let key = service.key;
    let dest = |n: u32| {
        let mut dest = dest(n);
        dest.key.address = of_family(dest.key.address);
        dest
    };
    let add = |n: u32| Operation::AddDest(key, dest(n));
    pair.ours.enter(|| {
        let mut client = Client::open().unwrap();
        let mut writer = Client::open().unwrap();
        let stable: HashSet<_> = (0..500).map(|n| dest(n).key).collect();
        let transient: Vec<Operation> = (500..2500).map(add).collect();
        let first: Vec<Operation> =
            std::iter::once(Operation::AddService(service)).chain((0..500).map(add)).collect();
        assert_eq!(writer.execute(&first), []);
        // Lists that were made while something was removed.
        let mut meanwhile = 0;
        while meanwhile < 10 {
            assert_eq!(writer.execute(&transient), []);
            thread::scope(|scope| {
                let writing = scope.spawn(|| {
                    // The newest are listed first: all that remains moves up each time.
                    for n in (500..2500).rev() {
                        assert_eq!(writer.execute(&[Operation::DeleteDest(key, dest(n).key)]), []);
                    }
                });
                let mut dests = Vec::new();
                while !writing.is_finished() {
                    match meanwhile % 2 {
                        0 => dests = client.dests(&key).unwrap(),
                        _ => client.dests_into(&key, Counters::Leave, &mut dests, &mut None).unwrap(),
                    }
                    let unique: HashSet<_> = dests.iter().map(|e| e.dest.key).collect();
                    assert_eq!(unique.len(), dests.len(), "none twice");
                    let missing = stable.difference(&unique).count();
                    assert_eq!(missing, 0, "of {}", dests.len());
                    meanwhile += usize::from((500..2500).contains(&dests.len()));
                }
            });
            let left: Vec<_> = client.dests(&key).unwrap().iter().map(|e| e.dest.key).collect();
            assert_eq!(left, (0..500).rev().map(|n| dest(n).key).collect::<Vec<_>>(), "the newest first");
        }
    });
}

/// An IPv4 service may have servers of IPv6, and all of these may be what a list lacks.
fn both_families(pair: &Pair) {
    let forward = Forward::Tunnel(Tunnel { kind: TunnelKind::Ipip, port: 0, flags: TunnelFlags::empty() });
    let server = |n: u32| {
        let mut dest = Dest { forward, ..dest(n) };
        if n.is_multiple_of(2) {
            dest.key.address = v6(dest.key.address);
        }
        dest
    };
    pair.ours.enter(|| {
        let mut client = Client::open().unwrap();
        let operations: Vec<Operation> = std::iter::once(Operation::AddService(service(0)))
            .chain((0..6).map(|n| Operation::AddDest(key(0), server(n))))
            .collect();
        assert_eq!(client.execute(&operations), []);
        let mut list = client.dests(&key(0)).unwrap();
        list.retain(|entry| entry.dest.key.address.is_ipv4());
        let there = MembershipReader::open().read(&key(0), &list).unwrap();
        assert_eq!(there, (0..6).rev().map(|n| server(n).key).collect::<Vec<_>>(), "the newest first");
    });
}

fn lost_answers(pair: &Pair) {
    pair.ours.enter(|| {
        let mut client = Client::open().unwrap();
        // Room for a few refusals, and for hundreds of requests in one send.
        setsockopt(&client, sockopt::RcvBuf, &1).unwrap();
        let mut operations = vec![Operation::AddService(service(0))];
        for n in 0..400 {
            operations.push(Operation::AddDest(key(0), dest(n)));
            operations.push(Operation::AddDest(key(0), dest(n)));
        }
        let failed = client.execute(&operations);
        assert!(failed.iter().any(|f| f.failure == Failure::Unknown), "some answers were lost");
        let told: HashSet<usize> = failed.iter().map(|f| f.index).collect();
        for twice in (2..operations.len()).step_by(2) {
            assert!(told.contains(&twice), "what failed is not taken for done: {}", operations[twice]);
        }
        // Listings wait for room.
        let table = client.table().unwrap();
        assert_eq!(unique(&table), (1, 400));
    });
}

fn hundred_thousand(pair: &Pair) {
    yield_to_others();
    let mut rules = String::new();
    for service in 0..1000u32 {
        let name = format!("-t 172.16.{}.{}:80", service >> 8, service & 255);
        writeln!(rules, "-A {name} -s wlc").unwrap();
        for n in service * 100..(service + 1) * 100 {
            writeln!(rules, "-a {name} -r 10.{}.{}.{}:80 -g -w {}", n >> 16, n >> 8 & 255, n & 255, n % 5)
                .unwrap();
        }
    }
    assert_eq!(vipd(&pair.ours, "-R", &rules), (Some(0), String::new(), String::new()));
    let kept = saved(&pair.ours);
    assert!(kept == rules, "what was saved is what was written");
    assert_eq!(vipd(&pair.theirs, "-R", &kept), (Some(0), String::new(), String::new()));
    assert!(saved(&pair.theirs) == rules, "restored in another namespace");
}
