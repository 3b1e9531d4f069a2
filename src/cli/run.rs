//! `vipd run`, and the program under the name `keepalived`: the daemon, with all of keepalived's flags.
//!
//! A flag has its full effect, or a warning says that it has none yet.

use super::{check, signum};
use crate::conf::LoadOptions;
use crate::daemon::worker::{self, Kind};
use crate::daemon::{Options, Source};
use crate::sys::log::{Facility, Settings};
use crate::sys::names::node_name;
use crate::sys::process;
use crate::sys::signal;
use clap::Args;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

/// keepalived's flags.
#[derive(Args, Clone, Debug)]
pub(super) struct Flags {
    /// Configuration file
    #[arg(short = 'f', long = "use-file", value_name = "FILE", default_value = check::DEFAULT_FILE, help_heading = CONFIG)]
    file: PathBuf,
    /// Check the configuration, say what is wrong with it on stderr or in FILE, and exit: 0 clean, 5 findings,
    /// 6 script security, 2 unreadable
    #[arg(short = 't', long = "config-test", value_name = "FILE", num_args = 0..=1, require_equals = true,
          default_missing_value = "", help_heading = CONFIG)]
    config_test: Option<OsString>,
    /// Of the lines that begin with @ID or @^ID, take those for this ID [default: the host's name]
    #[arg(short = 'i', long = "config-id", value_name = "ID", help_heading = CONFIG)]
    config_id: Option<String>,
    /// Refuse a configuration of which an included file is missing
    #[arg(short = 'e', long = "all-config", help_heading = CONFIG)]
    all_config: bool,
    /// Write the configuration, as it was understood, to the log
    #[arg(short = 'd', long = "dump-conf", help_heading = CONFIG)]
    dump_conf: bool,

    /// Run only virtual routers (with -C: these too)
    #[arg(short = 'P', long = "vrrp", help_heading = RUNS)]
    vrrp: bool,
    /// Run only virtual servers and their health checks (with -P: these too)
    #[arg(short = 'C', long = "check", help_heading = RUNS)]
    check: bool,
    /// Don't run BFD
    #[arg(short = 'B', long = "no_bfd", help_heading = RUNS)]
    no_bfd: bool,
    /// Start every part, even those that have nothing to do
    #[arg(long = "all", help_heading = RUNS)]
    all: bool,
    /// Run in this network namespace, whatever `net_namespace` says
    #[arg(short = 's', long = "namespace", value_name = "NAME", help_heading = RUNS)]
    namespace: Option<String>,
    /// Leave virtual addresses in place at the end
    #[arg(short = 'V', long = "dont-release-vrrp", help_heading = RUNS)]
    dont_release_vrrp: bool,
    /// Leave the IPVS table in place at the end
    #[arg(short = 'I', long = "dont-release-ipvs", help_heading = RUNS)]
    dont_release_ipvs: bool,
    /// Drop virtual addresses on a transition by signal (not done yet)
    #[arg(short = 'X', long = "release-vips", help_heading = RUNS)]
    release_vips: bool,

    /// Stay in the foreground
    #[arg(short = 'n', long = "dont-fork", help_heading = PROCESS)]
    dont_fork: bool,
    /// Stop when a worker dies instead of starting it again
    #[arg(short = 'R', long = "dont-respawn", help_heading = PROCESS)]
    dont_respawn: bool,
    /// Pid file of the daemon [default: /run/keepalived.pid]
    #[arg(short = 'p', long = "pid", value_name = "FILE", help_heading = PROCESS)]
    pid: Option<PathBuf>,
    /// Pid file of the VRRP worker [default: /run/vrrp.pid]
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE", help_heading = PROCESS)]
    vrrp_pid: Option<PathBuf>,
    /// Pid file of the health checks' worker [default: /run/checkers.pid]
    #[arg(short = 'c', long = "checkers_pid", value_name = "FILE", help_heading = PROCESS)]
    checkers_pid: Option<PathBuf>,
    /// Pid file of the BFD worker (not done yet)
    #[arg(short = 'b', long = "bfd_pid", value_name = "FILE", help_heading = PROCESS)]
    bfd_pid: Option<PathBuf>,
    /// File creation mask; a number that begins with 0 is octal
    #[arg(short = 'u', long = "umask", value_name = "MASK", value_parser = umask, help_heading = PROCESS)]
    umask: Option<u32>,
    /// Allow core dumps of any size
    #[arg(short = 'm', long = "core-dump", help_heading = PROCESS)]
    core_dump: bool,
    /// Allow core dumps (a pattern for their names: not done yet)
    #[arg(short = 'M', long = "core-dump-pattern", value_name = "PATTERN", num_args = 0..=1, require_equals = true,
          default_missing_value = "core", help_heading = PROCESS)]
    core_dump_pattern: Option<String>,
    /// Print the number of the signal for STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON or TDATA:
    /// kill -s $(keepalived --signum=STOP) $(cat /run/keepalived.pid)
    #[arg(long = "signum", value_name = "SIGFUNC", help_heading = PROCESS)]
    signum: Option<String>,

    /// Log to stderr too (with -n)
    #[arg(short = 'l', long = "log-console", help_heading = LOG)]
    log_console: bool,
    /// Log in more detail
    #[arg(short = 'D', long = "log-detail", help_heading = LOG)]
    log_detail: bool,
    /// Log in more detail of this VRRP instance alone; may be repeated
    #[arg(long = "log-detail-of", value_name = "NAME", help_heading = LOG)]
    log_detail_of: Vec<String>,
    /// Syslog facility: 0 to 7 or local0 to local7, user, daemon
    #[arg(short = 'S', long = "log-facility", value_name = "FACILITY", value_parser = facility,
          default_value = "daemon", help_heading = LOG)]
    log_facility: Facility,
    /// Log to FILE too; each worker's file has _vrrp or _healthcheckers before the last dot
    #[arg(short = 'g', long = "log-file", value_name = "FILE", help_heading = LOG)]
    log_file: Option<PathBuf>,
    /// Flush the log file after each line (always so)
    #[arg(long = "flush-log-file", help_heading = LOG)]
    flush_log_file: bool,
    /// Don't log to syslog
    #[arg(short = 'G', long = "no-syslog", help_heading = LOG)]
    no_syslog: bool,
    /// Log every address that anybody adds or deletes (not done yet)
    #[arg(short = 'a', long = "address-monitoring", help_heading = LOG)]
    address_monitoring: bool,

    /// SNMP agent (not done yet)
    #[arg(short = 'x', long = "snmp", help_heading = OTHER)]
    snmp: bool,
    /// Socket of the SNMP master agent (not done yet)
    #[arg(short = 'A', long = "snmp-agent-socket", value_name = "FILE", help_heading = OTHER)]
    snmp_agent_socket: Option<String>,
    /// Be genhash, with its arguments behind this: the first word of keepalived's command line (vipd genhash)
    #[arg(short = 'T', long = "genhash", help_heading = RUNS)]
    genhash: bool,
    /// Record performance data of the VRRP worker (not done yet)
    #[arg(long = "perf", value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "run",
          help_heading = OTHER)]
    perf: Option<String>,
    /// Debugging switches of keepalived's source (not done yet)
    #[arg(long = "debug", value_name = "OPTIONS", num_args = 0..=1, require_equals = true,
          default_missing_value = "", help_heading = OTHER)]
    debug: Option<String>,
    /// No checks of memory allocation (there are none)
    #[arg(long = "no-mem-check", help_heading = OTHER)]
    no_mem_check: bool,
}

