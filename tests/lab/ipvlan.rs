//! `use_ipvlan`, with keepalived and with vipd: not every kernel has ipvlan, the lab's has.

use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::{Capture, Director, Host, Lab, Test, wait_for};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

type Story = fn(&Lab, Implementation);

pub(crate) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 2] =
        [("an_ipvlan_speaks_for_the_instance", ipv4), ("an_ipvlan_over_ipv6", ipv6)];
    let both = [Keepalived, Vipd].into_iter().flat_map(|program| both.map(|story| (program, story)));
    let both = both.map(|(program, (name, story))| {
        Test::new(format!("ipvlan::{program}::{name}"), move |lab: &Lab| story(lab, program))
    });
    let ours = [Test::new("ipvlan::an_ipvlan_that_was_taken_is_made_again", taken)];
    both.chain(ours).collect()
}

fn config(ipvlan: &str, address: &str, more: &str) -> String {
    format!(
        "vrrp_instance VI {{\n  interface eth0\n  virtual_router_id 51\n  priority 150\n  use_ipvlan {ipvlan}\n  {more}\n  \
         virtual_ipaddress {{\n    {address}\n  }}\n}}\n"
    )
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

/// Waits until an interface shows all of this, with its details.
#[track_caller]
fn shows(host: &Host, interface: &str, all: &[&str]) {
    wait_for(format_args!("{interface} on {}: {all:?}", host.name()), LIMIT, || {
        let shown = host.try_run(&format!("ip -d address show dev {interface}")).unwrap_or_default();
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        if all.iter().all(|text| shown.contains(text)) { Ok(()) } else { Err(shown) }
    });
}

#[track_caller]
fn gone(host: &Host, interface: &str) {
    wait_for(format_args!("{interface} is gone"), LIMIT, || {
        let shown = host.run("ip -o link");
        if shown.contains(interface) { Err(shown) } else { Ok(()) }
    });
}

fn ipv4(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let capture = Capture::start(&two);
    for (mode, shown) in [("", "bridge"), ("private", "private"), ("vepa", "vepa")] {
        let director =
            start(program, &one, &config(&format!("ipv51 10.0.0.51/24 {mode}"), "10.0.0.100/24", ""));
        shows(&one, "ipv51", &["ipv51@eth0", "UP", &format!("ipvlan mode l2 {shown}"), "inet 10.0.0.51/24"]);
        // Addresses stay where the instance has its interface.
        shows(&one, "eth0", &["inet 10.0.0.100/24"]);
        assert_eq!(one.run("cat /proc/sys/net/ipv6/conf/ipv51/disable_ipv6").trim(), "1");
        capture.wait_advert("an advert of the ipvlan", Duration::ZERO, LIMIT, |advert| {
            advert.source.to_string() == "10.0.0.51" && advert.priority == 150
        });
        director.terminate();
        gone(&one, "ipv51");
    }
}

fn ipv6(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let address = "fe80::100/64\n    2001:db8::100/64";
    let director = start(program, &one, &config("ipv51 fe80::51/64", address, ""));
    shows(&one, "ipv51", &["ipvlan mode l2", "inet6 fe80::51/64"]);
    shows(&one, "eth0", &["inet6 2001:db8::100/64"]);
    director.terminate();
    gone(&one, "ipv51");
}

fn taken(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(Vipd, &one, &config("10.0.0.51/24 private", "10.0.0.100/24", ""));
    let all = ["ipvlan mode l2 private", "inet 10.0.0.51/24"];
    shows(&one, "vrrp.51", &all);
    shows(&one, "eth0", &["inet 10.0.0.100/24"]);
    one.run("ip link del vrrp.51");
    shows(&one, "vrrp.51", &all);
    shows(&one, "eth0", &["inet 10.0.0.100/24"]);
    director.terminate();
    gone(&one, "vrrp.51");
}
