//! What others hear of servers, and what they do not hear twice.

use super::*;

/// A server that is told of when it goes down, checked at this port.
fn watched(port: u16, alpha: bool) -> Config {
    let mut rs = server(11);
    rs.notify_down = Some(Box::new(Command { argv: vec!["down".to_owned()], run_as: None }));
    rs.checkers = vec![check(([192, 0, 2, 11], port).into())];
    rs.checkers[0].schedule.alpha = alpha;
    config(vec![virtual_server(1, vec![rs])])
}

fn downs(b: &mut Bench) -> usize {
    let end = b.now + Duration::from_secs(30);
    b.run_until(end, |_| REFUSED);
    std::mem::take(&mut b.told).iter().filter(|line| line.ends_with("runs down")).count()
}

#[test]
fn a_server_that_is_down_is_not_told_of_again_when_its_check_changes() {
    let mut b = Bench::new(watched(80, false));
    assert_eq!(downs(&mut b), 1);
    b.reload(watched(99, false));
    assert_eq!(downs(&mut b), 0, "another port");
    let mut two = watched(99, false);
    two.virtual_servers[0].real_servers[0].checkers.push(check(([192, 0, 2, 11], 100).into()));
    b.reload(two);
    assert_eq!(downs(&mut b), 0, "one check more");
    let mut b = Bench::new(watched(80, true));
    assert_eq!(downs(&mut b), 1, "with alpha, the first failure is told");
}
