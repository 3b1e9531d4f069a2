//! Long documents, piece by piece: the head, a line for each element, the end. What comes out is what
//! [`super::Document`] describes.

use super::{Connection, Kernel, Service, VERSION};
use crate::ipvs::model::{DestEntry, Info, ServiceEntry};
use serde::Serialize;
use std::io::{self, Write};

/// A table on its way out.
#[derive(Debug)]
pub struct Table(Elements);

impl Table {
    /// Writes what comes before the services.
    ///
    /// # Errors
    /// What writing gives; so for all functions here.
    pub fn begin(out: &mut impl Write, info: &Info) -> io::Result<Table> {
        write!(out, r#"{{"listing":"table","version":{VERSION},"kernel":"#)?;
        serde_json::to_writer(&mut *out, &Kernel::from(info))?;
        write!(out, r#","services":["#)?;
        Ok(Table(Elements::default()))
    }

    /// Writes the next service.
    ///
    /// # Errors
    /// See [`Table::begin`].
    pub fn service(
        &mut self,
        out: &mut impl Write,
        entry: &ServiceEntry,
        dests: &[DestEntry],
    ) -> io::Result<()> {
        self.0.write(out, &Service::new(entry, dests))
    }

    /// Writes what comes behind the services.
    ///
    /// # Errors
    /// See [`Table::begin`].
    pub fn end(self, out: &mut impl Write) -> io::Result<()> {
        self.0.end(out)
    }
}

/// Connections on their way out.
#[derive(Debug)]
pub struct Connections(Elements);

impl Connections {
    /// Writes what comes before the connections.
    ///
    /// # Errors
    /// See [`Table::begin`].
    pub fn begin(out: &mut impl Write) -> io::Result<Connections> {
        write!(out, r#"{{"listing":"connections","version":{VERSION},"connections":["#)?;
        Ok(Connections(Elements::default()))
    }

    /// Writes the next connection.
    ///
    /// # Errors
    /// See [`Table::begin`].
    pub fn connection(&mut self, out: &mut impl Write, connection: &Connection) -> io::Result<()> {
        self.0.write(out, connection)
    }

    /// Writes what comes behind the connections.
    ///
    /// # Errors
    /// See [`Table::begin`].
    pub fn end(self, out: &mut impl Write) -> io::Result<()> {
        self.0.end(out)
    }
}

/// The elements of a list that ends its document.
#[derive(Debug, Default)]
struct Elements {
    any: bool,
}

impl Elements {
    fn write(&mut self, out: &mut impl Write, element: &impl Serialize) -> io::Result<()> {
        out.write_all(if self.any { b",\n" } else { b"\n" })?;
        self.any = true;
        Ok(serde_json::to_writer(out, element)?)
    }

    fn end(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(if self.any { b"\n]}\n" } else { b"]}\n" })
    }
}
