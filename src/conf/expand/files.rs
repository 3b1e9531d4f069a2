//! The machine's work on includes: which files a directive means, and what is said where they can't be had.

use super::glob::{self, Found};
use super::include::Checks;
use super::machine::{Included, Machine, Stop};
use super::origin::{Cause, Line};
use crate::conf::diagnostic::{Code, Diagnostic, codes};
use crate::conf::source::{FileId, ReadError, Span};
use crate::sys::input;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

impl Machine<'_> {
    /// Reads the files that `include` names; `at` is the directive, `pattern` where its pattern begins.
    pub(super) fn include(
        &mut self,
        line: &Line<'_>,
        at: Range<usize>,
        pattern: usize,
        checks: Checks,
        depth: usize,
    ) -> Result<(), Stop> {
        if self.limits.includes == 0 {
            // Not so much as looked for: a pattern alone can ask for a walk over all files.
            let message = "files are not included here".to_owned();
            self.report_include(line, &at, &codes::EXPANSION_TOO_LARGE, message, "");
            return Err(Stop);
        }
        if line.text[pattern..].trim().is_empty() {
            let message = "no file to include is named".to_owned();
            self.report_include(line, &at, &codes::INCLUDE_NOTHING, message, "");
            return Ok(());
        }
        let files = match self.replayed {
            Some(next) => {
                self.replayed = Some(next + 1);
                self.journal.get(next).cloned().unwrap_or_default()
            }
            None => {
                let files = self.find_files(line, pattern, checks.and(self.checks));
                self.journal.push(files.clone());
                files
            }
        };
        for (path, id) in files {
            self.included += 1;
            if self.included > self.limits.includes {
                let message = format!("more than {} files are included", self.limits.includes);
                self.report_include(
                    line,
                    &at,
                    &codes::EXPANSION_TOO_LARGE,
                    message,
                    "look for files that include each other",
                );
                return Err(Stop);
            }
            if self.files.iter().any(|f| f.id == id) {
                let message = format!("`{}` includes itself", path.display());
                let help = "keepalived does not end on this: remove one of the includes";
                self.report_include(line, &at, &codes::INCLUDE_CYCLE, message, help);
                continue;
            }
            if depth >= self.limits.depth {
                let message = format!("files include each other {depth} deep");
                self.report_include(line, &at, &codes::EXPANSION_TOO_LARGE, message, "put them side by side");
                return Err(Stop);
            }
            let mark = self.frames.mark();
            let frame = self.enter(line, at.clone(), Cause::Include);
            let result = self.file(id, &path, frame, depth + 1);
            self.frames.cut(mark);
            result?;
        }
        Ok(())
    }

    /// The files that a pattern means and that can be read; the others are reported.
    fn find_files(&mut self, line: &Line<'_>, pattern: usize, checks: Checks) -> Vec<Included> {
        let text = line.text[pattern..].trim_end();
        let at = pattern..pattern + text.len();
        let base = self.files.last().map(|f| f.directory.clone()).unwrap_or_default();
        let found = glob::find(text, &base);
        if found.too_many {
            let message = format!("the braces of `{text}` stand for too many names");
            self.report_include(line, &at, &codes::INCLUDE_FAILED, message, "");
            return Vec::new();
        }
        if !self.complete(line, &at, text, &found, checks) {
            return Vec::new();
        }
        let mut files = Vec::new();
        for path in found.paths {
            let path = base.join(path);
            match self.open(&path) {
                Ok(id) => files.push((path, id)),
                Err(why) => {
                    let message = format!("`{}` {why}; it is passed over", path.display());
                    self.report_include(line, &at, failed(checks.contains(Checks::READABLE)), message, "");
                }
            }
        }
        files
    }

    /// Whether all is there that the checks want. What is missing is said in any case.
    fn complete(
        &mut self,
        line: &Line<'_>,
        at: &Range<usize>,
        text: &str,
        found: &Found,
        checks: Checks,
    ) -> bool {
        let base = self.files.last().map(|f| f.directory.clone()).unwrap_or_default();
        let missing = found.missing.first().map(|m| base.join(m).display().to_string());
        let quoted = text.contains('"') || text.contains('\'');
        let help = if quoted { "quotes are part of the name here: remove them" } else { "" };
        match (found.paths.is_empty(), missing) {
            (true, Some(missing)) => {
                let check = if found.braces { Checks::BRACE_MATCH } else { Checks::MATCH };
                let message = format!("no file to include: `{missing}` does not exist");
                self.report_include(line, at, failed(checks.contains(check)), message, help);
                false
            }
            (true, None) => {
                if checks.contains(Checks::WILDCARD_MATCH) {
                    let message = format!("no file to include: nothing matches `{text}`");
                    self.report_include(line, at, &codes::INCLUDE_FAILED, message, help);
                }
                false
            }
            (false, Some(missing)) => {
                let strict = checks.contains(Checks::BRACE_MATCH);
                let message = match strict {
                    true => format!("`{missing}` does not exist: none of these files is included"),
                    false => format!("`{missing}` does not exist; the others are included"),
                };
                self.report_include(line, at, failed(strict), message, help);
                !strict
            }
            (false, None) => true,
        }
    }

    /// Takes a file in, or finds it among those that are.
    fn open(&mut self, path: &Path) -> Result<FileId, String> {
        let metadata = fs::metadata(path).map_err(|e| format!("can't be read: {}", input::reason(&e)))?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Err("is a directory".to_owned());
        }
        if !kind.is_file() {
            return Err(format!("is {}, not a file", input::special(kind)));
        }
        if metadata.permissions().mode() & 0o111 != 0 {
            return Err("is executable".to_owned());
        }
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if let Some(id) = self.known.get(&real) {
            return Ok(*id);
        }
        let (id, read) = self.sources.read(path);
        read.map_err(|e| match e {
            ReadError::Io(e) => format!("can't be read: {}", input::reason(&e)),
            e => e.to_string(),
        })?;
        if self.sources.get(id).text().contains('\0') {
            return Err("holds a NUL byte: it is not a configuration".to_owned());
        }
        self.known.insert(real, id);
        Ok(id)
    }

    fn report_include(
        &mut self,
        line: &Line<'_>,
        at: &Range<usize>,
        code: &'static Code,
        message: String,
        help: &str,
    ) {
        let start: Span = self.start;
        let mut diagnostic = Diagnostic::new(code, start, message);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.report_at(line, at.start, at.end, diagnostic);
    }
}

fn failed(strict: bool) -> &'static Code {
    if strict { &codes::INCLUDE_FAILED } else { &codes::INCLUDE_SKIPPED }
}
