//! From a command line to a running parent: the steps that may still say on the terminal why they fail.

use super::bootstrap;
use super::exit::Exit;
use super::loader::{self, Read};
use super::message;
use super::options::Options;
use super::parent::{self, Parent};
use super::place::Folders;
use super::source::Refused;
use super::worker::Kind;
use crate::conf::redact;
use crate::ipvs::client::Client;
use crate::sys::caps;
use crate::sys::input::reason;
use crate::sys::pidfile::{self, PidFile};
use crate::sys::process::{self, DaemonEnd, Role};
use crate::sys::readiness::{self, Manager};
use crate::sys::signal::SignalFd;
use crate::{conf, sys};
use std::collections::BTreeSet;
use std::path::Path;
use tracing::{error, info, warn};

/// The program and its version as the first and last log lines have it.
const NAME: &str = concat!("vipd v", env!("CARGO_PKG_VERSION"));

/// Runs the daemon until it is told to stop; in the launching process of a daemon, until that has started.
///
/// Call it before any thread is started.
#[must_use]
pub fn start(mut options: Options) -> Exit {
    process::keep_inherited_files_to_ourselves();
    sys::signal::ignore_strangers();
    // From here on no signal is lost, and none interrupts a start half-way.
    let signals = match parent::collect_signals() {
        Ok(signals) => signals,
        Err(error) => return refuse(&options, Exit::Fatal, &[format!("signals: {}", reason(&error))]),
    };
    if let Some(mask) = options.umask {
        process::set_umask(mask);
    }
    let log_file = sys::log::start(&options.log);
    let _flushed = sys::log::FlushAtEnd;
    info!("Starting {NAME}");
    if let Err(error) = log_file {
        let file = options.log.file.as_deref().unwrap_or(Path::new("")).display().to_string();
        return refuse(&options, Exit::Fatal, &[format!("log file {file}: {}", reason(&error))]);
    }
    if options.core_dumps
        && let Err(error) = process::allow_core_dumps()
    {
        warn!(%error, "core dumps keep their present limit");
    }
    info!("Configuration file {}", options.source.file.display());
    // Of this network namespace; the next line may leave it.
    let manager = Manager::of_environment().unwrap_or_else(|error| {
        warn!("{}: {}: the service manager is told nothing", readiness::VARIABLE, reason(&error));
        None
    });
    if let Err(reason) = options.enter() {
        return refuse(&options, Exit::Fatal, &[reason]);
    }
    let first = match loader::at_start(&options.program, &options.source, &signals) {
        Ok(Some(read)) => read,
        Ok(None) => {
            info!("Stopping");
            info!("Stopped {NAME}");
            return Exit::Ok;
        }
        Err(Refused { exit, findings }) => return refuse(&options, exit, &findings),
    };
    first.summary.findings.iter().for_each(|finding| warn!("{finding}"));
    if options.dump_config {
        dump(&first);
    }
    let folders = match options.take_place(&first.summary.instancing) {
        Ok(folders) => folders,
        Err(reason) => return refuse(&options, Exit::Fatal, &[reason]),
    };
    if options.foreground {
        return run(options, signals, first, folders, None, manager);
    }
    match process::daemonize() {
        Ok(Role::Daemon(launcher)) => {
            sys::log::forget_console();
            run(options, signals, first, folders, Some(launcher), manager)
        }
        Ok(Role::Launcher(daemon)) => {
            sys::log::flush_console_only();
            // They are the daemon's.
            std::mem::forget(folders);
            match daemon.wait() {
                Some((status, text)) => {
                    if !text.is_empty() {
                        eprintln!("{}: {text}", options.program);
                    }
                    Exit::from_code(status)
                }
                None => {
                    eprintln!("{}: the daemon died while it started: its log says why", options.program);
                    Exit::Software
                }
            }
        }
        Err(error) => refuse(&options, Exit::Fatal, &[format!("fork: {}", reason(&error))]),
    }
}

