//! Changes of a table: what `diff --json` and `apply --dry-run --json` print.

use super::{Document, ServerId, ServerSettings, ServiceId, ServiceSettings, VERSION};
use crate::ipvs::format::CommandLine;
use crate::ipvs::model::{Dest, DestKey, Service, ServiceKey, Table};
use crate::ipvs::operation;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

impl Document {
    /// A plan for a table that is as in `before`. Operations that concern neither a service nor a server are left out:
    /// a plan has none.
    #[must_use]
    pub fn operations(before: &Table, plan: &[operation::Operation]) -> Document {
        let before = Before::of(before);
        Document::Operations {
            version: VERSION,
            operations: plan.iter().filter_map(|operation| before.operation(operation)).collect(),
        }
    }
}

/// A change of the table.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// `-A`: the servers of the service follow, each with an operation of its own.
    AddService {
        /// Arguments of `vipd ipvs` that carry it out.
        command: String,
        /// Which service.
        service: ServiceId,
        /// How it is to be set.
        after: ServiceSettings,
    },
    /// `-E`
    EditService {
        /// Arguments of `vipd ipvs` that carry it out.
        command: String,
        /// Which service.
        service: ServiceId,
        /// How it is set.
        before: ServiceSettings,
        /// How it is to be set.
        after: ServiceSettings,
    },
    /// `-D`: the service goes with all its servers.
    DeleteService {
        /// Arguments of `vipd ipvs` that carry it out.
        command: String,
        /// Which service.
        service: ServiceId,
        /// How it is set.
        before: ServiceSettings,
        /// The servers that go with it.
        servers: Vec<ServerId>,
    },
    /// `-a`
    AddServer {
        /// Arguments of `vipd ipvs` that carry it out.
        command: String,
        /// Which service.
        service: ServiceId,
        /// Which server of it.
        server: ServerId,
        /// How it is to be set.
        after: ServerSettings,
    },
    /// `-e`
    EditServer {
        /// Arguments of `vipd ipvs` that carry it out.
        command: String,
        /// Which service.
        service: ServiceId,
        /// Which server of it.
        server: ServerId,
        /// How it is set.
        before: ServerSettings,
        /// How it is to be set.
        after: ServerSettings,
    },
    /// `-d`
    DeleteServer {
        /// Arguments of `vipd ipvs` that carry it out.
        command: String,
        /// Which service.
        service: ServiceId,
        /// Which server of it.
        server: ServerId,
        /// How it is set.
        before: ServerSettings,
    },
}

/// A table by its keys.
struct Before<'a>(HashMap<ServiceKey, (&'a Service, HashMap<DestKey, &'a Dest>)>);

impl<'a> Before<'a> {
    fn of(table: &'a Table) -> Before<'a> {
        let dests = |dests: &'a [Dest]| dests.iter().map(|dest| (dest.key, dest)).collect();
        Before(table.services.iter().map(|(service, all)| (service.key, (service, dests(all)))).collect())
    }

    fn operation(&self, operation: &operation::Operation) -> Option<Operation> {
        use operation::Operation as O;
        let service = ServiceId::from(&operation.service()?);
        let command = CommandLine(operation).to_string();
        let old = |key: &ServiceKey| self.0.get(key);
        let old_dest = |key, dest| old(key)?.1.get(dest).map(|dest| ServerSettings::from(*dest));
        Some(match operation {
            O::AddService(new) => Operation::AddService { command, service, after: new.into() },
            O::EditService(new) => {
                let (before, _) = old(&new.key)?;
                Operation::EditService { command, service, before: (*before).into(), after: new.into() }
            }
            O::DeleteService(key) => {
                let (before, dests) = old(key)?;
                let mut servers: Vec<&DestKey> = dests.keys().collect();
                servers.sort_unstable();
                let servers = servers.into_iter().map(ServerId::from).collect();
                Operation::DeleteService { command, service, before: (*before).into(), servers }
            }
            O::AddDest(_, new) => {
                let (server, after) = ((&new.key).into(), new.into());
                Operation::AddServer { command, service, server, after }
            }
            O::EditDest(key, new) => {
                let (server, before, after) = ((&new.key).into(), old_dest(key, &new.key)?, new.into());
                Operation::EditServer { command, service, server, before, after }
            }
            O::DeleteDest(key, dest) => {
                let (server, before) = (dest.into(), old_dest(key, dest)?);
                Operation::DeleteServer { command, service, server, before }
            }
            O::Flush | O::Zero(_) | O::SetTimeouts(_) | O::StartDaemon(_) | O::StopDaemon(_) => return None,
        })
    }
}
