//! The FIFOs that workers write to, and the programs that read them.
//!
//! Workers may neither make files nor run programs, so both are done here. Over a reload a FIFO stays the same file, and
//! its reader runs on, unless the configuration says otherwise: nobody misses a line.

use super::Parent;
use crate::command::Command;
use crate::conf::config;
use crate::daemon::fifo::Which;
use crate::daemon::message::Order;
use crate::daemon::runner::{self, Asker};
use crate::daemon::worker::Kind;
use crate::raw;
use crate::run::{Run, RunId, RunOutcome};
use crate::sys::fifo::Fifo;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use tracing::{debug, info, warn};

/// Those that are open.
#[derive(Debug, Default)]
pub(super) struct Fifos {
    open: BTreeMap<Which, Open>,
    /// Readers so far: one that is replaced may end later than its successor begins.
    readers: u64,
}

#[derive(Debug)]
struct Open {
    config: config::Fifo,
    /// Held for its drop.
    fifo: Fifo,
    /// For the workers.
    shared: Rc<OwnedFd>,
    reader: Option<(RunId, Command)>,
}

impl Open {
    fn new(config: &config::Fifo, path: &str) -> Result<Open, String> {
        let owner = config.owner.as_ref().map(|run_as| runner::account(run_as, false)).transpose()?;
        let fifo = Fifo::open(&raw::path(path), owner.map(|account| (account.uid, account.gid)));
        let fifo = fifo.map_err(|error| error.to_string())?;
        let shared = fifo.as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
        Ok(Open { config: config.clone(), fifo, shared: Rc::new(shared), reader: None })
    }
}

impl Parent {
    /// Has the FIFOs that the present configuration names, for the workers that it wants.
    pub(super) fn open_fifos(&mut self) {
        let wanted = self.options.wanted(&self.present.work);
        let config::Fifos { all, vrrp, lvs } = self.present.fifos.clone();
        for (which, config) in [(Which::All, all), (Which::Vrrp, vrrp), (Which::Lvs, lvs)] {
            let writers: Vec<Kind> = wanted.iter().copied().filter(|kind| writes(*kind, which)).collect();
            let path = config.path.clone().filter(|_| !writers.is_empty());
            let kept = self.fifos.open.get(&which).is_some_and(|open| {
                (&open.config.path, &open.config.owner) == (&path, &config.owner) && open.fifo.is_in_place()
            });
            if !kept {
                self.close_fifo(which, path.is_none());
                let Some(path) = &path else { continue };
                match Open::new(&config, path) {
                    Ok(open) => {
                        for kind in writers {
                            self.tell_with(kind, Order::Fifo(which), Some(Rc::clone(&open.shared)));
                        }
                        self.fifos.open.insert(which, open);
                    }
                    Err(reason) => {
                        warn!("{} {}: {reason}: going on without it", which.title(), raw::shown(path));
                        self.tell_no_fifo(which);
                        continue;
                    }
                }
            }
            self.read_fifo(which, config.reader);
        }
    }

    /// What a worker that starts is given.
    pub(super) fn fifos_for(&self, kind: Kind) -> Vec<(Which, Rc<OwnedFd>)> {
        let open = self.fifos.open.iter().filter(|(which, _)| writes(kind, **which));
        open.map(|(which, open)| (*which, Rc::clone(&open.shared))).collect()
    }

    /// Sees that this program reads a FIFO, and no other one.
    fn read_fifo(&mut self, which: Which, reader: Option<Command>) {
        let Some(open) = self.fifos.open.get_mut(&which) else { return };
        if open.reader.as_ref().map(|(_, command)| command) == reader.as_ref() {
            return;
        }
        if let Some((id, _)) = open.reader.take() {
            self.runner.cancel(Asker::Reader(which), id);
        }
        let (Some(mut command), Some(path)) = (reader, open.config.path.clone()) else { return };
        self.fifos.readers += 1;
        let id = RunId(self.fifos.readers);
        open.reader = Some((id, command.clone()));
        command.argv.push(path);
        debug!("Running {} script {command}", which.title());
        let run = Run { id, turn: None, command, limit: None };
        let conditions = self.present.scripts;
        if let Err(refused) = self.runner.run(&self.options.program, Asker::Reader(which), run, conditions) {
            self.reader_ended(which, id, &refused.outcome);
        }
    }

    /// A program that reads a FIFO has ended. As with keepalived, a reload starts it again.
    pub(super) fn reader_ended(&mut self, which: Which, id: RunId, outcome: &RunOutcome) {
        let Some(open) = self.fifos.open.get_mut(&which) else { return };
        if open.reader.take_if(|(its, _)| *its == id).is_some() {
            info!("{} script terminated ({outcome})", which.title());
        }
    }

    /// The process that ran the readers has died.
    pub(super) fn read_fifos_again(&mut self) {
        for (which, reader) in [
            (Which::All, self.present.fifos.all.reader.clone()),
            (Which::Vrrp, self.present.fifos.vrrp.reader.clone()),
            (Which::Lvs, self.present.fifos.lvs.reader.clone()),
        ] {
            self.read_fifo(which, reader);
        }
    }

    fn close_fifo(&mut self, which: Which, tell: bool) {
        let Some(Open { reader, .. }) = self.fifos.open.remove(&which) else { return };
        if let Some((id, _)) = reader {
            self.runner.cancel(Asker::Reader(which), id);
        }
        if tell {
            self.tell_no_fifo(which);
        }
    }

    fn tell_no_fifo(&mut self, which: Which) {
        for kind in [Kind::Vrrp, Kind::Check].into_iter().filter(|kind| writes(*kind, which)) {
            self.tell(kind, Order::NoFifo(which));
        }
    }

    /// Everything has been said: readers come to the end of what there is to read.
    pub(super) fn close_fifos(&mut self) {
        self.fifos.open.clear();
    }
}

/// Whether a worker of this kind has something to say there.
fn writes(kind: Kind, which: Which) -> bool {
    match which {
        Which::All => true,
        Which::Vrrp => kind == Kind::Vrrp,
        Which::Lvs => kind == Kind::Check,
    }
}
