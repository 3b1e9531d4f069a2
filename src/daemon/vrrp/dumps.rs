//! Files of what is going on, for whoever sends a signal. The engine's thread copies some instances in a turn, between two
//! adverts; what they mean and how the file is written is the business of a thread of its own.

use crate::conf::Config;
use crate::conf::config::JsonVersion;
use crate::daemon::dump::{self, Dump, Machine, Names};
use crate::state::keepalived::data::{self, Process};
use crate::state::keepalived::{json, stats};
use crate::state::settings::Settings;
use crate::state::vrrp::{Descriptors, Vrrp};
use crate::vrrp::Engine;
use crate::vrrp::router::{Place, ShownInstance, ShownRest};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tracing::{error, info};

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
    /// Made with the first file.
    writer: Option<Sender<File>>,
}

/// A file to be written, and of what.
#[derive(Debug)]
struct File {
    path: PathBuf,
    form: Form,
    instances: Vec<ShownInstance>,
    rest: ShownRest,
    descriptors: Descriptors,
}

#[derive(Clone, Debug)]
enum Form {
    Data(Arc<Settings>),
    Stats,
    Json(JsonVersion),
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
            let rest = || engine.router().show_rest();
            let file = match dump {
                Dump::Data => File {
                    path: self.names.data(Process::Vrrp),
                    form: Form::Data(Arc::clone(&self.settings)),
                    instances,
                    rest: rest(),
                    descriptors: descriptors(),
                },
                Dump::Json => File {
                    path: self.names.json(),
                    form: Form::Json(self.json_version),
                    instances,
                    rest: rest(),
                    descriptors: Descriptors::new(),
                },
                Dump::Stats | Dump::StatsClear => File {
                    path: self.names.stats(),
                    form: Form::Stats,
                    instances,
                    rest: ShownRest::default(),
                    descriptors: Descriptors::new(),
                },
            };
            self.hand_over(file);
        }
        !self.asked.is_empty()
    }

    fn hand_over(&mut self, file: File) {
        if self.writer.is_none() {
            let (sender, files) = channel::<File>();
            let started = thread::Builder::new().name("dumps".to_owned()).spawn(move || {
                for file in files {
                    write(file);
                }
            });
            match started {
                Ok(_) => self.writer = Some(sender),
                Err(error) => error!(%error, "no thread that writes files of what is going on"),
            }
        }
        if let Some(writer) = &self.writer {
            // It ends with this process.
            let _ = writer.send(file);
        }
    }
}

fn write(file: File) {
    let File { path, form, instances, rest, descriptors } = file;
    let vrrp = Vrrp::of(instances, rest, &descriptors);
    let text = match form {
        Form::Data(settings) => data::vrrp(&vrrp, &settings, &Machine::new()),
        Form::Stats => stats::text(&vrrp.instances),
        Form::Json(version) => json::text(&vrrp, version),
    };
    dump::write(&path, &text);
}
