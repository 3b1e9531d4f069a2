//! The manual pages in `man/`: those of the program are made from its command line, keepalived.conf(5) from the table
//! of keywords. `make man` writes them; these tests hold them to what they are made from, and to groff's rules.

#![allow(clippy::unwrap_used, reason = "what can not be read fails the test")]

mod configuration;
mod ipvs;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vipd::cli;

/// Each page by its file's name.
fn pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let version = env!("CARGO_PKG_VERSION");
    let mut add = |command: clap::Command, name: String| {
        let command =
            command.name(&*name.clone().leak()).bin_name(name.replace('-', " ")).disable_help_flag(false);
        let manual = clap_mangen::Man::new(command)
            .title(name.to_uppercase())
            .source(format!("vipd {version}"))
            .manual("vipd")
            .date("");
        let mut text = Vec::new();
        manual.render(&mut text).unwrap();
        text.extend_from_slice(b".SH \"SEE ALSO\"\n.BR vipd (1),\n.BR keepalived.conf (5)\n");
        pages.insert(format!("{name}.1"), String::from_utf8(text).unwrap());
    };
    let program = cli::command();
    for subcommand in program.get_subcommands().filter(|c| !c.is_hide_set()) {
        let name = format!("vipd-{}", subcommand.get_name());
        for nested in subcommand.get_subcommands().filter(|c| !c.is_hide_set()) {
            add(nested.clone(), format!("{name}-{}", nested.get_name()));
        }
        if subcommand.get_name() != "ipvs" {
            add(subcommand.clone().disable_help_subcommand(true), name);
        }
    }
    let ipvs = program.find_subcommand("ipvs").unwrap().clone();
    add(program.disable_help_subcommand(true), "vipd".to_owned());
    pages.insert("vipd-ipvs.1".to_owned(), ipvs::page(&ipvs));
    pages.extend(ipvs::OTHER_NAMES.map(|name| (name.to_owned(), ipvs::SAME.to_owned())));
    pages.insert("keepalived.conf.5".to_owned(), configuration::page());
    pages
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

#[test]
fn pages_are_as_the_program_is() {
    let pages = pages();
    if std::env::var_os("WRITE_MAN").is_some() {
        for entry in fs::read_dir(folder()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, text) in &pages {
            fs::write(folder().join(name), text).unwrap();
        }
    }
    let mut there: Vec<String> =
        fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    assert_eq!(there, pages.keys().cloned().collect::<Vec<_>>(), "run `make man`");
    for (name, text) in &pages {
        assert!(fs::read_to_string(folder().join(name)).unwrap() == *text, "man/{name}: run `make man`");
    }
}

#[test]
fn groff_finds_nothing_to_remark() {
    for (name, text) in pages().into_iter().filter(|(_, text)| text != ipvs::SAME) {
        let mut groff = Command::new("groff");
        groff.args(["-man", "-ww", "-Tutf8", "-z"]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let said = groff.spawn().and_then(|mut child| {
            // Its end comes with the end of its input.
            child.stdin.take().unwrap().write_all(text.as_bytes())?;
            child.wait_with_output()
        });
        match said {
            Ok(said) => {
                let said = String::from_utf8_lossy(&said.stderr).into_owned();
                assert!(said.is_empty(), "{name}: {said}");
            }
            // Not every machine has it.
            Err(error) => println!("{name} is not looked at by groff: {error}"),
        }
        if name.ends_with(".5") {
            assert!(!text.contains("\n\n"), "{name}: an empty line");
        }
    }
}
