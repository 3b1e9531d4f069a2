use super::*;
use crate::conf::diagnostic::Label;
use std::path::PathBuf;

const MAIN: Options<'_> = Options { config_id: Some("main"), all_files: false, limits: Limits::DEFAULT };

/// The text that comes of another one, and the codes of what was found.
fn expanded_with(text: &str, limits: Limits) -> (String, Vec<String>) {
    let mut sources = Sources::new();
    let file = sources.add("test.conf", text);
    let expansion = run(&mut sources, file, Options { limits, ..MAIN }, Output::text());
    let lines: Vec<&str> = sources.get(expansion.text()).text().lines().map(str::trim).collect();
    let lines = lines.join("|");
    let found = expansion.resolve(&mut sources, Some("main"), Vec::new());
    (lines, found.iter().map(|d| d.code.id.to_owned()).collect())
}

fn clean(text: &str, expected: &str) {
    assert_eq!(expanded_with(text, Limits::DEFAULT), (expected.to_owned(), Vec::new()), "{text}");
}

fn finds(text: &str, expected: &str, codes: &[&str]) {
    let codes = codes.iter().map(|c| (*c).to_owned()).collect();
    assert_eq!(expanded_with(text, Limits::DEFAULT), (expected.to_owned(), codes), "{text}");
}

#[test]
fn a_file_without_anything_to_expand_is_told_by_a_look() {
    for text in [
        "",
        "a b\n",
        "# $A=1\n",
        "script \"echo $A ${A}\"\n",
        "a ~SEQ(\n",
        "include_check match\n",
        "includes x",
    ] {
        assert!(!needed(text), "{text}");
    }
    for text in
        ["$A=1", " \t$A=1", "@x $A=1", "a ${_PWD}", "~SEQ(a,1) b", "~LST(", "x\n includea y", "@^a include b"]
    {
        assert!(needed(text), "{text}");
    }
}

#[test]
fn parameters_are_replaced_late_and_recursively() {
    clean("$A=1\na $A b ${A}c", "a 1 b 1c");
    clean("$A=\n[$A ] ${A}.", "[ ] .");
    clean("$A= x y \n$A", "x y");
    clean("$B=10.2.${S}\n$S=0\n${B}.1\n$S=10\n${B}.1", "10.2.0.1|10.2.10.1");
    clean("$A=x # comment\n$A", "x");
    clean("$A=1\n${B} $B $ ${ $9 ${A", "${B} $B $ ${ $9 ${A");
    clean("$A=1\n$A=2\n$A", "2");
    clean("$A=${B}\n$B=${C}\n$C=c\n$A", "c");
    clean("$A=$B\n$B=1\n$A x", "1 x");
}

#[test]
fn what_follows_decides_whether_it_is_a_use() {
    finds("$A=1\n$A.x", "$A.x", &["V0502"]);
    clean("$A=1\n$A\r x", "1\r x");
    // What follows the use of `$A` follows the `$B` that ends its value.
    finds("$A=$B\n$B=1\n${A}.x", "$B.x", &["V0502"]);
    clean("$A=1\n\"${A}\" $A, $A)", "\"1\" 1, 1)");
}

#[test]
fn conditions_hold_for_all_kinds_of_lines() {
    clean("@main $P=1\n@other $P=2\n@^main $P=3\nx $P", "x 1");
    clean("$M=@main\n$O=@other\n$M a\n$O b", "a");
    clean("$A=1\n@main a\n@other b\n@^other c\n@main", "a|c");
    clean("@other $A= \\\n a \\\n b\n@main $A= \\\n c \\\n d\n$A", "c|d");
}

#[test]
fn definitions_may_have_several_lines() {
    clean("$I= \\\nv VI_${N} { \\\n  id ${N} \\\n}\n$N=0\n$I\n$N=1\n$I", "v VI_0 {|id 0|}|v VI_1 {|id 1|}");
    clean("$A= \\\n a \\\n # comment \\\n   \n b\n$A\nc", "a|b|c");
    clean("$A=one \\\n two\nx $A", "x one|two");
    // A definition within a definition takes effect when that is used, and uses may be nested.
    clean(
        "$R= \\\n r${V}.${N} \\\n end\n$S= \\\n s${V} { \\\n $N=1 \\\n $R \\\n $N=2 \\\n $R \\\n}\n$V=0\n$S\n$V=1\n$S",
        "s0 {|r0.1|end|r0.2|end|}|s1 {|r1.1|end|r1.2|end|}",
    );
    finds("$A= \\\n a \\\n b\n$A c", "$A c", &["V0502"]);
    finds("$A= \\\n a \\\n\n b\n$A", "b|a", &["V0506"]);
    // A comment or blanks behind the backslash change nothing, and the last of two backslashes is one, too.
    clean("$A= a \\ # b\n c \\ ! d\n e \\ \t\n f\n$A\ng", "a|c|e|f|g");
    clean("$A= a \\\\\n b\n$A", "a \\|b");
    // Within the comment it is none, and `\#` begins none.
    clean("$A= a # b \\\n c\n$A", "c|a");
    clean("$A= a \\# b \\\n c\n$A", "a \\# b|c");
    clean("$A= \\", "");
    clean("$A= \\\n a \\", "");
}

