//! A command line in the making: options taken one by one, then checked together.

use super::option::{Opt, Set, Token};
use super::{Columns, Command, Error, Listing, Subject, invalid, value};
use crate::ipvs::model::{
    Daemon, DaemonState, Dest, DestKey, Forward, Netmask, Protocol, Service, ServiceFlags, ServiceKey,
    Timeouts, Tunnel, TunnelFlags, TunnelKind,
};
use crate::ipvs::names::Names;
use crate::ipvs::operation::Operation;
use crate::net::Family;
use std::net::{IpAddr, Ipv4Addr};

/// `IPVS_SVC_PERSISTENT_TIMEOUT`: what `-p` means without a value, in seconds.
const DEFAULT_PERSISTENCE: u32 = 360;
/// 31 days, in seconds.
const MAX_TIMEOUT: i64 = 86_400 * 31;
const DEFAULT_SCHEDULER: &str = "wlc";
const DEFAULT_INTERFACE: &str = "eth0";
/// `IP_VS_SCHEDNAME_MAXLEN`, `IP_VS_IFNAME_MAXLEN` without the terminating zero.
const NAME_MAX: usize = 15;

/// Options of tunnels.
const TUNNEL: Set = Set::of(&[Opt::TunType, Opt::TunPort, Opt::TunNocsum, Opt::TunCsum, Opt::TunRemcsum]);
/// `-L` lists one of these; without any, the whole table.
const SUBJECTS: [Opt; 4] = [Opt::Connection, Opt::Service, Opt::Timeout, Opt::Daemon];

/// What has been read so far.
pub(super) struct Draft<'a> {
    names: &'a dyn Names,
    given: Set,
    protocol: Option<Protocol>,
    address: Option<IpAddr>,
    port: u16,
    mark: u32,
    /// The service's, once it is known.
    family: Option<Family>,
    scheduler: String,
    flags: ServiceFlags,
    scheduler_flags: String,
    timeout: u32,
    mask: Ipv4Addr,
    prefix: u8,
    pe_name: Option<String>,
    server: Option<(IpAddr, u16)>,
    forward: Forward,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,
    tunnel: Tunnel,
    pub(super) daemon: Daemon,
    pub(super) timeouts: Timeouts,
}

