//! The whole daemon: programs that decide on servers and hear of them, and what is left of the table when processes die.

use super::{LIMIT, director, listen, local, row, script, wait_row};
use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::{Director, Host, Lab, Table, Test, Worker, wait_for};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::path::Path;
use std::time::Duration;

type Story = fn(&Lab, Implementation);

pub(super) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 3] = [
        ("a_program_decides_and_another_one_hears_of_it", a_program_decides),
        ("programs_hear_of_the_beginning_and_the_end", programs_hear_of_the_beginning_and_the_end),
        ("checks_wait_for_the_services_address", checks_wait),
    ];
    let programs = [Vipd, Keepalived].into_iter().flat_map(|daemon| {
        both.map(|(name, story)| {
            Test::new(format!("check::{daemon}::{name}"), move |lab: &Lab| story(lab, daemon))
        })
    });
    let ends = [
        Test::new("check::nothing_of_the_table_is_left_when_the_parent_is_killed", parent_is_killed),
        Test::new(
            "check::the_table_stays_when_the_parent_is_killed_if_asked_to",
            parent_is_killed_and_table_stays,
        ),
        Test::new("check::an_instance_follows_its_virtual_server", an_instance_follows_its_virtual_server),
        Test::new(
            "check::netlink_sockets_have_the_room_that_is_asked_for",
            netlink_sockets_have_the_room_that_is_asked_for,
        ),
        Test::new("check::a_reload_says_what_others_have_changed", a_reload_says_what_others_have_changed),
        Test::new("check::nothing_of_the_table_is_left_of_a_worker_killed_at_the_stop", worker_hangs_at_stop),
        Test::new("check::nothing_of_the_table_is_left_of_a_worker_that_was_dead", worker_is_dead),
        Test::new("check::what_a_hand_has_set_outlives_a_worker", what_a_hand_has_set_outlives_a_worker),
    ];
    programs.chain(ends).collect()
}

