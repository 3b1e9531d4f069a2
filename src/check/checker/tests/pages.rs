//! Checks with several pages: which is asked for when.

use super::*;
use crate::check::config::{Http, HttpProtocol, Url};

/// Three pages, an interval of 3 s, 1 s before a retry.
fn pages(status: Status, fast_recovery: bool) -> Bench {
    let url = |path: &str| Url {
        path: path.into(),
        virtual_host: None,
        status_codes: vec![(200, 299)],
        digest: None,
        regex: None,
        tls_compliant: false,
    };
    let urls = ["/a", "/b", "/c"].map(url).into();
    let http = Http { tls: None, protocol: HttpProtocol::V10, fast_recovery, urls };
    let config = config::Checker { probe: Probe::Http(Box::new(http)), ..config(schedule()) };
    Bench { checker: Checker::new(config.into(), status, ms(1000)), now: Instant::ZERO }
}

impl Bench {
    /// A page is asked for at `at`, and comes at once, or not; what is told.
    fn page(&mut self, at: u64, page: usize, comes: bool) -> Vec<Action> {
        self.starts_at(at);
        assert_eq!(self.checker.page(), page);
        self.ends_at(at, if comes { Outcome::Passed } else { Outcome::Failed(REFUSED) })
    }
}

fn passed(page: usize) -> Action {
    Action::Report(CheckReport::PagePassed { page })
}

fn failed(retries: u32) -> Vec<Action> {
    vec![Action::Report(CheckReport::Failed { retries, failure: REFUSED }), Action::Changed(Status::Down)]
}

fn up() -> [Action; 2] {
    [Action::Report(CheckReport::Succeeded), Action::Changed(Status::Up)]
}

#[test]
fn one_page_is_asked_for_each_delay_loop() {
    let mut b = pages(Status::Up, false);
    assert_eq!(b.page(1000, 0, true), []);
    assert_eq!(b.page(4000, 1, true), []);
    assert_eq!(b.page(7000, 2, true), [Action::Report(CheckReport::Succeeded)]);
    assert_eq!(b.page(10_000, 0, true), []);
    assert_eq!(b.page(13_000, 1, true), []);
}

#[test]
fn a_page_that_failed_is_asked_for_until_it_comes_and_then_all_are() {
    let mut b = pages(Status::Up, false);
    for page in 0..3 {
        b.page(1000 + 3000 * page as u64, page, true);
    }
    assert_eq!(b.page(10_000, 0, true), []);
    // The second page: one more try, after its time.
    assert_eq!(b.page(13_000, 1, false), []);
    assert_eq!(b.page(14_000, 1, false), failed(1));
    assert_eq!(b.page(17_000, 1, false), []);
    assert_eq!(b.page(20_000, 1, true), [passed(1)]);
    assert_eq!(b.page(23_000, 0, true), [passed(0)]);
    // Another one that does not come is asked for again, and the round goes on from there.
    assert_eq!(b.page(26_000, 1, false), []);
    assert_eq!(b.page(27_000, 1, true), [passed(1)]);
    let mut told = b.page(30_000, 2, true);
    assert_eq!(told.remove(0), passed(2));
    assert_eq!(told, up());
}

#[test]
fn the_first_failure_of_all_is_believed_whichever_page_it_is_of() {
    let mut b = pages(Status::Up, false);
    assert_eq!(b.page(1000, 0, true), []);
    assert_eq!(b.page(4000, 1, false), failed(0));
    assert_eq!(b.page(7000, 1, true), [passed(1)]);
}

#[test]
fn with_fast_recovery_a_server_that_may_come_up_need_not_wait() {
    let mut b = pages(Status::Down, true);
    assert_eq!(b.page(1000, 0, true), [passed(0)]);
    assert_eq!(b.page(1000, 1, true), [passed(1)]);
    let mut told = b.page(1000, 2, true);
    assert_eq!(told.remove(0), passed(2));
    assert_eq!(told, up());
    // All of them within delay_loop.
    assert_eq!(b.page(2000, 0, true), []);
    assert_eq!(b.page(3000, 1, true), []);
    assert_eq!(b.page(4000, 2, false), []);
    assert_eq!(b.page(5000, 2, false), failed(1));
    // What is down is not asked all the time.
    assert_eq!(b.page(8000, 2, true), [passed(2)]);
    assert_eq!(b.page(8000, 0, false), []);
    assert_eq!(b.page(9000, 0, true), [passed(0)]);
    assert_eq!(b.page(9000, 1, true), [passed(1)]);
}