const CONFIG: &str = "Configuration";
const RUNS: &str = "What runs, and what stays";
const PROCESS: &str = "Process";
const LOG: &str = "Log";
const OTHER: &str = "Accepted for keepalived's sake (without effect in this version)";

/// `-S`.
fn facility(text: &str) -> Result<Facility, String> {
    match text {
        "user" => Ok(Facility::User),
        "daemon" => Ok(Facility::Daemon),
        number => match number.strip_prefix("local").unwrap_or(number).parse() {
            Ok(n @ 0..=7) => Ok(Facility::Local(n)),
            _ => Err("0 to 7, local0 to local7, user or daemon".to_owned()),
        },
    }
}

/// `-u`, as C reads numbers.
fn umask(text: &str) -> Result<u32, String> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    match u32::from_str_radix(digits, radix) {
        Ok(mask @ 0..=0o777) => Ok(mask),
        _ => Err("a number up to 0777".to_owned()),
    }
}

/// Does what the flags ask for, in the name of `program`.
pub(super) fn run(program: &str, flags: &Flags) -> ExitCode {
    if let Some(function) = &flags.signum {
        return signum::print(function);
    }
    if let Some(reason) = flags.refused() {
        print_error!("{program}: {reason}");
        return ExitCode::FAILURE;
    }
    if let Some(output) = &flags.config_test {
        signal::let_hangups_through();
        return config_test(flags, output);
    }
    let options = flags.options(program);
    if let Some(reason) = same_pid_file(&options) {
        print_error!("{program}: {reason}");
        // As for a command line that is not understood.
        return ExitCode::from(if program == "keepalived" { 1 } else { 2 });
    }
    for (flag, what) in flags.without_effect() {
        print_error!("{program}: warning: {flag}: {what} in this version; it has no effect");
    }
    crate::daemon::start(options).into()
}

