//! Two directors in front of two servers: read traffic of a MySQL cluster, balanced by direct routing.
//!
//! ```text
//!   client .10      director .201     director .202
//!      |                 |  eth0           |  eth0       VIPs .230, .119 on one of them
//!   ---+--------+--------+--------+--------+---          192.168.219.0/24
//!               |                 |
//!         server .111        server .112                 VIP .119 on lo of both
//! ```

use super::client::Client;
use super::director::{Director, Implementation};
use super::helper;
use super::host::{Host, Lab};
use super::ipvs::Table;
use super::process::Process;
use super::wait::wait_for;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

/// The shipped example, which is the first director's configuration.
const EXAMPLE: &str = include_str!("../../../examples/keepalived.conf");

/// A variation of the example: a director's configuration with what tests change in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) priority: u8,
    pub(crate) addresses: Vec<&'static str>,
    pub(crate) servers: Vec<(&'static str, u32)>,
}

impl Config {
    pub(crate) fn with_priority(priority: u8) -> Self {
        Self {
            priority,
            addresses: vec!["192.168.219.230/24", "192.168.219.119/24"],
            servers: vec![("192.168.219.111", 1), ("192.168.219.112", 1)],
        }
    }

    /// The text for the daemon.
    pub(crate) fn text(&self) -> String {
        let mut text = self.vrrp();
        text.push_str(
            "virtual_server_group MYSQL100 {\n    192.168.219.119 3306\n}\n\
             virtual_server group MYSQL100 {\n    delay_loop 3\n    lvs_sched rr\n    lvs_method DR\n    protocol TCP\n",
        );
        for (address, weight) in &self.servers {
            let _ = write!(
                text,
                "    real_server {address} 3306 {{\n        weight {weight}\n        inhibit_on_failure\n\
                 \x20       TCP_CHECK {{\n            connect_port 3306\n            connect_timeout 3\n        }}\n    }}\n",
            );
        }
        text + "}\n"
    }

    /// Only the virtual router.
    pub(crate) fn vrrp(&self) -> String {
        let mut text = format!(
            "vrrp_instance VI {{\n    state BACKUP\n    interface eth0\n    garp_master_delay 5\n    virtual_router_id 230\n    \
             priority {}\n    advert_int 1\n    authentication {{\n        auth_type PASS\n        auth_pass himitsu\n    }}\n    \
             virtual_ipaddress {{\n",
            self.priority,
        );
        for address in &self.addresses {
            let _ = writeln!(text, "        {address} dev eth0");
        }
        text + "    }\n}\n"
    }
}

/// A server that answers with its own name, and has the service's address for direct routing.
#[derive(Debug)]
pub(crate) struct RealServer {
    host: Host,
    process: Mutex<Option<Process>>,
}

impl RealServer {
    #[track_caller]
    pub(crate) fn start(host: Host, vip: &str) -> Self {
        // RFC 826 would have it answer for the address on lo too: these two keep it silent.
        host.sysctl("ipv4.conf.all.arp_ignore", "1");
        host.sysctl("ipv4.conf.all.arp_announce", "2");
        host.run(&format!("ip address add {vip}/32 dev lo"));
        let server = Self { host, process: Mutex::default() };
        server.restart();
        server
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Kills its process, if it runs: connections to its port are refused.
    pub(crate) fn kill(&self) {
        *self.process.lock().expect("no panic while held") = None;
    }

    #[track_caller]
    pub(crate) fn restart(&self) {
        self.kill();
        let (program, arguments) = helper::command_line(self.host.name(), "0.0.0.0:3306");
        let process = self.host.start("server", self.host.command(program).args(arguments));
        *self.process.lock().expect("no panic while held") = Some(process);
        wait_for(format_args!("{} to listen", self.host.name()), Duration::from_secs(10), || {
            let listening = self.host.try_run("ss -Hltn sport = :3306")?;
            if listening.is_empty() { Err("no socket at port 3306".to_owned()) } else { Ok(()) }
        });
    }
}

/// The network of the picture above, with servers that run and directors that do not yet.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) client: Client,
    pub(crate) directors: [Host; 2],
    pub(crate) servers: [RealServer; 2],
    vipd: PathBuf,
}

