//! The drivers of `linkbeat_interfaces`: asked once a second, as by keepalived.

use crate::sys::linkbeat::Asker;
use crate::time::Instant;
use crate::vrrp::config::interface::{Linkbeat, Poll};
use crate::vrrp::event::Event;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tracing::{info, warn};

const INTERVAL: Duration = Duration::from_secs(1);

/// All interfaces that are asked for.
#[derive(Debug, Default)]
pub(super) struct Drivers {
    asker: Option<Asker>,
    all: BTreeMap<String, Driver>,
    due: Option<Instant>,
}

#[derive(Debug)]
struct Driver {
    /// As configured.
    wanted: Option<Poll>,
    /// What works; none while the interface was never there.
    works: Option<Poll>,
    up: Option<bool>,
}

impl Drivers {
    /// From now on these are asked.
    pub(super) fn watch(&mut self, now: Instant, linkbeat: Vec<Linkbeat>) {
        let mut before = std::mem::take(&mut self.all);
        for Linkbeat { interface, poll: wanted } in linkbeat {
            let known = before.remove(&interface).filter(|known| known.wanted == wanted);
            self.all.insert(interface, known.unwrap_or(Driver { wanted, works: None, up: None }));
        }
        self.due = (!self.all.is_empty()).then_some(now);
    }

    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Asks all of them, if it is time.
    pub(super) fn handle_timeout(&mut self, now: Instant, seen: &mut Vec<Event<'static>>) {
        if self.due.is_none_or(|at| at > now) {
            return;
        }
        self.due = Some(now + INTERVAL);
        let asker = match &mut self.asker {
            Some(asker) => asker,
            none => match Asker::new() {
                Ok(asker) => none.insert(asker),
                Err(error) => return warn!(%error, "drivers can't be asked for their links"),
            },
        };
        for (interface, driver) in &mut self.all {
            let up = driver.ask(asker, interface);
            if driver.up.replace(up) == Some(up) {
                continue;
            }
            info!("Linkbeat reports {interface} {}", if up { "up" } else { "down" });
            seen.push(Event::Linkbeat { interface: interface.as_str().into(), up });
        }
    }
}

impl Driver {
    fn ask(&mut self, asker: &Asker, interface: &str) -> bool {
        // Some drivers keep their flags up to date only when they are asked.
        let Ok(flags) = asker.flags(interface) else { return false };
        let works = match self.works {
            Some(works) => works,
            None => {
                let works = probe(self.wanted, |poll| ask(asker, interface, poll).is_ok());
                if let Some(wanted) = self.wanted.filter(|wanted| *wanted != works) {
                    info!(
                        "({interface}): Configured linkbeat type {} not supported, using {}",
                        name(wanted),
                        name(works)
                    );
                }
                self.works = Some(works);
                works
            }
        };
        flags && ask(asker, interface, works).unwrap_or(false)
    }
}

fn ask(asker: &Asker, interface: &str, poll: Poll) -> io::Result<bool> {
    match poll {
        Poll::Mii => asker.mii(interface),
        Poll::Ethtool => asker.ethtool(interface),
        Poll::Ioctl => asker.flags(interface),
    }
}

/// What works: as configured, else the next that does, the flags in the end.
fn probe(wanted: Option<Poll>, works: impl Fn(Poll) -> bool) -> Poll {
    let order = match wanted {
        Some(Poll::Ioctl) => return Poll::Ioctl,
        Some(Poll::Ethtool) => [Poll::Ethtool, Poll::Mii],
        Some(Poll::Mii) | None => [Poll::Mii, Poll::Ethtool],
    };
    order.into_iter().find(|poll| works(*poll)).unwrap_or(Poll::Ioctl)
}

const fn name(poll: Poll) -> &'static str {
    match poll {
        Poll::Mii => "MII",
        Poll::Ethtool => "ETHTOOL",
        Poll::Ioctl => "IOCTL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_way_is_taken_where_the_configured_one_does_not_work() {
        let with = |wanted, working: &[Poll]| probe(wanted, |poll| working.contains(&poll));
        assert_eq!(with(None, &[Poll::Mii, Poll::Ethtool]), Poll::Mii);
        assert_eq!(with(None, &[Poll::Ethtool]), Poll::Ethtool);
        assert_eq!(with(Some(Poll::Mii), &[Poll::Ethtool]), Poll::Ethtool);
        assert_eq!(with(Some(Poll::Ethtool), &[Poll::Mii]), Poll::Mii);
        assert_eq!(with(Some(Poll::Ethtool), &[]), Poll::Ioctl);
        assert_eq!(with(Some(Poll::Ioctl), &[Poll::Mii]), Poll::Ioctl);
    }

    #[test]
    fn each_answer_is_told_once() {
        let mut drivers = Drivers::default();
        let beat = |interface: &str| Linkbeat { interface: interface.to_owned(), poll: None };
        let mut seen = vec![];
        drivers.watch(Instant::ZERO, vec![beat("lo"), beat("no-such-if")]);
        drivers.handle_timeout(Instant::ZERO, &mut seen);
        let told = |interface: &str, up| Event::Linkbeat { interface: interface.into(), up };
        assert_eq!(seen, [told("lo", true), told("no-such-if", false)]);
        assert_eq!(drivers.next_timeout(), Some(Instant::ZERO + INTERVAL));
        drivers.handle_timeout(Instant::ZERO + INTERVAL, &mut seen);
        assert_eq!(seen.len(), 2);
    }
}
