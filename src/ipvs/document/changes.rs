//! The JSON of `--watch`: what became of services and servers since the reading before.

use super::{Document, Server, Service, VERSION};
use crate::ipvs::rates::{self, Observed, ObservedService, Rates};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

impl Document {
    /// A reading of `--watch`.
    #[must_use]
    pub fn changes(time: Duration, elapsed: Option<Duration>, observed: &[ObservedService<'_>]) -> Document {
        let all = elapsed.is_none();
        let service = |observed: &ObservedService<'_>| {
            let service = &observed.service;
            let servers: Vec<Server> = observed
                .shares()
                .filter(|(dest, _)| all || !dest.is_idle())
                .map(|(dest, share)| Server {
                    watched: Some(Watched::new(dest, share)),
                    ..Server::from(dest.entry)
                })
                .collect();
            let changed = all || !service.is_idle() || !servers.is_empty();
            changed.then(|| Service {
                watched: Some(Watched::new(service, None)),
                servers,
                ..Service::new(service.entry, &[])
            })
        };
        Document::Changes {
            version: VERSION,
            time: time.as_secs_f64(),
            elapsed: elapsed.map(|elapsed| elapsed.as_secs_f64()),
            services: observed.iter().filter_map(service).collect(),
        }
    }
}

/// What became of a service or a server since the reading before.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Watched {
    /// Null where it is set as it was, or nothing came before.
    pub change: Option<Change>,
    /// Its counters began again from 0.
    pub reset: bool,
    /// What was counted, a second; null where it is gone, or that is not known yet.
    pub rates: Option<Measured>,
    /// Of a server: its part of the packets that came in for the service, 0 to 1; null where none came.
    pub share: Option<f64>,
}

impl Watched {
    fn new<T>(observed: &Observed<'_, T>, share: Option<f64>) -> Watched {
        Watched {
            change: match observed.change {
                rates::Change::None => None,
                rates::Change::New => Some(Change::New),
                rates::Change::Changed => Some(Change::Changed),
                rates::Change::Gone => Some(Change::Gone),
            },
            reset: observed.reset,
            rates: observed.rates.map(Measured::from),
            share,
        }
    }
}

/// What became of a service or a server.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there.
    New,
    /// It is set in another way.
    Changed,
    /// It is not there any more.
    Gone,
}

/// Measured numbers a second.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Measured {
    /// Connections scheduled.
    pub connections: f64,
    /// From clients.
    pub incoming_packets: f64,
    /// To clients.
    pub outgoing_packets: f64,
    /// From clients.
    pub incoming_bytes: f64,
    /// To clients.
    pub outgoing_bytes: f64,
}

impl From<Rates> for Measured {
    fn from(rates: Rates) -> Measured {
        Measured {
            connections: rates.cps,
            incoming_packets: rates.inpps,
            outgoing_packets: rates.outpps,
            incoming_bytes: rates.inbps,
            outgoing_bytes: rates.outbps,
        }
    }
}