impl Scenario {
    /// The address of the service.
    pub(crate) const VIP: &'static str = "192.168.219.119";
    /// The other address that moves with it.
    pub(crate) const OTHER_VIP: &'static str = "192.168.219.230";
    pub(crate) const VIPS: [&'static str; 2] = [Self::VIP, Self::OTHER_VIP];
    pub(crate) const SERVICE: &'static str = "192.168.219.119:3306";
    pub(crate) const SERVERS: [&'static str; 2] = ["192.168.219.111:3306", "192.168.219.112:3306"];
    pub(crate) const PRIORITIES: [u8; 2] = [150, 100];
    pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs(3);
    /// A master that is gone is missed after three intervals and the skew, four seconds at most. The rest is for the
    /// start of the daemons, many at once on an emulated machine.
    pub(crate) const FAILOVER_LIMIT: Duration = Duration::from_secs(60);

    /// Builds it; `vipd` is the program under test.
    #[track_caller]
    pub(crate) fn build(lab: &Lab, vipd: impl Into<PathBuf>) -> Self {
        let server = |name, address| RealServer::start(lab.host(name, address), Self::VIP);
        Self {
            client: Client::new(&lab.host("client", "192.168.219.10/24")),
            directors: [
                lab.host("director1", "192.168.219.201/24"),
                lab.host("director2", "192.168.219.202/24"),
            ],
            servers: [server("server1", "192.168.219.111/24"), server("server2", "192.168.219.112/24")],
            vipd: vipd.into(),
        }
    }

    pub(crate) fn service() -> SocketAddr {
        Self::SERVICE.parse().expect("an address")
    }

    /// Starts a director on host 0 or 1 as the example says: on the second one it has another priority.
    #[track_caller]
    pub(crate) fn start(&self, which: usize, implementation: Implementation) -> Director {
        let [first, own] = [0, which].map(|which| format!("\n    priority {}\n", Self::PRIORITIES[which]));
        assert_eq!(EXAMPLE.matches(&first).count(), 1, "the example's priority");
        self.start_with(which, implementation, &EXAMPLE.replace(&first, &own), &[])
    }

    #[track_caller]
    pub(crate) fn start_with(
        &self,
        which: usize,
        implementation: Implementation,
        config: &str,
        more: &[&str],
    ) -> Director {
        Director::start(implementation, &self.directors[which], &self.vipd, config, more)
    }

    /// Waits until host `which` has both addresses and the other one none of them.
    #[track_caller]
    pub(crate) fn wait_master(&self, which: usize) {
        self.wait_addresses(which, true);
        self.wait_addresses(1 - which, false);
    }

    /// Waits until host `which` has both addresses, or none of them.
    #[track_caller]
    pub(crate) fn wait_addresses(&self, which: usize, both: bool) {
        let host = &self.directors[which];
        let wanted = if both { "both virtual addresses" } else { "no virtual address" };
        wait_for(format_args!("{} to have {wanted}", host.name()), Self::FAILOVER_LIMIT, || {
            let addresses = host.addresses();
            let has = |vip| addresses.contains(&format!("{vip}/24"));
            let held = Self::VIPS.map(has);
            if held == [both; 2] { Ok(()) } else { Err(format!("{addresses:?}")) }
        });
    }

    /// Makes the client know both addresses, as one that used them has them in its neighbour table.
    #[track_caller]
    pub(crate) fn learn_addresses(&self) {
        for vip in Self::VIPS {
            self.client.host().run(&format!("ping -c 1 -W 5 {vip}"));
        }
    }

    /// Waits until the client's neighbour table has both addresses at host `which`.
    #[track_caller]
    pub(crate) fn wait_neighbours(&self, which: usize) {
        let host = &self.directors[which];
        let wanted = host.mac().to_string();
        wait_for(
            format_args!("the client to see both addresses at {}", host.name()),
            Self::FAILOVER_LIMIT,
            || {
                let seen = Self::VIPS.map(|vip| self.client.host().neighbour(vip));
                if seen.iter().flatten().filter(|mac| **mac == wanted).count() == 2 {
                    Ok(())
                } else {
                    Err(format!("{seen:?}, and {wanted} is wanted"))
                }
            },
        );
    }

    /// Waits until the table of host `which` gives both servers these weights.
    #[track_caller]
    pub(crate) fn wait_weights(&self, which: usize, weights: [u32; 2], limit: Duration) {
        let host = &self.directors[which];
        wait_for(format_args!("weights {weights:?} on {}", host.name()), limit, || {
            let table = Table::of(host)?;
            let seen = Self::SERVERS.map(|server| table.weight(Self::SERVICE, server));
            if seen == weights.map(Some) { Ok(()) } else { Err(table.to_string()) }
        });
    }

    /// Waits until host `which` has nothing of the set-up: no virtual address, no entry of the table.
    #[track_caller]
    pub(crate) fn wait_clean(&self, which: usize) {
        self.wait_addresses(which, false);
        let host = &self.directors[which];
        wait_for(format_args!("{}'s table to be empty", host.name()), Duration::ZERO, || {
            let table = Table::of(host)?;
            if table.is_empty() { Ok(()) } else { Err(table.to_string()) }
        });
    }

    /// How many of `count` requests each server answered.
    #[track_caller]
    pub(crate) fn requests(&self, count: usize) -> [usize; 2] {
        let mut answered = [0; 2];
        for _ in 0..count {
            let name =
                self.client.request(Self::service()).unwrap_or_else(|error| panic!("a request: {error}"));
            let which = self.servers.iter().position(|server| server.host().name() == name);
            answered[which.unwrap_or_else(|| panic!("the answer {name:?} is of no server"))] += 1;
        }
        answered
    }
}
