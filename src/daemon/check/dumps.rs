//! `keepalived_check.data`, for whoever sends SIGUSR1. The worker copies some real servers and checks in a turn; what they mean,
//! and how the file is written, is the business of a thread of its own.

use crate::check::Balancer;
use crate::check::balancer::shown::{Place, Shown};
use crate::conf::Config;
use crate::daemon::dump::{Dump, Machine, Names, Writer};
use crate::state::check::Check;
use crate::state::keepalived::data::{self, Process};
use crate::state::settings::Settings;
use std::sync::Arc;
use tracing::info;

/// Real servers and checks that are copied in a turn: about a millisecond.
const SERVERS: usize = 2000;

/// Whether somebody asks, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Dumps {
    names: Names,
    settings: Arc<Settings>,
    is_asked: bool,
    place: Place,
    copied: Shown,
    writer: Writer,
}

impl Dumps {
    /// Takes in where the file goes. What was copied of another configuration is copied anew.
    pub(super) fn configure(&mut self, config: &Config) {
        self.names = Names::of(config);
        self.settings = Arc::new(Settings::of(config));
        (self.place, self.copied) = (Place::default(), Shown::default());
    }

    /// Somebody asks for a file. Of those that signals ask for, one is this worker's.
    pub(super) fn ask(&mut self, dump: Dump) {
        if dump == Dump::Data {
            info!("Printing checker data for process({}) on signal", std::process::id());
            self.is_asked = true;
        }
    }

    /// Copies some more. Returns whether there is more to be copied.
    pub(super) fn go_on(&mut self, balancer: &Balancer) -> bool {
        if !self.is_asked || balancer.show_some(&mut self.place, SERVERS, &mut self.copied) {
            return self.is_asked;
        }
        (self.is_asked, self.place) = (false, Place::default());
        let (copied, settings) = (std::mem::take(&mut self.copied), Arc::clone(&self.settings));
        let text = move || data::check(&Check::of(copied), &settings, &Machine::new());
        self.writer.write(self.names.data(Process::Check), text);
        false
    }
}