/// Statuses are weights, verdicts, and a time that is up; what hears of a server that fails comes behind the kernel.
fn a_program_decides(lab: &Lab, daemon: Implementation) {
    let host = director(lab);
    let (verdict, heard) = (host.file("verdict"), host.file("heard"));
    let check = script(
        &host,
        "check",
        &format!("read status < {}\n[ $status = never ] && exec sleep 1000\nexit $status", verdict.display()),
    );
    let notify = script(&host, "notify", &format!("echo \"$@\" >> {}", heard.display()));
    let tell = |text: &str| {
        fs::write(host.file("new"), text).expect("write the verdict");
        fs::rename(host.file("new"), &verdict).expect("put it in its place");
    };
    tell("9\n");
    let config = format!(
        "global_defs {{\n script_user root\n enable_script_security\n}}\n\
         virtual_server 10.99.0.1 80 {{\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
         real_server 10.98.0.1 80 {{\n  weight 5\n  notify_down \"{notify} down\"\n  notify_up \"{notify} up\"\n  \
         MISC_CHECK {{\n   misc_path \"{check}\"\n   misc_timeout 1\n   misc_dynamic\n   warmup 0\n   retry 0\n  }}\n }}\n}}\n",
        notify = notify.display(),
        check = check.display(),
    );
    let director = Director::start(daemon, &host, Path::new(VIPD), &config, &["-C"]);
    let row = "10.99.0.1:80";
    wait_row(&host, row, &["1/7"]);
    tell("0\n");
    wait_row(&host, row, &["1/5"]);
    for bad in ["1\n", "never\n"] {
        tell(bad);
        wait_row(&host, row, &[]);
        tell("0\n");
        wait_row(&host, row, &["1/5"]);
    }
    wait_for("what the other program has heard", LIMIT, || {
        let text = fs::read_to_string(&heard).unwrap_or_default();
        let words: Vec<_> = text.split_whitespace().collect();
        if words.ends_with(&["down", "up", "down", "up"]) { Ok(()) } else { Err(format!("{words:?}")) }
    });
    director.terminate();
}

/// Of the two directions: answers, and news of addresses (`ha_suspend`). The kernel shows twice what was asked for.
fn netlink_sockets_have_the_room_that_is_asked_for(lab: &Lab) {
    let host = director(lab);
    let config = |cmd: u32, monitor: u32| {
        format!(
            "global_defs {{\n lvs_netlink_cmd_rcv_bufs {cmd}\n lvs_netlink_cmd_rcv_bufs_force\n \
             lvs_netlink_monitor_rcv_bufs {monitor}\n lvs_netlink_monitor_rcv_bufs_force\n}}\n\
             virtual_server 10.99.0.1 80 {{\n lvs_sched rr\n protocol TCP\n ha_suspend\n \
             real_server 10.98.0.1 80 {{\n }}\n}}\n"
        )
    };
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config(6_000_000, 5_000_000), &["-C"]);
    let expect = |rooms: [&str; 2]| {
        wait_for(format_args!("sockets with {rooms:?}"), LIMIT, || {
            let sockets = host.run("ss -f netlink -m");
            if rooms.iter().all(|room| sockets.contains(room)) { Ok(()) } else { Err(sockets) }
        });
    };
    expect(["rb12000000,", "rb10000000,"]);
    director.reload(&config(8_000_000, 7_000_000));
    expect(["rb16000000,", "rb14000000,"]);
    director.terminate();
}

/// By priority, and by a fault; a VRRP process that starts anew is told again.
fn an_instance_follows_its_virtual_server(lab: &Lab) {
    let host = director(lab);
    let listen = || listen(&host, local(1001));
    let listener = listen();
    let instance = |name: &str, id: u8, track: &str| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {id}\n priority 100\n advert_int 0.2\n \
             track_virtual_server {{\n {track}\n }}\n virtual_ipaddress {{\n 10.98.0.{id}\n }}\n}}\n"
        )
    };
    let config = instance("FAULT", 101, "web")
        + &instance("LIGHTER", 102, "[10.99.0.1]:tcp:80 weight -20")
        + "virtual_server 10.99.0.1 80 {\n snmp_name web\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
           real_server 10.98.0.1 80 {\n TCP_CHECK {\n connect_ip 127.0.0.1\n connect_port 1001\n retry 0\n warmup 0\n \
           }\n }\n}\n";
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &[]);
    let has = |id: u8, expected: bool| {
        wait_for(format_args!("10.98.0.{id}: {expected}"), LIMIT, || {
            let shown = host.run("ip -o address show");
            if shown.contains(&format!(" 10.98.0.{id}/")) == expected { Ok(()) } else { Err(shown) }
        });
    };
    let says = |line: &str| {
        wait_for(format_args!("{line:?} in the log"), LIMIT, || {
            let log = director.process().log();
            if log.contains(line) { Ok(()) } else { Err(log) }
        });
    };
    has(101, true);
    has(102, true);
    drop(listener);
    has(101, false);
    says("(FAULT) entering FAULT state (virtual server [10.99.0.1]:tcp:80 has lost its quorum)");
    says("(LIGHTER) Changing effective priority from 100 to 80");
    director.kill_worker(Worker::Vrrp);
    has(102, true);
    has(101, false);
    let _back = listen();
    has(101, true);
    director.terminate();
}

