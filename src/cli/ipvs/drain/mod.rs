//! `vipd ipvs drain`: drives [`crate::ipvs::drain`] with the kernel's table, signals and the clock.

mod progress;

use super::figure::number_of;
use super::wait::{heed, seconds, sleep_until};
use super::{Stop, SystemNames};
use crate::ipvs::client::Client;
use crate::ipvs::drain::{self, Action, Drain, Event, OnTimeout, Options, Outcome, Then, WaitFor};
use crate::ipvs::follow::Follower;
use crate::ipvs::grammar;
use crate::ipvs::model::{DestEntry, DestKey, ServiceEntry, ServiceKey};
use crate::ipvs::operation::Operation;
use crate::sys::clock;
use crate::sys::signal::SignalFd;
use clap::ValueEnum;
use nix::errno::Errno;
use progress::Display;
use std::ffi::c_int;
use std::fs;
use std::time::Duration;

/// Take a server out of its service without cutting connections
///
/// Sets the server's weight to 0, so that it gets no new connections, waits until its active ones have ended, and
/// removes it from the service. Interrupted (Ctrl-C, SIGTERM, SIGHUP), or when --timeout is over, it gives the server
/// its former weight again. If someone else changes the weight or removes the server meanwhile, that stays as it is.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "vipd ipvs drain [OPTIONS] SERVICE SERVER\n       \
                      vipd ipvs drain [OPTIONS] {-t|-u|--sctp-service} SERVICE -r SERVER\n       \
                      vipd ipvs drain [OPTIONS] -f MARK [-6] -r SERVER",
    after_long_help = HELP
)]
pub(super) struct Args {
    /// tcp:ADDRESS:PORT (or udp, sctp), fwmark:MARK or fwmark6:MARK (of IPv6 packets); and the server, ADDRESS:PORT.
    /// IPv6 addresses stand in brackets, names of hosts and ports resolve
    #[arg(value_names = ["SERVICE", "SERVER"], num_args = 0..=2)]
    words: Vec<String>,
    /// The service, of TCP, as ipvsadm takes it
    #[arg(short = 't', long, value_name = "SERVICE", group = "service")]
    tcp_service: Option<String>,
    /// The service, of UDP
    #[arg(short = 'u', long, value_name = "SERVICE", group = "service")]
    udp_service: Option<String>,
    /// The service, of SCTP
    #[arg(long, value_name = "SERVICE", group = "service")]
    sctp_service: Option<String>,
    /// The service, by its firewall mark
    #[arg(short = 'f', long, value_name = "MARK", group = "service")]
    fwmark_service: Option<String>,
    /// The mark is that of IPv6 packets
    #[arg(short = '6', long, requires = "fwmark_service")]
    ipv6: bool,
    /// The server; without a port, that of the service
    #[arg(short = 'r', long, value_name = "SERVER")]
    real_server: Option<String>,
    /// Leave the server in the table, with weight 0, when it is drained
    #[arg(long)]
    keep: bool,
    /// Wait no longer than this
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// What becomes of a server that still has connections when the time is up: restore its weight, keep it with
    /// weight 0, or remove it, which cuts them
    #[arg(long, value_name = "WHAT", default_value = "restore", requires = "timeout")]
    on_timeout: After,
    /// Wait for inactive connections too: those that are just being opened or closed, and all of UDP. A UDP service
    /// always does; one by firewall mark that UDP goes to needs this option, since the mark does not tell
    #[arg(long)]
    inactive: bool,
    /// Drain the server even if no other one of the service takes new connections
    #[arg(long)]
    force: bool,
    /// How often to look
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Write progress and outcome as lines of JSON
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
The kernel counts UDP as inactive connections, which are gone when nothing has come for the UDP timeout (vipd ipvs -L \
--timeout). Without --inactive, a server of a service by firewall mark is removed while UDP clients still use it.

A persistent service leads clients that it remembers to their server even if that has weight 0, so draining it can \
take long; net.ipv4.vs.expire_quiescent_template=1 (sysctl) makes the kernel forget them.

On a terminal, a bar shows how many connections are left and how fast they end; otherwise a line every ten seconds. \
With --json, each look is a line (vipd ipvs schema), with event \"progress\" and the figures; the last line's event is \
\"drained\", \"timed_out\", \"interrupted\", \"weight_changed\" or \"gone\".

Exit status:
  0    drained
  1    the kernel refused, or has no such service or server
  2    the arguments make no sense
  3    connections were left when --timeout was over
  4    someone else changed the server's weight or removed it
  5    refused: no other server would take connections (--force)
  128+N  ended by signal N, and the former weight is restored

Examples:
  vipd ipvs drain tcp:10.0.0.1:80 10.0.0.5:80
  vipd ipvs drain -t 10.0.0.1:80 -r 10.0.0.5:80 --timeout 600
  vipd ipvs drain 'tcp:[2001:db8::1]:443' '[2001:db8::5]:443' --keep
  vipd ipvs drain fwmark:5 10.0.0.5";

const KERNEL: u8 = 1;
const USAGE: u8 = 2;
const TIMED_OUT: u8 = 3;
const SOMEONE_ELSE: u8 = 4;
const LAST_SERVER: u8 = 5;

/// What `--on-timeout` takes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum After {
    Restore,
    Keep,
    Remove,
}

