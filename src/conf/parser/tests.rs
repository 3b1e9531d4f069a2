use super::*;
use crate::conf::source::Sources;

/// The tree in one line, and the codes of what was found with their lines.
fn parsed(text: &str) -> (String, Vec<(String, u32)>) {
    let mut sources = Sources::new();
    let file = sources.add("test", text);
    let mut sink = Sink::new(file);
    let tree = parse(text, file, None, &mut sink);
    let shown = show(&tree, &tree.statements);
    let (found, _) = sink.finish();
    let line = |d: &Diagnostic| sources.location(d.primary.span).line;
    (shown, found.iter().map(|d| (d.code.id.to_owned(), line(d))).collect())
}

fn show(tree: &Tree<'_>, statements: &[Statement]) -> String {
    let one = |s: &Statement| {
        let words: Vec<&str> = tree.words(s).iter().map(|w| w.text.as_ref()).collect();
        let body = s.body.as_ref().map(|b| format!("{{{}}}", show(tree, &b.statements)));
        format!("{}{}", words.join(" "), body.unwrap_or_default())
    };
    statements.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn clean(text: &str, tree: &str) {
    assert_eq!(parsed(text), (tree.to_owned(), Vec::new()));
}

fn finds(text: &str, tree: &str, found: &[(&str, u32)]) {
    let found: Vec<(String, u32)> = found.iter().map(|(c, l)| ((*c).to_owned(), *l)).collect();
    assert_eq!(parsed(text), (tree.to_owned(), found));
}

#[test]
fn braces_on_the_same_line_the_next_one_or_all_on_one() {
    let tree = "vrrp_instance V{priority 5; virtual_ipaddress{10.0.0.1; 10.0.0.2 dev eth0}}; global_defs{}";
    clean(
        "vrrp_instance V {\n priority 5\n virtual_ipaddress {\n 10.0.0.1\n 10.0.0.2 dev eth0\n }\n}\nglobal_defs {\n}",
        tree,
    );
    clean(
        "vrrp_instance V\n{\n priority 5\n virtual_ipaddress\n {\n10.0.0.1\n10.0.0.2 dev eth0}}\nglobal_defs\n\n{}",
        tree,
    );
    clean("vrrp_instance V{priority 5\nvirtual_ipaddress{10.0.0.1\n10.0.0.2 dev eth0}}global_defs{}", tree);
}

#[test]
fn an_unknown_block_is_passed_over_as_a_whole() {
    finds(
        "vrrp_instance V {\n foo {\n  bar {\n  }\n  priority 9\n }\n priority 5\n}",
        "vrrp_instance V{foo{}; priority 5}",
        &[("V0101", 2)],
    );
}

#[test]
fn a_missing_close_brace_ends_the_block_at_the_next_outer_keyword() {
    finds(
        "virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n  TCP_CHECK {\n   retry 3\n }\n real_server 10.0.0.3 80 {\n }\n}",
        "virtual_server 10.0.0.1 80{real_server 10.0.0.2 80{TCP_CHECK{retry 3}}; real_server 10.0.0.3 80{}}",
        &[("V0104", 6)],
    );
    finds(
        "vrrp_instance V {\n virtual_ipaddress {\n  10.0.0.1\n priority 5\n}\nglobal_defs {\n}",
        "vrrp_instance V{virtual_ipaddress{10.0.0.1}; priority 5}; global_defs{}",
        &[("V0104", 4)],
    );
    finds("foo {\nvrrp_instance V {\n}", "foo{}; vrrp_instance V{}", &[("V0101", 1), ("V0104", 2)]);
}

#[test]
fn a_missing_open_brace_does_not_hide_the_block() {
    finds("global_defs\n router_id a\n}\n", "global_defs{router_id a}", &[("V0103", 1)]);
    finds("global_defs\nvrrp_instance V {\n}\n", "global_defs; vrrp_instance V{}", &[("V0103", 1)]);
    finds("vrrp_instance V {\n authentication\n}\n", "vrrp_instance V{authentication}", &[("V0103", 2)]);
    finds("global_defs", "global_defs", &[("V0103", 1)]);
}

#[test]
fn stray_braces_change_nothing_around_them() {
    finds(
        "{\nglobal_defs {\n{\nrouter_id a\n}\n}\n}\n",
        "global_defs{router_id a}",
        &[("V0105", 1), ("V0105", 3)],
    );
    finds(
        "global_defs {\n}\n}\n}\nglobal_defs {\n}",
        "global_defs{}; global_defs{}",
        &[("V0106", 3), ("V0106", 4)],
    );
}

#[test]
fn depth_is_bounded() {
    let text = "{".repeat(100_000) + "\n" + &"}".repeat(100_000) + "\nglobal_defs {\n}";
    let (tree, found) = parsed(&text);
    assert_eq!(tree, "global_defs{}");
    assert!(found.iter().any(|(code, _)| code == "V0109"), "{found:?}");
    let (_, found) = parsed(&"vrrp_instance a {\n".repeat(50_000));
    assert!(found.len() <= 501, "{}", found.len());
}

#[test]
fn what_is_not_carried_out_is_said_once_and_counted() {
    let text = "bfd_instance a {\n neighbor_ip 10.0.0.1\n}\nbfd_instance b {\n}\nbfd_instance c {\n}\n";
    let mut sources = Sources::new();
    let file = sources.add("test", text);
    let mut sink = Sink::new(file);
    let _ = parse(text, file, None, &mut sink);
    let (found, _) = sink.finish();
    let found: Vec<_> = found.iter().map(|d| (d.message.split('`').nth(1), d.help.as_deref())).collect();
    assert_eq!(found, [(Some("bfd_instance"), Some("and in 2 other places"))]);
}

#[test]
fn a_quote_in_a_command_line_ends_on_its_line() {
    for (line, open) in [("\"/x 'a b'\"", None), ("\"/x", Some(8..9)), ("/x 'a", Some(11..12))] {
        let text = format!("vrrp_script a {{\n script {line}\n}}\n");
        let mut sources = Sources::new();
        let file = sources.add("test", text.clone());
        let mut sink = Sink::new(file);
        let _ = parse(&text, file, None, &mut sink);
        let (found, _) = sink.finish();
        let found = found.iter().find(|d| d.code.id == "V0107").map(|d| d.primary.span);
        let from = "vrrp_script a {\n".len();
        let open = open.map(|r: std::ops::Range<usize>| (from + r.start, from + r.end));
        assert_eq!(found.map(|s| (s.start as usize, s.end as usize)), open, "{line}");
    }
}
