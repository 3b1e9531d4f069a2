//! Several daemons on one machine: those that the configuration sends into a network namespace, or gives a name.

use super::{LIMIT, configuration, logged, pid_in, wait_address};
use crate::VIPD;
use crate::support::{Host, Implementation, Lab, Process, Test, wait_for};
use nix::sys::signal::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new(
            "daemon::instances_and_namespaces_have_pid_files_of_their_own",
            instances_and_namespaces_have_pid_files_of_their_own,
        ),
        Test::new("daemon::a_namespace_of_the_command_line_counts_more", of_the_command_line),
    ]
}

/// Starts it on another host than its configuration says, with these options; pid files as it likes.
fn start(program: Implementation, host: &Host, config: &str, more: &[&str]) -> Process {
    let file = host.file("k.conf");
    fs::write(&file, config).expect("write the configuration");
    let mut command: Command = match program {
        Implementation::Keepalived => host.command("keepalived"),
        Implementation::Vipd => host.command(VIPD),
    };
    if program == Implementation::Vipd {
        command.arg("run");
    }
    host.start(&program.to_string(), command.args(["-n", "-l", "-D", "-G", "-f"]).arg(file).args(more))
}

#[track_caller]
fn wait_pid(file: &Path, process: &Process) {
    wait_for(format_args!("{}", file.display()), LIMIT, || match pid_in(file) {
        Ok(pid) if pid == process.pid() => Ok(()),
        other => Err(format!("{other:?}\n{}", process.log())),
    });
}

#[track_caller]
fn stop(process: &Process) {
    process.signal(Signal::SIGTERM);
    assert!(process.wait_exit(LIMIT).success(), "{}", process.log());
}

fn instances_and_namespaces_have_pid_files_of_their_own(lab: &Lab) {
    let (here, there) = (lab.host("here", "10.0.0.1/24"), lab.host("there", "10.0.0.2/24"));
    let folder = PathBuf::from("/run/keepalived");
    let blue = folder.join(there.namespace());
    let config = configuration("10.0.0.100/24");
    for program in [Implementation::Keepalived, Implementation::Vipd] {
        let within = format!("net_namespace {}\n", there.namespace());
        let process = start(program, &here, &format!("{within}{config}"), &[]);
        wait_address(&there, "10.0.0.100");
        assert!(!here.has_address("10.0.0.100"), "{program}");
        wait_pid(&blue.join("keepalived.pid"), &process);
        assert!(blue.join("vrrp.pid").exists(), "{program}");
        // It can't go elsewhere, and stays as it is.
        fs::write(here.file("k.conf"), config.replace("0.100/", "0.101/")).expect("write the configuration");
        process.signal(Signal::SIGHUP);
        let said = match program {
            Implementation::Keepalived => "Cannot change network namespace at a reload",
            Implementation::Vipd => "the network namespace can't be changed by a reload",
        };
        logged(&process, said);
        assert!(there.has_address("10.0.0.100"), "{program}");
        stop(&process);
        assert!(!there.has_address("10.0.0.100") && !blue.exists(), "{program}");
        // Two on one host; the second has named one of its files.
        let name = here.namespace();
        let one = start(program, &here, &format!("instance {name}\n{config}"), &[]);
        wait_pid(&folder.join(format!("keepalived_{name}.pid")), &one);
        wait_address(&here, "10.0.0.100");
        let main = there.file("main.pid");
        let named = main.display().to_string();
        let two =
            start(program, &there, &format!("instance {name}2\nuse_pid_dir\n{config}"), &["-p", &named]);
        wait_pid(&main, &two);
        wait_for("the worker's pid file", LIMIT, || {
            let there = folder.join(format!("vrrp_{name}2.pid")).exists();
            if there { Ok(()) } else { Err(two.log()) }
        });
        stop(&one);
        stop(&two);
        for file in
            [format!("keepalived_{name}.pid"), format!("vrrp_{name}.pid"), format!("vrrp_{name}2.pid")]
        {
            assert!(!folder.join(&file).exists(), "{program}: {file}");
        }
    }
    // There is none.
    let process = start(
        Implementation::Vipd,
        &here,
        &format!("net_namespace {}-not\n{config}", there.namespace()),
        &[],
    );
    assert_eq!(process.wait_exit(LIMIT).code(), Some(1), "{}", process.log());
    logged(&process, "unable to set network namespace");
    assert!(!here.has_address("10.0.0.100"));
}

fn of_the_command_line(lab: &Lab) {
    let (here, there) = (lab.host("here", "10.0.0.1/24"), lab.host("there", "10.0.0.2/24"));
    // An interface that is there alone.
    there.configure(&["link add eth7 type veth peer name far7", "link set eth7 up", "link set far7 up"]);
    let config = configuration("10.0.0.100/24\n    10.7.0.100/24 dev eth7");
    for program in [Implementation::Keepalived, Implementation::Vipd] {
        let process =
            start(program, &here, &format!("net_namespace no-such\n{config}"), &["-s", there.namespace()]);
        wait_address(&there, "10.0.0.100");
        wait_pid(&Path::new("/run/keepalived").join(there.namespace()).join("keepalived.pid"), &process);
        fs::write(here.file("k.conf"), config.replace("0.100/", "0.101/")).expect("write the configuration");
        process.signal(Signal::SIGHUP);
        wait_address(&there, "10.0.0.101");
        assert!(!process.log().contains("doesn't exist"), "{}", process.log());
        stop(&process);
    }
}