#[test]
fn predefined_parameters() {
    clean("a ${_INSTANCE}", "a main");
    clean("a \"${_HASH}b ${_BANG}c\"", "a \"#b !c\"");
    // Lines that are switched off by a parameter.
    clean("$OFF=${_HASH}\n$OFF a {\n$OFF b\n$OFF }\nc ${_BANG} d", "c");
    clean("a ${_ENV VIPD_NO_SUCH_VARIABLE}b", "a b");
    let (text, found) = expanded_with("a ${_ENV PATH}", Limits::DEFAULT);
    assert_eq!((text, found), (format!("a {}", std::env::var("PATH").unwrap()), Vec::new()));
    let here = std::env::current_dir().unwrap();
    clean("a ${_PWD}/b", &format!("a {}/b", here.display()));
    // The C library's 1804289383, 846930886 and 1681692777.
    clean("random_seed 1\n${_RANDOM} ${_RANDOM 5} ${_RANDOM 10 20}", "random_seed 1|17767 7341 16");
    finds("${_RANDOM a}", "${_RANDOM a}", &["V0505"]);
    finds("${_RANDOM 5 5} ${_RANDOM 6 5}", "5 6", &["V0505"]);
    finds("${_ENV}", "${_ENV}", &["V0505"]);
    clean("$_HASH=x\n${_HASH}", "x");
}

#[test]
fn sequences_and_lists_repeat_what_follows() {
    clean("~SEQ(S, 0, 3) a ${S}", "a 0|a 1|a 2|a 3");
    clean("~SEQx(S, 0x90, 0x10, 0xc0) f${S}", "f90|fa0|fb0|fc0");
    clean("~SEQ(A, 2) ~SEQ(B, 5, -2, 1) ${A}.${B}", "1.5|1.3|1.1|2.5|2.3|2.1");
    clean("~LST(I, 1, 2) ~LST(J, 5,6) ${I}-${J}", "1-5|1-6|2-5|2-6");
}

#[test]
fn lists_of_tuples_and_sequences_in_definitions() {
    clean(
        "~LST({IP,   IP1},  {10,1},{20,4})  ~SEQ(IP2,168,2,172) 192.${IP2}.${IP}.${IP1}",
        "192.168.10.1|192.170.10.1|192.172.10.1|192.168.20.4|192.170.20.4|192.172.20.4",
    );
    clean("~LST({A,B}, {1}, {2,3}) ${A}/${B}", "1/|2/3");
    clean("$N=3\n~SEQ(I, 1, $N) ${I}", "1|2|3");
    clean("$X=b\n~LST(I, a, $X) ${I}", "a|b");
    // Its brace ends the value, as in keepalived.
    finds("$X=b\n~LST(I, a, ${X}) ${I}", "", &["V0503"]);
    clean(
        "$M= \\\n m${I} { \\\n ~SEQ(J,1,2) n${I}.${J} \\\n }\n~SEQ(I,1,2) $M",
        "m1 {|n1.1|n1.2|}|m2 {|n2.1|n2.2|}",
    );
    clean("$S=~SEQ(I,1,2)\n$S a ${I}", "a 1|a 2");
    clean("~SEQ(I,1,2) @main a\n~SEQ(I,1,2) @other a", "a|a");
    clean("~SEQ(I,9223372036854775806,9223372036854775807) ${I}", "9223372036854775806|9223372036854775807");
    finds("~SEQ(I,5,1,1) a\n~SEQ(,1) a\n~SEQ(I,1 a\n~LST(I) a\nb", "b", &["V0503"; 4]);
}

