//! `vipd garp`: what neighbours learn from it, and what it finds out before.

use super::VIPD;
use super::support::{Capture, Host, Lab, Test, wait_for};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("garp::neighbours_learn_the_new_place", neighbours),
        Test::new("garp::neighbours_learn_over_ipv6", neighbours_v6),
        Test::new("garp::the_command_lines_of_others", others),
        Test::new("garp::an_address_in_use_is_found", in_use),
        Test::new("garp::what_is_wrong_is_said", wrong),
    ]
}

fn vipd(host: &Host, arguments: &str) -> (i32, String) {
    let output =
        host.command(VIPD).arg("garp").args(arguments.split_whitespace()).output().expect("run vipd");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// `three` has the address of `one` in its table; `two` takes the address and says so.
fn neighbours(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let three = lab.host("three", "10.0.0.3/24");
    one.run("ip address add 10.0.0.100/24 dev eth0");
    three.run("ping -c 1 -W 5 10.0.0.100");
    assert_eq!(three.neighbour("10.0.0.100"), Some(one.mac().to_string()));
    one.run("ip address del 10.0.0.100/24 dev eth0");
    two.run("ip address add 10.0.0.100/24 dev eth0");
    // The kernel believes an entry that was made a moment ago for a second.
    let (status, said) = vipd(&two, "--count 8 10.0.0.100");
    assert_eq!(
        (status, &*said),
        (0, &*format!("10.0.0.100 is at {}, announced 8 times on eth0\n", two.mac()))
    );
    wait_for("the new place", LIMIT, || {
        let known = three.neighbour("10.0.0.100");
        if known == Some(two.mac().to_string()) { Ok(()) } else { Err(format!("{known:?}")) }
    });
}

fn neighbours_v6(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let three = lab.host("three", "10.0.0.3/24");
    for (host, n) in [(&one, 100), (&three, 3)] {
        host.run(&format!("ip address add 2001:db8::{n}/64 dev eth0 nodad"));
    }
    three.run("ping -c 1 -W 5 2001:db8::100");
    one.run("ip address del 2001:db8::100/64 dev eth0");
    two.run("ip address add 2001:db8::100/64 dev eth0 nodad");
    assert_eq!(vipd(&two, "-q 2001:db8::100"), (0, String::new()));
    wait_for("the new place", LIMIT, || {
        let shown = three.run("ip -6 neighbour show to 2001:db8::100");
        if shown.contains(&two.mac().to_string()) { Ok(()) } else { Err(shown) }
    });
}

/// The lines that stand in people's scripts, and what leaves.
fn others(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.run("ip address add 10.0.0.100/24 dev eth0");
    let lines = [
        // The first send_arp names no interface: it is that of the address.
        (
            "10.0.0.100 0250BA123456 255.255.255.255 FFFFFFFFFFFF -c 1",
            "02:50:ba:12:34:56",
            2,
            "255.255.255.255",
        ),
        ("-i 100 -r 1 -p PID eth0 10.0.0.100 auto 10.0.0.255 ffffffffffff", "", 1, "10.0.0.100"),
        ("-U -c 1 -I eth0 -s 10.0.0.100 10.0.0.254", "", 1, "10.0.0.254"),
        ("-A -c 1 -I eth0 10.0.0.100", "", 2, "10.0.0.100"),
    ];
    for (line, mac, operation, target) in lines {
        let capture = Capture::start(&one);
        let line = line.replace("PID", &one.file("pid").display().to_string());
        let (status, said) = vipd(&one, &line);
        assert_eq!(status, 0, "{line}: {said}");
        let arp = wait_for(format_args!("what `{line}` sends"), LIMIT, || {
            capture.frames().iter().find_map(|frame| frame.arp()).ok_or_else(String::new)
        });
        let mac = if mac.is_empty() { one.mac().to_string() } else { mac.to_owned() };
        assert_eq!(arp.operation, operation, "{line}");
        assert_eq!(
            (arp.sender.to_string(), arp.sender_mac.to_string()),
            ("10.0.0.100".to_owned(), mac),
            "{line}"
        );
        assert_eq!(arp.target.to_string(), target, "{line}");
        assert!(!one.file("pid").exists());
    }
}

fn in_use(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    for host in [&one, &two] {
        host.run("ip address add 2001:db8::100/64 dev eth0 nodad");
        host.run("ip address add 10.0.0.100/24 dev eth0");
    }
    for address in ["10.0.0.100", "2001:db8::100"] {
        let capture = Capture::start(&two);
        let (status, said) = vipd(&one, &format!("--check -I eth0 {address}"));
        assert_eq!((status, &*said), (1, &*format!("{address} belongs to {} on eth0\n", two.mac())));
        assert!(capture.gratuitous_arps().is_empty(), "nothing is announced then");
    }
    let (status, said) = vipd(&one, "-D -I eth0 10.0.0.77 2001:db8::77");
    let expected = "nobody else has 10.0.0.77 on eth0\nnobody else has 2001:db8::77 on eth0\n";
    assert_eq!((status, &*said), (0, expected));
}

fn wrong(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    for (line, expected) in [
        ("10.0.0.9", "no interface has 10.0.0.9: name one with -I"),
        ("-I eth7 10.0.0.9", "there is no interface eth7"),
        ("-I lo 127.0.0.1", "interface lo is down"),
        ("10.0.0.999", "`10.0.0.999` is no IP address (write 192.0.2.9 or 2001:db8::9)"),
    ] {
        if line.contains("lo ") {
            one.run("ip link set lo down");
        }
        let (status, said) = vipd(&one, line);
        assert_eq!((status, said.trim_end()), (2, expected), "{line}");
    }
    let (status, said) = vipd(&one, "-c 1 -I eth0 10.0.0.9");
    assert_eq!(status, 0);
    assert!(said.contains("warning: eth0 does not have 10.0.0.9"), "{said}");
}