/// The daemon itself: pid file, workers, and the end.
fn run(
    options: Options,
    signals: SignalFd,
    first: Read,
    _folders: Folders,
    launcher: Option<DaemonEnd>,
    manager: Option<Manager>,
) -> Exit {
    let wanted = options.wanted(&first.summary.work);
    // Nothing forks from here on.
    sys::log::write_in_background();
    let ready = match may_run(&wanted) {
        // Whoever may not run is not told of pid files that he may not write.
        Err(reason) => Err((Exit::Permission, reason)),
        Ok(()) => claim(&options, &wanted).map_err(|refused| {
            let exit = match refused {
                // keepalived's status: what was asked for, a running daemon, is there.
                pidfile::Error::Running { .. } => Exit::Ok,
                pidfile::Error::Foreign { .. } | pidfile::Error::File { .. } => Exit::Fatal,
            };
            (exit, refused.to_string())
        }),
    };
    let _pid_file = match ready {
        Ok(file) => {
            // No full disk keeps addresses from being served.
            file.is_empty_for().iter().for_each(|reason| warn!("{reason}"));
            file
        }
        Err((exit, reason)) => {
            if let Some(launcher) = launcher {
                launcher.report(exit.code(), &reason);
            }
            return refuse(&options, exit, &[reason]);
        }
    };
    if wanted.contains(&Kind::Check) || first.summary.synchronises {
        // A worker can't load modules. If there is still no IPVS then, it says so.
        drop(Client::open_or_load());
    }
    let exit = Parent::new(options, signals, launcher, manager).run(first);
    info!("Stopped {NAME}");
    exit
}

/// Whether the workers would have the capabilities that they need.
fn may_run(wanted: &BTreeSet<Kind>) -> Result<(), String> {
    let needed: Vec<_> = wanted.iter().flat_map(|kind| bootstrap::capabilities(*kind).0).copied().collect();
    caps::check(&needed).map_err(|error| error.to_string())
}

/// Takes the parent's pid file for as long as it is held, and sees that no other daemon has the workers' ones.
fn claim(options: &Options, wanted: &BTreeSet<Kind>) -> Result<PidFile, pidfile::Error> {
    let pid = std::process::id();
    let mode = options.pid_file_mode();
    let file = PidFile::create(&options.pid_file, pid, mode)?;
    for kind in wanted {
        if let Some(path) = options.worker_pid_files.get(kind) {
            match PidFile::create(path, pid, mode) {
                Err(error @ (pidfile::Error::Running { .. } | pidfile::Error::Foreign { .. })) => {
                    return Err(error);
                }
                // The worker's own attempt will say what is wrong, and go on without.
                Ok(_) | Err(pidfile::Error::File { .. }) => {}
            }
        }
    }
    Ok(file)
}

/// Says why there will be no daemon: in the log, and on the terminal if the log is not there already.
fn refuse(options: &Options, exit: Exit, reasons: &[String]) -> Exit {
    for reason in reasons {
        error!("{reason}");
        if !options.log.console {
            eprintln!("{}: {reason}", options.program);
        }
    }
    // Nothing was stopped: another daemon may be running.
    info!("{NAME} was not started");
    exit
}

/// Everybody may be able to read the log: it gets no secrets.
fn dump(read: &Read) {
    match text(read) {
        Ok(text) => text.lines().for_each(|line| info!("{line}")),
        Err(error) => warn!(%error, "the configuration can't be dumped"),
    }
}

fn text(read: &Read) -> Result<String, Box<dyn std::error::Error>> {
    let mut whole = conf::Config::default();
    for (kind, part) in &read.parts {
        let part = message::read_config(Some(part.try_clone()?))?;
        match kind {
            Kind::Vrrp => whole = conf::Config { check: whole.check, ..part },
            Kind::Check => whole.check = part.check,
        }
    }
    Ok(serde_json::to_string_pretty(&redact::without_secrets(&whole)?)?)
}