#[test]
fn what_never_ends_is_one_diagnostic() {
    finds("$IF=$IF\ninterface $IF\nb", "b", &["V0501"]);
    finds("$A=$B\n$B=$A x\na $A\nb", "b", &["V0501"]);
    finds("$A= \\\n a \\\n $A \\\n b\n$A\nc", "a|b|c", &["V0501"]);
    // To become something else on the way is fine.
    clean("$A= \\\n $A=1 \\\n x $A\n$A", "x 1");
    let doubled: String = (0..40).map(|i| format!("$A{i}=${{A{}}}${{A{}}}\n", i + 1, i + 1)).collect();
    finds(&format!("{doubled}$A40=x\n$A0\nb"), "b", &["V0504"]);
    finds(&format!("{doubled}$A40=\n$A0\nb"), "b", &["V0504"]);
    let small = Limits { lines: 1000, bytes: 10_000, ..Limits::DEFAULT };
    let doubled: String = (0..40).map(|i| format!("$A{i}= \\\n $A{} \\\n $A{}\n", i + 1, i + 1)).collect();
    let is_large = |text: &str| {
        assert_eq!(expanded_with(text, small), (String::new(), vec!["V0008".to_owned()]), "{text}");
    };
    is_large(&format!("{doubled}$A40=\n$A0"));
    is_large(&format!("{doubled}$A40=xxxxxxxxxxxxxxxxxxxxxxxxxxx\n$A0"));
    is_large("~SEQ(A,1,1000000000000) ~SEQ(B,1,1000000000000) x");
    is_large("~SEQ(A,1,1000000000000)");
    is_large(&"~SEQ(A,1,1) ".repeat(100));
    is_large(&format!("$L={}\n~SEQ(A,1,900) $L", "x".repeat(1000)));
}

/// A directory of files, by name and text.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

fn included(all: &[(&str, &str)]) -> (String, Vec<String>) {
    let directory = files(all);
    let mut sources = Sources::new();
    let (file, read) = sources.read(&directory.path().join("main.conf"));
    read.unwrap();
    let expansion = expand(&mut sources, file, MAIN);
    let lines: Vec<&str> = sources.get(expansion.text()).text().lines().map(str::trim).collect();
    let place = format!("{}/", directory.path().canonicalize().unwrap().display());
    let lines = lines.join("|").replace(&place, "");
    let found = expansion.resolve(&mut sources, Some("main"), Vec::new());
    (lines, found.iter().map(|d| d.code.id.to_owned()).collect())
}

fn includes(all: &[(&str, &str)], expected: &str, codes: &[&str]) {
    let codes = codes.iter().map(|c| (*c).to_owned()).collect();
    assert_eq!(included(all), (expected.to_owned(), codes), "{all:?}");
}

#[test]
fn includes_stand_where_they_are_named() {
    includes(&[("main.conf", "a\ninclude b.conf\nc"), ("b.conf", "b")], "a|b|c", &[]);
    includes(
        &[
            ("main.conf", "include d/*.conf"),
            ("d/2.conf", "2"),
            ("d/1.conf", "1"),
            ("d/x", "x"),
            ("d/.h.conf", "h"),
        ],
        "1|2",
        &[],
    );
    // Relative to the including file; ${_PWD} goes along.
    includes(
        &[
            ("main.conf", "include d/a.conf\n${_PWD}/x"),
            ("d/a.conf", "include b.conf\n${_PWD}/y"),
            ("d/b.conf", "b"),
        ],
        "b|d/y|x",
        &[],
    );
}

#[test]
fn parameters_go_through_includes() {
    includes(&[("main.conf", "$A=1\ninclude b.conf\n${B}"), ("b.conf", "a${A}\n$B=2")], "a1|2", &[]);
    includes(
        &[("main.conf", "$N=b\n@main include ${N}.conf\n@other include c.conf"), ("b.conf", "b")],
        "b",
        &[],
    );
    includes(
        &[("main.conf", "~SEQ(I,1,2) include ${I}.conf"), ("1.conf", "x\n"), ("2.conf", "y\n")],
        "x|y",
        &[],
    );
}

