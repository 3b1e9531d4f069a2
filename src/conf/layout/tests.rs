use super::*;
use crate::conf::{LoadOptions, load_text};
use proptest::prelude::*;

fn formatted(text: &str) -> String {
    format(text).unwrap()
}

#[test]
fn the_layout_is_canonical() {
    let text = "\n\n! a router\nvrrp_instance  VI_1\t# the first\n{\nstate   BACKUP#no blank\n\n\n\n  interface eth0\r\n\
                virtual_ipaddress { 10.0.0.1/24   dev eth0 }\n\n}\n\n\nvrrp_script x { script \"/bin/true  a\" }} \n";
    assert_eq!(format(text), Err(Unbalanced::Close { line: 16 }));
    assert_eq!(
        formatted(&text.replace("}} ", "} # end")),
        "! a router\n\
         vrrp_instance VI_1 { # the first\n    state BACKUP #no blank\n\n    interface eth0\n    \
         virtual_ipaddress {\n        10.0.0.1/24 dev eth0\n    }\n}\n\n\
         vrrp_script x {\n    script \"/bin/true  a\"\n} # end\n"
    );
}

#[test]
fn lines_whose_blanks_may_count_only_move() {
    let text = "$A=1   2 \\\n      3  4\n$IF = eth0\nx {\n@main   priority   100\nscript 'a   b'\n~SEQ(i, 1,  3) v$i {\n  \
                w   ${_RANDOM 1  9}\n}\ninclude   /etc/*.conf\nemail a@b.c   d@e.f\nb \\#   c\n}\n";
    assert_eq!(
        formatted(text),
        "$A=1   2 \\\n      3  4\n$IF = eth0\nx {\n    @main   priority   100\n    script 'a   b'\n    \
         ~SEQ(i, 1,  3) v$i {\n        w   ${_RANDOM 1  9}\n    }\n    include   /etc/*.conf\n    \
         email a@b.c   d@e.f\n    b \\#   c\n}\n"
    );
}

#[test]
fn lines_behind_a_definition_that_goes_on_stay() {
    for text in ["$X=1 \\\n\n\n", "$X=1 \\ # a\n    b   c  {\n", "$X=1 \\\\\n    b   c \\ !\n   d  \n"] {
        assert_eq!(formatted(text), text);
    }
}

#[test]
fn braces_that_do_not_go_together_are_named() {
    assert_eq!(format("a {\nb {\n}\n"), Err(Unbalanced::Open { line: 1 }));
    assert_eq!(format("a\n}\n"), Err(Unbalanced::Close { line: 2 }));
    assert_eq!(format("a \"{\"\n# {\n"), Ok("a \"{\"\n# {\n".to_owned()));
}

#[test]
fn conditions_are_alternatives() {
    let text = "@main vrrp_instance A {\n@^main vrrp_instance B {\n  # for both\nstate BACKUP\n@main priority 2\n@main }\n\
                @^main }\ntrack_file f {\n}\n";
    assert_eq!(
        formatted(text),
        "@main vrrp_instance A {\n@^main vrrp_instance B {\n    # for both\n    state BACKUP\n    @main priority 2\n\
         @main }\n@^main }\ntrack_file f {\n}\n"
    );
    assert_eq!(format("@a x {\n@b x {\n@b y {\nz\n}\n"), Err(Unbalanced::Conditional { line: 4 }));
    // Of a condition with a comment alone, the comment stays.
    assert_eq!(formatted("@^a {\n@a \r#\n}\n"), "@^a {\n    #\n}\n");
    let definition = "@a $X=1  2 \\\n   3\n";
    assert_eq!(formatted(definition), definition);
}

#[test]
fn braces_of_lists_parameters_and_definitions_are_no_blocks() {
    let text = "~LST({A, B}, {1, 2})  vrrp_instance ${A}  {\n~SEQ(i, 1) $X={\ny  ${A}{\n}\n}\n";
    assert_eq!(
        formatted(text),
        "~LST({A, B}, {1, 2})  vrrp_instance ${A}  {\n    ~SEQ(i, 1) $X={\n    y  ${A}{\n    }\n}\n"
    );
}

#[test]
fn what_counts_only_at_the_start_of_a_line_is_not_moved_there() {
    for word in ["include x", "include_check", "random_seed 5"] {
        let text = format!("a {{ {word}\n}}\n");
        assert_eq!(formatted(&text), text);
    }
    let text = "include{\n    a\n}\n";
    assert_eq!(formatted(text), text);
}

#[test]
fn a_blank_behind_a_backslash_stays() {
    assert_eq!(formatted("a \\ \nb\n"), "a \\ \nb\n");
}

