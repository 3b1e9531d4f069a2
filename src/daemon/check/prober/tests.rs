//! Probes against real sockets, on loopback.

use super::*;
use crate::check::Balancer;
use crate::check::adopt::Found;
use crate::check::config::{Checker, Connect};
use crate::check::event::Action;
use crate::check::probe::{Failure, Operation};
use crate::check::testing::{server, virtual_server};
use crate::time::Instant;
use socket2::{Domain, Socket, Type};
use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// One `TCP_CHECK`.
async fn tcp(to: SocketAddr, connect: &Connect) -> Outcome {
    let check = Checker { connect: connect.clone(), ..Checker::new(to, Probe::Tcp) };
    run(&check, Tls::default()).await
}

/// One check.
pub(super) async fn run(check: &Checker, tls: Tls) -> Outcome {
    let mut prober = Prober { tls, ..Prober::new() };
    prober.start(clock::now(), ids(1)[0], &check.clone().into(), 0);
    loop {
        let due = prober.next_timeout().filter(|_| !prober.has_more());
        let due = due.map_or(Duration::ZERO, |at| at.saturating_since(clock::now()));
        tokio::select! {
            finished = prober.finished() => return finished.outcome,
            () = tokio::time::sleep(due) => prober.look(clock::now()),
        }
    }
}

fn listen(at: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(at).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn errno(operation: Operation, errno: i32) -> Failure {
    Failure::System { operation, errno }
}

#[tokio::test]
async fn a_listening_server_passes_without_accepting() {
    let (_listener, address) = listen("127.0.0.1:0");
    assert_eq!(tcp(address, &Connect::DEFAULT).await, Outcome::Passed);
}

/// The listening socket does: a program that accepts would have a connection, which is over.
#[tokio::test]
async fn the_program_does_not_hear_of_a_half_open_connection() {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(at) else { continue };
        listener.set_nonblocking(true).unwrap();
        let to = listener.local_addr().unwrap();
        let half_open = Connect { half_open: true, ..Connect::DEFAULT };
        for _ in 0..100 {
            assert_eq!(tcp(to, &half_open).await, Outcome::Passed);
        }
        let accepted = std::iter::from_fn(|| listener.accept().ok()).count();
        // On a machine that stands still for 40 ms the kernel sends what it has put off.
        assert!(accepted < 50, "{at}: {accepted}");
        assert_eq!(tcp(to, &Connect::DEFAULT).await, Outcome::Passed);
        assert!(listener.accept().is_ok(), "{at}");
        drop(listener);
        let refused = errno(Operation::Connect, libc::ECONNREFUSED);
        assert_eq!(tcp(to, &half_open).await, Outcome::Failed(refused));
    }
}

#[tokio::test]
async fn ipv6_works_alike() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    assert_eq!(tcp(listener.local_addr().unwrap(), &Connect::DEFAULT).await, Outcome::Passed);
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let (listener, address) = listen("127.0.0.1:0");
    drop(listener);
    let refused = errno(Operation::Connect, libc::ECONNREFUSED);
    assert_eq!(tcp(address, &Connect::DEFAULT).await, Outcome::Failed(refused));
}

#[tokio::test]
async fn a_server_whose_queue_is_full_times_out() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    // A queue of length 0 holds one connection.
    let _waiting = TcpStream::connect(address).unwrap();
    let connect = Connect { timeout: Duration::from_millis(300), ..Connect::DEFAULT };
    assert_eq!(tcp(address, &connect).await, Outcome::Failed(Failure::Timeout));
}

#[tokio::test]
async fn bindto_and_bind_port_are_where_it_comes_from_every_time() {
    let (listener, address) = listen("127.0.0.1:0");
    let (free, from) = listen("127.0.0.2:0");
    drop(free);
    let connect = Connect { bind_address: Some(from.ip()), bind_port: Some(from.port()), ..Connect::DEFAULT };
    for _ in 0..3 {
        assert_eq!(tcp(address, &connect).await, Outcome::Passed);
        assert_eq!(listener.accept().unwrap().1, from);
    }
}

#[tokio::test]
async fn the_server_sees_an_orderly_end() {
    use std::io::Read;
    let (listener, address) = listen("127.0.0.1:0");
    assert_eq!(tcp(address, &Connect::DEFAULT).await, Outcome::Passed);
    let (mut stream, _) = listener.accept().unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
}

#[tokio::test]
async fn a_source_address_that_is_not_here_says_nothing_of_the_server() {
    let (_listener, address) = listen("127.0.0.1:0");
    let connect = Connect { bind_address: Some("192.0.2.1".parse().unwrap()), ..Connect::DEFAULT };
    let failure = errno(Operation::Bind, libc::EADDRNOTAVAIL);
    assert_eq!(tcp(address, &connect).await, Outcome::NotRun(failure));
}

#[tokio::test]
async fn a_connection_to_itself_is_no_server() {
    let (free, address) = listen("127.0.0.1:0");
    drop(free);
    let connect =
        Connect { bind_address: Some(address.ip()), bind_port: Some(address.port()), ..Connect::DEFAULT };
    let refused = errno(Operation::Connect, libc::ECONNREFUSED);
    assert_eq!(tcp(address, &connect).await, Outcome::Failed(refused));
}

/// Probe ids as a balancer gives them.
fn ids(count: u8) -> Vec<ProbeId> {
    let mut balancer = Balancer::new(0);
    let (start, mut actions) = (Instant::ZERO, Vec::new());
    let virtual_servers = vec![virtual_server(1, (1..=count).map(server).collect())];
    balancer.configure(
        start,
        Config { virtual_servers, ..Config::default() },
        &Found::default(),
        &mut actions,
    );
    balancer.handle_timeout(start + Duration::from_secs(4), &mut actions);
    let probes = actions.into_iter().filter_map(|a| match a {
        Action::StartProbe(probe) => Some(probe),
        _ => None,
    });
    probes.collect()
}

#[tokio::test]
async fn more_probes_than_places_all_come_to_an_end() {
    let (listener, address) = listen("127.0.0.1:0");
    let mut prober = Prober::new();
    prober.connections = Connections::new(Arc::new(Semaphore::new(3)));
    let mut expected: HashSet<_> = ids(100).into_iter().collect();
    assert_eq!(expected.len(), 100);
    for &probe in &expected {
        prober.start(clock::now(), probe, &Checker::new(address, Probe::Tcp).into(), 0);
    }
    while !expected.is_empty() {
        let Finished { probe, outcome } = prober.finished().await;
        assert_eq!(outcome, Outcome::Passed);
        assert!(expected.remove(&probe), "each once");
        drop(listener.accept());
    }
    assert!(prober.running.is_empty());
}

#[tokio::test]
async fn a_cancelled_probe_is_never_heard_of_again() {
    let (_listener, address) = listen("127.0.0.1:0");
    let mut prober = Prober::new();
    let ids = ids(2);
    prober.start(clock::now(), ids[0], &Checker::new(address, Probe::Tcp).into(), 0);
    prober.start(clock::now(), ids[1], &Checker::new(address, Probe::Tcp).into(), 0);
    prober.cancel(ids[0]);
    assert_eq!(prober.finished().await.probe, ids[1]);
    assert_eq!(prober.try_finished(), None);
    assert!(prober.running.is_empty());
}
