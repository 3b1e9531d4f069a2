//! The table without a kernel that has one; the rest is tested in the lab, on a real one.

use super::*;
use crate::check::adopt::Found;
use crate::check::config::{Config, Settings};
use crate::check::testing::{server, virtual_server};
use crate::ipvs::attributes::number::Command;
use crate::ipvs::testing::fake::Fake;
use crate::netlink::{Failure, Refusal};
use std::time::Duration;

fn balancer() -> Balancer {
    let mut balancer = Balancer::new(0);
    let config = Config { virtual_servers: vec![virtual_server(1, vec![server(11)])], ..Config::default() };
    balancer.configure(Instant::ZERO, config, &Found::default(), &mut Vec::new());
    balancer
}

#[test]
fn a_kernel_without_ipvs_is_said_once_and_asked_ever_less_often() {
    let balancer = balancer();
    let mut kernel = Kernel::new(|| Err(Error::NoIpvs));
    assert_eq!(kernel.read_at_start(Instant::ZERO, balancer.keys(), false), Table::default());
    kernel.replace(Instant::ZERO, &balancer);
    let mut now = Instant::ZERO;
    let mut delays = Vec::new();
    for _ in 0..9 {
        kernel.mark(balancer.keys().next().unwrap());
        kernel.apply(now, &balancer);
        let next = kernel.next_timeout().expect("it is tried again");
        delays.push((next - now).as_secs());
        now = next;
        kernel.apply(now - Duration::from_nanos(1), &balancer);
        assert_eq!(kernel.next_timeout(), Some(next), "and not before");
        kernel.apply(now, &balancer);
        now = kernel.next_timeout().expect("it is tried again");
    }
    assert_eq!(delays, [1, 4, 16, 60, 60, 60, 60, 60, 60], "each second attempt: 1, 2, 4, … 60 s");
    assert_eq!(kernel.logged.len(), 1, "{:?}", kernel.logged);
    kernel.release(FlushOnStop::Each);
}

#[test]
fn without_virtual_servers_the_kernel_is_not_asked_at_all() {
    let mut kernel = Kernel::new(|| panic!("nobody asked for IPVS"));
    let balancer = Balancer::new(0);
    kernel.read_at_start(Instant::ZERO, balancer.keys(), false);
    kernel.replace(Instant::ZERO, &balancer);
    assert_eq!(kernel.next_timeout(), None);
    kernel.release(FlushOnStop::Each);
}

/// What the kernel says of an operation that is not carried out.
fn refused(operation: Operation, errno: Errno) -> Failed {
    let failure = Failure::Refused(Refusal { errno, explanation: None });
    Failed { index: 0, operation, failure }
}

#[test]
fn only_what_somebody_else_can_have_changed_is_read_back() {
    let balancer = balancer();
    let key = balancer.keys().next().expect("a service");
    let (service, dests) = balancer.service(key).expect("its row");
    let dest = *dests.first().expect("its server");
    let add_service = Operation::AddService(service.clone());
    let add = Operation::AddDest(key, dest);
    let is_drift = |refused: &[Failed]| drifted(refused).next().is_some();
    for (operation, errno, expected) in [
        (add_service.clone(), Errno::EEXIST, true),
        // No such scheduler.
        (add_service.clone(), Errno::ENOENT, false),
        (Operation::EditService(service.clone()), Errno::ENOENT, false),
        (Operation::EditService(service), Errno::ESRCH, true),
        (Operation::DeleteService(key), Errno::ESRCH, true),
        (add.clone(), Errno::EEXIST, true),
        (add.clone(), Errno::ESRCH, true),
        (add.clone(), Errno::EINVAL, false),
        (Operation::EditDest(key, dest), Errno::ENOENT, true),
        (Operation::EditDest(key, dest), Errno::ENOMEM, false),
        (Operation::DeleteDest(key, dest.key), Errno::ENOENT, true),
    ] {
        assert_eq!(is_drift(&[refused(operation.clone(), errno)]), expected, "{operation}: {errno}");
    }
    let unknown = Failed { index: 0, operation: add.clone(), failure: Failure::Unknown };
    assert!(is_drift(&[unknown]));
    let consequence = [refused(add_service, Errno::ENOENT), refused(add, Errno::ESRCH)];
    assert!(!is_drift(&consequence), "where the service is refused, so are its servers");
}

#[test]
fn a_refusal_is_told_in_words() {
    let balancer = balancer();
    let key = balancer.keys().next().expect("a service");
    let (service, _) = balancer.service(key).expect("its row");
    let mut kernel = Kernel::new(|| Err(Error::NoIpvs));
    for _ in 0..3 {
        kernel.log_refusals(&[refused(Operation::AddService(service.clone()), Errno::ENOENT)]);
    }
    let told: Vec<_> = kernel.logged.iter().map(|line| line.split_once(": ")).collect();
    assert!(
        matches!(told[..], [Some((_, "this kernel has no such scheduler or persistence engine"))]),
        "{told:?}"
    );
    let dest = balancer.service(key).expect("its row").1[0];
    let thresholds = refused(Operation::AddDest(key, dest), Errno::ERANGE).to_string();
    assert!(
        thresholds.ends_with("the lower threshold is above the upper one (lthreshold, uthreshold)"),
        "{thresholds}"
    );
}

