use super::*;
use crate::conf::source::Sources;

/// The pieces of a text, words joined by `|`; `?` marks an open quote, `\` a backslash at the end.
fn pieces_with(text: &str, id: Option<&str>) -> Vec<String> {
    let mut sources = Sources::new();
    let file = sources.add("test", text);
    let text = sources.get(file).text();
    let mut lexer = Lexer::new(text, file, id);
    let mut pieces = Vec::new();
    let mut words = Vec::new();
    while let Some(piece) = lexer.next(&mut words) {
        pieces.push(match piece {
            Piece::Open(span) => text[span.range()].to_owned(),
            Piece::Close(span) => text[span.range()].to_owned(),
            Piece::Words { open_quote, backslash, .. } => {
                let row: Vec<&str> = words.iter().map(|w| w.text.as_ref()).collect();
                let quote = if open_quote.is_some() { "?" } else { "" };
                let backslash = if backslash.is_some() { "\\" } else { "" };
                format!("{}{quote}{backslash}", row.join("|"))
            }
        });
        words.clear();
    }
    pieces
}

fn pieces(text: &str) -> Vec<String> {
    pieces_with(text, None)
}

#[test]
fn words_braces_and_lines() {
    assert_eq!(pieces("a b\tc\n\n  d {\n}\n"), ["a|b|c", "d", "{", "}"]);
    assert_eq!(pieces("a\n{\nb}"), ["a", "{", "b", "}"]);
    assert_eq!(pieces("foo{bar}baz{ } x"), ["foo", "{", "bar", "}", "baz", "{", "}", "x"]);
    assert_eq!(pieces("a\r\nb\r\n"), ["a", "b"]);
    assert_eq!(pieces("a\x0bb\x0cc"), ["a|b|c"]);
    assert_eq!(pieces(""), [""; 0]);
    assert_eq!(pieces("\n \t\n#\n"), [""; 0]);
    assert_eq!(pieces("no newline at the end"), ["no|newline|at|the|end"]);
}

#[test]
fn comments_begin_anywhere_outside_double_quotes() {
    assert_eq!(pieces("a # b\n!c\nd!e"), ["a", "d"]);
    assert_eq!(pieces("a \"b # c\" d # e"), ["a|b # c|d"]);
    assert_eq!(pieces("a 'b # c'"), ["a|'b"], "single quotes do not hide a comment, as in keepalived");
    assert_eq!(pieces(r"pass a\#b\!c"), ["pass|a#b!c"]);
    assert_eq!(pieces("a { # }\n}"), ["a", "{", "}"]);
}

#[test]
fn double_quotes_hold_words_and_braces_together() {
    assert_eq!(pieces("a \"b c\" d"), ["a|b c|d"]);
    assert_eq!(pieces("a x\"b c\"y"), ["a|x|b c|y"], "a quote ends the word before it");
    assert_eq!(pieces("a \"{\" \"\" }"), ["a|{|", "}"]);
    assert_eq!(pieces("a \"b }\nc"), ["a|b }?", "c"], "an open quote reaches to the end of its line");
}

#[test]
fn a_backslash_at_the_end_is_told() {
    assert_eq!(pieces("a b \\\nc"), ["a|b\\", "c"]);
    assert_eq!(pieces("a\\\n\\\nc"), ["a\\", "\\", "c"]);
    assert_eq!(pieces("a # b \\\nc"), ["a", "c"]);
    assert_eq!(pieces("a \\ # b\nc \\\t\nd"), ["a\\", "c\\", "d"]);
    assert_eq!(pieces("a \\\\\nb \\\\ ! c"), ["a|\\\\", "b|\\\\"]);
}

#[test]
fn conditional_lines() {
    let text = "@one a\n@two b\n@^one c\n@^two d {\n@one\n@two }";
    assert_eq!(pieces_with(text, Some("one")), ["a", "d", "{"]);
    assert_eq!(pieces_with(text, Some("two")), ["b", "c", "}"]);
    assert_eq!(pieces_with(text, None), ["c", "d", "{"]);
}

#[test]
fn every_word_knows_its_place() {
    let text = "# x\n  prio  \"a b\"{\n";
    let mut sources = Sources::new();
    let file = sources.add("test", text);
    let mut words = Vec::new();
    let mut lexer = Lexer::new(text, file, None);
    let Some(Piece::Words { span, .. }) = lexer.next(&mut words) else { panic!() };
    assert_eq!(&text[span.range()], "prio  \"a b\"");
    assert_eq!(words.iter().map(|w| &text[w.span.range()]).collect::<Vec<_>>(), ["prio", "\"a b\""]);
    let Some(Piece::Open(span)) = lexer.next(&mut words) else { panic!() };
    assert_eq!(span.range(), 17..18);
    assert_eq!(lexer.next(&mut words), None);
}

fn split(text: &str) -> Result<Vec<String>, u32> {
    let mut sources = Sources::new();
    let file = sources.add("test", text);
    let span = Span { file, start: 0, end: text.len() as u32 };
    match split_quoted(text, span, Escapes::Resolve) {
        Ok(words) => Ok(words.into_iter().map(|w| w.text.into_owned()).collect()),
        Err(open) => Err(open.span.start),
    }
}

