//! What an instance tracks, held against its own settings.

use super::super::Lower;
use super::super::track::What;
use super::draft::Draft;
use crate::conf::diagnostic::codes;

impl Draft {
    /// An instance follows its own interface anyway.
    pub(super) fn drop_own_interface(&mut self, cx: &mut Lower<'_, '_>, interface: &str) {
        let name = &self.name;
        self.tracks.lines.retain(|line| {
            let own = line.what == What::Interface && line.tracked.name == interface;
            if own {
                let message =
                    format!("({name}) {interface} is the instance's own interface, which it follows anyway");
                cx.report(&codes::TRACK_OWN_INTERFACE, line.at, message);
            }
            !own
        });
    }
}
