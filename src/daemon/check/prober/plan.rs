//! What a check needs for each of its probes, made ready once: compiled patterns, requests, the settings of TLS.

use super::datagram::ask;
use super::service::Service;
use super::socket::Kind;
use super::stream::talk;
use crate::check::config::{Checker, Connect, Http, Probe};
use crate::check::probe::dns::Dns;
use crate::check::probe::http::{Exchange, Page};
use crate::check::probe::ping::Ping;
use crate::check::probe::smtp::Smtp;
use crate::check::probe::udp::Udp;
use crate::check::probe::{Failure, Outcome};
use crate::daemon::check::tls::{Encryption, Expiry, Tls};
use crate::net::Family;

/// A check that is ready to be run.
#[derive(Debug)]
pub(super) struct Plan {
    connect: Connect,
    what: What,
}

#[derive(Debug)]
enum What {
    Pages(Vec<(Page, Option<Encryption>)>, Option<Expiry>),
    Smtp(Box<str>),
    Dns(Box<crate::check::config::Dns>),
    Udp(Box<crate::check::config::Udp>),
    Ping,
    Service(Service),
    /// Somebody else runs it.
    Elsewhere,
}

impl Plan {
    pub(super) fn new(check: &Checker, tls: &Tls) -> Plan {
        let what = match &check.probe {
            Probe::Http(http) => {
                let days = http.tls.as_ref().and_then(|tls| tls.certificate_expiry);
                What::Pages(pages(http, &check.connect, tls), days.map(Expiry::within))
            }
            Probe::Smtp { helo_name } => What::Smtp(helo_name.clone()),
            Probe::Dns(dns) => What::Dns(dns.clone()),
            Probe::Udp(udp) => What::Udp(udp.clone()),
            Probe::Ping => What::Ping,
            probe @ (Probe::Agent(_)
            | Probe::Mysql(_)
            | Probe::Pgsql(_)
            | Probe::Ldap(_)
            | Probe::Grpc(_)
            | Probe::Redis(_)) => What::Service(Service::new(probe)),
            Probe::Tcp | Probe::Misc(_) | Probe::File(_) | Probe::Bfd { .. } => What::Elsewhere,
        };
        Plan { connect: check.connect.clone(), what }
    }

    /// Runs it once; `page` is the one to ask for, where there are several, and `number` another one each time, that
    /// nobody can guess.
    pub(super) async fn run(&self, page: usize, number: u64) -> Outcome {
        let connect = &self.connect;
        match &self.what {
            What::Pages(pages, expiry) => match pages.get(page) {
                Some((page, None)) => talk(connect, &mut Exchange::new(page)).await,
                Some((page, Some(encryption))) => match encryption.around(Exchange::new(page)) {
                    Ok(mut dialogue) => {
                        let outcome = talk(connect, &mut dialogue).await;
                        if let (Some(expiry), Some(certificate)) = (expiry, dialogue.certificate()) {
                            expiry.look_at(certificate, connect.to);
                        }
                        outcome
                    }
                    Err(failure) => Outcome::NotRun(failure),
                },
                None => Outcome::NotRun(Failure::Reason("there is no such page".into())),
            },
            What::Smtp(helo_name) => talk(connect, &mut Smtp::new(helo_name)).await,
            What::Dns(dns) => ask(connect, Kind::Udp, &mut Dns::new(dns, number as u16)).await,
            What::Udp(udp) => ask(connect, Kind::Udp, &mut Udp::new(udp)).await,
            What::Ping => {
                let family = Family::of(connect.to.ip());
                ask(connect, Kind::Ping, &mut Ping::new(family, number as u16)).await
            }
            What::Service(service) => service.run(connect, number).await,
            What::Elsewhere => Outcome::Passed,
        }
    }
}

fn pages(http: &Http, connect: &Connect, tls: &Tls) -> Vec<(Page, Option<Encryption>)> {
    let page = |url| {
        let encryption = http.tls.as_ref().map(|settings| tls.of(settings, url, connect.to.ip()));
        (Page::new(http.protocol, url, connect.to), encryption)
    };
    http.urls.iter().map(page).collect()
}
