use super::render::{Colour, line, rich};
use super::*;
use crate::conf::source::Sources;

fn sources(text: &str) -> (Sources, impl Fn(u32, u32) -> Span) {
    let mut sources = Sources::new();
    let file = sources.add("a\x1b.conf", text);
    (sources, move |start, end| Span { file, start, end })
}

#[test]
fn misspellings_find_what_was_meant() {
    let keywords = ["priority", "preempt", "preempt_delay", "state", "debug"];
    let meant = |word| did_you_mean(word, keywords.into_iter());
    assert_eq!(meant("pririty"), Some("priority"));
    assert_eq!(meant("Priority"), Some("priority"));
    assert_eq!(meant("preempt-delay"), Some("preempt_delay"));
    assert_eq!(meant("stat"), Some("state"));
    assert_eq!(meant("st"), None, "too short to tell");
    assert_eq!(meant("interval"), None);
    assert_eq!(meant(&"x".repeat(100_000)), None);
}

#[test]
fn colours_come_only_where_they_are_asked_for() {
    let (sources, at) = sources("one two");
    let diagnostic = Diagnostic::new(&codes::BAD_CHOICE, at(4, 7), "`two` is no number").help("say `2`");
    assert!(!rich(&diagnostic, &sources, Colour::Never).contains('\x1b'));
    assert!(rich(&diagnostic, &sources, Colour::Always).contains("\x1b["));
    assert_eq!(line(&diagnostic, &sources), "(a\\u{1b}.conf: Line 1) 'two' is no number - say '2'");
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let text = format!("{} here {}", "x".repeat(1_000_000), "\u{f6}".repeat(500_000));
    let (sources, at) = sources(&text);
    let shown =
        rich(&Diagnostic::new(&codes::BAD_CHOICE, at(1_000_001, 1_000_005), "what"), &sources, Colour::Never);
    assert!(shown.contains(" here "), "{shown}");
    assert!(shown.contains("^^^^"), "{shown}");
    assert!(shown.len() < 2000, "{}", shown.len());
}

#[test]
fn places_far_apart_are_shown_apart() {
    let text = format!("first\n{}second\n", "filler\n".repeat(10_000));
    let (sources, at) = sources(&text);
    let second = text.find("second").map_or(0, |i| i as u32);
    let diagnostic = Diagnostic::new(&codes::DUPLICATE_INSTANCE, at(second, second + 6), "twice");
    let shown = rich(&diagnostic.also(at(0, 5), "first defined here"), &sources, Colour::Never);
    assert!(shown.contains("10002 | second"), "{shown}");
    assert!(shown.contains("1 | first"), "{shown}");
    assert!(shown.contains("----- first defined here"), "{shown}");
    assert!(!shown.contains("filler"), "{shown}");
}