/// `-t`: what is found goes to standard error or, as with keepalived, to the end of a file.
fn config_test(flags: &Flags, output: &OsStr) -> ExitCode {
    if !output.is_empty()
        && let Err(error) = process::append_stderr_to(Path::new(output))
    {
        print_error!("Unable to open config-test log file {}: {error}", output.display());
        return ExitCode::FAILURE;
    }
    let source = flags.source();
    // As it was called on the command line: that is how the findings name it.
    source.with_options(|options| {
        check::test(&flags.file, &LoadOptions { resolves: Some(&is_known_host), ..*options })
    })
}

impl Flags {
    /// A flag that changes what the daemon would be so much that going on without it would do harm.
    fn refused(&self) -> Option<String> {
        self.genhash.then(|| {
            "-T (genhash) has to be the first word of keepalived's; here it is vipd genhash".to_owned()
        })
    }

    /// Given flags that do nothing yet.
    fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        let given = [
            (self.snmp || self.snmp_agent_socket.is_some(), "-x", "there is no SNMP agent"),
            (self.release_vips, "-X", "transitions by signal are not done"),
            (self.address_monitoring, "-a", "addresses of others are not logged"),
            (self.bfd_pid.is_some(), "-b", "there is no BFD"),
            (
                self.core_dump_pattern.is_some(),
                "-M",
                "the system's core pattern is left as it is (-m is in force)",
            ),
            (self.perf.is_some(), "--perf", "performance data is not recorded"),
            (self.debug.is_some(), "--debug", "keepalived's debugging switches are not there"),
        ];
        given.into_iter().filter(|(given, ..)| *given).map(|(_, flag, what)| (flag, what)).collect()
    }

    fn source(&self) -> Source {
        Source {
            file: whole(&self.file),
            config_id: self.config_id.clone().or_else(node_name),
            all_files: self.all_config,
            namespace: self.namespace.clone(),
        }
    }

    fn options(&self, program: &str) -> Options {
        let both = self.vrrp == self.check;
        let workers = [(Kind::Vrrp, self.vrrp), (Kind::Check, self.check)];
        let file =
            |named: &Option<PathBuf>, default: &str| whole(named.as_deref().unwrap_or(Path::new(default)));
        let tag = if program == "keepalived" { "Keepalived" } else { program };
        Options {
            program: program.to_owned(),
            source: self.source(),
            foreground: self.dont_fork,
            pid_file: file(&self.pid, "/run/keepalived.pid"),
            worker_pid_files: BTreeMap::from([
                (Kind::Vrrp, file(&self.vrrp_pid, "/run/vrrp.pid")),
                (Kind::Check, file(&self.checkers_pid, "/run/checkers.pid")),
            ]),
            named_pid_files: [
                (None, &self.pid),
                (Some(Kind::Vrrp), &self.vrrp_pid),
                (Some(Kind::Check), &self.checkers_pid),
            ]
            .into_iter()
            .filter_map(|(process, named)| named.as_ref().map(|_| process))
            .collect(),
            log_suffix: String::new(),
            workers: workers
                .into_iter()
                .filter(|(_, chosen)| both || *chosen)
                .map(|(kind, _)| kind)
                .collect(),
            all: self.all,
            respawn: !self.dont_respawn,
            umask: self.umask,
            core_dumps: self.core_dump || self.core_dump_pattern.is_some(),
            dump_config: self.dump_conf,
            log: Settings {
                tag: tag.to_owned(),
                console: self.log_console,
                syslog: (!self.no_syslog).then_some(self.log_facility),
                file: self.log_file.as_deref().map(whole),
                detail: self.log_detail,
                detail_of: self.log_detail_of.clone(),
            },
            worker: worker::Options {
                log_detail: self.log_detail,
                dont_release_vrrp: self.dont_release_vrrp,
                dont_release_ipvs: self.dont_release_ipvs,
                awaits_table: false,
                respawned: false,
                presence: None,
            },
        }
    }
}