#[test]
fn a_missing_include_is_an_error_where_it_is_asked_for() {
    let one = |directive: &str| included(&[("main.conf", directive), ("a.conf", "a"), ("d/b.conf", "b")]);
    let is = |text: &str, codes: &[&str]| {
        (text.to_owned(), codes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(one("include z.conf"), is("", &["V0006"]));
    assert_eq!(one("includer z.conf"), is("", &["V0006"]));
    assert_eq!(one("includem z.conf"), is("", &["V0005"]));
    assert_eq!(one("include z*.conf"), is("", &[]));
    assert_eq!(one("includem z*.conf"), is("", &[]));
    assert_eq!(one("includew z*.conf"), is("", &["V0005"]));
    assert_eq!(one("include {a,z}.conf"), is("a", &["V0006"]));
    assert_eq!(one("includeb {a,z}.conf"), is("", &["V0005"]));
    assert_eq!(one("includea {a,z}.conf"), is("", &["V0005"]));
    assert_eq!(one("includea a.conf"), is("a", &[]));
    assert_eq!(one("include d"), is("", &["V0006"]));
    assert_eq!(one("includer d"), is("", &["V0005"]));
    assert_eq!(one("include_check +match\ninclude z.conf"), is("include_check +match", &["V0005"]));
    assert_eq!(one("include_check\ninclude_check -match\ninclude z.conf").1, ["V0006"]);
    assert_eq!(one("include \"a.conf\"").1, ["V0006"]);
}

#[test]
fn include_check_ends_with_its_file() {
    includes(
        &[("main.conf", "include b.conf\ninclude z.conf"), ("b.conf", "include_check\ninclude z.conf")],
        "include_check",
        &["V0005", "V0006"],
    );
}

#[test]
fn files_that_include_each_other_are_told() {
    includes(&[("main.conf", "a\ninclude main.conf\nb")], "a|b", &["V0007"]);
    includes(&[("main.conf", "include b.conf"), ("b.conf", "b\ninclude ./main.conf")], "b", &["V0007"]);
    let deep: Vec<(String, String)> =
        (0..100).map(|i| (format!("{i}.conf"), format!("include {}.conf", i + 1))).collect();
    let mut all: Vec<(&str, &str)> = deep.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    all.push(("main.conf", "include 0.conf"));
    includes(&all, "", &["V0008"]);
    let doubled: Vec<(String, String)> = (0..40)
        .map(|i| (format!("{i}.conf"), format!("include {}.conf\ninclude {}.conf", i + 1, i + 1)))
        .collect();
    let mut all: Vec<(&str, &str)> = doubled.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    all.extend([("main.conf", "include 0.conf"), ("40.conf", "")]);
    includes(&all, "", &["V0008"]);
}

#[test]
fn an_executable_is_no_configuration() {
    use std::os::unix::fs::PermissionsExt;
    let directory = files(&[("main.conf", "includer run\na"), ("run", "b")]);
    let run = directory.path().join("run");
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut sources = Sources::new();
    let (file, _) = sources.read(&directory.path().join("main.conf"));
    let expansion = expand(&mut sources, file, Options::default());
    let found = expansion.resolve(&mut sources, None, Vec::new());
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("is executable"), "{}", found[0].message);
}

/// Where a word of the expanded text was written, and the places that led there: the text of each with its line.
fn origin_of(text: &str, word: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let file = sources.add("test.conf", text);
    let expansion = expand(&mut sources, file, MAIN);
    let at = sources.get(expansion.text()).text().find(word).unwrap() as u32;
    let span = Span { file: expansion.text(), start: at, end: at + word.len() as u32 };
    let found = Diagnostic::new(&codes::UNKNOWN_KEYWORD, span, "x");
    let found = expansion.resolve(&mut sources, Some("main"), vec![found]).remove(0);
    let shown = |s: Span| format!("{}: {}", sources.location(s).line, sources.text(s));
    let label = |l: &Label| format!("{} [{}]", shown(l.span), l.text);
    std::iter::once(shown(found.primary.span)).chain(found.secondary.iter().map(label)).collect()
}

#[test]
fn a_diagnostic_points_at_what_its_author_wrote() {
    assert_eq!(origin_of("$A=1\nfoo bar", "bar"), ["2: bar"]);
    assert_eq!(
        origin_of("$VIP=10.0.0.300\nx\n $VIP dev", "10.0.0.300"),
        ["1: 10.0.0.300", "3: $VIP [expanded from `$VIP` here]"]
    );
    assert_eq!(
        origin_of("$N=5\nid 10.0.${N}.300", "10.0.5.300"),
        ["2: 10.0.${N}.300", "1: 5 [`$N` is set here]"]
    );
    assert_eq!(
        origin_of("~SEQ(I, 254, 256) id ${I}", "256"),
        ["1: ${I}", "1: ~SEQ(I, 254, 256) [sequence here, with I = 256]"]
    );
    assert_eq!(
        origin_of("~LST(I, a, b) id ${I}", "b"),
        ["1: b", "1: ${I} [expanded from `$I` here]", "1: ~LST(I, a, b) [sequence here, with I = b]"]
    );
    assert_eq!(
        origin_of("$M= \\\n foo { \\\n bar ${N} \\\n }\n$N=1\n$M", "bar"),
        ["3: bar", "6: $M [expanded from `$M` here]"]
    );
    assert_eq!(origin_of("@main $A=1\n  @main foo bar", "foo bar"), ["2: foo bar"]);
}

#[test]
fn what_a_macro_does_wrong_each_time_is_said_once() {
    let mut sources = Sources::new();
    let file = sources.add("test.conf", "$A=foo\n$A\n$A\n$A\n");
    let expansion = expand(&mut sources, file, Options::default());
    let span = |i: u32| Span { file: expansion.text(), start: i * 4, end: i * 4 + 3 };
    let all = (0..3).map(|i| Diagnostic::new(&codes::UNKNOWN_KEYWORD, span(i), "x")).collect();
    let found = expansion.resolve(&mut sources, None, all);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].help.as_deref(), Some("expanded 2 more times with the same outcome"));
}

