//! `keepalived_check.data`: that of keepalived and that of vipd, on the same host and in the same state.

use super::{LIMIT, director};
use crate::VIPD;
use crate::support::{Lab, Test, start_in_folder, wait_for};
use nix::sys::signal::Signal;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

pub(super) fn tests() -> Vec<Test> {
    vec![Test::new("check::data_is_that_of_keepalived", data)]
}

/// One server of the first answers as it should; the second one answers wrongly, the third one not at all.
const CONFIG: &str = "
global_defs {
    router_id lb1
    script_user root
    enable_script_security
    lvs_flush_on_stop VS
}
SSL {
    password secret
    certificate /nowhere/cert.pem
}
virtual_server_group web {
    10.99.0.1 80
    10.99.0.2 8080
}
virtual_server group web {
    delay_loop 1
    lvs_sched wrr
    lvs_method NAT
    protocol TCP
    persistence_timeout 50
    persistence_granularity 255.255.255.0
    quorum 2
    hysteresis 1
    alpha
    omega
    quorum_up \"/usr/bin/true up\"
    quorum_down \"/usr/bin/true down\"
    sorry_server 10.98.0.9 80
    sorry_server_inhibit
    real_server 127.0.0.2 1080 {
        weight 2
        uthreshold 10
        lthreshold 5
        notify_up \"/usr/bin/true rs up\"
        notify_down \"/usr/bin/true rs down\"
        HTTP_GET {
            url {
                path /good
                status_code 200 300-302
            }
            url {
                path /also
                digest 5d41402abc4b2a76b9719d911017c592
                virtualhost www.example.com
            }
            warmup 0
            connect_timeout 2
            retry 2
            delay_before_retry 0.5
        }
    }
    real_server 127.0.0.3 1080 {
        weight 3
        inhibit_on_failure
        HTTP_GET {
            url {
                path /bad
                status_code 404
                regex ^other
                regex_no_match
            }
            warmup 0
            retry 0
        }
        PING_CHECK {
            warmup 0
            fwmark 7
        }
    }
    real_server 127.0.0.4 1080 {
        TCP_CHECK {
            connect_port 81
            bindto 127.0.0.1
            warmup 0
            retry 0
        }
    }
}
virtual_server 10.99.0.5 53 {
    delay_loop 2
    lvs_sched sh
    sh-port
    lvs_method TUN
    protocol UDP
    ops
    real_server 127.0.0.2 53 {
        MISC_CHECK {
            misc_path \"/usr/bin/true a\"
            misc_timeout 3
            misc_dynamic
            warmup 0
        }
        UDP_CHECK {
            payload 0102
            require_reply 03
            min_reply_length 1
            max_reply_length 5
            warmup 0
            retry 0
        }
    }
    real_server 127.0.0.3 53 {
        DNS_CHECK {
            type A
            name example.com
            warmup 0
            retry 0
        }
        SMTP_CHECK {
            helo_name me
            warmup 0
            retry 0
        }
    }
}
virtual_server fwmark 5 {
    lvs_sched rr
    lvs_method DR
    real_server 127.0.0.2 {
    }
}
";

/// What only one of both has: `docs/differences.md`.
const LEFT_OUT: [&str; 21] = [
    "libnftnl version",
    "umask = ",
    "current realtime",
    // What a block has of its own, which vipd shows with the checks.
    "connection timeout = ",
    "delay_loop = ",
    "Delay loop = ",
    "Retry count = ",
    "Retry delay = ",
    "Warmup = ",
    "Default delay before retry = ",
    "default forwarding method = ",
    // keepalived's own.
    "reloaded = ",
    "previous effective_weight = ",
    "Alive: ",
    "Last ",
    "Regex ref count = ",
    "Retries iterations = ",
    "Gratuitous ARP lower priority",
    "Failed URL = ",
    "Virtualhost = ",
    "Password : ",
];

fn comparable(text: &str) -> String {
    let is_shown = |line: &&str| !LEFT_OUT.iter().any(|start| line.trim_start().starts_with(start));
    let mut lines: Vec<&str> = text.lines().filter(is_shown).collect();
    // keepalived's virtual servers have one, too.
    let of_services: Vec<usize> = (1..lines.len())
        .filter(|n| lines[*n].starts_with("   quorum_state_up") && lines[n - 1].starts_with("   alive = "))
        .collect();
    for n in of_services.into_iter().rev() {
        lines.remove(n - 1);
    }
    lines.join("\n")
}

fn web(client: TcpStream) {
    let mut lines = BufReader::new(&client).lines().map_while(Result::ok);
    let asked = lines.next().unwrap_or_default();
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    let status = if asked.contains("/bad") { "500 Broken" } else { "200 OK" };
    let _ = write!(&client, "HTTP/1.0 {status}\r\n\r\nhello");
}

fn data(lab: &Lab) {
    let host = director(lab);
    let listener = host.enter(|| TcpListener::bind("0.0.0.0:1080")).expect("listen");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || web(client));
        }
    });
    let daemons: [(&str, &[&str]); 2] =
        [("keepalived", &["keepalived", "-C"]), ("vipd", &[VIPD, "run", "-C"])];
    let [theirs, ours] = daemons.map(|(name, line)| {
        let (process, folder) = start_in_folder(&host, name, line, CONFIG);
        let file = folder.join("keepalived_check.data");
        // All have run, and it is known how they are: up are a page, an echo, and a program.
        let settled = |text: &str| {
            let all = text.matches("   Keepalive method = ").count();
            let up = text.matches("   Up = yes").count();
            (all, text.matches("   Has run = yes").count(), up) == (8, 8, 3)
        };
        let text = wait_for("all checks to have run", LIMIT * 2, || {
            process.signal(Signal::SIGUSR1);
            let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            if settled(&text) { Ok(text) } else { Err(text) }
        });
        process.signal(Signal::SIGTERM);
        process.wait_exit(LIMIT);
        assert!(process.log().contains("Printing checker data for process("), "{}", process.log());
        assert!(name == "keepalived" || !text.contains("secret"), "{text}");
        comparable(&text)
    });
    let difference = similar::TextDiff::from_lines(&theirs, &ours);
    assert!(theirs == ours, "keepalived - and vipd +\n{}", difference.unified_diff());
}
