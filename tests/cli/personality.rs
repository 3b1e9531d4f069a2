//! The program answers to its name.

use super::Program;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

#[test]
fn as_keepalived_it_prints_its_version_where_keepalived_does() {
    let keepalived = Program::called("keepalived");
    for line in ["-v", "--version", "--ver", "-n -v -l"] {
        let outcome = keepalived.run(line);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(0), ""), "{line}");
        assert_eq!(outcome.stderr, concat!("vipd v", env!("CARGO_PKG_VERSION"), "\n"), "{line}");
    }
}

#[test]
fn as_vipd_it_has_subcommands() {
    let vipd = Program::called("vipd");
    let outcome = vipd.run("--version");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(outcome.stdout, concat!("vipd v", env!("CARGO_PKG_VERSION"), "\n"));
    let help = vipd.run("--help");
    assert_eq!(help.status, Some(0));
    for command in ["run", "check", "ipvs"] {
        assert!(help.stdout.contains(&format!("  {command} ")), "{command} in:\n{}", help.stdout);
    }
    assert_eq!(vipd.run("").status, Some(2), "nothing asked for");
    assert_eq!(vipd.run("no-such-command").status, Some(2));
}

#[test]
fn an_unknown_option_ends_as_keepalived_ends() {
    let outcome = Program::called("keepalived").run("--bogus");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("--bogus"), "{}", outcome.stderr);
}

#[test]
fn vipd_run_takes_the_same_flags() {
    let (keepalived, vipd) = (Program::called("keepalived"), Program::called("vipd"));
    let flags = |help: &str| -> Vec<String> {
        let words = help.split_whitespace().filter(|word| word.starts_with('-'));
        words
            .map(|word| word.trim_end_matches([',', ']']).to_owned())
            .filter(|w| w != "-v," && w != "-v")
            .collect()
    };
    let theirs = flags(&keepalived.run("--help").stdout);
    let ours = flags(&vipd.run("run --help").stdout);
    assert!(theirs.len() > 60, "{theirs:?}");
    let missing: Vec<_> = theirs.iter().filter(|flag| *flag != "--version" && !ours.contains(flag)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_worker_is_not_started_by_hand() {
    let outcome = Program::called("vipd").run("--worker vrrp");
    assert_eq!(outcome.status, Some(70));
    assert!(outcome.stderr.starts_with("vipd starts its workers itself"), "{}", outcome.stderr);
}

#[test]
fn ipvsadms_names_lead_to_ipvsadms_command_line() {
    let outcome = Program::called("ipvsadm").run("--help");
    let text = outcome.stdout + &outcome.stderr;
    assert!(text.contains("--add-service"), "{text}");
}

#[test]
fn the_exit_status_is_the_same_where_nobody_can_be_told() {
    for (name, option, status) in [("ipvsadm-save", "-x", 1), ("keepalived", "--bogus", 1)] {
        let program = Program::called(name);
        let mut command = Command::new(program.dir.path().join(name));
        command.arg(option).stderr(File::create("/dev/full").unwrap());
        assert_eq!(command.status().unwrap().code(), Some(status), "{name} {option}");
    }
}

#[test]
fn as_ipvsadm_it_dies_of_a_pipe_that_nobody_reads() {
    let program = Program::called("ipvsadm");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(program.dir.path().join("ipvsadm"));
    let status = command.arg("--version").stdout(writer).status().unwrap();
    assert_eq!(status.signal(), Some(13), "{status}");
}