impl<'a> Draft<'a> {
    pub(super) fn new(names: &'a dyn Names) -> Draft<'a> {
        Draft {
            names,
            given: Set::default(),
            protocol: None,
            address: None,
            port: 0,
            mark: 0,
            family: None,
            scheduler: String::new(),
            flags: ServiceFlags::empty(),
            scheduler_flags: String::new(),
            timeout: 0,
            mask: Ipv4Addr::BROADCAST,
            prefix: 128,
            pe_name: None,
            server: None,
            forward: Forward::DirectRoute,
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
            tunnel: Tunnel::default(),
            daemon: Daemon {
                state: DaemonState::Master,
                interface: String::new(),
                sync_id: 0,
                sync_maxlen: None,
                group: None,
                port: None,
                ttl: None,
            },
            timeouts: Timeouts::default(),
        }
    }

    fn note(&mut self, option: Opt) -> Result<(), Error> {
        match self.given.insert(option) {
            true => Ok(()),
            false => invalid(format!("multiple '{}' options", option.name())),
        }
    }

    pub(super) fn take(&mut self, token: Token, value: Option<&str>) -> Result<(), Error> {
        let text = value.unwrap_or_default();
        match token {
            Token::Tcp => self.service(Protocol::Tcp, text),
            Token::Udp => self.service(Protocol::Udp, text),
            Token::Sctp => self.service(Protocol::Sctp, text),
            Token::Fwmark => {
                self.note(Opt::Service)?;
                self.family = Some(Family::V4);
                self.protocol = Some(Protocol::Tcp);
                let mark = value::number(text, 1, i64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok());
                let Some(mark) = mark else { return invalid(format!("invalid fwmark '{text}'")) };
                self.mark = mark;
                Ok(())
            }
            Token::Masquerading => self.forward(Forward::Masq),
            Token::Gatewaying => self.forward(Forward::DirectRoute),
            Token::Ipip => self.forward(Forward::Tunnel(Tunnel::default())),
            Token::Ipv6 if self.mark != 0 => {
                self.family = Some(Family::V6);
                self.prefix = 128;
                Ok(())
            }
            Token::Ipv6 => invalid("-6 must follow -f"),
            Token::Sort => Ok(()),
            Token::Other(option) => {
                self.note(option)?;
                self.other(option, value)
            }
            _ => invalid("more than one command"),
        }
    }

    fn service(&mut self, protocol: Protocol, text: &str) -> Result<(), Error> {
        self.note(Opt::Service)?;
        self.protocol = Some(protocol);
        let Some((address, port)) = value::endpoint(text, self.protocol, self.names) else {
            return invalid(format!("illegal virtual server address[:port] '{text}'"));
        };
        self.address = Some(address);
        self.port = port.unwrap_or(0);
        self.family = Some(Family::of(address));
        self.prefix = 128;
        Ok(())
    }

    fn forward(&mut self, forward: Forward) -> Result<(), Error> {
        self.note(Opt::Forward)?;
        self.forward = forward;
        Ok(())
    }

    fn other(&mut self, option: Opt, value: Option<&str>) -> Result<(), Error> {
        let text = value.unwrap_or_default();
        let number = |min, max: i64| match value::number(text, min, max).and_then(|n| u32::try_from(n).ok()) {
            Some(number) => Ok(number),
            None => invalid(format!("illegal {} '{text}': {min} to {max}", option.name())),
        };
        match option {
            Opt::Scheduler => self.scheduler = cut(text, NAME_MAX).to_owned(),
            Opt::Persistent => {
                self.flags |= ServiceFlags::PERSISTENT;
                self.timeout = value.map_or(Ok(DEFAULT_PERSISTENCE), |text| timeout(text, 1))?;
            }
            Opt::Netmask => self.netmask(text)?,
            Opt::Server => {
                let Some((address, port)) = value::endpoint(text, self.protocol, self.names) else {
                    return invalid(format!("illegal real server address[:port] '{text}'"));
                };
                self.server = Some((address, port.unwrap_or(self.port)));
            }
            Opt::Weight => self.weight = number(0, i64::from(i32::MAX))?,
            Opt::UpperThreshold => self.upper_threshold = number(0, i64::from(i32::MAX))?,
            Opt::LowerThreshold => self.lower_threshold = number(0, i64::from(i32::MAX))?,
            Opt::OnePacket => self.flags |= ServiceFlags::ONE_PACKET,
            Opt::PersistenceEngine => {
                self.pe_name = Some(cut(text, NAME_MAX + 1).to_owned()).filter(|name| !name.is_empty());
            }
            Opt::SchedFlags => self.scheduler_flags = cut(text, 127).to_owned(),
            Opt::McastInterface => self.daemon.interface = cut(text, NAME_MAX).to_owned(),
            Opt::SyncId => self.daemon.sync_id = number(0, 255)?,
            Opt::McastGroup => {
                let group = text.parse().ok().filter(IpAddr::is_multicast);
                let Some(group) = group else { return invalid(format!("invalid mcast-group '{text}'")) };
                self.daemon.group = Some(group);
            }
            Opt::McastPort => self.daemon.port = u16::try_from(number(1, 65535)?).ok(),
            Opt::McastTtl => self.daemon.ttl = u8::try_from(number(1, 255)?).ok(),
            Opt::SyncMaxlen => self.daemon.sync_maxlen = u16::try_from(number(1, 65535 - 20 - 8)?).ok(),
            Opt::TunType => {
                self.tunnel.kind = match text {
                    "ipip" => TunnelKind::Ipip,
                    "gue" => TunnelKind::Gue,
                    "gre" => TunnelKind::Gre,
                    _ => return invalid(format!("illegal tunnel type '{text}': ipip, gue or gre")),
                };
            }
            Opt::TunPort => self.tunnel.port = u16::try_from(number(1, 65535)?).unwrap_or_default(),
            Opt::TunCsum => self.tunnel.flags |= TunnelFlags::CSUM,
            Opt::TunRemcsum => self.tunnel.flags |= TunnelFlags::REMCSUM,
            // That they were given is all there is to know of the others.
            _ => {}
        }
        Ok(())
    }

    fn netmask(&mut self, text: &str) -> Result<(), Error> {
        if self.family == Some(Family::V6) {
            let bits = value::prefix(text).map_or(0, |(n, _)| n as i32);
            let Some(bits) = u8::try_from(bits).ok().filter(|n| (1..=128).contains(n)) else {
                return invalid(format!("illegal IPv6 netmask '{text}': 1 to 128"));
            };
            self.prefix = bits;
        } else {
            let Some(mask) = value::netmask(text, self.names) else {
                return invalid(format!("illegal persistence netmask '{text}'"));
            };
            self.mask = mask;
        }
        Ok(())
    }

    /// `-b`, which needs to know the scheduler wherever that was given.
    pub(super) fn scheduler_flags(&mut self) -> Result<(), Error> {
        if self.scheduler_flags.is_empty() {
            return Ok(());
        }
        let scheduler = if self.scheduler.is_empty() { DEFAULT_SCHEDULER } else { &self.scheduler };
        let mut any = false;
        for flag in self.scheduler_flags.split(',').filter(|flag| !flag.is_empty()) {
            any = true;
            self.flags |= match (flag, scheduler) {
                ("flag-1", _) | ("sh-fallback", "sh") | ("mh-fallback", "mh") => ServiceFlags::SCHED1,
                ("flag-2", _) | ("sh-port", "sh") | ("mh-port", "mh") => ServiceFlags::SCHED2,
                ("flag-3", _) => ServiceFlags::SCHED3,
                ("sh-fallback" | "sh-port" | "mh-fallback" | "mh-port", _) => {
                    return invalid(format!(
                        "scheduler flag '{flag}' does not go with scheduler {scheduler}"
                    ));
                }
                _ => return invalid(format!("invalid scheduler flag '{flag}'")),
            };
        }
        if any { Ok(()) } else { invalid("no scheduler flag in -b") }
    }

    pub(super) fn check_options(&self, legal: Set, required: &[Opt]) -> Result<(), Error> {
        if let Some(missing) = required.iter().find(|o| !self.given.has(**o)) {
            return invalid(format!("the '{}' option is missing", missing.name()));
        }
        if let Some(illegal) = self.given.without(legal).first() {
            return invalid(format!("the '{}' option does not go with this command", illegal.name()));
        }
        Ok(())
    }

    pub(super) fn build(self, command: Token) -> Result<Command, Error> {
        Ok(Command::Execute(match command {
            Token::AddService => Operation::AddService(self.virtual_service()?),
            Token::EditService => Operation::EditService(self.virtual_service()?),
            Token::DeleteService => Operation::DeleteService(self.key()?),
            Token::AddServer => Operation::AddDest(self.key()?, self.real_server()?),
            Token::EditServer => Operation::EditDest(self.key()?, self.real_server()?),
            Token::DeleteServer => {
                let (address, port) = self.server.unwrap_or((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0));
                Operation::DeleteDest(self.key()?, DestKey { address, port })
            }
            Token::Zero => Operation::Zero(match self.given.has(Opt::Service) {
                // The kernel's "all" is no address and no port: so ipvsadm means all by 0.0.0.0:0 too.
                true => {
                    Some(self.key()?).filter(|_| self.mark != 0 || self.port != 0 || !self.is_unspecified())
                }
                false => None,
            }),
            Token::Clear => Operation::Flush,
            Token::Set => Operation::SetTimeouts(self.timeouts),
            Token::StopDaemon => Operation::StopDaemon(self.daemon.state),
            Token::StartDaemon => {
                let mut daemon = self.daemon;
                if daemon.interface.is_empty() {
                    DEFAULT_INTERFACE.clone_into(&mut daemon.interface);
                }
                Operation::StartDaemon(daemon)
            }
            Token::List => return self.listing().map(Command::List),
            Token::Save => return Ok(Command::Save { numeric: self.given.has(Opt::Numeric) }),
            Token::Restore => return Ok(Command::Restore),
            _ => return Err(Error::NoCommand("the first option is no command".into())),
        }))
    }

    fn is_unspecified(&self) -> bool {
        self.address.is_none_or(|a| a.is_unspecified())
    }

    fn key(&self) -> Result<ServiceKey, Error> {
        let family = self.family.unwrap_or(Family::V4);
        match (self.mark, self.protocol, self.address) {
            (0, Some(protocol), Some(address)) => {
                Ok(ServiceKey::Address { protocol, address, port: self.port })
            }
            (0, ..) => invalid("no virtual service"),
            (mark, ..) => Ok(ServiceKey::Fwmark { mark, family }),
        }
    }

    fn virtual_service(self) -> Result<Service, Error> {
        let key = self.key()?;
        if let ServiceKey::Address { protocol, port, .. } = key {
            if port == 0 && !self.flags.contains(ServiceFlags::PERSISTENT) {
                return invalid("a service of port 0 (any port) must be persistent: -p");
            }
            if self.flags.contains(ServiceFlags::ONE_PACKET) && protocol != Protocol::Udp {
                return invalid("one-packet scheduling is only for UDP services");
            }
        }
        let scheduler = if self.scheduler.is_empty() { DEFAULT_SCHEDULER.to_owned() } else { self.scheduler };
        let netmask = match key.family() {
            Family::V4 => Netmask::Mask(self.mask),
            Family::V6 => Netmask::Prefix(self.prefix),
        };
        Ok(Service {
            key,
            scheduler,
            flags: self.flags,
            timeout: self.timeout,
            netmask,
            pe_name: self.pe_name,
        })
    }

    fn real_server(&self) -> Result<Dest, Error> {
        let Some((address, mut port)) = self.server else { return invalid("no real server") };
        let key = self.key()?;
        let tunneled = matches!(self.forward, Forward::Tunnel(_));
        if self.mark == 0 && (tunneled || self.forward == Forward::DirectRoute) {
            // These methods leave the packet's port alone.
            port = self.port;
        }
        if Family::of(address) != key.family() && !tunneled {
            return invalid("only tunnels lead to a server of another address family");
        }
        if !tunneled && self.given.any(TUNNEL) {
            return invalid("tunnel options go with -i only");
        }
        self.check_tunnel()?;
        Ok(Dest {
            key: DestKey { address, port },
            forward: if tunneled { Forward::Tunnel(self.tunnel) } else { self.forward },
            weight: self.weight,
            upper_threshold: self.upper_threshold,
            lower_threshold: self.lower_threshold,
        })
    }

    fn check_tunnel(&self) -> Result<(), Error> {
        let has = |option| usize::from(self.given.has(option));
        let flags = has(Opt::TunNocsum) + has(Opt::TunCsum) + has(Opt::TunRemcsum);
        let port = self.given.has(Opt::TunPort);
        match self.tunnel.kind {
            TunnelKind::Ipip if port || flags > 0 => {
                invalid("an ipip tunnel has neither port nor checksum options")
            }
            TunnelKind::Gue if !port => invalid("a gue tunnel needs --tun-port"),
            TunnelKind::Gre if port => invalid("a gre tunnel has no port"),
            TunnelKind::Gre if self.given.has(Opt::TunRemcsum) => {
                invalid("a gre tunnel has no remote checksum")
            }
            _ if flags > 1 => invalid("only one of --tun-nocsum, --tun-csum, --tun-remcsum"),
            _ => Ok(()),
        }
    }

    fn listing(&self) -> Result<Listing, Error> {
        let has = |option| self.given.has(option);
        let mut subjects = SUBJECTS.into_iter().filter(|o| has(*o));
        let subject = match subjects.next() {
            None => Subject::All,
            Some(Opt::Connection) => Subject::Connections,
            Some(Opt::Timeout) => Subject::Timeouts,
            Some(Opt::Daemon) => Subject::Daemons,
            Some(_) => Subject::Service(self.key()?),
        };
        if let Some(second) = subjects.next() {
            return invalid(format!("the '{}' option conflicts with another one", second.name()));
        }
        let figures = Set::of(&[Opt::Stats, Opt::Rate, Opt::Thresholds]);
        let no_table = matches!(subject, Subject::Connections | Subject::Timeouts | Subject::Daemons);
        let no_conns = matches!(subject, Subject::Timeouts | Subject::Daemons);
        if no_table && self.given.any(figures) || no_conns && has(Opt::PersistentConn) {
            return invalid("options conflict in the list command");
        }
        let columns = [
            (Opt::Stats, Columns::Stats),
            (Opt::Rate, Columns::Rate),
            (Opt::Thresholds, Columns::Thresholds),
            (Opt::PersistentConn, Columns::PersistentConn),
            (Opt::TunInfo, Columns::TunnelInfo),
        ];
        Ok(Listing {
            subject,
            columns: columns.into_iter().find(|(o, _)| has(*o)).map_or(Columns::Default, |(_, c)| c),
            numeric: has(Opt::Numeric),
            exact: has(Opt::Exact),
            sorted: !has(Opt::NoSort),
        })
    }
}

pub(super) fn timeout(text: &str, min: i64) -> Result<u32, Error> {
    match value::number(text, min, MAX_TIMEOUT).and_then(|n| u32::try_from(n).ok()) {
        Some(seconds) => Ok(seconds),
        None => invalid(format!("invalid timeout '{text}': {min} to {MAX_TIMEOUT} seconds")),
    }
}

/// At most `len` bytes of `text`.
fn cut(text: &str, len: usize) -> &str {
    text.get(..text.floor_char_boundary(len)).unwrap_or(text)
}
