//! What must hold for every text, whoever wrote it: `make fuzz` looks for texts that break it, and `tests/conf/fuzz.rs`
//! holds it for those that are known.

use vipd::conf::Lints;
use vipd::conf::diagnostic::render::{self, Colour};
use vipd::conf::expand::Limits;
use vipd::conf::layout;
use vipd::conf::{LoadOptions, Loaded, load_text};

/// More findings than this are not told, and that there are more is one of them. Those of the expansion come on top,
/// for a place in the text once.
const MAX_FINDINGS: usize = 501;

/// So many of them are rendered: what is wrong with rendering one does not need all.
const RENDERED: usize = 8;

/// No panic, no end of time or memory; a configuration or the reason why there is none, fit for a terminal.
pub(super) fn parse(bytes: &[u8]) {
    let loaded = load(bytes, None);
    assert!(loaded.config.is_some() || loaded.test_status() != 0);
    assert!(loaded.diagnostics.len() <= MAX_FINDINGS + bytes.len());
    for diagnostic in loaded.diagnostics.iter().take(RENDERED) {
        let rich = render::rich(diagnostic, &loaded.sources, Colour::Never);
        let line = render::line(diagnostic, &loaded.sources);
        assert!(!rich.contains(|c: char| c.is_control() && c != '\n'), "{rich:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

/// What is formatted stays so when it is formatted again, and means what it meant, for each id of its conditions.
pub(super) fn fmt(bytes: &[u8]) {
    let Ok(formatted) = layout::format_bytes(bytes) else { return };
    let again = layout::format_bytes(&formatted);
    assert!(again.as_ref() == Ok(&formatted), "{}", shown(&[&formatted, &again.unwrap_or_default()]));
    // A random number is another one each time.
    if bytes.windows(7).any(|w| w == b"_RANDOM") {
        return;
    }
    for id in [None, Some("a")] {
        let (before, after) = (load(bytes, id), load(&formatted, id));
        assert!(before.config == after.config, "{id:?}: {}", shown(&[bytes, &formatted]));
    }
}

/// Reads a text of a stranger: no files, and little room for what it asks for.
fn load(bytes: &[u8], config_id: Option<&str>) -> Loaded {
    let limits = Limits { lines: 2000, bytes: 200_000, includes: 0, ..Limits::default() };
    let lints = Some(Lints::default());
    load_text("keepalived.conf", bytes, &LoadOptions { config_id, limits, lints, ..LoadOptions::default() })
}

fn shown(texts: &[&[u8]]) -> String {
    texts.iter().map(|t| format!("\n--- {}", String::from_utf8_lossy(t))).collect()
}
