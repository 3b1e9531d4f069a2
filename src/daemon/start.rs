//! From a command line to a running parent: the steps that may still say on the terminal why they fail.

use super::exit::Exit;
use super::options::Options;
use super::parent::{self, Parent};
use super::source::Refused;
use crate::sys::pidfile::{self, PidFile};
use crate::sys::process::{self, DaemonEnd, Role};
use crate::sys::signal::SignalFd;
use crate::{conf, sys};
use std::path::Path;
use tracing::{error, info, warn};

/// The program and its version as the first and last log lines have it.
const NAME: &str = concat!("vipd v", env!("CARGO_PKG_VERSION"));

/// Runs the daemon until it is told to stop; in the launching process of a daemon, until that has started.
///
/// Call it before any thread is started.
#[must_use]
pub fn start(options: Options) -> Exit {
    process::keep_inherited_files_to_ourselves();
    // From here on no signal is lost, and none interrupts a start half-way.
    let signals = match parent::collect_signals() {
        Ok(signals) => signals,
        Err(error) => return refuse(&options, Exit::Fatal, &[format!("signals: {error}")]),
    };
    if let Some(mask) = options.umask {
        process::set_umask(mask);
    }
    let log_file = sys::log::start(&options.log);
    let _flushed = sys::log::FlushAtEnd;
    info!("Starting {NAME}");
    if let Err(error) = log_file {
        let file = options.log.file.as_deref().unwrap_or(Path::new("")).display().to_string();
        return refuse(&options, Exit::Fatal, &[format!("log file {file}: {error}")]);
    }
    if options.core_dumps
        && let Err(error) = process::allow_core_dumps()
    {
        warn!(%error, "core dumps keep their present limit");
    }
    info!("Configuration file {}", options.source.file.display());
    let config = match options.source.load() {
        Ok(loaded) => {
            loaded.log_findings();
            loaded.config
        }
        Err(Refused { exit, findings }) => return refuse(&options, exit, &findings),
    };
    if options.dump_config {
        dump(&config);
    }
    if options.foreground {
        return run(options, signals, config, None);
    }
    match process::daemonize() {
        Ok(Role::Daemon(launcher)) => {
            sys::log::forget_console();
            run(options, signals, config, Some(launcher))
        }
        Ok(Role::Launcher(daemon)) => {
            sys::log::flush_console_only();
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
        Err(error) => refuse(&options, Exit::Fatal, &[format!("fork: {error}")]),
    }
}

/// The daemon itself: pid file, workers, and the end.
fn run(options: Options, signals: SignalFd, config: conf::Config, launcher: Option<DaemonEnd>) -> Exit {
    // Nothing forks from here on.
    sys::log::write_in_background();
    let _pid_file = match claim(&options, &config) {
        Ok(file) => file,
        Err(refused) => {
            let exit = match refused {
                // keepalived's status: what was asked for, a running daemon, is there.
                pidfile::Error::Running { .. } => Exit::Ok,
                pidfile::Error::File { .. } => Exit::Fatal,
            };
            if let Some(launcher) = launcher {
                launcher.report(exit.code(), &refused.to_string());
            }
            return refuse(&options, exit, &[refused.to_string()]);
        }
    };
    let exit = Parent::new(options, signals, launcher).run(config);
    info!("Stopped {NAME}");
    exit
}

/// Takes the parent's pid file for as long as it is held, and sees that no other daemon has the workers' ones.
fn claim(options: &Options, config: &conf::Config) -> Result<PidFile, pidfile::Error> {
    let pid = std::process::id();
    let file = PidFile::create(&options.pid_file, pid)?;
    for kind in options.wanted(config) {
        if let Some(path) = options.worker_pid_files.get(&kind) {
            match PidFile::create(path, pid) {
                Err(error @ pidfile::Error::Running { .. }) => return Err(error),
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
    info!("Stopped {NAME}");
    exit
}

fn dump(config: &conf::Config) {
    match serde_json::to_string_pretty(config) {
        Ok(text) => text.lines().for_each(|line| info!("{line}")),
        Err(error) => warn!(%error, "the configuration can't be dumped"),
    }
}