/// What the reload itself changes is not counted.
fn a_reload_says_what_others_have_changed(lab: &Lab) {
    let host = director(lab);
    let service = |n: u8| {
        format!(
            "virtual_server 10.99.0.{n} 80 {{\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
             real_server 10.98.0.{n} 80 {{\n }}\n}}\n"
        )
    };
    host.run("ipvsadm -A -t 10.99.0.2:80 -s sh");
    host.run("ipvsadm -a -t 10.99.0.2:80 -r 10.98.0.9 -g");
    let director = Director::start(Vipd, &host, Path::new(VIPD), &(service(1) + &service(2)), &["-C"]);
    wait_row(&host, "10.99.0.2:80", &["2/1"]);
    let taken = "TCP 10.99.0.2:80 is in the IPVS table already: it becomes what the configuration says";
    let log = director.process().log();
    assert!(log.contains(taken) && log.matches("is in the IPVS table already").count() == 1, "{log}");
    director.reload(&service(1));
    wait_for("the second service to go", LIMIT, || match row(&host, "10.99.0.2:80") {
        Ok(row) => Err(format!("{row:?}")),
        Err(_) => Ok(()),
    });
    assert!(!director.process().log().contains("somebody else"), "{}", director.process().log());
    host.run("ipvsadm -C");
    director.reload(&(service(1) + &service(2)));
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    let said = "somebody else has changed the IPVS table: 1 service and 1 server differ;";
    wait_for(format_args!("{said:?} in the log"), LIMIT, || {
        let log = director.process().log();
        if log.contains(said) { Ok(()) } else { Err(log) }
    });
    director.terminate();
}