impl Args {
    fn options(&self) -> Options {
        Options {
            then: if self.keep { Then::Keep } else { Then::Remove },
            timeout: self.timeout,
            on_timeout: match self.on_timeout {
                After::Restore => OnTimeout::Restore,
                After::Keep => OnTimeout::Keep,
                After::Remove => OnTimeout::Remove,
            },
            interval: self.interval,
            wait_for: if self.inactive { WaitFor::All } else { WaitFor::Active },
            force: self.force,
        }
    }

    /// What is meant, in whichever way it is written: ipvsadm's language knows addresses, names and marks.
    fn target(&self) -> Result<(ServiceKey, DestKey), Stop> {
        let usage = |message: String| Stop::new(USAGE, format!("{message}; try --help"));
        let mut words = self.words.iter();
        let options = [
            ("-t", &self.tcp_service),
            ("-u", &self.udp_service),
            ("--sctp-service", &self.sctp_service),
            ("-f", &self.fwmark_service),
        ];
        let given = options.iter().find_map(|(option, value)| Some((*option, value.as_deref()?)));
        let (option, service, six) = match given {
            Some((option, service)) => (option, service, self.ipv6),
            None => {
                let word = words.next().ok_or_else(|| usage("which service?".into()))?;
                let (kind, service) = word.split_once(':').unwrap_or((word, ""));
                let (option, six) = match kind {
                    "tcp" => ("-t", false),
                    "udp" => ("-u", false),
                    "sctp" => ("--sctp-service", false),
                    "fwmark" => ("-f", false),
                    "fwmark6" => ("-f", true),
                    _ => {
                        let forms = "tcp:ADDRESS:PORT (or udp, sctp), fwmark:MARK or fwmark6:MARK";
                        return Err(usage(format!("{word} is no service: {forms}")));
                    }
                };
                (option, service, six)
            }
        };
        let server = self.real_server.as_ref().or_else(|| words.next());
        let server = server.ok_or_else(|| usage("which server?".into()))?;
        if let Some(word) = words.next() {
            return Err(usage(format!("unexpected argument {word}")));
        }
        let mut line = vec!["-d", option, service, "-r", server];
        line.extend(six.then_some("-6"));
        match grammar::parse(&line, &SystemNames) {
            Ok(grammar::Command::Execute(Operation::DeleteDest(service, server))) => Ok((service, server)),
            Ok(_) => Err(usage("this is no server of a service".into())),
            Err(error) => Err(usage(error.to_string())),
        }
    }
}

/// Drains a server.
pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let (service, server) = args.target()?;
    let signals = heed(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP])
        .map_err(|error| Stop::new(KERNEL, format!("collect signals: {error}")))?;
    let mut client = Client::open_or_load()?;
    let entry = client.service(&service).map_err(|error| match error.errno() {
        Some(Errno::ESRCH) => Stop::new(KERNEL, format!("there is no service {service}")),
        _ => error.into(),
    })?;
    let mut follower = Follower::default();
    let dests = follower.dests(&mut client, &service)?;
    let (drain, actions) = Drain::begin(clock::now(), &entry, &dests, server, args.options())
        .map_err(|refusal| Stop::new(refusal_status(refusal), refusal.to_string()))?;
    let display = Display::new(args.json, service, server);
    for warning in warnings(&entry, &dests, server, args.options().wait_for) {
        display.warn(&warning);
    }
    let last = dests.into_iter().find(|dest| dest.dest.key == server);
    Driver { client, follower, service, server, drain, display, last }.run(actions, &signals)
}