#[test]
fn what_is_not_replaced_each_time_is_said_once_with_its_count() {
    let mut sources = Sources::new();
    let file = sources.add("test.conf", "$A=1\n$M=b $A.x\n$M\n$M\n$M\n");
    let expansion = expand(&mut sources, file, Options::default());
    let found = expansion.resolve(&mut sources, None, vec![]);
    assert_eq!(found.len(), 1);
    let help = "write `${A}` (expanded 2 more times with the same outcome)";
    assert_eq!(found[0].help.as_deref(), Some(help));
}

#[test]
fn the_example_of_the_manual_page_makes_65024_instances() {
    let text = "$VI4= \\\nvrrp_instance vrrp4.${IF}.${NUM}.${ID} { \\\n    interface bond${IF}.${NUM} \\\n    virtual_router_id ${ID} \\\n    virtual_ipaddress { \\\n        10.${IF}.${NUM}.${ID}/24 \\\n    } \\\n}\n\n~SEQ(IF,0,7) ~SEQ(NUM,0,31) ~SEQ(ID,1,254) $VI4\n";
    let mut sources = Sources::new();
    let file = sources.add("test.conf", text);
    let expansion = expand(&mut sources, file, Options::default());
    let text = sources.get(expansion.text()).text();
    let names: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("vrrp_instance ")).collect();
    assert_eq!(names.len(), 65_024);
    assert_eq!((names[0], names[65_023]), ("vrrp4.0.0.1 {", "vrrp4.7.31.254 {"));
    assert_eq!(text.lines().count(), 65_024 * 7);
}

#[test]
fn origins_of_all_lines() {
    let directory = files(&[("main.conf", "a\ninclude b.conf\n"), ("b.conf", "$X= \\\n b \\\n c\n$X\n")]);
    let mut sources = Sources::new();
    let (file, _) = sources.read(&directory.path().join("main.conf"));
    let expansion = expand_with_origins(&mut sources, file, Options::default());
    let place = |s: Span| {
        let name = PathBuf::from(sources.get(s.file).name());
        format!("{}:{}", name.file_name().unwrap().to_string_lossy(), sources.location(s).line)
    };
    let lines: Vec<String> = expansion
        .origins()
        .map(|(s, notes)| s.into_iter().chain(notes).map(place).collect::<Vec<_>>().join(" < "))
        .collect();
    assert_eq!(
        lines,
        ["main.conf:1", "b.conf:2 < b.conf:4 < main.conf:2", "b.conf:3 < b.conf:4 < main.conf:2"]
    );
}

#[test]
fn values_that_double_have_an_end_on_many_lines_too() {
    // Each line is within its limit; together they would replace 2,000 × 8,191 parameters.
    let doubled: String = (0..11).map(|i| format!("$A{i}=${{A{}}}${{A{}}}\n", i + 1, i + 1)).collect();
    let text = format!("{doubled}$A11=${{B}}\n$B=x\n{}", "$A0\n".repeat(2_000));
    let mut sources = Sources::new();
    let file = sources.add("test.conf", text);
    let limits = Limits { nested_uses: 100_000, ..Limits::DEFAULT };
    let expansion = expand(&mut sources, file, Options { limits, ..Options::default() });
    assert!(!expansion.is_complete());
    let found = expansion.resolve(&mut sources, None, vec![]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code.id, "V0008");
    assert_eq!(found[0].message, "this replaces more than 100000 parameters within each other");
}
