//! The table without a kernel that has one; the rest is tested in the lab, on a real one.

use super::*;
use crate::check::adopt::Found;
use crate::check::config::Config;
use crate::check::testing::{server, virtual_server};
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
    assert_eq!(kernel.read_at_start(Instant::ZERO, balancer.keys()), Table::default());
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
    kernel.read_at_start(Instant::ZERO, balancer.keys());
    kernel.replace(Instant::ZERO, &balancer);
    assert_eq!(kernel.next_timeout(), None);
    kernel.release(FlushOnStop::Each);
}
