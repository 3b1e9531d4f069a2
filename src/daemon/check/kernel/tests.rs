//! The table without a kernel that has one; the rest is tested in the lab, on a real one.

use super::*;
use crate::check::adopt::Found;
use crate::check::config::Config;
use crate::check::testing::{server, virtual_server};
use std::time::Duration;

fn pool() -> Pool {
    let mut pool = Pool::new(0);
    let config = Config { virtual_servers: vec![virtual_server(1, vec![server(11)])], ..Config::default() };
    pool.configure(Instant::ZERO, config, &Found::default(), &mut Vec::new());
    pool
}

#[test]
fn a_kernel_without_ipvs_is_said_once_and_asked_ever_less_often() {
    let pool = pool();
    let mut kernel = Kernel::new(|| Err(Error::NoIpvs));
    assert_eq!(kernel.read_at_start(Instant::ZERO, pool.keys()), Table::default());
    kernel.replace(Instant::ZERO, &pool);
    let mut now = Instant::ZERO;
    let mut delays = Vec::new();
    for _ in 0..9 {
        kernel.mark(pool.keys().next().unwrap());
        kernel.apply(now, &pool);
        let next = kernel.next_timeout().expect("it is tried again");
        delays.push((next - now).as_secs());
        now = next;
        kernel.apply(now - Duration::from_nanos(1), &pool);
        assert_eq!(kernel.next_timeout(), Some(next), "and not before");
        kernel.apply(now, &pool);
        now = kernel.next_timeout().expect("it is tried again");
    }
    assert_eq!(delays, [1, 4, 16, 60, 60, 60, 60, 60, 60], "each second attempt: 1, 2, 4, … 60 s");
    assert_eq!(kernel.logged.len(), 1, "{:?}", kernel.logged);
    kernel.release();
}

#[test]
fn without_virtual_servers_the_kernel_is_not_asked_at_all() {
    let mut kernel = Kernel::new(|| panic!("nobody asked for IPVS"));
    let pool = Pool::new(0);
    kernel.read_at_start(Instant::ZERO, pool.keys());
    kernel.replace(Instant::ZERO, &pool);
    assert_eq!(kernel.next_timeout(), None);
    kernel.release();
}
