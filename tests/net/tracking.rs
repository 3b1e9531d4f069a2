//! What instances track, on real interfaces, with real scripts, files and processes: each story is played with keepalived
//! and with vipd, and both have to end in the same way, but for those that keepalived tells otherwise on purpose or can't
//! tell in a network namespace.

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Capture, Director, Host, Lab, Test, wait_for};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

type Story = fn(&Lab, Implementation);

pub(crate) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 5] = [
        ("a_script_without_a_weight_is_a_fault_while_it_fails", script),
        ("weights_of_a_script_a_file_and_an_interface_add_up", weights),
        ("a_file_of_minus_254_is_a_fault", file),
        ("files_of_somebody_else_are_read_and_written", somebodys_files),
        ("an_interface_is_down_once_it_has_been_for_its_delay", delayed),
    ];
    let both = [Keepalived, Vipd].into_iter().flat_map(|program| both.map(|story| (program, story)));
    let both = both.map(|(program, (name, story))| {
        Test::new(format!("tracking::{program}::{name}"), move |lab: &Lab| story(lab, program))
    });
    let ours = [
        // keepalived forgets init_fail where the script is tracked.
        Test::new("tracking::with_init_fail_a_script_is_down_until_it_succeeds", init_fail),
        // keepalived leaves FAULT with the first.
        Test::new("tracking::each_interface_is_a_fault_of_its_own", each_interface),
        // keepalived's news of processes end at a network namespace.
        Test::new("tracking::processes_that_come_and_go_are_counted", processes),
        Test::new("tracking::a_stop_ends_the_scripts_that_run", stop),
        Test::new("tracking::a_reload_keeps_what_scripts_and_files_have_shown", reload),
        Test::new("tracking::a_driver_is_asked_for_its_link", linkbeat),
    ];
    both.chain(ours).collect()
}

/// An instance of priority 100 that tracks this, after these blocks.
fn config(blocks: &str, tracks: &str) -> String {
    format!(
        "global_defs {{\n  script_user root\n  enable_script_security\n}}\n{blocks}\nvrrp_instance VI {{\n  state BACKUP\n  \
         interface eth0\n  virtual_router_id 7\n  priority 100\n  advert_int 1\n  virtual_ipaddress {{\n    \
         10.0.0.100/24\n  }}\n{tracks}}}\n"
    )
}

