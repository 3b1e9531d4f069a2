//! Whatever the text: diagnostics or a configuration, and no panic.

use proptest::prelude::*;
use vipd::conf::diagnostic::render::{self, Colour};
use vipd::conf::expand::Limits;
use vipd::conf::{LoadOptions, load_text};

const EXAMPLE: &str = include_str!("../../examples/keepalived.conf");

/// Reads a text as the program would, rendering included.
fn read(text: impl Into<Vec<u8>>) {
    let limits = Limits { lines: 1000, bytes: 100_000, ..Limits::default() };
    let options = LoadOptions { limits, ..LoadOptions::default() };
    let loaded = load_text("keepalived.conf", text, &options);
    assert!(loaded.config.is_some() || loaded.test_status() != 0);
    for diagnostic in &loaded.diagnostics {
        let rich = render::rich(diagnostic, &loaded.sources, Colour::Never);
        let line = render::line(diagnostic, &loaded.sources);
        assert!(!rich.contains(|c: char| c.is_control() && c != '\n'), "{rich:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn a_configuration_cut_at_every_byte() {
    for end in 0..EXAMPLE.len() {
        read(&EXAMPLE.as_bytes()[..end]);
    }
}

/// One change to a text: bytes replaced by others, by pieces of the text itself, or by what is special.
#[derive(Clone, Debug)]
struct Change {
    at: prop::sample::Index,
    removed: usize,
    put: Vec<u8>,
}

fn change() -> impl Strategy<Value = Change> {
    let special = prop::sample::select(vec![
        "{",
        "}",
        "\n",
        "\"",
        "'",
        "#",
        "!",
        "\\",
        "@x ",
        "$A=1\n",
        "$A=$A\n",
        "$A= \\\n",
        "$A=~SEQ(A,1,3) $A\n",
        "$B=${A}${A}\n",
        "$A",
        "${A}",
        "${B}",
        "${_RANDOM 1 2}",
        "${_HASH}",
        "\n~SEQ(A,1,2)",
        "\n~SEQx(B,9,-1,1) ",
        "\n~LST({A,B},{1,2},{3}) ",
        "~SEQ(i,1,999999999999) ",
        "include x\n",
        "\nincludea {a,b*}/c\n",
        "-1",
        "4294967296",
        "1e9",
        "\t",
        "\r\n",
        "/",
        "-",
        "\u{fc}",
        "fwmark",
        "group",
        "virtual_server {",
        "vrrp_instance X {",
        "0",
        "{{{{",
    ]);
    let put = prop_oneof![
        3 => special.prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => (any::<prop::sample::Index>(), 1_usize..60).prop_map(|(from, length)| {
            let from = from.index(EXAMPLE.len());
            EXAMPLE.as_bytes()[from..(from + length).min(EXAMPLE.len())].to_vec()
        }),
    ];
    (any::<prop::sample::Index>(), 0_usize..40, put).prop_map(|(at, removed, put)| Change {
        at,
        removed,
        put,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_configuration_mutated(changes in prop::collection::vec(change(), 1..8)) {
        let mut text = EXAMPLE.as_bytes().to_vec();
        for Change { at, removed, put } in changes {
            let from = at.index(text.len() + 1);
            let to = (from + removed).min(text.len());
            text.splice(from..to, put);
        }
        read(text);
    }
}