/// Otherwise the end of the trouble would never be told, and the next one neither.
#[test]
fn what_a_reload_has_mended_is_forgotten() {
    let balancer = balancer();
    let mut kernel = Kernel::new(|| Err(Error::NoIpvs));
    kernel.failing.extend(balancer.keys());
    kernel.postpone(Instant::ZERO);
    kernel.log_once("a service was refused".to_owned());
    kernel.succeeded();
    assert!(kernel.next_timeout().is_some() && kernel.logged.len() == 1, "another one still waits");
    kernel.try_anew();
    kernel.succeeded();
    assert_eq!((kernel.next_timeout(), kernel.attempts, kernel.logged.len()), (None, 0, 0));
}

thread_local! {
    static FAKE: Fake = Fake::default();
}

/// Two services with two servers each, and a kernel of this thread that has room for them, or not.
fn two_services() -> (Balancer, Kernel, Fake) {
    let mut balancer = Balancer::new(0);
    let virtual_servers = vec![
        virtual_server(1, vec![server(11), server(12)]),
        virtual_server(2, vec![server(21), server(22)]),
    ];
    let config = Config { virtual_servers, ..Config::default() };
    balancer.configure(Instant::ZERO, config, &Found::default(), &mut Vec::new());
    let mut kernel = Kernel::new(|| Ok(FAKE.with(Fake::client)));
    kernel.set_watch(&Settings { leave_drift: true, ..Settings::default() });
    (balancer, kernel, FAKE.with(Fake::clone))
}

/// What the kernel holds, service by service, in whatever order it was added.
fn held(fake: &Fake) -> Vec<(ServiceKey, Vec<Dest>)> {
    let table = fake.client().table_of(|_| true).expect("a table");
    sorted(table.services.into_iter().map(|(service, dests)| (service.key, dests)).collect())
}

fn wanted(balancer: &Balancer) -> Vec<(ServiceKey, Vec<Dest>)> {
    sorted(balancer.keys().filter_map(|key| Some((key, balancer.service(key)?.1))).collect())
}

fn sorted(mut services: Vec<(ServiceKey, Vec<Dest>)>) -> Vec<(ServiceKey, Vec<Dest>)> {
    services.iter_mut().for_each(|(_, dests)| dests.sort_by_key(|dest| dest.key.address));
    services.sort_by_key(|(key, _)| key.to_string());
    services
}

#[test]
fn a_kernel_without_memory_is_told_once_and_tried_again() {
    let (balancer, mut kernel, fake) = two_services();
    kernel.read_at_start(Instant::ZERO, balancer.keys(), false);
    // All servers, and two of them once more.
    fake.refuse(Command::NewDest, 6);
    kernel.replace(Instant::ZERO, &balancer);
    let all = wanted(&balancer);
    let mut now = Instant::ZERO;
    let mut delays = Vec::new();
    let count = || held(&fake).iter().map(|(_, dests)| dests.len()).sum::<usize>();
    // That it is over is told when its time to be tried again has come.
    while count() < 4 || !kernel.logged.is_empty() {
        let next = kernel.next_timeout().expect("it is tried again");
        assert_eq!(kernel.state(), TableState::Writable, "other changes go on");
        let told = &kernel.logged;
        assert!(told.len() == 4 && told.iter().all(|line| line.contains("Out of memory")), "{told:?}");
        delays.push((next - now).as_secs());
        now = next;
        kernel.apply(now, &balancer);
        assert!(delays.len() < 10, "it ends: {delays:?}");
    }
    assert_eq!(fake.refusals(), 6);
    assert_eq!(held(&fake), all);
    assert!(kernel.logged.is_empty(), "that it is over was told: {:?}", kernel.logged);
    assert!(now >= Instant::ZERO + Duration::from_secs(1), "not before its time: {delays:?}");
}

#[test]
fn a_listing_that_finds_no_memory_is_read_again() {
    let (balancer, mut kernel, fake) = two_services();
    fake.refuse(Command::GetService, 3);
    kernel.read_at_start(Instant::ZERO, balancer.keys(), false);
    kernel.replace(Instant::ZERO, &balancer);
    let mut now = Instant::ZERO;
    while let Some(next) = kernel.next_timeout().filter(|_| kernel.is_unavailable()) {
        assert_eq!(kernel.logged.len(), 1, "{:?}", kernel.logged);
        now = next;
        kernel.apply(now, &balancer);
    }
    assert_eq!((fake.refusals(), held(&fake)), (3, wanted(&balancer)));
    assert!(kernel.logged.is_empty() && now > Instant::ZERO, "{:?}", kernel.logged);
}

#[test]
fn a_table_that_is_right_is_not_written() {
    let (balancer, mut kernel, fake) = two_services();
    let start = |kernel: &mut Kernel| {
        kernel.read_at_start(Instant::ZERO, balancer.keys(), false);
        kernel.replace(Instant::ZERO, &balancer);
        (kernel.is_unavailable(), fake.writes())
    };
    assert_eq!(start(&mut kernel), (false, 6), "two services with two servers each");
    let mut successor = Kernel::new(|| Ok(FAKE.with(Fake::client)));
    assert_eq!(start(&mut successor), (false, 6), "a start onto it");
    successor.reload(Instant::ZERO, &balancer);
    assert_eq!(fake.writes(), 6, "a reload");
    assert_eq!(held(&fake), wanted(&balancer));
}