/// What the user may not expect of draining this server.
fn warnings(entry: &ServiceEntry, dests: &[DestEntry], server: DestKey, wait_for: WaitFor) -> Vec<String> {
    let service = entry.service.key;
    let (drained, others): (Vec<&DestEntry>, Vec<&DestEntry>) =
        dests.iter().partition(|dest| dest.dest.key == server);
    let mut warnings = Vec::new();
    for dest in drained {
        if drain::clients_return(entry, dest) && templates_live() {
            warnings.push(format!(
                "{service} is persistent: it goes on leading {} that it remembers to {server}, until they stay away \
                 for {} s; sysctl net.ipv4.vs.expire_quiescent_template=1 makes it forget them",
                number_of(dest.persistent_conns, "client"),
                entry.service.timeout
            ));
        }
        if drain::may_cut_udp(&service, wait_for, dest) {
            warnings.push(format!(
                "{server} has {}, which --inactive waits for; without it, those of UDP are cut",
                number_of(dest.inactive_conns, "inactive connection")
            ));
        }
    }
    if others.iter().all(|other| other.dest.weight == 0) {
        warnings.push(format!("no server of {service} takes new connections from now on"));
    }
    warnings
}

const fn refusal_status(refusal: drain::Refusal) -> u8 {
    match refusal {
        drain::Refusal::NoServer { .. } => KERNEL,
        drain::Refusal::LastServer { .. } => LAST_SERVER,
    }
}

/// Whether the kernel follows a template to a server of weight 0.
fn templates_live() -> bool {
    let sysctl = fs::read_to_string("/proc/sys/net/ipv4/vs/expire_quiescent_template");
    sysctl.map_or(true, |text| text.trim() == "0")
}

struct Driver {
    client: Client,
    follower: Follower,
    service: ServiceKey,
    server: DestKey,
    drain: Drain,
    display: Display,
    /// The server as it was read last.
    last: Option<DestEntry>,
}

impl Driver {
    fn run(mut self, actions: Vec<Action>, signals: &SignalFd) -> Result<(), Stop> {
        let outcome = self.perform(actions).and_then(|end| match end {
            Some(outcome) => Ok((outcome, None)),
            None => self.wait(signals),
        });
        let (outcome, signal) = outcome.map_err(|error| self.undo(error))?;
        self.display.end(clock::now(), outcome);
        let message = progress::message(self.service, self.server, outcome);
        match (outcome, signal) {
            (Outcome::Drained(_), _) => Ok(()),
            (_, Some(signal)) => Err(Stop::by_signal(signal, message)),
            (Outcome::TimedOut { .. }, None) => Err(Stop::new(TIMED_OUT, message)),
            (_, None) => Err(Stop::new(SOMEONE_ELSE, message)),
        }
    }

    /// Reads and obeys until the end; and the signal that brought it about.
    fn wait(&mut self, signals: &SignalFd) -> Result<(Outcome, Option<c_int>), Stop> {
        loop {
            let signal = sleep_until(self.drain.next_timeout(), signals)
                .map_err(|error| Stop::new(KERNEL, format!("wait for a signal: {error}")))?;
            let dests = self.follower.dests(&mut self.client, &self.service)?;
            let reading = dests.into_iter().find(|dest| dest.dest.key == self.server);
            self.last = reading;
            let event = if signal.is_some() { Event::Interrupted(reading) } else { Event::Reading(reading) };
            let actions = self.drain.handle(clock::now(), event);
            if let Some(outcome) = self.perform(actions)? {
                return Ok((outcome, signal));
            }
        }
    }

    fn perform(&mut self, actions: Vec<Action>) -> Result<Option<Outcome>, Stop> {
        let mut end = None;
        for action in actions {
            match action {
                Action::Execute(operation) => {
                    if let Some(failed) = self.client.execute([&operation]).into_iter().next() {
                        return Err(Stop::new(KERNEL, failed.to_string()));
                    }
                    if let (Operation::EditDest(_, dest), Some(last)) = (operation, &mut self.last) {
                        last.dest = dest;
                    }
                }
                Action::Report(progress) => self.display.report(clock::now(), &progress),
                Action::End(outcome) => end = Some(outcome),
            }
        }
        Ok(end)
    }

    /// Something went wrong: the server gets its weight back before the end.
    fn undo(&mut self, error: Stop) -> Stop {
        self.display.clear();
        let actions = self.drain.handle(clock::now(), Event::Interrupted(self.last));
        match self.perform(actions) {
            Ok(_) => error,
            Err(second) => Stop::new(
                error.status,
                format!("{}\nand the former weight is not restored: {}", error.message, second.message),
            ),
        }
    }
}