#[test]
fn bytes_of_any_encoding_stay() {
    assert_eq!(format_bytes(b"\xef\xbb\xbfa   b # Z\xfcrich"), Ok(b"a b # Z\xfcrich\n".to_vec()));
    // A second mark is part of the text, and must not become the first.
    for marked in ["\u{feff}\u{feff}a", " \u{feff}a"] {
        assert_eq!(format_bytes(marked.as_bytes()), Ok("\u{feff}\u{feff}a\n".as_bytes().to_vec()));
    }
    assert_eq!(format_bytes("a  \u{f6}".as_bytes()), Ok("a \u{f6}\n".as_bytes().to_vec()));
    assert_eq!(format_bytes(b""), Ok(Vec::new()));
}

#[test]
fn the_example_is_formatted() {
    let example = include_str!("../../../examples/keepalived.conf");
    assert_eq!(formatted(example), example);
}

/// Pieces of text that a configuration could be made of, and such that bring a formatter into trouble.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "vrrp_instance",
        "VI_1",
        "interface eth0",
        "virtual_router_id 51",
        "priority 100",
        "virtual_ipaddress",
        "10.0.0.1/24",
        "dev",
        "virtual_server 10.0.0.1 80",
        "real_server 10.0.0.2 80",
        "TCP_CHECK",
        "protocol TCP",
        "vrrp_script s",
        "script",
        "\"/bin/a  b\"",
        "'x  y'",
        "a@b",
        "@id",
        "@^id",
        "@other",
        "$X=1",
        "$X",
        "${X}",
        "~SEQ(i, 1, 2)",
        "include /nonexistent/x",
        "#",
        "!",
        "\\",
        "\\#",
        "\"",
        "'",
        "{",
        "}",
        "{",
        "}",
        "\n",
        "\n",
        "\n",
        " ",
        "  ",
        "\t",
        "\r",
        "\r\n",
        "\x0b",
        "\n\n\n",
        "\u{f6}",
        " { ",
        "\n}\n",
        "\n{\n",
        "\n@id ",
        " \\\n",
        "authentication",
    ])
}

fn meaning(text: &str) -> [(Option<crate::conf::Config>, Vec<&'static str>); 2] {
    [None, Some("id")].map(|config_id| {
        let options = LoadOptions { config_id, ..LoadOptions::default() };
        let loaded = load_text("keepalived.conf", text, &options);
        let mut codes: Vec<_> = loaded.diagnostics.iter().map(|d| d.code.id).collect();
        codes.sort_unstable();
        (loaded.config, codes)
    })
}

/// Mistakes in braces and quotes: how a reader finds its way past them depends on the indentation, too. `vipd fmt`
/// leaves such files alone.
fn is_whole(codes: &[&str]) -> bool {
    !codes.iter().any(|code| ("V0103".."V0108").contains(code) || *code == "V0109")
}

/// Formats it twice, and reads it before and after.
fn holds(text: &str) -> Result<(), TestCaseError> {
    if let Ok(once) = format(text) {
        prop_assert_eq!(format(&once), Ok(once.clone()), "{:?}", text);
        let (before, after) = (meaning(text), meaning(&once));
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(is_whole(&before.1), is_whole(&after.1), "{:?} became {:?}", text, once);
            if is_whole(&before.1) {
                prop_assert_eq!(before, after, "{:?} became {:?}", text, once);
            }
        }
    }
    Ok(())
}

/// Real files, to be damaged.
const SEEDS: &[&str] = &[
    include_str!("../../../examples/keepalived.conf"),
    include_str!("../../../tests/conf/err/missing_close_brace.conf"),
    include_str!("../../../tests/conf/err/parameters.conf"),
    include_str!("../../../tests/conf/err/sorry_server.conf"),
    include_str!("../../../tests/conf/err/virtual_addresses.conf"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn formatting_twice_changes_nothing_more_and_the_meaning_stays(pieces in prop::collection::vec(piece(), 0..60)) {
        let mut text = pieces.concat();
        // Most random braces don't match: those left open are closed, so that there is something to format.
        for _ in 0..8 {
            match format(&text) {
                Err(Unbalanced::Open { .. }) => text.push_str("\n}"),
                Err(Unbalanced::Close { .. }) => text.insert_str(0, "x {\n"),
                Err(Unbalanced::Conditional { .. }) | Ok(_) => break,
            }
        }
        holds(&text)?;
    }

    #[test]
    fn damaged_files_keep_their_meaning(
        seed in prop::sample::select(SEEDS),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4usize, piece()), 0..6),
    ) {
        let mut chars: Vec<char> = seed.chars().collect();
        for (at, remove, insert) in changes {
            let at = at.index(chars.len() + 1);
            let end = (at + remove).min(chars.len());
            chars.splice(at..end, insert.chars());
        }
        holds(&chars.into_iter().collect::<String>())?;
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(once) = format_bytes(&bytes) {
            prop_assert_eq!(format_bytes(&once), Ok(once.clone()));
        }
    }
}
