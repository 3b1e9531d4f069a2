//! Questions of an editor, with the cursor written as `|`.

use super::position::Lines;
use super::protocol::{CompletionItem, DiagnosticSeverity, DocumentSymbol, Position, Range, Uri};
use super::written::Written;
use super::{actions, completion, findings, hover, names, outline};

const WHOLE: &str = "\
$VIP=10.0.0.1
@east $X=1 \\ # goes on
    vrrp_instance no {
vrrp_script chk {
    script /bin/true
}
~SEQ(i, 1, 2) vrrp_instance VI_1 {
    interface eth0
    track_script {
        chk
    }
    virtual_ipaddress {
        ${VIP}/24 # $VIP
    }
}
vrrp_sync_group G {
    group {
        VI_1
    }
}
";

/// The text without its `|`, and where that stood.
fn at(marked: &str) -> (String, usize) {
    let offset = marked.find('|').unwrap();
    (marked.replacen('|', "", 1), offset)
}

fn completed(marked: &str) -> Vec<CompletionItem> {
    let (text, offset) = at(marked);
    completion::complete(&text, offset, false, &[])
}

fn labels(marked: &str) -> Vec<String> {
    completed(marked).into_iter().map(|item| item.label).collect()
}

fn hovered(marked: &str) -> Option<(String, String)> {
    let (text, offset) = at(marked);
    hover::hover(&text, offset).map(|(said, span)| (said, text[span].to_owned()))
}

fn uri() -> Uri {
    Uri("file:///nonexistent/keepalived.conf".to_owned())
}

#[test]
fn a_block_proposes_its_keywords_and_no_others() {
    let top = labels("vrrp_|");
    assert!(top.contains(&"vrrp_instance".to_owned()) && !top.contains(&"priority".to_owned()));
    let inside = labels("vrrp_instance A {\n  pri|");
    assert!(inside.contains(&"priority".to_owned()) && !inside.contains(&"vrrp_instance".to_owned()));
    // Behind the brace, on the line of the brace, and with a block after it that lacks nothing.
    assert_eq!(labels("vrrp_instance A {\n  authentication { |"), ["auth_pass", "auth_type"]);
    assert!(labels("vrrp_instance A {\n}\n|\nvrrp_instance B {\n}\n").contains(&"global_defs".to_owned()));
    assert!(labels("~SEQ(i, 1, 9) vrrp_instance A$i {\n  |\n}").contains(&"priority".to_owned()));
}

#[test]
fn nothing_is_proposed_in_comments_and_unknown_blocks() {
    assert_eq!(labels("vrrp_instance A { # pri|"), [""; 0]);
    assert_eq!(labels("nonsense {\n  pri|\n}"), [""; 0]);
    assert_eq!(labels("vrrp_instance A {\n  interface |"), [""; 0]);
}

#[test]
fn nothing_is_proposed_within_a_definition() {
    assert_eq!(labels("$X=prio|"), [""; 0]);
    assert_eq!(labels("@id $X=1 \\\n vrrp_instance A { \\\n  prio|"), [""; 0]);
    assert!(labels("$X=1 \\\n 2\nvrrp_|").contains(&"vrrp_instance".to_owned()));
}

#[test]
fn braces_of_parameters_and_lists_are_no_blocks() {
    let text = "~LST({A, B}, {1, 2}) vrrp_instance ${A} {\n  interface eth${B}\n  |\n}\n";
    assert!(labels(text).contains(&"priority".to_owned()));
    let (text, _) = at(text);
    let shown = outline::outline(&text);
    assert_eq!(shown.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["vrrp_instance ${A}"]);
}

#[test]
fn the_outline_has_what_nobody_knows() {
    let outline = outline::outline("nonsense {\n  inner {\n    x 1\n  }\n}\n");
    assert_eq!((outline[0].name.as_str(), outline[0].children[0].name.as_str()), ("nonsense", "inner"));
}

#[test]
fn an_argument_proposes_its_choices() {
    assert_eq!(labels("vrrp_instance A {\n  state |"), ["MASTER", "BACKUP"]);
    assert!(labels("virtual_server 10.0.0.1 80 {\n lvs_sched w|").contains(&"wlc".to_owned()));
    assert_eq!(labels("virtual_server |"), ["fwmark", "group"]);
}

#[test]
fn an_entry_proposes_its_options() {
    let found = labels("vrrp_instance A {\n  virtual_ipaddress {\n    10.0.0.1/24 dev eth0 |");
    assert!(found.contains(&"label".to_owned()) && !found.contains(&"dev".to_owned()), "{found:?}");
    let (said, about) =
        hovered("vrrp_instance A {\n  virtual_ipaddress {\n    10.0.0.1/24 sc|ope host").unwrap();
    assert_eq!(about, "scope");
    assert!(said.contains("scope SCOPE"), "{said}");
}

#[test]
fn names_are_proposed_where_they_are_meant() {
    let marked = WHOLE.replace("        chk\n", "        |\n");
    assert_eq!(labels(&marked), ["chk"]);
    assert_eq!(labels(&WHOLE.replace("        VI_1\n", "        V|\n")), ["VI_1"]);
    assert_eq!(labels("virtual_server_group web {\n}\nvirtual_server group |"), ["web"]);
}

#[test]
fn parameters_are_proposed_behind_their_sign() {
    for typed in ["$|", "${V|", "10.0.0.1:$V|"] {
        let found = labels(&format!("$VIP=1\n{typed}"));
        assert_eq!(found[0], "${VIP}", "{typed}");
        assert!(found.contains(&"${_PWD}".to_owned()));
    }
}

#[test]
fn what_is_proposed_replaces_what_was_typed() {
    let (text, offset) = at("virtual_server 10.0.0.1 80 {\n  mh-f| x\n}");
    let items = completion::complete(&text, offset, true, &[]);
    let item = items.iter().find(|i| i.label == "mh-fallback").unwrap();
    let Some(edit) = &item.text_edit else { panic!("{item:?}") };
    let lines = Lines::new(&text);
    assert_eq!(&text[lines.offset(edit.range.start)..lines.offset(edit.range.end)], "mh-f");
    let block =
        completion::complete("", 0, true, &[]).into_iter().find(|i| i.label == "vrrp_instance").unwrap();
    let Some(edit) = block.text_edit else { panic!() };
    assert_eq!(edit.new_text, "vrrp_instance ${1:NAME} {\n\t$0\n}");
}

#[test]
fn pointing_at_a_keyword_explains_it() {
    let (said, about) = hovered("vrrp_instance A {\n  adv|ert_int 1\n}").unwrap();
    assert_eq!(about, "advert_int");
    assert!(said.contains("advert_int SECONDS") && said.contains("0.01 to 255"), "{said}");
    assert!(said.contains("default: 1"), "{said}");
    // The same keyword means something else in another block.
    let (script, _) = hovered("vrrp_script A {\n  wei|ght 1\n}").unwrap();
    let (server, _) = hovered("virtual_server 10.0.0.1 80 {\n  wei|ght 1\n}").unwrap();
    assert_ne!(script, server);
    assert_eq!(hovered("vrrp_instance A {\n  nonsen|se 1\n}"), None);
}

#[test]
fn pointing_at_a_name_shows_what_it_stands_for() {
    let (said, about) = hovered(&WHOLE.replace("        chk\n", "        ch|k\n")).unwrap();
    assert_eq!(about, "chk");
    assert!(said.contains("script /bin/true"), "{said}");
    let (said, about) = hovered(&WHOLE.replace("${VIP}/24", "${V|IP}/24")).unwrap();
    assert_eq!((said.as_str(), about.as_str()), ("```keepalived\n$VIP=10.0.0.1\n```\n", "VIP"));
}

#[test]
fn names_know_where_they_are_defined_and_meant() {
    let written = Written::new(WHOLE);
    let all = names::names(WHOLE, &written);
    let of = |offset: usize| {
        let name = names::at(&all, offset).unwrap();
        let same = all.iter().filter(|n| n.kind == name.kind && n.text == name.text);
        same.map(|n| (Lines::new(WHOLE).position(n.span.start).line, n.defines)).collect::<Vec<_>>()
    };
    assert_eq!(of(WHOLE.find("chk").unwrap()), [(3, true), (9, false)]);
    assert_eq!(of(WHOLE.rfind("VI_1").unwrap()), [(6, true), (17, false)]);
    assert_eq!(of(1), [(0, true), (12, false), (12, false)]);
    // A definition goes on over lines: what stands in them is no block.
    assert!(written.statements.iter().all(|s| s.title() != "vrrp_instance no"));
    assert_eq!(written.definitions[1].name.text, "X");
}

#[test]
fn the_outline_has_blocks_within_blocks() {
    fn shown(symbols: &[DocumentSymbol], depth: usize, text: &mut String) {
        for symbol in symbols {
            let (from, to) = (symbol.range.start.line, symbol.range.end.line);
            *text += &format!("{:1$}{2} {from}-{to}\n", "", depth, symbol.name);
            shown(&symbol.children, depth + 1, text);
        }
    }
    let mut text = String::new();
    shown(&outline::outline(WHOLE), 0, &mut text);
    let expected = "$VIP 0-0\n$X 1-2\nvrrp_script chk 3-5\nvrrp_instance VI_1 6-14\n track_script 8-10\n \
                    virtual_ipaddress 11-13\nvrrp_sync_group G 15-19\n group 16-18\n";
    assert_eq!(text, expected);
}

#[test]
fn a_block_that_lacks_its_brace_does_not_swallow_the_next() {
    let outline = outline::outline("vrrp_instance A {\n  track_script {\n\nvrrp_instance B {\n}\n");
    assert_eq!(
        outline.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
        ["vrrp_instance A", "vrrp_instance B"]
    );
}

#[test]
fn findings_stand_where_utf_16_has_them() {
    let text = "vrrp_instance A { # \u{1f600}\n  \u{e9}\u{1f600} x\n  prioritty 1\n}\n";
    let found = findings::findings(&uri(), &findings::load(&uri(), text));
    assert_eq!(found.len(), 1);
    let unknown = found[0].1.iter().find(|d| d.message.contains('\u{1f600}')).unwrap();
    assert_eq!(unknown.range, Range::new(Position::new(1, 2), Position::new(1, 5)));
    assert_eq!(unknown.severity, DiagnosticSeverity::ERROR);
    assert_eq!(unknown.source, "vipd");
    assert!(found[0].1.iter().any(|d| d.message.ends_with("did you mean `priority`?")));
}

#[test]
fn a_misspelling_is_put_right() {
    let text = "vrrp_instance A {\n  prioritty 1\n  advert_int 1s\n}\n";
    let loaded = findings::load(&uri(), text);
    let all = actions::actions(&uri(), text, Lines::new(text).everything(), &loaded);
    let titles: Vec<&str> = all.iter().map(|a| a.title.as_str()).collect();
    assert_eq!(titles, ["Replace by `priority`", "Replace by `1`"]);
    let elsewhere = Range::new(Position::new(0, 0), Position::new(0, 1));
    assert_eq!(actions::actions(&uri(), text, elsewhere, &loaded), []);
}

#[test]
fn a_text_cut_anywhere_is_answered() {
    let text = format!("\u{feff}{WHOLE}\u{1f600} \"x\\");
    for end in (0..=text.len()).filter(|i| text.is_char_boundary(*i)) {
        let cut = &text[..end];
        outline::outline(cut);
        for offset in (0..=end).filter(|i| cut.is_char_boundary(*i)).step_by(7) {
            completion::complete(cut, offset, true, &[]);
            hover::hover(cut, offset);
        }
    }
}
