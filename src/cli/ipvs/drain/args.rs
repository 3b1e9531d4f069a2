//! The arguments of `vipd ipvs drain`.

use super::USAGE;
use crate::cli::ipvs::wait::seconds;
use crate::cli::ipvs::{Stop, SystemNames};
use crate::ipvs::drain::{OnTimeout, Options, Then, WaitFor};
use crate::ipvs::grammar;
use crate::ipvs::model::{DestKey, ServiceKey};
use crate::ipvs::operation::Operation;
use clap::ValueEnum;
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
pub(in crate::cli::ipvs) struct Args {
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
    /// Leave the server in the table, with weight 0, when it is drained: where a daemon balances the service, it would put
    /// back a server that its configuration names
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
    pub(super) json: bool,
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

/// What `--on-timeout` takes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum After {
    Restore,
    Keep,
    Remove,
}

impl Args {
    /// How to drain.
    pub(super) fn options(&self) -> Options {
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
    pub(super) fn target(&self) -> Result<(ServiceKey, DestKey), Stop> {
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