#[test]
fn command_lines_have_both_quotes_and_escapes() {
    let is =
        |text, words: &[&str]| assert_eq!(split(text), Ok(words.iter().map(|w| (*w).to_owned()).collect()));
    is(r#"abcd" efg h jkl "mnop"#, &["abcd efg h jkl mnop"]);
    is(r#"abcd "efg h jkl" mnop"#, &["abcd", "efg h jkl", "mnop"]);
    is(r#"a 'b "c' "d'e""#, &["a", "b \"c", "d'e"]);
    is(r"\a\b\E\f\n\r\t\v", &["\x07\x08\x1b\x0c\n\r\t\x0b"]);
    is(r"\101\60x\7 \x41g\xff \cA\c[", &["A0x\x07", "Ag\u{10ffff}", "\x01\x1b"]);
    is(r#"a\ b \\ \" \' \q"#, &["a b", "\\", "\"", "'", "q"]);
    is(r#""a\"b" '\'c'"#, &["a\"b", "'c"]);
    is("  ", &[]);
    assert_eq!(split("a 'b c"), Err(2));
    assert_eq!(split("a b\\"), Err(3));
}

#[test]
fn kept_escapes_hide_quotes_and_blanks() {
    let text = r#"a\ b "c \"d\" \x41\\" \é"#;
    let mut sources = Sources::new();
    let file = sources.add("test", text);
    let span = Span { file, start: 0, end: text.len() as u32 };
    let words = split_quoted(text, span, Escapes::Keep).unwrap();
    let words: Vec<&str> = words.iter().map(|w| w.text.as_ref()).collect();
    assert_eq!(words, [r"a\ b", r#"c \"d\" \x41\\"#, r"\é"]);
}

#[test]
fn each_escape_means_the_same_in_both_quotes_and_without() {
    let escapes = [
        (r"\a", "\x07"),
        (r"\b", "\x08"),
        (r"\E", "\x1b"),
        (r"\f", "\x0c"),
        (r"\n", "\n"),
        (r"\r", "\r"),
        (r"\t", "\t"),
        (r"\v", "\x0b"),
        (r"\7", "\x07"),
        (r"\101", "A"),
        (r"\1018", "A8"),
        (r"\x41", "A"),
        (r"\xA", "\n"),
        (r"\xC3\xA4\303\244\ä", "äää"),
        (r"\xA1x", "\u{10ffa1}x"),
        (r"\x41g", "Ag"),
        (r"\x414", "\x14"),
        (r"\x0e41", "A"),
        (r"\xg", "xg"),
        (r"\cC", "\x03"),
        (r"\cc", "\x03"),
        (r"\\", "\\"),
        (r#"\""#, "\""),
        (r"\'", "'"),
        (r"\ ", " "),
        (r"\e", "e"),
        (r"\q", "q"),
        (r"\8", "8"),
        (r"\é", "é"),
    ];
    for (escape, means) in escapes {
        for quote in ["", "\"", "'"] {
            let text = format!("x {quote}<{escape}>{quote} y");
            let words = ["x".to_owned(), format!("<{means}>"), "y".to_owned()];
            assert_eq!(split(&text), Ok(words.to_vec()), "{text}");
        }
    }
}

#[test]
fn the_other_quote_is_literal_within_quotes() {
    assert_eq!(split(r#"'a "b" c' "d 'e' f""#), Ok(vec![r#"a "b" c"#.to_owned(), "d 'e' f".to_owned()]));
    assert_eq!(split(r#""" ''"#), Ok(vec![String::new(), String::new()]));
}

#[test]
fn comments_end_every_kind_of_line() {
    for sign in ["#", "!"] {
        let text = "% one\n%two\na % b\nc% d\n{% e\n}  % f { \"\n\tg\t% h\n%".replace('%', sign);
        assert_eq!(pieces(&text), ["a", "c", "{", "}", "g"], "{sign}");
        assert_eq!(pieces(&format!("a \"b {sign} c\"")), [format!("a|b {sign} c")]);
    }
}

#[test]
fn braces_stand_where_one_likes() {
    let one = ["a|b", "{", "c|d", "}", "e|f"];
    for text in [
        "a b {\nc d\n}\ne f",
        "a b\n{\nc d\n}\ne f",
        "a b{c d}e f",
        "a b { c d } e f",
        "a b\n\n# x\n {c d\n} e f",
    ] {
        assert_eq!(pieces(text), one, "{text:?}");
    }
}

#[test]
fn line_ends_tabs_and_bytes_of_other_encodings_change_nothing() {
    let wanted = ["a|b", "{", "c|d", "}"];
    let plain = "a b {\n  c d\n}\n";
    let texts: [&[u8]; 7] = [
        plain.as_bytes(),
        b"a b {\n  c d\n}",
        b"a b {\r\n  c d\r\n}\r\n",
        b"\ta\tb\t{\t\n\tc\td\t\n\t}\t",
        b"\xef\xbb\xbfa b {\nc d\n}\n",
        b"# caf\xe9\na b { ! \xfc\xff\nc d # \xa0\n}\n",
        b"\xef\xbb\xbf# \xe9\r\na b\r\n{\r\nc\td\r\n}",
    ];
    for text in texts {
        let mut sources = Sources::new();
        let file = sources.add("test", text);
        let read = sources.get(file).text().to_owned();
        assert_eq!(
            pieces(read.trim_start_matches('\u{feff}')),
            wanted,
            "{:?}",
            String::from_utf8_lossy(text)
        );
    }
}

#[test]
fn escapes_that_were_kept_are_resolved() {
    for (kept, said) in
        [(r"a\\d\x41\.", r"a\dA."), (r#"\"\n"#, "\"\n"), (r"\xfc", "\u{10fffc}"), ("\u{fc}\\", "\u{fc}\\")]
    {
        assert_eq!(resolve_escapes(kept), said, "{kept}");
    }
}

#[test]
fn a_byte_of_a_word_is_found_behind_escapes() {
    let of = |text: &'static str, byte| &text[escaped_at(text, byte)];
    for (byte, part) in ["a", r"\\", "d", r"\x41", "z", ""].into_iter().enumerate() {
        assert_eq!(of(r"a\\d\x41z", byte), part);
    }
    assert_eq!(of("\u{f6}x", 1), "\u{f6}");
}
