//! The IPVS table as its user reads it: `ipvsadm -Ln`.

use super::host::Host;
use super::wait::Waited;
use std::fmt;

/// What `ipvsadm -Ln` printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) services: Vec<Service>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// `TCP`, `UDP`, `FWM`...
    pub(crate) protocol: String,
    /// Address and port, or firewall mark.
    pub(crate) address: String,
    pub(crate) scheduler: String,
    pub(crate) servers: Vec<Server>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) address: String,
    /// `Route`, `Masq`, `Tunnel`.
    pub(crate) forward: String,
    pub(crate) weight: u32,
}

impl Table {
    /// The table of `host`'s namespace.
    pub(crate) fn of(host: &Host) -> Waited<Self> {
        Ok(Self::parse(&host.try_run("ipvsadm -Ln")?))
    }

    fn parse(text: &str) -> Self {
        let mut services: Vec<Service> = Vec::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["->", address, forward, weight, ..] => {
                    let (Some(service), Ok(weight)) = (services.last_mut(), weight.parse()) else { continue };
                    let (address, forward) = (address.to_owned(), forward.to_owned());
                    service.servers.push(Server { address, forward, weight });
                }
                [protocol @ ("TCP" | "UDP" | "SCTP" | "FWM"), address, scheduler, ..] => {
                    services.push(Service {
                        protocol: protocol.to_owned(),
                        address: address.to_owned(),
                        scheduler: scheduler.to_owned(),
                        servers: Vec::new(),
                    })
                }
                _ => {}
            }
        }
        Self { services }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// The weight of a server, if it is there.
    pub(crate) fn weight(&self, service: &str, server: &str) -> Option<u32> {
        let service = self.services.iter().find(|entry| entry.address == service)?;
        Some(service.servers.iter().find(|entry| entry.address == server)?.weight)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for service in &self.services {
            writeln!(f, "{} {} {}", service.protocol, service.address, service.scheduler)?;
            for server in &service.servers {
                writeln!(f, "  -> {:<21} {:<7} weight {}", server.address, server.forward, server.weight)?;
            }
        }
        if self.is_empty() { f.write_str("(the table is empty)") } else { Ok(()) }
    }
}