/// A script that succeeds while the file is there.
fn script_of(host: &Host, name: &str, more: &str) -> String {
    let path = host.file(name);
    format!(
        "vrrp_script S {{\n  script \"/usr/bin/test -e {}\"\n  interval 1\n  {more}\n}}\n",
        path.display()
    )
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

fn host_with_eth1(lab: &Lab) -> Host {
    let host = lab.host("one", "10.0.0.1/24");
    host.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    host.is_up("eth1");
    host
}

/// Waits until the log has so many lines that hold this.
#[track_caller]
fn logged(director: &Director, text: &str, times: usize) {
    wait_for(format_args!("{text:?} {times} times in the log"), LIMIT, || {
        let log = director.process().log();
        if log.matches(text).count() >= times { Ok(()) } else { Err(log) }
    });
}

#[track_caller]
fn holds_address(host: &Host, expected: bool) {
    wait_for(format_args!("the address: {expected}"), LIMIT, || {
        let shown = host.run("ip -o address show");
        if shown.contains(" 10.0.0.100/") == expected { Ok(()) } else { Err(shown) }
    });
}

/// Waits for an advert of this priority that is younger than all before it.
#[track_caller]
fn advertises(capture: &Capture, priority: u8) {
    let last = capture.adverts().last().map_or(Duration::ZERO, |(at, _)| *at);
    let later = last + Duration::from_nanos(1);
    capture.wait_advert(&format!("priority {priority}"), later, LIMIT, |a| a.priority == priority);
}

/// In a directory that nobody else may enter, not even to look.
fn somebodys_files(lab: &Lab, program: Implementation) {
    const NOBODY: Option<u32> = Some(65534);
    let host = lab.host("one", "10.0.0.1/24");
    let dir = host.file("private");
    fs::create_dir(&dir).expect("make a directory");
    let number = dir.join("number");
    let write = |text: &str| fs::write(&number, text).expect("write a number");
    write("-254\n");
    for (path, mode) in [(&number, 0o600), (&dir, 0o700)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("shut it");
        chown(path, NOBODY, NOBODY).expect("give it away");
    }
    let made = dir.join("made");
    let file = |name, path: &Path, more| {
        format!("track_file {name} {{\n  file {}\n  weight 1\n  {more}\n}}\n", path.display())
    };
    let blocks = file("N", &number, "") + &file("M", &made, "init_file 7");
    let director = start(program, &host, &config(&blocks, "  track_file {\n    N\n    M\n  }\n"));
    logged(&director, "(VI) Entering FAULT STATE", usize::from(program == Vipd));
    wait_for("what init_file writes", LIMIT, || match fs::read_to_string(&made) {
        Ok(text) if text.trim() == "7" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let capture = Capture::start(&host);
    write("20\n");
    holds_address(&host, true);
    advertises(&capture, 127);
    write("-254\n");
    holds_address(&host, false);
}

fn script(lab: &Lab, program: Implementation) {
    let host = lab.host("one", "10.0.0.1/24");
    let director =
        start(program, &host, &config(&script_of(&host, "ok", ""), "  track_script {\n    S\n  }\n"));
    logged(&director, "VRRP_Script(S) failed (exited with status 1)", 1);
    // keepalived 2.2.7 enters FAULT without a word where the first run fails; 2.4.3 says so.
    let faults = usize::from(program == Vipd);
    logged(&director, "(VI) Entering FAULT STATE", faults);
    fs::write(host.file("ok"), "").expect("write a file");
    logged(&director, "VRRP_Script(S) succeeded", 1);
    logged(&director, "Script `S` now returning 0", 1);
    logged(&director, "(VI) Entering BACKUP STATE", 1);
    holds_address(&host, true);
    fs::remove_file(host.file("ok")).expect("remove a file");
    holds_address(&host, false);
    logged(&director, "Script `S` now returning 1", 2);
    logged(&director, "(VI) Entering FAULT STATE", faults + 1);
}

fn weights(lab: &Lab, program: Implementation) {
    let host = host_with_eth1(lab);
    fs::write(host.file("ok"), "").expect("write a file");
    fs::write(host.file("number"), "5\n").expect("write a file");
    let blocks = script_of(&host, "ok", "weight 20")
        + &format!("vrrp_track_file F {{\n  file {}\n}}\n", host.file("number").display());
    let tracks = "  track_script {\n    S\n  }\n  track_file {\n    F weight 2\n  }\n  track_interface {\n    \
                  eth1 weight -30\n  }\n";
    let capture = Capture::start(&host);
    let director = start(program, &host, &config(&blocks, tracks));
    holds_address(&host, true);
    advertises(&capture, 130);
    fs::write(host.file("number"), "-7").expect("write a file");
    advertises(&capture, 106);
    logged(&director, "(VI) Changing effective priority from 130 to 106", 1);
    host.run("ip link set far1 down");
    advertises(&capture, 76);
    fs::remove_file(host.file("ok")).expect("remove a file");
    advertises(&capture, 56);
    fs::remove_file(host.file("number")).expect("remove a file");
    advertises(&capture, 70);
    host.run("ip link set far1 up");
    advertises(&capture, 100);
    assert!(!director.process().log().contains("FAULT"), "{}", director.process().log());
}

fn file(lab: &Lab, program: Implementation) {
    let host = lab.host("one", "10.0.0.1/24");
    let blocks = format!("vrrp_track_file F {{\n  file {}\n}}\n", host.file("number").display());
    let director = start(program, &host, &config(&blocks, "  track_file {\n    F\n  }\n"));
    holds_address(&host, true);
    let other = host.file("other");
    fs::write(&other, "-254\n").expect("write a file");
    fs::rename(&other, host.file("number")).expect("put it in its place");
    holds_address(&host, false);
    logged(&director, "(VI) Entering FAULT STATE", 1);
    fs::write(host.file("number"), "-253\n").expect("write a file");
    holds_address(&host, true);
}

fn delayed(lab: &Lab, program: Implementation) {
    let host = host_with_eth1(lab);
    let blocks = "interface_up_down_delays {\n  eth1 1.5 0.5\n}\n";
    let director = start(program, &host, &config(blocks, "  track_interface {\n    eth1\n  }\n"));
    holds_address(&host, true);
    host.run("ip link set far1 down");
    host.run("ip link set far1 up");
    let down = std::time::Instant::now();
    host.run("ip link set far1 down");
    holds_address(&host, false);
    assert!(down.elapsed() >= Duration::from_millis(1400), "{:?}", down.elapsed());
    logged(&director, "(VI) Entering FAULT STATE", 1);
    host.run("ip link set far1 up");
    holds_address(&host, true);
    assert_eq!(director.process().log().matches("(VI) Entering FAULT STATE").count(), 1);
}

fn init_fail(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let go = host.file("go");
    let waits = format!("while [ ! -e {} ]; do sleep 0.05; done", go.display());
    let blocks =
        format!("vrrp_script S {{\n  script \"/bin/sh -c '{waits}'\"\n  interval 10\n  init_fail\n}}\n");
    let director = start(Vipd, &host, &config(&blocks, "  track_script {\n    S\n  }\n"));
    logged(&director, "(VI) Entering FAULT STATE (init)", 1);
    logged(&director, "(VI): entering FAULT state due to script S", 1);
    fs::write(go, "").expect("write a file");
    logged(&director, "(VI) Entering BACKUP STATE", 1);
    holds_address(&host, true);
}

fn each_interface(lab: &Lab) {
    let host = host_with_eth1(lab);
    host.configure(&["link add eth2 type veth peer name far2", "link set eth2 up", "link set far2 up"]);
    let tracks = "  track_interface {\n    eth1\n    eth2\n  }\n";
    let director = start(Vipd, &host, &config("", tracks));
    holds_address(&host, true);
    host.run("ip link set far1 down");
    host.run("ip link delete eth2");
    logged(&director, "interface eth2 does not exist", 1);
    host.run("ip link set far1 up");
    logged(&director, "interface eth1 is up again", 1);
    holds_address(&host, false);
    host.configure(&["link add eth2 type veth peer name far2", "link set eth2 up", "link set far2 up"]);
    holds_address(&host, true);
}

fn processes(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let blocks = "vrrp_track_process P {\n  process sleep 86397\n  quorum 2\n}\n";
    let director = start(Vipd, &host, &config(blocks, "  track_process {\n    P\n  }\n"));
    logged(&director, "(VI) entering FAULT state (tracked process P quorum not achieved)", 1);
    let sleeper = || host.start("sleep", host.command("sleep").arg("86397"));
    let (first, _second) = (sleeper(), sleeper());
    logged(&director, "Quorum gained for tracked process P", 1);
    holds_address(&host, true);
    first.signal(nix::sys::signal::Signal::SIGKILL);
    logged(&director, "Quorum lost for tracked process P", 1);
    holds_address(&host, false);
    let log = director.process().log();
    assert!(log.matches("looking at all of them every second").count() <= 1, "{log}");
}

fn stop(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let pid = host.file("pid");
    let blocks = format!(
        "vrrp_script S {{\n  script \"/bin/sh -c 'echo $$ > {}; exec sleep 86396'\"\n  interval 1000\n}}\n",
        pid.display()
    );
    let director = start(Vipd, &host, &config(&blocks, "  track_script {\n    S\n  }\n"));
    let pid: i32 = wait_for("the script's pid", LIMIT, || {
        let text = fs::read_to_string(&pid).map_err(|error| error.to_string())?;
        text.trim().parse().map_err(|_| text)
    });
    let log = director.process().log();
    assert!(!log.contains("STATE"), "it waits for its script, and says nothing: {log}");
    director.terminate();
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "it still runs");
}

fn reload(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("ok"), "").expect("write a file");
    fs::write(host.file("number"), "5").expect("write a file");
    let capture = Capture::start(&host);
    let with = |weight: u8| {
        let blocks = script_of(&host, "ok", &format!("weight {weight}\n  rise 3"))
            + &format!(
                "track_file F {{\n  file {}\n  init_file 9 overwrite\n}}\n",
                host.file("number").display()
            );
        config(&blocks, "  track_script {\n    S\n  }\n  track_file {\n    F\n  }\n")
    };
    let director = start(Vipd, &host, &with(20));
    holds_address(&host, true);
    advertises(&capture, 129);
    director.reload(&with(30));
    logged(&director, "VRRP_Script(S) considered successful on reload", 1);
    advertises(&capture, 139);
    let wrong = capture.adverts().into_iter().find(|(_, advert)| ![129, 139].contains(&advert.priority));
    assert!(wrong.is_none(), "{wrong:?}");
}

fn linkbeat(lab: &Lab) {
    let host = host_with_eth1(lab);
    let blocks = "linkbeat_interfaces {\n  eth1 MII\n}\n";
    let director = start(Vipd, &host, &config(blocks, "  track_interface {\n    eth1\n  }\n"));
    logged(&director, "(eth1): Configured linkbeat type MII not supported, using ETHTOOL", 1);
    logged(&director, "Linkbeat reports eth1 up", 1);
    holds_address(&host, true);
    host.run("ip link set far1 down");
    logged(&director, "Linkbeat reports eth1 down", 1);
    holds_address(&host, false);
    host.run("ip link set far1 up");
    logged(&director, "Linkbeat reports eth1 up", 2);
    holds_address(&host, true);
}