/// With rs_init_notifies and omega; a reload that drops a virtual server tells without omega too.
fn programs_hear_of_the_beginning_and_the_end(lab: &Lab, daemon: Implementation) {
    let host = director(lab);
    let heard = host.file("heard");
    let notify = script(&host, "notify", &format!("echo $1 >> {}", heard.display()));
    let notify = notify.display();
    let service = |n: u8, more: &str| {
        format!(
            "virtual_server 10.99.0.{n} 80 {{\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP\n{more} \
             quorum_up \"{notify} quorum_up_{n}\"\n quorum_down \"{notify} quorum_down_{n}\"\n \
             real_server 10.98.0.{n} 80 {{\n  weight 1\n  notify_up \"{notify} up_{n}\"\n  \
             notify_down \"{notify} down_{n}\"\n }}\n}}\n"
        )
    };
    let globals = "global_defs {\n script_user root\n enable_script_security\n rs_init_notifies\n}\n";
    let rest = format!("{globals}{}{}", service(1, " omega\n"), service(3, ""));
    let director =
        Director::start(daemon, &host, Path::new(VIPD), &format!("{rest}{}", service(2, "")), &["-C"]);
    let expect = |wanted: &[&str]| {
        wait_for(format_args!("{wanted:?} to be heard"), LIMIT, || {
            let text = fs::read_to_string(&heard).unwrap_or_default();
            let mut words: Vec<_> = text.split_whitespace().collect();
            words.sort_unstable();
            if words == wanted { Ok(()) } else { Err(format!("{words:?}")) }
        });
        fs::remove_file(&heard).expect("forget it");
    };
    let logged = |text: &str| {
        wait_for(format_args!("{text:?} in the log"), LIMIT, || {
            let log = director.process().log();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    };
    expect(&["quorum_up_1", "quorum_up_2", "quorum_up_3", "up_1", "up_2", "up_3"]);
    director.reload(&rest);
    expect(&["down_2", "quorum_down_2"]);
    logged("Removing Virtual Server [10.99.0.2]:tcp:80");
    logged("Removing service [10.98.0.2]:tcp:80 from VS [10.99.0.2]:tcp:80");
    director.terminate();
    for n in [1, 3] {
        logged(&format!("Shutting down service [10.98.0.{n}]:tcp:80 from VS [10.99.0.{n}]:tcp:80"));
    }
    expect(&["down_1", "quorum_down_1"]);
}

/// A service of ours, and one of somebody else's that nobody touches.
fn with_a_service(lab: &Lab, more: &[&str]) -> Director {
    let host = director(lab);
    host.run("ipvsadm -A -t 203.0.113.1:99 -s wlc");
    let config = "virtual_server 10.99.0.1 80 {\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
                  real_server 10.98.0.1 80 {\n  weight 1\n }\n}\n";
    let director = Director::start(Vipd, &host, Path::new(VIPD), config, more);
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    director
}

#[track_caller]
fn wait_others_alone(host: &Host) {
    wait_for("the other's service alone", LIMIT, || {
        let table = Table::of(host)?;
        let left: Vec<_> = table.services.iter().map(|service| service.address.as_str()).collect();
        if left == ["203.0.113.1:99"] { Ok(()) } else { Err(table.to_string()) }
    });
}

/// Nobody would check the servers any more, and a peer has the address.
fn parent_is_killed(lab: &Lab) {
    let director = with_a_service(lab, &[]);
    director.process().signal(Signal::SIGKILL);
    wait_others_alone(director.host());
}

fn parent_is_killed_and_table_stays(lab: &Lab) {
    let director = with_a_service(lab, &["-I"]);
    let worker = director.worker(Worker::Check);
    director.process().signal(Signal::SIGKILL);
    wait_for("the worker's end", LIMIT, || match kill(worker, None) {
        Err(_) => Ok(()),
        Ok(()) => Err(format!("pid {worker} lives")),
    });
    assert_eq!(row(director.host(), "10.99.0.1:80"), Ok(vec!["1/1".into()]));
}

fn worker_hangs_at_stop(lab: &Lab) {
    let director = with_a_service(lab, &[]);
    kill(director.worker(Worker::Check), Signal::SIGSTOP).expect("halt the worker");
    director.process().signal(Signal::SIGTERM);
    // Killed after 5 seconds; another one takes away what it left.
    assert!(director.process().wait_exit(LIMIT + Duration::from_secs(10)).success());
    wait_others_alone(director.host());
    assert!(director.process().log().contains("left things behind"), "{}", director.process().log());
}

/// One that waits to be started again can neither take away what a reload wants no more, nor stop.
fn worker_is_dead(lab: &Lab) {
    let director = with_a_service(lab, &[]);
    let die = || kill(director.worker(Worker::Check), Signal::SIGKILL).expect("kill the worker");
    let is_delayed = |seconds: u32| {
        let line = format!("Restart of Healthcheck process delayed {seconds} seconds");
        wait_for(format_args!("{line}"), LIMIT, || {
            let log = director.process().log();
            if log.to_lowercase().contains(&line.to_lowercase()) { Ok(()) } else { Err(log) }
        });
    };
    director.kill_worker(Worker::Check);
    die();
    is_delayed(1);
    director.reload(
        "virtual_server 10.99.0.2 80 {\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
         real_server 10.98.0.2 80 {\n  weight 1\n }\n}\n",
    );
    wait_row(director.host(), "10.99.0.2:80", &["2/1"]);
    assert!(row(director.host(), "10.99.0.1:80").is_err(), "{}", director.process().log());
    die();
    is_delayed(2);
    director.process().signal(Signal::SIGTERM);
    assert!(director.process().wait_exit(LIMIT).success());
    wait_others_alone(director.host());
}

