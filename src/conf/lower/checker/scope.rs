//! What checks refer to by name. keepalived reads from top to bottom, so a name must stand above those who use it.

use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::lower::Lower;
use crate::conf::lower::trackable::{Targets, Trackable};
use crate::vrrp::config::Weight;
use std::path::PathBuf;

/// What a `virtual_server` at some place in the file can refer to.
#[derive(Clone, Copy, Debug)]
pub(in crate::conf::lower) struct Scope<'a> {
    /// The blocks of the file that have names.
    pub(in crate::conf::lower) trackable: &'a Trackable,
    /// Which statement of the top level it is.
    pub(in crate::conf::lower) place: usize,
}

/// What becomes of a check that names what is not there.
const ALONE: &str = "this check is left out, unless it names another";

impl Scope<'_> {
    /// Whether a `track_file` of this name stands above; reported if not.
    pub(super) fn has_track_file(self, cx: &mut Lower<'_, '_>, name: &Word<'_>) -> bool {
        self.has(cx, &self.trackable.files, "track_file", name)
    }

    /// What a `track_file` block names, and its own weight.
    pub(super) fn track_file(self, name: &Word<'_>) -> Option<(PathBuf, Weight)> {
        let path = self.trackable.paths.get(name.text.as_ref())?;
        Some((path.clone(), self.trackable.files.get(name.text.as_ref())?.weight))
    }

    /// The same of a `bfd_instance`.
    pub(super) fn has_bfd_instance(self, cx: &mut Lower<'_, '_>, name: &Word<'_>) -> bool {
        self.has(cx, &self.trackable.bfds, "bfd_instance", name)
    }

    fn has(self, cx: &mut Lower<'_, '_>, names: &Targets, kind: &str, name: &Word<'_>) -> bool {
        let text = name.text.as_ref();
        let diagnostic = match names.get(text) {
            Some(target) if target.place < self.place => return true,
            Some(target) => {
                let message = format!(
                    "{kind} `{text}` is defined below: it must stand above this virtual_server; {ALONE}"
                );
                let diagnostic = Diagnostic::new(&codes::UNKNOWN_REFERENCE, name.span, message);
                diagnostic.also(target.named_at, "defined here")
            }
            None => {
                let message = format!("{kind} `{text}` is not defined; {ALONE}");
                let diagnostic = Diagnostic::new(&codes::UNKNOWN_REFERENCE, name.span, message);
                match did_you_mean(text, names.keys().map(String::as_str)) {
                    Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
                    None => diagnostic,
                }
            }
        };
        cx.sink.push(diagnostic);
        false
    }
}
