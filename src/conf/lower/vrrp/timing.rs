//! `advert_int`: as much of it as a packet can say.

use super::super::Lower;
use super::draft::Draft;
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::vrrp::config::Version;
use std::time::Duration;

impl Draft {
    /// Rounded to what a packet can say.
    pub(super) fn checked_advert_int(&self, cx: &mut Lower<'_, '_>, version: Version) -> Duration {
        let Some((asked, span)) = self.advert_int else { return Duration::from_secs(1) };
        let (unit, greatest, unit_name) = match version {
            Version::V2 => (1_000_000, 255_000_000, "whole seconds"),
            Version::V3 => (10_000, 40_950_000, "hundredths of a second"),
        };
        let us = asked.as_micros() as u64;
        let rounded = ((us + unit / 2) / unit * unit).clamp(unit, greatest);
        let taken = Duration::from_micros(rounded);
        if rounded != us {
            let number = if version == Version::V2 { "2" } else { "3" };
            let message = format!("({}) VRRP version {number} counts advert_int in {unit_name}", self.name);
            let help = format!("{} is taken as {}", asked.as_secs_f64(), taken.as_secs_f64());
            let diagnostic = Diagnostic::new(&codes::ADJUSTED, span, message).help(help);
            cx.sink.push(diagnostic.keepalived_line(KeepalivedLine::Nowhere));
        }
        taken
    }
}