/// As with keepalived: who drains a server by hand must not get traffic there because a process died.
fn what_a_hand_has_set_outlives_a_worker(lab: &Lab) {
    let host = director(lab);
    let _alive = listen(&host, local(1001));
    let check = |port: u16| {
        format!("TCP_CHECK {{\n connect_ip 127.0.0.1\n connect_port {port}\n retry 0\n warmup 0\n }}")
    };
    let real =
        |n: u8, port: u16| format!("real_server 10.98.0.{n} 80 {{\n weight 2\n {}\n }}\n", check(port));
    let config = format!(
        "virtual_server 10.99.0.1 80 {{\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP\n {}{}{}}}\n",
        real(1, 1001),
        real(2, 1001),
        real(3, 1002)
    );
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &["-C"]);
    let at = "10.99.0.1:80";
    wait_row(&host, at, &["1/2", "2/2"]);
    for hand in [
        "-e -t 10.99.0.1:80 -r 10.98.0.1 -g -w 9",
        "-e -t 10.99.0.1:80 -r 10.98.0.2 -g -w 0",
        "-a -t 10.99.0.1:80 -r 10.98.0.9 -g -w 4",
    ] {
        host.run(&format!("ipvsadm {hand}"));
    }
    let set = ["1/9", "2/0", "9/4"];
    let _returned = {
        director.kill_worker(Worker::Check);
        // Its checks run: a server that was down comes back.
        listen(&host, local(1002))
    };
    wait_row(&host, at, &["1/9", "2/0", "3/2", "9/4"]);
    director.reload(&config);
    wait_for("the reload", LIMIT, || {
        let log = director.process().log();
        if log.contains("Reload complete") { Ok(()) } else { Err(log) }
    });
    wait_row(&host, at, &[set[0], set[1], "3/2", set[2]]);
    // The next change of this server ends it.
    director.reload(&config.replacen("weight 2", "weight 3", 1));
    wait_row(&host, at, &["1/3", "2/0", "3/2", "9/4"]);
    director.terminate();
}

/// `ha_suspend`
fn checks_wait(lab: &Lab, daemon: Implementation) {
    let host = director(lab);
    let (verdict, ran) = (host.file("verdict"), host.file("ran"));
    let text = format!("echo >> {}\nread status < {}\nexit $status", ran.display(), verdict.display());
    let check = script(&host, "check", &text);
    fs::write(&verdict, "1\n").expect("write the verdict");
    // Another service does not wait: how often it was asked tells that there was time to ask.
    let asked = host.file("asked");
    let other = script(&host, "other", &format!("echo >> {}", asked.display()));
    let service = |address: &str, more: &str, check: &Path| {
        format!(
            "virtual_server {address} 80 {{\n delay_loop 1\n {more}\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
             real_server 10.98.0.1 80 {{\n  MISC_CHECK {{\n   misc_path \"{}\"\n   warmup 0\n   retry 0\n  }}\n }}\n}}\n",
            check.display(),
        )
    };
    let config = "global_defs {\n script_user root\n enable_script_security\n}\n".to_owned()
        + &service("10.99.0.77", "ha_suspend", &check)
        + &service("10.99.0.78", "", &other);
    let times = |file: &Path| fs::read(file).map_or(0, |text| text.len());
    let three_times_more = || {
        let before = times(&asked);
        wait_for("the other service's checks", LIMIT, || match times(&asked) - before {
            3.. => Ok(()),
            count => Err(count.to_string()),
        });
    };
    let director = Director::start(daemon, &host, Path::new(VIPD), &config, &["-C", "-D"]);
    let row = "10.99.0.77:80";
    let logged = |what: &str| {
        let line = format!("{what} healthchecker for service [10.98.0.1]:tcp:80 for VS [10.99.0.77]:tcp:80");
        wait_for(format_args!("{line}"), LIMIT, || {
            let log = director.process().log();
            if log.contains(&line) { Ok(()) } else { Err(log) }
        });
    };
    logged("Deactivating");
    wait_row(&host, row, &["1/1"]);
    three_times_more();
    assert!(!ran.exists(), "nobody has asked");
    host.run("ip address add 10.99.0.77/32 dev lo");
    logged("Activating");
    wait_row(&host, row, &[]);
    host.run("ip address del 10.99.0.77/32 dev lo");
    logged("Suspending");
    // One that was under way may end.
    three_times_more();
    fs::write(&verdict, "0\n").expect("write the verdict");
    let before = times(&ran);
    three_times_more();
    assert_eq!(times(&ran), before, "nobody asks any more");
    wait_row(&host, row, &[]);
    host.run("ip address add 10.99.0.77/32 dev lo");
    wait_row(&host, row, &["1/1"]);
    director.terminate();
}
