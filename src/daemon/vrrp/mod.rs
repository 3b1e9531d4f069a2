//! The VRRP worker's driver: sockets, the clock, addresses and frames around [`crate::vrrp::Router`].
//!
//! One loop: wait for the parent, the kernel's news of links, a packet or a deadline; read every socket empty (a
//! late advert that is there already must still count); feed the router; let it do what is due by the clock; carry
//! out what it wants. `links` knows the kernel's links and addresses, `network` has the sockets and performs, `log`
//! puts into words.

mod links;
mod log;
mod network;

use super::worker::{Control, FromWorker, Options, ToWorker};
use crate::conf::Config;
use crate::netlink;
use crate::netlink::route::Monitor;
use crate::sys::timer::{self, Timer};
use crate::sys::{clock, packet};
use crate::vrrp::event::Event;
use crate::vrrp::{Actions, Router, config};
use links::Links;
use log::Log;
use network::Network;
use std::io;
use std::time::Duration;
use tracing::warn;

/// Why the worker can't go on. Trouble with one interface or address is never among them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection to rtnetlink, or no answer of it.
    #[error("VRRP: links and addresses: {0}")]
    Netlink(#[from] netlink::Error),
    /// No socket for gratuitous ARPs.
    #[error("VRRP: {0}")]
    Frames(#[from] packet::OpenError),
    /// The event loop does not work.
    #[error("VRRP: event loop: {0}")]
    Loop(#[from] io::Error),
}

/// Runs the VRRP worker until it is told to stop, or its parent is gone.
///
/// It needs a current-thread tokio runtime with I/O enabled, in the network namespace whose interfaces are meant.
///
/// # Errors
/// The kernel refuses what nothing works without: rtnetlink, packet sockets, timers.
pub async fn run(config: Config, options: Options, mut control: Control) -> Result<(), Error> {
    if let Err(error) = timer::set_slack(Duration::from_nanos(1)) {
        warn!(%error, "deadlines may be met late");
    }
    let mut timer = Timer::new()?;
    let mut driver = Driver::start(config.vrrp)?;
    let _ = control.outbox.send(FromWorker::Ready);
    loop {
        driver.turn();
        timer.set(driver.router.next_timeout())?;
        tokio::select! {
            biased;
            message = control.inbox.recv() => match message {
                Some(ToWorker::Reload(config)) => {
                    driver.configure(config.vrrp)?;
                    let _ = control.outbox.send(FromWorker::Ready);
                }
                Some(ToWorker::RunEnded { .. } | ToWorker::Table(_)) => {}
                Some(ToWorker::Stop) | None => break,
            },
            ready = driver.monitor.ready() => {
                ready?;
                driver.follow_links()?;
            }
            ready = driver.network.ready() => ready?,
            fired = timer.wait() => fired?,
        }
    }
    if !options.dont_release_vrrp {
        driver.feed(Event::Stop);
        driver.perform();
    }
    Ok(())
}

struct Driver {
    router: Router,
    monitor: Monitor,
    links: Links,
    network: Network,
    log: Log,
    /// Kept between turns for its memory.
    actions: Actions,
}

impl Driver {
    fn start(config: config::Config) -> Result<Driver, Error> {
        // Listening comes before asking: what changes in between is told.
        let monitor = Monitor::open()?;
        let mut network = Network::open()?;
        let links = Links::read(network.client())?;
        let mut driver = Driver {
            router: Router::default(),
            monitor,
            links,
            network,
            log: Log::default(),
            actions: Actions::new(),
        };
        driver.configure(config)?;
        Ok(driver)
    }

    /// Start and reload.
    fn configure(&mut self, config: config::Config) -> Result<(), Error> {
        // Adverts that are there already belong to what was wanted until now.
        self.receive();
        self.links.want(&config);
        self.network.want(&config);
        self.update_links();
        self.feed(Event::Config(Box::new(config)));
        self.perform();
        Ok(())
    }

    fn follow_links(&mut self) -> Result<(), Error> {
        if self.links.follow(&mut self.monitor)? {
            self.links.refresh(self.network.client())?;
        }
        self.update_links();
        self.perform();
        Ok(())
    }

    /// Tells the router what has changed of the links that matter to it, once there are sockets for them.
    fn update_links(&mut self) {
        self.network.match_sockets(&self.links);
        let now = clock::now();
        for event in self.links.changes(|name| self.network.is_usable(name)) {
            self.router.handle(now, event, &mut self.actions);
        }
    }

    /// Packets, then deadlines; and what follows from them.
    fn turn(&mut self) {
        self.receive();
        // Performing takes time: something else may be due by then.
        loop {
            let now = clock::now();
            if self.router.next_timeout().is_none_or(|at| at > now) {
                break;
            }
            self.router.handle_timeout(now, &mut self.actions);
            self.perform();
        }
    }

    fn receive(&mut self) {
        let (router, actions) = (&mut self.router, &mut self.actions);
        self.network.drain(|received, at| router.handle(at, Event::Received(received), actions));
        self.perform();
    }

    fn feed(&mut self, event: Event) {
        self.router.handle(clock::now(), event, &mut self.actions);
    }

    /// Carries out the actions, and those that follow from their failures.
    fn perform(&mut self) {
        while !self.actions.is_empty() {
            let actions = std::mem::take(&mut self.actions);
            let failures = self.network.perform(&actions, &self.links);
            // Talk comes after deeds: a slow log must not delay an announcement.
            self.log.actions(&actions, &self.router);
            let now = clock::now();
            for event in failures {
                self.router.handle(now, event, &mut self.actions);
            }
        }
    }
}

#[cfg(test)]
mod tests;
