//! What a service manager hears of the daemon: sd_notify(3).

use super::scripts::{script, wait_file};
use super::{LIMIT, command, configuration, gone, logged, pid_in};
use crate::VIPD;
use crate::support::{Lab, Test};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::a_service_manager_is_told_of_start_reload_and_stop", start_reload_stop),
        Test::new("daemon::a_service_manager_elsewhere_is_told_of_the_daemon_in_the_background", background),
        Test::new("daemon::a_service_manager_that_is_gone_is_a_message", nobody),
    ]
}

/// The next datagram.
#[track_caller]
fn hear(socket: &UnixDatagram) -> String {
    socket.set_read_timeout(Some(LIMIT)).expect("set a limit");
    let mut buffer = [0; 500];
    let length = socket.recv(&mut buffer).expect("hear something");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[track_caller]
fn hears_a_reload(socket: &UnixDatagram, ready: &str) {
    let begun = hear(socket);
    let time =
        begun.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.trim().parse::<u64>().ok());
    assert!(time.is_some_and(|time| time > 0), "{begun}");
    assert_eq!(hear(socket), ready);
}

#[track_caller]
fn hears_nothing_more(socket: &UnixDatagram) {
    socket.set_nonblocking(true).expect("wait for nothing");
    assert_eq!(socket.recv(&mut [0; 500]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

/// Those who are started by the daemon don't know of the manager.
fn start_reload_stop(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let see =
        |name: &str| script(&host, name, &format!("echo \"${{NOTIFY_SOCKET-none}}\" > ${{dir}}{name}-saw"));
    let globals = format!(
        "global_defs {{\n script_user root\n enable_script_security\n startup_script {}\n shutdown_script {}\n}}\n",
        see("up"),
        see("down")
    );
    let notify = format!("  notify_master {}\n  priority", see("master"));
    let config = globals + &configuration("10.0.0.100/24").replacen("  priority", &notify, 1);
    fs::write(host.file("k.conf"), &config).expect("write the configuration");
    let path = host.file("manager");
    let socket = UnixDatagram::bind(&path).expect("be a service manager");
    let process =
        host.start("d", command(&host, Path::new(VIPD), "d").args(["-n", "-l"]).env("NOTIFY_SOCKET", &path));
    let ready = format!("READY=1\nMAINPID={}\n", process.pid());
    assert_eq!(hear(&socket), ready);
    // It was not told before the workers ran.
    let worker = pid_in(&host.file("d-vrrp.pid")).expect("the worker's pid");
    let environment = fs::read(format!("/proc/{worker}/environ")).expect("the worker's environment");
    assert!(!String::from_utf8_lossy(&environment).contains("NOTIFY_SOCKET"));
    for name in ["up", "master"] {
        assert_eq!(wait_file(&host, &format!("{name}-saw")), "none", "{name}");
    }
    process.signal(Signal::SIGHUP);
    hears_a_reload(&socket, &ready);
    logged(&process, "Reload complete");
    // Also one that is refused has an end.
    fs::write(host.file("k.conf"), "vrrp_instance VI {\n").expect("write a damaged configuration");
    process.signal(Signal::SIGHUP);
    hears_a_reload(&socket, &ready);
    logged(&process, "Reload refused");
    process.signal(Signal::SIGTERM);
    assert_eq!(hear(&socket), "STOPPING=1\n");
    assert!(process.wait_exit(LIMIT).success());
    assert_eq!(wait_file(&host, "down-saw"), "none");
    hears_nothing_more(&socket);
}

/// The manager is in the network namespace that the daemon leaves, at a name of that alone.
fn background(lab: &Lab) {
    let (here, there) = (lab.host("here", "10.0.0.1/24"), lab.host("there", "10.0.0.2/24"));
    fs::write(here.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let address = SocketAddr::from_abstract_name("manager").expect("a short name");
    let socket = here.enter(|| UnixDatagram::bind_addr(&address)).expect("be a service manager");
    let mut command = command(&here, Path::new(VIPD), "d");
    command.args(["-s", there.namespace()]).env("NOTIFY_SOCKET", "@manager");
    let launcher = here.start("launcher", &mut command);
    let ready = hear(&socket);
    assert!(launcher.wait_exit(LIMIT).success(), "{}", launcher.log());
    let daemon = pid_in(&here.file("d-main.pid")).expect("the daemon's pid");
    assert_eq!(ready, format!("READY=1\nMAINPID={daemon}\n"));
    kill(daemon, Signal::SIGTERM).expect("stop it");
    assert_eq!(hear(&socket), "STOPPING=1\n");
    gone(daemon);
    hears_nothing_more(&socket);
}

fn nobody(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    for (name, said) in [
        (host.file("nobody").display().to_string(), "the service manager can't be told of Ready"),
        (
            "vsock:2:1234".to_owned(),
            "neither a path nor an abstract name: the service manager is told nothing",
        ),
    ] {
        let mut command = command(&host, Path::new(VIPD), "d");
        let process = host.start("d", command.args(["-n", "-l"]).env("NOTIFY_SOCKET", name));
        logged(&process, "Startup complete");
        process.signal(Signal::SIGHUP);
        logged(&process, "Reload complete");
        process.signal(Signal::SIGTERM);
        assert!(process.wait_exit(LIMIT).success());
        let log = process.log();
        assert_eq!(log.matches(said).count(), 1, "{log}");
        assert_eq!(log.matches("NOTIFY_SOCKET").count(), 1, "{log}");
        fs::remove_file(host.file("d.log")).expect("begin a new log");
    }
}
