//! `vipd ipvs schema`: what its JSON looks like.

use super::Stop;
use crate::ipvs::document;
use clap::Parser;
use std::io::{self, Write};

/// Print the JSON Schema of what listings, diff, apply and drain print with --json
///
/// It is the same for every table; docs/ipvs-json.md tells more.
#[derive(Debug, Parser)]
pub(super) struct Args {}

/// Runs `vipd ipvs schema`.
pub(super) fn run(_: &Args) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &document::schema()).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}
