//! An operation as the arguments of ipvsadm that would do it. Numbers only; unlike `-S` with everything that is not the
//! default, thresholds too.

use super::{scheduler_flags, tunnel_name};
use crate::ipvs::model::{
    Dest, Forward, Netmask, Protocol, Service, ServiceFlags, ServiceKey, TunnelFlags, TunnelKind,
};
use crate::ipvs::operation::Operation;
use crate::net::Family;
use std::fmt;
use std::net::SocketAddr;

/// `-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1`
#[derive(Clone, Copy, Debug)]
pub struct CommandLine<'a>(pub &'a Operation);

impl fmt::Display for CommandLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operation::AddService(s) => service(f, "-A", s),
            Operation::EditService(s) => service(f, "-E", s),
            Operation::DeleteService(key) => write!(f, "-D {}", Key(key)),
            Operation::AddDest(key, d) => dest(f, "-a", key, d),
            Operation::EditDest(key, d) => dest(f, "-e", key, d),
            Operation::DeleteDest(key, d) => write!(f, "-d {} -r {d}", Key(key)),
            Operation::Flush => f.write_str("-C"),
            Operation::Zero(Some(key)) => write!(f, "-Z {}", Key(key)),
            Operation::Zero(None) => f.write_str("-Z"),
            Operation::SetTimeouts(t) => write!(f, "--set {} {} {}", t.tcp, t.tcp_fin, t.udp),
            Operation::StartDaemon(d) => {
                write!(f, "--start-daemon {} --mcast-interface {}", d.state, d.interface)?;
                write!(f, " --syncid {}", d.sync_id)?;
                option(f, "--sync-maxlen", d.sync_maxlen)?;
                option(f, "--mcast-group", d.group)?;
                option(f, "--mcast-port", d.port)?;
                option(f, "--mcast-ttl", d.ttl)
            }
            Operation::StopDaemon(state) => write!(f, "--stop-daemon {state}"),
        }
    }
}

/// An object of a table as the rule that makes it: `-A …` or `-a …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule<'a> {
    /// A service.
    Service(&'a Service),
    /// A server of the service.
    Dest(ServiceKey, &'a Dest),
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Service(s) => service(f, "-A", s),
            Rule::Dest(key, d) => dest(f, "-a", key, d),
        }
    }
}

struct Key<'a>(&'a ServiceKey);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.0 {
            ServiceKey::Address { protocol, address, port } => {
                let option = match protocol {
                    Protocol::Tcp => "-t",
                    Protocol::Udp => "-u",
                    Protocol::Sctp => "--sctp-service",
                };
                write!(f, "{option} {}", SocketAddr::new(address, port))
            }
            ServiceKey::Fwmark { mark, family: Family::V4 } => write!(f, "-f {mark}"),
            ServiceKey::Fwmark { mark, family: Family::V6 } => write!(f, "-f {mark} -6"),
        }
    }
}

fn option(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {name} {value}"))
}

fn service(f: &mut fmt::Formatter<'_>, command: &str, s: &Service) -> fmt::Result {
    write!(f, "{command} {} -s {}", Key(&s.key), s.scheduler)?;
    if s.flags.contains(ServiceFlags::PERSISTENT) {
        write!(f, " -p {}", s.timeout)?;
    }
    match s.netmask {
        whole if whole == Netmask::host(s.key.family()) => {}
        Netmask::Mask(mask) => write!(f, " -M {mask}")?,
        Netmask::Prefix(bits) => write!(f, " -M {bits}")?,
    }
    option(f, "--pe", s.pe_name.as_deref())?;
    if s.flags.contains(ServiceFlags::ONE_PACKET) {
        f.write_str(" -o")?;
    }
    // Flags that the scheduler has no names for have none at all.
    option(f, "-b", scheduler_flags(s).filter(|flags| !flags.is_empty()))
}

fn dest(f: &mut fmt::Formatter<'_>, command: &str, key: &ServiceKey, d: &Dest) -> fmt::Result {
    let method = match d.forward {
        Forward::Masq => "-m",
        Forward::Tunnel(_) => "-i",
        Forward::Local | Forward::DirectRoute | Forward::Bypass => "-g",
    };
    write!(f, "{command} {} -r {} {method} -w {}", Key(key), d.key, d.weight)?;
    if d.upper_threshold != 0 {
        write!(f, " -x {}", d.upper_threshold)?;
    }
    if d.lower_threshold != 0 {
        write!(f, " -y {}", d.lower_threshold)?;
    }
    let Forward::Tunnel(tunnel) = d.forward else { return Ok(()) };
    if tunnel.kind == TunnelKind::Ipip {
        return Ok(());
    }
    write!(f, " --tun-type {}", tunnel_name(tunnel.kind))?;
    if tunnel.kind == TunnelKind::Gue {
        write!(f, " --tun-port {}", tunnel.port)?;
    }
    match tunnel.flags {
        TunnelFlags::CSUM => f.write_str(" --tun-csum"),
        TunnelFlags::REMCSUM => f.write_str(" --tun-remcsum"),
        _ => f.write_str(" --tun-nocsum"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::grammar::{Command, parse_line};
    use crate::ipvs::names::Numeric;

    #[test]
    fn what_is_read_is_written_the_same() {
        for line in [
            "-A -t 192.0.2.1:80 -s rr",
            "-A -u [2001:db8::1]:53 -s wlc -o",
            "-E --sctp-service 192.0.2.1:9 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port",
            "-A -f 4294967295 -s mh -b mh-port,flag-3",
            "-A -f 5 -6 -s wlc -p 360 -M 64 --pe sip",
            "-D -f 5 -6",
            "-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1 -x 10 -y 5",
            "-e -f 5 -r [2001:db8::2]:0 -i -w 0",
            "-a -f 5 -r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum",
            "-a -f 5 -r 10.0.0.1:80 -i -w 1 --tun-type gre --tun-csum",
            "-d -t 192.0.2.1:80 -r 10.0.0.1:80",
            "-C",
            "-Z",
            "-Z -u 192.0.2.1:53",
            "--set 1 2 3",
            "--start-daemon master --mcast-interface eth1 --syncid 7 --sync-maxlen 1000 --mcast-group 224.0.0.9 --mcast-port 1 --mcast-ttl 2",
            "--stop-daemon backup",
        ] {
            let Ok(Some(Command::Execute(operation))) = parse_line(line, &Numeric) else { panic!("{line}") };
            let written = CommandLine(&operation).to_string();
            // Of scheduler flags mh has names for two.
            let expected = line.replace(",flag-3", "");
            assert_eq!(written, expected);
        }
    }
}