/// Puts the `=` of clap's optional values into getopt's form of them, also at the end of several flags in one word:
/// `-tFILE` becomes `-t=FILE`, `-nMPATTERN` becomes `-nM=PATTERN`.
pub(super) fn attach_values(arguments: &[OsString]) -> Vec<OsString> {
    const WITH_VALUE: &str = "fisprcbuSgA";
    let attach = |argument: &OsString| -> Option<OsString> {
        let flags = argument.to_str()?.strip_prefix('-').filter(|flags| !flags.starts_with('-'))?;
        let at = flags.find(|flag| "tM".contains(flag) || WITH_VALUE.contains(flag))?;
        let (before, value) = flags.split_at(at + 1);
        let optional = before.ends_with(['t', 'M']) && !value.is_empty() && !value.starts_with('=');
        optional.then(|| format!("-{before}={value}").into())
    };
    arguments.iter().map(|argument| attach(argument).unwrap_or_else(|| argument.clone())).collect()
}

/// Two processes that run can't have one pid file: the second would find the first one running.
fn same_pid_file(options: &Options) -> Option<String> {
    let worker = |kind: Kind| options.worker_pid_files.get(&kind).filter(|_| options.workers.contains(&kind));
    let files = [("-p", Some(&options.pid_file)), ("-r", worker(Kind::Vrrp)), ("-c", worker(Kind::Check))];
    let mut seen: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for (flag, file) in files {
        let Some(file) = file else { continue };
        if let Some(other) = seen.insert(place(file), flag) {
            return Some(format!("{other} and {flag} name the same pid file {}", file.display()));
        }
    }
    None
}

/// Where a file is or will be, whichever way its folder is named: `/var/run` is `/run` most often.
fn place(file: &Path) -> PathBuf {
    let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, file.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => file.to_owned(),
    }
}

/// The path from the root on: a daemon's working directory is `/`, and a reload must find the same file.
fn whole(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Whether this machine can look a host's name up.
fn is_known_host(name: &str) -> bool {
    (name, 0).to_socket_addrs().is_ok_and(|mut found| found.next().is_some())
}
