//! vipd-ipvs(1), which is ipvsadm(8) too. Its options are not clap's: the text is written, and held to the help.

use vipd::ipvs::grammar::HELP;

const BEGIN: &str = include_str!("ipvs.roff");
const END: &str = include_str!("ipvs_end.roff");

/// The names under which the same page is found, and their files.
pub(super) const OTHER_NAMES: [&str; 3] = ["ipvsadm.8", "ipvsadm-save.8", "ipvsadm-restore.8"];

/// The page that shows the real one.
pub(super) const SAME: &str = ".so man1/vipd-ipvs.1\n";

/// The whole page.
pub(super) fn page(command: &clap::Command) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = String::from(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n");
    text += &format!(".TH VIPD-IPVS 1 \"\" \"vipd {version}\" vipd\n");
    text += BEGIN;
    text += ".SH SUBCOMMANDS\nOnly as\n.BR \"vipd ipvs\" ;\neach has a page of its own.\n";
    for subcommand in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
        text += &format!(".TP\n.BR vipd\\-ipvs\\-{} (1)\n{}.\n", subcommand.get_name(), escaped(&about));
    }
    text += ".SH OPTIONS BEYOND IPVSADM'S\n";
    text += &beyond(&command.get_after_help().map(ToString::to_string).unwrap_or_default());
    text + END
}

/// The help's list of options: a line each, its name apart from what it does by blanks; others are sentences.
fn beyond(help: &str) -> String {
    let mut text = String::new();
    for line in help.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ").and_then(|option| option.split_once("  ")) {
            Some((option, about)) if !option.starts_with(' ') => {
                text += &format!(".TP\n.B {}\n{}.\n", escaped(option), escaped(about.trim()));
            }
            _ => text += &format!("{}\n", escaped(line.trim())),
        }
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq")
}

#[test]
fn the_page_has_each_option_of_the_help() {
    let text = BEGIN.replace("\\-", "-");
    for option in HELP.split([' ', '\n', '|', '[', ']', '`']).filter(|word| word.starts_with('-')) {
        let found = text.match_indices(option).any(|(at, _)| {
            let next = text[at + option.len()..].chars().next();
            next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-')
        });
        assert!(found, "{option} is not on the page");
    }
}
