//! The JSON of `vipd ipvs`: stable types for programs, each field of the kernel's under a name that is written out.
//! docs/ipvs-json.md tells what they mean. Pure; long tables are written service by service.

mod changes;
mod connections;
mod counters;
mod drain;
mod kernel;
mod operations;
mod server;
mod service;
mod write;

pub use changes::{Change, Measured, Watched};
pub use connections::{Connection, Endpoint, Engine};
pub use counters::Counters;
pub use drain::{After, Drain, Line};
pub use kernel::{Daemon, Kernel, State, Timeouts};
pub use operations::Operation;
pub use server::{Checksum, Method, Server, ServerId, ServerSettings, Tunnel, TunnelKind};
pub use service::{Family, Persistence, Protocol, Service, ServiceId, ServiceSettings};
pub use write::{Connections, Table};

#[cfg(feature = "schema")]
use schemars::JsonSchema;
#[cfg(feature = "schema")]
use schemars::generate::SchemaSettings;
use serde::Serialize;
#[cfg(feature = "schema")]
use serde_json::{Value, json};

/// The version of these documents: fields may be added within one, and none goes away or changes its meaning.
pub const VERSION: u32 = 1;

/// What a listing prints, or a comparison of tables.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "listing", rename_all = "lowercase")]
pub enum Document {
    /// `-L`, with any columns, and `-S`: the table, or one service of it.
    Table {
        /// Of this format.
        version: u32,
        /// What the kernel says of its IPVS.
        kernel: Kernel,
        /// The services in the listing's order.
        services: Vec<Service>,
    },
    /// A reading of `-L --watch`: what changed, or was counted, since the one before.
    Changes {
        /// Of this format.
        version: u32,
        /// When it was read: seconds since 1970.
        time: f64,
        /// Seconds since the reading before; null for the first one, which has everything.
        elapsed: Option<f64>,
        /// Services of which something changed, each with those of its servers of which something changed.
        services: Vec<Service>,
    },
    /// `diff` and `apply --dry-run`: what makes one table the other.
    Operations {
        /// Of this format.
        version: u32,
        /// In the order in which they are carried out.
        operations: Vec<Operation>,
    },
    /// `-L -c`
    Connections {
        /// Of this format.
        version: u32,
        /// The connections in the kernel's order.
        connections: Vec<Connection>,
    },
    /// `-L --daemon`
    Daemons {
        /// Of this format.
        version: u32,
        /// The synchronisation daemons that run: at most a master and a backup.
        daemons: Vec<Daemon>,
    },
    /// `-L --timeout`
    Timeouts {
        /// Of this format.
        version: u32,
        /// Timeouts of connections.
        timeouts: Timeouts,
    },
}

/// Whatever `vipd ipvs` prints with `--json`, or to no terminal with `--watch`.
#[cfg(feature = "schema")]
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is made")]
enum Output {
    Document(Document),
    Drain(Drain),
}

/// The JSON Schema (draft 2020-12) of all that `vipd ipvs` prints as JSON.
#[cfg(feature = "schema")]
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = Value::from(generator.into_root_schema_for::<Output>());
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("the JSON of vipd ipvs"));
    }
    schema
}

#[cfg(test)]
mod tests;
