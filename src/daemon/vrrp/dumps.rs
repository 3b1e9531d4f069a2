//! Files of what is going on, for whoever sends a signal. The engine's thread copies some instances in a turn, between two
//! adverts; what they mean and how the file is written is the business of a thread of its own.

use crate::conf::Config;
use crate::conf::config::JsonVersion;
use crate::daemon::dump::{Dump, Machine, Names, Writer};
use crate::state::keepalived::data::{self, Process};
use crate::state::keepalived::{json, stats};
use crate::state::settings::Settings;
use crate::state::vrrp::{Descriptors, Vrrp};
use crate::vrrp::Engine;
use crate::vrrp::router::{Place, ShownInstance, ShownRest};
use std::collections::VecDeque;
use std::sync::Arc;
use tracing::info;

/// Instances that are copied in a turn: some ten microseconds.
const INSTANCES: usize = 64;

/// What is asked for, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Dumps {
    names: Names,
    json_version: JsonVersion,
    settings: Arc<Settings>,
    asked: VecDeque<Dump>,
    /// Of the first of those.
    place: Place,
    copied: Vec<ShownInstance>,
    writer: Writer,
}

impl Dumps {
    /// Takes in where the files go.
    pub(super) fn configure(&mut self, config: &Config) {
        self.names = Names::of(config);
        self.json_version = config.global.files.json_version;
        self.settings = Arc::new(Settings::of(config));
    }

    /// Somebody asks for a file; one who has asked already gets it once.
    pub(super) fn ask(&mut self, dump: Dump) {
        let what = match dump {
            Dump::Data => "Printing VRRP data",
            Dump::Stats => "Printing VRRP stats",
            Dump::StatsClear => "Printing and clearing VRRP stats",
            Dump::Json => "Printing VRRP as json",
        };
        info!("{what} for process({}) on signal", std::process::id());
        if !self.asked.iter().skip(1).any(|asked| *asked == dump) {
            self.asked.push_back(dump);
        }
    }

    /// Copies some more; of sockets, their numbers. Returns whether there is more to be copied.
    pub(super) fn go_on(&mut self, engine: &mut Engine, descriptors: impl Fn() -> Descriptors) -> bool {
        let Some(dump) = self.asked.front().copied() else { return false };
        let some = engine.router().show_some(&mut self.place, INSTANCES);
        if !some.is_empty() {
            if dump == Dump::StatsClear {
                some.iter().for_each(|shown| engine.clear_stats(shown.instance.name()));
            }
            self.copied.extend(some);
            return true;
        }
        self.asked.pop_front();
        self.place = Place::default();
        let instances = std::mem::take(&mut self.copied);
        // keepalived writes none without instances.
        if dump != Dump::Json || !instances.is_empty() {
            let (names, writer) = (&self.names, &mut self.writer);
            match dump {
                Dump::Data => {
                    let (rest, descriptors) = (engine.router().show_rest(), descriptors());
                    let settings = Arc::clone(&self.settings);
                    writer.write(names.data(Process::Vrrp), move || {
                        let vrrp = Vrrp::of(instances, rest, &descriptors);
                        data::vrrp(&vrrp, &settings, &Machine::new())
                    });
                }
                Dump::Json => {
                    let (rest, version) = (engine.router().show_rest(), self.json_version);
                    writer.write(names.json(), move || {
                        json::text(&Vrrp::of(instances, rest, &Descriptors::new()), version)
                    });
                }
                Dump::Stats | Dump::StatsClear => writer.write(names.stats(), move || {
                    let vrrp = Vrrp::of(instances, ShownRest::default(), &Descriptors::new());
                    stats::text(&vrrp.instances)
                }),
            }
        }
        !self.asked.is_empty()
    }
}
