//! Files that signals ask for: the same ones of keepalived and of vipd, on the same host and in the same state.

use crate::VIPD;
use crate::support::{Lab, Process, Test, start_in_folder, wait_for};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("dumps::json_and_counters_are_those_of_keepalived", both),
        Test::new("dumps::data_is_that_of_keepalived", data),
        Test::new("dumps::files_go_where_the_configuration_says", elsewhere),
    ]
}

/// Two instances: one is the master, and hears adverts with a wrong password; the other one has a better master.
const CONFIG: &str = "
global_defs {
    script_user root
    enable_script_security
    vrrp_garp_master_delay 2
}
vrrp_script good {
    script \"/usr/bin/true\"
    interval 1
    weight 3
}
vrrp_instance FIRST {
    interface eth0
    virtual_router_id 10
    priority 100
    advert_int 1
    smtp_alert off
    authentication {
        auth_type PASS
        auth_pass sesame
    }
    virtual_ipaddress {
        10.0.0.100/24 dev eth0 label eth0:1
        10.0.0.101/32
    }
    virtual_ipaddress_excluded {
        fe80::5/64
        2001:db8::5/128
    }
    virtual_routes {
        10.9.0.0/24 via 10.0.0.254 dev eth0
        10.10.0.0/24 via 10.0.0.253 dev eth0 table 200
    }
    virtual_rules {
        from 10.9.0.0/24 lookup 100 priority 50
        fwmark 5 iif eth0 lookup 101 priority 51
    }
    track_script {
        good
    }
    track_interface {
        lo weight 0
    }
    notify_master \"/usr/bin/true master\"
    notify \"/usr/bin/true\"
}
vrrp_instance SECOND {
    version 3
    interface eth0
    virtual_router_id 11
    priority 90
    advert_int 0.5
    nopreempt
    preempt_delay 3
    virtual_ipaddress {
        10.0.0.111/24
    }
}
";

const PEER: &str = "
vrrp_instance WRONG {
    interface eth0
    virtual_router_id 10
    priority 50
    authentication {
        auth_type PASS
        auth_pass opensesa
    }
    virtual_ipaddress {
        10.0.0.100/24
        10.0.0.101/32
    }
}
vrrp_instance BETTER {
    version 3
    interface eth0
    virtual_router_id 11
    priority 200
    advert_int 0.25
    virtual_ipaddress {
        10.0.0.111/24
    }
}
";

/// As keepalived, and as vipd.
const DAEMONS: [(&str, &[&str]); 2] = [("keepalived", &["keepalived", "-P"]), ("vipd", &[VIPD, "run", "-P"])];

/// Asks for a file with a signal, again and again, until it says what is waited for.
#[track_caller]
fn ask_until<T>(process: &Process, signal: i32, file: &Path, says: impl Fn(&str) -> Result<T, String>) -> T {
    wait_for(format_args!("{}", file.display()), LIMIT, || {
        send(process, signal)?;
        says(&fs::read_to_string(file).map_err(|error| error.to_string())?)
    })
}

/// Asks for the counters once. keepalived's file is there before all of it is.
#[track_caller]
fn ask(process: &Process, signal: i32, file: &Path) -> String {
    let _ = fs::remove_file(file);
    send(process, signal).expect("send a signal");
    wait_for(format_args!("{}", file.display()), LIMIT, || {
        let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        let is_whole = text.matches("Priority Zero").count() == 2 && text.ends_with('\n');
        if is_whole { Ok(text) } else { Err(text) }
    })
}

