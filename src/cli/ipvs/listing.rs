//! Listings: `-L` and `-S` as ipvsadm prints them, or as JSON. Services are held in full, the servers of one at a time.

use super::{Session, Stop, names_unless};
use crate::ipvs::client::Counters;
use crate::ipvs::connection::{Connection, FILE};
use crate::ipvs::document::{self, Document};
use crate::ipvs::format::{self, Form, Style};
use crate::ipvs::grammar::{Columns, Listing, Subject};
use crate::ipvs::model::{DestEntry, ServiceEntry};
use crate::ipvs::names::Names;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::fd::AsFd;

/// Bytes written at once.
const WRITE: usize = 64 << 10;

impl Session {
    /// `-L`
    pub(super) fn list(&mut self, listing: &Listing) -> Result<(), Stop> {
        let names = names_unless(listing.numeric);
        let style = Style { form: Form::Table(listing.columns), exact: listing.exact, names };
        let out = &mut standard_output()?;
        match listing.subject {
            Subject::All => {
                format::version(out, &self.info)?;
                format::title(out, listing.columns)?;
                let counters = match listing.columns {
                    Columns::Stats | Columns::Rate => Counters::Read,
                    _ => Counters::Leave,
                };
                let show = |entry: &_, dests: &_| format::service(out, entry, dests, style);
                self.each_service(listing.sorted, counters, show)?;
            }
            Subject::Service(key) => {
                let entry = self.client.service(&key)?;
                format::title(out, listing.columns)?;
                format::service(out, &entry, &self.dests_of(&entry, listing.sorted)?, style)?;
            }
            Subject::Timeouts => format::timeouts(out, &self.client.timeouts()?)?,
            Subject::Daemons => {
                for daemon in self.client.daemons()? {
                    format::daemon(out, &daemon)?;
                }
            }
            Subject::Connections => connections(out, listing.columns, names)?,
        }
        Ok(out.flush()?)
    }

    /// `-S`
    pub(super) fn save(&mut self, numeric: bool) -> Result<(), Stop> {
        let style = Style { form: Form::Rules, exact: false, names: names_unless(numeric) };
        let out = &mut standard_output()?;
        self.each_service(true, Counters::Leave, |entry, dests| format::service(out, entry, dests, style))?;
        Ok(out.flush()?)
    }

    /// Everything about the subject, as JSON.
    pub(super) fn list_json(&mut self, subject: Subject, sorted: bool) -> Result<(), Stop> {
        let out = &mut standard_output()?;
        let version = document::VERSION;
        match subject {
            Subject::All => {
                let mut table = document::Table::begin(out, &self.info)?;
                self.each_service(sorted, Counters::Read, |entry, dests| table.service(out, entry, dests))?;
                table.end(out)?;
            }
            Subject::Service(key) => {
                let entry = self.client.service(&key)?;
                let dests = self.dests_of(&entry, sorted)?;
                let mut table = document::Table::begin(out, &self.info)?;
                table.service(out, &entry, &dests)?;
                table.end(out)?;
            }
            Subject::Timeouts => {
                let timeouts = self.client.timeouts()?.into();
                document(out, &Document::Timeouts { version, timeouts })?;
            }
            Subject::Daemons => {
                let daemons = self.client.daemons()?.iter().map(Into::into).collect();
                document(out, &Document::Daemons { version, daemons })?;
            }
            Subject::Connections => {
                let mut list = document::Connections::begin(out)?;
                each_connection(|line| match Connection::parse(line) {
                    Some(connection) => list.connection(out, &(&connection).into()),
                    None => Ok(()),
                })?;
                list.end(out)?;
            }
        }
        Ok(out.flush()?)
    }

    fn each_service(
        &mut self,
        sorted: bool,
        counters: Counters,
        mut show: impl FnMut(&ServiceEntry, &[DestEntry]) -> io::Result<()>,
    ) -> Result<(), Stop> {
        let mut services = self.client.services()?;
        if sorted {
            format::sort_services(&mut services);
        }
        let (mut dests, mut checksums) = (Vec::new(), None);
        for entry in services {
            self.client.dests_into(&entry.service.key, counters, &mut dests, &mut checksums)?;
            if sorted {
                format::sort_dests(&mut dests);
            }
            show(&entry, &dests)?;
        }
        Ok(())
    }

    fn dests_of(&mut self, entry: &ServiceEntry, sorted: bool) -> Result<Vec<DestEntry>, Stop> {
        let mut dests = self.client.dests(&entry.service.key)?;
        if sorted {
            format::sort_dests(&mut dests);
        }
        Ok(dests)
    }
}

/// Standard output without the library's own buffer, which would look for the end of each line.
fn standard_output() -> io::Result<BufWriter<File>> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    Ok(BufWriter::with_capacity(WRITE, file))
}

fn document(out: &mut impl Write, document: &Document) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    out.write_all(b"\n")
}

fn connections(out: &mut impl Write, columns: Columns, names: Option<&dyn Names>) -> Result<(), Stop> {
    format::connections_title(out, columns)?;
    each_connection(|line| format::connection(out, line, columns, names))
}

/// Gives each line of the kernel's list to `show`.
fn each_connection(mut show: impl FnMut(&str) -> io::Result<()>) -> Result<(), Stop> {
    let file = File::open(FILE).map_err(|e| Stop::new(1, format!("open {FILE}: {e}")))?;
    for line in texts(BufReader::with_capacity(WRITE, file)).skip(1) {
        show(&line.map_err(|e| Stop::new(1, format!("read {FILE}: {e}")))?)?;
    }
    Ok(())
}

/// Lines as text, whatever is in them: what a SIP call is known by is what its caller wrote.
fn texts(lines: impl BufRead) -> impl Iterator<Item = io::Result<String>> {
    lines.split(b'\n').map(|line| line.map(|line| String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_text_ends_no_listing() {
        let read: Vec<String> = texts(&b"a\nsip \xff\nb\n"[..]).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, ["a", "sip \u{fffd}", "b"]);
    }
}