/// By number: `nix` has no names for real-time signals.
fn send(process: &Process, signal: i32) -> Result<(), String> {
    let status = Command::new("kill").arg(format!("-{signal}")).arg(process.pid().to_string()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn number(of: &str) -> i32 {
    let output = Command::new(VIPD).args(["run", "--signum", of]).output().expect("run vipd");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// The keys of a JSON text, in their order.
fn keys(text: &str) -> Vec<&str> {
    let pieces: Vec<&str> = text.split('"').collect();
    let is_key = |pair: &&[&str]| pair[1].starts_with(':');
    pieces.windows(2).filter(is_key).map(|pair| pair[0]).collect()
}

fn both(lab: &Lab) {
    let (host, peer) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let (_peer, _) = start_in_folder(&peer, "peer", &["keepalived", "-P"], PEER);
    let settled = |text: &str| {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let of = |n: usize, part: &str, key: &str| value[n][part][key].as_u64();
        let is_settled = of(0, "data", "state") == Some(2)
            && of(1, "data", "state") == Some(1)
            && of(1, "data", "master_priority") == Some(200)
            && of(0, "data", "effective_priority") == Some(103)
            // keepalived may send no second one: what it hears as a master puts its own next advert off.
            && of(0, "stats", "auth_failure") >= Some(1)
            && of(1, "stats", "advert_rcvd") >= Some(2);
        if is_settled { Ok((text.to_owned(), value)) } else { Err(text.to_owned()) }
    };
    let [theirs, ours] = DAEMONS.map(|(name, line)| {
        let (process, folder) = start_in_folder(&host, name, line, CONFIG);
        let json = ask_until(&process, number("JSON"), &folder.join("keepalived.json"), settled);
        let mode = fs::metadata(folder.join("keepalived.json")).expect("the file").mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
        let file = folder.join("keepalived.stats");
        let stats = ask(&process, number("STATS"), &file);
        let cleared = ask(&process, number("STATS_CLEAR"), &file);
        assert!(cleared.contains("Became master: 1\n"), "not before it is written: {cleared}");
        let clear = ask(&process, number("STATS"), &file);
        assert!(clear.contains("Became master: 0\n") && !clear.contains("Became master: 1\n"), "{clear}");
        process.signal(Signal::SIGTERM);
        process.wait_exit(LIMIT);
        (json, stats)
    });
    let ((their_text, theirs), their_stats) = theirs;
    let ((our_text, ours), our_stats) = ours;

    // Those of keepalived 2.4, which Debian's is not.
    let is_new = |key: &str| key.starts_with("auth_ext_") || key == "track_process";
    let our_keys: Vec<&str> = keys(&our_text).into_iter().filter(|key| !is_new(key)).collect();
    assert_eq!(our_keys, keys(&their_text));
    assert_eq!(our_text.matches("\\/").count(), their_text.matches("\\/").count(), "slashes");
    for (n, theirs) in theirs.as_array().expect("a list").iter().enumerate() {
        for (key, value) in theirs["data"].as_object().expect("an object") {
            let own = &ours[n]["data"][key];
            match key.as_str() {
                "last_transition" => assert!(own.as_f64() > value.as_f64(), "{own} {value}"),
                // A secret does not leave; keepalived 2.4 masks it, too.
                "auth_data" => assert_eq!(own, "********"),
                _ => assert_eq!(own, value, "{key} of instance {n}"),
            }
        }
        for (key, value) in theirs["stats"].as_object().expect("an object") {
            let own = &ours[n]["stats"][key];
            assert_eq!(
                own.as_u64() > Some(0),
                value.as_u64() > Some(0),
                "{key} of instance {n}: {own}, {value}"
            );
        }
    }

    // Line by line, whatever the numbers.
    let lines = |text: &str| -> Vec<String> {
        let extension = [
            "Authentication Extension",
            "Missing",
            "Malformed",
            "Unknown Key",
            "Invalid HMAC",
            "Stale",
            "Replay",
        ];
        let is_old = |line: &&str| !extension.iter().any(|new| line.trim_start().starts_with(new));
        let numbers_apart = |line: &str| match line.rsplit_once(": ") {
            Some((key, number)) if number.parse::<u64>().is_ok() => {
                format!("{key}: {}", if number == "0" { "0" } else { "some" })
            }
            _ => line.to_owned(),
        };
        text.lines().filter(is_old).map(numbers_apart).collect()
    };
    assert_eq!(lines(&our_stats), lines(&their_stats));
}

/// Something of everything that stands in `keepalived.data`. All of them become master.
const ALL: &str = "
global_defs {
    router_id R1
    script_user root
    enable_script_security
    vrrp_garp_master_delay 2
    notification_email {
      a@b.c
      d@e.f
    }
    notification_email_from me@x.y
    smtp_server 127.0.0.1 2525
    smtp_connect_timeout 20
    vrrp_priority -10
    process_names
    vrrp_min_garp
    lvs_flush_on_stop VS
    lvs_timeouts tcp 100 tcpfin 20
    nftables mine
    nftables_counters
    vrrp_startup_delay 0.5
    vrrp_rx_bufs_policy MTU
    vrrp_netlink_cmd_rcv_bufs 20000
    checker_log_all_failures
    startup_script \"/usr/bin/true up\"
    startup_script_timeout 4
}
static_ipaddress {
    10.0.9.1/24 dev eth0
    10.0.9.2/32 dev eth0 scope link
}
static_routes {
    10.99.0.0/24 via 10.0.0.254 dev eth0
}
static_rules {
    from 10.99.0.0/24 lookup 100 priority 70
}
track_group TG {
    group {
      FIRST
    }
}
vrrp_script good {
    script \"/usr/bin/true\"
    interval 1
    weight 3
}
vrrp_script bad {
    script \"/usr/bin/false a b\"
    interval 2
    timeout 1
    rise 2
    fall 2
    weight -4 reverse
}
track_file TF {
    file FOLDER/number
    weight 2
    init_file 5 overwrite
}
vrrp_track_process TP {
    process nobody_is_called_so with words
    param_match initial
    weight 5
    quorum 1
    quorum_max 7
    terminate_delay 1.5
    fork_delay 2
}
vrrp_sync_group G {
    group {
        FIRST
        THIRD
    }
    notify_master \"/usr/bin/true gm\"
    notify \"/usr/bin/true g\"
    sync_group_tracking_weight
    track_script {
      good
    }
    track_file {
      TF weight 1
    }
}
vrrp_instance FIRST {
    interface eth0
    virtual_router_id 10
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass sesame
    }
    virtual_ipaddress {
        10.0.0.100/24 dev eth0 label eth0:1
        10.0.0.101/32 scope link
    }
    virtual_ipaddress_excluded {
        fe80::5/64
        2001:db8::5/128
    }
    virtual_routes {
        10.9.0.0/24 via 10.0.0.254 dev eth0
        10.10.0.0/24 via 10.0.0.253 dev eth0 table 200
    }
    virtual_rules {
        from 10.9.0.0/24 lookup 100 priority 50
        fwmark 5 iif eth0 lookup 101 priority 51
    }
    track_script {
        bad
    }
    track_process {
        TP
    }
    track_interface {
        lo weight 0
    }
    notify_master \"/usr/bin/true master\"
    notify_backup \"/usr/bin/true backup\"
    notify_fault \"/usr/bin/true fault\"
    notify_stop \"/usr/bin/true stop\"
    notify_master_rx_lower_pri \"/usr/bin/true low\"
    notify_deleted
    notify \"/usr/bin/true\"
    notify_priority_changes true
    kernel_rx_buf_size 30000
}
vrrp_instance SECOND {
    version 3
    interface eth1
    virtual_router_id 11
    priority 90
    advert_int 0.5
    nopreempt
    preempt_delay 3
    unicast_src_ip 10.1.0.1
    unicast_peer {
      10.1.0.2
      10.1.0.3 min_ttl 250 max_ttl 255
    }
    virtual_ipaddress {
        10.1.0.111/24
    }
}
vrrp_instance THIRD {
    interface eth0
    virtual_router_id 12
    priority 90
    garp_master_refresh 30
    garp_lower_prio_delay 4
    dont_track_primary
    lower_prio_no_advert
    higher_prio_send_advert
    use_vmac v12
    vmac_xmit_base
    virtual_ipaddress {
        10.0.0.112/24
    }
}
vrrp_instance SIX {
    interface eth0
    virtual_router_id 13
    priority 90
    version 3
    skip_check_adv_addr
    virtual_ipaddress {
        fe80::112/64
        2001:db8::112/64
    }
}
";

/// Whatever it says of moments, of sockets, and of what only one of both has (`docs/differences.md`).
fn comparable(text: &str, folder: &Path) -> Vec<String> {
    const APART: [&str; 4] = ["Last transition = ", "Read timeout = ", "fd_in ", "index = "];
    const LEFT_OUT: [&str; 13] = [
        "Seen up = ",
        "libnftnl version",
        "umask = ",
        "Delayed state change running",
        "Reset ",
        "Original ",
        "Not IPv6 forwarding",
        "rp_filter ",
        "arp_ignore ",
        "arp_filter ",
        "promote_secondaries ",
        "Rx buf size",
        "current realtime",
    ];
    let text = text.replace(&*folder.to_string_lossy(), "FOLDER");
    let lines =
        text.lines().filter(|line| !LEFT_OUT.iter().any(|start| line.trim_start().starts_with(start)));
    let lines = lines.map(|line| match APART.iter().find(|start| line.trim_start().starts_with(**start)) {
        Some(start) => format!("{}{start}", &line[..line.len() - line.trim_start().len()]),
        None if line.trim_start().starts_with("Password = ") => "   Password = ********".to_owned(),
        None => line.to_owned(),
    });
    lines.collect()
}

fn data(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    for line in [
        "ip link add eth1 type veth peer name beyond",
        "ip link set eth1 up",
        "ip link set beyond up",
        "ip addr add 10.1.0.1/24 dev eth1",
    ] {
        host.run(line);
    }
    let settled = |text: &str| {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let instances = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_master = |n: usize| instances.get(n).is_some_and(|i| i["data"]["state"] == 2);
        let priority = value[0]["data"]["effective_priority"].as_u64();
        match (0..4).all(is_master) && priority == Some(112) {
            true => Ok(()),
            false => Err(text.to_owned()),
        }
    };
    let [theirs, ours] = DAEMONS.map(|(name, line)| {
        let (process, folder) = start_in_folder(&host, name, line, ALL);
        ask_until(&process, number("JSON"), &folder.join("keepalived.json"), settled);
        let data = number("DATA");
        // keepalived's files are there before all of them is.
        let is_whole =
            |text: &str| match text.contains(" Name = v12\n") && text.ends_with("     THIRD, weight 255\n") {
                true => Ok(text.to_owned()),
                false => Err(text.to_owned()),
            };
        let vrrp = ask_until(&process, data, &folder.join("keepalived.data"), is_whole);
        let whole_globals = |text: &str| match text.contains(" umask = ") {
            true => Ok(text.to_owned()),
            false => Err(text.to_owned()),
        };
        let parent = ask_until(&process, data, &folder.join("keepalived_parent.data"), whole_globals);
        process.signal(Signal::SIGTERM);
        process.wait_exit(LIMIT);
        assert!(process.log().contains("Printing VRRP data for process("), "{}", process.log());
        assert!(process.log().contains("Printing parent data for process("), "{}", process.log());
        // keepalived's parent says 4294967295 of what it has not resolved.
        let parent: Vec<&str> =
            parent.lines().filter(|line| !line.starts_with(" Gratuitous ARP lower priority")).collect();
        [vrrp, parent.join("\n")].map(|text| comparable(&text, &folder).join("\n"))
    });
    for (theirs, ours) in theirs.iter().zip(&ours) {
        let difference = similar::TextDiff::from_lines(theirs, ours);
        assert!(theirs == ours, "keepalived - and vipd +\n{}", difference.unified_diff());
    }
    assert!(!ours[0].contains("sesame"));
}

fn elsewhere(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let folder = host.file("files");
    fs::create_dir(&folder).expect("make a folder");
    let config = format!(
        "instance one\nuse_pid_dir\nglobal_defs {{\n json_version 2\n json_dump_file {}/\n stats_dump_file {}/counters.txt\n \
         state_dump_file {}/state.txt\n data_use_instance\n}}\n\
         vrrp_track_process init {{\n process init\n}}\n\
         vrrp_instance A {{\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {{\n 10.0.0.100\n }}\n \
         track_process {{\n init weight 2\n }}\n}}\n",
        folder.display(),
        folder.display(),
        folder.display()
    );
    let (process, usual) = start_in_folder(&host, "vipd", &[VIPD, "run", "-P"], &config);
    let worker = wait_for("the worker's pid", LIMIT, || {
        let text = fs::read_to_string(usual.join("vrrp.pid")).map_err(|error| error.to_string())?;
        text.trim().parse::<i32>().map_err(|_| text)
    });
    let version_2 = |text: &str| {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let is_it =
            value["vrrp"][0]["data"]["iname"] == "A" && value["track_process"][0]["process"] == "init";
        if is_it { Ok(()) } else { Err(text.to_owned()) }
    };
    ask_until(&process, number("JSON"), &folder.join("keepalived.json"), version_2);
    let _ = fs::remove_file(folder.join("counters.txt"));
    // The process that writes it takes signals, too.
    assert!(Command::new("kill").arg("-USR2").arg(worker.to_string()).status().expect("kill").success());
    wait_for("the counters", LIMIT, || {
        let text = fs::read_to_string(folder.join("counters.txt")).map_err(|error| error.to_string())?;
        if text.starts_with("VRRP Instance: A\n") { Ok(()) } else { Err(text) }
    });
    let says = |what: &'static str| {
        move |text: &str| if text.contains(what) { Ok(()) } else { Err(text.to_owned()) }
    };
    ask_until(&process, number("DATA"), &folder.join("state.one.txt"), says(" VRRP Instance = A\n"));
    ask_until(&process, number("DATA"), &folder.join("state_parent.one.txt"), says(" Instance name = one\n"));
    assert!(!usual.join("keepalived.json").exists() && !usual.join("keepalived.stats").exists());
    process.signal(Signal::SIGTERM);
    process.wait_exit(LIMIT);
}
